//! Attribution methods beside relevance propagation, on the same prepared graph: the gradient and
//! its averages, and occlusion.
//!
//! A method is made from an [`Explainer`], which several methods can share, so that a model is
//! recorded once for all of them. All methods, the explainer itself included, are [`Attributor`]s.
//!
//! | method | relevance of input element `i` | model runs per call |
//! | --- | --- | --- |
//! | [`Gradient`] | `df/dx_i` | 1 forward, 1 backward |
//! | [`InputXGradient`] | `x_i df/dx_i` | 1 forward, 1 backward |
//! | [`SmoothGrad`] | mean of `df/dx_i` over noisy inputs | `samples` of each |
//! | [`IntegratedGradients`] | `(x_i - b_i)` times the mean of `df/dx_i` from `b` to `x` | `steps` of each |
//! | [`Occlusion`] | mean drop of `f` over the windows that hide `i` | 1 forward per window |
//!
//! # The score
//! `f` is the score that the [`Target`] selects, for each sample its own: the logit of a class, the
//! difference of two for a contrast, `sum(relevance * output)` for explicit relevance. The
//! target's [`Seed`](crate::explain::Seed) has no say, for it weights relevance, not scores.
//! Classes and relevance are settled by the unchanged input, once: noisy, scaled or occluded
//! copies are asked for the same class, also where another one is ahead there.

mod baseline;
mod error;
mod gradient;
mod input_x_gradient;
mod integrated_gradients;
mod noise;
mod occlusion;
mod progress;
mod quadrature;
mod score;
mod smooth_grad;
#[cfg(test)]
mod tests;
mod windows;

use burn_backend::Backend;

pub use baseline::Baseline;
pub use error::AttributorError;
pub use gradient::Gradient;
pub use input_x_gradient::InputXGradient;
pub use integrated_gradients::IntegratedGradients;
pub use occlusion::Occlusion;
pub use progress::Progress;
pub use quadrature::Quadrature;
pub use smooth_grad::SmoothGrad;
pub use windows::Sizes;

pub(crate) use noise::Noise;
pub(crate) use progress::Listener;
pub(crate) use score::Score;
pub(crate) use windows::{Windows, each_row};

use crate::Value;
use crate::error::ExplainError;
use crate::explain::{Attribution, Explainer, Target, check_output};

/// A method that attributes a model's output to its inputs.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use std::sync::Arc;
///
/// use xai_core::attributor::{Attributor, InputXGradient, IntegratedGradients, SmoothGrad};
/// use xai_core::composite::{epsilon_plus_flat, gradient};
/// use xai_core::explain::{Explainer, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let graph = builder.finish(y)?;
/// let gradients = Arc::new(Explainer::new(graph.clone(), gradient()));
/// let methods: Vec<Box<dyn Attributor<Flex>>> = vec![
///     Box::new(Explainer::new(graph, epsilon_plus_flat())),
///     Box::new(InputXGradient::new(gradients.clone())),
///     Box::new(SmoothGrad::new(gradients.clone()).samples(10).seed(7)),
///     Box::new(IntegratedGradients::new(gradients)),
/// ];
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// for method in methods {
///     let attribution = method.attribute(x.clone().into(), Target::argmax())?;
///     println!("{}: {}", method.name(), attribution.relevance::<2>()?);
/// }
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
pub trait Attributor<B: Backend> {
    /// The method's name, for tables and captions.
    fn name(&self) -> &str;

    /// Attributes the scores of a batch to the inputs of a model, in the order of the graph's
    /// inputs.
    ///
    /// # Shapes
    /// The batch first in every input; relevance has the inputs' shapes.
    ///
    /// # Errors
    /// [`ExplainError`]: [`AttributorError`] for unusable parameters, else as
    /// [`Explainer::explain`].
    fn attribute_values(
        &self,
        inputs: &[Value<B>],
        target: Target<B>,
    ) -> Result<Attribution<B>, ExplainError>;

    /// Attributes the scores of a batch to the only input of a model.
    ///
    /// # Errors
    /// As [`attribute_values`](Self::attribute_values).
    fn attribute(&self, input: Value<B>, target: Target<B>) -> Result<Attribution<B>, ExplainError> {
        self.attribute_values(&[input], target)
    }
}

/// The output of an explainer's model, and nothing else.
pub(crate) fn forward<B: Backend>(
    explainer: &Explainer<B>,
    inputs: &[Value<B>],
) -> Result<Value<B>, ExplainError> {
    let output = explainer.prepare(inputs)?.graph().forward(inputs)?;
    check_output(&output)?;
    Ok(output)
}

/// Relevance propagation, named after its composite; here the target's seed counts.
impl<B: Backend> Attributor<B> for Explainer<B> {
    fn name(&self) -> &str {
        self.composite().name()
    }

    fn attribute_values(
        &self,
        inputs: &[Value<B>],
        target: Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        self.explain_values(inputs, target)
    }
}
