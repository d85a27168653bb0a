//! Metrics against closed forms, and against Captum 0.8, Quantus 0.6, scikit-image 0.25 and SciPy 1.15 on the
//! same numbers.

mod comparison;
mod flipping;
mod maps;
mod perturbed;
mod road;
mod tokens;

use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;

use super::*;
use crate::Value;
use crate::error::{AttributorError, ExplainError};
use crate::graph::GraphBuilder;
use crate::layer::{Activation, Linear, Reshape};
use crate::model::{Model, Target};

/// `sin(0.7 i^2 + seed)`.
fn numbers(count: usize, seed: usize) -> Vec<f64> {
    (0..count).map(|i| (0.7 * (i * i) as f64 + seed as f64).sin()).collect()
}

fn value(elements: Vec<f64>, dims: &[usize]) -> Value<Flex> {
    Value::from_data(TensorData::new(elements, dims.to_vec()), &Default::default())
}

/// `relu(x W_1) W_2` of 6 features, 5 neurons and 3 classes.
fn relu_net() -> Model<Flex> {
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 6]).unwrap();
    let hidden = Linear::new(value(numbers(30, 1), &[6, 5]), None).unwrap();
    let hidden = graph.push("hidden", hidden, &[x]).unwrap();
    let relu = graph.push("relu", Activation::Relu, &[hidden]).unwrap();
    let y = Linear::new(value(numbers(15, 2), &[5, 3]), None).unwrap();
    let y = graph.push("y", y, &[relu]).unwrap();
    graph.finish(y).unwrap().into()
}

fn assert_close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{got} is not {expected}");
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, ExplainError>) -> AttributorError {
    match result.unwrap_err() {
        ExplainError::Attributor(error) => error,
        other => panic!("{other}"),
    }
}

/// Classes 0 and 1 of 4 features: `x W + b`.
fn linear() -> Model<Flex> {
    let device = Default::default();
    let weight = Tensor::<Flex, 2>::from_floats([[1.0, 0.0], [0.5, 0.0], [-1.5, 0.0], [2.0, 1.0]], &device);
    let bias = Tensor::<Flex, 1>::from_floats([0.75, -0.5], &device);
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 4]).unwrap();
    let y = graph.push("linear", Linear::new(weight.into(), Some(bias.into())).unwrap(), &[x]).unwrap();
    graph.finish(y).unwrap().into()
}

/// `sum_i (i + 1) x_i` of images of 2 channels, 5x4.
fn image_sum() -> Model<Flex> {
    let weight: Vec<f32> = (1..=40).map(|i| i as f32).collect();
    let weight = Tensor::<Flex, 1>::from_floats(weight.as_slice(), &Default::default()).reshape([40, 1]);
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 2, 5, 4]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[x]).unwrap();
    let y = graph.push("sum", Linear::new(weight.into(), None).unwrap(), &[flat]).unwrap();
    graph.finish(y).unwrap().into()
}

fn rows<const N: usize>(rows: [[f32; 4]; N]) -> Value<Flex> {
    Tensor::<Flex, 2>::from_floats(rows, &Default::default()).into()
}

/// Two samples, and what each feature contributes to class 0.
fn samples() -> (Value<Flex>, Value<Flex>) {
    let x = rows([[1.0, -2.0, 0.5, 3.0], [0.0, 1.0, -1.0, 4.0]]);
    (x, rows([[1.0, -1.0, -0.75, 6.0], [0.0, 0.5, 1.5, 8.0]]))
}
