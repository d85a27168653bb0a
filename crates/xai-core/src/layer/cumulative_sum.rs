//! Running sums.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// `y_i = sum_{j <= i} x_j` along one dimension. Of the kind `sum`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CumulativeSum {
    dim: usize,
}

impl CumulativeSum {
    /// Running sums along `dim`.
    pub fn new(dim: usize) -> Self {
        Self { dim }
    }
}

impl<B: Backend> LayerOps<B> for CumulativeSum {
    fn kind(&self) -> LayerKind {
        LayerKind::Sum
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?.to_vec();
        if self.dim < input.len() {
            return Ok(input);
        }
        Err(LayerError::Misfit { layer: "cumulative sum", setting: format!("dimension {}", self.dim), input })
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(Value::from_primitive(B::float_cumsum(only(inputs)?.into_primitive(), self.dim)))
    }

    fn vjp(&self, _: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let sums = B::float_cumsum(gradient.flip(&[self.dim]).into_primitive(), self.dim);
        Ok(vec![Value::from_primitive(sums).flip(&[self.dim])])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied()).sign_only()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};

    #[test]
    fn gradients_are_exact() {
        check(CumulativeSum::new(1), &[numbers(&[2, 3, 2], 1)]);
        check(CumulativeSum::new(2), &[numbers(&[2, 3, 2], 1)]);
    }
}
