//! The gradient with respect to the input.

use std::sync::Arc;

use burn_backend::Backend;

use super::Attributor;
use super::score::Score;
use crate::Value;
use crate::error::ExplainError;
use crate::explain::{Attribution, Explainer, Target};

/// The gradient of the score, `R_i = df/dx_i`: how the score would change if the input did.
///
/// The explainer's composite is usually [`gradient`](crate::composite::gradient); with another one,
/// such as guided backpropagation, the attribution is that method's answer to a seed of one. What
/// the explainer keeps, relevance at nodes and a ledger, comes along.
///
/// Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", arXiv 1312.6034, 2013, who
/// take its absolute value.
#[derive(Debug, Clone)]
pub struct Gradient<B: Backend> {
    explainer: Arc<Explainer<B>>,
}

impl<B: Backend> Gradient<B> {
    /// The gradient of `explainer`'s model.
    pub fn new(explainer: impl Into<Arc<Explainer<B>>>) -> Self {
        Self { explainer: explainer.into() }
    }
}

impl<B: Backend> Attributor<B> for Gradient<B> {
    fn name(&self) -> &str {
        "gradient"
    }

    fn attribute_values(
        &self,
        inputs: &[Value<B>],
        target: Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let run = self.explainer.run(inputs)?;
        let output = run.output().clone();
        let score = Score::of(target, run.graph(), &output)?;
        let swept = run.attribution(score.start(), self.explainer.keeps_ledger())?;
        let Attribution { relevance, at_nodes, ledger, .. } = swept;
        Ok(Attribution { at_nodes, ledger, ..score.attribution(relevance, output) })
    }
}
