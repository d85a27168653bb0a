//! ResNet50 as torchvision has it, with its names.
//!
//! He et al., "Deep Residual Learning for Image Recognition", CVPR 2016.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Tensor, backend::Backend};

/// Blocks, channels of the narrow convolutions, and stride of the first block, for each layer.
const LAYERS: [(usize, usize, usize); 4] = [(3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)];
/// By how much a block widens its narrow convolutions.
const EXPANSION: usize = 4;

#[derive(Module, Debug)]
pub(crate) struct ResNet50<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm<B>,
    relu: Relu,
    maxpool: MaxPool2d,
    layer1: Vec<Bottleneck<B>>,
    layer2: Vec<Bottleneck<B>>,
    layer3: Vec<Bottleneck<B>>,
    layer4: Vec<Bottleneck<B>>,
    avgpool: AdaptiveAvgPool2d,
    fc: Linear<B>,
}

#[derive(Module, Debug)]
pub(crate) struct Bottleneck<B: Backend> {
    conv1: Conv2d<B>,
    bn1: BatchNorm<B>,
    conv2: Conv2d<B>,
    bn2: BatchNorm<B>,
    conv3: Conv2d<B>,
    bn3: BatchNorm<B>,
    relu: Relu,
    downsample: Option<Downsample<B>>,
}

#[derive(Module, Debug)]
pub(crate) struct Downsample<B: Backend> {
    conv: Conv2d<B>,
    bn: BatchNorm<B>,
}

fn conv<B: Backend>(channels: [usize; 2], kernel: usize, stride: usize, device: &B::Device) -> Conv2d<B> {
    let side = kernel / 2;
    Conv2dConfig::new(channels, [kernel; 2])
        .with_stride([stride; 2])
        .with_padding(PaddingConfig2d::Explicit(side, side, side, side))
        .with_bias(false)
        .init(device)
}

fn norm<B: Backend>(channels: usize, device: &B::Device) -> BatchNorm<B> {
    BatchNormConfig::new(channels).init(device)
}

impl<B: Backend> Bottleneck<B> {
    fn new(channels: usize, narrow: usize, stride: usize, device: &B::Device) -> Self {
        let wide = EXPANSION * narrow;
        Self {
            conv1: conv([channels, narrow], 1, 1, device),
            bn1: norm(narrow, device),
            conv2: conv([narrow, narrow], 3, stride, device),
            bn2: norm(narrow, device),
            conv3: conv([narrow, wide], 1, 1, device),
            bn3: norm(wide, device),
            relu: Relu::new(),
            downsample: (channels != wide || stride > 1).then(|| Downsample {
                conv: conv([channels, wide], 1, stride, device),
                bn: norm(wide, device),
            }),
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let y = self.relu.forward(self.bn1.forward(self.conv1.forward(x.clone())));
        let y = self.relu.forward(self.bn2.forward(self.conv2.forward(y)));
        let y = self.bn3.forward(self.conv3.forward(y));
        let x = match &self.downsample {
            Some(downsample) => downsample.bn.forward(downsample.conv.forward(x)),
            None => x,
        };
        self.relu.forward(y + x)
    }
}

impl<B: Backend> ResNet50<B> {
    pub(crate) fn new(device: &B::Device) -> Self {
        let mut channels = LAYERS[0].1;
        let [layer1, layer2, layer3, layer4] = LAYERS.map(|(blocks, narrow, stride)| {
            let block = |index: usize| {
                let stride = if index == 0 { stride } else { 1 };
                let block = Bottleneck::new(channels, narrow, stride, device);
                channels = EXPANSION * narrow;
                block
            };
            (0..blocks).map(block).collect()
        });
        Self {
            conv1: conv([3, LAYERS[0].1], 7, 2, device),
            bn1: norm(LAYERS[0].1, device),
            relu: Relu::new(),
            maxpool: MaxPool2dConfig::new([3, 3])
                .with_strides([2, 2])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(),
            layer1,
            layer2,
            layer3,
            layer4,
            avgpool: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            fc: LinearConfig::new(channels, 1000).init(device),
        }
    }

    pub(crate) fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.maxpool.forward(self.relu.forward(self.bn1.forward(self.conv1.forward(x))));
        let blocks = [&self.layer1, &self.layer2, &self.layer3, &self.layer4].into_iter().flatten();
        let x = blocks.fold(x, |x, block| block.forward(x));
        self.fc.forward(self.avgpool.forward(x).flatten(1, 3))
    }
}
