use std::sync::{Arc, Mutex};

use super::*;
use crate::attributor::Baseline;

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
fn insertion_brings_the_input_back() {
    let (x, relevance) = samples();
    for largest_batch in [1, 4, 32] {
        let flipping = PixelFlipping::new(&linear()).with_insertion().with_largest_batch(largest_batch);
        let curves = flipping.curves(x.clone(), relevance.clone(), 0).unwrap();
        // What is left of the score after the others are hidden: 0.75 is the bias.
        assert_eq!(curves[0].scores, [0.75, 6.75, 7.75, 7.0, 6.0]);
        assert_eq!(curves[1].scores, [0.75, 8.75, 10.25, 10.75, 10.75]);
    }
}

#[test]
fn the_least_relevant_goes_first_if_asked() {
    let (x, relevance) = samples();
    let flipping = PixelFlipping::new(&linear()).with_least_relevant_first();
    let curves = flipping.curves(x.clone(), relevance.clone(), 0).unwrap();
    assert_eq!(curves[0].scores, [6.0, 7.0, 7.75, 6.75, 0.75]);
    // Insertion of the most relevant hides the least relevant, seen from the end.
    let mut inserted = PixelFlipping::new(&linear()).with_insertion().curves(x, relevance, 0).unwrap();
    inserted[0].scores.reverse();
    assert_eq!(inserted[0].scores, curves[0].scores);
}

#[test]
fn the_random_order_is_the_same_for_insertion() {
    let (x, _) = samples();
    let flipping = PixelFlipping::new(&linear());
    let deleted = flipping.random(x.clone(), 0, 3).unwrap();
    let inserted = flipping.with_insertion().random(x, 0, 3).unwrap();
    for (deleted, inserted) in deleted.iter().zip(&inserted) {
        // The score of a linear model splits into what is hidden and what is shown, and the bias counts twice.
        let whole = deleted.scores[0] + 0.75;
        let sums: Vec<_> = deleted.scores.iter().zip(&inserted.scores).map(|(a, b)| a + b).collect();
        assert_eq!(sums, [whole; 5]);
    }
}

#[test]
fn aopc_is_the_mean_drop() {
    let curve = |scores: &[f64]| FlippingCurve { fractions: vec![0.0, 0.5, 1.0], scores: scores.to_vec() };
    assert_eq!(curve(&[6.0, 3.0, 0.0]).drops(), [0.0, 3.0, 6.0]);
    assert_eq!(curve(&[6.0, 3.0, 0.0]).aopc(), 3.0);
    let empty = FlippingCurve { fractions: Vec::new(), scores: Vec::new() };
    assert_eq!((empty.aopc(), empty.area()), (0.0, 0.0));
}

#[test]
fn a_band_is_1_96_standard_errors_wide() {
    let curve = |scores: [f64; 2]| FlippingCurve { fractions: vec![0.0, 1.0], scores: scores.to_vec() };
    let band = FlippingCurve::band(&[curve([1.0, 0.0]), curve([3.0, 0.0])]).unwrap();
    assert_eq!(band.mean, [2.0, 0.0]);
    // The deviation of 1 and 3 is sqrt(2), so the standard error is 1.
    assert_close(&band.low, &[0.04, 0.0]);
    assert_close(&band.high, &[3.96, 0.0]);
    let alone = FlippingCurve::band(&[curve([1.0, 0.5])]).unwrap();
    assert_eq!((alone.low, alone.high), (vec![1.0, 0.5], vec![1.0, 0.5]));
    let other = FlippingCurve { fractions: vec![0.0, 1.0], scores: vec![1.0] };
    assert!(FlippingCurve::band(&[]).is_none() && FlippingCurve::mean(&[curve([1.0, 2.0]), other]).is_none());
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
    let refused = |flipping: PixelFlipping<Flex>, relevance: &Value<Flex>| {
        refusal(flipping.curves(x.clone(), relevance.clone(), 0))
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

#[test]
fn relevance_of_more_inputs_than_there_are_is_an_error() {
    let (x, relevance) = samples();
    let two = vec![relevance.clone(), relevance];
    assert!(matches!(
        refusal(PixelFlipping::new(&linear()).curves(x, two, 0)),
        AttributorError::PerInput { parameter: "relevance", got: 2, explained: 1 }
    ));
}

#[test]
fn inputs_of_different_batches_are_an_error() {
    let mut graph = GraphBuilder::new();
    let a = graph.input("a", &[1, 2]).unwrap();
    let b = graph.input("b", &[1, 2]).unwrap();
    let y = graph.push("y", crate::layer::Add, &[a, b]).unwrap();
    let model = Model::from(graph.finish(y).unwrap());
    let (a, b) = (value(vec![1.0; 4], &[2, 2]), value(vec![1.0; 2], &[1, 2]));
    let inputs = vec![a.clone(), b.clone()];
    let error = PixelFlipping::new(&model).curves(inputs.clone(), inputs, 0).unwrap_err();
    assert!(error.to_string().contains("[2, 2]"), "{error}");
}

#[test]
fn an_empty_batch_is_an_error() {
    let empty: Value<Flex> = Tensor::<Flex, 2>::zeros([0, 4], &Default::default()).into();
    let model = linear();
    let (x, target) = (|| empty.clone(), Target::argmax());
    let is_input_error = |error: ExplainError| assert!(matches!(error, ExplainError::Input(_)), "{error}");
    is_input_error(PixelFlipping::new(&model).curves(x(), x(), target.clone()).unwrap_err());
    is_input_error(PixelFlipping::new(&model).random(x(), target.clone(), 0).unwrap_err());
    is_input_error(Infidelity::new(&model).values(x(), x(), target.clone()).unwrap_err());
    is_input_error(Completeness::new(&model).gaps(x(), x(), target.clone()).unwrap_err());
    let saliency = crate::attributor::Saliency::new(&model);
    is_input_error(MaxSensitivity::new(&model).values(&saliency, x(), target).unwrap_err());
    assert!(Sparseness::Gini.values(x()).unwrap().is_empty());
}
