//! Relevance of token ids, which is shared by the rows that they look up.

use burn::tensor::Int;

use super::*;
use crate::attributor::{Attributor, InputXGradient, Saliency};
use crate::engine::read;
use crate::layer::{Add, Embedding};

/// A linear function of 5 rows of 4 features.
fn model() -> Model<Flex> {
    let mut graph = GraphBuilder::new();
    let table = Embedding::new(value(numbers(36, 1), &[9, 4]), 0).unwrap();
    let words = graph.lookup("words", table, &[1, 5]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[words]).unwrap();
    let y = Linear::new(value(numbers(40, 2), &[20, 2]), None).unwrap();
    let y = graph.push("y", y, &[flat]).unwrap();
    graph.finish(y).unwrap().into()
}

fn ids() -> Tensor<Flex, 2, Int> {
    Tensor::from_ints([[0, 1, 2, 3, 4], [8, 8, 7, 0, 5]], &Default::default())
}

#[test]
fn contributions_of_ids_are_faithful() {
    let model = model();
    let attribution = InputXGradient::new(&model).attribute(ids(), 1).unwrap();
    let relevance = attribution.relevance::<2>().unwrap();
    assert_eq!(relevance.dims(), [2, 5]);
    for gap in Completeness::new(&model).gaps(ids(), relevance.clone(), 1).unwrap() {
        assert!(gap.absolute() < 1e-12, "{gap:?}");
    }
    for perturbation in [Perturbation::Window(2.into()), Perturbation::Places(0.5)] {
        let infidelity = Infidelity::new(&model).with_perturbation(perturbation).with_contributions();
        let values = infidelity.values(ids(), relevance.clone(), 1).unwrap();
        assert!(values.iter().all(|value| *value < 1e-20), "{values:?}");
        let values = infidelity.values(ids(), relevance.clone() * 2.0, 1).unwrap();
        assert!(values.iter().all(|value| *value > 1e-3), "{values:?}");
    }
    // Each step takes away the relevance of one id.
    let curves = PixelFlipping::new(&model).curves(ids(), relevance.clone(), 1).unwrap();
    let relevance = crate::engine::read(&relevance.into()).unwrap();
    for (curve, relevance) in curves.iter().zip(relevance.chunks(5)) {
        let mut relevance = relevance.to_vec();
        relevance.sort_by(|a, b| b.total_cmp(a));
        let drops: Vec<_> = curve.scores.windows(2).map(|scores| scores[0] - scores[1]).collect();
        assert_close(&drops, &relevance);
    }
}

#[test]
fn rows_of_ids_are_varied() {
    let model = model();
    let sensitivity = MaxSensitivity::new(&model).with_radius(0.5);
    assert_eq!(sensitivity.values(&Saliency::new(&model), ids(), 1).unwrap(), [0.0, 0.0]);
    let moved = sensitivity.values(&InputXGradient::new(&model), ids(), 1).unwrap();
    assert!(moved.iter().all(|value| *value > 0.01), "{moved:?}");
}

#[test]
fn ids_are_no_image() {
    let model = model();
    let relevance = value(vec![0.0; 10], &[2, 5]);
    let error = refusal(Road::new(&model).curves(ids(), relevance, 1));
    assert!(matches!(error, AttributorError::NotAnImage { inputs, .. } if inputs == [[2, 5, 4]]));
}

#[test]
fn ids_of_two_tables_keep_their_relevance() {
    let mut graph = GraphBuilder::new();
    let table = |seed| Embedding::new(value(numbers(36, seed), &[9, 4]), 0).unwrap();
    let words = graph.lookup("words", table(1), &[1, 5]).unwrap();
    let others = graph.lookup("others", table(2), &[1, 5]).unwrap();
    let sum = graph.push("sum", Add, &[words, others]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[sum]).unwrap();
    let model: Model<Flex> = graph.finish(flat).unwrap().into();
    // A graph built by hand asks for the ids once for each table; both look up those of the first input.
    let inputs = model.embed(&(ids(), ids()).into(), 0).unwrap();
    let relevance = value((1..=10).map(f64::from).collect(), &[2, 5]);
    let rows = inputs.relevance_of_values(std::slice::from_ref(&relevance));
    let sum = |rows: &Value<Flex>| read(&rows.clone().sum_dim(2)).unwrap();
    let whole: Vec<f64> = sum(&rows[0]).iter().zip(sum(&rows[1])).map(|(a, b)| a + b).collect();
    assert_close(&whole, &read(&relevance).unwrap());
}
