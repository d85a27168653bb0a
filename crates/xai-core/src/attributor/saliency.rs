//! The gradient with respect to the input.

use burn_backend::Backend;

use super::score::Score;
use super::{Attribution, Attributor, Lrp};
use crate::composite::gradient;
use crate::error::ExplainError;
use crate::model::{Inputs, Model, Target};

/// The gradient of the score, `R_i = df/dx_i`: how the score would change if the input did.
///
/// What it cannot tell: how much an input contributed, for a slope says what a small change would do, not what the
/// value does now; and nothing where the score is saturated, where slopes are 0. In deep networks it is noisy.
///
/// Simonyan, Vedaldi, Zisserman, "Deep Inside Convolutional Networks", arXiv 1312.6034, 2013, who
/// take its absolute value.
#[derive(Debug, Clone)]
pub struct Saliency<B: Backend> {
    gradient: Lrp<B>,
}

impl<B: Backend> Saliency<B> {
    /// The gradient of `model`.
    pub fn new(model: &Model<B>) -> Self {
        Self { gradient: Lrp::new(&model.unmerged(), gradient()) }
    }
}

impl<B: Backend> Attributor<B> for Saliency<B> {
    fn name(&self) -> &str {
        "saliency"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let inputs = &self.gradient.model().embed(inputs, target.output())?;
        let run = self.gradient.run(inputs, target.output())?;
        let output = run.output().clone();
        let score = Score::of(target, run.graph(), &output)?;
        let gradients = run.relevance(score.gradient(&output, 1)?)?;
        score.attribution(inputs, gradients, output)
    }
}
