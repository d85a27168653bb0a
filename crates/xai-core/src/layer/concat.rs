//! Values one after the other.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, sums_of};
use crate::Value;
use crate::error::LayerError;
use crate::kernel::narrow;

/// The inputs, and constants between them, joined along one dimension.
#[derive(Debug, Clone)]
pub struct Concat<B: Backend> {
    dim: usize,
    /// `None` stands for the next input; empty for inputs only.
    parts: Vec<Option<Value<B>>>,
}

impl<B: Backend> Concat<B> {
    /// All inputs, in their order, along dimension `dim`.
    pub fn new(dim: usize) -> Self {
        Self { dim, parts: Vec::new() }
    }

    /// Inputs and constants along dimension `dim`, such as a class token before the tokens: `None`
    /// stands for the next input. A constant with a batch of one serves every sample.
    pub fn with_constants(dim: usize, parts: impl IntoIterator<Item = Option<Value<B>>>) -> Self {
        Self { dim, parts: parts.into_iter().collect() }
    }

    /// The dimension.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// For each part, the constant, or the place of the input.
    fn parts(&self, inputs: usize) -> Result<Vec<Result<&Value<B>, usize>>, LayerError> {
        if self.parts.is_empty() && inputs > 0 {
            return Ok((0..inputs).map(Err).collect());
        }
        let mut next = 0;
        let parts = self.parts.iter().map(|part| {
            part.as_ref().ok_or_else(|| {
                next += 1;
                next - 1
            })
        });
        let parts: Vec<_> = parts.collect();
        if next == inputs && inputs > 0 {
            return Ok(parts);
        }
        Err(LayerError::Arity { expected: "one input for each part that is no constant", got: inputs })
    }

    /// Size of a part along the dimension.
    fn length(&self, part: Result<&Value<B>, usize>, context: &BackwardContext<'_, B>) -> usize {
        match part {
            Ok(constant) => constant.dims()[self.dim],
            Err(place) => context.input_dims(place).map_or(0, |dims| dims[self.dim]),
        }
    }

    /// Sizes of the parts, which constants take over the batch from the inputs.
    fn sizes(&self, inputs: &[&[usize]]) -> Result<Vec<Vec<usize>>, LayerError> {
        let parts = self.parts(inputs.len())?;
        let batch = inputs[0].first().copied();
        let dims = |part: &Result<&Value<B>, usize>| match part {
            Ok(constant) => {
                let mut dims = constant.dims();
                if let (Some(1), Some(batch), true) = (dims.first(), batch, self.dim > 0) {
                    dims[0] = batch;
                }
                dims
            }
            Err(place) => inputs[*place].to_vec(),
        };
        Ok(parts.iter().map(dims).collect())
    }
}

impl<B: Backend> LayerOps<B> for Concat<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Concat
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let sizes = self.sizes(inputs)?;
        let mut dims = sizes[0].clone();
        if self.dim >= dims.len() {
            let setting = format!("dimension {}", self.dim);
            return Err(LayerError::Misfit { layer: "concat", setting, input: dims });
        }
        for other in &sizes[1..] {
            let fits = other.len() == dims.len()
                && (0..dims.len()).all(|axis| axis == self.dim || other[axis] == dims[axis]);
            if !fits {
                let setting = format!("dimension {} and another part {other:?}", self.dim);
                return Err(LayerError::Misfit { layer: "concat", setting, input: sizes[0].clone() });
            }
            dims[self.dim] = dims[self.dim].saturating_add(other[self.dim]);
        }
        Ok(dims)
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let dims: Vec<_> = inputs.iter().map(|input| input.dims()).collect();
        let sizes = self.sizes(&dims.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        let parts = self.parts(inputs.len())?.into_iter().zip(&sizes);
        let parts = parts.map(|(part, sizes)| match part {
            Ok(constant) => constant.clone().expand(sizes),
            Err(place) => inputs[place].clone(),
        });
        Ok(Value::cat(parts.collect(), self.dim))
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let parts = self.parts(context.arity())?;
        let mut start = 0;
        let mut gradients = Vec::with_capacity(context.arity());
        for part in parts {
            let length = self.length(part, context);
            if part.is_err() {
                gradients.push(narrow(&gradient, self.dim, start, length));
            }
            start += length;
        }
        Ok(gradients)
    }

    fn constant(&self, context: &BackwardContext<'_, B>, like: &Value<B>) -> Option<Value<B>> {
        if self.parts.iter().all(Option::is_none) {
            return None;
        }
        let (parts, mut dims) = (self.parts(context.arity()).ok()?, like.dims());
        let parts = parts.into_iter().map(|part| {
            dims[self.dim] = self.length(part, context);
            part.map_or_else(|_| like.full_like(&dims, 0.0), |constant| constant.clone().expand(&dims))
        });
        Some(Value::cat(parts.collect(), self.dim))
    }

    fn relevance_of_constants(
        &self,
        context: &BackwardContext<'_, B>,
        relevance: &Value<B>,
    ) -> Option<Value<B>> {
        let mut start = 0;
        let mut sums = Vec::new();
        for part in self.parts(context.arity()).ok()? {
            let length = self.length(part, context);
            if part.is_ok() {
                sums.push(narrow(relevance, self.dim, start, length));
            }
            start += length;
        }
        sums.into_iter().map(|part| sums_of(part, self.dim > 0)).reduce(|sum, part| sum + part)
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        match self.parts.iter().all(Option::is_none) {
            true => Interval::hull(inputs.iter().copied()),
            false => Interval::ANY,
        }
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        self.parts.iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};
    use burn_flex::Flex;

    #[test]
    fn every_input_gets_its_part_back() {
        check(Concat::new(1), &[numbers(&[2, 1, 3], 1), numbers(&[2, 4, 3], 2), numbers(&[2, 2, 3], 3)]);
        check(Concat::new(0), &[numbers(&[2, 3], 1), numbers(&[1, 3], 2)]);
    }

    #[test]
    fn constants_serve_every_sample() {
        let token = Some(numbers(&[1, 1, 3], 4));
        check(Concat::with_constants(1, [token.clone(), None]), &[numbers(&[2, 4, 3], 1)]);
        check(
            Concat::with_constants(2, [None, Some(numbers(&[2, 4, 2], 4)), None]),
            &[numbers(&[2, 4, 3], 1), numbers(&[2, 4, 1], 2)],
        );
        let layer: Concat<Flex> = Concat::with_constants(1, [token, None]);
        assert!(matches!(layer.output_dims(&[]), Err(LayerError::Arity { got: 0, .. })));
        assert!(matches!(
            layer.output_dims(&[&[2, 4, 3], &[2, 4, 3]]),
            Err(LayerError::Arity { got: 2, .. })
        ));
    }

    #[test]
    fn other_sizes_are_refused() {
        let layer = Concat::<Flex>::new(1);
        assert!(layer.output_dims(&[&[2, 3, 4], &[2, 3, 5]]).is_err());
        assert!(layer.output_dims(&[&[2, 3], &[2, 3, 1]]).is_err());
        assert!(layer.output_dims(&[&[2], &[2]]).is_err());
        assert!(layer.output_dims(&[]).is_err());
    }
}
