//! A small residual network for the digits, written as any Burn user writes one.
//!
//! Nothing in it knows that it will be explained: no hooks, no wrapped layers, no second forward pass.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Tensor, backend::Backend};
use burn_store::{ModuleSnapshot, SafetensorsStore};

use super::Result;
use super::data::CLASSES;

/// Channels at 8x8 after the first convolution.
const NARROW: usize = 16;
/// Channels from the second convolution on.
const WIDE: usize = 32;

/// The weights that `train_digits` wrote.
static WEIGHTS: &[u8] = include_bytes!("../weights/digits.safetensors");

/// A 3x3 convolution that keeps the size of the image, then a batch norm.
#[derive(Module, Debug)]
pub struct ConvNorm<B: Backend> {
    conv: Conv2d<B>,
    norm: BatchNorm<B>,
}

impl<B: Backend> ConvNorm<B> {
    fn new(channels_in: usize, channels_out: usize, device: &B::Device) -> Self {
        // The batch norm subtracts the mean, so a bias of the convolution would have no effect.
        let conv = Conv2dConfig::new([channels_in, channels_out], [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .with_bias(false)
            .init(device);
        Self { conv, norm: BatchNormConfig::new(channels_out).init(device) }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.norm.forward(self.conv.forward(x))
    }
}

/// Classifies images of 8x8 pixels into the ten digits.
///
/// Two convolutions at 8x8, a max pool, one residual block at 4x4, the mean over the image, a linear layer.
#[derive(Module, Debug)]
pub struct DigitsNet<B: Backend> {
    stem: ConvNorm<B>,
    widen: ConvNorm<B>,
    pool: MaxPool2d,
    residual1: ConvNorm<B>,
    residual2: ConvNorm<B>,
    average: AdaptiveAvgPool2d,
    head: Linear<B>,
    relu: Relu,
}

impl<B: Backend> DigitsNet<B> {
    /// An untrained network; its weights follow from the backend's seed.
    pub fn new(device: &B::Device) -> Self {
        Self {
            stem: ConvNorm::new(1, NARROW, device),
            widen: ConvNorm::new(NARROW, WIDE, device),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            residual1: ConvNorm::new(WIDE, WIDE, device),
            residual2: ConvNorm::new(WIDE, WIDE, device),
            average: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            head: LinearConfig::new(WIDE, CLASSES).init(device),
            relu: Relu::new(),
        }
    }

    /// The trained network.
    pub fn load(device: &B::Device) -> Result<Self> {
        Self::from_safetensors(WEIGHTS, device).map_err(|error| {
            format!("the embedded digits weights do not fit DigitsNet (run train_digits): {error}").into()
        })
    }

    /// A network with the weights of a safetensors file.
    pub fn from_safetensors(bytes: &[u8], device: &B::Device) -> Result<Self> {
        let mut model = Self::new(device);
        let mut store = SafetensorsStore::from_bytes(Some(bytes.to_vec()));
        // Missing tensors and wrong shapes are errors of the store already.
        let result = model.load_from(&mut store)?;
        if !result.unused.is_empty() {
            return Err(format!("tensors without a place in the network: {:?}", result.unused).into());
        }
        Ok(model)
    }

    /// The weights and the running statistics as a safetensors file.
    ///
    /// Save `model.valid()`, not a model on an autodiff backend: only `valid` brings the running
    /// statistics up to date with the last training step.
    pub fn to_safetensors(&self) -> Result<Vec<u8>> {
        // The store's own metadata is written in the order of a hash map; with a single entry the same
        // weights are always the same bytes.
        let mut store = SafetensorsStore::from_bytes(None).clear_metadata().metadata("producer", "burn");
        self.save_into(&mut store)?;
        Ok(store.get_bytes()?)
    }

    /// Logits `[n, 10]` of images `[n, 1, 8, 8]` with values 0 to 1.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.head.forward(self.features(images))
    }

    /// What the logits are computed from, `[n, 32]`, none of them negative.
    pub fn features(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.relu.forward(self.stem.forward(images));
        let x = self.relu.forward(self.widen.forward(x));
        let x = self.pool.forward(x);

        let shortcut = x.clone();
        let x = self.relu.forward(self.residual1.forward(x));
        let x = self.residual2.forward(x);
        let x = self.relu.forward(x + shortcut);

        self.average.forward(x).flatten(1, 3)
    }
}
