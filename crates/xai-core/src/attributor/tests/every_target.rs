//! Every target by every method and metric.

use super::*;
use crate::attributor::{
    Attributor, Cam, DeepLift, DeepShap, FeatureAblation, GradientShap, InputXGradient, IntegratedGradients,
    KernelShap, Lime, Lrp, Occlusion, Regions, Saliency, SmoothGrad,
};
use crate::composite::epsilon_plus;
use crate::error::{AttributorError, ExplainError};
use crate::evaluation::{Completeness, Explained, Infidelity, MaxSensitivity, Metric, PixelFlipping, Road};
use crate::layer::{Elementwise, Reduce};
use crate::model::{Inputs, Target};

/// `log(1 + sum_j y_j^2)` of `[batch, 3]`.
fn function() -> Model<Flex> {
    let mut graph = GraphBuilder::new();
    let y = graph.input("y", &[1, 3]).unwrap();
    let squares = graph.push("squares", Elementwise::Power(2.0), &[y]).unwrap();
    let sum = graph.push("sum", Reduce::sum([1]), &[squares]).unwrap();
    let log = graph.push("log", Elementwise::Log1p, &[sum]).unwrap();
    graph.finish(log).unwrap().into()
}

/// Targets of an output `[2, 3]`, each with its score of one sample's outputs.
type Score = Box<dyn Fn(&[f64]) -> f64>;
fn targets() -> Vec<(Target<Flex>, Score)> {
    let embedding = [0.5, -1.0, 2.0];
    let value = || Tensor::<Flex, 2>::from_floats([[0.5, -1.0, 2.0]], &Default::default());
    let dot = move |y: &[f64]| y.iter().zip(embedding).map(|(y, e)| y * e).sum::<f64>();
    let length = |y: &[f64]| y.iter().map(|y| y * y).sum::<f64>().sqrt();
    let softmax = |y: &[f64], class: usize| y[class].exp() / y.iter().map(|y| y.exp()).sum::<f64>();
    vec![
        (Target::class(1), Box::new(|y: &[f64]| y[1])),
        (Target::contrast(0, 2), Box::new(|y: &[f64]| y[0] - y[2])),
        (Target::index([2]), Box::new(|y: &[f64]| y[2])),
        (Target::dot(value()), Box::new(dot)),
        (Target::similarity(value()), Box::new(move |y: &[f64]| dot(y) / length(y) / length(&embedding))),
        (Target::class(0).with_softmax(), Box::new(move |y: &[f64]| softmax(y, 0))),
        (Target::function(&function()), Box::new(move |y: &[f64]| length(y).powi(2).ln_1p())),
    ]
}

/// Small outputs, so that no softmax is saturated.
fn inputs() -> Inputs<Flex> {
    (images(2) * 0.02).into()
}

#[test]
fn every_method_explains_every_target() {
    let model = model();
    let background = || numbers::<Flex, 4>([3, 2, 10, 10], 3, &Default::default()) * 0.02;
    let grid = || Regions::grid(5);
    let output = read(&model.output(inputs(), 0).unwrap()).unwrap();
    let at_baseline = read(&model.output(images(2) * 0.0, 0).unwrap()).unwrap();
    let methods: Vec<Box<dyn Attributor<Flex>>> = vec![
        Box::new(Lrp::new(&model, epsilon_plus())),
        Box::new(Saliency::new(&model)),
        Box::new(InputXGradient::new(&model)),
        Box::new(SmoothGrad::new(&model).with_samples(3).with_largest_batch(4)),
        Box::new(IntegratedGradients::new(&model).with_steps(200).with_largest_batch(16)),
        Box::new(GradientShap::new(&model, background()).with_draws(4).with_largest_batch(5)),
        Box::new(Cam::layer_cam(&model)),
        Box::new(Occlusion::new(&model).with_window(5)),
        Box::new(FeatureAblation::new(&model).with_regions(grid())),
        Box::new(KernelShap::new(&model).with_regions(grid())),
        Box::new(Lime::new(&model).with_regions(grid()).with_samples(20)),
    ];
    for (target, score) in targets() {
        let want: Vec<f64> = output.chunks(3).map(&score).collect();
        let changes: Vec<f64> =
            want.iter().zip(at_baseline.chunks(3)).map(|(want, y)| want - score(y)).collect();
        for method in &methods {
            let what = format!("{} of {target:?}", method.name());
            let attribution = method.attribute_inputs(&inputs(), &target).unwrap();
            // Relevance propagation starts with the parts of the outputs, not with the score.
            if method.name() != "epsilon-plus" {
                assert_close(&attribution.scores().unwrap(), &want, 1e-5);
            }
            assert!(relevance(&attribution).iter().any(|relevance| *relevance != 0.0), "{what}");
            let tolerance = match method.name() {
                "integrated gradients" => 0.02,
                "kernel SHAP" => 1e-4,
                _ => continue,
            };
            let sums = attribution.relevance_sums().unwrap();
            let largest = changes.iter().fold(1e-3f64, |largest, change| largest.max(change.abs()));
            let far =
                sums.iter().zip(&changes).find(|(sum, change)| (*sum - *change).abs() > tolerance * largest);
            assert!(far.is_none(), "{what}: {sums:?} {changes:?}");
        }
        for method in [
            Box::new(DeepLift::new(&model)) as Box<dyn Attributor<Flex>>,
            Box::new(DeepShap::new(&model, background())),
        ] {
            match method.attribute_inputs(&inputs(), &target) {
                Ok(attribution) => assert_close(&attribution.scores().unwrap(), &want, 1e-5),
                Err(error) => assert!(
                    matches!(error, ExplainError::Attributor(AttributorError::NotASum { .. })),
                    "{error}"
                ),
            }
        }
    }
}

#[test]
fn every_metric_takes_every_target() {
    let model = model();
    let metrics: Vec<Box<dyn Metric<Flex>>> = vec![
        Box::new(PixelFlipping::new(&model).with_region(5)),
        Box::new(PixelFlipping::new(&model).with_region(5).with_insertion()),
        Box::new(Road::new(&model).with_percentages([20.0, 50.0])),
        Box::new(Infidelity::new(&model).with_draws(3)),
        Box::new(MaxSensitivity::new(&model).with_draws(2)),
        Box::new(Completeness::new(&model)),
    ];
    let (method, inputs) = (Saliency::new(&model), inputs());
    for (target, _) in targets() {
        let attribution = &method.attribute_inputs(&inputs, &target).unwrap();
        for metric in &metrics {
            let explained = Explained { inputs: &inputs, target: &target, attribution, method: &method };
            let values = metric.evaluate(&explained).unwrap();
            let fine = values.len() == 2 && values.iter().all(|value| value.is_finite());
            assert!(fine, "{} of {target:?}: {values:?}", metric.name());
        }
    }
}
