//! The same elements under another shape.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// Row-major reshape. As in Burn and ONNX, a 0 keeps the input's size at that place and one -1 is
/// inferred from the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reshape {
    dims: Vec<i64>,
}

impl Reshape {
    /// A reshape to `dims`.
    pub fn new(dims: impl IntoIterator<Item = i64>) -> Self {
        Self { dims: dims.into_iter().collect() }
    }

    /// `[batch, ...]` to `[batch, features]`.
    pub fn flatten() -> Self {
        Self::new([0, -1])
    }

    fn resolve(&self, input: &[usize]) -> Option<Vec<usize>> {
        if self.dims.is_empty() {
            return None;
        }
        let product =
            |dims: &[usize]| dims.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let total = product(input)?;
        let kept = |(place, &size): (usize, &i64)| match size {
            0 => input.get(place).copied(),
            -1 => Some(1),
            _ => usize::try_from(size).ok(),
        };
        let mut dims: Vec<usize> = self.dims.iter().enumerate().map(kept).collect::<Option<_>>()?;
        let known = product(&dims)?;
        let mut inferred = self.dims.iter().enumerate().filter(|(_, size)| **size == -1);
        match (inferred.next(), inferred.next()) {
            (Some((place, _)), None) if known > 0 => dims[place] = total / known,
            (Some(_), _) => return None,
            (None, _) => {}
        }
        (product(&dims)? == total).then_some(dims)
    }
}

impl<B: Backend> LayerOps<B> for Reshape {
    fn kind(&self) -> LayerKind {
        LayerKind::Reshape
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        self.resolve(input)
            .ok_or_else(|| LayerError::Reshape { input: input.to_vec(), dims: self.dims.clone() })
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let input = &only(inputs)?;
        let dims = LayerOps::<B>::output_dims(self, &[&input.dims()])?;
        Ok(input.clone().reshape(&dims))
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![gradient.reshape(context.dims()?)])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_keeps_and_minus_one_infers() {
        assert_eq!(Reshape::flatten().resolve(&[2, 3, 4]), Some(vec![2, 12]));
        assert_eq!(Reshape::new([2, -1, 2]).resolve(&[2, 6]), Some(vec![2, 3, 2]));
    }

    #[test]
    fn impossible_shapes_are_refused() {
        assert_eq!(Reshape::new([5]).resolve(&[2, 3]), None);
        assert_eq!(Reshape::new([-1, -1]).resolve(&[2, 3]), None);
        assert_eq!(Reshape::new([4, -1]).resolve(&[2, 3]), None);
        assert_eq!(Reshape::new([0, 0, 0]).resolve(&[2, 3]), None);
        assert_eq!(Reshape::new([-2, -3]).resolve(&[2, 3]), None);
    }
}
