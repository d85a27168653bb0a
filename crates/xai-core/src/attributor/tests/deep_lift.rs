//! DeepLIFT and its kin: sums and closed forms. (Values of other libraries are in the workspace's tests.)

use std::slice::from_ref;

use super::*;
use crate::attributor::{Attributor, DeepLift, DeepShap, GradientShap, IntegratedGradients};
use crate::error::{AttributorError, ExplainError, PlanError};
use crate::layer::{
    Affine, Arithmetic, BatchNorm, Coefficient, Detach, Elementwise, Layer, LayerKind, LayerOps, Matmul,
    Normalize, PRelu, Softmax, SoftmaxForm,
};
use crate::model::{Inputs, Target};

/// The layer alone, on inputs of these shapes with a batch of 1.
fn alone(layer: impl Into<Layer<Flex>>, inputs: &[&[usize]]) -> Model<Flex> {
    let mut graph = GraphBuilder::new();
    let inputs: Vec<_> =
        (0..).zip(inputs).map(|(i, dims)| graph.input(format!("x{i}"), dims).unwrap()).collect();
    let y = graph.push("layer", layer.into(), &inputs).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[y]).unwrap();
    graph.finish(flat).unwrap().into()
}

fn value(elements: &[f32], dims: &[usize]) -> Value<Flex> {
    Value::from(Tensor::<Flex, 1>::from_floats(elements, &Default::default())).reshape(dims)
}

/// Relevance of each input for the sum of the outputs with the weights 1, 2, ..
fn explain(
    layer: impl Into<Layer<Flex>>,
    inputs: &[Value<Flex>],
    baselines: &[Value<Flex>],
) -> Vec<Vec<f64>> {
    let dims: Vec<_> = inputs.iter().map(Value::dims).collect();
    let model = alone(layer, &dims.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let width = model.output(inputs.to_vec(), 0).unwrap().dims()[1];
    let weights: Vec<f32> = (1..=width).map(|weight| weight as f32).collect();
    let target = Target::relevance(value(&weights, &[1, width]));
    let method = DeepLift::new(&model).with_baselines(baselines.to_vec());
    let attribution = method.attribute(inputs.to_vec(), target).unwrap();
    let relevance: Vec<Vec<f64>> =
        attribution.relevances().iter().flatten().map(|relevance| read(relevance).unwrap()).collect();
    let magnitude: f64 = relevance.iter().flatten().map(|relevance| relevance.abs()).sum();
    let delta = attribution.convergence_delta().unwrap()[0];
    assert!(delta.abs() <= 1e-5 * magnitude.max(1.0), "{delta} of {magnitude}");
    relevance
}

#[test]
fn differences_divide_between_the_inputs_of_every_layer() {
    let (x, b): (Value<Flex>, Value<Flex>) = (
        numbers::<Flex, 3>([1, 3, 4], 1, &Default::default()).into(),
        numbers::<Flex, 3>([1, 3, 4], 2, &Default::default()).into(),
    );
    use SoftmaxForm::{LogSoftmax, Masked, Quiet, Softmax as Plain, Softmin};
    for form in [Plain, Softmin, LogSoftmax, Masked, Quiet] {
        explain(Softmax::new(form, 2), from_ref(&x), from_ref(&b));
        explain(Softmax::new(form, 1), &[x.clone() * 8.0], from_ref(&b));
    }
    explain(Normalize::new([1, 2], 1e-3).unwrap(), from_ref(&x), from_ref(&b));
    explain(Normalize::new([2], 1e-3).unwrap().without_centring(), from_ref(&x), from_ref(&b));
    let scale: Value<Flex> = numbers::<Flex, 1>([4], 3, &Default::default()).into();
    let norm = Normalize::layer_norm(scale.clone(), Some(scale), 1e-5).unwrap();
    explain(norm, from_ref(&x), from_ref(&b));
    for layer in [Activation::Gelu, Activation::Tanh, Activation::Relu6, Activation::Softplus { beta: 2.0 }] {
        explain(layer, from_ref(&x), from_ref(&b));
    }
    explain(Elementwise::Power(2.0), from_ref(&x), from_ref(&b));
    explain(Elementwise::Exp, from_ref(&x), from_ref(&b));
    let slopes = numbers::<Flex, 1>([3], 3, &Default::default());
    explain(PRelu::new(slopes.into()).unwrap(), from_ref(&x), from_ref(&b));
    explain(Detach, from_ref(&x), from_ref(&b));
    let (right, b_right) = (x.clone().permute(&[0, 2, 1]), b.clone().permute(&[0, 2, 1]));
    explain(Matmul::new(), &[x.clone(), right], &[b.clone(), b_right]);
    let (below, b_below) = (x.abs() + 0.5, b.abs() + 0.25);
    explain(Arithmetic::Div, &[x, below], &[b, b_below]);
}

#[test]
fn softmaxes_far_from_the_baseline_add_up() {
    use SoftmaxForm::{LogSoftmax, Masked, Quiet, Softmax as Plain, Softmin};
    for form in [Plain, Softmin, LogSoftmax, Masked, Quiet] {
        for (x, b) in
            [([100.0, 98.0], [0.0, 0.0]), ([0.0, 1.0], [200.0, 199.0]), ([-100.0, -101.0], [-100.5, -99.0])]
        {
            explain(Softmax::new(form, 1), &[value(&x, &[1, 2])], &[value(&b, &[1, 2])]);
        }
    }
}

#[test]
fn an_infinite_slope_between_input_and_baseline_does_not_count() {
    // 1/x from -2 to 2 rises by 1; in the middle it has no slope.
    let recip = explain(Elementwise::Recip, &[value(&[2.0], &[1, 1])], &[value(&[-2.0], &[1, 1])]);
    assert_eq!(recip, [[1.0]]);
}

#[test]
fn factors_have_their_shapley_values() {
    // x y from (1, 4) to (3, 2): x first gains 8, x last 4; y -2 and -6.
    let product = explain(
        Arithmetic::Mul,
        &[value(&[3.0], &[1, 1]), value(&[2.0], &[1, 1])],
        &[value(&[1.0], &[1, 1]), value(&[4.0], &[1, 1])],
    );
    assert_eq!(product, [[6.0], [-4.0]]);
    // x / y from (1, 4) to (3, 2): x first gains 1/2, x last 1; y first 1/4, y last 3/4.
    let quotient = explain(
        Arithmetic::Div,
        &[value(&[3.0], &[1, 1]), value(&[2.0], &[1, 1])],
        &[value(&[1.0], &[1, 1]), value(&[4.0], &[1, 1])],
    );
    assert_eq!(quotient, [[0.75], [0.5]]);
}

#[test]
fn a_saturated_activation_still_has_its_difference() {
    // 1 - relu(1 - x) of the DeepLIFT paper: the gradient at 2 is 0, but the output rose by 1.
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 1]).unwrap();
    let (minus, one) = (Coefficient::Scalar(-1.0), Coefficient::Scalar(1.0));
    let below =
        graph.push("below", Affine::<Flex>::new(Some(minus.clone()), Some(one.clone())), &[x]).unwrap();
    let relu = graph.push("relu", Activation::Relu, &[below]).unwrap();
    let y = graph.push("y", Affine::<Flex>::new(Some(minus), Some(one)), &[relu]).unwrap();
    let model: Model<Flex> = graph.finish(y).unwrap().into();
    let attribution = DeepLift::new(&model).attribute(value(&[2.0], &[1, 1]), 0).unwrap();
    assert_eq!(relevance(&attribution), [1.0]);
}

#[test]
fn next_to_the_baseline_multipliers_are_gradients() {
    // (x - b) f'(m) in f64; the quotient of differences in f32 would have lost all its digits.
    let (x, b) = (0.7f32, 0.700001f32);
    let tanh = explain(Activation::Tanh, &[value(&[x], &[1, 1])], &[value(&[b], &[1, 1])])[0][0];
    let want = (f64::from(x) - f64::from(b)) * (1.0 - 0.7000005f64.tanh().powi(2));
    assert!((tanh - want).abs() < 1e-5 * want.abs(), "{tanh} {want}");
}

#[test]
fn a_pool_knows_the_winners_of_both() {
    let pool = || {
        Pool::max(PoolGeometry::Sliding {
            kernel: vec![2],
            stride: vec![2],
            padding: vec![(0, 0)],
            dilation: vec![1],
            output: PoolOutput::Floor,
        })
    };
    // 5 wins over the baseline's 2; 4 falls to 1; the third window is the same.
    let x = value(&[5.0, 0.0, 1.0, 0.0, 3.0, 1.0], &[1, 1, 6]);
    let b = value(&[1.0, 2.0, 0.0, 4.0, 3.0, 2.0], &[1, 1, 6]);
    assert_eq!(explain(pool(), &[x], &[b]), [[3.0, 0.0, 0.0, -6.0, 0.0, 0.0]]);
}

#[test]
fn a_background_gives_the_mean_over_its_samples() {
    let model = model();
    let background = numbers::<Flex, 4>([4, 2, 10, 10], 8, &Default::default());
    let shap = DeepShap::new(&model, background.clone()).attribute(images(2), Target::argmax()).unwrap();
    let mut mean = vec![0.0; 400];
    for baseline in background.clone().split(1, 0) {
        let one =
            DeepLift::new(&model).with_baseline(baseline).attribute(images(2), Target::argmax()).unwrap();
        mean.iter_mut().zip(relevance(&one)).for_each(|(mean, one)| *mean += one / 4.0);
    }
    assert_close(&relevance(&shap), &mean, 1e-5);
    let delta = shap.convergence_delta().unwrap();
    assert!(delta.iter().all(|delta| delta.abs() < 1e-4), "{delta:?}");
}

#[test]
fn expected_gradients_come_near_the_mean_of_integrated_ones() {
    let model = model();
    let background = numbers::<Flex, 4>([3, 2, 10, 10], 8, &Default::default());
    let method =
        |draws| GradientShap::new(&model, background.clone()).with_draws(draws).with_largest_batch(64);
    let shap = method(900).attribute(images(2), 1).unwrap();
    let mut mean = vec![0.0; 400];
    for baseline in background.clone().split(1, 0) {
        let one = IntegratedGradients::new(&model).with_steps(200).with_baseline(baseline);
        let one = relevance(&one.attribute(images(2), 1).unwrap());
        mean.iter_mut().zip(one).for_each(|(mean, one)| *mean += one / 3.0);
    }
    assert_close(&relevance(&shap), &mean, 0.05);
    let error = |draws| method(draws).attribute(images(2), 1).unwrap().convergence_delta().unwrap()[0].abs();
    let scale: f64 = mean[..200].iter().map(|mean| mean.abs()).sum();
    assert!(error(900) < 0.02 * scale && error(900) < error(9), "{} {} of {scale}", error(900), error(9));
    // Equal seeds give equal draws, whatever else is in the batch and however many go in one run.
    let alone = GradientShap::new(&model, background.clone()).with_draws(7).attribute(images(1), 1).unwrap();
    let both = method(7).attribute(images(2), 1).unwrap();
    assert_close(&relevance(&both)[..200], &relevance(&alone), 1e-5);
    let other = method(7).with_seed(1).attribute(images(1), 1).unwrap();
    assert_ne!(relevance(&other), relevance(&alone));
}

#[test]
fn contributions_that_cancel_are_revealed() {
    // min(a, b) = a - relu(a - b) of the DeepLIFT paper: either input has half of it.
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 2]).unwrap();
    let difference = LinearLayer::new(value(&[1.0, -1.0], &[2, 1]), None).unwrap();
    let difference = graph.push("difference", difference, &[x]).unwrap();
    let relu = graph.push("relu", Activation::Relu, &[difference]).unwrap();
    let first = graph.push("a", LinearLayer::new(value(&[1.0, 0.0], &[2, 1]), None).unwrap(), &[x]).unwrap();
    let y = graph.push("min", Arithmetic::Sub, &[first, relu]).unwrap();
    let model: Model<Flex> = graph.finish(y).unwrap().into();
    for (pair, half) in [([3.0, 1.0], 0.5), ([1.0, 3.0], 0.5), ([4.0, 4.0], 2.0)] {
        let method = DeepLift::new(&model).with_reveal_cancel();
        let attribution = method.attribute(value(&pair, &[1, 2]), 0).unwrap();
        assert_close(&relevance(&attribution), &[half, half], 1e-6);
    }
    let rescaled = DeepLift::new(&model).attribute(value(&[3.0, 1.0], &[1, 2]), 0).unwrap();
    assert_close(&relevance(&rescaled), &[0.0, 1.0], 1e-6);
}

#[test]
fn revealed_contributions_add_up_too() {
    let baseline = numbers::<Flex, 4>([1, 2, 10, 10], 9, &Default::default());
    let method = |model| DeepLift::new(model).with_baseline(baseline.clone());
    let model = model();
    let revealed = method(&model).with_reveal_cancel().attribute(images(2), 1).unwrap();
    let scale: f64 = relevance(&revealed).iter().map(|relevance| relevance.abs()).sum();
    let delta = revealed.convergence_delta().unwrap();
    assert!(delta.iter().all(|delta| delta.abs() < 1e-5 * scale), "{delta:?} of {scale}");
    assert_ne!(relevance(&revealed), relevance(&method(&model).attribute(images(2), 1).unwrap()));
}

#[test]
fn a_batch_norm_does_not_hide_what_cancels() {
    let scaled = |values: [f32; 1]| value(&values, &[1]);
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 2]).unwrap();
    let difference = LinearLayer::new(value(&[1.0, -1.0], &[2, 1]), None).unwrap();
    let difference = graph.push("difference", difference, &[x]).unwrap();
    let norm = BatchNorm::new(scaled([0.0]), scaled([2.0]), scaled([2.0]), scaled([0.0])).unwrap();
    let norm = graph.push("norm", norm, &[difference]).unwrap();
    let relu = graph.push("relu", Activation::Relu, &[norm]).unwrap();
    let first = graph.push("a", LinearLayer::new(value(&[1.0, 0.0], &[2, 1]), None).unwrap(), &[x]).unwrap();
    let y = graph.push("min", Arithmetic::Sub, &[first, relu]).unwrap();
    let model: Model<Flex> = graph.finish(y).unwrap().into();
    let method = DeepLift::new(&model).with_reveal_cancel();
    assert_close(&relevance(&method.attribute(value(&[3.0, 1.0], &[1, 2]), 0).unwrap()), &[0.5, 0.5], 1e-6);
}

#[derive(Debug)]
struct Odd;

impl LayerOps<Flex> for Odd {
    fn kind(&self) -> LayerKind {
        LayerKind::custom("odd")
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, crate::error::LayerError> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&self, mut inputs: Vec<Value<Flex>>) -> Result<Value<Flex>, crate::error::LayerError> {
        Ok(inputs.swap_remove(0))
    }
}

#[test]
fn what_has_no_multiplier_is_refused_by_name() {
    let model = alone(Layer::custom(Odd), &[&[1, 2]]);
    let error = DeepLift::new(&model).attribute(value(&[1.0, 2.0], &[1, 2]), 0).unwrap_err();
    assert!(
        matches!(error, ExplainError::Plan(PlanError::Rule { ref node, .. }) if node == "layer"),
        "{error}"
    );
    let (linear, _) = linear();
    let error = DeepLift::new(&linear).attribute(features(), Target::class(0).with_softmax()).unwrap_err();
    assert!(matches!(error, ExplainError::Attributor(AttributorError::NotASum { .. })), "{error}");
    let wide = Tensor::<Flex, 2>::ones([3, 5], &Default::default());
    let error = DeepShap::new(&linear, wide.clone()).attribute(features(), 0).unwrap_err();
    assert!(matches!(error, ExplainError::Attributor(AttributorError::Background { .. })), "{error}");
    let error = GradientShap::new(&linear, features()).with_draws(0).attribute(features(), 0).unwrap_err();
    assert!(error.to_string().contains("draws"), "{error}");
    let logarithm = alone(Elementwise::Log, &[&[1, 2]]);
    let error = DeepLift::new(&logarithm).attribute(value(&[1.0, 2.0], &[1, 2]), 0).unwrap_err();
    assert!(error.to_string().contains("output holds -inf for sample 0"), "{error}");
    assert!(error.to_string().contains("the baseline"), "{error}");
    let one = features().narrow(0, 0, 1);
    let draws = |way: f64| {
        GradientShap::new(&linear, one.clone()).attribute_with_draws(one.clone(), 0, &[vec![(0, way)]])
    };
    assert!(draws(1.0).is_ok());
    assert!(draws(7.0).unwrap_err().to_string().contains("from 0, the baseline"));
    assert!(draws(f64::NAN).is_err());
    let none: Inputs<Flex> = (features(), wide).into();
    assert!(GradientShap::new(&linear, none).attribute(features(), 0).is_err());
}
