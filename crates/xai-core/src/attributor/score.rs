//! The score that is explained, as a weighted sum of the model's outputs.

use burn_backend::Backend;

use super::Attribution;
use crate::Value;
use crate::engine::read;
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::model::{Inputs, Seed, Start, Target};

/// A score for each sample: `f(x) = sum(weights * output)`. Relevance that starts with the weights
/// gives its gradient.
#[derive(Debug, Clone)]
pub(crate) struct Score<B: Backend> {
    start: Start<B>,
    /// The weights on the host, and their number per sample.
    host: (Vec<f64>, usize),
}

impl<B: Backend> Score<B> {
    /// The score that `target` selects, settled by the output of `graph` for the unchanged input.
    pub(crate) fn of(target: &Target<B>, graph: &Graph<B>, output: &Value<B>) -> Result<Self, ExplainError> {
        let start = target.clone().with_seed(Seed::One).start(graph, output)?;
        let width = output.dims()[1..].iter().product();
        let host = (read(&start.seed)?, width);
        Ok(Self { start, host })
    }

    /// The gradient of the score with respect to the output.
    pub(super) fn weights(&self) -> Value<B> {
        self.start.seed.clone()
    }

    /// The score of each sample, added up in f64. `output` may hold several copies of the batch
    /// one after the other.
    pub(crate) fn read(&self, output: &Value<B>) -> Result<Vec<f64>, ExplainError> {
        let (weights, width) = &self.host;
        let output = read(output)?;
        let samples = output.chunks(*width).zip(weights.chunks(*width).cycle());
        Ok(samples
            .map(|(output, weights)| output.iter().zip(weights).map(|(y, weight)| y * weight).sum())
            .collect())
    }

    /// Relevance of the float inputs with the output that it explains; it starts with each output's
    /// share of the score.
    pub(super) fn attribution(
        self,
        inputs: &Inputs<B>,
        relevance: Vec<Value<B>>,
        output: Value<B>,
    ) -> Attribution<B> {
        let seed = self.start.seed * &output;
        Attribution::new(inputs, relevance, output, Start { seed, ..self.start })
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
