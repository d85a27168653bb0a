//! How well relevance predicts what a perturbation of the input does to the score.

use burn_backend::Backend;

use super::scored::{Elements, Scored, at_least_one, of_sample};
use super::{Explained, Metric, Perturbation};
use crate::attributor::{Baseline, Call, Listener, PerInput, Progress};
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};

/// Infidelity: the mean over perturbations `I` of `(I . Phi - (f(x) - f(x - I)))^2` for the relevance `Phi` of
/// each sample; lower is better, and 0 is a perfect prediction.
///
/// `I . Phi` is summed over all elements of all explained inputs. That takes `Phi` for a sensitivity, the change
/// of the score per change of the element, as of [`Saliency`](crate::attributor::Saliency) and
/// [`SmoothGrad`](crate::attributor::SmoothGrad). Relevance of the other methods is a contribution, a part of
/// the score itself: see [`with_contributions`](Self::with_contributions). Scales differ as well, which
/// [`with_scaling`](Self::with_scaling) takes out. The score is that of
/// [`attributor`](crate::attributor#the-score); the model is only run forward.
///
/// Yeh, Hsieh, Suggala, Inouye, Ravikumar, "On the (In)fidelity and Sensitivity of Explanations", NeurIPS 2019,
/// arXiv 1901.09392.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{Attributor, Saliency};
/// use xai_core::evaluation::{Infidelity, Perturbation};
/// use xai_core::model::{Model, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let gradient = Saliency::new(&model).attribute(x.clone(), Target::argmax())?.relevance::<2>()?;
/// let infidelity = Infidelity::new(&model).with_perturbation(Perturbation::Gaussian(0.2));
/// // The gradient says all about a linear model.
/// assert!(infidelity.values(x, gradient, Target::argmax())?[0] < 1e-9);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Infidelity<B: Backend> {
    model: Model<B>,
    perturbation: Perturbation,
    draws: usize,
    seed: u64,
    baselines: PerInput<Baseline<B>>,
    contributions: bool,
    scaled: bool,
    largest_batch: usize,
    listener: Listener,
}

impl<B: Backend> Infidelity<B> {
    /// Infidelity for `model`: 50 draws of Gaussian noise of deviation 0.1, seed 0, a baseline of 0 for
    /// what is removed, relevance taken as a sensitivity and not scaled, at most 32 samples per run.
    pub fn new(model: &Model<B>) -> Self {
        Self {
            model: model.clone(),
            perturbation: Perturbation::Gaussian(0.1),
            draws: 50,
            seed: 0,
            baselines: PerInput::All(Baseline::default()),
            contributions: false,
            scaled: false,
            largest_batch: 32,
            listener: Listener::default(),
        }
    }

    /// How the input is perturbed.
    pub fn with_perturbation(self, perturbation: Perturbation) -> Self {
        Self { perturbation, ..self }
    }

    /// Number of perturbations, 1 or more.
    pub fn with_draws(self, draws: usize) -> Self {
        Self { draws, ..self }
    }

    /// What the perturbations are drawn from, on the host, a stream for each sample.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// What removed elements are replaced by: a finite number, or a tensor of the input's rank and of its
    /// sizes or sizes of 1.
    pub fn with_baseline(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { baselines: PerInput::All(baseline.into()), ..self }
    }

    /// One baseline for each explained input.
    pub fn with_baselines(self, baselines: impl IntoIterator<Item = impl Into<Baseline<B>>>) -> Self {
        Self { baselines: PerInput::each(baselines), ..self }
    }

    /// Takes relevance for contributions, which add up to `f(x) - f(b)` for the baseline `b`: instead of
    /// `I . Phi` it predicts `sum_i Phi_i I_i / (x_i - b_i)`, with 0 for elements that are the baseline's. For
    /// removals that is the sum of the relevance of what was removed, of elements that differ from the baseline.
    pub fn with_contributions(self) -> Self {
        Self { contributions: true, ..self }
    }

    /// Scales the relevance of each sample first by the factor that fits best, `E[a b] / E[a^2]` with what it
    /// predicts, `a`, and what happens, `b`; by 1 where it always predicts 0.
    pub fn with_scaling(self) -> Self {
        Self { scaled: true, ..self }
    }

    /// How many samples go through the model at once, 1 or more, which bounds the memory: as many
    /// perturbations are tried in one run as their copies of the batch fit, and at least one.
    pub fn with_largest_batch(self, samples: usize) -> Self {
        Self { largest_batch: samples, ..self }
    }

    /// Calls `listen` after every run of the model, counting perturbations.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// The infidelity of each sample's `relevance`, which has one tensor for each explained input, of its
    /// shape. That of a token id is shared equally by the elements of its row.
    ///
    /// # Errors
    /// [`ExplainError`]: [`AttributorError`] for unusable parameters or relevance, else as
    /// [`Attributor::attribute`](crate::attributor::Attributor::attribute).
    pub fn values(
        &self,
        inputs: impl Into<Inputs<B>>,
        relevance: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
    ) -> Result<Vec<f64>, ExplainError> {
        let progress = self.listener.begin();
        at_least_one("draws", self.draws)?;
        let scored = Scored::new(&self.model, &inputs.into(), &target.into(), self.largest_batch)?;
        let baselines = scored.baselines(&self.baselines)?;
        let mut draw = self.perturbation.draws(&scored, &baselines, self.seed)?;
        self.measure(progress, &scored, &relevance.into(), &baselines, self.draws, |_| Ok(draw()))
    }

    /// The same for perturbations of your own: for each draw what is subtracted from the input, one tensor for
    /// each explained input, of its shape, or for each lookup of a token id one of the shape of its rows.
    ///
    /// # Errors
    /// As [`values`](Self::values).
    pub fn values_with_perturbations(
        &self,
        inputs: impl Into<Inputs<B>>,
        relevance: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
        perturbations: &[Inputs<B>],
    ) -> Result<Vec<f64>, ExplainError> {
        let progress = self.listener.begin();
        at_least_one("perturbations", perturbations.len())?;
        let scored = Scored::new(&self.model, &inputs.into(), &target.into(), self.largest_batch)?;
        let baselines = scored.baselines(&self.baselines)?;
        self.measure(progress, &scored, &relevance.into(), &baselines, perturbations.len(), |draw| {
            scored.like("perturbations", &perturbations[draw].floats(), |got, expected| {
                AttributorError::Noise { got: format!("{got:?}"), expected: format!("{expected:?}") }
            })
        })
    }

    fn measure(
        &self,
        progress: Call,
        scored: &Scored<B>,
        relevance: &Inputs<B>,
        baselines: &Elements,
        draws: usize,
        mut perturbation: impl FnMut(usize) -> Result<Elements, ExplainError>,
    ) -> Result<Vec<f64>, ExplainError> {
        let (batch, original) = (scored.batch(), scored.elements()?);
        let mut slopes = scored.relevance(relevance)?;
        if self.contributions {
            for (slopes, (x, baseline)) in slopes.iter_mut().zip(original.iter().zip(baselines)) {
                for (slope, way) in slopes.iter_mut().zip(x.iter().zip(baseline).map(|(x, b)| x - b)) {
                    *slope = if way == 0.0 { 0.0 } else { *slope / way };
                }
            }
        }
        let mut predicted = Vec::new();
        let copies = (0..draws).map(|draw| {
            let mut values = perturbation(draw)?;
            for sample in 0..batch {
                let of_value = |(value, slopes): (&Vec<f64>, &Vec<f64>)| {
                    let pairs = of_sample(value, batch, sample).iter().zip(of_sample(slopes, batch, sample));
                    pairs.map(|(change, slope)| change * slope).sum::<f64>()
                };
                predicted.push(values.iter().zip(&slopes).map(of_value).sum::<f64>());
            }
            let pairs = values.iter_mut().flatten().zip(original.iter().flatten());
            pairs.for_each(|(change, x)| *change = x - *change);
            Ok(values)
        });
        let after = scored.of_copies(copies, |done| progress.tell(done, draws))?;
        let mean = |values: &dyn Fn(usize) -> f64| (0..draws).map(values).sum::<f64>() / draws as f64;
        let infidelity = |(sample, score): (usize, &f64)| {
            let a = |draw: usize| predicted[draw * batch + sample];
            let b = |draw: usize| score - after[draw * batch + sample];
            let squares = mean(&|draw| a(draw).powi(2));
            let fits = self.scaled && squares > 0.0;
            let factor = if fits { mean(&|draw| a(draw) * b(draw)) / squares } else { 1.0 };
            mean(&|draw| (factor * a(draw) - b(draw)).powi(2))
        };
        Ok(scored.scores().iter().enumerate().map(infidelity).collect())
    }
}

impl<B: Backend> Metric<B> for Infidelity<B> {
    fn name(&self) -> &str {
        "infidelity"
    }

    fn higher_is_better(&self) -> bool {
        false
    }

    fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
        self.values(explained.inputs.clone(), explained.relevance(), explained.target.clone())
    }
}
