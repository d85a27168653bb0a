//! Attributors against autodiff, closed forms and each other.

mod averages;
mod conditions;
mod copies;
mod deep_lift;
mod every_target;
mod gradients;
mod inputs;
mod maps;
mod nodes;
mod occlusion;
mod parts;
mod rectified;
mod refusals;
mod region_refusals;
mod regions;
mod targets;

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;

use crate::Value;
use crate::attributor::Attribution;
use crate::engine::read;
use crate::graph::GraphBuilder;
use crate::kernel::{PoolGeometry, PoolOutput};
use crate::layer::{Activation, Linear as LinearLayer, Pool, Reshape};
use crate::model::Model;

/// Convolution, ReLU, max pool, convolution, ReLU, linear.
#[derive(Module, Debug)]
struct Net<B: Backend> {
    first: Conv2d<B>,
    pool: MaxPool2d,
    second: Conv2d<B>,
    head: Linear<B>,
}

impl<B: Backend> Net<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            first: conv([2, 4], 1, device),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            second: conv([4, 5], 5, device),
            head: linear_module(device),
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.pool.forward(relu(self.first.forward(x)));
        let x = relu(self.second.forward(x));
        self.head.forward(x.flatten(1, 3))
    }
}

fn linear_module<B: Backend>(device: &B::Device) -> Linear<B> {
    let mut linear = LinearConfig::new(20, 3).init(device);
    linear.weight = Param::from_tensor(numbers([20, 3], 9, device) * 0.3);
    linear.bias = Some(Param::from_tensor(numbers([3], 10, device)));
    linear
}

fn conv<B: Backend>(channels: [usize; 2], seed: u64, device: &B::Device) -> Conv2d<B> {
    let mut conv = Conv2dConfig::new(channels, [3, 3]).init(device);
    conv.weight = Param::from_tensor(numbers([channels[1], channels[0], 3, 3], seed, device));
    conv.bias = Some(Param::from_tensor(numbers([channels[1]], seed + 1, device)));
    conv
}

/// Fixed numbers, about standard normal.
fn numbers<B: Backend, const D: usize>(dims: [usize; D], seed: u64, device: &B::Device) -> Tensor<B, D> {
    let drawn = super::noise::Noise::new(seed, 0, 1).draw(dims.iter().product());
    Tensor::from_data(TensorData::new(drawn, dims).convert::<f32>(), device)
}

fn images(batch: usize) -> Tensor<Flex, 4> {
    numbers([batch, 2, 10, 10], 77, &Default::default())
}

/// The net as a graph.
fn model() -> Model<Flex> {
    let net = Net::<Flex>::new(&Default::default());
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 2, 10, 10]).unwrap();
    let pool = Pool::max(PoolGeometry::Sliding {
        kernel: vec![2, 2],
        stride: vec![2, 2],
        padding: vec![(0, 0); 2],
        dilation: vec![1, 1],
        output: PoolOutput::Floor,
    });
    let first = graph.push("first", &net.first, &[x]).unwrap();
    let first = graph.push("first.relu", Activation::Relu, &[first]).unwrap();
    let pooled = graph.push("pool", pool, &[first]).unwrap();
    let second = graph.push("second", &net.second, &[pooled]).unwrap();
    let second = graph.push("second.relu", Activation::Relu, &[second]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[second]).unwrap();
    let head = graph.push("head", &net.head, &[flat]).unwrap();
    graph.finish(head).unwrap().into()
}

/// `f(x) = x W + b` of 4 features and 2 classes, and `W`.
fn linear() -> (Model<Flex>, [[f32; 2]; 4]) {
    let (device, weight) = (Default::default(), [[1.0, -2.0], [0.5, 3.0], [-1.5, 0.25], [2.0, 1.0]]);
    let bias = Tensor::<Flex, 1>::from_floats([0.75, -0.5], &device);
    let layer = LinearLayer::new(Tensor::<Flex, 2>::from_floats(weight, &device).into(), Some(bias.into()));
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 4]).unwrap();
    let y = graph.push("linear", layer.unwrap(), &[x]).unwrap();
    (graph.finish(y).unwrap().into(), weight)
}

fn features() -> Tensor<Flex, 2> {
    Tensor::from_floats([[1.0, -2.0, 0.5, 3.0], [0.0, 1.0, -1.0, 4.0]], &Default::default())
}

/// Relevance of the only input, on the host.
fn relevance(attribution: &Attribution<Flex>) -> Vec<f64> {
    read(attribution.relevances()[0].as_ref().unwrap()).unwrap()
}

fn values<const D: usize>(tensor: Tensor<Flex, D>) -> Vec<f64> {
    read(&Value::from(tensor)).unwrap()
}

/// `max|got - want| <= tolerance * max|want|`.
#[track_caller]
fn assert_close(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len());
    let scale = want.iter().fold(0.0f64, |scale, want| scale.max(want.abs()));
    let error = got.iter().zip(want).fold(0.0f64, |error, (got, want)| error.max((got - want).abs()));
    assert!(error <= tolerance * scale, "off by {error:.2e} of {scale:.2e}:\n{got:?}\n{want:?}");
}
