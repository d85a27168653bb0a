//! Expected gradients.

use burn::tensor::TensorData;
use burn_backend::Backend;

use super::background::Background;
use super::copies::Copies;
use super::noise::Noise;
use super::progress::{Listener, Progress};
use super::score::{Score, add_scaled};
use super::{Attribution, Attributor, Lrp};
use crate::Value;
use crate::composite::gradient;
use crate::error::{AttributorError, ExplainError};
use crate::model::{Input, Inputs, Model, Target};

/// GradientSHAP, also called expected gradients: `R_i = E[(x_i - b_i) df/dx_i (b + a (x - b))]` over baselines `b` of a
/// background set and `a` uniform in `[0, 1]`, estimated by draws.
///
/// The expectation adds up to `f(x) - mean f(b)`: it is integrated gradients averaged over baselines.
/// [`Attribution::convergence_delta`] says how far the draws are from that. The first draws take every background
/// sample once, in turn, before one comes again, which narrows the error; each has an `a` of its own. Draws come from
/// the host, one stream per sample of the batch, so an explanation does not depend on what else is in the batch.
///
/// What it cannot tell: like all of its kin it is about these baselines; and the error of few draws falls with their
/// square root only.
///
/// Lundberg, Lee, NeurIPS 2017, arXiv 1705.07874; Erion et al., "Improving performance of deep learning models with
/// axiomatic attribution priors and expected gradients", Nature Machine Intelligence 3:620-631, 2021.
#[derive(Debug, Clone)]
pub struct GradientShap<B: Backend> {
    gradient: Lrp<B>,
    background: Inputs<B>,
    draws: usize,
    seed: u64,
    largest_batch: usize,
    listener: Listener,
}

/// One gradient: for each sample of the batch, which background sample it starts from and how far it goes.
pub(super) type Draw = Vec<(usize, f64)>;

impl<B: Backend> GradientShap<B> {
    /// Expected gradients of `model` with the samples of `background`, `[samples, ..]` for each explained input: 50
    /// draws, seed 0, one draw per run.
    pub fn new(model: &Model<B>, background: impl Into<Inputs<B>>) -> Self {
        Self {
            gradient: Lrp::new(&model.unmerged(), gradient()),
            background: background.into(),
            draws: 50,
            seed: 0,
            largest_batch: 1,
            listener: Listener::default(),
        }
    }

    /// Number of gradients, 1 or more.
    pub fn with_draws(self, draws: usize) -> Self {
        Self { draws, ..self }
    }

    /// What baselines and places are drawn from.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// How many samples go through the model at once, 1 or more, which bounds the memory: as many draws are made in
    /// one run as their copies of the batch fit, and at least one.
    pub fn with_largest_batch(self, samples: usize) -> Self {
        Self { largest_batch: samples, ..self }
    }

    /// Calls `listen` after every run of the model, counting draws.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// Draws for a batch: the background samples in an order of each sample's own, over and over.
    fn draw(&self, batch: usize, background: usize) -> impl Iterator<Item = Draw> + use<B> {
        let mut noise = Noise::new(self.seed, 0, batch);
        let orders: Vec<_> = noise.draw_uniform(background).chunks(background).map(ascending).collect();
        (0..self.draws).map(move |place| {
            let ways = noise.draw_uniform(1);
            orders.iter().zip(ways).map(|(order, way)| (order[place % background], way)).collect()
        })
    }

    /// As [`attribute`](Attributor::attribute), with draws of your own instead of the seed's: for each gradient and
    /// each sample of the batch, which background sample it starts from, counted from 0, and how far it goes to the
    /// input, from 0 to 1.
    ///
    /// # Errors
    /// [`AttributorError::Parameter`] for no draws, or draws for another number of samples or background samples;
    /// else as [`attribute`](Attributor::attribute).
    pub fn attribute_with_draws(
        &self,
        inputs: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
        draws: &[Draw],
    ) -> Result<Attribution<B>, ExplainError> {
        let refuse =
            |value, range| Err(AttributorError::Parameter { parameter: "draws", value, range }.into());
        self.average(&inputs.into(), &target.into(), draws.len(), |batch, background| {
            if let Some(draw) = draws.iter().find(|draw| draw.len() != batch) {
                return refuse(draw.len() as f64, "one for each sample of the batch");
            }
            for (sample, way) in draws.iter().flatten() {
                if *sample >= background {
                    return refuse(*sample as f64, "a sample of the background");
                }
                if !(0.0..=1.0).contains(way) {
                    return refuse(*way, "from 0, the baseline, to 1, the input");
                }
            }
            Ok(draws.iter().cloned())
        })
    }

    /// The mean over `total` draws, those that `draw` makes for a batch and a number of background samples.
    fn average<D: Iterator<Item = Draw>>(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
        total: usize,
        draw: impl FnOnce(usize, usize) -> Result<D, ExplainError>,
    ) -> Result<Attribution<B>, ExplainError> {
        let progress = self.listener.begin();
        let (model, place) = (self.gradient.model(), target.output());
        let inputs = &model.embed(inputs, place)?;
        let background = Background::new(model, &self.background, inputs, place)?;
        let graph = model.graph(inputs.clone(), place)?;
        let output = model.run_forward(&graph, inputs, place)?;
        let score = Score::of(target, &graph, &output)?;
        let explained: Vec<_> = inputs.explained().map(|(_, x)| x.clone()).collect();
        let batch = inputs.batch().unwrap_or(1);
        if explained.iter().any(|x| x.dims()[0] != batch) || score.dims()[0] != batch {
            let inputs = explained.iter().map(Value::dims).collect();
            return Err(AttributorError::Batch { inputs, scores: score.dims()[0] }.into());
        }
        let draws = draw(batch, background.count())?;
        if total == 0 {
            let (parameter, range) = ("draws", "1 or more");
            return Err(AttributorError::Parameter { parameter, value: 0.0, range }.into());
        }
        let share = 1.0 / total as f64;

        let points = draws.map(|draw| {
            let (samples, ways): (Vec<_>, Vec<_>) = draw.into_iter().unzip();
            let baselines = background.rows(&samples);
            let differences: Vec<_> =
                explained.iter().zip(&baselines).map(|(x, baseline)| x - baseline).collect();
            let point = differences.iter().zip(baselines).map(|(difference, baseline)| {
                let mut dims = vec![1; difference.rank()];
                dims[0] = ways.len();
                let data = TensorData::new(ways.clone(), dims).convert_dtype(difference.dtype());
                difference * Value::from_data(data, &difference.device()) + baseline
            });
            (point.collect(), inputs.with_explained(differences))
        });
        let copies = Copies::new(&self.gradient, inputs, place, &score, self.largest_batch)?;
        let mut sum = None;
        copies.each(
            points,
            |gradients, differences| {
                let terms =
                    gradients.into_iter().zip(differences.floats()).map(|(gradient, way)| gradient * way);
                sum = add_scaled(sum.take(), terms.collect(), share);
            },
            |done| progress.tell(done, total),
        )?;
        // Fixed inputs are on no way.
        let is_fixed = |input: &Input<B>| matches!(input, Input::Fixed(_));
        let is_fixed = inputs.iter().flat_map(|input| vec![is_fixed(input); input.floats().len()]);
        let relevance = sum.unwrap_or_default().into_iter().zip(is_fixed);
        let relevance =
            relevance.map(|(sum, is_fixed)| if is_fixed { sum.full_like(&sum.dims(), 0.0) } else { sum });

        let mut differences = score.read(&output)?;
        for sample in 0..background.count() {
            let baselines = inputs.with_explained(background.baselines(sample, inputs));
            let scores = score.read(&model.output(baselines, place)?)?;
            let share = 1.0 / background.count() as f64;
            differences.iter_mut().zip(scores).for_each(|(difference, score)| *difference -= share * score);
        }
        score.attribution(inputs, relevance.collect(), output)?.without_saturation().with_delta(&differences)
    }
}

/// Places from the lowest number to the highest.
fn ascending(numbers: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..numbers.len()).collect();
    places.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
    places
}

impl<B: Backend> Attributor<B> for GradientShap<B> {
    fn name(&self) -> &str {
        "GradientSHAP"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        self.average(inputs, target, self.draws, |batch, background| Ok(self.draw(batch, background)))
    }
}
