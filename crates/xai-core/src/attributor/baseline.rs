//! What an input looks like where it says nothing.

use burn::tensor::Tensor;
use burn_backend::Backend;

use super::PerInput;
use crate::Value;
use crate::engine::read;
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, describe, fits};

/// What stands for a missing input: a number for all elements, or a tensor.
///
/// Numbers and tensors convert: `.with_baseline(0.5)`, `.with_baseline(mean_image)`.
#[derive(Debug, Clone)]
pub enum Baseline<B: Backend> {
    /// The same number everywhere.
    Number(f64),
    /// A value of the input's rank, with the input's sizes or sizes of 1 where it does not vary (the
    /// batch, most often).
    Value(Value<B>),
}

/// Zero everywhere.
impl<B: Backend> Default for Baseline<B> {
    fn default() -> Self {
        Self::Number(0.0)
    }
}

impl<B: Backend> From<f64> for Baseline<B> {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl<B: Backend> From<Value<B>> for Baseline<B> {
    fn from(value: Value<B>) -> Self {
        Self::Value(value)
    }
}

impl<B: Backend, const D: usize> From<Tensor<B, D>> for Baseline<B> {
    fn from(tensor: Tensor<B, D>) -> Self {
        Self::Value(tensor.into())
    }
}

impl<B: Backend> Baseline<B> {
    /// The baseline of every explained input, of its shape.
    pub(crate) fn resolve(
        baselines: &PerInput<Self>,
        inputs: &Inputs<B>,
    ) -> Result<Vec<Value<B>>, ExplainError> {
        let explained: Vec<_> = inputs.explained().map(|(_, x)| x).collect();
        let baselines = baselines.resolve("baselines", explained.len())?;
        explained.into_iter().zip(baselines).map(|(x, baseline)| baseline.for_input(x)).collect()
    }

    fn for_input(&self, x: &Value<B>) -> Result<Value<B>, ExplainError> {
        let value = match self {
            Self::Number(number) if !number.is_finite() => {
                return Err(AttributorError::BaselineNotFinite { value: *number }.into());
            }
            Self::Number(number) => return Ok(x.full_like(&x.dims(), *number)),
            Self::Value(value) => value,
        };
        let (dims, input_dims) = (value.dims(), x.dims());
        let broadcasts = dims.len() == input_dims.len()
            && dims.iter().zip(&input_dims).all(|(&size, &input)| size == 1 || size == input);
        if !(broadcasts && fits(value, x)) {
            return Err(AttributorError::Baseline { got: describe(value), input: describe(x) }.into());
        }
        if let Some(&value) = read(value)?.iter().find(|value| !value.is_finite()) {
            return Err(AttributorError::BaselineNotFinite { value }.into());
        }
        Ok(x.full_like(&input_dims, 0.0) + value)
    }
}
