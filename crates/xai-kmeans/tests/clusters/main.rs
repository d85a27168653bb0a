//! Clusters explained, against the formulas written as loops over pairs of clusters.

// A case that cannot go on has failed, in a helper function too.
#![allow(clippy::unwrap_used, clippy::panic)]

mod head_and_layers;
#[cfg(all(feature = "npy", feature = "safetensors"))]
mod load;
mod modules;

use burn::tensor::{DType, Tensor, TensorData};
use burn_flex::Flex;
use proptest::prelude::*;
use xai_core::Value;
use xai_core::attributor::{Attribution, Attributor, Lrp};
use xai_core::canonizer::Canonizer;
use xai_core::composite::{Composite, Matcher};
use xai_core::error::{ExplainError, RuleError};
use xai_core::graph::{Graph, GraphBuilder};
use xai_core::layer::{Layer, LayerKind};
use xai_core::model::{Model, Target};
use xai_core::rule::{
    AlphaBeta, Epsilon, Flat, Gamma, Norm, Pass, PropagationRule, Rule, Stabilizer, TakesMost, WSquare, ZBox,
    ZPlus,
};
use xai_kmeans::{
    CentroidDistance, ClusterExplainer, ClusterHead, ClusterProfile, ClusterRule, KMeansCanonizer,
    KMeansError, LinearRule, Midpoint, NeuralizedKMeans, NeuralizedKMeansLayer, Power, beta_from,
};

type Rows = Vec<Vec<f64>>;

/// Numbers between -2 and 2 without a pattern.
fn numbers(rows: usize, columns: usize, seed: usize) -> Rows {
    let number = |i: usize| ((i * 7919 + seed * 104_729 + 13) % 997) as f64 / 249.25 - 1.9987;
    (0..rows).map(|row| (0..columns).map(|column| number(row * columns + column)).collect()).collect()
}

fn value(rows: &Rows, double: bool) -> Value<Flex> {
    let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]);
    let data = if double { data } else { data.convert::<f32>() };
    Value::from_data(data, &Default::default())
}

fn tensor(rows: &Rows, double: bool) -> Tensor<Flex, 2> {
    value(rows, double).into_tensor().unwrap()
}

fn read(tensor: &Tensor<Flex, 2>) -> Rows {
    let data: Vec<f64> = tensor.to_data().iter::<f64>().collect();
    data.chunks(tensor.dims()[1]).map(<[f64]>::to_vec).collect()
}

fn rows(attribution: &Attribution<Flex>) -> Rows {
    read(&attribution.relevance().unwrap())
}

fn distances(x: &[f64], mu: &Rows) -> Vec<f64> {
    mu.iter().map(|mu| x.iter().zip(mu).map(|(x, m)| (x - m).powi(2)).sum()).collect()
}

/// For each cluster, its competitors with `h_ck` and their shares of relevance.
fn competitors(x: &[f64], mu: &Rows, beta: f64) -> Vec<Vec<(usize, f64, f64)>> {
    let d = distances(x, mu);
    let of = |c: usize| {
        let h: Vec<_> = (0..d.len()).filter(|k| *k != c).map(|k| (k, d[k] - d[c])).collect();
        let least = h.iter().map(|(_, h)| *h).fold(f64::INFINITY, f64::min);
        let total: f64 = h.iter().map(|(_, h)| (-beta * (h - least)).exp()).sum();
        h.into_iter().map(|(k, h)| (k, h, (-beta * (h - least)).exp() / total)).collect()
    };
    (0..d.len()).map(of).collect()
}

fn discriminants(x: &[f64], mu: &Rows) -> Vec<f64> {
    let least = |of: &Vec<(usize, f64, f64)>| of.iter().map(|(_, h, _)| *h).fold(f64::INFINITY, f64::min);
    competitors(x, mu, 1.0).iter().map(least).collect()
}

/// Relevance of one point's features, pair by pair, from the relevance of all clusters.
fn by_pairs(x: &[f64], mu: &Rows, relevance: &[f64], rule: &ClusterRule) -> Vec<f64> {
    let (epsilon, halfway) = match rule.linear {
        LinearRule::Midpoint { epsilon } => (epsilon, 0.5),
        LinearRule::Epsilon { epsilon } => (epsilon, 0.0),
        _ => unreachable!("other rules are held against the layers"),
    };
    let mut result = vec![0.0; x.len()];
    for (c, of) in competitors(x, mu, rule.beta).into_iter().enumerate() {
        for (k, h, share) in of {
            let q = relevance[c] * share / (h + if h < 0.0 { -epsilon } else { epsilon });
            for (i, result) in result.iter_mut().enumerate() {
                let middle = halfway * (mu[c][i] + mu[k][i]);
                *result += (x[i] - middle) * 2.0 * (mu[c][i] - mu[k][i]) * q;
            }
        }
    }
    result
}

fn assert_close(got: &[f64], expected: &[f64], tolerance: f64, what: &str) {
    let scale = expected.iter().fold(1e-9f64, |scale, value| scale.max(value.abs()));
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        let close = (got - expected).abs() <= tolerance * scale;
        assert!(close, "{what}: {got} instead of {expected} (of {scale})");
    }
}

fn rules(beta: f64) -> [ClusterRule; 2] {
    [ClusterRule::midpoint(beta), ClusterRule::epsilon(beta)]
}

fn graph(layer: Layer<Flex>, features: usize) -> Graph<Flex> {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[1, features]).unwrap();
    let y = builder.push("layer", layer, &[x]).unwrap();
    builder.finish(y).unwrap()
}

fn explainer(layer: Layer<Flex>, rule: Rule) -> Lrp<Flex> {
    let composite = Composite::new("test").append(Matcher::Any, rule);
    let model = Model::from(graph(layer, 4));
    Lrp::new(&model, composite).with_rule(Midpoint::NAME, Midpoint::default()).with_ledger()
}

#[test]
fn explanations_equal_the_sums_over_pairs() {
    for (clusters, features) in [(2, 1), (2, 3), (3, 2), (7, 5), (20, 3)] {
        let (mu, x) = (numbers(clusters, features, 1), numbers(6, features, 2));
        for rule in rules(0.0).into_iter().chain(rules(0.7)).chain(rules(40.0)) {
            for (double, tolerance) in [(true, 1e-9), (false, 2e-3)] {
                let explainer = ClusterExplainer::new(tensor(&mu, double), rule.clone()).unwrap();
                for (target, is_own) in [(Target::argmax(), true), (Target::class(1), false)] {
                    let got = explainer.attribute(tensor(&x, double), target).unwrap();
                    for (n, (x, row)) in x.iter().zip(rows(&got)).enumerate() {
                        let (f, c) = (discriminants(x, &mu), got.classes().unwrap()[n]);
                        assert!(!is_own || f[c] > 0.0);
                        assert_close(&[got.scores().unwrap()[n]], &[f[c]], tolerance, "score");
                        let one = |(k, f): (usize, &f64)| if k == c { *f } else { 0.0 };
                        let relevance: Vec<_> = f.iter().enumerate().map(one).collect();
                        assert_close(&row, &by_pairs(x, &mu, &relevance, &rule), tolerance, "relevance");
                    }
                }
            }
        }
    }
}

#[test]
fn a_contrast_explains_the_difference_of_two_distances() {
    let (mu, x) = (numbers(5, 4, 1), numbers(6, 4, 2));
    let pair = vec![mu[3].clone(), mu[1].clone()];
    for rule in rules(0.7) {
        let explainer = ClusterExplainer::new(tensor(&mu, true), rule.clone()).unwrap();
        let got = explainer.attribute(tensor(&x, true), Target::contrast(3, 1)).unwrap();
        for (n, (x, row)) in x.iter().zip(rows(&got)).enumerate() {
            // Against one rival alone there is nothing to share out.
            let f = discriminants(x, &pair);
            assert_close(&[got.scores().unwrap()[n]], &[f[0]], 1e-9, "score");
            assert_close(&row, &by_pairs(x, &pair, &[f[0], 0.0], &rule), 1e-8, "relevance");
        }
    }
}

#[test]
fn each_point_may_have_a_contrast_of_its_own() {
    let (mu, x) = (numbers(5, 4, 1), numbers(6, 4, 2));
    let explainer = ClusterExplainer::new(tensor(&mu, true), ClusterRule::midpoint(0.7)).unwrap();
    let got = explainer.attribute(tensor(&x, true), Target::argmax().with_contrast_to_runner_up()).unwrap();
    let pairs = got.classes().unwrap().iter().zip(got.contrast_classes().unwrap());
    for (n, (&a, &b)) in pairs.enumerate() {
        let alone = explainer.attribute(tensor(&vec![x[n].clone()], true), Target::contrast(a, b)).unwrap();
        assert_close(&rows(&got)[n], &rows(&alone)[0], 1e-12, "relevance");
        assert_close(&[got.scores().unwrap()[n]], &alone.scores().unwrap(), 1e-12, "score");
    }
}

#[test]
fn gradients_of_the_head_are_those_of_the_nearest_competitor() {
    let (mu, x, gradient) = (numbers(5, 3, 1), numbers(4, 3, 2), numbers(4, 5, 3));
    let graph = graph(ClusterHead::new(value(&mu, true)).unwrap().into(), 3);
    let got = graph.vjp(&[value(&x, true)], value(&gradient, true)).unwrap();
    let got = read(&got[0].clone().into_tensor().unwrap());
    let score = |x: &[f64], g: &[f64]| discriminants(x, &mu).iter().zip(g).map(|(f, g)| f * g).sum::<f64>();
    for ((x, g), got) in x.iter().zip(&gradient).zip(&got) {
        let slope = |i: usize| {
            let moved = |step: f64| {
                let mut x = x.clone();
                x[i] += step;
                score(&x, g)
            };
            (moved(1e-6) - moved(-1e-6)) / 2e-6
        };
        assert_close(got, &(0..3).map(slope).collect::<Vec<_>>(), 1e-6, "gradient");
    }
}

#[test]
fn the_module_computes_what_its_layer_does() {
    let (mu, x) = (numbers(4, 3, 1), numbers(5, 3, 2));
    let module = NeuralizedKMeans::from_centroids(tensor(&mu, true)).unwrap();
    let by_layer = graph((&module).try_into().unwrap(), 3).forward(&[value(&x, true)]).unwrap();
    let by_module: Vec<f64> = module.forward(tensor(&x, true)).to_data().iter::<f64>().collect();
    let by_layer: Vec<f64> = by_layer.to_data().unwrap().iter::<f64>().collect();
    assert_close(&by_layer, &by_module, 1e-12, "h");
}

#[test]
fn a_midpoint_rule_needs_the_linear_layer_of_clusters() {
    let head: Layer<Flex> = ClusterHead::new(value(&numbers(3, 4, 1), false)).unwrap().into();
    assert_eq!(head.kind(), LayerKind::custom("clusters"));
    assert!(explainer(head, Midpoint::entry()).plan(value(&numbers(1, 4, 2), false), 0).is_err());
    let _: &dyn PropagationRule<Flex> = &Midpoint::default();
}

#[test]
fn ties_and_equal_centroids_give_zero() {
    let mu = vec![vec![0.0, 0.0], vec![2.0, 0.0], vec![0.0, 0.0], vec![9.0, 9.0]];
    for rule in rules(1.0) {
        let explainer = ClusterExplainer::new(tensor(&mu, false), rule).unwrap();
        // Between two centroids; on equal ones; on a centroid of its own.
        let points = tensor(&vec![vec![1.0, 0.0], vec![0.0, 0.0], vec![9.0, 9.0]], false);
        let got = explainer.attribute(points, Target::argmax()).unwrap();
        assert_eq!(got.classes().unwrap(), [0, 0, 3]);
        assert_eq!(got.scores().unwrap()[..2], [0.0, 0.0]);
        let rows = rows(&got);
        assert_eq!(rows[..2], [[0.0, 0.0], [0.0, 0.0]]);
        assert!(rows[2].iter().all(|value| value.is_finite()) && got.scores().unwrap()[2] > 0.0);
    }
}

#[test]
fn far_from_the_origin_nothing_cancels() {
    // Multiples of 2^-9 near 10^4 are exact in f32.
    let shift = |value: &f64| (value * 512.0).round() / 512.0 + 1e4;
    let away = |rows: Rows| -> Rows { rows.iter().map(|row| row.iter().map(shift).collect()).collect() };
    let (mu, x) = (away(numbers(8, 16, 1)), away(numbers(6, 16, 2)));
    let run = |double| {
        let explainer = ClusterExplainer::new(tensor(&mu, double), ClusterRule::midpoint(0.1)).unwrap();
        let got = explainer.attribute(tensor(&x, double), Target::argmax()).unwrap();
        (rows(&got), got.scores().unwrap())
    };
    let ((single, scores), (double, _)) = (run(false), run(true));
    for ((single, double), score) in single.iter().zip(&double).zip(scores) {
        assert_close(single, double, 1e-5, "relevance");
        // Squared distances are about 40 here, and scores differences of such.
        let sum: f64 = single.iter().sum();
        assert!((sum - score).abs() <= 1e-5, "{sum} instead of {score}");
    }
}

/// Relevance of one point under Midpoint, with its score.
fn of_point(x: &[f64], mu: &Rows, beta: f64) -> (Vec<f64>, f64) {
    let explainer = ClusterExplainer::new(tensor(mu, false), ClusterRule::midpoint(beta)).unwrap();
    let got = explainer.attribute(tensor(&vec![x.to_vec()], false), Target::class(0)).unwrap();
    (rows(&got)[0].clone(), got.scores().unwrap()[0])
}

#[test]
fn values_worked_out_by_hand() {
    let (relevance, score) = of_point(&[1.0, 0.0, 0.0], &vec![vec![1.0, 0.0, 0.0], vec![0.0, 0.0, 2.0]], 1.0);
    assert_eq!(score, 5.0);
    assert_close(&relevance, &[1.0, 0.0, 4.0], 1e-6, "two clusters");

    // The nearer competitor gets 0.993307 of the 3, the other 0.006693.
    let mu = vec![vec![1.0, 0.0], vec![2.0, 0.0], vec![0.0, 3.0]];
    let (relevance, score) = of_point(&[0.0, 0.0], &mu, 1.0);
    assert_eq!(score, 3.0);
    assert_close(&relevance, &[2.977_412, 0.022_588], 1e-6, "three clusters");

    // Small differences of a thousand features, as far as f32 holds them: also 10,000 away, where its numbers
    // are a thousandth apart.
    for shift in [0.0, 1e4] {
        let [x, near, far] = [1.0, 1.001, 0.998].map(|value: f64| f64::from((value + shift) as f32));
        let (relevance, score) = of_point(&[x; 1000], &vec![vec![near; 1000], vec![far; 1000]], 1.0);
        let each = (far - x).powi(2) - (near - x).powi(2);
        assert!(shift != 0.0 || (each - 3e-6).abs() < 1e-9, "{each}");
        assert_close(&[score], &[1000.0 * each], 1e-5, "score");
        assert_close(&relevance, &[each; 1000], 1e-5, "relevance");
    }
}

#[test]
fn beta_is_one_over_the_mean_discriminant() {
    let (mu, x) = (numbers(5, 3, 1), numbers(40, 3, 2));
    let own = |x: &Vec<f64>| discriminants(x, &mu).into_iter().fold(f64::MIN, f64::max);
    let expected = 40.0 / x.iter().map(own).sum::<f64>();
    let head = ClusterHead::new(value(&mu, true)).unwrap();
    assert_close(&[beta_from(&head, tensor(&x, true)).unwrap()], &[expected], 1e-12, "beta");
    let equal = ClusterHead::new(value(&vec![vec![1.0]; 3], true)).unwrap();
    assert_eq!(beta_from(&equal, tensor(&vec![vec![2.0]], true)), Err(KMeansError::NoScale));
}

#[test]
fn a_profile_is_the_mean_over_members() {
    let (mu, x) = (numbers(4, 3, 1), numbers(30, 3, 2));
    let mu: Rows = mu.into_iter().chain([vec![1e3; 3]]).collect();
    let explainer = ClusterExplainer::new(tensor(&mu, true), ClusterRule::midpoint(0.5)).unwrap();
    let profile = explainer.profile(tensor(&x, true)).unwrap();
    let got = explainer.attribute(tensor(&x, true), Target::argmax()).unwrap();
    let (rows, assigned) = (rows(&got), got.classes().unwrap());
    assert_eq!((profile.members().iter().sum::<usize>(), profile.members()[4]), (30, 0));
    for (cluster, mean) in read(profile.relevance()).iter().enumerate() {
        let members = rows.iter().zip(assigned).filter(|(_, c)| **c == cluster);
        let members: Vec<_> = members.map(|(row, _)| row).collect();
        let of = |i: usize| members.iter().map(|row| row[i]).sum::<f64>() / members.len().max(1) as f64;
        assert_close(mean, &(0..3).map(of).collect::<Vec<_>>(), 1e-12, "mean");
    }
}

#[test]
fn a_profile_of_other_relevance_checks_its_assignments() {
    let relevance = tensor(&vec![vec![1.0, 2.0], vec![3.0, 5.0], vec![-1.0, 0.5]], false);
    let profile = ClusterProfile::new(relevance.clone(), &[2, 2, 0], 3).unwrap();
    assert_eq!(read(profile.relevance()), [[-1.0, 0.5], [0.0, 0.0], [2.0, 3.5]]);
    assert_eq!(profile.members(), [1, 0, 2]);
    let refused = |relevance, assigned: &[usize]| ClusterProfile::new(relevance, assigned, 3).unwrap_err();
    assert_eq!(refused(relevance.clone(), &[0, 1]), KMeansError::ClusterCount { got: 2, points: 3 });
    assert_eq!(refused(relevance, &[0, 1, 3]), KMeansError::Cluster { cluster: 3, clusters: 3 });
    let none = Tensor::<Flex, 2>::empty([0, 2], &Default::default());
    assert_eq!(refused(none, &[]), KMeansError::NoPoints { dims: vec![0, 2] });
}

#[test]
fn mistakes_are_named() {
    let mu = numbers(3, 2, 1);
    let new = |mu: &Rows, rule| ClusterExplainer::new(tensor(mu, false), rule);
    let midpoint = ClusterRule::midpoint(1.0);
    assert!(matches!(new(&vec![vec![1.0, 2.0]], midpoint.clone()), Err(KMeansError::OneCluster)));
    assert!(matches!(
        new(&vec![vec![1.0, 2.0], vec![f64::NAN, 0.0]], midpoint.clone()),
        Err(KMeansError::NotFinite { what: "centroids", index: [1, 0], .. })
    ));
    let half = ClusterExplainer::new(tensor(&mu, false).cast(DType::F16), midpoint.clone()).unwrap_err();
    assert_eq!(half, KMeansError::DType { what: "centroids", dtype: DType::F16 });
    assert!(matches!(
        new(&mu, ClusterRule::midpoint(-1.0)),
        Err(KMeansError::Rule(RuleError::Parameter { .. }))
    ));
    assert!(matches!(
        new(&mu, ClusterRule::epsilon(f64::INFINITY)),
        Err(KMeansError::Rule(RuleError::Parameter { .. }))
    ));
    let explainer = new(&mu, midpoint).unwrap();
    let refused = |points, target: Target<Flex>| explainer.attribute(points, target).unwrap_err();
    let explain = |points| match refused(points, Target::argmax()) {
        ExplainError::Method(error) => *error.downcast::<KMeansError>().unwrap(),
        other => panic!("{other}"),
    };
    let points = || tensor(&numbers(2, 2, 2), false);
    let none = Tensor::<Flex, 2>::empty([0, 2], &Default::default());
    assert_eq!(explain(none.clone()), KMeansError::NoPoints { dims: vec![0, 2] });
    assert_eq!(explainer.assign(none), Err(KMeansError::NoPoints { dims: vec![0, 2] }));
    let wide = tensor(&numbers(2, 3, 2), false);
    assert_eq!(explain(wide), KMeansError::Features { got: 3, expected: 2 });
    assert!(matches!(
        explain(tensor(&vec![vec![0.0, f64::INFINITY]], false)),
        KMeansError::NotFinite { what: "points", index: [0, 1], .. }
    ));
    let far = tensor(&vec![vec![0.0, 0.0], vec![1e30, 0.0]], false);
    assert_eq!(explain(far), KMeansError::Overflow { point: 1 });
    let double = tensor(&numbers(2, 2, 2), true);
    assert!(matches!(explain(double), KMeansError::Kind { .. }));
    let text = |target| refused(points(), target).to_string();
    assert!(text(Target::class(3)).contains("class 3 (sample 0) does not exist"));
    assert!(text(Target::classes([0])).contains("1 classes were given for a batch of 2"));
    assert!(text(Target::contrast(1, 1)).contains("class 1 (sample 0) is held against itself"));
    assert!(text(Target::argmax().with_output(1)).contains("output 1 does not exist"));
    let large = NeuralizedKMeansLayer::new(value(&numbers(3000, 40, 1), false));
    assert!(matches!(large, Err(KMeansError::TooLarge { clusters: 3000, .. })));
}

fn moved(rows: &Rows, shift: f64) -> Rows {
    rows.iter().map(|row| row.iter().map(|value| value + shift).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn midpoint_conserves_and_ignores_the_origin(
        clusters in 2..9usize,
        features in 1..7usize,
        beta in 0.0..5.0f64,
        seed in 0..1000usize,
        shift in -50.0..50.0f64,
    ) {
        let (mu, x) = (numbers(clusters, features, seed), numbers(5, features, seed + 1));
        let run = |shift: f64, target: Target<Flex>| {
            let rule = ClusterRule::midpoint(beta);
            let explainer = ClusterExplainer::new(tensor(&moved(&mu, shift), true), rule).unwrap();
            let got = explainer.attribute(tensor(&moved(&x, shift), true), target).unwrap();
            (rows(&got), got.scores().unwrap())
        };
        let (rows, scores) = run(0.0, Target::argmax());
        let (shifted, _) = run(shift, Target::argmax());
        for ((row, score), shifted) in rows.iter().zip(&scores).zip(&shifted) {
            // A stabilizer of 1e-9 in the denominators is all that is lost.
            let sum: f64 = row.iter().sum();
            prop_assert!((sum - score).abs() <= 1e-8 + 1e-9 * score.abs(), "{} of {}", sum, score);
            let scale = row.iter().fold(1.0f64, |scale, value| scale.max(value.abs()));
            for (value, shifted) in row.iter().zip(shifted) {
                prop_assert!((value - shifted).abs() <= 1e-7 * scale);
            }
        }
        let (rows, scores) = run(0.0, Target::contrast(0, clusters - 1));
        for (row, score) in rows.iter().zip(&scores) {
            prop_assert!((row.iter().sum::<f64>() - score).abs() <= 1e-8 + 1e-9 * score.abs());
        }
    }
}
