//! The result of an explanation.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use burn_backend::Backend;

use crate::Value;
use crate::engine::{Ledger, read, total};
use crate::error::ExplainError;
use crate::model::{Input, Inputs, Start};

/// Relevance of every input element, with what is needed to judge it.
#[derive(Debug, Clone)]
pub struct Attribution<B: Backend> {
    /// One for each input of the model; `None` for those that have none.
    pub(crate) relevance: Vec<Option<Value<B>>>,
    /// Place of the first explained input.
    pub(crate) first: usize,
    pub(crate) output: Value<B>,
    pub(crate) start: Start<B>,
    pub(crate) relevance_at: BTreeMap<String, Value<B>>,
    pub(crate) activations: BTreeMap<String, Value<B>>,
    pub(crate) ledger: Option<Ledger>,
    pub(crate) convergence_delta: Option<Vec<f64>>,
    /// For each sample and explained value, one number per region.
    pub(crate) of_regions: Option<Vec<Vec<Vec<f64>>>>,
    /// Whether the model computes with values that it read or drew.
    pub(crate) reads_values: bool,
}

impl<B: Backend> Attribution<B> {
    /// The result of a method of your own: `relevance` of the [float values](Inputs::floats) of `inputs`, in
    /// order, for what a target [selects](crate::model::Target::resolve) of `output`. That of the rows of
    /// token ids is summed over each row.
    pub fn new(
        inputs: &Inputs<B>,
        relevance: impl IntoIterator<Item = Value<B>>,
        output: Value<B>,
        start: Start<B>,
    ) -> Self {
        let mut relevance = relevance.into_iter();
        let relevance = inputs.iter().map(|input| {
            let own: Vec<_> = relevance.by_ref().take(input.floats().len()).collect();
            match input {
                Input::Tokens(tokens) => tokens.relevance(own),
                _ => own.into_iter().next(),
            }
        });
        let relevance = relevance.collect();
        let first = inputs.explained().next().map_or(0, |(place, _)| place);
        let (relevance_at, activations) = (BTreeMap::new(), BTreeMap::new());
        Self {
            relevance,
            first,
            output,
            start,
            relevance_at,
            activations,
            ledger: None,
            convergence_delta: None,
            of_regions: None,
            reads_values: false,
        }
    }

    /// Relevance of the first explained (usually the only) input, of its shape.
    ///
    /// # Errors
    /// [`ExplainError::Rank`] when the input has another rank than `D`.
    pub fn relevance<const D: usize>(&self) -> Result<Tensor<B, D>, ExplainError> {
        self.relevance_of(self.first)
    }

    /// Relevance of the input at this place among all inputs of the model, counted from 0.
    ///
    /// # Errors
    /// [`ExplainError::NoRelevance`] for a mask, an int input that is not looked up, or none at all,
    /// [`ExplainError::Rank`] when the input has another rank than `D`.
    pub fn relevance_of<const D: usize>(&self, input: usize) -> Result<Tensor<B, D>, ExplainError> {
        match self.relevance.get(input) {
            Some(Some(relevance)) => tensor("relevance", relevance),
            _ => Err(ExplainError::NoRelevance { input }),
        }
    }

    /// Relevance of every input of the model, each of its input's shape; `None` for masks and for int inputs
    /// that the model does not look up.
    pub fn relevances(&self) -> &[Option<Value<B>>] {
        &self.relevance
    }

    /// The explained output of the model.
    ///
    /// # Errors
    /// [`ExplainError::Rank`] when the output has another rank than `D`.
    pub fn output<const D: usize>(&self) -> Result<Tensor<B, D>, ExplainError> {
        tensor("output", &self.output)
    }

    /// The explained class of each sample; `None` when the target was no class.
    pub fn classes(&self) -> Option<&[usize]> {
        self.start.classes.as_deref()
    }

    /// The class of each sample whose score was subtracted; `None` without a contrast.
    pub fn contrast_classes(&self) -> Option<&[usize]> {
        self.start.contrast.as_deref()
    }

    /// For each sample, the relevance that the output started with: the score of the explained
    /// class, unless the target says otherwise. Gradient methods and occlusion give the score here,
    /// whatever the target's [`Seed`](crate::model::Seed).
    ///
    /// # Errors
    /// [`ExplainError::Backend`] when the backend cannot be read.
    pub fn scores(&self) -> Result<Vec<f64>, ExplainError> {
        read(&self.start.seed.clone().sum_per_sample())
    }

    /// For each sample, the sum of the relevance over all inputs. The rest of the
    /// [`scores`](Self::scores) is in the [`ledger`](Self::ledger).
    ///
    /// # Errors
    /// [`ExplainError::Backend`] when the backend cannot be read.
    pub fn relevance_sums(&self) -> Result<Vec<f64>, ExplainError> {
        let sums = self.relevance.iter().flatten().map(|relevance| read(&relevance.clone().sum_per_sample()));
        Ok(total(sums.collect::<Result<_, _>>()?))
    }

    /// Relevance at the output of the node `name`, also under the name of a node merged into it.
    ///
    /// # Errors
    /// [`ExplainError::NotKept`] when it was not asked for, [`ExplainError::Rank`] when it has
    /// another rank than `D`.
    pub fn relevance_at<const D: usize>(&self, name: &str) -> Result<Tensor<B, D>, ExplainError> {
        kept("relevance", &self.relevance_at, name)
    }

    /// The output of the node `name`, likewise.
    ///
    /// # Errors
    /// As [`relevance_at`](Self::relevance_at).
    pub fn activation_at<const D: usize>(&self, name: &str) -> Result<Tensor<B, D>, ExplainError> {
        kept("the activation", &self.activations, name)
    }

    /// The name of the softmax or sigmoid that the explained score comes from, if it is so close to an end of its
    /// range that rounding took its gradient. The relevance then says little: explain the logit, by a forward
    /// function that returns what goes into that layer.
    pub fn saturated(&self) -> Option<&str> {
        self.start.saturated.as_deref()
    }

    /// Names of the nodes whose relevance was kept.
    pub fn kept(&self) -> impl Iterator<Item = &str> {
        self.relevance_at.keys().map(String::as_str)
    }

    /// For each sample, the sum of the relevance minus the difference of scores that it should be,
    /// `f(x) - f(baseline)`: how far a quadrature is from the integral. Of methods that promise this sum:
    /// [`IntegratedGradients`](super::IntegratedGradients), [`DeepLift`](super::DeepLift) and their kin.
    pub fn convergence_delta(&self) -> Option<&[f64]> {
        self.convergence_delta.as_deref()
    }

    /// The same for a method that does not take the gradient at the input, which is all that saturation spoils.
    pub(crate) fn without_saturation(mut self) -> Self {
        self.start.saturated = None;
        self
    }

    /// The same with the sum of the relevance of each sample less what it should be.
    pub(crate) fn with_delta(self, differences: &[f64]) -> Result<Self, ExplainError> {
        let mut delta: Vec<_> = differences.iter().map(|difference| -difference).collect();
        for relevance in self.relevance.iter().flatten() {
            let elements = read(relevance)?;
            let samples = elements.chunks((elements.len() / delta.len().max(1)).max(1));
            delta.iter_mut().zip(samples).for_each(|(delta, sample)| *delta += sample.iter().sum::<f64>());
        }
        Ok(Self { convergence_delta: Some(delta), ..self })
    }

    /// For each sample, and each explained value in order (an input, or the rows of token ids of one lookup), the
    /// relevance of its [regions](super::Regions): drops, Shapley values or coefficients. `None` for methods
    /// without regions.
    pub fn relevance_of_regions(&self) -> Option<&[Vec<Vec<f64>>]> {
        self.of_regions.as_deref()
    }

    /// Where relevance went, if the method keeps a ledger.
    pub fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }
}

fn kept<B: Backend, const D: usize>(
    what: &'static str,
    values: &BTreeMap<String, Value<B>>,
    name: &str,
) -> Result<Tensor<B, D>, ExplainError> {
    match values.get(name) {
        Some(value) => tensor(name, value),
        None => Err(ExplainError::NotKept { what, node: name.to_owned() }),
    }
}

fn tensor<B: Backend, const D: usize>(what: &str, value: &Value<B>) -> Result<Tensor<B, D>, ExplainError> {
    value.clone().into_tensor().ok_or_else(|| ExplainError::Rank {
        what: what.to_owned(),
        dims: value.dims(),
        asked: D,
    })
}
