//! Whether relevance adds up to what the input does to the score.

use burn_backend::Backend;

use super::rows::rows;
use super::scored::Scored;
use super::{Explained, Metric};
use crate::attributor::{Baseline, PerInput};
use crate::error::ExplainError;
use crate::model::{Inputs, Model, Target};

/// Completeness: how far the sum of the relevance is from `f(x) - f(b)`, the score less that of a baseline `b`.
///
/// That it is nothing is an axiom of [`IntegratedGradients`](crate::attributor::IntegratedGradients) (with the
/// same baseline and enough steps). Relevance that [`Lrp`](crate::attributor::Lrp) conserves adds up to `f(x)`
/// instead, less what biases absorb, which is the same where `f(b)` is what the biases make. The score is that
/// of [`attributor`](crate::attributor#the-score); the model is only run forward.
///
/// Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, PMLR 70:3319-3328.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{Attributor, InputXGradient};
/// use xai_core::evaluation::Completeness;
/// use xai_core::model::{Model, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let relevance = InputXGradient::new(&model).attribute(x.clone(), Target::argmax())?.relevance::<2>()?;
/// let gap = &Completeness::new(&model).gaps(x, relevance, Target::argmax())?[0];
/// assert!(gap.absolute() < 1e-5);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Completeness<B: Backend> {
    model: Model<B>,
    baselines: PerInput<Baseline<B>>,
    relative: bool,
}

/// What the relevance of a sample adds up to, and what it should.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CompletenessGap {
    /// The sum of the relevance over all explained inputs.
    pub relevance: f64,
    /// `f(x) - f(b)`.
    pub difference: f64,
}

impl CompletenessGap {
    /// `|sum R - (f(x) - f(b))|`.
    pub fn absolute(&self) -> f64 {
        (self.relevance - self.difference).abs()
    }

    /// The same divided by `|f(x) - f(b)|`; `None` where that is 0.
    pub fn relative(&self) -> Option<f64> {
        (self.difference != 0.0).then(|| self.absolute() / self.difference.abs())
    }
}

impl<B: Backend> Completeness<B> {
    /// Completeness for `model`, with a baseline of 0.
    pub fn new(model: &Model<B>) -> Self {
        Self { model: model.clone(), baselines: PerInput::All(Baseline::default()), relative: false }
    }

    /// Where the score is taken that the relevance adds up from: a finite number, or a tensor of the input's
    /// rank and of its sizes or sizes of 1.
    pub fn with_baseline(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { baselines: PerInput::All(baseline.into()), ..self }
    }

    /// One baseline for each explained input.
    pub fn with_baselines(self, baselines: impl IntoIterator<Item = impl Into<Baseline<B>>>) -> Self {
        Self { baselines: PerInput::each(baselines), ..self }
    }

    /// As a [`Metric`], gives the relative gap instead of the absolute one.
    pub fn with_relative_gap(self) -> Self {
        Self { relative: true, ..self }
    }

    /// The gap of each sample. `relevance` has one tensor for each explained input, of its shape.
    ///
    /// # Errors
    /// [`ExplainError`]: [`AttributorError`](crate::error::AttributorError) for unusable baselines or relevance,
    /// else as [`Attributor::attribute`](crate::attributor::Attributor::attribute).
    pub fn gaps(
        &self,
        inputs: impl Into<Inputs<B>>,
        relevance: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
    ) -> Result<Vec<CompletenessGap>, ExplainError> {
        let scored = Scored::new(&self.model, &inputs.into(), &target.into(), 1)?;
        let relevance = relevance.into();
        // Refuses another shape.
        scored.relevance(&relevance)?;
        let sums = rows(&relevance)?.into_iter().map(|row| row.iter().sum::<f64>());
        let at_baseline = scored.of_copies([scored.baselines(&self.baselines)], |_| ())?;
        let scores = scored.scores().iter().zip(at_baseline);
        let gap =
            |(relevance, (score, baseline))| CompletenessGap { relevance, difference: score - baseline };
        Ok(sums.zip(scores).map(gap).collect())
    }
}

impl<B: Backend> Metric<B> for Completeness<B> {
    fn name(&self) -> &str {
        if self.relative { "completeness gap, relative" } else { "completeness gap" }
    }

    fn higher_is_better(&self) -> bool {
        false
    }

    fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
        let gaps = self.gaps(explained.inputs.clone(), explained.relevance(), explained.target.clone())?;
        let value = |gap: &CompletenessGap| match self.relative {
            true => gap.relative().unwrap_or(f64::NAN),
            false => gap.absolute(),
        };
        Ok(gaps.iter().map(value).collect())
    }
}
