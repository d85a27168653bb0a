//! Input times gradient.

use std::sync::Arc;

use burn_backend::Backend;

use super::Attributor;
use super::score::Score;
use crate::Value;
use crate::error::ExplainError;
use crate::explain::{Attribution, Explainer, Target};

/// Input times gradient, `R_i = x_i df/dx_i`.
///
/// For a piecewise linear network without biases it adds up to the score, and equals LRP with the
/// Epsilon rule and no stabilizer. The explainer's composite is usually
/// [`gradient`](crate::composite::gradient).
///
/// Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box", arXiv 1605.01713, 2016.
#[derive(Debug, Clone)]
pub struct InputXGradient<B: Backend> {
    explainer: Arc<Explainer<B>>,
}

impl<B: Backend> InputXGradient<B> {
    /// Input times gradient of `explainer`'s model.
    pub fn new(explainer: impl Into<Arc<Explainer<B>>>) -> Self {
        Self { explainer: explainer.into() }
    }
}

impl<B: Backend> Attributor<B> for InputXGradient<B> {
    fn name(&self) -> &str {
        "input x gradient"
    }

    fn attribute_values(
        &self,
        inputs: &[Value<B>],
        target: Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let run = self.explainer.run(inputs)?;
        let output = run.output().clone();
        let score = Score::of(target, run.graph(), &output)?;
        let gradients = run.relevance(score.weights())?;
        let relevance = inputs.iter().zip(gradients).map(|(x, gradient)| x * gradient).collect();
        Ok(score.attribution(relevance, output))
    }
}
