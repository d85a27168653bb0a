//! Sums and means over dimensions.

use burn_backend::Backend;

use super::{Interval, LayerKind, LayerOps, LinearMap, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// A sum or a mean over some dimensions, which stay with size 1, or over all elements, which gives
/// the shape `[1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reduce {
    mean: bool,
    /// Sorted, without doubles; `None` for all elements.
    axes: Option<Vec<usize>>,
}

impl Reduce {
    /// The sum over the dimensions `axes`.
    pub fn sum(axes: impl IntoIterator<Item = usize>) -> Self {
        Self { mean: false, axes: Some(sorted(axes)) }
    }

    /// The mean over the dimensions `axes`.
    pub fn mean(axes: impl IntoIterator<Item = usize>) -> Self {
        Self { mean: true, axes: Some(sorted(axes)) }
    }

    /// The sum of all elements, those of other samples in the batch too, of shape `[1]`.
    pub fn sum_all() -> Self {
        Self { mean: false, axes: None }
    }

    /// The mean of all elements, those of other samples in the batch too, of shape `[1]`.
    pub fn mean_all() -> Self {
        Self { mean: true, axes: None }
    }

    /// Whether it is the mean, and not the sum.
    pub fn is_mean(&self) -> bool {
        self.mean
    }

    /// The dimensions; `None` for all elements.
    pub fn axes(&self) -> Option<&[usize]> {
        self.axes.as_deref()
    }

    /// The output's sizes, with every reduced dimension kept.
    fn kept(&self, input: &[usize]) -> Vec<usize> {
        let reduced = |axis: &usize| self.axes.as_ref().is_none_or(|axes| axes.contains(axis));
        (0..input.len()).map(|axis| if reduced(&axis) { 1 } else { input[axis] }).collect()
    }

    /// Elements that one output sees.
    fn count(&self, input: &[usize]) -> f64 {
        let kept: usize = self.kept(input).iter().product();
        (input.iter().product::<usize>() / kept) as f64
    }

    fn reduce<B: Backend>(&self, x: &Value<B>) -> Value<B> {
        let dims = x.dims();
        let kept = self.kept(&dims);
        let y = x.clone().sum_to(&kept);
        let y = if self.axes.is_none() { y.reshape(&[1]) } else { y };
        if self.mean { y / self.count(&dims) } else { y }
    }

    fn spread<B: Backend>(&self, r: Value<B>, input_dims: &[usize]) -> Value<B> {
        let r = if self.mean { r / self.count(input_dims) } else { r };
        r.reshape(&self.kept(input_dims)).expand(input_dims)
    }
}

fn sorted(axes: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut axes: Vec<_> = axes.into_iter().collect();
    axes.sort_unstable();
    axes.dedup();
    axes
}

impl<B: Backend> LayerOps<B> for Reduce {
    fn kind(&self) -> LayerKind {
        if self.mean { LayerKind::Mean } else { LayerKind::Sum }
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        match &self.axes {
            None => Ok(vec![1]),
            Some(axes) if axes.iter().all(|axis| *axis < input.len()) => Ok(self.kept(input)),
            Some(axes) => Err(LayerError::Misfit {
                layer: if self.mean { "mean" } else { "sum" },
                setting: format!("the dimensions {axes:?}"),
                input: input.to_vec(),
            }),
        }
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(self.reduce(&only(inputs)?))
    }

    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        Some(self)
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        let input = Interval::hull(inputs.iter().copied());
        if self.mean { input } else { input.sign_only() }
    }
}

impl<B: Backend> LinearMap<B> for Reduce {
    fn weight(&self) -> Option<&Value<B>> {
        None
    }

    fn bias(&self, _: usize) -> Option<Value<B>> {
        None
    }

    fn is_per_sample(&self) -> bool {
        self.axes.as_ref().is_some_and(|axes| !axes.contains(&0))
    }

    fn apply(&self, x: &Value<B>, _: Option<&Value<B>>) -> Value<B> {
        self.reduce(x)
    }

    fn adjoint(&self, r: Value<B>, _: Option<&Value<B>>, input_dims: &[usize]) -> Value<B> {
        self.spread(r, input_dims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, forward, numbers, value};
    use burn_flex::Flex;

    #[test]
    fn sums_and_means_are_linear_maps() {
        for layer in [Reduce::sum([2]), Reduce::mean([2, 1, 2]), Reduce::sum([0, 2]), Reduce::mean_all()] {
            check(layer, &[numbers(&[2, 3, 4], 1)]);
        }
        check(Reduce::sum_all(), &[numbers(&[2, 3], 1)]);
    }

    #[test]
    fn the_shape_keeps_its_rank_unless_all_is_reduced() {
        let x = value(&[1.0, 2.0, 3.0, 6.0], &[2, 2]);
        assert_close(
            &forward(&Reduce::mean([1]).into(), std::slice::from_ref(&x)),
            &value(&[1.5, 4.5], &[2, 1]),
            "mean",
        );
        assert_close(&forward(&Reduce::sum_all().into(), &[x]), &value(&[12.0], &[1]), "sum");
        assert!(LayerOps::<Flex>::output_dims(&Reduce::sum([2]), &[&[2, 2]]).is_err());
    }
}
