use std::sync::{Arc, Mutex};

use burn::tensor::Tensor;
use burn_flex::Flex;

use super::*;
use crate::Value;
use crate::attributor::Baseline;
use crate::error::{AttributorError, ExplainError};
use crate::graph::GraphBuilder;
use crate::layer::{Linear, Reshape};
use crate::model::{Model, Target};

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

#[test]
fn the_most_relevant_goes_first() {
    let (x, relevance) = samples();
    // The second sample's batch of copies does not fit one run.
    for largest_batch in [1, 2, 5, 32] {
        let flipping = PixelFlipping::new(&linear()).with_largest_batch(largest_batch);
        let curves = flipping.curves(x.clone(), relevance.clone(), 0).unwrap();
        assert_eq!(curves[0].fractions, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(curves[0].scores, [6.0, 0.0, -1.0, -0.25, 0.75]);
        assert_eq!(curves[1].scores, [10.75, 2.75, 1.25, 0.75, 0.75]);
        assert_eq!(curves[0].area(), 0.53125);
    }
}

#[test]
fn steps_hide_several_regions_at_once() {
    let (x, relevance) = samples();
    let curves = PixelFlipping::new(&linear()).with_steps(3).curves(x.clone(), relevance.clone(), 0).unwrap();
    assert_eq!(curves[0].fractions, [0.0, 0.25, 0.5, 1.0]);
    assert_eq!(curves[0].scores, [6.0, 0.0, -1.0, 0.75]);
    let curves = PixelFlipping::new(&linear()).with_steps(1).curves(x, relevance.clone(), 0).unwrap();
    assert_eq!((curves[0].area(), curves[1].area()), (3.375, 5.75));
}

#[test]
fn equal_relevance_goes_in_order() {
    let (x, _) = samples();
    let curves = PixelFlipping::new(&linear()).curves(x, rows([[0.0; 4]; 2]), 0).unwrap();
    assert_eq!(curves[0].scores, [6.0, 5.0, 6.0, 6.75, 0.75]);
}

#[test]
fn the_class_of_the_unchanged_input_counts_to_the_end() {
    // In the end class 0 is ahead.
    let x = rows([[0.0, 0.0, 4.0, 2.0]]);
    let relevance = rows([[1.0, 0.5, -0.5, 0.75]]);
    let curves = PixelFlipping::new(&linear()).curves(x, relevance, Target::argmax()).unwrap();
    assert_eq!(curves[0].scores, [1.5, 1.5, -0.5, -0.5, -0.5]);
}

#[test]
fn regions_hold_all_channels_and_end_with_the_image() {
    let x = Tensor::<Flex, 4>::ones([1, 2, 5, 4], &Default::default());
    let relevance: Vec<f32> = (1..=40).map(|i| i as f32).collect();
    let relevance = Tensor::<Flex, 1>::from_floats(relevance.as_slice(), &Default::default());
    let baseline = Tensor::<Flex, 4>::ones([1, 2, 1, 1], &Default::default()) * 0.5;
    let flipping = PixelFlipping::new(&image_sum()).with_region([2, 2, 3]).with_baseline(baseline);
    let curves = flipping.curves(x, relevance.reshape([1, 2, 5, 4]), 0).unwrap();
    // Rows 0-1, 2-3 and 4 by columns 0-2 and 3 sum up to 168, 64, 264, 96, 168 and 60.
    let drops: Vec<_> = curves[0].scores.windows(2).map(|scores| scores[0] - scores[1]).collect();
    assert_eq!(drops, [132.0, 84.0, 84.0, 48.0, 32.0, 30.0]);
}

#[test]
fn random_orders_follow_from_the_seed() {
    let (x, _) = samples();
    let random = |seed| PixelFlipping::new(&linear()).random(x.clone(), 0, seed).unwrap();
    assert_eq!(random(3), random(3));
    assert!((0..9).any(|seed| random(seed) != random(3)));
    for curve in random(3) {
        assert_eq!((curve.fractions.len(), curve.scores[4]), (5, 0.75));
    }
}

#[test]
fn progress_counts_steps() {
    let (x, relevance) = samples();
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let flipping = PixelFlipping::new(&linear()).with_largest_batch(6);
    let flipping = flipping
        .with_progress(move |progress| listener.lock().unwrap().push((progress.done, progress.total)));
    flipping.curves(x, relevance.clone(), 0).unwrap();
    assert_eq!(*told.lock().unwrap(), [(3, 4), (4, 4)]);
}

#[test]
fn misfits_are_errors() {
    let (x, relevance) = samples();
    let refused = |flipping: PixelFlipping<Flex>, relevance: &Value<Flex>| match flipping
        .curves(x.clone(), relevance.clone(), 0)
        .unwrap_err()
    {
        ExplainError::Attributor(error) => error,
        other => panic!("{other}"),
    };
    let flipping = || PixelFlipping::new(&linear());
    assert!(matches!(
        refused(flipping().with_steps(0), &relevance),
        AttributorError::Parameter { parameter: "steps", .. }
    ));
    assert!(matches!(
        refused(flipping().with_largest_batch(0), &relevance),
        AttributorError::Parameter { parameter: "largest_batch", .. }
    ));
    assert!(matches!(
        refused(flipping().with_region(5), &relevance),
        AttributorError::Size { got: 5, largest: 4, .. }
    ));
    assert!(matches!(
        refused(flipping(), &rows([[0.0; 4]])),
        AttributorError::Relevance { got, input } if got == [1, 4] && input == [2, 4]
    ));
    assert!(matches!(
        refused(flipping(), &(relevance.clone() * f64::NAN)),
        AttributorError::RelevanceNotFinite { .. }
    ));
    assert!(matches!(
        refused(flipping().with_baseline(Baseline::Number(f64::NAN)), &relevance),
        AttributorError::BaselineNotFinite { .. }
    ));
}
