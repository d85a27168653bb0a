//! A value that gradients do not pass.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// `y = x` with a gradient of 0, as Burn's `Tensor::detach`. Rules of relevance propagation see the value,
/// so presets let relevance pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Detach;

impl<B: Backend> LayerOps<B> for Detach {
    fn kind(&self) -> LayerKind {
        LayerKind::Detach
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        one_input(inputs).map(<[usize]>::to_vec)
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        only(inputs)
    }

    fn vjp(&self, _: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![gradient.full_like(&gradient.dims(), 0.0)])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied())
    }
}
