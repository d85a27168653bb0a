//! A range replaced by another value.

use burn_backend::Backend;

use super::slice::{Cut, Slice};
use super::{BackwardContext, Interval, LayerKind, LayerOps, sums_of};
use crate::Value;
use crate::error::LayerError;

/// `y = base` with `y[range] = value`. Either of the two may be a constant; the inputs are those that are none,
/// base first. Of the kind `concat`.
#[derive(Debug, Clone)]
pub struct Assign<B: Backend> {
    range: Slice,
    base: Option<Value<B>>,
    value: Option<Value<B>>,
}

impl<B: Backend> Assign<B> {
    /// An assignment of one input into a range of another.
    pub fn new(cuts: impl IntoIterator<Item = Cut>) -> Self {
        Self { range: Slice::new(cuts), base: None, value: None }
    }

    /// The same into a constant.
    pub fn into_constant(self, base: Value<B>) -> Self {
        Self { base: Some(base), ..self }
    }

    /// The same of a constant.
    pub fn of_constant(self, value: Value<B>) -> Self {
        Self { value: Some(value), ..self }
    }

    /// Base and value, each a constant or the place of an input.
    fn parts(&self) -> [Result<&Value<B>, usize>; 2] {
        let value = usize::from(self.base.is_none());
        [self.base.as_ref().ok_or(0), self.value.as_ref().ok_or(value)]
    }

    /// The relevance of base and of value.
    fn split(&self, relevance: &Value<B>) -> Result<[Value<B>; 2], LayerError> {
        let inside: Value<B> = LayerOps::<B>::forward(&self.range, vec![relevance.clone()])?;
        let outside = relevance - self.range.spread(inside.clone(), &relevance.dims());
        Ok([outside, inside])
    }
}

impl<B: Backend> LayerOps<B> for Assign<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Concat
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let parts = self.parts();
        if parts.iter().filter(|part| part.is_err()).count() != inputs.len() || inputs.is_empty() {
            return Err(LayerError::Arity {
                expected: "one input for each of base and value that is no constant",
                got: inputs.len(),
            });
        }
        let [base, value] = parts.map(|part| part.map_or_else(|place| inputs[place].to_vec(), Value::dims));
        match LayerOps::<B>::output_dims(&self.range, &[&base]) {
            Ok(dims) if dims == value => Ok(base),
            Ok(dims) => {
                let setting = format!("a range of the shape {dims:?} into the shape {base:?}");
                Err(LayerError::Misfit { layer: "assign", setting, input: value })
            }
            Err(error) => Err(error),
        }
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let [base, value] = self.parts().map(|part| part.unwrap_or_else(|place| &inputs[place]).clone());
        let ranges = self.range.ranges();
        Ok(Value::from_primitive(B::float_slice_assign(
            base.into_primitive(),
            &ranges,
            value.into_primitive(),
        )))
    }

    fn vjp(&self, _: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let parts = self.parts().into_iter().zip(self.split(&gradient)?);
        Ok(parts.filter(|(part, _)| part.is_err()).map(|(_, gradient)| gradient).collect())
    }

    fn constant(&self, _: &BackwardContext<'_, B>, like: &Value<B>) -> Option<Value<B>> {
        let dims = like.dims();
        match (&self.base, &self.value) {
            (None, None) => None,
            (Some(base), _) => Some(self.split(base).ok()?[0].clone()),
            (None, Some(value)) => Some(self.range.spread(value.clone(), &dims)),
        }
    }

    fn relevance_of_constants(&self, _: &BackwardContext<'_, B>, relevance: &Value<B>) -> Option<Value<B>> {
        let parts = self.parts().into_iter().zip(self.split(relevance).ok()?);
        let constants = parts.filter(|(part, _)| part.is_ok());
        // A range of the batch leaves one sum for all of it.
        let per_sample = matches!(self.range.cuts().first(), Some(Cut::All));
        constants.map(|(_, relevance)| sums_of(relevance, per_sample)).next()
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        match self.parameters().is_empty() {
            true => Interval::hull(inputs.iter().copied()),
            false => Interval::ANY,
        }
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        self.base.iter().chain(&self.value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};

    fn cuts(step: isize) -> [Cut; 3] {
        [Cut::All, Cut::Range { start: 1, end: 5, step }, Cut::Range { start: 0, end: 2, step: 1 }]
    }

    #[test]
    fn base_and_value_get_their_parts_back() {
        let (base, value) = (numbers(&[2, 6, 3], 1), numbers(&[2, 4, 2], 2));
        check(Assign::new(cuts(1)), &[base.clone(), value.clone()]);
        check(Assign::new(cuts(1)).into_constant(base.clone()), std::slice::from_ref(&value));
        check(Assign::new(cuts(1)).of_constant(value.clone()), std::slice::from_ref(&base));
        check(Assign::new(cuts(2)), &[base.clone(), numbers(&[2, 2, 2], 2)]);
        let layer = Assign::<burn_flex::Flex>::new(cuts(1));
        assert!(layer.output_dims(&[&[2, 6, 3], &[2, 3, 2]]).is_err());
        assert!(matches!(layer.output_dims(&[&[2, 6, 3]]), Err(LayerError::Arity { got: 1, .. })));
    }
}
