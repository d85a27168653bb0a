//! The networks of the golden data as plain Burn modules.
//!
//! Nothing in them knows that they will be explained; only the weights come from golden tensors.

mod resnet_like;
mod separable_relu6;
mod small;
mod vgg_like;

use burn::module::{Module, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

pub use resnet_like::{Block, ResnetLike};
pub use separable_relu6::SeparableRelu6;
pub use small::{Cnn1d, Mlp, MlpBn};
pub use vgg_like::VggLike;

use crate::golden::{GoldenError, Weights};

/// A square convolution without bias, then a batch norm.
#[derive(Module, Debug)]
pub struct ConvNorm<B: Backend> {
    conv: Conv2d<B>,
    norm: BatchNorm<B>,
}

/// How a convolution moves over its input.
#[derive(Debug, Clone, Copy)]
struct Moves {
    stride: usize,
    padding: usize,
    groups: usize,
}

impl Moves {
    fn new(stride: usize, padding: usize) -> Self {
        Self { stride, padding, groups: 1 }
    }
}

impl<B: Backend> ConvNorm<B> {
    fn load(weights: &Weights<'_, B>, conv: &str, norm: &str, moves: Moves) -> Result<Self, GoldenError> {
        let Moves { stride, padding, groups } = moves;
        let weight = weights.param::<4>(&format!("{conv}.weight"))?;
        let [channels_out, channels_in, height, width] = weight.dims();
        let mut conv = Conv2dConfig::new([channels_in * groups, channels_out], [height, width])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(padding, padding, padding, padding))
            .with_groups(groups)
            .with_bias(false)
            .init(weights.device());
        conv.weight = weight;
        Ok(Self { conv, norm: batch_norm(weights, norm)? })
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.norm.forward(self.conv.forward(x))
    }
}

fn batch_norm<B: Backend>(weights: &Weights<'_, B>, name: &str) -> Result<BatchNorm<B>, GoldenError> {
    let gamma = weights.param::<1>(&format!("{name}.weight"))?;
    let mut norm = BatchNormConfig::new(gamma.dims()[0]).init(weights.device());
    norm.gamma = gamma;
    norm.beta = weights.param(&format!("{name}.bias"))?;
    norm.running_mean = RunningState::new(weights.tensor(&format!("{name}.running_mean"))?);
    norm.running_var = RunningState::new(weights.tensor(&format!("{name}.running_var"))?);
    Ok(norm)
}

fn linear<B: Backend>(weights: &Weights<'_, B>, name: &str) -> Result<Linear<B>, GoldenError> {
    let weight = weights.linear_param(&format!("{name}.weight"))?;
    let [features_in, features_out] = weight.dims();
    let mut linear = LinearConfig::new(features_in, features_out).init(weights.device());
    linear.weight = weight;
    linear.bias = Some(weights.param(&format!("{name}.bias"))?);
    Ok(linear)
}
