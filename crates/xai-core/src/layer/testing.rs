//! What every layer must satisfy, checked in f64.

use burn_backend::TensorData;
use burn_flex::Flex;

use super::{BackwardContext, Layer, NodeValues};
use crate::Value;

pub(super) fn value(data: &[f64], dims: &[usize]) -> Value<Flex> {
    Value::from_data(TensorData::new(data.to_vec(), dims.to_vec()), &Default::default())
}

/// Numbers between -2 and 2 without a pattern, none of them near another's negative.
pub(super) fn numbers(dims: &[usize], seed: usize) -> Value<Flex> {
    let count = dims.iter().product();
    let number = |i: usize| ((i * 7919 + seed * 104_729 + 13) % 997) as f64 / 249.25 - 1.9987;
    value(&(0..count).map(number).collect::<Vec<_>>(), dims)
}

pub(super) fn read(value: &Value<Flex>) -> Vec<f64> {
    value.to_data().unwrap().to_vec().unwrap()
}

fn dot(a: &Value<Flex>, b: &Value<Flex>) -> f64 {
    read(a).iter().zip(read(b)).map(|(a, b)| a * b).sum()
}

pub(super) fn assert_close(got: &Value<Flex>, expected: &Value<Flex>, what: &str) {
    assert_eq!(got.dims(), expected.dims(), "{what}");
    let (got, expected) = (read(got), read(expected));
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
    assert!(got.iter().zip(&expected).all(close), "{what}: {got:?} instead of {expected:?}");
}

/// The layer's output.
pub(super) fn forward(layer: &Layer<Flex>, inputs: &[Value<Flex>]) -> Value<Flex> {
    let dims: Vec<_> = inputs.iter().map(Value::dims).collect();
    let dims: Vec<_> = dims.iter().map(Vec::as_slice).collect();
    let expected = layer.ops().output_dims(&dims).unwrap();
    let y = layer.ops().forward(inputs.to_vec()).unwrap();
    assert_eq!(y.dims(), expected, "{layer:?}");
    y
}

/// The layer's vector-Jacobian product; it may read no more than it declares.
pub(super) fn vjp(layer: &Layer<Flex>, inputs: &[Value<Flex>], gradient: Value<Flex>) -> Vec<Value<Flex>> {
    let y = forward(layer, inputs);
    let dims: Vec<_> = inputs.iter().map(Value::dims).collect();
    let saved = layer.ops().vjp_saved();
    let context = BackwardContext {
        layer,
        input_dims: dims.iter().map(Vec::as_slice).collect(),
        values: NodeValues {
            inputs: inputs.iter().map(|input| saved.inputs.then_some(input)).collect(),
            output: saved.output.then_some(&y),
            rectified: None,
        },
        reference: None,
        terms: None,
    };
    let gradients = layer.ops().vjp(&context, gradient).unwrap();
    assert_eq!(gradients.iter().map(Value::dims).collect::<Vec<_>>(), dims, "{layer:?}");
    gradients
}

/// Shapes, the gradient against central differences, and the linear map against the forward.
pub(super) fn check(layer: impl Into<Layer<Flex>>, inputs: &[Value<Flex>]) {
    let layer = layer.into();
    let y = forward(&layer, inputs);
    let gradient = numbers(&y.dims(), 5);
    let step = 1e-5;
    for (place, back) in vjp(&layer, inputs, gradient.clone()).iter().enumerate() {
        let direction = numbers(&inputs[place].dims(), 3 + place);
        let moved = |step: f64| {
            let mut inputs = inputs.to_vec();
            inputs[place] = &inputs[place] + &(direction.clone() * step);
            dot(&gradient, &forward(&layer, &inputs))
        };
        let numeric = (moved(step) - moved(-step)) / (2.0 * step);
        let exact = dot(back, &direction);
        let tolerance = 1e-6 * (1.0 + exact.abs());
        assert!((numeric - exact).abs() <= tolerance, "{layer:?}: {exact} instead of {numeric}");
    }
    let Some(map) = layer.ops().linear_map() else { return };
    let [x] = inputs else { panic!("a linear map has one input") };
    let z = map.apply(x, map.weight());
    let with_bias = match map.bias(z.rank()) {
        Some(bias) => &z + &bias,
        None => z.clone(),
    };
    assert_close(&with_bias, &y, "A x + b");
    let back = map.adjoint(gradient.clone(), map.weight(), &x.dims());
    let (left, right) = (dot(&gradient, &z), dot(&back, x));
    assert!((left - right).abs() <= 1e-9 * (1.0 + left.abs()), "{layer:?}: {left} is not {right}");
    if let (Some(weight), Some([of_x, of_weight])) = (map.weight(), map.summed_dims(x.rank())) {
        let (second_x, second_weight) = (numbers(&x.dims(), 6), numbers(&weight.dims(), 7));
        let joined_x = Value::cat(vec![x.clone(), second_x.clone()], of_x);
        let joined_weight = Value::cat(vec![weight.clone(), second_weight.clone()], of_weight);
        let sum = &z + map.apply(&second_x, Some(&second_weight));
        assert_close(&map.apply(&joined_x, Some(&joined_weight)), &sum, "A_[V W] [x y]");
        let second_back = map.adjoint(gradient.clone(), Some(&second_weight), &x.dims());
        let backs = Value::cat(vec![back, second_back], of_x);
        let joined_back = map.adjoint(gradient.clone(), Some(&joined_weight), &joined_x.dims());
        assert_close(&joined_back, &backs, "A_[V W]^T r");
    }
    let ones = map.weight().map(|weight| weight.full_like(&weight.dims(), 1.0));
    let counts = map.apply(&x.full_like(&x.dims(), 1.0), ones.as_ref());
    assert_close(&map.apply_ones(x, &x.dims()).expand(&counts.dims()), &counts, "A_1 1");
    let spread = map.adjoint(gradient.clone(), ones.as_ref(), &x.dims());
    assert_close(&map.adjoint_ones(gradient.clone(), &x.dims()), &spread, "A_1^T r");
    assert_close(&map.adjoint_ones(map.sum_alike(gradient), &x.dims()), &spread, "A_1^T of sums");
}
