//! What an input looks like where it says nothing.

use burn::tensor::Tensor;
use burn_backend::Backend;

use super::AttributorError;
use crate::Value;
use crate::engine::read;
use crate::error::ExplainError;
use crate::explain::{describe, fits};

/// What stands for a missing input: a number for all elements, or tensors.
///
/// Numbers and tensors convert: `.baseline(0.5)`, `.baseline(mean_image)`.
#[derive(Debug, Clone)]
pub enum Baseline<B: Backend> {
    /// The same number everywhere.
    Number(f64),
    /// One value per model input, of the input's rank, with the input's sizes or sizes of 1 where it
    /// does not vary (the batch, most often).
    Values(Vec<Value<B>>),
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

impl<B: Backend, const D: usize> From<Tensor<B, D>> for Baseline<B> {
    fn from(tensor: Tensor<B, D>) -> Self {
        Self::Values(vec![tensor.into()])
    }
}

impl<B: Backend> From<Vec<Value<B>>> for Baseline<B> {
    fn from(values: Vec<Value<B>>) -> Self {
        Self::Values(values)
    }
}

impl<B: Backend> Baseline<B> {
    /// The baseline of every input, of its shape.
    pub(crate) fn resolve(&self, inputs: &[Value<B>]) -> Result<Vec<Value<B>>, ExplainError> {
        match self {
            Self::Number(number) if !number.is_finite() => {
                Err(AttributorError::BaselineNotFinite { value: *number }.into())
            }
            Self::Number(number) => Ok(inputs.iter().map(|x| x.full_like(&x.dims(), *number)).collect()),
            Self::Values(values) if values.len() != inputs.len() => {
                let (got, inputs) = (values.len(), inputs.len());
                Err(AttributorError::BaselineCount { got, inputs }.into())
            }
            Self::Values(values) => inputs.iter().zip(values).map(|(x, value)| broadcast(value, x)).collect(),
        }
    }
}

fn broadcast<B: Backend>(value: &Value<B>, x: &Value<B>) -> Result<Value<B>, ExplainError> {
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
