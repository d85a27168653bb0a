//! Cases of neuralized k-means: the rewriting, clusters of points, clusters of a network's features.

use burn::tensor::backend::Backend;
use serde_json::{Map, Value as Json};
use xai_core::attributor::{Attribution, Attributor, Lrp};
use xai_core::composite::{Composite, Matcher};
use xai_core::graph::{Graph, GraphBuilder};
use xai_core::layer::{Layer, LayerKind, LayerOps};
use xai_core::model::{Model, Target};
use xai_core::rule::{Pass, Rule};
use xai_kmeans::{
    CentroidDistance, ClusterHead, ClusterRule, LinearRule, NeuralizedKMeansLayer, Power, cluster_lrp,
};

use super::arguments::Arguments;
use super::compare::Deviation;
use super::error::{GoldenError, Place};
use super::manifest::{ArchNode, ClusterRules, Detail, LayerSpec};
use super::network::Network;
use super::rule::{composite, rule};
use super::trial::Trial;
use crate::attribution;

/// Runs a case on graphs built by hand.
pub(super) fn built_by_hand<B: Backend>(trial: &Trial<'_, B>) -> Result<Vec<Deviation>, GoldenError> {
    match &trial.case.detail {
        Detail::KmeansAttribution { rule } => points(trial, rule),
        Detail::DeepKmeans { arch, composite, rule } => features(trial, arch, composite, rule),
        _ => rewriting(trial),
    }
}

/// A graph of one layer on the case's points.
fn graph<B: Backend>(trial: &Trial<'_, B>, layer: impl Into<Layer<B>>) -> Result<Graph<B>, GoldenError> {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &trial.tensor("input")?.dims)?;
    let y = builder.push("y", layer.into(), &[x])?;
    Ok(builder.finish(y)?)
}

/// Distances, weights, and what they compute.
fn rewriting<B: Backend>(trial: &Trial<'_, B>) -> Result<Vec<Deviation>, GoldenError> {
    let centroids = trial.value("centroids")?;
    let linear = NeuralizedKMeansLayer::new(centroids.clone())?;
    let (weight, bias) = match linear.linear_map().map(|map| (map.weight().cloned(), map.bias(3))) {
        Some((Some(weight), Some(bias))) => (weight, bias),
        _ => return Err(GoldenError::Inconsistent("the linear layer has no weight or bias".to_owned())),
    };
    let bias = bias.clone().reshape(&bias.dims()[1..]);
    let distance = |power| CentroidDistance::new(centroids.clone(), power);
    let layers: [(&str, Layer<B>); 4] = [
        ("distance_p1", distance(Power::One)?.into()),
        ("distance_p2", distance(Power::Two)?.into()),
        ("hidden", Layer::custom(linear)),
        ("output", ClusterHead::new(centroids.clone())?.into()),
    ];
    let mut deviations = vec![trial.compare("weight", "", &weight)?, trial.compare("bias", "", &bias)?];
    for (name, layer) in layers {
        let got = graph(trial, layer)?.forward(&[trial.value("input")?])?;
        deviations.push(trial.compare(name, "", &got)?);
    }
    Ok(deviations)
}

fn explain<B: Backend>(
    trial: &Trial<'_, B>,
    lrp: &Lrp<B>,
    relevance: &str,
) -> Result<Attribution<B>, GoldenError> {
    Ok(lrp.attribute(trial.value("input")?, Target::relevance(trial.value(relevance)?))?)
}

/// The rule on the linear layer, from the relevance behind the pool; by the head too.
fn points<B: Backend>(trial: &Trial<'_, B>, rules: &ClusterRules) -> Result<Vec<Deviation>, GoldenError> {
    let centroids = trial.value("centroids")?;
    let linear = Layer::custom(NeuralizedKMeansLayer::new(centroids.clone())?);
    let by_rule = Composite::new("linear").append(LayerKind::Linear, rule(trial, &rules.neuralized)?);
    let by_linear = Lrp::new(&Model::from(graph(trial, linear)?), by_rule);
    let by_entry = Composite::new("head").append(Matcher::Any, ClusterRule::entry());
    let by_head = Lrp::new(&Model::from(graph(trial, ClusterHead::new(centroids)?)?), by_entry)
        .with_rule(ClusterRule::NAME, cluster_rule(trial, rules)?);
    [(by_linear, "relevance_hidden"), (by_head, "relevance_out")]
        .iter()
        .map(|(lrp, seed)| {
            let got = explain(trial, lrp, seed)?;
            trial.compare("relevance_in", &format!(" from {seed}"), attribution::input_relevance(&got))
        })
        .collect()
}

/// The rules as one for the head, which has a form of its own for Epsilon.
fn cluster_rule<B: Backend>(trial: &Trial<'_, B>, rules: &ClusterRules) -> Result<ClusterRule, GoldenError> {
    let linear = rule(trial, &rules.neuralized)?;
    let Rule::TakesMost(pool) = rule(trial, &rules.pool)? else {
        let what = format!("rule `{}` on the min pool of clusters", rules.pool.name);
        return Err(GoldenError::Unsupported(what));
    };
    let epsilon = rules.neuralized.arguments.get("stabilizer").and_then(|given| given["epsilon"].as_f64());
    Ok(match (&linear, epsilon) {
        (Rule::Epsilon(rule), Some(epsilon)) if !rule.zero_bias && rule.epsilon == epsilon.into() => {
            ClusterRule { beta: pool.beta, linear: LinearRule::Epsilon { epsilon } }
        }
        _ => ClusterRule::other(pool.beta, linear),
    })
}

/// Clusters of a network's features.
fn features<B: Backend>(
    trial: &Trial<'_, B>,
    arch: &[ArchNode],
    method: &Map<String, Json>,
    rules: &ClusterRules,
) -> Result<Vec<Deviation>, GoldenError> {
    let Some(last) = arch.last() else {
        return Err(GoldenError::Inconsistent("the network has no layers".to_owned()));
    };
    let layer = LayerSpec { op: "PairwiseCentroidDistance".to_owned(), arguments: Map::new() };
    let distance = ArchNode { name: "distance".to_owned(), inputs: vec![last.name.clone()], layer };
    let inputs = [("input".to_owned(), trial.tensor("input")?.dims)];
    let scope = |node: &str| format!("weights/{node}.");
    let network = Network::new(trial, None, &[arch, &[distance]].concat(), &inputs, scope)?;

    let mut params = method.clone();
    let name = params.remove("method");
    let name = name.as_ref().and_then(Json::as_str).unwrap_or_default();
    let mut given = Arguments::new(Place::Method(name.to_owned()), &params);
    let composite = composite(name, &mut given)?;
    given.finish()?;
    let composite = composite.prepend(LayerKind::Reshape, Pass);
    let lrp = cluster_lrp(&Model::from(network.graph), composite, cluster_rule(trial, rules)?);
    let got = explain(trial, &lrp.with_relevance_at("*"), "target")?;
    let at = |node, rank| attribution::relevance_at(&got, node, rank);
    Ok(vec![
        trial.compare("output", "", &attribution::output(&got, 2)?)?,
        trial.compare("relevance_in", "", attribution::input_relevance(&got))?,
        trial.compare("relevance/sum", "", &at("sum.flat", 2)?)?,
        trial.compare("relevance/pool1", "", &at("pool1", 4)?)?,
    ])
}
