//! The result of an explanation.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use burn_backend::Backend;

use super::target::Start;
use crate::Value;
use crate::engine::{Ledger, read};
use crate::error::ExplainError;

/// Relevance of every input element, with what is needed to judge it.
#[derive(Debug, Clone)]
pub struct Attribution<B: Backend> {
    pub(crate) relevance: Vec<Value<B>>,
    pub(crate) output: Value<B>,
    pub(crate) classes: Option<Vec<usize>>,
    pub(crate) against: Option<Vec<usize>>,
    pub(crate) seed: Value<B>,
    pub(crate) at_nodes: BTreeMap<String, Value<B>>,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) convergence_delta: Option<Vec<f64>>,
}

impl<B: Backend> Attribution<B> {
    /// Relevance of the graph inputs, and nothing beside it.
    pub(crate) fn new(relevance: Vec<Value<B>>, output: Value<B>, start: Start<B>) -> Self {
        let Start { seed, classes, against } = start;
        let (at_nodes, ledger, convergence_delta) = (BTreeMap::new(), None, None);
        Self { relevance, output, classes, against, seed, at_nodes, ledger, convergence_delta }
    }

    /// Relevance of the first (usually the only) graph input, of its shape.
    ///
    /// # Errors
    /// [`ExplainError::Rank`] when the input has another rank than `D`.
    pub fn relevance<const D: usize>(&self) -> Result<Tensor<B, D>, ExplainError> {
        // A graph without inputs cannot be built, so there always is a first one.
        self.relevance.first().map_or_else(
            || Err(ExplainError::NotKept { node: "input".to_owned() }),
            |relevance| tensor("relevance", relevance),
        )
    }

    /// Relevance of every graph input, each of its input's shape.
    pub fn relevances(&self) -> &[Value<B>] {
        &self.relevance
    }

    /// The model's output.
    ///
    /// # Errors
    /// [`ExplainError::Rank`] when the output has another rank than `D`.
    pub fn output<const D: usize>(&self) -> Result<Tensor<B, D>, ExplainError> {
        tensor("output", &self.output)
    }

    /// The explained class of each sample; `None` when the target was explicit relevance.
    pub fn classes(&self) -> Option<&[usize]> {
        self.classes.as_deref()
    }

    /// The class that each sample's class is held against; `None` without a contrast.
    pub fn against(&self) -> Option<&[usize]> {
        self.against.as_deref()
    }

    /// For each sample, the relevance that the output started with: the score of the explained
    /// class, unless the target says otherwise. The attributors of [`attributor`](crate::attributor)
    /// give the score here, whatever the target's [`Seed`](super::Seed).
    ///
    /// # Errors
    /// [`ExplainError::Backend`] when the backend cannot be read.
    pub fn explained(&self) -> Result<Vec<f64>, ExplainError> {
        read(&self.seed.clone().sum_per_sample())
    }

    /// For each sample, the sum of the relevance over all inputs. What it lacks of
    /// [`explained`](Self::explained) is in the [`ledger`](Self::ledger).
    ///
    /// # Errors
    /// [`ExplainError::Backend`] when the backend cannot be read.
    pub fn relevance_sums(&self) -> Result<Vec<f64>, ExplainError> {
        let read_sums = |relevance: &Value<B>| read(&relevance.clone().sum_per_sample());
        let sums = self.relevance.iter().map(read_sums).collect::<Result<Vec<_>, _>>()?;
        // Inputs of different batch sizes have no samples in common.
        let per_sample = sums.iter().all(|input| Some(input.len()) == sums.first().map(Vec::len));
        let whole = |input: Vec<f64>| if per_sample { input } else { vec![input.iter().sum()] };
        let add = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(b).map(|(a, b)| a + b).collect();
        Ok(sums.into_iter().map(whole).reduce(add).unwrap_or_default())
    }

    /// Relevance at the output of the node `name`, also under the name of a node merged into it.
    ///
    /// # Errors
    /// [`ExplainError::NotKept`] when it was not asked for, [`ExplainError::Rank`] when it has
    /// another rank than `D`.
    pub fn relevance_at<const D: usize>(&self, name: &str) -> Result<Tensor<B, D>, ExplainError> {
        match self.at_nodes.get(name) {
            Some(relevance) => tensor(name, relevance),
            None => Err(ExplainError::NotKept { node: name.to_owned() }),
        }
    }

    /// Names of the nodes whose relevance was kept.
    pub fn kept(&self) -> impl Iterator<Item = &str> {
        self.at_nodes.keys().map(String::as_str)
    }

    /// For each sample, the sum of the relevance minus the difference of scores that it should be,
    /// `f(x) - f(baseline)`: how far a quadrature is from the integral. Only
    /// [`IntegratedGradients`](crate::attributor::IntegratedGradients) has one.
    pub fn convergence_delta(&self) -> Option<&[f64]> {
        self.convergence_delta.as_deref()
    }

    /// Where relevance went, if the explainer keeps a ledger.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }
}

fn tensor<B: Backend, const D: usize>(what: &str, value: &Value<B>) -> Result<Tensor<B, D>, ExplainError> {
    value.clone().into_tensor().ok_or_else(|| ExplainError::Rank {
        what: what.to_owned(),
        dims: value.dims(),
        asked: D,
    })
}
