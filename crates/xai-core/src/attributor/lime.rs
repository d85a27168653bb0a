//! A linear model of the score near the input.

use burn_backend::Backend;

use super::game::{Settings, settings};
use super::least_squares::LeastSquares;
use super::noise::{stream, uniform};
use super::{Attribution, Attributor, Baseline, Listener, PerInput, Progress, Regions};
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};

/// LIME: the coefficients of a linear model that has the score near the input.
///
/// In each perturbation `z` in `{0, 1}^n`, every one of the `n` regions is replaced by a baseline with probability
/// 1/2. The model is a ridge regression of the score on `z`, in which perturbations near the input count more:
///
/// ```text
/// min_{c, c_0}  sum_z k(z) (f(z) - c_0 - c . z)^2 + alpha |c|^2
/// k(z) = exp(-d(z)^2 / sigma^2)      d(z) = 1 - cos(z, (1, .., 1)) = 1 - sqrt(|z|_1 / n)
/// ```
///
/// The input itself, which costs no run, is one of them; `d(0) = 1`. Every element has the coefficient of its
/// region as a whole, however large the region is, for coefficients do not add up to the score; the relevance of a
/// token id is the coefficient of the region that holds it. The regions of several explained inputs are in one model.
///
/// The cost: one forward run of the batch per perturbation, several at once up to
/// [`with_largest_batch`](Self::with_largest_batch), and on the host a system of `n + 1` equations for each sample,
/// of at most 2048 regions. So images need regions: a grid, or segments. The model is only run forward, so it
/// may have operations that no layer stands for.
///
/// Ribeiro, Singh, Guestrin, "Why Should I Trust You? Explaining the Predictions of Any Classifier", KDD 2016.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{Attributor, Lime};
/// # use xai_core::model::Model;
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// let method = Lime::new(&model).with_samples(200).with_seed(7);
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// println!("{}", method.attribute(x, 1)?.relevance::<2>()?);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lime<B: Backend> {
    settings: Settings<B>,
    samples: usize,
    sigma: f64,
    alpha: f64,
    seed: u64,
}

impl<B: Backend> Lime<B> {
    /// LIME of every element by itself, with a baseline of 0, 1000 samples, a kernel width of 0.25, a ridge of 1, and
    /// seed 0.
    pub fn new(model: &Model<B>) -> Self {
        Self { settings: Settings::new(model), samples: 1000, sigma: 0.25, alpha: 1.0, seed: 0 }
    }

    /// How many perturbations are tried for each sample of the batch, 1 or more.
    pub fn with_samples(self, samples: usize) -> Self {
        Self { samples, ..self }
    }

    /// `sigma`, finite and more than 0: how far from the input perturbations count.
    pub fn with_kernel_width(self, sigma: f64) -> Self {
        Self { sigma, ..self }
    }

    /// `alpha`, finite and 0 or more: how much coefficients are drawn to 0. Without it, there must be more
    /// perturbations than regions.
    pub fn with_ridge(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }

    /// Where perturbations are drawn from: one ChaCha8 stream for each sample of the batch, so that the others of
    /// the batch do not matter.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    fn check(&self) -> Result<(), AttributorError> {
        let refuse = |parameter, value, range| Err(AttributorError::Parameter { parameter, value, range });
        match () {
            () if self.samples == 0 => refuse("samples", 0.0, "1 or more"),
            () if !(self.sigma > 0.0 && self.sigma.is_finite()) => {
                refuse("kernel_width", self.sigma, "finite and more than 0")
            }
            () if !(self.alpha >= 0.0 && self.alpha.is_finite()) => {
                refuse("ridge", self.alpha, "finite and 0 or more")
            }
            () => Ok(()),
        }
    }

    /// `k(z)`.
    fn weight(&self, shown: &[bool]) -> f64 {
        let share = shown.iter().filter(|shown| **shown).count() as f64 / shown.len().max(1) as f64;
        (-((1.0 - share.sqrt()) / self.sigma).powi(2)).exp()
    }
}

settings!(Lime);

impl<B: Backend> Attributor<B> for Lime<B> {
    fn name(&self) -> &str {
        "LIME"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let progress = self.settings.listener.begin();
        self.check()?;
        let game = self.settings.game(inputs, target)?;
        let players = game.few_players()?;
        let mut streams: Vec<_> = (0..players.len()).map(|sample| stream(self.seed, 0, sample)).collect();
        let mut fits: Vec<_> = players.iter().map(|players| LeastSquares::new(players + 1)).collect();
        let mut add = |sample: usize, shown: &[bool], score: f64| {
            let row: Vec<_> = shown.iter().map(|&shown| f64::from(u8::from(shown))).chain([1.0]).collect();
            fits[sample].add(&row, score, self.weight(shown));
        };
        for (sample, &score) in game.scores().iter().enumerate() {
            add(sample, &vec![true; players[sample]], score);
        }
        let draw = |_, sample: usize| {
            let rng = &mut streams[sample];
            Some((0..players[sample]).map(|_| uniform(rng) < 0.5).collect())
        };
        game.play(self.samples, &progress, draw, add)?;
        let mut values = Vec::with_capacity(fits.len());
        for (sample, mut fit) in fits.into_iter().enumerate() {
            let (samples, regions) = (self.samples, players[sample]);
            fit.add_ridge(self.alpha, regions);
            let mut coefficients =
                fit.solve().ok_or(AttributorError::Undetermined { samples, regions, sample })?;
            coefficients.truncate(regions);
            values.push(coefficients);
        }
        game.attribution(values, false)
    }
}
