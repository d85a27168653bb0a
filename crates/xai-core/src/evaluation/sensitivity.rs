//! How much an explanation changes when the input hardly does.

use burn::tensor::TensorData;
use burn_backend::Backend;

use super::rows::{rows, same_shapes};
use super::scored::at_least_one;
use super::{Explained, Metric};
use crate::Value;
use crate::attributor::{Attributor, Call, Listener, Noise, Progress};
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};

/// Max-sensitivity: the largest relative change of the relevance `Phi` within a small box around the input,
/// `max |Phi(x + e) - Phi(x)| / |Phi(x)|` over `|e_i| <= r`, estimated by the largest of some uniform draws of
/// `e`. Lower is better.
///
/// Norms are Euclidean, over all explained inputs of a sample. Where there is no relevance at `x`, the change
/// itself is taken. At each `x + e` the class is asked for that `x` settled. The explained inputs are varied, of token
/// ids their rows.
///
/// Yeh, Hsieh, Suggala, Inouye, Ravikumar, "On the (In)fidelity and Sensitivity of Explanations", NeurIPS 2019,
/// arXiv 1901.09392. They draw 50 times from `r = 0.2` or `0.1`; the defaults are Captum's.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::Saliency;
/// use xai_core::evaluation::MaxSensitivity;
/// use xai_core::model::Model;
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let sensitivity = MaxSensitivity::new(&model).with_radius(0.1).values(&Saliency::new(&model), x, 1)?;
/// // The gradient of a linear model is the same everywhere.
/// assert_eq!(sensitivity, [0.0]);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct MaxSensitivity<B: Backend> {
    model: Model<B>,
    radius: f64,
    draws: usize,
    seed: u64,
    listener: Listener,
}

impl<B: Backend> MaxSensitivity<B> {
    /// Sensitivity of explanations of `model`: 10 draws within a radius of 0.02, seed 0.
    pub fn new(model: &Model<B>) -> Self {
        Self { model: model.clone(), radius: 0.02, draws: 10, seed: 0, listener: Listener::default() }
    }

    /// Half the edge of the box, `r`, on the scale of the input; finite, 0 or more.
    pub fn with_radius(self, radius: f64) -> Self {
        Self { radius, ..self }
    }

    /// Number of draws, 1 or more. Each explains the batch once.
    pub fn with_draws(self, draws: usize) -> Self {
        Self { draws, ..self }
    }

    /// What is drawn from, on the host, a stream for each sample.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Calls `listen` after every draw.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// The max-sensitivity of each sample for this method.
    ///
    /// # Errors
    /// [`ExplainError`]: [`AttributorError`] for unusable parameters or relevance that is not finite, else as
    /// [`Attributor::attribute`].
    pub fn values(
        &self,
        method: &dyn Attributor<B>,
        inputs: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
    ) -> Result<Vec<f64>, ExplainError> {
        let progress = self.listener.begin();
        let (inputs, target) = (inputs.into(), target.into());
        let attribution = method.attribute_inputs(&inputs, &target)?;
        self.around(
            progress,
            &Explained { inputs: &inputs, target: &target, attribution: &attribution, method },
        )
    }

    /// The same, but at these inputs near the first instead of drawn ones; they must have its shapes.
    ///
    /// # Errors
    /// As [`values`](Self::values); [`AttributorError::NearInputs`] for other shapes.
    pub fn values_at(
        &self,
        method: &dyn Attributor<B>,
        inputs: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
        near: &[Inputs<B>],
    ) -> Result<Vec<f64>, ExplainError> {
        let progress = self.listener.begin();
        at_least_one("near", near.len())?;
        let (inputs, target) = (inputs.into(), target.into());
        let attribution = method.attribute_inputs(&inputs, &target)?;
        let explained = Explained { inputs: &inputs, target: &target, attribution: &attribution, method };
        self.largest(progress, &explained, near.len(), |draw| Ok(near[draw].clone()))
    }

    fn around(&self, progress: Call, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
        at_least_one("draws", self.draws)?;
        if !(self.radius >= 0.0 && self.radius.is_finite()) {
            let (parameter, range) = ("radius", "finite and 0 or more");
            return Err(AttributorError::Parameter { parameter, value: self.radius, range }.into());
        }
        let inputs = self.model.embed(explained.inputs, explained.target.output())?;
        let batches = inputs.explained().map(|(_, x)| x.dims()[0]);
        let mut noise: Vec<_> =
            batches.enumerate().map(|(value, batch)| Noise::new(self.seed, value, batch)).collect();
        self.largest(progress, explained, self.draws, |_| {
            let moved = inputs.explained().zip(&mut noise).map(|((_, x), noise)| {
                let dims = x.dims();
                let drawn = noise.draw_uniform(dims[1..].iter().product());
                let steps: Vec<_> =
                    drawn.into_iter().map(|drawn| self.radius * (2.0 * drawn - 1.0)).collect();
                x + Value::from_data(TensorData::new(steps, dims).convert_dtype(x.dtype()), &x.device())
            });
            Ok(inputs.with_explained(moved.collect::<Vec<_>>()))
        })
    }

    fn largest(
        &self,
        progress: Call,
        explained: &Explained<B>,
        draws: usize,
        mut near: impl FnMut(usize) -> Result<Inputs<B>, ExplainError>,
    ) -> Result<Vec<f64>, ExplainError> {
        let relevance = explained.relevance();
        let (classes, contrast) = (explained.attribution.classes(), explained.attribution.contrast_classes());
        let target = explained.target.settled(classes, contrast);
        let reference = rows(&relevance)?;
        let mut largest = vec![0.0f64; reference.len()];
        for draw in 0..draws {
            let inputs = &near(draw)?;
            let dims = |inputs: &Inputs<B>| inputs.iter().map(|input| input.dims()).collect::<Vec<_>>();
            let (got, reference_dims) = (dims(inputs), dims(explained.inputs));
            if got != reference_dims {
                return Err(AttributorError::NearInputs { got, inputs: reference_dims }.into());
            }
            let attribution = &explained.method.attribute_inputs(inputs, &target)?;
            let other = Explained { inputs, attribution, ..*explained }.relevance();
            same_shapes(&other, &relevance)?;
            for ((largest, other), reference) in largest.iter_mut().zip(rows(&other)?).zip(&reference) {
                let change = norm(other.iter().zip(reference).map(|(other, reference)| other - reference));
                let whole = norm(reference.iter().copied());
                *largest = largest.max(if whole > 0.0 { change / whole } else { change });
            }
            progress.tell(draw + 1, draws);
        }
        Ok(largest)
    }
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}

impl<B: Backend> Metric<B> for MaxSensitivity<B> {
    fn name(&self) -> &str {
        "max-sensitivity"
    }

    fn higher_is_better(&self) -> bool {
        false
    }

    fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
        self.around(self.listener.begin(), explained)
    }
}
