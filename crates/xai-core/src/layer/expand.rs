//! Elements repeated.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// Dimensions of size 1 repeated, and new dimensions put in front; as in Burn, -1 keeps the input's
/// size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expand {
    dims: Vec<i64>,
}

impl Expand {
    /// An expansion to `dims`, which may be longer than the input's.
    pub fn new(dims: impl IntoIterator<Item = i64>) -> Self {
        Self { dims: dims.into_iter().collect() }
    }

    fn resolve(&self, input: &[usize]) -> Option<Vec<usize>> {
        let new = self.dims.len().checked_sub(input.len())?;
        let size = |(place, &size): (usize, &i64)| {
            let old = place.checked_sub(new).map(|place| input[place]);
            match (old, usize::try_from(size)) {
                (Some(old), Err(_)) if size == -1 => Some(old),
                (Some(old), Ok(size)) if old == size || old == 1 => Some(size),
                (None, Ok(size)) => Some(size),
                _ => None,
            }
        };
        let dims: Vec<usize> = self.dims.iter().enumerate().map(size).collect::<Option<_>>()?;
        (!dims.contains(&0)).then_some(dims)
    }
}

/// `input` with ones in front, up to the given rank.
fn lengthened(input: &[usize], rank: usize) -> Vec<usize> {
    std::iter::repeat_n(1, rank - input.len()).chain(input.iter().copied()).collect()
}

impl<B: Backend> LayerOps<B> for Expand {
    fn kind(&self) -> LayerKind {
        LayerKind::Expand
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        self.resolve(input).ok_or_else(|| {
            let setting = format!("the target shape {:?}", self.dims);
            LayerError::Misfit { layer: "expand", setting, input: input.to_vec() }
        })
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let x = &only(inputs)?;
        let input = x.dims();
        let dims = LayerOps::<B>::output_dims(self, &[&input])?;
        Ok(x.clone().reshape(&lengthened(&input, dims.len())).expand(&dims))
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let input = context.dims()?;
        let rank = gradient.rank();
        Ok(vec![gradient.sum_to(&lengthened(input, rank)).reshape(input)])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied())
    }
}

/// The whole value several times, one after the other along a dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    dim: usize,
    times: usize,
}

impl Repeat {
    /// `times` copies along dimension `dim`; at least one.
    pub fn new(dim: usize, times: usize) -> Self {
        Self { dim, times }
    }
}

impl<B: Backend> LayerOps<B> for Repeat {
    fn kind(&self) -> LayerKind {
        LayerKind::Expand
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let mut dims = one_input(inputs)?.to_vec();
        let size = dims.get(self.dim).and_then(|size| size.checked_mul(self.times)).filter(|size| *size > 0);
        match size {
            Some(size) => dims[self.dim] = size,
            None => {
                let setting = format!("{} copies along dimension {}", self.times, self.dim);
                return Err(LayerError::Misfit { layer: "repeat", setting, input: dims });
            }
        }
        Ok(dims)
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(Value::cat(vec![only(inputs)?; self.times], self.dim))
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let input = context.dims()?;
        let mut copies = input.to_vec();
        copies.insert(self.dim, self.times);
        Ok(vec![gradient.reshape(&copies).sum_dim(self.dim).reshape(input)])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, forward, numbers, value};
    use burn_flex::Flex;

    #[test]
    fn copies_give_their_relevance_together() {
        check(Expand::new([-1, 5, 3]), &[numbers(&[2, 1, 3], 1)]);
        check(Expand::new([4, 2, 5, 3]), &[numbers(&[1, 3], 1)]);
        check(Repeat::new(1, 3), &[numbers(&[2, 2, 3], 1)]);
        check(Repeat::new(0, 1), &[numbers(&[2], 1)]);
        let y = forward(&Repeat::new(0, 2).into(), &[value(&[1.0, 2.0], &[2])]);
        assert_close(&y, &value(&[1.0, 2.0, 1.0, 2.0], &[4]), "repeat");
    }

    #[test]
    fn misfits_are_refused() {
        let dims = |target: &[i64]| LayerOps::<Flex>::output_dims(&Expand::new(target.to_vec()), &[&[2, 1]]);
        assert!(dims(&[3, 1]).is_err());
        assert!(dims(&[2]).is_err());
        assert!(dims(&[-1, 2, 1]).is_err());
        assert!(dims(&[2, 0]).is_err());
        assert_eq!(dims(&[7, -1, 4]), Ok(vec![7, 2, 4]));
        assert!(LayerOps::<Flex>::output_dims(&Repeat::new(2, 2), &[&[2, 1]]).is_err());
        assert!(LayerOps::<Flex>::output_dims(&Repeat::new(0, 0), &[&[2, 1]]).is_err());
    }
}
