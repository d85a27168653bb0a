//! Leaky rectification with learned slopes.

use burn::nn;
use burn_backend::Backend;

use super::functions::where_below;
use super::{BackwardContext, Interval, Layer, LayerKind, LayerOps, Saved, along, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// `y = x` for `x >= 0`, else `slope x`, with one slope or one per channel, for
/// `[batch, channels, ...]`; the derivative at 0 is 1.
#[derive(Debug, Clone)]
pub struct PRelu<B: Backend> {
    slope: Value<B>,
}

impl<B: Backend> PRelu<B> {
    /// Name among the activations.
    pub(crate) const NAME: &str = "prelu";

    /// A rectification with `slope` `[channels]`, or `[1]` for all channels alike.
    ///
    /// # Errors
    /// [`LayerError::Parameter`] when the slope is no vector.
    pub fn new(slope: Value<B>) -> Result<Self, LayerError> {
        match slope.dims()[..] {
            [_] => Ok(Self { slope }),
            _ => Err(LayerError::parameter("slope", "[channels] or [1]", &slope)),
        }
    }

    /// The slopes, `[channels]` or `[1]`.
    pub fn slope(&self) -> &Value<B> {
        &self.slope
    }

    fn broadcast(&self, rank: usize) -> Value<B> {
        along(&self.slope, rank, 1.min(rank - 1))
    }
}

impl<B: Backend> LayerOps<B> for PRelu<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Activation
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        let slopes = self.slope.dims()[0];
        match input.get(1) {
            _ if slopes == 1 && !input.is_empty() => Ok(input.to_vec()),
            Some(&channels) if channels == slopes => Ok(input.to_vec()),
            _ => Err(LayerError::Channels { expected: slopes, input: input.to_vec() }),
        }
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let x = &only(inputs)?;
        Ok(where_below(x, 0.0, x * self.broadcast(x.rank()), x.clone()))
    }

    fn vjp_saved(&self) -> Saved {
        Saved::INPUTS
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let x = context.input(0)?;
        let sloped = &gradient * self.broadcast(x.rank());
        Ok(vec![where_below(x, 0.0, sloped, gradient)])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        Interval::hull(inputs.iter().copied()).sign_only()
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        vec![&self.slope]
    }
}

impl<B: Backend> From<&nn::PRelu<B>> for Layer<B> {
    fn from(module: &nn::PRelu<B>) -> Self {
        PRelu { slope: module.alpha.val().into() }.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers, read, value, vjp};

    #[test]
    fn slopes_are_per_channel_or_shared() {
        check(PRelu::new(value(&[0.1, 0.5, -0.25], &[3])).unwrap(), &[numbers(&[2, 3, 4], 1)]);
        check(PRelu::new(value(&[0.1], &[1])).unwrap(), &[numbers(&[5], 1)]);
        let at_zero = vjp(
            &PRelu::new(value(&[0.1], &[1])).unwrap().into(),
            &[value(&[0.0], &[1, 1])],
            value(&[2.0], &[1, 1]),
        );
        assert_eq!(read(&at_zero[0]), [2.0]);
    }

    #[test]
    fn other_channels_are_refused() {
        let prelu = PRelu::new(value(&[0.1, 0.5], &[2])).unwrap();
        assert!(matches!(prelu.output_dims(&[&[1, 3]]), Err(LayerError::Channels { expected: 2, .. })));
        assert!(PRelu::new(value(&[0.1], &[1, 1])).is_err());
    }
}
