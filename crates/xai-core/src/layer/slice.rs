//! Some of the elements.

use burn_backend::{Backend, Slice as Range, TensorData, get_device_settings};

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only};
use crate::Value;
use crate::error::LayerError;
use crate::kernel::{interleave_zeros, pad};

/// One range per dimension, with a step; a negative step reads the range from its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    cuts: Vec<Cut>,
}

/// What a slice keeps of one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Everything, whatever the size.
    All,
    /// The elements from `start` to before `end`, every `step`-th of them.
    Range {
        /// First element of the range.
        start: usize,
        /// The element after the range.
        end: usize,
        /// Distance of the elements kept; if negative, they are read backwards from `end - 1`.
        step: isize,
    },
}

impl Cut {
    fn kept(self, size: usize) -> usize {
        match self {
            Self::All => size,
            Self::Range { start, end, step } => (end - start).div_ceil(step.unsigned_abs()),
        }
    }

    fn fits(self, size: usize) -> bool {
        match self {
            Self::All => true,
            Self::Range { start, end, step } => start < end && end <= size && step != 0,
        }
    }

    fn range(self) -> Range {
        match self {
            Self::All => Range::full(),
            Self::Range { start, end, step } => Range::new(start as isize, Some(end as isize), step),
        }
    }
}

impl Slice {
    /// A slice with one cut per dimension.
    pub fn new(cuts: impl IntoIterator<Item = Cut>) -> Self {
        Self { cuts: cuts.into_iter().collect() }
    }

    /// What it keeps of each dimension.
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
    }

    pub(super) fn ranges(&self) -> Vec<Range> {
        self.cuts.iter().map(|cut| cut.range()).collect()
    }

    /// `value` back where it was cut from, in zeros of the sizes `dims`.
    pub(super) fn spread<B: Backend>(&self, mut value: Value<B>, dims: &[usize]) -> Value<B> {
        for (axis, (cut, &size)) in self.cuts.iter().zip(dims).enumerate() {
            let Cut::Range { start, end, step } = *cut else { continue };
            let stride = step.unsigned_abs();
            let spread = (cut.kept(size) - 1) * stride + 1;
            let first = if step < 0 { end - spread } else { start };
            if step < 0 {
                value = value.flip(&[axis]);
            }
            if stride > 1 {
                value = interleave_zeros(&value, axis, stride);
            }
            value = pad(&value, axis, first as isize, (size - first - spread) as isize, 0.0);
        }
        value
    }
}

impl<B: Backend> LayerOps<B> for Slice {
    fn kind(&self) -> LayerKind {
        LayerKind::Slice
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        let fits = self.cuts.iter().zip(input).all(|(cut, &size)| cut.fits(size));
        if !fits || self.cuts.len() != input.len() {
            let setting = format!("{:?}", self.cuts);
            return Err(LayerError::Misfit { layer: "slice", setting, input: input.to_vec() });
        }
        Ok(self.cuts.iter().zip(input).map(|(cut, &size)| cut.kept(size)).collect())
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(only(inputs)?.slice(&self.ranges()))
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![self.spread(gradient, context.dims()?)])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied())
    }
}

/// The elements at given places of one dimension, in the order of the places; a place may be given
/// more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Select {
    dim: usize,
    places: Vec<usize>,
}

impl Select {
    /// The elements at `places` of dimension `dim`.
    pub fn new(dim: usize, places: impl IntoIterator<Item = usize>) -> Self {
        Self { dim, places: places.into_iter().collect() }
    }

    /// The dimension.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The places, in the order of the output.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    fn indices<B: Backend>(&self, like: &Value<B>) -> burn_backend::tensor::IntTensor<B> {
        let device = like.device();
        let places: Vec<i64> = self.places.iter().map(|&place| place as i64).collect();
        let data = TensorData::new(places, [self.places.len()]);
        let dtype = get_device_settings::<B>(&device).int_dtype;
        B::int_from_data(data.convert_dtype(dtype.into()), &device)
    }
}

impl<B: Backend> LayerOps<B> for Select {
    fn kind(&self) -> LayerKind {
        LayerKind::Slice
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let mut dims = one_input(inputs)?.to_vec();
        let size = dims.get(self.dim).copied().unwrap_or(0);
        if self.places.is_empty() || self.places.iter().any(|&place| place >= size) {
            let setting = format!("the places {:?} of dimension {}", self.places, self.dim);
            return Err(LayerError::Misfit { layer: "select", setting, input: dims });
        }
        dims[self.dim] = self.places.len();
        Ok(dims)
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let x = &only(inputs)?;
        let indices = self.indices(x);
        Ok(Value::from_primitive(B::float_select(x.clone().into_primitive(), self.dim, indices)))
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let zeros = gradient.full_like(context.dims()?, 0.0).into_primitive();
        let indices = self.indices(&gradient);
        let sum = B::float_select_add(zeros, self.dim, indices, gradient.into_primitive());
        Ok(vec![Value::from_primitive(sum)])
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

    fn range(start: usize, end: usize, step: isize) -> Cut {
        Cut::Range { start, end, step }
    }

    #[test]
    fn relevance_returns_to_where_it_was_cut_from() {
        let x = numbers(&[2, 7, 8], 1);
        for cut in [range(1, 4, 1), range(0, 7, 2), range(1, 7, 3), range(0, 7, -1), range(1, 6, -2)] {
            check(Slice::new([Cut::All, cut, range(2, 7, 3)]), std::slice::from_ref(&x));
        }
        let backwards = Slice::new([range(0, 4, -2)]);
        let y = forward(&backwards.into(), &[value(&[0.0, 1.0, 2.0, 3.0], &[4])]);
        assert_close(&y, &value(&[3.0, 1.0], &[2]), "backwards");
    }

    #[test]
    fn places_may_repeat() {
        check(Select::new(1, [2, 0, 2, 1]), &[numbers(&[2, 3, 4], 1)]);
    }

    #[test]
    fn what_lies_outside_is_refused() {
        let dims = |cuts: &[Cut]| LayerOps::<Flex>::output_dims(&Slice::new(cuts.to_vec()), &[&[2, 3]]);
        assert!(dims(&[Cut::All, range(1, 4, 1)]).is_err());
        assert!(dims(&[Cut::All, range(2, 2, 1)]).is_err());
        assert!(dims(&[Cut::All, range(0, 2, 0)]).is_err());
        assert!(dims(&[Cut::All]).is_err());
        assert!(LayerOps::<Flex>::output_dims(&Select::new(1, [3]), &[&[2, 3]]).is_err());
        assert!(LayerOps::<Flex>::output_dims(&Select::new(2, [0]), &[&[2, 3]]).is_err());
    }
}
