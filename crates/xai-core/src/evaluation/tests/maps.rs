//! Metrics that look at the relevance alone, or at its sum.

use burn::tensor::Bool;

use super::*;
use crate::attributor::{Attributor, InputXGradient, Saliency};

#[test]
fn the_gini_index_and_the_entropy_are_those_of_quantus() {
    let relevance = value(numbers(12, 4), &[1, 3, 4]);
    // Quantus' `Sparseness` adds 1e-7 to each magnitude.
    let gini = Sparseness::Gini.values(relevance.clone()).unwrap()[0];
    assert!((gini - 0.14730442382531828).abs() < 1e-7, "{gini}");
    assert_close(&Sparseness::Entropy.values(relevance).unwrap(), &[2.450392885640386]);
}

#[test]
fn sparseness_has_its_ends() {
    let relevance = rows([[0.0, 0.0, -3.0, 0.0], [2.0, -2.0, 2.0, 2.0], [0.0; 4]]);
    assert_close(&Sparseness::Gini.values(relevance.clone()).unwrap(), &[0.75, 0.0, 0.0]);
    let entropy = Sparseness::Entropy.values(relevance).unwrap();
    assert_close(&entropy, &[0.0, 4f64.ln(), 4f64.ln()]);
    // No sum overflows.
    let large = value(vec![1e308; 4], &[1, 4]);
    assert_close(&Sparseness::Entropy.values(large).unwrap(), &[4f64.ln()]);
    let nan = rows([[0.0, f32::NAN, 0.0, 0.0]]);
    assert!(matches!(refusal(Sparseness::Gini.values(nan)), AttributorError::RelevanceNotFinite { .. }));
    let (a, b) = (rows([[1.0; 4]; 2]), rows([[1.0; 4]; 3]));
    assert!(matches!(refusal(Sparseness::Gini.values(vec![a, b])), AttributorError::Batch { .. }));
    assert!(Sparseness::Gini.values(Vec::<Value<Flex>>::new()).unwrap().is_empty());
}

#[test]
fn several_inputs_count_together() {
    let (a, b) = (rows([[1.0, 0.0, 0.0, 0.0]]), rows([[0.0, 0.0, 0.0, 1.0]]));
    assert_close(&Sparseness::Entropy.values(vec![a, b]).unwrap(), &[2f64.ln()]);
}

/// Rows 1 to 3 and columns 2 to 4 of 5x6.
fn mask() -> Tensor<Flex, 4, Bool> {
    let inside: Vec<bool> =
        (0..30).map(|place| (1..4).contains(&(place / 6)) && (2..5).contains(&(place % 6))).collect();
    Tensor::from_data(TensorData::new(inside, [1, 1, 5, 6]), &Default::default())
}

#[test]
fn localisation_is_that_of_quantus() {
    let relevance = value(numbers(30, 13), &[1, 1, 5, 6]);
    let values = |localisation: Localisation<Flex>| localisation.values(relevance.clone()).unwrap();
    // Quantus got the positive part: without it, the sum would count negative relevance against the rest.
    assert_close(&values(Localisation::mass_accuracy(mask())), &[0.31898841228976915]);
    assert_close(&values(Localisation::rank_accuracy(mask())), &[1.0 / 3.0]);
    assert_close(&values(Localisation::pointing_game(mask())), &[0.0]);
}

#[test]
fn a_mask_of_pixels_sums_over_channels() {
    // Alone, channel 0 points at the first pixel; together they point at the last.
    let relevance = value(vec![3.0, 0.0, 1.0, 2.0, -3.0, 1.0, 0.0, 2.0], &[1, 2, 2, 2]);
    let mask = value(vec![0.0, 0.0, 0.0, 1.0], &[1, 1, 2, 2]);
    let pixels = |localisation: Localisation<Flex>| localisation.values(relevance.clone()).unwrap()[0];
    assert_eq!(pixels(Localisation::pointing_game(mask.clone())), 1.0);
    assert_close(&[pixels(Localisation::mass_accuracy(mask.clone()))], &[4.0 / 6.0]);
    let whole = value(vec![0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], &[1, 2, 2, 2]);
    assert_eq!(pixels(Localisation::pointing_game(whole.clone())), 0.0);
    assert_close(&[pixels(Localisation::mass_accuracy(whole.clone()))], &[4.0 / 9.0]);
    assert_close(&[pixels(Localisation::mass_accuracy(whole).with_magnitudes())], &[4.0 / 12.0]);
}

#[test]
fn one_mask_serves_all_samples() {
    let relevance = rows([[4.0, 1.0, 0.0, 0.0], [0.0, 1.0, 3.0, 0.0], [-1.0, -1.0, -1.0, -1.0], [0.0; 4]]);
    let mask = rows([[1.0, 0.0, 0.0, 1.0]]);
    let values = |localisation: Localisation<Flex>| localisation.values(relevance.clone()).unwrap();
    assert_eq!(values(Localisation::pointing_game(mask.clone())), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(values(Localisation::mass_accuracy(mask.clone())), [0.8, 0.0, 0.0, 0.0]);
    // Places without relevance are no hits, although the first of equal ones lies in the mask.
    assert_eq!(values(Localisation::rank_accuracy(mask.clone())), [0.5, 0.0, 0.0, 0.0]);
    let masks = rows([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [1.0; 4], [1.0; 4]]);
    let magnitudes = Localisation::mass_accuracy(masks).with_magnitudes();
    assert_eq!(values(magnitudes), [0.8, 0.75, 1.0, 0.0]);
}

#[test]
fn masks_that_do_not_fit_are_errors() {
    let relevance = rows([[1.0; 4]; 2]);
    let refused = |mask: Value<Flex>| refusal(Localisation::pointing_game(mask).values(relevance.clone()));
    let misfits = [value(vec![1.0; 3], &[1, 3]), value(vec![1.0; 4], &[4]), rows([[1.0; 4]; 3])];
    for mask in misfits {
        assert!(matches!(refused(mask), AttributorError::Mask { relevance, .. } if relevance == [2, 4]));
    }
    let empty = rows([[1.0; 4], [0.0; 4]]);
    assert_eq!(refused(empty), AttributorError::EmptyMask { sample: 1 });
    let nan = Localisation::mass_accuracy(rows([[1.0; 4]])).values(rows([[f32::NAN; 4]]));
    assert!(matches!(refusal(nan), AttributorError::RelevanceNotFinite { .. }));
}

#[test]
fn completeness_is_the_gap_of_the_sums() {
    let (x, contributions) = samples();
    let completeness = Completeness::new(&linear());
    let gaps = completeness.gaps(x.clone(), contributions.clone(), 0).unwrap();
    assert_eq!((gaps[0].relevance, gaps[0].difference), (5.25, 5.25));
    assert_eq!((gaps[1].absolute(), gaps[1].relative()), (0.0, Some(0.0)));
    let gaps = completeness.gaps(x.clone(), contributions.clone() * 3.0, 0).unwrap();
    assert_eq!((gaps[0].absolute(), gaps[0].relative()), (10.5, Some(2.0)));
    // From ones on, the score rises by w . (x - 1).
    let gaps = completeness.clone().with_baseline(1.0).gaps(x.clone(), contributions.clone(), 0).unwrap();
    assert_eq!((gaps[0].difference, gaps[1].difference), (3.25, 8.0));
    // From the input itself nothing is to be explained.
    let gaps = completeness.clone().with_baseline(x.clone()).gaps(x.clone(), contributions, 0).unwrap();
    assert_eq!((gaps[0].absolute(), gaps[0].relative()), (5.25, None));
    let error = refusal(completeness.gaps(x, rows([[1.0; 4]]), 0));
    assert!(matches!(error, AttributorError::Relevance { .. }));
}

#[test]
fn similarity_is_that_of_scipy_and_scikit_image() {
    let a = numbers(144, 9);
    let b: Vec<f64> = a.iter().zip(numbers(144, 10)).map(|(a, other)| a + 0.8 * other).collect();
    let (a, b) = (value(a, &[1, 2, 9, 8]), value(b, &[1, 2, 9, 8]));
    let similarity = Similarity::of(a.clone(), b).unwrap();
    assert_close(&similarity.spearman, &[0.6163652439514509]);
    // `structural_similarity(.., win_size=7, data_range=1, channel_axis=0)`.
    assert_close(&similarity.ssim.unwrap(), &[0.5803083072256492]);
    let same = Similarity::of(a.clone() * -2.0, a).unwrap();
    assert_close(&same.spearman, &[1.0]);
    assert_close(&same.ssim.unwrap(), &[1.0]);
}

#[test]
fn ties_share_their_ranks() {
    let rounded = |seed| numbers(20, seed).into_iter().map(|x| (2.0 * x).round()).collect();
    let (a, b) = (value(rounded(11), &[1, 20]), value(rounded(12), &[1, 20]));
    let similarity = Similarity::of(a.clone(), b).unwrap();
    assert_close(&similarity.spearman, &[-0.4425616266594187]);
    assert_eq!(similarity.ssim, None);
    assert_eq!(Similarity::of(a.clone(), a.full_like(&[1, 20], 1.0)).unwrap().spearman, [0.0]);
    let error = refusal(Similarity::of(a.clone(), a.reshape(&[2, 10])));
    assert!(matches!(error, AttributorError::OtherRelevance { .. }));
}

#[test]
fn parameter_randomisation_names_the_models() {
    let (x, _) = samples();
    let method = InputXGradient::new(&linear());
    let others: Vec<(&str, Box<dyn Attributor<Flex>>)> =
        vec![("same", Box::new(method.clone())), ("gradient", Box::new(Saliency::new(&linear())))];
    let found = parameter_randomisation(&method, others, x.clone(), 0).unwrap();
    assert_eq!(found[0].0, "same");
    assert_close(&found[0].1.spearman, &[1.0, 1.0]);
    // |R| is [1, 1, .75, 6] and [0, .5, 1.5, 8], the gradient [1, .5, -1.5, 2]: by the ranks of each.
    assert_eq!(found[1].0, "gradient");
    assert_close(&found[1].1.spearman, &[1.5 / 22.5f64.sqrt(), 0.8]);
    let image = InputXGradient::new(&image_sum());
    assert!(parameter_randomisation(&method, [("image", image)], x, 0).is_err());
}

#[test]
fn a_randomised_model_explains_the_class_that_the_model_settled() {
    let model = |sign: f64| {
        let mut graph = GraphBuilder::new();
        let x = graph.input("x", &[1, 4]).unwrap();
        let weights = [1.0, -4.0, 2.0, -3.0, 3.0, -2.0, 4.0, -1.0];
        let weight = value(weights.into_iter().map(|w: f64| sign * w).collect(), &[4, 2]);
        let y = graph.push("y", Linear::new(weight, None).unwrap(), &[x]).unwrap();
        InputXGradient::new(&graph.finish(y).unwrap().into())
    };
    let x = value(vec![1.0; 8], &[2, 4]);
    let compare = |target| parameter_randomisation(&model(1.0), [("y", model(-1.0))], x.clone(), target);
    // Of the class 1, which is ahead there, the ranks would be the other way round.
    for target in [Target::argmax(), Target::class(0)] {
        assert_close(&compare(target).unwrap()[0].1.spearman, &[1.0, 1.0]);
    }
}
