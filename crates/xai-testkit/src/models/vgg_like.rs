//! A network after VGG.

use burn::module::Module;
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{Dropout, DropoutConfig, Linear, Relu};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{ConvNorm, Moves, linear};
use crate::golden::{GoldenError, Weights};

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
        let layer =
            |i: usize| ConvNorm::load(weights, &format!("conv{i}"), &format!("bn{i}"), Moves::new(1, 1));
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
