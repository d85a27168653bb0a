//! Layer normalisation.

use burn_backend::Backend;

use super::{BackwardContext, LayerKind, LayerOps, Saved, along, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// `y = (x - mean) / std * scale + shift` over the last dimension, with `std = sqrt(variance + epsilon)`.
///
/// Ba, Kiros, Hinton, "Layer Normalization", arXiv 1607.06450, 2016.
#[derive(Debug, Clone)]
pub struct LayerNorm<B: Backend> {
    scale: Value<B>,
    shift: Option<Value<B>>,
    epsilon: f64,
}

impl<B: Backend> LayerNorm<B> {
    /// A layer normalisation with `scale` (gamma) and `shift` (beta), both `[features]`, and the number that
    /// is added to the variance.
    ///
    /// # Errors
    /// [`LayerError::Parameter`] when the two do not have one shape `[features]`, [`LayerError::Setting`]
    /// when epsilon is negative or not finite.
    pub fn new(scale: Value<B>, shift: Option<Value<B>>, epsilon: f64) -> Result<Self, LayerError> {
        let dims = scale.dims();
        if dims.len() != 1 {
            return Err(LayerError::parameter("scale", "[features]", &scale));
        }
        if let Some(shift) = shift.as_ref().filter(|shift| shift.dims() != dims) {
            return Err(LayerError::parameter("shift", "[features]", shift));
        }
        if !(epsilon.is_finite() && epsilon >= 0.0) {
            let (parameter, range) = ("epsilon", "a finite number, 0 or more");
            return Err(LayerError::Setting { layer: "layer-norm", parameter, value: epsilon, range });
        }
        Ok(Self { scale, shift, epsilon })
    }

    /// `value - mean` over the last dimension.
    fn centred(value: &Value<B>) -> Value<B> {
        value - Self::mean(value.clone())
    }

    fn mean(value: Value<B>) -> Value<B> {
        let last = value.rank() - 1;
        let count = value.dims()[last] as f64;
        value.sum_dim(last) / count
    }

    fn std(&self, centred: &Value<B>) -> Value<B> {
        (Self::mean(centred * centred) + self.epsilon).sqrt()
    }

    fn along_last(vector: &Value<B>, rank: usize) -> Value<B> {
        along(vector, rank, rank - 1)
    }

    /// `J^T r` of the layer whose standard deviation is a constant, the one that it has at `x`.
    pub(crate) fn adjoint_of_kept_std(&self, x: &Value<B>, r: Value<B>) -> Value<B> {
        let scaled = r * Self::along_last(&self.scale, x.rank()) / self.std(&Self::centred(x));
        Self::centred(&scaled)
    }
}

impl<B: Backend> LayerOps<B> for LayerNorm<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::LayerNorm
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let (input, features) = (one_input(inputs)?, self.scale.dims()[0]);
        if input.len() >= 2 && input.last() == Some(&features) {
            return Ok(input.to_vec());
        }
        let setting = format!("{features} features");
        Err(LayerError::Misfit { layer: "layer-norm", setting, input: input.to_vec() })
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let centred = Self::centred(&only(inputs)?);
        let (std, rank) = (self.std(&centred), centred.rank());
        let y = centred / std * Self::along_last(&self.scale, rank);
        Ok(self.shift.iter().fold(y, |y, shift| y + Self::along_last(shift, rank)))
    }

    fn vjp_saved(&self) -> Saved {
        Saved::INPUTS
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let centred = Self::centred(context.input(0)?);
        let (std, gradient) = (self.std(&centred), gradient * Self::along_last(&self.scale, centred.rank()));
        let normal = centred / &std;
        let along_normal = &normal * Self::mean(&gradient * &normal);
        Ok(vec![(Self::centred(&gradient) - along_normal) / std])
    }

    fn constant(&self, _: &BackwardContext<'_, B>, like: &Value<B>) -> Option<Value<B>> {
        Some(Self::along_last(self.shift.as_ref()?, like.rank()))
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        std::iter::once(&self.scale).chain(&self.shift).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, forward, numbers, value};

    #[test]
    fn gradients_are_exact() {
        let [scale, shift] = [1, 2].map(|seed| numbers(&[5], seed));
        check(LayerNorm::new(scale.clone(), Some(shift), 1e-5).unwrap(), &[numbers(&[2, 3, 5], 3)]);
        check(LayerNorm::new(scale, None, 0.5).unwrap(), &[numbers(&[4, 5], 4)]);
    }

    #[test]
    fn the_last_dimension_is_normalised() {
        let layer = LayerNorm::new(value(&[1.0, 2.0], &[2]), Some(value(&[0.0, 1.0], &[2])), 3.0).unwrap();
        // Mean 3, variance 1, so the standard deviation is 2.
        let y = forward(&layer.into(), &[value(&[2.0, 4.0], &[1, 2])]);
        assert_close(&y, &value(&[-0.5, 2.0], &[1, 2]), "layer norm");
    }

    #[test]
    fn misfits_are_refused() {
        assert!(LayerNorm::new(numbers(&[2, 2], 1), None, 0.0).is_err());
        assert!(LayerNorm::new(numbers(&[2], 1), Some(numbers(&[3], 1)), 0.0).is_err());
        assert!(LayerNorm::new(numbers(&[2], 1), None, f64::NAN).is_err());
        let layer = LayerNorm::new(numbers(&[2], 1), None, 0.0).unwrap();
        assert!(layer.output_dims(&[&[2, 3]]).is_err());
    }
}
