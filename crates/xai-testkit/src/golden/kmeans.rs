//! Cases of neuralized k-means: the rewriting, clusters of points, clusters of a network's features.

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use serde_json::Map;
use xai_core::Value;
use xai_core::composite::{Composite, Matcher};
use xai_core::error::ExplainError;
use xai_core::explain::{Explainer, Target};
use xai_core::graph::{Graph, GraphBuilder};
use xai_core::layer::{CentroidDistance, Layer, LayerKind, LayerOps, Power, Reduce, Reshape};
use xai_core::rule::{Pass, Rule};
use xai_kmeans::{ClusterHead, ClusterRule, LinearRule, NeuralizedKMeansLayer, cluster_network_explainer};

use super::compare::Deviation;
use super::composite;
use super::data::Golden;
use super::error::GoldenError;
use super::manifest::{ArchNode, Case, ClusterRuleSpec, Detail};
use super::network::grow;
use super::rule::rule;
use super::weights::Weights;
use crate::attribution;

/// A case with the place that its tensors go to.
struct Setup<'a, B: Backend> {
    golden: &'a Golden,
    case: &'a Case,
    dtype: DType,
    device: &'a B::Device,
}

/// Runs a case on graphs built by hand.
pub(super) fn built_by_hand<B: Backend>(
    golden: &Golden,
    case: &Case,
    dtype: DType,
    device: &B::Device,
) -> Result<Vec<Deviation>, GoldenError> {
    let setup = Setup::<B> { golden, case, dtype, device };
    match &case.detail {
        Detail::KmeansAttribution { rule } => setup.attribution(rule),
        Detail::DeepKmeans { arch, composite, rule } => setup.deep(arch, composite, rule),
        _ => setup.rewriting(),
    }
}

impl<B: Backend> Setup<'_, B> {
    fn value(&self, name: &str) -> Result<Value<B>, GoldenError> {
        Ok(self.golden.tensor(self.case, name)?.value(self.dtype, self.device))
    }

    fn compare(&self, name: &str, got: &Value<B>) -> Result<Deviation, GoldenError> {
        Deviation::of(self.case, name, got, &self.golden.tensor(self.case, name)?)
    }

    fn failed(&self, source: impl Into<ExplainError>) -> GoldenError {
        GoldenError::Explain { case: self.case.name.clone(), source: Box::new(source.into()) }
    }

    fn refused(&self, what: impl ToString) -> GoldenError {
        GoldenError::Inconsistent { case: self.case.name.clone(), what: what.to_string() }
    }

    /// A graph of one layer on the case's points.
    fn graph(&self, layer: impl Into<Layer<B>>) -> Result<Graph<B>, GoldenError> {
        let mut builder = GraphBuilder::new();
        let dims = self.golden.tensor(self.case, "input")?.dims;
        let x = builder.input("x", &dims).map_err(|error| self.failed(error))?;
        let y = builder.push("y", layer.into(), &[x]).map_err(|error| self.failed(error))?;
        builder.finish(y).map_err(|error| self.failed(error))
    }

    fn forward(&self, layer: impl Into<Layer<B>>) -> Result<Value<B>, GoldenError> {
        self.graph(layer)?.forward(&[self.value("input")?]).map_err(|error| self.failed(error))
    }

    fn distance(&self, power: Power) -> Result<CentroidDistance<B>, GoldenError> {
        CentroidDistance::new(self.value("centroids")?, power).map_err(|error| self.refused(error))
    }

    fn head(&self) -> Result<ClusterHead<B>, GoldenError> {
        ClusterHead::new(self.value("centroids")?).map_err(|error| self.refused(error))
    }

    fn linear(&self) -> Result<NeuralizedKMeansLayer<B>, GoldenError> {
        NeuralizedKMeansLayer::new(self.value("centroids")?).map_err(|error| self.refused(error))
    }

    /// Distances, weights, and what they compute.
    fn rewriting(&self) -> Result<Vec<Deviation>, GoldenError> {
        let linear = self.linear()?;
        let map = linear.linear_map().ok_or_else(|| self.refused("the linear layer is not linear"))?;
        let (weight, bias) = (map.weight().cloned(), map.bias(3));
        let (Some(weight), Some(bias)) = (weight, bias) else {
            return Err(self.refused("the linear layer has no weight or bias"));
        };
        let dims = bias.dims();
        let mut deviations = vec![
            self.compare("distance_p1", &self.forward(self.distance(Power::One)?)?)?,
            self.compare("distance_p2", &self.forward(self.distance(Power::Two)?)?)?,
            self.compare("weight", &weight)?,
            self.compare("bias", &bias.reshape(&dims[1..]))?,
            self.compare("hidden", &self.forward(Layer::custom(linear))?)?,
        ];
        deviations.push(self.compare("output", &self.forward(self.head()?)?)?);
        Ok(deviations)
    }

    /// The rule on the linear layer, from the relevance behind the pool; Epsilon by the head too.
    fn attribution(&self, spec: &ClusterRuleSpec) -> Result<Vec<Deviation>, GoldenError> {
        let linear_rule = rule(self.golden, self.case, &spec.neuralized)?;
        let seed = |name: &str| Ok::<_, GoldenError>(Target::relevance(self.value(name)?));
        let composite = Composite::new("linear").or(Matcher::Kind(LayerKind::Linear), linear_rule.clone());
        let explainer = Explainer::new(self.graph(Layer::custom(self.linear()?))?, composite);
        let by_linear = explainer.explain_values(&[self.value("input")?], seed("relevance_hidden")?);
        let by_linear = by_linear.map_err(|error| self.failed(error))?;
        let mut deviations = vec![self.compare("relevance_in", &by_linear.relevances()[0])?];
        if let Some(cluster_rule) = self.cluster_rule(spec, &linear_rule) {
            let composite = Composite::new("head").or(Matcher::Any, ClusterRule::entry());
            let explainer = Explainer::new(self.graph(self.head()?)?, composite);
            let explainer = explainer.with_rule(ClusterRule::NAME, cluster_rule);
            let by_head = explainer.explain_values(&[self.value("input")?], seed("relevance_out")?);
            let by_head = by_head.map_err(|error| self.failed(error))?;
            deviations.push(self.compare("relevance_in", &by_head.relevances()[0])?);
        }
        Ok(deviations)
    }

    /// The head's rule, if it has a counterpart.
    fn cluster_rule(&self, spec: &ClusterRuleSpec, linear: &Rule) -> Option<ClusterRule> {
        let epsilon = spec.neuralized.stabilizer.as_ref()?.epsilon;
        match linear {
            Rule::Epsilon(rule) if !rule.zero_bias && rule.epsilon == epsilon.into() => {
                Some(ClusterRule { beta: spec.pool.beta, linear: LinearRule::Epsilon { epsilon } })
            }
            rule => Some(ClusterRule::other(spec.pool.beta, rule.clone())),
        }
    }

    /// Clusters of a network's features.
    fn deep(
        &self,
        arch: &[ArchNode],
        method: &Map<String, serde_json::Value>,
        spec: &ClusterRuleSpec,
    ) -> Result<Vec<Deviation>, GoldenError> {
        let linear_rule = rule(self.golden, self.case, &spec.neuralized)?;
        let Some(cluster_rule) = self.cluster_rule(spec, &linear_rule) else {
            let what = format!("the head has no rule like `{linear_rule}`");
            return Err(GoldenError::Unsupported { case: self.case.name.clone(), what });
        };
        let graph = self.deep_graph(arch)?;
        let mut parameters = method.clone();
        let name = parameters.remove("method");
        let name = name.as_ref().and_then(|name| name.as_str()).unwrap_or_default();
        let composite = composite::composite(name, &parameters).map_err(|what| self.refused(what))?;
        let composite = composite.with(Matcher::Kind(LayerKind::Reshape), Pass {});
        let explainer = cluster_network_explainer(graph, composite, cluster_rule).keep_relevance_at("*");
        let target = Target::relevance(self.value("target")?);
        let got = explainer.explain_values(&[self.value("input")?], target);
        let got = got.map_err(|error| self.failed(error))?;
        let at = |node: &str, rank| {
            attribution::relevance_at(&got, node, rank).map_err(|error| self.failed(error))
        };
        let output = got.output::<2>().map_err(|error| self.failed(error))?;
        Ok(vec![
            self.compare("output", &output.into())?,
            self.compare("relevance_in", &got.relevances()[0])?,
            self.compare("relevance/sum", &at("sum.flat", 2)?)?,
            self.compare("relevance/pool1", &at("pool1", 4)?)?,
        ])
    }

    /// The network, its sum over positions, and distances to centroids.
    fn deep_graph(&self, arch: &[ArchNode]) -> Result<Graph<B>, GoldenError> {
        let Some((sum, layers)) = arch.split_last().filter(|(sum, _)| sum.layer.op == "SumDims") else {
            return Err(self.refused("the network does not end in a sum over positions"));
        };
        let axes = sum.layer.dim.clone().unwrap_or_default();
        let axes: Vec<usize> = axes.into_iter().filter_map(|axis| usize::try_from(axis).ok()).collect();
        let weights = Weights::of_network(self.golden, self.case, self.dtype, self.device);
        let mut builder = GraphBuilder::new();
        let dims = self.golden.tensor(self.case, "input")?.dims;
        let features = grow(&mut builder, layers, &weights, &dims)?;
        let mut last = features;
        let head: [(&str, Layer<B>); 3] = [
            ("sum", Reduce::sum(axes).into()),
            ("sum.flat", Reshape::flatten().into()),
            ("distance", self.distance(Power::Two)?.into()),
        ];
        for (name, layer) in head {
            last = builder.push(name, layer, &[last]).map_err(|error| self.failed(error))?;
        }
        builder.finish(last).map_err(|error| self.failed(error))
    }
}
