//! A network after MobileNet.

use burn::module::Module;
use burn::nn::Linear;
use burn::nn::pool::{AvgPool2d, AvgPool2dConfig};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{ConvNorm, Moves, linear};
use crate::golden::{GoldenError, Weights};

/// Depthwise and pointwise convolutions, one inverted residual, ReLU6 throughout.
#[derive(Module, Debug)]
pub struct SeparableRelu6<B: Backend> {
    stem: Vec<ConvNorm<B>>,
    expand: ConvNorm<B>,
    depthwise: ConvNorm<B>,
    project: ConvNorm<B>,
    top: Vec<ConvNorm<B>>,
    average: AvgPool2d,
    head: Linear<B>,
}

impl<B: Backend> SeparableRelu6<B> {
    /// The network `separable_relu6` with its golden weights.
    ///
    /// # Errors
    /// [`GoldenError`] when a weight is missing.
    pub fn load(weights: &Weights<'_, B>) -> Result<Self, GoldenError> {
        let full = |conv: &str, norm: &str, stride, padding| {
            ConvNorm::load(weights, conv, norm, Moves::new(stride, padding))
        };
        let depthwise = |conv: &str, norm: &str, stride, groups| {
            ConvNorm::load(weights, conv, norm, Moves { stride, padding: 1, groups })
        };
        Ok(Self {
            stem: vec![
                full("conv1", "bn1", 2, 1)?,
                depthwise("dw1", "bn2", 1, 8)?,
                full("pw1", "bn3", 1, 0)?,
            ],
            expand: full("expand", "bn4", 1, 0)?,
            depthwise: depthwise("dw2", "bn5", 1, 36)?,
            project: full("project", "bn6", 1, 0)?,
            top: vec![depthwise("dw3", "bn7", 2, 12)?, full("head", "bn8", 1, 0)?],
            average: AvgPool2dConfig::new([4, 4]).init(),
            head: linear(weights, "fc")?,
        })
    }

    /// Logits of images.
    ///
    /// # Shapes
    /// `[batch, 3, 16, 16]` to `[batch, classes]`.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let relu6 = |x: Tensor<B, 4>| x.clamp(0.0, 6.0);
        let chain = |layers: &[ConvNorm<B>], x| layers.iter().fold(x, |x, layer| relu6(layer.forward(x)));
        let x = chain(&self.stem, images);
        let inner = relu6(self.depthwise.forward(relu6(self.expand.forward(x.clone()))));
        let x = x + self.project.forward(inner);
        let x = self.average.forward(chain(&self.top, x));
        self.head.forward(x.flatten(1, 3))
    }
}
