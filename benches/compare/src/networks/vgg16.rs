//! VGG16 with batch norms as torchvision has it.
//!
//! Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015.

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Tensor, backend::Backend};

/// Channels of the convolutions; a max pool follows each stage.
const STAGES: [&[usize]; 5] = [&[64, 64], &[128, 128], &[256, 256, 256], &[512, 512, 512], &[512, 512, 512]];
/// Inputs and outputs of the linear layers, for images of 224 x 224.
const HEAD: [usize; 4] = [512 * 7 * 7, 4096, 4096, 1000];

#[derive(Module, Debug)]
pub(crate) struct Vgg16<B: Backend> {
    convs: Vec<Conv2d<B>>,
    norms: Vec<BatchNorm<B>>,
    linears: Vec<Linear<B>>,
    relu: Relu,
    pool: MaxPool2d,
}

impl<B: Backend> Vgg16<B> {
    pub(crate) fn new(device: &B::Device) -> Self {
        let widths: Vec<usize> = [3].into_iter().chain(STAGES.concat()).collect();
        let conv = |channels: &[usize]| {
            Conv2dConfig::new([channels[0], channels[1]], [3, 3])
                .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
                .init(device)
        };
        Self {
            convs: widths.windows(2).map(conv).collect(),
            norms: widths[1..].iter().map(|channels| BatchNormConfig::new(*channels).init(device)).collect(),
            linears: HEAD.windows(2).map(|size| LinearConfig::new(size[0], size[1]).init(device)).collect(),
            relu: Relu::new(),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
        }
    }

    pub(crate) fn forward(&self, mut x: Tensor<B, 4>) -> Tensor<B, 2> {
        let mut layers = self.convs.iter().zip(&self.norms);
        for stage in STAGES {
            for (conv, norm) in layers.by_ref().take(stage.len()) {
                x = self.relu.forward(norm.forward(conv.forward(x)));
            }
            x = self.pool.forward(x);
        }
        let first = x.flatten(1, 3);
        let last = self.linears.len() - 1;
        self.linears.iter().enumerate().fold(first, |x, (place, linear)| {
            let y = linear.forward(x);
            if place == last { y } else { self.relu.forward(y) }
        })
    }
}
