//! Distances to centroids, in any place of a model, become discriminants that a composite explains.

use std::sync::Arc;

use burn::module::Module;
use burn::nn::{Linear, LinearConfig, Relu};
use burn::tensor::{Distribution, Tensor, TensorData, backend::Backend};
use burn_xai::Value;
use burn_xai::backend::flex::{self, Flex};
use burn_xai::canonizer::{Canonizer, canonize};
use burn_xai::composite::epsilon_plus;
use burn_xai::error::{CanonizeError, ExplainError, GraphError, LayerError, TargetError};
use burn_xai::graph::{Graph, GraphBuilder};
use burn_xai::kmeans::{
    ClusterRule, KMeansCanonizer, MinPool1d, MinPool1dConfig, PairwiseCentroidDistance, Power, cluster_lrp,
};
use burn_xai::layer::{Concat, LayerKind};
use burn_xai::prelude::*;

const CLUSTERS: usize = 5;
const FEATURES: usize = 3;

fn random<const D: usize>(dims: [usize; D], seed: u64) -> Tensor<Flex, D> {
    let number = |i: usize| ((i as u64 * 7919 + seed * 104_729 + 13) % 997) as f32 / 249.25 - 1.9987;
    let data = (0..dims.iter().product()).map(number).collect::<Vec<_>>();
    Tensor::from_data(TensorData::new(data, dims), &flex::device())
}

fn distance(power: Power) -> PairwiseCentroidDistance<Flex> {
    PairwiseCentroidDistance::new(random([CLUSTERS, FEATURES], 1), power).unwrap()
}

/// The recorded graph, its distances found.
fn found(model: Model<Flex>, points: &Tensor<Flex, 2>) -> Arc<Graph<Flex>> {
    model.graph(points.clone(), 0).unwrap()
}

fn rewritten(graph: &Graph<Flex>, canonizer: KMeansCanonizer) -> Graph<Flex> {
    let canonizers: Vec<Box<dyn Canonizer<Flex>>> = vec![Box::new(canonizer)];
    canonize(graph.clone(), &canonizers).unwrap()
}

fn rows(graph: &Graph<Flex>, points: &Tensor<Flex, 2>) -> Vec<Vec<f32>> {
    let output = graph.forward(&[points.clone().into()]).unwrap();
    let width = output.dims()[1];
    let values: Vec<f32> = output.to_data().unwrap().to_vec().unwrap();
    values.chunks(width).map(<[f32]>::to_vec).collect()
}

fn place(row: &[f32], better: impl Fn(f32, f32) -> bool) -> usize {
    (1..row.len()).fold(0, |best, next| if better(row[next], row[best]) { next } else { best })
}

/// The clusters stay the same, and the signs tell members.
fn check(graph: &Graph<Flex>, points: &Tensor<Flex, 2>) {
    let before = graph.to_string();
    let distances = rows(graph, points);
    for (canonizer, kinds) in [
        (KMeansCanonizer::layers(), vec![LayerKind::Linear, LayerKind::MinPool, LayerKind::Reshape]),
        (KMeansCanonizer::head(), vec![LayerKind::custom("clusters")]),
    ] {
        let canonized = rewritten(graph, canonizer);
        let end = canonized.nodes().len() - kinds.len();
        let found: Vec<_> = canonized.nodes()[end..].iter().map(|node| node.layer().kind()).collect();
        assert_eq!(found, kinds, "{canonized}");
        for (distances, discriminants) in distances.iter().zip(rows(&canonized, points)) {
            let nearest = place(distances, |a, b| a < b);
            assert_eq!(nearest, place(&discriminants, |a, b| a > b));
            for (cluster, discriminant) in discriminants.iter().enumerate() {
                assert_eq!(*discriminant >= 0.0, cluster == nearest, "{discriminants:?}");
            }
        }
    }
    assert_eq!(graph.to_string(), before);
    assert_eq!(rows(graph, points), distances);
}

#[test]
fn a_graph_built_by_hand() {
    for power in [Power::One, Power::Two] {
        let mut builder = GraphBuilder::new();
        let x = builder.input("x", &[1, 4]).unwrap();
        let dense = LinearConfig::new(4, FEATURES).init::<Flex>(&flex::device());
        let features = builder.push("features", &dense, &[x]).unwrap();
        let output = builder.push("distance", &distance(power), &[features]).unwrap();
        check(&builder.finish(output).unwrap(), &random([40, 4], 3));
    }
}

#[test]
fn the_whole_model_is_the_distance() {
    for power in [Power::One, Power::Two] {
        let points = random([40, FEATURES], 2);
        let graph = found(record(&distance(power), PairwiseCentroidDistance::forward), &points);
        assert_eq!(graph.nodes().len(), 2, "{graph}");
        check(&graph, &points);
    }
}

#[derive(Module, Debug)]
struct Inner<B: Backend> {
    distance: PairwiseCentroidDistance<B>,
}

#[derive(Module, Debug)]
struct Middle<B: Backend> {
    heads: Vec<Inner<B>>,
}

/// Features, and three levels down the distances.
#[derive(Module, Debug)]
struct Net<B: Backend> {
    hidden: Linear<B>,
    relu: Relu,
    middle: Middle<B>,
}

impl<B: Backend> Net<B> {
    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let features = self.relu.forward(self.hidden.forward(x));
        self.middle.heads[0].distance.forward(features)
    }
}

fn net(power: Power) -> Net<Flex> {
    Net {
        hidden: LinearConfig::new(4, FEATURES).init(&flex::device()),
        relu: Relu::new(),
        middle: Middle { heads: vec![Inner { distance: distance(power) }] },
    }
}

#[test]
fn a_recorded_model_with_nested_distances() {
    for power in [Power::One, Power::Two] {
        let points = random([40, 4], 3);
        let graph = found(record(&net(power), Net::forward), &points);
        let names: Vec<_> = graph.nodes().iter().map(|node| node.name()).collect();
        assert_eq!(names[..3], ["input", "hidden", "hidden.relu"]);
        assert!(names.len() == 4 && names[3].starts_with("middle.heads.0.distance"), "{names:?}");
        check(&graph, &points);
    }
}

#[test]
fn distances_in_blocks_and_written_by_hand() {
    // 2^22 / (2 * 4096) = 512 centroids a block.
    let many = PairwiseCentroidDistance::new(random([700, 4096], 1), Power::Two).unwrap();
    let points = random([2, 4096], 2);
    let graph = found(record(&many, PairwiseCentroidDistance::forward), &points);
    let canonized = rewritten(&graph, KMeansCanonizer::head());
    assert_eq!(canonized.nodes().len(), 2, "{canonized}");
    let nearest: Vec<_> = rows(&graph, &points).iter().map(|row| place(row, |a, b| a < b)).collect();
    let best: Vec<_> = rows(&canonized, &points).iter().map(|row| place(row, |a, b| a > b)).collect();
    assert_eq!(nearest, best);

    let by_hand = record_fn(|x: Tensor<_, 2>| {
        let centroids = Tensor::from_inner(random([CLUSTERS, FEATURES], 1).unsqueeze_dim::<3>(0));
        let difference = x.unsqueeze_dim::<3>(1) - centroids;
        difference.powi_scalar(2).sum_dim(2).squeeze_dim::<2>(2)
    });
    let points = random([40, FEATURES], 2);
    check(&found(by_hand, &points), &points);
}

#[test]
fn clusters_of_features_are_explained_down_to_the_input() {
    let points = Tensor::<Flex, 2>::random([7, 4], Distribution::Normal(0.0, 1.0), &flex::device());
    let model = record(&net(Power::Two), Net::forward);
    let lrp = cluster_lrp(&model, epsilon_plus(), ClusterRule::midpoint(0.3)).with_ledger();
    let attribution = lrp.attribute(points, Target::argmax()).unwrap();
    assert_eq!(attribution.relevance::<2>().unwrap().dims(), [7, 4]);
    assert!(attribution.scores().unwrap().iter().all(|score| *score >= 0.0));
    for row in attribution.ledger().unwrap().rows().iter().filter(|row| row.node.contains("distance")) {
        for (unexplained, arrived) in row.unexplained().iter().zip(&row.arrived) {
            assert!(unexplained.abs() <= 1e-4 * arrived.abs().max(1.0), "{row:?}");
        }
    }
}

#[test]
fn one_cluster_is_refused() {
    let one = PairwiseCentroidDistance::new(random([1, FEATURES], 1), Power::Two).unwrap();
    let graph = found(record(&one, PairwiseCentroidDistance::forward), &random([2, FEATURES], 2));
    for canonizer in [KMeansCanonizer::layers(), KMeansCanonizer::head()] {
        let canonizers: Vec<Box<dyn Canonizer<Flex>>> = vec![Box::new(canonizer)];
        let error = canonize(Graph::clone(&graph), &canonizers).unwrap_err();
        let CanonizeError::Rewrite { source: GraphError::Layer { source, .. }, .. } = error else {
            panic!("{error}")
        };
        assert!(
            matches!(&source, LayerError::NotExpressible { what } if what.contains("one cluster")),
            "{source}"
        );
    }
}

#[test]
fn the_argmax_of_distances_is_refused() {
    let column = record_fn(|x: Tensor<_, 2>| {
        let centroids = Tensor::from_inner(random([CLUSTERS, 4], 1));
        PairwiseCentroidDistance::new(centroids, Power::Two)
            .unwrap()
            .forward(x)
            .reshape([CLUSTERS as i32, -1])
    });
    for model in [record(&net(Power::Two), Net::forward), column] {
        let methods: [Box<dyn Attributor<Flex>>; 5] = [
            Box::new(Lrp::new(&model, gradient())),
            Box::new(Saliency::new(&model)),
            Box::new(IntegratedGradients::new(&model)),
            Box::new(Occlusion::new(&model)),
            Box::new(SmoothGrad::new(&model)),
        ];
        for method in methods {
            let error = method.attribute_inputs(&random([2, 4], 1).into(), &Target::argmax()).unwrap_err();
            assert!(matches!(error, ExplainError::Target(TargetError::Argmax { .. })), "{error}");
        }
    }
}

#[test]
fn the_argmax_over_distances_and_others_is_refused() {
    for distance_first in [true, false] {
        let mut builder = GraphBuilder::new();
        let x = builder.input("x", &[1, FEATURES]).unwrap();
        let dense = LinearConfig::new(FEATURES, 2).init::<Flex>(&flex::device());
        let scores = builder.push("scores", &dense, &[x]).unwrap();
        let distance = builder.push("distance", &distance(Power::Two), &[x]).unwrap();
        let read = if distance_first { [distance, scores] } else { [scores, distance] };
        let both = builder.push("both", Concat::new(1), &read).unwrap();
        let model = Model::from(builder.finish(both).unwrap());
        let error = Saliency::new(&model).attribute(random([2, FEATURES], 1), Target::argmax()).unwrap_err();
        assert!(matches!(error, ExplainError::Target(TargetError::Argmax { .. })), "{error}");
    }
}

#[test]
fn a_min_pool_is_recorded_as_one() {
    let pool: MinPool1d = MinPool1dConfig::new(2).init();
    let x = random([2, 3, 7], 1);
    let model = record_fn(move |x: Tensor<_, 3>| pool.forward(x)).with_canonizers(Vec::new());
    let graph = model.graph(x.clone(), 0).unwrap();
    assert_eq!(graph.nodes()[1].layer().kind(), LayerKind::MinPool, "{graph}");
    let mut builder = GraphBuilder::<Flex>::new();
    let input = builder.input("x", &[2, 3, 7]).unwrap();
    let output = builder.push("pool", &MinPool1dConfig::new(2).init(), &[input]).unwrap();
    let by_hand = builder.finish(output).unwrap();
    let run = |graph: &Graph<Flex>| graph.forward(&[Value::from(x.clone())]).unwrap().to_data().unwrap();
    assert_eq!(run(&graph), run(&by_hand));
}
