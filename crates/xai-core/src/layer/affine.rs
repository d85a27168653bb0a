//! Products and sums with constants.

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// A constant that a value is multiplied with, or that is added to it.
#[derive(Debug, Clone)]
pub enum Coefficient<B: Backend> {
    /// One number for all elements.
    Scalar(f64),
    /// A tensor of the value's rank; dimensions of size 1 are repeated.
    Tensor(Value<B>),
}

/// `y = factor x + offset`, element by element, with constants: a scaling by a layer's own factor,
/// a positional embedding, a normalisation of the input. Of the kind `shift` with an offset, `scale`
/// without.
#[derive(Debug, Clone)]
pub struct Affine<B: Backend> {
    factor: Option<Coefficient<B>>,
    offset: Option<Coefficient<B>>,
}

impl<B: Backend> Affine<B> {
    /// `y = factor x + offset`; `None` stands for 1 and for 0.
    pub fn new(factor: Option<Coefficient<B>>, offset: Option<Coefficient<B>>) -> Self {
        Self { factor, offset }
    }

    /// `y = factor x`.
    pub fn scale(factor: Coefficient<B>) -> Self {
        Self::new(Some(factor), None)
    }

    /// `y = x + offset`.
    pub fn shift(offset: Coefficient<B>) -> Self {
        Self::new(None, Some(offset))
    }

    /// What x is multiplied with; `None` stands for 1.
    pub fn factor(&self) -> Option<&Coefficient<B>> {
        self.factor.as_ref()
    }

    /// What is added; `None` stands for 0.
    pub fn offset(&self) -> Option<&Coefficient<B>> {
        self.offset.as_ref()
    }

    fn scaled(&self, x: Value<B>) -> Value<B> {
        match &self.factor {
            Some(Coefficient::Scalar(factor)) => x * *factor,
            Some(Coefficient::Tensor(factor)) => x * factor,
            None => x,
        }
    }
}

impl<B: Backend> LayerOps<B> for Affine<B> {
    fn kind(&self) -> LayerKind {
        if self.offset.is_some() { LayerKind::Shift } else { LayerKind::Scale }
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        for (what, coefficient) in [("factor", &self.factor), ("offset", &self.offset)] {
            let Some(Coefficient::Tensor(tensor)) = coefficient else { continue };
            let dims = tensor.dims();
            let fits = dims.len() == input.len()
                && dims.iter().zip(input).all(|(size, input)| *size == 1 || size == input);
            if !fits {
                let setting = format!("a constant {what} of the shape {dims:?}");
                return Err(LayerError::Misfit { layer: "affine", setting, input: input.to_vec() });
            }
        }
        Ok(input.to_vec())
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let y = self.scaled(only(inputs)?);
        Ok(match &self.offset {
            Some(Coefficient::Scalar(offset)) => y + *offset,
            Some(Coefficient::Tensor(offset)) => y + offset,
            None => y,
        })
    }

    fn vjp(&self, _: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![self.scaled(gradient)])
    }

    fn constant(&self, _: &BackwardContext<'_, B>, like: &Value<B>) -> Option<Value<B>> {
        Some(match self.offset.as_ref()? {
            Coefficient::Scalar(offset) => like.full_like(&vec![1; like.rank()], *offset),
            Coefficient::Tensor(offset) => offset.clone(),
        })
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        // The elements of a tensor are not read for this.
        let known = |coefficient: &Option<Coefficient<B>>, neutral: f64| match coefficient {
            Some(Coefficient::Scalar(value)) => Some(*value),
            Some(Coefficient::Tensor(_)) => None,
            None => Some(neutral),
        };
        let (factor, offset) = (known(&self.factor, 1.0), known(&self.offset, 0.0));
        match (factor, offset, inputs) {
            (Some(factor), Some(offset), [input]) => *input * factor + Interval::new(offset, offset),
            _ => Interval::ANY,
        }
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        let coefficients = self.factor.iter().chain(&self.offset);
        let tensors = coefficients.filter_map(|coefficient| match coefficient {
            Coefficient::Tensor(tensor) => Some(tensor),
            Coefficient::Scalar(_) => None,
        });
        tensors.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, forward, numbers, value};
    use burn_flex::Flex;

    fn tensor(dims: &[usize], seed: usize) -> Option<Coefficient<Flex>> {
        Some(Coefficient::Tensor(numbers(dims, seed)))
    }

    #[test]
    fn constants_broadcast_against_the_input() {
        let x = numbers(&[2, 3, 4], 1);
        check(Affine::new(tensor(&[1, 3, 1], 2), tensor(&[2, 3, 4], 3)), std::slice::from_ref(&x));
        check(
            Affine::new(Some(Coefficient::Scalar(-0.5)), Some(Coefficient::Scalar(2.0))),
            std::slice::from_ref(&x),
        );
        check(Affine::new(None, None), &[x]);
        let y = forward(&Affine::shift(Coefficient::Scalar(1.0)).into(), &[value(&[1.0, 2.0], &[2])]);
        assert_close(&y, &value(&[2.0, 3.0], &[2]), "shift");
    }

    #[test]
    fn constants_never_enlarge_the_input() {
        let layer = Affine::new(None, tensor(&[4, 3], 2));
        let refusal = layer.output_dims(&[&[1, 3]]).unwrap_err().to_string();
        assert!(refusal.contains("a constant offset of the shape [4, 3]"), "{refusal}");
        assert!(layer.output_dims(&[&[4, 3, 1]]).is_err());
    }

    #[test]
    fn only_scalars_are_known_to_keep_signs() {
        let keeps = |layer: Affine<Flex>| layer.output_interval(&[Interval::NON_NEGATIVE]).is_non_negative();
        assert!(keeps(Affine::scale(Coefficient::Scalar(2.0))));
        assert!(!keeps(Affine::scale(Coefficient::Scalar(-2.0))));
        assert!(!keeps(Affine::shift(Coefficient::Tensor(numbers(&[1], 1).abs()))));
        let doubled = Affine::<Flex>::scale(Coefficient::Scalar(2.0)).output_interval(&[Interval::ANY]);
        assert!(!doubled.is_non_negative());
    }
}
