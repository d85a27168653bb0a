//! The walk through a graph: batches, shared layers, several inputs, gradients.

use burn::tensor::backend::Backend;
use burn::tensor::{DType, TensorData};
use xai_core::Value;
use xai_core::attributor::{Attributor, Lrp, Saliency};
use xai_core::composite::{Composite, Matcher, epsilon_plus_flat};
use xai_core::error::{ExplainError, InputError, TargetError};
use xai_core::layer::{Activation, Add, LayerKind, Linear};
use xai_core::model::{Model, Seed, Target};
use xai_core::rule::{Epsilon, Gradient, Norm, Rule};

use super::conservation::network;
use super::graphs::{chain, wired};
use super::host::{assert_close, explain, explain_by, value};
use super::matrix::stable;
use crate::attribution::input_relevance;
use crate::host::{Array, Numbers};
use crate::reference;

/// A batch is explained as its samples one by one, also when the graph was built for another
/// batch size.
pub fn samples_do_not_mix<B: Backend>(device: &B::Device) {
    let images = Numbers::seeded(11).array(&[4, 2, 6, 6]);
    let lrp = Lrp::new(&Model::from(network::<B>(1, device)), epsilon_plus_flat());
    let explain = |x: &Array| lrp.attribute(value(x, device), Target::argmax()).unwrap();
    let batch = Array::of(input_relevance(&explain(&images)));
    for n in 0..4 {
        let alone = explain(&images.sample(n));
        assert_close(&format!("sample {n}"), input_relevance(&alone), &batch.sample(n));
    }
}

/// NaN and infinities are found on the device, which may compute with fast math, and named.
pub fn values_that_are_not_finite_are_refused<B: Backend>(device: &B::Device) {
    let lrp = Lrp::new(&Model::from(network::<B>(2, device)), epsilon_plus_flat());
    let images = Numbers::seeded(16).array(&[2, 2, 6, 6]);
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let one_bad = Array::from_fn(&images.dims, |i| if i == 100 { bad } else { images.data[i] });
        let error = lrp.attribute(value(&one_bad, device), Target::argmax()).unwrap_err();
        let ExplainError::Input(InputError::NotFinite { index, value: named, .. }) = error else {
            panic!("{bad} was not found, but: {error}");
        };
        assert_eq!((index, named.to_string()), (vec![1, 0, 4, 4], bad.to_string()));

        let classes = lrp.attribute(value(&images, device), 0).unwrap().output::<2>().unwrap();
        let relevance = value::<B>(&Array::from_fn(&classes.dims(), |_| bad), device);
        let error = lrp.attribute(value(&images, device), Target::relevance(relevance));
        assert!(matches!(error, Err(ExplainError::Target(TargetError::NotFinite))), "{bad} as relevance");
    }
}

/// f16 has not the precision that relevance needs, also where the device computes in it.
pub fn half_precision_is_refused<B: Backend>(device: &B::Device) {
    let lrp = Lrp::new(&Model::from(network::<B>(1, device)), epsilon_plus_flat());
    let data = TensorData::zeros::<f32, _>([1, 2, 6, 6]).convert_dtype(DType::F16);
    let error = lrp.attribute(Value::from_data(data, device), Target::argmax()).unwrap_err();
    assert!(matches!(error, ExplainError::Input(InputError::DType { .. })), "{error}");
}

fn square<B: Backend>(weight: &Array, device: &B::Device) -> Linear<B> {
    Linear::new(value(weight, device), None).unwrap()
}

/// One layer at two nodes: each has its own input, and the relevance of both arrives.
pub fn a_layer_used_twice<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(12);
    let (weight, x, r) = (numbers.array(&[4, 4]), numbers.array(&[2, 4]), numbers.array(&[2, 4]));
    let layer = square::<B>(&weight, device);
    let layers = [
        ("first", layer.clone().into(), &["x"][..]),
        ("second", layer.into(), &["first"]),
        ("sum", Add.into(), &["first", "second"]),
    ];
    let graph = wired(&[("x", &[2, 4])], layers);

    // sum = x W + x W W, so relevance comes back along both ways.
    let rule: Rule = Epsilon { epsilon: 0.1.into(), ..Default::default() }.into();
    let back = |x: &Array, r: &Array| {
        let z = reference::linear(x, &weight, None);
        let s = Array::from_fn(&r.dims, |i| r.data[i] / stable(z.data[i], 0.1));
        let c = reference::linear_adjoint(&s, &weight);
        Array::from_fn(&x.dims, |i| x.data[i] * c.data[i])
    };
    let h = reference::linear(&x, &weight, None);
    let y = reference::linear(&h, &weight, None);
    let share = |part: &Array| {
        Array::from_fn(&r.dims, |i| part.data[i] * r.data[i] / stable(h.data[i] + y.data[i], 0.1))
    };
    let (at_h, at_y) = (share(&h), share(&y));
    let through = back(&h, &at_y);
    let at_h = Array::from_fn(&r.dims, |i| at_h.data[i] + through.data[i]);
    let expected = back(&x, &at_h);

    let composite = Composite::new("shared")
        .append(LayerKind::Add, Norm { stabilizer: 0.1.into() })
        .append(Matcher::Any, rule);
    let got = explain_by(&graph, composite, &[value(&x, device)], &value(&r, device)).unwrap();
    assert_close("a layer used twice", input_relevance(&got), &expected);
}

/// Relevance of each of two graph inputs, in their order.
pub fn two_inputs<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(13);
    let weights = [numbers.array(&[3, 2]), numbers.array(&[4, 2])];
    // Layers in another order than the inputs.
    let layers = [
        ("from b", square::<B>(&weights[1], device).into(), &["b"][..]),
        ("from a", square::<B>(&weights[0], device).into(), &["a"]),
        ("sum", Add.into(), &["from b", "from a"]),
    ];
    let graph = wired(&[("a", &[2, 3]), ("b", &[2, 4])], layers);

    let r = numbers.array(&[2, 2]);
    let inputs = [numbers.array(&[2, 3]), numbers.array(&[2, 4])];
    let values: Vec<Value<B>> = inputs.iter().map(|input| value(input, device)).collect();
    let got = explain(&graph, &Gradient.into(), &values, &value(&r, device)).unwrap();
    for (got, weight) in got.relevances().iter().zip(&weights) {
        assert_close("gradient", got.as_ref().unwrap(), &reference::linear_adjoint(&r, weight));
    }
}

/// With a seed of one, the gradient composite gives the slope of the explained class's score.
pub fn gradient_is_the_slope<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(14);
    let (hidden, head) = (numbers.array(&[5, 6]), numbers.array(&[6, 3]));
    let [first, last] = [&hidden, &head].map(|weight| square::<B>(weight, device).into());
    let graph = chain(&[1, 5], [("hidden", first), ("relu", Activation::Relu.into()), ("head", last)]);

    let x = numbers.array(&[1, 5]);
    let score = |x: &Array| {
        let h = reference::linear(x, &hidden, None).map(|h| h.max(0.0));
        reference::linear(&h, &head, None).data[2]
    };
    // The score is piecewise linear: a small step gives its slope exactly, up to rounding.
    let step = 1.0 / 4096.0;
    let slope = Array::from_fn(&[1, 5], |i| {
        let mut moved = x.clone();
        moved.data[i] += step;
        (score(&moved) - score(&x)) / step
    });
    let target = Target::class(2).with_seed(Seed::One);
    let got = Saliency::new(&Model::from(graph)).attribute(value(&x, device), target).unwrap();
    assert_close("slope", input_relevance(&got), &slope);
}
