//! Two networks of the golden data as plain Burn modules.
//!
//! Nothing in them knows that they will be explained; only the weights come from golden tensors.

use burn::module::{Module, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, Dropout, DropoutConfig, Linear, LinearConfig, PaddingConfig2d, Relu,
};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::golden::{GoldenError, Weights};

/// A square convolution without bias, then a batch norm.
#[derive(Module, Debug)]
pub struct ConvNorm<B: Backend> {
    conv: Conv2d<B>,
    norm: BatchNorm<B>,
}

impl<B: Backend> ConvNorm<B> {
    fn load(
        weights: &Weights<'_, B>,
        conv: &str,
        norm: &str,
        stride: usize,
        padding: usize,
    ) -> Result<Self, GoldenError> {
        let weight = weights.param::<4>(&format!("{conv}.weight"))?;
        let [channels_out, channels_in, height, width] = weight.dims();
        let mut conv = Conv2dConfig::new([channels_in, channels_out], [height, width])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .with_bias(false)
            .init(weights.device());
        conv.weight = weight;
        let mut batch_norm = BatchNormConfig::new(channels_out).init(weights.device());
        batch_norm.gamma = weights.param(&format!("{norm}.weight"))?;
        batch_norm.beta = weights.param(&format!("{norm}.bias"))?;
        batch_norm.running_mean = RunningState::new(weights.tensor(&format!("{norm}.running_mean"))?);
        batch_norm.running_var = RunningState::new(weights.tensor(&format!("{norm}.running_var"))?);
        Ok(Self { conv, norm: batch_norm })
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.norm.forward(self.conv.forward(x))
    }
}

fn linear<B: Backend>(weights: &Weights<'_, B>, name: &str) -> Result<Linear<B>, GoldenError> {
    let weight = weights.linear_param(&format!("{name}.weight"))?;
    let [features_in, features_out] = weight.dims();
    let mut linear = LinearConfig::new(features_in, features_out).init(weights.device());
    linear.weight = weight;
    linear.bias = Some(weights.param(&format!("{name}.bias"))?);
    Ok(linear)
}

/// Four convolutions with batch norm, two max pools, an adaptive average pool, two linear layers.
#[derive(Module, Debug)]
pub struct VggLike<B: Backend> {
    stages: Vec<Vec<ConvNorm<B>>>,
    pool: MaxPool2d,
    average: AdaptiveAvgPool2d,
    hidden: Linear<B>,
    dropout: Dropout,
    head: Linear<B>,
    relu: Relu,
}

impl<B: Backend> VggLike<B> {
    /// The network `vgg_like` with its golden weights.
    ///
    /// # Errors
    /// [`GoldenError`] when a weight is missing.
    pub fn load(weights: &Weights<'_, B>) -> Result<Self, GoldenError> {
        let layer = |i: usize| ConvNorm::load(weights, &format!("conv{i}"), &format!("bn{i}"), 1, 1);
        Ok(Self {
            stages: vec![vec![layer(1)?, layer(2)?], vec![layer(3)?, layer(4)?]],
            pool: MaxPool2dConfig::new([2, 2]).init(),
            average: AdaptiveAvgPool2dConfig::new([2, 2]).init(),
            hidden: linear(weights, "fc1")?,
            dropout: DropoutConfig::new(0.5).init(),
            head: linear(weights, "fc2")?,
            relu: Relu::new(),
        })
    }

    /// Logits of images.
    ///
    /// # Shapes
    /// `[batch, 3, height, width]` to `[batch, classes]`.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let mut x = images;
        for stage in &self.stages {
            for layer in stage {
                x = self.relu.forward(layer.forward(x));
            }
            x = self.pool.forward(x);
        }
        let x = self.average.forward(x).flatten(1, 3);
        let x = self.relu.forward(self.hidden.forward(x));
        self.head.forward(self.dropout.forward(x))
    }
}

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
            ConvNorm::load(weights, &format!("{name}_{conv}"), &format!("{name}_{norm}"), stride, padding)
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
            stem: ConvNorm::load(weights, "conv1", "bn1", 1, 1)?,
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
