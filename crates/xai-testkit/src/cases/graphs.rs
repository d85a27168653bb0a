//! Small graphs, and layers with random parameters.

use std::collections::HashMap;

use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::graph::{Graph, GraphBuilder};
use xai_core::kernel::ConvGeometry;
use xai_core::layer::{BatchNorm, Conv, Layer, Linear};

use super::host::value;
use crate::host::Numbers;

/// A graph of inputs with their sizes, and of layers with the names of what they read.
pub(super) fn wired<B: Backend>(
    inputs: &[(&'static str, &[usize])],
    layers: impl IntoIterator<Item = (&'static str, Layer<B>, &'static [&'static str])>,
) -> Graph<B> {
    let mut builder = GraphBuilder::new();
    let mut nodes = HashMap::new();
    for &(name, dims) in inputs {
        nodes.insert(name, builder.input(name, dims).unwrap());
    }
    let mut output = "";
    for (name, layer, reads) in layers {
        let reads: Vec<_> = reads.iter().map(|read| nodes[read]).collect();
        nodes.insert(name, builder.push(name, layer, &reads).unwrap());
        output = name;
    }
    builder.finish(nodes[output]).unwrap()
}

/// A graph of layers, one behind the other, for an input `x` of the sizes `dims`.
pub(super) fn chain<B: Backend>(
    dims: &[usize],
    layers: impl IntoIterator<Item = (&'static str, Layer<B>)>,
) -> Graph<B> {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", dims).unwrap();
    let push = |last, (name, layer)| builder.push(name, layer, &[last]).unwrap();
    let last = layers.into_iter().fold(x, push);
    builder.finish(last).unwrap()
}

/// Layers with random parameters.
pub(super) struct Random<'a, B: Backend> {
    numbers: Numbers,
    device: &'a B::Device,
}

impl<'a, B: Backend> Random<'a, B> {
    pub(super) fn seeded(seed: u64, device: &'a B::Device) -> Self {
        Self { numbers: Numbers::seeded(seed), device }
    }

    fn value(&mut self, dims: &[usize]) -> Value<B> {
        value(&self.numbers.array(dims), self.device)
    }

    pub(super) fn conv(&mut self, weight: &[usize], bias: bool, geometry: ConvGeometry) -> Conv<B> {
        let bias = bias.then(|| self.value(&weight[..1]));
        Conv::new(self.value(weight), bias, geometry).unwrap()
    }

    pub(super) fn batch_norm(&mut self, channels: usize) -> BatchNorm<B> {
        let [mean, scale, shift] = std::array::from_fn(|_| self.value(&[channels]));
        let std = value(&self.numbers.positive(&[channels]), self.device);
        BatchNorm::new(mean, std, scale, shift).unwrap()
    }

    pub(super) fn linear(&mut self, from: usize, to: usize, bias: bool) -> Linear<B> {
        let bias = bias.then(|| self.value(&[to]));
        Linear::new(self.value(&[from, to]), bias).unwrap()
    }
}
