//! Networks of few layers, on features and on signals.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::pool::{AvgPool1d, AvgPool1dConfig, MaxPool1d, MaxPool1dConfig};
use burn::nn::{BatchNorm, Linear, PaddingConfig1d, Relu};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{batch_norm, linear};
use crate::golden::{GoldenError, Weights};

/// Three linear layers.
#[derive(Module, Debug)]
pub struct Mlp<B: Backend> {
    hidden: Vec<Linear<B>>,
    head: Linear<B>,
    relu: Relu,
}

impl<B: Backend> Mlp<B> {
    /// The network `mlp` with its golden weights.
    ///
    /// # Errors
    /// [`GoldenError`] when a weight is missing.
    pub fn load(weights: &Weights<'_, B>) -> Result<Self, GoldenError> {
        Ok(Self {
            hidden: vec![linear(weights, "fc1")?, linear(weights, "fc2")?],
            head: linear(weights, "fc3")?,
            relu: Relu::new(),
        })
    }

    /// Logits of feature vectors.
    ///
    /// # Shapes
    /// `[batch, features]` to `[batch, classes]`.
    pub fn forward(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
        let x = self.hidden.iter().fold(features, |x, layer| self.relu.forward(layer.forward(x)));
        self.head.forward(x)
    }
}

/// Three linear layers, the first two with batch norm.
#[derive(Module, Debug)]
pub struct MlpBn<B: Backend> {
    hidden: Vec<Linear<B>>,
    norms: Vec<BatchNorm<B>>,
    head: Linear<B>,
    relu: Relu,
}

impl<B: Backend> MlpBn<B> {
    /// The network `mlp_bn` with its golden weights.
    ///
    /// # Errors
    /// [`GoldenError`] when a weight is missing.
    pub fn load(weights: &Weights<'_, B>) -> Result<Self, GoldenError> {
        Ok(Self {
            hidden: vec![linear(weights, "fc1")?, linear(weights, "fc2")?],
            norms: vec![batch_norm(weights, "bn1")?, batch_norm(weights, "bn2")?],
            head: linear(weights, "fc3")?,
            relu: Relu::new(),
        })
    }

    /// Logits of feature vectors.
    ///
    /// # Shapes
    /// `[batch, features]` to `[batch, classes]`.
    pub fn forward(&self, features: Tensor<B, 2>) -> Tensor<B, 2> {
        let mut x = features;
        for (layer, norm) in self.hidden.iter().zip(&self.norms) {
            x = self.relu.forward(norm.forward(layer.forward(x)));
        }
        self.head.forward(x)
    }
}

/// Two convolutions over a signal, a max and an average pool, a linear layer.
#[derive(Module, Debug)]
pub struct Cnn1d<B: Backend> {
    first: Conv1d<B>,
    norm: BatchNorm<B>,
    largest: MaxPool1d,
    second: Conv1d<B>,
    mean: AvgPool1d,
    head: Linear<B>,
    relu: Relu,
}

impl<B: Backend> Cnn1d<B> {
    /// The network `cnn1d` with its golden weights.
    ///
    /// # Errors
    /// [`GoldenError`] when a weight is missing.
    pub fn load(weights: &Weights<'_, B>) -> Result<Self, GoldenError> {
        let conv = |weight: Param<Tensor<B, 3>>, bias: Option<Param<Tensor<B, 1>>>, dilation| {
            let [channels_out, channels_in, size] = weight.dims();
            let config = Conv1dConfig::new(channels_in, channels_out, size)
                .with_padding(PaddingConfig1d::Explicit(2, 2))
                .with_dilation(dilation)
                .with_bias(false);
            Conv1d { weight, bias, ..config.init(weights.device()) }
        };
        Ok(Self {
            first: conv(weights.param("conv1.weight")?, None, 1),
            norm: batch_norm(weights, "bn1")?,
            largest: MaxPool1dConfig::new(2).init(),
            second: conv(weights.param("conv2.weight")?, Some(weights.param("conv2.bias")?), 2),
            mean: AvgPool1dConfig::new(2).init(),
            head: linear(weights, "fc")?,
            relu: Relu::new(),
        })
    }

    /// Logits of signals.
    ///
    /// # Shapes
    /// `[batch, 3, length]` to `[batch, classes]`.
    pub fn forward(&self, signals: Tensor<B, 3>) -> Tensor<B, 2> {
        let x = self.relu.forward(self.norm.forward(self.first.forward(signals)));
        let x = self.relu.forward(self.second.forward(self.largest.forward(x)));
        self.head.forward(self.mean.forward(x).flatten(1, 2))
    }
}
