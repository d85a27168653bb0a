//! The score that is explained, as a function of the model's output.

use burn_backend::Backend;

use super::Attribution;
use crate::Value;
use crate::engine::read;
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::model::{Inputs, Selection, Start, Target, Transform, check_relevance};

/// A score for each sample: `f(x) = sum(weights * T(output))`, where `T` is most often the output itself.
/// Relevance that starts with the gradient of the score at the output gives its gradient at the input.
#[derive(Debug, Clone)]
pub(crate) struct Score<B: Backend> {
    selection: Selection<B>,
    transform: Option<Transform<B>>,
    /// The weights on the host, and their number per sample.
    host: (Vec<f64>, usize),
}

impl<B: Backend> Score<B> {
    /// The score that `target` selects, settled by the output of `graph` for the unchanged input.
    pub(crate) fn of(target: &Target<B>, graph: &Graph<B>, output: &Value<B>) -> Result<Self, ExplainError> {
        let (selection, transform) = target.selection(Some(graph), output)?;
        let width = selection.weights.dims()[1..].iter().product();
        let host = (read(&selection.weights)?, width);
        Ok(Self { selection, transform, host })
    }

    /// The gradient of the score with respect to `output`, which holds as many copies of the batch one after
    /// the other.
    pub(super) fn gradient(&self, output: &Value<B>, copies: usize) -> Result<Value<B>, ExplainError> {
        let weights = Value::cat(vec![self.selection.weights.clone(); copies], 0);
        match &self.transform {
            // Refuses an output that did not grow with the batch.
            None => check_relevance(&weights, output).map(|()| weights),
            Some(transform) => transform.gradient(output, weights),
        }
    }

    /// The weights of the outputs, if the score is a sum of them.
    pub(super) fn linear_weights(&self) -> Option<Value<B>> {
        self.transform.is_none().then(|| self.selection.weights.clone())
    }

    /// Sizes of a batch of scores' weights.
    pub(super) fn dims(&self) -> Vec<usize> {
        self.selection.weights.dims()
    }

    /// The score of each sample, added up in f64. `output` may hold several copies of the batch
    /// one after the other.
    pub(crate) fn read(&self, output: &Value<B>) -> Result<Vec<f64>, ExplainError> {
        let (weights, width) = &self.host;
        let scores = match &self.transform {
            None => read(output)?,
            Some(transform) => read(&transform.forward(output)?)?,
        };
        let samples = scores.chunks(*width).zip(weights.chunks(*width).cycle());
        Ok(samples
            .map(|(scores, weights)| scores.iter().zip(weights).map(|(y, weight)| y * weight).sum())
            .collect())
    }

    /// Relevance of the float inputs with the output that it explains; it starts with each output's
    /// share of the score.
    pub(super) fn attribution(
        self,
        inputs: &Inputs<B>,
        relevance: Vec<Value<B>>,
        output: Value<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let Selection { weights, classes, contrast, saturated } = self.selection;
        let seed = match self.transform {
            None => weights * &output,
            Some(transform) => weights * transform.forward(&output)?,
        };
        Ok(Attribution::new(inputs, relevance, output, Start { seed, classes, contrast, saturated }))
    }
}

/// Adds `weight * terms` to a sum of values, one per graph input.
pub(super) fn add_scaled<B: Backend>(
    sum: Option<Vec<Value<B>>>,
    terms: Vec<Value<B>>,
    weight: f64,
) -> Option<Vec<Value<B>>> {
    let terms = terms.into_iter().map(|term| term * weight);
    Some(match sum {
        Some(sum) => sum.into_iter().zip(terms).map(|(sum, term)| sum + term).collect(),
        None => terms.collect(),
    })
}
