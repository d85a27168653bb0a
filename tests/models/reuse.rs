//! Layers that are used twice, parts of values that are moved about, gates written out.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{
    BatchNorm, BatchNormConfig, Linear, LinearConfig, LocalResponseNorm, LocalResponseNormConfig,
    PaddingConfig2d,
};
use burn::tensor::activation::{gelu, relu, sigmoid, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

use crate::data::Given::Floats;
use crate::harness::{ALL, NO_RELU, networks};
use crate::methods::NO_MAP;

networks! {
    albert: Albert, |net, x| net.forward(x), [Floats(&[5, 6])],
        NO_RELU, refused by NO_MAP;
    highway: Highway, |net, x| net.forward(x), [Floats(&[6])],
        ALL, refused by NO_MAP;
    shufflenet: ShuffleNet, |net, x| net.forward(x), [Floats(&[3, 8, 8])],
        ALL;
    maxout: Maxout, |net, x| net.forward(x), [Floats(&[6])],
        ALL, refused by NO_MAP;
    alexnet: AlexNet, |net, x| net.forward(x), [Floats(&[3, 9, 9])],
        ALL;
}

/// One block three times, with a layer norm written by hand.
#[derive(Module, Debug)]
struct Albert<B: Backend> {
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
    up: Linear<B>,
    down: Linear<B>,
    gain: Param<Tensor<B, 1>>,
    shift: Param<Tensor<B, 1>>,
    head: Linear<B>,
}

impl<B: Backend> Albert<B> {
    fn new(device: &B::Device) -> Self {
        let linear = |from, to| LinearConfig::new(from, to).init(device);
        Self {
            query: linear(6, 6),
            key: linear(6, 6),
            value: linear(6, 6),
            up: linear(6, 12),
            down: linear(12, 6),
            gain: Param::from_tensor(Tensor::ones([6], device)),
            shift: Param::from_tensor(Tensor::zeros([6], device)),
            head: linear(6, 3),
        }
    }

    fn norm(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let (variance, mean) = x.clone().var_mean_bias(2);
        let normal = (x - mean) / (variance + 1e-5).sqrt();
        normal * self.gain.val().unsqueeze() + self.shift.val().unsqueeze()
    }

    fn block(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let scores = self.query.forward(x.clone()).matmul(self.key.forward(x.clone()).transpose());
        let context = softmax(scores / 6f64.sqrt(), 2).matmul(self.value.forward(x.clone()));
        let x = self.norm(x + context);
        self.norm(x.clone() + self.down.forward(gelu(self.up.forward(x))))
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let x = (0..3).fold(x, |x, _| self.block(x));
        self.head.forward(x.narrow(1, 0, 1).squeeze_dim::<2>(1))
    }
}

/// A gate decides between a layer and its input.
#[derive(Module, Debug)]
struct Highway<B: Backend> {
    layers: Vec<Linear<B>>,
    gates: Vec<Linear<B>>,
    head: Linear<B>,
}

impl<B: Backend> Highway<B> {
    fn new(device: &B::Device) -> Self {
        let linear = |_| LinearConfig::new(6, 6).init(device);
        Self {
            layers: (0..2).map(linear).collect(),
            gates: (0..2).map(linear).collect(),
            head: LinearConfig::new(6, 3).init(device),
        }
    }

    fn forward(&self, mut x: Tensor<B, 2>) -> Tensor<B, 2> {
        for (layer, gate) in self.layers.iter().zip(&self.gates) {
            let gate = sigmoid(gate.forward(x.clone()));
            let keep = gate.ones_like() - gate.clone();
            x = gate * relu(layer.forward(x.clone())) + keep * x;
        }
        self.head.forward(x)
    }
}

/// Half of the channels pass by, then all are shuffled; the second shuffle selects by index.
#[derive(Module, Debug)]
struct ShuffleNet<B: Backend> {
    stem: Conv2d<B>,
    first: ShuffleUnit<B>,
    second: ShuffleUnit<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct ShuffleUnit<B: Backend> {
    pointwise: Conv2d<B>,
    norm_1: BatchNorm<B>,
    depthwise: Conv2d<B>,
    norm_2: BatchNorm<B>,
}

impl<B: Backend> ShuffleUnit<B> {
    fn new(device: &B::Device) -> Self {
        let depthwise = Conv2dConfig::new([4, 4], [3, 3]).with_groups(4).with_bias(false);
        Self {
            pointwise: Conv2dConfig::new([4, 4], [1, 1]).with_bias(false).init(device),
            norm_1: BatchNormConfig::new(4).init(device),
            depthwise: depthwise.with_padding(PaddingConfig2d::Same).init(device),
            norm_2: BatchNormConfig::new(4).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let [pass, x]: [Tensor<B, 4>; 2] = x.split(4, 1).try_into().unwrap();
        let x = relu(self.norm_1.forward(self.pointwise.forward(x)));
        Tensor::cat(vec![pass, self.norm_2.forward(self.depthwise.forward(x))], 1)
    }
}

impl<B: Backend> ShuffleNet<B> {
    fn new(device: &B::Device) -> Self {
        let stem = Conv2dConfig::new([3, 8], [3, 3]).with_stride([2, 2]);
        Self {
            stem: stem.init(device),
            first: ShuffleUnit::new(device),
            second: ShuffleUnit::new(device),
            head: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.first.forward(relu(self.stem.forward(images)));
        let [batch, channels, height, width] = x.dims();
        let x = x.reshape([batch, 2, channels / 2, height, width]).swap_dims(1, 2);
        let x = self.second.forward(x.reshape([batch, channels, height, width]));
        let order = Tensor::<B, 1, Int>::from_ints([0, 4, 1, 5, 2, 6, 3, 7], &x.device());
        let x = x.select(1, order).max_dims(&[2, 3]);
        self.head.forward(x.flatten(1, 3))
    }
}

/// The larger of two linear layers.
#[derive(Module, Debug)]
struct Maxout<B: Backend> {
    left: Linear<B>,
    right: Linear<B>,
    head: Linear<B>,
}

impl<B: Backend> Maxout<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            left: LinearConfig::new(6, 8).init(device),
            right: LinearConfig::new(6, 8).init(device),
            head: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        self.head.forward(self.left.forward(x.clone()).max_pair(self.right.forward(x)))
    }
}

/// Local response norm, overlapping max pools.
#[derive(Module, Debug)]
struct AlexNet<B: Backend> {
    conv_1: Conv2d<B>,
    norm: LocalResponseNorm,
    pool: MaxPool2d,
    conv_2: Conv2d<B>,
    hidden: Linear<B>,
    head: Linear<B>,
}

impl<B: Backend> AlexNet<B> {
    fn new(device: &B::Device) -> Self {
        let conv =
            |from| Conv2dConfig::new([from, 6], [3, 3]).with_padding(PaddingConfig2d::Same).init(device);
        Self {
            conv_1: conv(3),
            norm: LocalResponseNormConfig::new(3).init(),
            pool: MaxPool2dConfig::new([3, 3]).with_strides([2, 2]).init(),
            conv_2: conv(6),
            hidden: LinearConfig::new(6, 8).init(device),
            head: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.pool.forward(self.norm.forward(relu(self.conv_1.forward(images))));
        let x = self.pool.forward(relu(self.conv_2.forward(x)));
        let x = relu(self.hidden.forward(x.flatten(1, 3)));
        self.head.forward(x)
    }
}
