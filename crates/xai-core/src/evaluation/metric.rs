//! What every metric gives: one number per sample.

use burn_backend::Backend;

use super::FlippingCurve;
use crate::Value;
use crate::attributor::{Attribution, Attributor};
use crate::error::ExplainError;
use crate::model::{Input, Inputs, Target};

/// An explanation to be judged, with what it explains and how it was made.
#[derive(Clone, Copy)]
pub struct Explained<'a, B: Backend> {
    /// What the model was run on.
    pub inputs: &'a Inputs<B>,
    /// What was asked.
    pub target: &'a Target<B>,
    /// The answer.
    pub attribution: &'a Attribution<B>,
    /// The method that gave it, for metrics that ask it again.
    pub method: &'a dyn Attributor<B>,
}

impl<B: Backend> Explained<'_, B> {
    /// Relevance of the explained inputs, in order: of every float input that is not
    /// [fixed](Input::fixed), and of token ids.
    pub fn relevance(&self) -> Inputs<B> {
        let each = self.inputs.iter().zip(self.attribution.relevances());
        let explained = each.filter(|(input, _)| !matches!(input, Input::Fixed(_)));
        explained.filter_map(|(_, relevance)| relevance.clone()).collect::<Vec<Value<B>>>().into()
    }

    /// Samples of the batch.
    pub fn samples(&self) -> usize {
        self.attribution.output.dims().first().copied().unwrap_or(0)
    }
}

/// A measure of how good an explanation is.
///
/// Metrics of your own take part in a [`Comparison`](super::Comparison) like those of the library:
///
/// ```
/// use burn_backend::Backend;
/// use xai_core::error::ExplainError;
/// use xai_core::evaluation::{Explained, Metric};
///
/// /// Which part of the score reached the inputs.
/// struct Conserved;
///
/// impl<B: Backend> Metric<B> for Conserved {
///     fn name(&self) -> &str {
///         "conserved"
///     }
///
///     fn higher_is_better(&self) -> bool {
///         true
///     }
///
///     fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
///         let sums = explained.attribution.relevance_sums()?;
///         let scores = explained.attribution.scores()?;
///         Ok(sums.iter().zip(&scores).map(|(sum, score)| sum / score).collect())
///     }
/// }
/// ```
pub trait Metric<B: Backend> {
    /// The metric's name, for tables and captions.
    fn name(&self) -> &str;

    /// Whether a higher value means a better explanation.
    fn higher_is_better(&self) -> bool;

    /// One value per sample; NaN, or infinite, where the metric is not defined for a sample, which leaves it out
    /// of means.
    ///
    /// # Errors
    /// [`ExplainError`], which says what was wrong, where, and what to do.
    fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError>;

    /// The same with the curve of each sample, of metrics that change the input step by step; no curves
    /// otherwise.
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate).
    fn evaluate_with_curves(
        &self,
        explained: &Explained<B>,
    ) -> Result<(Vec<f64>, Vec<FlippingCurve>), ExplainError> {
        Ok((self.evaluate(explained)?, Vec::new()))
    }
}

/// A metric under another name, such as the same one with other settings:
/// `("deletion of 8x8", PixelFlipping::new(&model).with_region(8))`.
impl<B: Backend, S: AsRef<str>, M: Metric<B>> Metric<B> for (S, M) {
    fn name(&self) -> &str {
        self.0.as_ref()
    }

    fn higher_is_better(&self) -> bool {
        self.1.higher_is_better()
    }

    fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
        self.1.evaluate(explained)
    }

    fn evaluate_with_curves(
        &self,
        explained: &Explained<B>,
    ) -> Result<(Vec<f64>, Vec<FlippingCurve>), ExplainError> {
        self.1.evaluate_with_curves(explained)
    }
}

/// A metric in a list of several.
impl<B: Backend, M: Metric<B> + ?Sized> Metric<B> for Box<M> {
    fn name(&self) -> &str {
        self.as_ref().name()
    }

    fn higher_is_better(&self) -> bool {
        self.as_ref().higher_is_better()
    }

    fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
        self.as_ref().evaluate(explained)
    }

    fn evaluate_with_curves(
        &self,
        explained: &Explained<B>,
    ) -> Result<(Vec<f64>, Vec<FlippingCurve>), ExplainError> {
        self.as_ref().evaluate_with_curves(explained)
    }
}
