//! What explaining costs beside the plain forward pass, on a VGG-like and a residual network.
//!
//! Times are medians in milliseconds, ratios are relative to the plain forward pass of the same
//! row. Run with `cargo bench -p benches --bench explain`.

// A network that the library does not support would make the numbers meaningless.
#![allow(clippy::expect_used)]

mod timing;

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, MaxPool2d, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Distribution, Tensor, backend::Backend};
use burn_xai::prelude::*;

use timing::Table;

#[derive(Module, Debug)]
struct Block<B: Backend> {
    first: Conv2d<B>,
    first_norm: BatchNorm<B>,
    second: Conv2d<B>,
    second_norm: BatchNorm<B>,
    relu: Relu,
}

impl<B: Backend> Block<B> {
    fn new(channels: usize, device: &B::Device) -> Self {
        let conv = || conv([channels, channels], device);
        let norm = || BatchNormConfig::new(channels).init(device);
        Self { first: conv(), first_norm: norm(), second: conv(), second_norm: norm(), relu: Relu::new() }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let y = self.relu.forward(self.first_norm.forward(self.first.forward(x.clone())));
        self.relu.forward(self.second_norm.forward(self.second.forward(y)) + x)
    }
}

/// A stem, residual blocks at two sizes, and a linear head.
#[derive(Module, Debug)]
struct Net<B: Backend> {
    stem: Conv2d<B>,
    pool: MaxPool2d,
    narrow: Vec<Block<B>>,
    widen: Conv2d<B>,
    wide: Vec<Block<B>>,
    average: AdaptiveAvgPool2d,
    head: Linear<B>,
    relu: Relu,
}

fn conv<B: Backend>(channels: [usize; 2], device: &B::Device) -> Conv2d<B> {
    Conv2dConfig::new(channels, [3, 3]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(device)
}

impl<B: Backend> Net<B> {
    fn new(blocks: usize, width: usize, device: &B::Device) -> Self {
        Self {
            stem: conv([3, width], device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            narrow: (0..blocks).map(|_| Block::new(width, device)).collect(),
            widen: conv([width, 2 * width], device),
            wide: (0..blocks).map(|_| Block::new(2 * width, device)).collect(),
            average: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            head: LinearConfig::new(2 * width, 10).init(device),
            relu: Relu::new(),
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.pool.forward(self.relu.forward(self.stem.forward(x)));
        let x = self.narrow.iter().fold(x, |x, block| block.forward(x));
        let x = self.pool.forward(self.relu.forward(self.widen.forward(x)));
        let x = self.wide.iter().fold(x, |x, block| block.forward(x));
        self.head.forward(self.average.forward(x).flatten(1, 3))
    }
}

fn main() {
    Table::print_header();
    #[cfg(feature = "flex")]
    all::<burn_xai::backend::flex::Flex>();
    #[cfg(feature = "ndarray")]
    all::<burn_xai::backend::ndarray::NdArray>();
}

fn all<B: Backend>() {
    let device = B::Device::default();
    network::<B>("small, 1x3x8x8", 1, 4, [1, 3, 8, 8], &device);
    network::<B>("residual, 1x3x64x64", 2, 32, [1, 3, 64, 64], &device);
    network::<B>("residual, 8x3x64x64", 2, 32, [8, 3, 64, 64], &device);
}

fn network<B: Backend>(name: &str, blocks: usize, width: usize, input: [usize; 4], device: &B::Device) {
    let mut net = Net::<B>::new(blocks, width, device);
    // Positive logits, so that relevance is not 0 anywhere on the way.
    net.head.bias = Some(Param::from_tensor(Tensor::ones([10], device)));
    let x = Tensor::<B, 4>::random(input, Distribution::Uniform(-1.0, 1.0), device);
    let model = record(&net, Net::forward);
    let unmerged = model.with_canonizers(Vec::new());
    let recorded = unmerged.graph(x.clone(), 0).expect("the network is supported");
    let lrp = Lrp::new(&model, epsilon_plus_flat());
    let with_ledger = Lrp::new(&model, epsilon_plus_flat()).with_ledger();
    let slopes = Lrp::new(&model, gradient());
    let explain = |lrp: &Lrp<B>| {
        let attribution = lrp.attribute(x.clone(), Target::argmax()).expect("the network is supported");
        attribution.relevance::<4>().expect("one image").into()
    };
    Table::new(B::name(device)).row::<B>(
        name,
        &[
            ("plain forward", &|| net.forward(x.clone()).into()),
            ("recording", &|| {
                let model = record(&net, Net::forward).with_canonizers(Vec::new());
                let graph = model.graph(x.clone(), 0).expect("the network is supported");
                // The graph holds no activation; its shape is enough to show that it is there.
                assert!(!graph.nodes().is_empty());
                x.clone().into()
            }),
            // A recording is compared with this: what it costs itself is the rest beside the plain forward pass.
            ("replay of the recording", &|| {
                recorded.forward(&[x.clone().into()]).expect("the network is supported")
            }),
            ("first explanation: EpsilonPlusFlat", &|| {
                explain(&Lrp::new(&record(&net, Net::forward), epsilon_plus_flat()))
            }),
            ("EpsilonPlusFlat", &|| explain(&lrp)),
            ("EpsilonPlusFlat with ledger", &|| explain(&with_ledger)),
            ("Gradient", &|| explain(&slopes)),
        ],
    );
}
