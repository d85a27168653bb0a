//! What explaining clusters costs: time against the number of clusters, without and with the weights
//! of the linear form, and peak memory.
//!
//! Times are for 64 points of 512 features, the better of two runs. `peak` is how far the process's
//! resident memory rose above what it held before the row (Linux only). Run with
//! `cargo bench -p benches --bench kmeans`.

// A model that the library does not support would make the numbers meaningless.
#![allow(clippy::expect_used)]

use std::time::Instant;

use burn::tensor::{Distribution, Tensor};
use burn_xai::attributor::{Attributor, Lrp};
use burn_xai::backend::flex::{self, Flex};
use burn_xai::composite::{Composite, Matcher};
use burn_xai::graph::GraphBuilder;
use burn_xai::kmeans::{ClusterExplainer, ClusterRule, Midpoint, NeuralizedKMeansLayer};
use burn_xai::layer::Layer;
use burn_xai::model::{Model, Target};
use burn_xai::rule::Gamma;

const POINTS: usize = 64;
const FEATURES: usize = 512;

fn random(rows: usize) -> Tensor<Flex, 2> {
    Tensor::random([rows, FEATURES], Distribution::Normal(0.0, 1.0), &flex::device())
}

/// Peak and present resident memory in MB.
fn memory() -> Option<[f64; 2]> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kilobytes| kilobytes / 1024.0)
    };
    Some([field("VmHWM:")?, field("VmRSS:")?])
}

/// Seconds, and MB above what was held before.
fn measure(mut run: impl FnMut()) -> (f64, String) {
    // Sets the peak back to what is held now.
    let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
    let before = memory();
    let mut best = f64::INFINITY;
    for _ in 0..2 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
    }
    let peak = match (before, memory()) {
        (Some([_, held]), Some([peak, _])) if reset => format!("{:.0} MB", peak - held),
        _ => "-".to_owned(),
    };
    (best, peak)
}

fn main() {
    println!("| clusters | rule | form | seconds | peak |\n| --- | --- | --- | --- | --- |");
    let row = |clusters: usize, rule: &str, form: &str, (seconds, peak): (f64, String)| {
        println!("| {clusters} | {rule} | {form} | {seconds:.4} | {peak} |");
    };
    for clusters in [10, 100, 1_000, 10_000] {
        let (centroids, points) = (random(clusters), random(POINTS));
        for (name, rule) in [
            ("midpoint", ClusterRule::midpoint(0.01)),
            ("epsilon", ClusterRule::epsilon(0.01)),
            ("gamma", ClusterRule::other(0.01, Gamma::default())),
        ] {
            let explainer = ClusterExplainer::new(centroids.clone(), rule).expect("usable centroids");
            let measured = measure(|| {
                let explained = explainer.attribute(points.clone(), Target::argmax());
                explained.expect("points that fit").relevance::<2>().expect("a matrix").to_data();
            });
            row(clusters, name, "matrix-free", measured);
        }
        // The linear layer alone, without the pool that goes with it.
        let Ok(linear) = NeuralizedKMeansLayer::new(centroids.into()) else { continue };
        let mut builder = GraphBuilder::new();
        let x = builder.input("x", &[1, FEATURES]).expect("a new name");
        let h = builder.push("h", Layer::custom(linear), &[x]).expect("points that fit");
        let graph = builder.finish(h).expect("a graph");
        let composite = Composite::new("midpoint").append(Matcher::Any, Midpoint::entry());
        let lrp = Lrp::new(&Model::from(graph), composite).with_rule(Midpoint::NAME, Midpoint::default());
        let relevance = Tensor::<Flex, 3>::ones([POINTS, clusters, clusters - 1], &flex::device());
        let measured = measure(|| {
            let explained = lrp.attribute(points.clone(), Target::relevance(relevance.clone()));
            explained.expect("points that fit").relevance::<2>().expect("a matrix").to_data();
        });
        row(clusters, "midpoint", "materialised", measured);
    }
}
