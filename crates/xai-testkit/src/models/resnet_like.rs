//! A network after ResNet.

use burn::module::Module;
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, PaddingConfig2d, Relu};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{ConvNorm, Moves, linear};
use crate::golden::{GoldenError, Weights};

/// Two convolutions around which the input is added again, itself or through a 1x1 convolution.
#[derive(Module, Debug)]
pub struct Block<B: Backend> {
    first: ConvNorm<B>,
    second: ConvNorm<B>,
    downsample: Option<ConvNorm<B>>,
    relu: Relu,
}

impl<B: Backend> Block<B> {
    fn load(weights: &Weights<'_, B>, name: &str, stride: usize) -> Result<Self, GoldenError> {
        let layer = |conv: &str, norm: &str, stride, padding| {
            let (conv, norm) = (format!("{name}_{conv}"), format!("{name}_{norm}"));
            ConvNorm::load(weights, &conv, &norm, Moves::new(stride, padding))
        };
        Ok(Self {
            first: layer("conv1", "bn1", stride, 1)?,
            second: layer("conv2", "bn2", 1, 1)?,
            downsample: (stride > 1).then(|| layer("downconv", "downbn", stride, 0)).transpose()?,
            relu: Relu::new(),
        })
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(x.clone()),
            None => x.clone(),
        };
        let x = self.relu.forward(self.first.forward(x));
        self.relu.forward(shortcut + self.second.forward(x))
    }
}

/// A convolution with batch norm and max pool, three residual blocks, the mean over the image, a
/// linear layer.
#[derive(Module, Debug)]
pub struct ResnetLike<B: Backend> {
    stem: ConvNorm<B>,
    relu: Relu,
    pool: MaxPool2d,
    blocks: Vec<Block<B>>,
    average: AdaptiveAvgPool2d,
    head: Linear<B>,
}

impl<B: Backend> ResnetLike<B> {
    /// The network `resnet_like` with its golden weights.
    ///
    /// # Errors
    /// [`GoldenError`] when a weight is missing.
    pub fn load(weights: &Weights<'_, B>) -> Result<Self, GoldenError> {
        let pool = MaxPool2dConfig::new([3, 3])
            .with_strides([2, 2])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        Ok(Self {
            stem: ConvNorm::load(weights, "conv1", "bn1", Moves::new(1, 1))?,
            relu: Relu::new(),
            pool: pool.init(),
            blocks: vec![
                Block::load(weights, "block1", 1)?,
                Block::load(weights, "block2", 2)?,
                Block::load(weights, "block3", 1)?,
            ],
            average: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            head: linear(weights, "fc")?,
        })
    }

    /// Logits of images.
    ///
    /// # Shapes
    /// `[batch, 3, height, width]` to `[batch, classes]`.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let mut x = self.pool.forward(self.relu.forward(self.stem.forward(images)));
        for block in &self.blocks {
            x = block.forward(x);
        }
        self.head.forward(self.average.forward(x).flatten(1, 3))
    }
}
