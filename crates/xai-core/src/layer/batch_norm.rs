//! Batch normalisation with running statistics.

use burn::nn;
use burn_backend::Backend;

use super::{BackwardContext, Layer, LayerKind, LayerOps, along, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// `y = (x - mean) / std * scale + shift` per channel, for `[batch, channels, ...]` of any rank.
///
/// Statistics are constants: this is batch normalisation in evaluation mode.
#[derive(Debug, Clone)]
pub struct BatchNorm<B: Backend> {
    mean: Value<B>,
    std: Value<B>,
    scale: Value<B>,
    shift: Value<B>,
}

impl<B: Backend> BatchNorm<B> {
    /// A batch normalisation from four vectors of shape `[channels]`: running mean,
    /// `sqrt(running variance + eps)`, scale (gamma) and shift (beta).
    ///
    /// # Errors
    /// [`LayerError::Parameter`] when the four do not have one shape `[channels]`.
    pub fn new(mean: Value<B>, std: Value<B>, scale: Value<B>, shift: Value<B>) -> Result<Self, LayerError> {
        let channels = mean.dims();
        if channels.len() != 1 {
            return Err(LayerError::parameter("running mean", "[channels]", &mean));
        }
        let others = [("running standard deviation", &std), ("scale", &scale), ("shift", &shift)];
        if let Some((name, value)) = others.into_iter().find(|(_, value)| value.dims() != channels) {
            return Err(LayerError::parameter(name, "[channels]", value));
        }
        Ok(Self { mean, std, scale, shift })
    }

    /// The map as one factor and one offset per channel, both `[channels]`: `y = factor x + offset`.
    pub fn factor_and_offset(&self) -> (Value<B>, Value<B>) {
        let factor = &self.scale / &self.std;
        let offset = &self.shift - &(&self.mean * &factor);
        (factor, offset)
    }

    fn channels(&self) -> usize {
        self.mean.dims()[0]
    }
}

impl<B: Backend> LayerOps<B> for BatchNorm<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::BatchNorm
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        match input.get(1) {
            Some(&channels) if channels == self.channels() => Ok(input.to_vec()),
            _ => Err(LayerError::Channels { expected: self.channels(), input: input.to_vec() }),
        }
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        // The order of Burn's own forward, so that a recorded model replays bit for bit.
        let x = only(inputs)?;
        let rank = x.rank();
        let centred = (x - along(&self.mean, rank, 1)) / along(&self.std, rank, 1);
        Ok(centred * along(&self.scale, rank, 1) + along(&self.shift, rank, 1))
    }

    fn vjp(&self, _: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let (factor, _) = self.factor_and_offset();
        let rank = gradient.rank();
        Ok(vec![gradient * along(&factor, rank, 1)])
    }

    fn constant(&self, _: &BackwardContext<'_, B>, like: &Value<B>) -> Option<Value<B>> {
        let (_, offset) = self.factor_and_offset();
        Some(along(&offset, like.rank(), 1))
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        vec![&self.mean, &self.std, &self.scale, &self.shift]
    }
}

impl<B: Backend> From<&nn::BatchNorm<B>> for Layer<B> {
    fn from(module: &nn::BatchNorm<B>) -> Self {
        let variance = Value::from(module.running_var.value());
        BatchNorm {
            mean: module.running_mean.value().into(),
            std: (variance + module.epsilon).sqrt(),
            scale: module.gamma.val().into(),
            shift: module.beta.val().into(),
        }
        .into()
    }
}
