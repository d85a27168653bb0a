//! Elements in another order.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// Dimensions reordered: output dimension `i` is input dimension `axes[i]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permute {
    axes: Vec<usize>,
}

impl Permute {
    /// A reordering of all dimensions.
    pub fn new(axes: impl IntoIterator<Item = usize>) -> Self {
        Self { axes: axes.into_iter().collect() }
    }

    /// For each dimension of the output, the dimension of the input.
    pub fn axes(&self) -> &[usize] {
        &self.axes
    }

    fn inverse(&self) -> Vec<usize> {
        let mut inverse = vec![0; self.axes.len()];
        for (to, &from) in self.axes.iter().enumerate() {
            inverse[from] = to;
        }
        inverse
    }
}

impl<B: Backend> LayerOps<B> for Permute {
    fn kind(&self) -> LayerKind {
        LayerKind::Permute
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        let mut sorted = self.axes.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..input.len()) {
            let setting = format!("the dimensions {:?}", self.axes);
            return Err(LayerError::Misfit { layer: "permute", setting, input: input.to_vec() });
        }
        Ok(self.axes.iter().map(|&axis| input[axis]).collect())
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(only(inputs)?.permute(&self.axes))
    }

    fn vjp(&self, _: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![gradient.permute(&self.inverse())])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied())
    }
}

/// Elements in reverse order along some dimensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flip {
    axes: Vec<usize>,
}

impl Flip {
    /// A reversal along the dimensions `axes`, each given once.
    pub fn new(axes: impl IntoIterator<Item = usize>) -> Self {
        Self { axes: axes.into_iter().collect() }
    }

    /// The dimensions.
    pub fn axes(&self) -> &[usize] {
        &self.axes
    }
}

impl<B: Backend> LayerOps<B> for Flip {
    fn kind(&self) -> LayerKind {
        LayerKind::Permute
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        let once = |(place, axis): (usize, &usize)| *axis < input.len() && !self.axes[..place].contains(axis);
        if !self.axes.iter().enumerate().all(once) {
            let setting = format!("the dimensions {:?}", self.axes);
            return Err(LayerError::Misfit { layer: "flip", setting, input: input.to_vec() });
        }
        Ok(input.to_vec())
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(only(inputs)?.flip(&self.axes))
    }

    fn vjp(&self, _: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![gradient.flip(&self.axes)])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};
    use burn_flex::Flex;

    #[test]
    fn relevance_follows_its_element() {
        check(Permute::new([2, 0, 1]), &[numbers(&[2, 3, 4], 1)]);
        check(Flip::new([0, 2]), &[numbers(&[2, 3, 4], 1)]);
    }

    #[test]
    fn what_is_no_permutation_is_refused() {
        for axes in [vec![0, 1], vec![0, 0, 1], vec![0, 1, 3]] {
            assert!(LayerOps::<Flex>::output_dims(&Permute::new(axes), &[&[2, 3, 4]]).is_err());
        }
        assert!(LayerOps::<Flex>::output_dims(&Flip::new([1, 1]), &[&[2, 3]]).is_err());
        assert!(LayerOps::<Flex>::output_dims(&Flip::new([2]), &[&[2, 3]]).is_err());
    }
}
