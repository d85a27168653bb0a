//! Which node a class activation map takes, and nodes that have none.

use super::*;
use crate::attributor::{Attributor, Cam};
use crate::graph::NodeId;
use crate::layer::{Add, Arithmetic, BatchNorm, Expand, Layer, Normalize, Permute, Reduce};

const IMAGE: [usize; 4] = [2, 2, 10, 10];

fn push(
    graph: &mut GraphBuilder<Flex>,
    name: &str,
    layer: impl Into<Layer<Flex>>,
    inputs: &[NodeId],
) -> NodeId {
    graph.push(name, layer.into(), inputs).unwrap()
}

fn convolution(graph: &mut GraphBuilder<Flex>, name: &str, x: NodeId, channels: [usize; 2]) -> NodeId {
    graph.push(name, &conv::<Flex>(channels, 1, &Default::default()), &[x]).unwrap()
}

/// A linear layer over the last dimension, of this size.
fn mixing(size: usize) -> LinearLayer<Flex> {
    let weight = numbers::<Flex, 2>([size, size], 3, &Default::default());
    LinearLayer::new(weight.into(), None).unwrap()
}

/// The node that is taken, of a model with the input `dims`, or what is said instead.
fn taken<const D: usize>(
    dims: [usize; D],
    build: impl FnOnce(&mut GraphBuilder<Flex>, NodeId) -> NodeId,
) -> Result<String, String> {
    taken_of(dims, build, |cam| cam)
}

fn taken_of<const D: usize>(
    dims: [usize; D],
    build: impl FnOnce(&mut GraphBuilder<Flex>, NodeId) -> NodeId,
    set: impl FnOnce(Cam<Flex>) -> Cam<Flex>,
) -> Result<String, String> {
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &dims).unwrap();
    let end = build(&mut graph, x);
    let sum = push(&mut graph, "sum", Reduce::sum((1..D).collect::<Vec<_>>()), &[end]);
    let flat = push(&mut graph, "flat", Reshape::flatten(), &[sum]);
    let model = Model::from(graph.finish(flat).unwrap());
    let found = set(Cam::hi_res_cam(&model)).attribute(numbers(dims, 5, &Default::default()), 0);
    let found = found.map_err(|error| error.to_string())?;
    Ok(found.kept().next().unwrap().to_owned())
}

#[test]
fn it_is_the_last_one_in_the_order_of_the_input() {
    // As ConvNeXt: channels last for a linear layer, and back.
    let block = |graph: &mut GraphBuilder<Flex>, x, back: bool| {
        let first = convolution(graph, "first", x, [2, 4]);
        let last = push(graph, "last", Permute::new([0, 2, 3, 1]), &[first]);
        let mixed = push(graph, "mixed", mixing(4), &[last]);
        if back { push(graph, "back", Permute::new([0, 3, 1, 2]), &[mixed]) } else { mixed }
    };
    assert_eq!(taken(IMAGE, |graph, x| block(graph, x, true)), Ok("back".into()));
    assert_eq!(taken(IMAGE, |graph, x| block(graph, x, false)), Ok("first".into()));
    // Rows and columns change places.
    let turned = |graph: &mut GraphBuilder<Flex>, x| {
        let turned = push(graph, "turned", Permute::new([0, 1, 3, 2]), &[x]);
        let first = convolution(graph, "first", turned, [2, 4]);
        push(graph, "back", Permute::new([0, 1, 3, 2]), &[first])
    };
    assert_eq!(taken(IMAGE, turned), Ok("back".into()));
    // Rows that are mixed are no places, nor are sums over them.
    let rows = |graph: &mut GraphBuilder<Flex>, x| {
        let first = convolution(graph, "first", x, [2, 4]);
        push(graph, "mixed", mixing(8), &[first])
    };
    assert_eq!(taken(IMAGE, rows), Ok("first".into()));
    let sums = |graph: &mut GraphBuilder<Flex>, x| {
        let first = convolution(graph, "first", x, [2, 4]);
        push(graph, "sums", Reduce::sum([3]), &[first])
    };
    assert_eq!(taken(IMAGE, sums), Ok("first".into()));
}

#[test]
fn norms_over_groups_and_gates_of_channels_keep_it() {
    let groups = |graph: &mut GraphBuilder<Flex>, x| {
        let first = convolution(graph, "first", x, [2, 4]);
        let folded = push(graph, "folded", Reshape::new([-1, 2, 128]), &[first]);
        let normal = push(graph, "normal", Normalize::new([2], 1e-5).unwrap(), &[folded]);
        push(graph, "unfolded", Reshape::new([-1, 4, 8, 8]), &[normal])
    };
    assert_eq!(taken(IMAGE, groups), Ok("unfolded".into()));
    let gates = |graph: &mut GraphBuilder<Flex>, x| {
        let first = convolution(graph, "first", x, [2, 4]);
        let sums = push(graph, "sums", Reduce::sum([2, 3]), &[first]);
        let flat = push(graph, "flat.sums", Reshape::flatten(), &[sums]);
        let gate = push(graph, "gate", mixing(4), &[flat]);
        let gate = push(graph, "places", Reshape::new([-1, 4, 1, 1]), &[gate]);
        let gate = push(graph, "gates", Expand::new([-1, 4, 8, 8]), &[gate]);
        push(graph, "product", Arithmetic::Mul, &[first, gate])
    };
    assert_eq!(taken(IMAGE, gates), Ok("product".into()));
}

#[test]
fn features_of_tokens_are_no_places() {
    let attended = |graph: &mut GraphBuilder<Flex>, x| {
        let mixed = push(graph, "mixed", mixing(3), &[x]);
        push(graph, "residual", Add, &[x, mixed])
    };
    let refusal = taken([2, 4, 3], attended).unwrap_err();
    assert!(refusal.contains("behind a convolution, a pool or a batch norm"), "{refusal}");
    // As Mamba: the convolution's channels are the last dimension of the input.
    let across = |graph: &mut GraphBuilder<Flex>, x| {
        let across = push(graph, "across", Permute::new([0, 2, 1]), &[x]);
        let ones = || Value::from(Tensor::<Flex, 1>::ones([3], &Default::default()));
        let norm = BatchNorm::new(ones(), ones(), ones(), ones()).unwrap();
        push(graph, "norm", norm, &[across])
    };
    assert_eq!(taken([2, 4, 3], across).unwrap_err(), refusal);
    assert_eq!(taken_of([2, 4, 3], attended, |cam| cam.with_node("mixed")), Ok("mixed".into()));
}

#[test]
fn another_batch_than_the_input_is_refused() {
    let turned = |graph: &mut GraphBuilder<Flex>, x| {
        let first = convolution(graph, "first", x, [2, 4]);
        let turned = push(graph, "turned", Permute::new([1, 0, 2, 3]), &[first]);
        push(graph, "back", Permute::new([1, 0, 2, 3]), &[turned])
    };
    assert_eq!(taken(IMAGE, turned), Ok("back".into()));
    let refusal = taken_of(IMAGE, turned, |cam| cam.with_node("turned")).unwrap_err();
    assert!(refusal.contains("the node `turned` gives [4, 2, 8, 8]"), "{refusal}");
}
