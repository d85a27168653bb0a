//! Sets, graphs and pairs.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::{relu, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Tensor};

use crate::data::Given::{Floats, Padding};
use crate::harness::{ALL, networks};
use crate::methods::NO_MAP;

networks! {
    point_net: PointNet, |net, points| net.forward(points), [Floats(&[6, 3])],
        ALL, refused by NO_MAP;
    attention_pooling: Pooling, |net, x| net.forward(x), [Floats(&[5, 4])],
        ALL, refused by NO_MAP;
    last_token: LastToken, |net, (x, padding)| net.forward(x, padding), [Floats(&[5, 4]), Padding(5)],
        ALL, refused by NO_MAP;
    graph_convolution: Gcn, |net, x| net.forward(x), [Floats(&[5, 3])],
        ALL, refused by NO_MAP;
    siamese: Siamese, |net, (a, b)| net.forward(a, b), [Floats(&[6]), Floats(&[6])],
        ALL, refused by NO_MAP;
}

/// The largest of each feature over all points.
#[derive(Module, Debug)]
struct PointNet<B: Backend> {
    point_1: Linear<B>,
    point_2: Linear<B>,
    hidden: Linear<B>,
    head: Linear<B>,
}

impl<B: Backend> PointNet<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            point_1: LinearConfig::new(3, 8).init(device),
            point_2: LinearConfig::new(8, 12).init(device),
            hidden: LinearConfig::new(12, 8).init(device),
            head: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(&self, points: Tensor<B, 3>) -> Tensor<B, 2> {
        let x = relu(self.point_2.forward(relu(self.point_1.forward(points))));
        let x = x.max_dim(1).squeeze_dim::<2>(1);
        self.head.forward(relu(self.hidden.forward(x)))
    }
}

/// A weighted mean of tokens whose weights are learned.
#[derive(Module, Debug)]
struct Pooling<B: Backend> {
    embed: Linear<B>,
    score_1: Linear<B>,
    score_2: Linear<B>,
    head: Linear<B>,
}

impl<B: Backend> Pooling<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            embed: LinearConfig::new(4, 8).init(device),
            score_1: LinearConfig::new(8, 6).init(device),
            score_2: LinearConfig::new(6, 1).with_bias(false).init(device),
            head: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let x = relu(self.embed.forward(x));
        let weights = softmax(self.score_2.forward(self.score_1.forward(x.clone()).tanh()), 1);
        self.head.forward((x * weights).sum_dim(1).squeeze_dim(1))
    }
}

/// Two graph convolutions; the graph is constant.
#[derive(Module, Debug)]
struct Gcn<B: Backend> {
    adjacency: Tensor<B, 2>,
    conv_1: Linear<B>,
    conv_2: Linear<B>,
    head: Linear<B>,
}

impl<B: Backend> Gcn<B> {
    fn new(device: &B::Device) -> Self {
        let edges = [
            [1.0, 1.0, 0.0, 0.0, 1.0],
            [1.0, 1.0, 1.0, 0.0, 0.0],
            [0.0, 1.0, 1.0, 1.0, 0.0],
            [0.0, 0.0, 1.0, 1.0, 0.0],
            [1.0, 0.0, 0.0, 0.0, 1.0],
        ];
        let edges = Tensor::<B, 2>::from_floats(edges, device);
        let scale = edges.clone().sum_dim(1).sqrt().recip();
        Self {
            adjacency: edges * scale.clone() * scale.transpose(),
            conv_1: LinearConfig::new(3, 8).init(device),
            conv_2: LinearConfig::new(8, 8).init(device),
            head: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let adjacency = || self.adjacency.clone().unsqueeze::<3>();
        let x = relu(adjacency().matmul(self.conv_1.forward(x)));
        let x = relu(adjacency().matmul(self.conv_2.forward(x)));
        self.head.forward(x.mean_dim(1).squeeze_dim(1))
    }
}

/// How alike two inputs are: the cosine of their encodings.
#[derive(Module, Debug)]
struct Siamese<B: Backend> {
    hidden: Linear<B>,
    encode: Linear<B>,
    scale: Linear<B>,
}

impl<B: Backend> Siamese<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            hidden: LinearConfig::new(6, 10).init(device),
            encode: LinearConfig::new(10, 5).init(device),
            scale: LinearConfig::new(1, 1).init(device),
        }
    }

    fn encode(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let x = self.encode.forward(relu(self.hidden.forward(x)));
        let norm = x.clone().powf_scalar(2.0).sum_dim(1).sqrt().clamp_min(1e-8);
        x / norm
    }

    fn forward(&self, a: Tensor<B, 2>, b: Tensor<B, 2>) -> Tensor<B, 2> {
        self.scale.forward((self.encode(a) * self.encode(b)).sum_dim(1))
    }
}

/// Sequences of different lengths: what the last token that is no padding says.
#[derive(Module, Debug)]
struct LastToken<B: Backend> {
    hidden: Linear<B>,
    head: Linear<B>,
}

impl<B: Backend> LastToken<B> {
    fn new(device: &B::Device) -> Self {
        Self { hidden: LinearConfig::new(4, 6).init(device), head: LinearConfig::new(6, 3).init(device) }
    }

    fn forward(&self, x: Tensor<B, 3>, padding: Tensor<B, 2, Bool>) -> Tensor<B, 2> {
        let x = relu(self.hidden.forward(x));
        let [batch, _, width] = x.dims();
        let last = padding.bool_not().int().sum_dim(1) - 1;
        let x = x.gather(1, last.reshape([batch, 1, 1]).repeat_dim(2, width));
        self.head.forward(x.squeeze_dim::<2>(1))
    }
}
