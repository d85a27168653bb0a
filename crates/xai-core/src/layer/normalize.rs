//! Normalisation over dimensions of one sample: layer, RMS, group and instance norms.

use burn_backend::Backend;

use super::{BackwardContext, LayerKind, LayerOps, Saved, along, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// `y = (x - mean) / std * scale + shift` with `std = sqrt(variance + epsilon)`, mean and variance over some
/// dimensions. [Without centring](Self::without_centring), `y = x / std` with
/// `std = sqrt(mean(x^2) + epsilon)`.
///
/// Over the last dimension this is a layer norm or an RMS norm; over the last of a value that was reshaped to
/// `[batch, groups, elements]`, a group or instance norm.
///
/// Ba, Kiros, Hinton, "Layer Normalization", arXiv 1607.06450, 2016; Zhang, Sennrich, "Root Mean Square Layer
/// Normalization", NeurIPS 2019; Wu, He, "Group Normalization", ECCV 2018.
#[derive(Debug, Clone)]
pub struct Normalize<B: Backend> {
    /// `None` is the last dimension.
    dims: Option<Vec<usize>>,
    is_centred: bool,
    scale: Option<Value<B>>,
    shift: Option<Value<B>>,
    epsilon: f64,
}

impl<B: Backend> Normalize<B> {
    /// A normalisation over the dimensions `dims`, without scale and shift; `epsilon` is added to the variance.
    ///
    /// # Errors
    /// [`LayerError::Setting`] when epsilon is negative or not finite.
    pub fn new(dims: impl IntoIterator<Item = usize>, epsilon: f64) -> Result<Self, LayerError> {
        Ok(Self { dims: Some(dims.into_iter().collect()), ..Self::over_last(epsilon)? })
    }

    /// A layer normalisation over the last dimension with `scale` (gamma) and `shift` (beta), both
    /// `[features]`, and the number that is added to the variance.
    ///
    /// # Errors
    /// [`LayerError::Parameter`] when the two do not have one shape `[features]`, [`LayerError::Setting`]
    /// when epsilon is negative or not finite.
    pub fn layer_norm(scale: Value<B>, shift: Option<Value<B>>, epsilon: f64) -> Result<Self, LayerError> {
        let dims = scale.dims();
        if dims.len() != 1 {
            return Err(LayerError::parameter("scale", "[features]", &scale));
        }
        if let Some(shift) = shift.as_ref().filter(|shift| shift.dims() != dims) {
            return Err(LayerError::parameter("shift", "[features]", shift));
        }
        Ok(Self { scale: Some(scale), shift, ..Self::over_last(epsilon)? })
    }

    fn over_last(epsilon: f64) -> Result<Self, LayerError> {
        if !(epsilon.is_finite() && epsilon >= 0.0) {
            let (parameter, range) = ("epsilon", "a finite number, 0 or more");
            return Err(LayerError::Setting { layer: "normalize", parameter, value: epsilon, range });
        }
        Ok(Self { dims: None, is_centred: true, scale: None, shift: None, epsilon })
    }

    /// The same without the mean, `y = x / sqrt(mean(x^2) + epsilon)`.
    pub fn without_centring(self) -> Self {
        Self { is_centred: false, ..self }
    }

    pub(crate) fn mean(&self, value: Value<B>) -> Value<B> {
        let mut sizes = value.dims();
        let last = [sizes.len() - 1];
        let dims = self.dims.as_deref().unwrap_or(&last);
        let count: usize = dims.iter().map(|&dim| sizes[dim]).product();
        dims.iter().for_each(|&dim| sizes[dim] = 1);
        value.sum_to(&sizes) / count as f64
    }

    /// `value - mean`, or the value itself.
    pub(crate) fn centred(&self, value: &Value<B>) -> Value<B> {
        if self.is_centred { value - self.mean(value.clone()) } else { value.clone() }
    }

    pub(crate) fn std(&self, centred: &Value<B>) -> Value<B> {
        (self.mean(centred * centred) + self.epsilon).sqrt()
    }

    pub(crate) fn scaled(&self, value: Value<B>) -> Value<B> {
        let rank = value.rank();
        self.scale.iter().fold(value, |value, scale| value * along(scale, rank, rank - 1))
    }

    /// `J^T r` of the layer whose standard deviation is a constant, the one that it has at `x`.
    pub(crate) fn adjoint_of_kept_std(&self, x: &Value<B>, r: Value<B>) -> Value<B> {
        self.centred(&(self.scaled(r) / self.std(&self.centred(x))))
    }
}

impl<B: Backend> LayerOps<B> for Normalize<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Normalize
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        let setting = match (&self.dims, &self.scale) {
            (Some(dims), _) if dims.iter().any(|dim| *dim >= input.len()) => {
                format!("the dimensions {dims:?}")
            }
            (_, Some(scale)) if input.len() < 2 || input.last() != scale.dims().last() => {
                format!("{} features", scale.dims()[0])
            }
            (None, None) if input.is_empty() => "the last dimension".to_owned(),
            _ => return Ok(input.to_vec()),
        };
        Err(LayerError::Misfit { layer: "normalize", setting, input: input.to_vec() })
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let centred = self.centred(&only(inputs)?);
        let (std, rank) = (self.std(&centred), centred.rank());
        let y = self.scaled(centred / std);
        Ok(self.shift.iter().fold(y, |y, shift| y + along(shift, rank, rank - 1)))
    }

    fn vjp_saved(&self) -> Saved {
        Saved::INPUTS
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let centred = self.centred(context.input(0)?);
        let (std, gradient) = (self.std(&centred), self.scaled(gradient));
        let normal = centred / &std;
        let along_normal = &normal * self.mean(&gradient * &normal);
        Ok(vec![(self.centred(&gradient) - along_normal) / std])
    }

    fn constant(&self, _: &BackwardContext<'_, B>, like: &Value<B>) -> Option<Value<B>> {
        Some(along(self.shift.as_ref()?, like.rank(), like.rank() - 1))
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        self.scale.iter().chain(&self.shift).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, forward, numbers, value};

    #[test]
    fn gradients_are_exact() {
        let [scale, shift] = [1, 2].map(|seed| numbers(&[5], seed));
        check(Normalize::layer_norm(scale.clone(), Some(shift), 1e-5).unwrap(), &[numbers(&[2, 3, 5], 3)]);
        check(Normalize::layer_norm(scale, None, 0.5).unwrap(), &[numbers(&[4, 5], 4)]);
        for dims in [vec![2], vec![1], vec![1, 2]] {
            let norm = || Normalize::new(dims.clone(), 0.25).unwrap();
            check(norm(), &[numbers(&[2, 3, 5], 5)]);
            check(norm().without_centring(), &[numbers(&[2, 3, 5], 6)]);
        }
    }

    #[test]
    fn the_last_dimension_is_normalised() {
        let [scale, shift] = [[1.0, 2.0], [0.0, 1.0]].map(|data| value(&data, &[2]));
        let layer = Normalize::layer_norm(scale, Some(shift), 3.0).unwrap();
        // Mean 3, variance 1, so the standard deviation is 2.
        let y = forward(&layer.into(), &[value(&[2.0, 4.0], &[1, 2])]);
        assert_close(&y, &value(&[-0.5, 2.0], &[1, 2]), "layer norm");
        let layer = Normalize::new([1], 6.0).unwrap().without_centring();
        // The mean of the squares is 10.
        let y = forward(&layer.into(), &[value(&[2.0, 4.0], &[1, 2])]);
        assert_close(&y, &value(&[0.5, 1.0], &[1, 2]), "RMS norm");
    }

    #[test]
    fn misfits_are_refused() {
        assert!(Normalize::layer_norm(numbers(&[2, 2], 1), None, 0.0).is_err());
        assert!(Normalize::layer_norm(numbers(&[2], 1), Some(numbers(&[3], 1)), 0.0).is_err());
        assert!(Normalize::layer_norm(numbers(&[2], 1), None, f64::NAN).is_err());
        let layer = Normalize::layer_norm(numbers(&[2], 1), None, 0.0).unwrap();
        assert!(layer.output_dims(&[&[2, 3]]).is_err());
        let layer = Normalize::<burn_flex::Flex>::new([2], 0.0).unwrap();
        assert!(layer.output_dims(&[&[2, 3]]).is_err());
    }
}
