//! Merging the batch norms of recorded architectures does not change what they compute.

use burn::module::{Module, Param, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::pool::{AdaptiveAvgPool2dConfig, AvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::{Tensor, activation as act, backend::Backend};
use burn_flex::Flex;
use xai_core::Value;
use xai_core::graph::Graph;
use xai_core::layer::LayerKind;
use xai_core::model::Model;
use xai_trace::record;

use crate::{Device, kinds, random, raw};

fn norm(channels: usize) -> BatchNorm<Flex> {
    let mut norm = BatchNormConfig::new(channels).init(&Device::default());
    norm.gamma = Param::from_tensor(random([channels]));
    norm.beta = Param::from_tensor(random([channels]));
    norm.running_mean = RunningState::new(random([channels]));
    norm.running_var = RunningState::new(random([channels]).abs() + 0.5);
    norm
}

fn conv(channels: [usize; 2], kernel: usize, stride: usize, groups: usize) -> Conv2d<Flex> {
    let pad = kernel / 2;
    Conv2dConfig::new(channels, [kernel; 2])
        .with_stride([stride; 2])
        .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
        .with_groups(groups)
        .with_bias(false)
        .init(&Device::default())
}

fn count(graph: &Graph<Flex>, kind: LayerKind) -> usize {
    graph.nodes().iter().filter(|node| node.layer().kind() == kind).count()
}

/// The canonized graph, which must compute what the raw one does.
fn canonized(model: &Model<Flex>, x: Tensor<Flex, 4>) -> Graph<Flex> {
    let x = Value::from(x);
    let graph = raw(model, x.clone());
    let canonized = model.graph(x.clone(), 0).unwrap().as_ref().clone();
    let run = |graph: &Graph<Flex>| {
        let y = graph.forward(std::slice::from_ref(&x)).unwrap();
        y.to_data().unwrap().iter::<f64>().collect::<Vec<_>>()
    };
    let (raw, merged) = (run(&graph), run(&canonized));
    let scale = raw.iter().fold(0.0, |largest: f64, y| largest.max(y.abs()));
    let difference = raw.iter().zip(&merged).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(difference <= 1e-5 * (1.0 + scale), "{difference} of {scale}\n{canonized}");
    canonized
}

#[derive(Module, Debug)]
struct Vgg<B: Backend> {
    convs: Vec<Conv2d<B>>,
    norms: Vec<BatchNorm<B>>,
    head: Linear<B>,
}

impl<B: Backend> Vgg<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let pool = MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
        let blocks = self.convs.iter().zip(&self.norms);
        let x = blocks.fold(x, |x, (conv, norm)| pool.forward(act::relu(norm.forward(conv.forward(x)))));
        self.head.forward(x.flatten(1, 3))
    }
}

#[test]
fn vgg() {
    let net = Vgg {
        convs: vec![conv([3, 4], 3, 1, 1), conv([4, 6], 3, 1, 1)],
        norms: vec![norm(4), norm(6)],
        head: LinearConfig::new(24, 5).init(&Device::default()),
    };
    let x = random([2, 3, 8, 8]);
    let graph = canonized(&record(&net, Vgg::forward), x);
    assert_eq!(count(&graph, LayerKind::BatchNorm), 0);
    assert_eq!(graph.find("norms.1").unwrap(), graph.find("convs.1").unwrap());
}

/// Basic and bottleneck blocks, the shortcut with or without a projection.
#[derive(Module, Debug)]
struct Residual<B: Backend> {
    convs: Vec<Conv2d<B>>,
    norms: Vec<BatchNorm<B>>,
    downsample: Option<(Conv2d<B>, BatchNorm<B>)>,
}

impl<B: Backend> Residual<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let last = self.convs.len() - 1;
        let blocks = self.convs.iter().zip(&self.norms).enumerate();
        let y = blocks.fold(x.clone(), |y, (place, (conv, norm))| {
            let y = norm.forward(conv.forward(y));
            if place < last { act::relu(y) } else { y }
        });
        let shortcut = match &self.downsample {
            Some((conv, norm)) => norm.forward(conv.forward(x)),
            None => x,
        };
        act::relu(y + shortcut)
    }
}

#[test]
fn resnet_basic_bottleneck_and_downsample() {
    let basic = Residual {
        convs: vec![conv([4, 4], 3, 1, 1), conv([4, 4], 3, 1, 1)],
        norms: vec![norm(4), norm(4)],
        downsample: None,
    };
    let bottleneck = Residual {
        convs: vec![conv([4, 2], 1, 1, 1), conv([2, 2], 3, 2, 1), conv([2, 8], 1, 1, 1)],
        norms: vec![norm(2), norm(2), norm(8)],
        downsample: Some((conv([4, 8], 1, 2, 1), norm(8))),
    };
    for net in [basic, bottleneck] {
        let x = random([2, 4, 6, 6]);
        let graph = canonized(&record(&net, Residual::forward), x);
        assert_eq!(count(&graph, LayerKind::BatchNorm), 0, "{graph}");
        assert_eq!(count(&graph, LayerKind::Add), 1);
    }
}

/// Batch norms come before the ReLUs that come before the convolutions, on a concatenation.
#[derive(Module, Debug)]
struct Dense<B: Backend> {
    stem: Conv2d<B>,
    stem_norm: BatchNorm<B>,
    norms: Vec<BatchNorm<B>>,
    convs: Vec<Conv2d<B>>,
    last_norm: BatchNorm<B>,
    head: Linear<B>,
}

impl<B: Backend> Dense<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = act::relu(self.stem_norm.forward(self.stem.forward(x)));
        let blocks = self.norms.iter().zip(&self.convs);
        let x = blocks.fold(x, |x, (norm, conv)| {
            let new = conv.forward(act::relu(norm.forward(x.clone())));
            Tensor::cat(vec![x, new], 1)
        });
        let x = AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init().forward(x);
        let x = act::relu(self.last_norm.forward(x));
        self.head.forward(AdaptiveAvgPool2dConfig::new([1, 1]).init().forward(x).flatten(1, 3))
    }
}

#[test]
fn densenet_keeps_the_batch_norms_before_its_activations() {
    let net = Dense {
        stem: conv([3, 4], 3, 1, 1),
        stem_norm: norm(4),
        norms: vec![norm(4), norm(6)],
        convs: vec![conv([4, 2], 3, 1, 1), conv([6, 2], 3, 1, 1)],
        last_norm: norm(8),
        head: LinearConfig::new(8, 3).init(&Device::default()),
    };
    let x = random([2, 3, 6, 6]);
    let graph = canonized(&record(&net, Dense::forward), x);
    assert_eq!(count(&graph, LayerKind::BatchNorm), 3, "{graph}");
    assert!(graph.find("stem_norm").unwrap() == graph.find("stem").unwrap());
}

/// An inverted residual with ReLU6: expansion, depthwise convolution, projection.
#[derive(Module, Debug)]
struct Mobile<B: Backend> {
    expand: Conv2d<B>,
    depthwise: Conv2d<B>,
    project: Conv2d<B>,
    norms: Vec<BatchNorm<B>>,
}

impl<B: Backend> Mobile<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let y = self.norms[0].forward(self.expand.forward(x.clone())).clamp(0.0, 6.0);
        let y = self.norms[1].forward(self.depthwise.forward(y)).clamp(0.0, 6.0);
        x + self.norms[2].forward(self.project.forward(y))
    }
}

#[test]
fn mobilenet() {
    let net = Mobile {
        expand: conv([3, 6], 1, 1, 1),
        depthwise: conv([6, 6], 3, 1, 6),
        project: conv([6, 3], 1, 1, 1),
        norms: vec![norm(6), norm(6), norm(3)],
    };
    let x = random([2, 3, 5, 5]);
    let graph = canonized(&record(&net, Mobile::forward), x);
    use LayerKind::{Activation, Add, Conv, Input};
    assert_eq!(kinds(&graph), [Input, Conv, Activation, Conv, Activation, Conv, Add]);
}

/// A generator: grouped transposed convolutions, each followed by a batch norm, and a batch norm of
/// the input.
#[derive(Module, Debug)]
struct Generator<B: Backend> {
    input_norm: BatchNorm<B>,
    first: Conv2d<B>,
    up: ConvTranspose2d<B>,
    norm: BatchNorm<B>,
}

impl<B: Backend> Generator<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let x = act::relu(self.first.forward(self.input_norm.forward(x)));
        act::tanh(self.norm.forward(self.up.forward(x)))
    }
}

#[test]
fn transposed_convolutions_and_normalised_inputs() {
    let up =
        ConvTranspose2dConfig::new([4, 6], [4, 4]).with_stride([2, 2]).with_padding([1, 1]).with_groups(2);
    let net = Generator {
        input_norm: norm(3),
        first: conv([3, 4], 1, 1, 1),
        up: up.init(&Device::default()),
        norm: norm(6),
    };
    let x = random([2, 3, 4, 4]);
    let graph = canonized(&record(&net, Generator::forward), x);
    assert_eq!(count(&graph, LayerKind::BatchNorm), 0, "{graph}");
}
