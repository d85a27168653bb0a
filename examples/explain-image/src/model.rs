//! EfficientNet-Lite0, written as any Burn user writes a network.
//!
//! Nothing in it knows that it will be explained: no hooks, no wrapped layers, no second forward pass.
//!
//! Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
//! arXiv 1905.11946; Lite is its authors' variant for small devices, without squeeze-and-excitation and with
//! ReLU6 for every activation.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Tensor, backend::Backend};

/// Number of ImageNet classes.
pub const CLASSES: usize = 1000;
/// Height and width of the images that the network was trained on.
pub const SIDE: usize = 224;

/// What batch norms add to the variance; TensorFlow's value, not that of Burn and PyTorch.
const NORM_EPSILON: f64 = 1e-3;

/// Blocks that follow each other with the same sizes; only the first one has the stride.
struct Stage {
    blocks: usize,
    kernel: usize,
    stride: usize,
    /// By how much a block widens its input before the depthwise convolution.
    expansion: usize,
    channels: usize,
}

/// The stages between stem and head.
const STAGES: [Stage; 7] = [
    Stage { blocks: 1, kernel: 3, stride: 1, expansion: 1, channels: 16 },
    Stage { blocks: 2, kernel: 3, stride: 2, expansion: 6, channels: 24 },
    Stage { blocks: 2, kernel: 5, stride: 2, expansion: 6, channels: 40 },
    Stage { blocks: 3, kernel: 3, stride: 2, expansion: 6, channels: 80 },
    Stage { blocks: 3, kernel: 5, stride: 1, expansion: 6, channels: 112 },
    Stage { blocks: 4, kernel: 5, stride: 2, expansion: 6, channels: 192 },
    Stage { blocks: 1, kernel: 3, stride: 1, expansion: 6, channels: 320 },
];
/// Channels after the stem.
const STEM: usize = 32;
/// Channels after the head.
const HEAD: usize = 1280;

/// A convolution whose output is as large as its input divided by the stride, then a batch norm.
#[derive(Module, Debug)]
pub struct ConvNorm<B: Backend> {
    conv: Conv2d<B>,
    norm: BatchNorm<B>,
}

impl<B: Backend> ConvNorm<B> {
    fn new(config: Conv2dConfig, device: &B::Device) -> Self {
        let norm = BatchNormConfig::new(config.channels[1]).with_epsilon(NORM_EPSILON).init(device);
        // Where the padding is uneven, `Same` adds the odd row at the end, as the training did.
        let conv = config.with_padding(PaddingConfig2d::Same).with_bias(false).init(device);
        Self { conv, norm }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.norm.forward(self.conv.forward(x))
    }
}

/// An inverted bottleneck: widen, convolve every channel on its own, narrow; added to its input where both
/// have one shape.
#[derive(Module, Debug)]
pub struct Block<B: Backend> {
    expand: Option<ConvNorm<B>>,
    depthwise: ConvNorm<B>,
    project: ConvNorm<B>,
    residual: bool,
}

impl<B: Backend> Block<B> {
    fn new(stage: &Stage, channels: usize, stride: usize, device: &B::Device) -> Self {
        let wide = channels * stage.expansion;
        let pointwise = |from, to| ConvNorm::new(Conv2dConfig::new([from, to], [1, 1]), device);
        let depthwise =
            Conv2dConfig::new([wide, wide], [stage.kernel; 2]).with_stride([stride; 2]).with_groups(wide);
        Self {
            expand: (stage.expansion > 1).then(|| pointwise(channels, wide)),
            depthwise: ConvNorm::new(depthwise, device),
            project: pointwise(wide, stage.channels),
            residual: stride == 1 && channels == stage.channels,
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let wide = match &self.expand {
            Some(expand) => relu6(expand.forward(x.clone())),
            None => x.clone(),
        };
        let y = self.project.forward(relu6(self.depthwise.forward(wide)));
        if self.residual { y + x } else { y }
    }
}

/// Classifies images of 224x224 pixels into the 1,000 classes of ImageNet.
#[derive(Module, Debug)]
pub struct EfficientNetLite0<B: Backend> {
    stem: ConvNorm<B>,
    blocks: Vec<Block<B>>,
    head: ConvNorm<B>,
    average: AdaptiveAvgPool2d,
    classifier: Linear<B>,
}

impl<B: Backend> EfficientNetLite0<B> {
    /// An untrained network.
    pub fn new(device: &B::Device) -> Self {
        let mut channels = STEM;
        let mut blocks = Vec::new();
        for stage in &STAGES {
            for index in 0..stage.blocks {
                let stride = if index == 0 { stage.stride } else { 1 };
                blocks.push(Block::new(stage, channels, stride, device));
                channels = stage.channels;
            }
        }
        Self {
            stem: ConvNorm::new(Conv2dConfig::new([3, STEM], [3, 3]).with_stride([2, 2]), device),
            blocks,
            head: ConvNorm::new(Conv2dConfig::new([channels, HEAD], [1, 1]), device),
            average: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            classifier: LinearConfig::new(HEAD, CLASSES).init(device),
        }
    }

    /// Logits `[n, 1000]` of normalised images `[n, 3, 224, 224]`.
    pub fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = relu6(self.stem.forward(images));
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let x = relu6(self.head.forward(x));
        self.classifier.forward(self.average.forward(x).flatten(1, 3))
    }
}

fn relu6<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    x.clamp(0.0, 6.0)
}
