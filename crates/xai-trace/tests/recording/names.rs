//! How nodes are called.

use burn::module::Module;
use burn::nn::{BatchNormConfig, Linear, LinearConfig};
use burn::tensor::{Tensor, activation as act, backend::Backend};
use burn_flex::Flex;
use xai_core::Value;
use xai_trace::{record, record_fn};

use crate::{Device, Plain, T, names, random, raw};

#[test]
fn bare_layers_are_named_by_their_kind() {
    let device = Device::default();
    let linear = LinearConfig::new(4, 2).init::<Flex>(&device);
    assert_eq!(names(&raw(&record(&linear, Linear::forward::<2>), random([3, 4]))), ["input", "linear"]);

    let norm = BatchNormConfig::new(4).init::<Flex>(&device);
    let graph = raw(&record(&norm, |norm, x: Tensor<_, 2>| norm.forward(x)), random([3, 4]));
    assert_eq!(names(&graph), ["input", "batch_norm"]);

    let graph = raw(&record_fn(|x: T<2>| act::relu(x)), random([3, 4]));
    assert_eq!(names(&graph), ["input", "input.relu"]);
}

#[derive(Module, Debug)]
struct Cell<B: Backend> {
    step: Linear<B>,
}

fn cell() -> Cell<Flex> {
    Cell { step: LinearConfig::new(4, 4).init(&Device::default()) }
}

#[test]
fn a_layer_called_twice_is_two_nodes() {
    fn twice<B: Backend>(cell: &Cell<B>, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let layer = |x| act::relu(cell.step.forward(x));
        layer(layer(act::relu(x)))
    }
    let (cell, x) = (cell(), random([3, 4]));
    let graph = raw(&record(&cell, twice), x.clone());
    assert_eq!(names(&graph), ["input", "input.relu", "step", "step.relu", "step#2", "step#2.relu"]);
    let output: Plain<2> = graph.forward(&[Value::from(x.clone())]).unwrap().into_tensor().unwrap();
    assert!((output - twice(&cell, x)).abs().max().into_scalar() <= 1e-6);
}

/// A layer without parameters is named by the last one with parameters, however far that is.
#[test]
fn names_do_not_grow_along_a_chain() {
    let chain = |cell: &Cell<_>, x: T<2>| {
        let x = act::relu(cell.step.forward(x));
        (0..1000).fold(x, |x, _| act::tanh(x.clone() * 0.5) + x)
    };
    let graph = raw(&record(&cell(), chain), random([1, 4]));
    let names = names(&graph);
    assert_eq!(names[..7], ["input", "step", "step.relu", "step.mul", "step.tanh", "step.add", "step.mul#2"]);
    assert_eq!(names.last(), Some(&"step.add#1000"));
}
