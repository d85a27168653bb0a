//! Score drops when regions of the input are hidden one by one.

use burn_backend::Backend;

use super::game::{Settings, settings};
use super::{Attribution, Attributor, Baseline, Listener, PerInput, Progress, Regions};
use crate::error::ExplainError;
use crate::model::{Inputs, Model, Target};

/// Feature ablation: how much the score drops when a region of the input is replaced by a baseline.
///
/// Every element of a region has `R = f(x) - f(x with the region hidden)`: the drop as a whole, however large
/// the region is. The relevance of a token id is the drop of the region that holds it. With several
/// explained inputs, a region is a part of one of them.
///
/// One forward run of the batch per region, several at once up to
/// [`with_largest_batch`](Self::with_largest_batch). The model is only run forward, so it may have operations
/// that no layer stands for. [`Occlusion`](super::Occlusion) has boxes that may overlap.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::{Int, Tensor};
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{Attributor, FeatureAblation};
/// # use xai_core::model::Model;
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// let segments = Tensor::<Flex, 2, Int>::from_ints([[0, 0, 1, 1]], &device);
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let attribution = FeatureAblation::new(&model).with_regions(segments).attribute(x, 1)?;
/// println!("{:?}", attribution.relevance_of_regions());
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FeatureAblation<B: Backend> {
    settings: Settings<B>,
}

impl<B: Backend> FeatureAblation<B> {
    /// Ablation of every element by itself, with a baseline of 0.
    pub fn new(model: &Model<B>) -> Self {
        Self { settings: Settings::new(model) }
    }
}

settings!(FeatureAblation);

impl<B: Backend> Attributor<B> for FeatureAblation<B> {
    fn name(&self) -> &str {
        "feature ablation"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let progress = self.settings.listener.begin();
        let game = self.settings.game(inputs, target)?;
        let players = game.players();
        let mut drops: Vec<_> = players.iter().map(|players| Vec::with_capacity(*players)).collect();
        let all_but = |round: usize, sample: usize| {
            (round < players[sample]).then(|| (0..players[sample]).map(|player| player != round).collect())
        };
        let rounds = players.iter().copied().max().unwrap_or(0);
        game.play(rounds, &progress, all_but, |sample, _, score| {
            drops[sample].push(game.scores()[sample] - score);
        })?;
        game.attribution(drops, false)
    }
}
