//! A layer small enough to check by hand, with the numbers that the formulas give in f64.

use burn::tensor::backend::Backend;
use xai_core::graph::Graph;
use xai_core::kernel::linear_adjoint;
use xai_core::layer::Linear;
use xai_core::rule::{AlphaBeta, Epsilon, Flat, Gamma, Rule, Stabilizer, WSquare, ZBox, ZPlus};

use super::graphs::chain;
use super::host::{assert_close, explain, value};
use crate::attribution::input_relevance;
use crate::host::Array;

fn row(data: &[f64]) -> Array {
    Array { dims: vec![1, data.len()], data: data.to_vec() }
}

fn layer<B: Backend>(device: &B::Device) -> Graph<B> {
    let weight = Array { dims: vec![3, 2], data: vec![1.0, -0.5, 0.5, 1.5, -1.0, 2.0] };
    let bias = Array { dims: vec![2], data: vec![0.75, -0.75] };
    let layer = Linear::new(value::<B>(&weight, device), Some(value(&bias, device))).unwrap();
    chain(&[1, 3], [("layer", layer.into())])
}

/// `x = [1, -2, 0.5]`, `z = [0.25, -3.25]`, `R = [2, -1]` under each rule.
pub fn linear_rules<B: Backend>(device: &B::Device) {
    let graph = layer::<B>(device);
    let x = value(&row(&[1.0, -2.0, 0.5]), device);
    let output = graph.forward(std::slice::from_ref(&x)).unwrap();
    assert_close("forward", &output, &row(&[0.25, -3.25]));

    let rules: [(Rule, [f64; 3]); 10] = [
        (Epsilon::default().into(), [7.846122, -8.923045, -3.692292]),
        (Epsilon { zero_bias: true, ..Default::default() }.into(), [-4.199992, 2.799992, 2.399996]),
        (Epsilon { epsilon: 0.5.into(), ..Default::default() }.into(), [2.533333, -3.466667, -1.066667]),
        (Gamma::default().into(), [3.491431, -3.778652, -1.222659]),
        (Gamma { zero_bias: true, ..Default::default() }.into(), [-10.185145, 6.888857, 4.296280]),
        (ZPlus::default().into(), [1.142856, 0.0, -0.999999]),
        (AlphaBeta::default().into(), [2.403360, -0.627450, -2.666664]),
        (ZBox::new(-3.0, 3.0).into(), [1.037594, -0.015038, -0.022556]),
        (WSquare::default().into(), [0.675713, -0.140806, 0.144739]),
        (Flat::default().into(), [0.333333, 0.333333, 0.333333]),
    ];
    let relevance = value(&row(&[2.0, -1.0]), device);
    for (rule, expected) in rules {
        let attribution = explain(&graph, &rule, std::slice::from_ref(&x), &relevance).unwrap();
        let got = Array::of(input_relevance(&attribution));
        // The expected numbers have six decimals; f32 adds a few units in the last of 7.8.
        let gap = got.data.iter().zip(expected).map(|(got, want)| (got - want).abs()).fold(0.0, f64::max);
        assert!(gap < 5e-6, "{rule:?}: {:?} instead of {expected:?}", got.data);
    }
}

/// What rules do for one sample of a linear layer with few features, `R_i = x_i sum_j w_ij s_j`: the
/// product of one row with a transposed matrix, and another product at once.
pub fn single_samples<B: Backend>(device: &B::Device) {
    for (inputs, outputs) in [(2, 2), (6, 2), (18, 2), (2, 6), (18, 6), (22, 10), (8, 4), (5, 3)] {
        let weight = Array::from_fn(&[inputs, outputs], |i| ((i * 7 % 11) as f64 - 4.2) * 0.25);
        let x = Array::from_fn(&[1, inputs], |i| ((i * 7 % 11) as f64 - 3.8) * 0.25);
        let s = Array::from_fn(&[1, outputs], |i| ((i * 7 % 11) as f64 - 4.6) * 0.25);
        let sum = |i: usize| (0..outputs).map(|j| weight.data[i * outputs + j] * s.data[j]).sum::<f64>();
        let expected = Array::from_fn(&[1, inputs], |i| x.data[i] * sum(i));
        let got = value::<B>(&x, device) * linear_adjoint(&value(&s, device), &value(&weight, device));
        assert_close(&format!("{inputs} to {outputs}"), &got, &expected);
    }
}

/// `[-0, 3, -4]` in each mode.
pub fn stabilizer<B: Backend>(device: &B::Device) {
    let z = value::<B>(&row(&[-0.0, 3.0, -4.0]), device);
    let plain: Stabilizer = 1.0.into();
    assert_close("add", &plain.apply(&z), &row(&[1.0, 4.0, -5.0]));
    let clip = Stabilizer::from(3.5).with_clip();
    assert_close("clip", &clip.apply(&z), &row(&[3.5, 3.5, -4.0]));
    let rms = Stabilizer::from(0.1).with_rms();
    let scaled = 0.1 * (25.0f64 / 3.0).sqrt();
    assert_close("rms", &rms.apply(&z), &row(&[scaled, 3.0 + scaled, -4.0 - scaled]));
}
