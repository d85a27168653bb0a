use burn::tensor::Slice;
use burn::tensor::Tensor;

use super::*;
use crate::attributor::{Attribution, Attributor, Lrp, Saliency};
use crate::composite::epsilon_plus;
use crate::engine::read;
use crate::graph::GraphBuilder;
use crate::layer::{Elementwise, Permute, Reduce, Reshape, Softmax, SoftmaxForm};
use burn_flex::Flex;

fn output() -> Value<Flex> {
    Tensor::<Flex, 2>::from_floats([[1.0, 5.0, 5.0], [4.0, -1.0, 2.0]], &Default::default()).into()
}

#[test]
fn argmax_takes_the_first_of_equal_scores() {
    let Start { seed, classes, .. } = Target::argmax().resolve(&output()).unwrap();
    assert_eq!(classes, Some(vec![1, 0]));
    assert_eq!(read(&seed).unwrap(), [0.0, 5.0, 0.0, 4.0, 0.0, 0.0]);
}

#[test]
fn a_seed_of_one_is_one_hot() {
    let start = Target::classes([2, 1]).with_seed(Seed::One).resolve(&output()).unwrap();
    assert_eq!(read(&start.seed).unwrap(), [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn a_contrast_seeds_both_classes() {
    let start = Target::contrast(0, 1).resolve(&output()).unwrap();
    assert_eq!(read(&start.seed).unwrap(), [1.0, -5.0, 0.0, 4.0, 1.0, 0.0]);
    let start = Target::contrast(2, 0).with_seed(Seed::One).resolve(&output()).unwrap();
    assert_eq!(read(&start.seed).unwrap(), [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0]);
    assert_eq!((start.classes, start.contrast), (Some(vec![2, 2]), Some(vec![0, 0])));
}

#[test]
fn the_runner_up_is_the_highest_of_the_others() {
    let start = Target::argmax().with_contrast_to_runner_up().resolve(&output()).unwrap();
    assert_eq!((start.classes, start.contrast), (Some(vec![1, 0]), Some(vec![2, 2])));
    let start = Target::class(2).with_contrast_to_runner_up().resolve(&output()).unwrap();
    assert_eq!(start.contrast, Some(vec![1, 0]));
}

#[test]
fn misfits_are_errors() {
    let error = |target: Target<Flex>| target.resolve(&output()).unwrap_err().to_string();
    assert!(error(Target::class(3)).contains("class 3 (sample 0) does not exist: the output has 3 classes"));
    assert!(error(Target::classes([0])).contains("1 classes were given for a batch of 2"));
    let relevance = Tensor::<Flex, 2>::zeros([2, 2], &Default::default());
    assert!(error(relevance.into()).contains("F32 [2, 2]"));
    assert!(error(Target::contrast(0, 3)).contains("class 3 (sample 0)"));
    assert!(error(Target::argmax().with_contrast(0)).contains("class 0 (sample 1) is held against itself"));
    let relevance = Tensor::<Flex, 2>::zeros([2, 3], &Default::default());
    assert!(error(Target::from(relevance).with_contrast(1)).contains("explicit relevance can be negative"));
    let output: Value<Flex> = Tensor::<Flex, 2>::zeros([1, 1], &Default::default()).into();
    let error = Target::argmax().with_contrast_to_runner_up().resolve(&output).unwrap_err();
    assert!(error.to_string().contains("has only one class"));
}

/// The score, its gradient at the output, and what relevance propagation starts with.
fn score(target: &Target<Flex>, y: &Value<Flex>) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &y.dims()).unwrap();
    let same = graph.push("same", Permute::new(0..y.rank()), &[x]).unwrap();
    let model = Model::from(graph.finish(same).unwrap());
    let gradient = Saliency::new(&model).attribute(y.clone(), target.clone()).unwrap();
    let lrp = Lrp::new(&model, epsilon_plus()).attribute(y.clone(), target.clone()).unwrap();
    let relevance =
        |attribution: &Attribution<Flex>| read(attribution.relevances()[0].as_ref().unwrap()).unwrap();
    (gradient.scores().unwrap(), relevance(&gradient), relevance(&lrp))
}

fn close(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    let far = got.iter().zip(want).find(|(got, want)| (*got - *want).abs() > 1e-5 * want.abs().max(1.0));
    assert!(far.is_none(), "{got:?} {want:?}");
}

/// Batch 2, 3 classes, a map of 1x2.
fn map() -> Value<Flex> {
    let y = [[[[1.0, 2.0]], [[0.0, -1.0]], [[4.0, 0.5]]], [[[0.5, 0.5]], [[3.0, 1.0]], [[-2.0, 7.0]]]];
    Tensor::<Flex, 4>::from_floats(y, &Default::default()).into()
}

#[test]
fn elements_of_any_rank() {
    let (scores, gradient, relevance) = score(&Target::index([2, 0, 1]), &map());
    assert_eq!(scores, [0.5, 7.0]);
    assert_eq!(gradient, [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(relevance, [0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 7.0]);
    let (scores, ..) = score(&Target::indices([[0, 0, 1], [1, 0, 0]]), &map());
    assert_eq!(scores, [2.0, 3.0]);
}

#[test]
fn means_over_a_mask() {
    let mask = |weights: [f32; 2]| Tensor::<Flex, 4>::from_floats([[[weights]]], &Default::default());
    let (scores, gradient, _) = score(&Target::class(0).with_mask(mask([1.0, 3.0])), &map());
    assert_eq!(scores, [1.75, 0.5]);
    assert_eq!(gradient[..6], [0.25, 0.75, 0.0, 0.0, 0.0, 0.0]);
    // On the left the second sample is of class 1, on the right of class 2.
    for (weights, class) in [([1.0, 0.0], 1), ([0.0, 1.0], 2)] {
        let target = Target::argmax().with_mask(mask(weights)).with_contrast(0);
        let start = target.resolve(&map().slice(&[Slice::from(1..2)])).unwrap();
        assert_eq!((start.classes, start.contrast), (Some(vec![class]), Some(vec![0])));
    }
}

#[test]
fn similarities() {
    let embedding = Tensor::<Flex, 2>::from_floats([[2.0, 0.0, 1.0]], &Default::default());
    let (scores, gradient, relevance) = score(&Target::dot(embedding.clone()), &output());
    assert_eq!((scores, &relevance[3..]), (vec![7.0, 10.0], &[8.0, 0.0, 2.0][..]));
    assert_eq!(gradient, [2.0, 0.0, 1.0, 2.0, 0.0, 1.0]);
    let (scores, gradient, relevance) = score(&Target::similarity(embedding), &output());
    let lengths = (5f64.sqrt(), 51f64.sqrt());
    let cosine = 7.0 / lengths.0 / lengths.1;
    close(&scores[..1], &[cosine]);
    let shares = [2.0, 0.0, 5.0].map(|share| share / lengths.0 / lengths.1);
    close(&relevance[..3], &shares);
    // d cos / dy = (e/|e| - cos y/|y|) / |y|
    let want: Vec<_> = [(2.0, 1.0), (0.0, 5.0), (1.0, 5.0)]
        .map(|(e, y)| (e / lengths.0 - cosine * y / lengths.1) / lengths.1)
        .to_vec();
    close(&gradient[..3], &want);
}

#[test]
fn probabilities_and_their_logarithms() {
    let y = Tensor::<Flex, 3>::from_floats([[[0.0, 3f32.ln()], [5f32.ln(), 0.0]]], &Default::default());
    // Token 1 at position 0 has the probability 3/4, token 0 at position 1 5/6.
    let (scores, gradient, _) = score(&Target::log_probabilities([(0, 1), (1, 0)]), &y.into());
    close(&scores, &[(0.75f64 * 5.0 / 6.0).ln()]);
    close(&gradient, &[-0.25, 0.25, 1.0 / 6.0, -1.0 / 6.0]);
    let y = Tensor::<Flex, 2>::from_floats([[0.0, 3f32.ln()]], &Default::default());
    let (scores, gradient, relevance) = score(&Target::argmax().with_softmax(), &y.into());
    close(&scores, &[0.75]);
    close(&gradient, &[-0.1875, 0.1875]);
    close(&relevance, &[0.0, 0.1875 * 3f64.ln()]);
}

#[test]
fn functions_of_ones_own() {
    // f(y) = sum_j y_j^2
    let mut graph = GraphBuilder::new();
    let y = graph.input("y", &[1, 3]).unwrap();
    let squares = graph.push("squares", Elementwise::Power(2.0), &[y]).unwrap();
    let sum = graph.push("sum", Reduce::sum([1]), &[squares]).unwrap();
    let (scores, gradient, relevance) =
        score(&Target::function(&graph.finish(sum).unwrap().into()), &output());
    assert_eq!(scores, [51.0, 21.0]);
    assert_eq!(gradient, [2.0, 10.0, 10.0, 8.0, -2.0, 4.0]);
    assert_eq!(relevance, [2.0, 50.0, 50.0, 32.0, 2.0, 8.0]);
}

#[test]
fn saturated_outputs_are_named() {
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 2]).unwrap();
    let softmax = graph.push("softmax", Softmax::new(SoftmaxForm::Softmax, 1), &[x]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[softmax]).unwrap();
    let model = Model::from(graph.finish(flat).unwrap());
    let explained = |high: f32, class: usize| {
        let x = Tensor::<Flex, 2>::from_floats([[high, 0.0]], &Default::default());
        Saliency::new(&model).attribute(x, class).unwrap()
    };
    // In f32 the probability is 1 from a difference of 17 on.
    let attribution = explained(20.0, 0);
    assert_eq!(attribution.saturated(), Some("softmax"));
    let warnings = attribution.summary().unwrap().warnings();
    assert!(warnings.iter().any(|warning| warning.contains("explain the logit")), "{warnings:?}");
    assert_eq!(explained(8.0, 0).saturated(), None);
    assert_eq!(explained(20.0, 1).saturated(), None);
    assert_eq!(explained(200.0, 1).saturated(), Some("softmax"));
}

#[test]
fn unusable_targets_say_why() {
    let error = |target: Target<Flex>| target.resolve(&map()).unwrap_err().to_string();
    let mask = |dims: [usize; 4], weight: f32| Tensor::<Flex, 4>::full(dims, weight, &Default::default());
    assert!(error(Target::class(0)).contains("Target::index"));
    assert!(error(Target::index([3, 0, 0])).contains("the element [3, 0, 0] (sample 0)"));
    assert!(error(Target::index([0, 0])).contains("each of the 3 dimensions"));
    assert!(error(Target::indices([[0, 0, 0]; 3])).contains("3 samples of a batch of 2"));
    assert!(error(Target::log_probabilities([])).contains("no element of sample 0"));
    assert!(error(Target::log_probabilities([(0, 0)])).contains("the element [0, 0]"));
    assert!(error(Target::class(0).with_mask(mask([1, 3, 1, 2], 1.0))).contains("1 class"));
    assert!(error(Target::class(0).with_mask(mask([1, 1, 1, 2], 0.0))).contains("one above it"));
    assert!(error(Target::class(0).with_mask(mask([1, 1, 1, 2], f32::NAN))).contains("finite"));
    assert!(error(Target::index([0, 0, 0]).with_mask(mask([1, 1, 1, 2], 1.0))).contains("have a mask"));
    assert!(error(Target::dot(mask([3, 3, 1, 2], 1.0))).contains("batch of 1"));
    assert!(error(Target::similarity(mask([1, 3, 1, 2], 0.0))).contains("length of 0"));
    let graph = || {
        let mut graph = GraphBuilder::new();
        let y = graph.input("y", &[1, 3, 1, 2]).unwrap();
        let same = graph.push("same", Permute::new(0..4), &[y]).unwrap();
        graph.finish(same).unwrap()
    };
    assert!(error(Target::function(&graph().into())).contains("one number per sample"));
}

#[test]
fn settled_classes_hold_for_another_output() {
    let target = Target::<Flex>::argmax().with_contrast_to_runner_up();
    let start = target.clone().resolve(&output()).unwrap();
    let settled = target.settled(start.classes.as_deref(), start.contrast.as_deref());
    let other = settled.clone().resolve(&(output() * -1.0)).unwrap();
    assert_eq!((other.classes, other.contrast), (start.classes, start.contrast));
    assert!(settled.resolve(&output().slice(&[Slice::from(0..1)])).is_err());
    let index = Target::<Flex>::index([1]);
    assert_eq!(index.settled(None, None).resolve(&output()).unwrap().classes, None);
}

#[test]
fn an_output_of_zeros_has_no_direction() {
    let embedding = Tensor::<Flex, 2>::from_floats([[2.0, 0.0, 1.0]], &Default::default());
    let y: Value<Flex> =
        Tensor::<Flex, 2>::from_floats([[0.0; 3], [3e-30, 0.0, 4e-30]], &Default::default()).into();
    let (scores, gradient, _) = score(&Target::similarity(embedding), &y);
    close(&scores, &[0.0, 2.0 / 5f64.sqrt()]);
    assert_eq!(gradient[..3], [0.0; 3]);
}

#[test]
fn only_classes_have_a_softmax() {
    let error = |target: Target<Flex>| target.with_softmax().resolve(&map()).unwrap_err().to_string();
    assert!(error(Target::index([0, 0, 0])).contains("have a softmax"));
    assert!(error(Target::log_probabilities([(0, 0)])).contains("have a softmax"));
    let empty: Value<Flex> = Tensor::<Flex, 2>::zeros([2, 0], &Default::default()).into();
    assert!(Target::argmax().resolve(&empty).unwrap_err().to_string().contains("nothing to explain"));
}
