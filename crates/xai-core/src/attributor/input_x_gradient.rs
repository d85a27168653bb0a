//! Input times gradient.

use burn_backend::Backend;

use super::score::Score;
use super::{Attribution, Attributor, Lrp};
use crate::composite::gradient;
use crate::error::ExplainError;
use crate::model::{Inputs, Model, Target};

/// Input times gradient, `R_i = x_i df/dx_i`.
///
/// For a piecewise linear network without biases it adds up to the score, and equals LRP with the
/// Epsilon rule and no stabilizer.
///
/// What it cannot tell: what an input of 0 does, though it may be black and not missing; and like
/// [`Saliency`](super::Saliency) it knows slopes at the input alone. In a network of ReLUs without biases it adds up to
/// the score.
///
/// Shrikumar, Greenside, Shcherbina, Kundaje, "Not Just a Black Box", arXiv 1605.01713, 2016.
#[derive(Debug, Clone)]
pub struct InputXGradient<B: Backend> {
    gradient: Lrp<B>,
}

impl<B: Backend> InputXGradient<B> {
    /// Input times gradient of `model`.
    pub fn new(model: &Model<B>) -> Self {
        Self { gradient: Lrp::new(&model.unmerged(), gradient()) }
    }
}

impl<B: Backend> Attributor<B> for InputXGradient<B> {
    fn name(&self) -> &str {
        "input x gradient"
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
        let relevance = inputs.floats().iter().zip(gradients).map(|(x, gradient)| x * gradient).collect();
        score.attribution(inputs, relevance, output)
    }
}
