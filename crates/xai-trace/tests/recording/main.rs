//! Unmodified Burn models as models to be explained.
#![allow(clippy::unwrap_used, clippy::panic)]

mod canonize;
mod errors;
mod inputs;
mod layers;
mod names;
mod record;

use burn::tensor::{Distribution, Tensor};
use burn_flex::Flex;
use xai_core::graph::Graph;
use xai_core::layer::{Layer, LayerKind};
use xai_core::model::{Inputs, Model};
use xai_trace::Traced;

type Device = <Flex as burn_backend::BackendTypes>::Device;
/// A tensor on the backend that models run on.
type Plain<const D: usize> = Tensor<Flex, D>;
/// A tensor on the backend that records.
type T<const D: usize> = Tensor<Traced<Flex>, D>;

fn random<const D: usize>(dims: [usize; D]) -> Plain<D> {
    Tensor::random(dims, Distribution::Normal(0.0, 1.0), &Device::default())
}

/// The graph of the first output as it is recorded, before canonizers change it.
fn raw(model: &Model<Flex>, inputs: impl Into<Inputs<Flex>>) -> Graph<Flex> {
    model.with_canonizers(vec![]).graph(inputs, 0).unwrap().as_ref().clone()
}

fn names(graph: &Graph<Flex>) -> Vec<&str> {
    graph.nodes().iter().map(|node| node.name()).collect()
}

fn kinds(graph: &Graph<Flex>) -> Vec<LayerKind> {
    graph.nodes().iter().map(|node| node.layer().kind()).collect()
}

/// Operations without a layer, by node name.
fn unsupported(graph: &Graph<Flex>) -> Vec<(&str, &str)> {
    let unsupported = graph.nodes().iter().filter_map(|node| match node.layer() {
        Layer::Unsupported(layer) => Some((node.name(), layer.operation())),
        _ => None,
    });
    unsupported.collect()
}
