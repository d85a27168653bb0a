//! Elements picked along a dimension.

use std::fmt;

use burn_backend::tensor::IntTensor;
use burn_backend::{Backend, TensorMetadata};

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// `y[.., i, ..] = x[.., places[.., i, ..], ..]` along one dimension: the places are constants, of the output's
/// shape. Of the kind `slice`.
#[derive(Clone)]
pub struct Gather<B: Backend> {
    dim: usize,
    places: IntTensor<B>,
}

impl<B: Backend> Gather<B> {
    /// The elements at `places` along `dim`; the places must lie within the input.
    pub fn new(dim: usize, places: IntTensor<B>) -> Self {
        Self { dim, places }
    }
}

impl<B: Backend> fmt::Debug for Gather<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").field("dim", &self.dim).field("places", &self.places.shape()).finish()
    }
}

impl<B: Backend> LayerOps<B> for Gather<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Slice
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let (input, places) = (one_input(inputs)?, self.places.shape());
        let places = places.as_slice();
        let fits = places.len() == input.len()
            && self.dim < input.len()
            && (0..input.len()).all(|dim| dim == self.dim || places[dim] <= input[dim]);
        if fits {
            return Ok(places.to_vec());
        }
        let setting = format!("places of the shape {places:?} along dimension {}", self.dim);
        Err(LayerError::Misfit { layer: "gather", setting, input: input.to_vec() })
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let x = only(inputs)?.into_primitive();
        Ok(Value::from_primitive(B::float_gather(self.dim, x, self.places.clone())))
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let zeros = gradient.full_like(context.dims()?, 0.0).into_primitive();
        let sum = B::float_scatter_add(self.dim, zeros, self.places.clone(), gradient.into_primitive());
        Ok(vec![Value::from_primitive(sum)])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};
    use burn::tensor::{Int, Tensor};
    use burn_flex::Flex;

    #[test]
    fn places_may_repeat_and_leave_out() {
        let places = |data: [[i64; 2]; 2]| Tensor::<Flex, 2, Int>::from_data(data, &Default::default());
        check(Gather::new(1, places([[2, 0], [1, 1]]).into_primitive()), &[numbers(&[2, 3], 1)]);
        check(Gather::new(0, places([[2, 0], [1, 1]]).into_primitive()), &[numbers(&[3, 2], 1)]);
        let layer = Gather::<Flex>::new(1, places([[2, 0], [1, 1]]).into_primitive());
        assert!(layer.output_dims(&[&[1, 3]]).is_err());
        assert!(layer.output_dims(&[&[2, 3, 1]]).is_err());
    }
}
