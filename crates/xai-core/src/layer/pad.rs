//! Constants around the elements.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only, sums_of};
use crate::Value;
use crate::error::LayerError;
use crate::kernel;

/// Elements of one constant value added before and after each dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Pad {
    padding: Vec<(usize, usize)>,
    fill: f64,
}

impl Pad {
    /// `padding` elements of the value `fill` before and after, for each dimension.
    pub fn new(padding: impl IntoIterator<Item = (usize, usize)>, fill: f64) -> Self {
        Self { padding: padding.into_iter().collect(), fill }
    }

    /// Elements before and after, for each dimension.
    pub fn padding(&self) -> &[(usize, usize)] {
        &self.padding
    }

    /// Their value.
    pub fn fill(&self) -> f64 {
        self.fill
    }
}

impl<B: Backend> LayerOps<B> for Pad {
    fn kind(&self) -> LayerKind {
        LayerKind::Pad
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        let padded = |(size, (before, after)): (&usize, &(usize, usize))| {
            size.checked_add(*before)?.checked_add(*after).filter(|size| isize::try_from(*size).is_ok())
        };
        let dims: Option<Vec<_>> = input.iter().zip(&self.padding).map(padded).collect();
        dims.filter(|dims| dims.len() == input.len() && self.padding.len() == input.len()).ok_or_else(|| {
            let setting = format!("the padding {:?}", self.padding);
            LayerError::Misfit { layer: "pad", setting, input: input.to_vec() }
        })
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let x = only(inputs)?;
        let padding = self.padding.iter().enumerate();
        Ok(padding.fold(x, |x, (axis, &(before, after))| {
            kernel::pad(&x, axis, before as isize, after as isize, self.fill)
        }))
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let sizes = self.padding.iter().zip(context.dims()?).enumerate();
        Ok(vec![sizes.fold(gradient, |gradient, (axis, (&(before, _), &size))| {
            kernel::narrow(&gradient, axis, before, size)
        })])
    }

    fn relevance_of_constants(
        &self,
        context: &BackwardContext<'_, B>,
        relevance: &Value<B>,
    ) -> Option<Value<B>> {
        // The border: all, less what lies inside.
        let per_sample = self.padding.first() == Some(&(0, 0));
        let inside = LayerOps::<B>::vjp(self, context, relevance.clone()).ok()?.pop()?;
        Some(sums_of(relevance.clone(), per_sample) - sums_of(inside, per_sample))
    }

    fn constant(&self, context: &BackwardContext<'_, B>, like: &Value<B>) -> Option<Value<B>> {
        let zeros = like.full_like(context.dims().ok()?, 0.0);
        LayerOps::<B>::forward(self, vec![zeros]).ok().filter(|_| self.fill != 0.0)
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied().chain([Interval::new(self.fill, self.fill)]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, forward, numbers, value};
    use burn_flex::Flex;

    #[test]
    fn padding_surrounds_and_takes_no_relevance() {
        check(Pad::new([(0, 0), (1, 2), (0, 3)], 0.5), &[numbers(&[2, 3, 4], 1)]);
        let y = forward(&Pad::new([(1, 2)], 9.0).into(), &[value(&[1.0], &[1])]);
        assert_close(&y, &value(&[9.0, 1.0, 9.0, 9.0], &[4]), "pad");
    }

    #[test]
    fn misfits_are_refused() {
        assert!(LayerOps::<Flex>::output_dims(&Pad::new([(1, 1)], 0.0), &[&[2, 3]]).is_err());
        assert!(LayerOps::<Flex>::output_dims(&Pad::new([(usize::MAX, 1)], 0.0), &[&[2]]).is_err());
    }
}
