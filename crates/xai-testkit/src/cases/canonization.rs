//! Canonizers change a graph, never what it computes.

use burn::tensor::backend::Backend;
use xai_core::canonizer::{canonize, default_canonizers};
use xai_core::graph::Graph;
use xai_core::kernel::ConvGeometry;
use xai_core::layer::{Activation, Add, LayerKind, Linear};
use xai_core::rule::{Epsilon, Gradient, Rule};

use super::conservation::network;
use super::graphs::{Random, chain, wired};
use super::host::{assert_close, explain, value};
use crate::attribution::input_relevance;
use crate::host::{Array, Numbers};

fn batch_norms_in<B: Backend>(graph: &Graph<B>) -> usize {
    graph.nodes().iter().filter(|node| node.layer().kind() == LayerKind::BatchNorm).count()
}

/// Canonizes; the output and the gradient must stay, and `left` batch norms be left.
fn assert_canonized<B: Backend>(what: &str, raw: &Graph<B>, left: usize, device: &B::Device) -> Graph<B> {
    let canonized = canonize(raw.clone(), &default_canonizers()).unwrap();
    assert_eq!(batch_norms_in(&canonized), left, "{what}: batch norms left in\n{canonized}");
    let mut numbers = Numbers::seeded(9);
    let input = numbers.array(raw.nodes()[raw.inputs()[0].index()].dims());
    let x = [value::<B>(&input, device)];
    let expected = raw.forward(&x).unwrap();
    assert_close(what, &canonized.forward(&x).unwrap(), &Array::of(&expected));
    let gradient = value::<B>(&numbers.array(&expected.dims()), device);
    let expected = raw.vjp(&x, gradient.clone()).unwrap();
    assert_close(what, &canonized.vjp(&x, gradient).unwrap()[0], &Array::of(&expected[0]));
    canonized
}

/// Convolutions of one to three dimensions, grouped too, with and without bias.
pub fn batch_norm_after_convolution<B: Backend>(device: &B::Device) {
    let mut random = Random::<B>::seeded(8, device);
    let plain = ConvGeometry { padding: vec![(1, 1); 2], ..ConvGeometry::new(2) };
    let strided = ConvGeometry { stride: vec![2, 1], padding: vec![(0, 1), (1, 1)], ..ConvGeometry::new(2) };
    let grouped = ConvGeometry { groups: 2, ..ConvGeometry::new(2) };
    let depthwise = ConvGeometry { groups: 4, ..plain.clone() };
    let shapes: [(&[usize], &[usize], ConvGeometry); 6] = [
        (&[2, 3, 5, 5], &[4, 3, 3, 3], plain),
        (&[2, 3, 5, 5], &[4, 3, 3, 3], strided),
        (&[2, 4, 5, 5], &[6, 2, 3, 3], grouped),
        (&[2, 4, 5, 5], &[4, 1, 3, 3], depthwise),
        (&[2, 3, 7], &[5, 3, 3], ConvGeometry::new(1)),
        (&[1, 2, 4, 3, 3], &[3, 2, 2, 2, 2], ConvGeometry::new(3)),
    ];
    for (input, weight, geometry) in shapes {
        for bias in [true, false] {
            let what = format!("convolution of {input:?} by {weight:?}, {geometry:?}, bias {bias}");
            let conv = random.conv(weight, bias, geometry.clone());
            let norm = random.batch_norm(weight[0]);
            let raw = chain(input, [("conv", conv.into()), ("norm", norm.into())]);
            let canonized = assert_canonized(&what, &raw, 0, device);
            assert_eq!(canonized.find("norm").unwrap(), canonized.find("conv").unwrap(), "{what}");
        }
    }
}

/// Linear layers on features.
pub fn batch_norm_after_linear<B: Backend>(device: &B::Device) {
    let mut random = Random::<B>::seeded(8, device);
    for bias in [true, false] {
        let (linear, norm) = (random.linear(5, 4, bias), random.batch_norm(4));
        let raw = chain(&[3, 5], [("linear", linear.into()), ("norm", norm.into())]);
        let canonized = assert_canonized(&format!("linear, bias {bias}"), &raw, 0, device);
        assert_eq!(canonized.find("norm").unwrap(), canonized.find("linear").unwrap());
    }
}

/// A batch norm of `[batch, tokens, features]` scales tokens, not the features of the linear layer.
pub fn batch_norm_of_tokens_stays<B: Backend>(device: &B::Device) {
    let mut random = Random::<B>::seeded(8, device);
    // As many tokens as features, so that merging would go unnoticed by shapes.
    let (linear, norm) = (random.linear(5, 4, true), random.batch_norm(4));
    let raw = chain(&[2, 4, 5], [("linear", linear.into()), ("norm", norm.into())]);
    assert_canonized("tokens", &raw, 1, device);
}

/// A convolution that something else reads too must keep its own output.
pub fn convolution_with_two_readers_stays<B: Backend>(device: &B::Device) {
    let mut random = Random::<B>::seeded(8, device);
    let layers = [
        ("conv", random.conv(&[4, 3, 3, 3], true, ConvGeometry::new(2)).into(), &["x"][..]),
        ("norm", random.batch_norm(4).into(), &["conv"]),
        ("sum", Add.into(), &["conv", "norm"]),
    ];
    let raw = wired(&[("x", &[2, 3, 5, 5])], layers);
    assert_canonized("two readers", &raw, 1, device);
}

/// Several batch norms, one directly behind another, and in a whole network.
pub fn chains_are_merged_to_the_end<B: Backend>(device: &B::Device) {
    let mut random = Random::<B>::seeded(8, device);
    let layers = [
        ("conv", random.conv(&[4, 3, 3, 3], false, ConvGeometry::new(2)).into()),
        ("norm1", random.batch_norm(4).into()),
        ("norm2", random.batch_norm(4).into()),
        ("relu", Activation::Relu.into()),
        // Behind a ReLU there is nothing to merge it into.
        ("norm3", random.batch_norm(4).into()),
    ];
    let raw = chain(&[2, 3, 5, 5], layers);
    let canonized = assert_canonized("chain", &raw, 1, device);
    for merged in ["norm1", "norm2"] {
        assert_eq!(canonized.find(merged).unwrap(), canonized.find("conv").unwrap());
    }
    let raw = network::<B>(2, device);
    assert_eq!(batch_norms_in(&raw), 1);
    assert_canonized("network", &raw, 0, device);
}

/// Rules see the merged layer: its weights and its bias.
pub fn relevance_is_that_of_merged_weights<B: Backend>(device: &B::Device) {
    let mut random = Random::<B>::seeded(8, device);
    let (linear, norm) = (random.linear(5, 4, true), random.batch_norm(4));
    let (factor, offset) = norm.factor_and_offset();
    let weight = linear.weight() * factor.clone().reshape(&[1, 4]);
    let bias = linear.bias().unwrap() * &factor + offset;
    let raw = chain(&[3, 5], [("linear", linear.into()), ("norm", norm.into())]);
    let canonized = canonize(raw, &default_canonizers()).unwrap();
    let by_hand = chain(&[3, 5], [("merged", Linear::new(weight, Some(bias)).unwrap().into())]);

    let mut numbers = Numbers::seeded(10);
    let x = [value::<B>(&numbers.array(&[3, 5]), device)];
    let relevance = value::<B>(&numbers.array(&[3, 4]), device);
    let rules: [Rule; 2] = [Epsilon { epsilon: 0.1.into(), ..Default::default() }.into(), Gradient.into()];
    for rule in rules {
        let got = explain(&canonized, &rule, &x, &relevance).unwrap();
        let want = explain(&by_hand, &rule, &x, &relevance).unwrap();
        assert_close(rule.name(), input_relevance(&got), &Array::of(input_relevance(&want)));
    }
}
