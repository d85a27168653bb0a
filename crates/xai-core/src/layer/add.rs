//! Sum of several inputs: residual connections.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps};
use crate::Value;
use crate::error::LayerError;

/// `y = x_1 + x_2 + ...`, inputs of equal shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Add;

impl<B: Backend> LayerOps<B> for Add {
    fn kind(&self) -> LayerKind {
        LayerKind::Add
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let [first, rest @ ..] = inputs else {
            return Err(LayerError::Arity { expected: "two or more inputs", got: 0 });
        };
        if rest.is_empty() {
            return Err(LayerError::Arity { expected: "two or more inputs", got: 1 });
        }
        match rest.iter().find(|dims| *dims != first) {
            Some(other) => Err(LayerError::UnequalShapes { first: first.to_vec(), other: other.to_vec() }),
            None => Ok(first.to_vec()),
        }
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let sum = inputs.into_iter().reduce(|sum, input| sum + input);
        sum.ok_or(LayerError::Arity { expected: "two or more inputs", got: 0 })
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![gradient; context.arity()])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        inputs.iter().copied().reduce(|sum, input| sum + input).unwrap_or(Interval::ANY)
    }
}
