//! Cases of whole networks, on graphs built by hand.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor};
use xai_core::Value;
use xai_core::composite::{self, Composite};
use xai_core::error::ExplainError;
use xai_core::explain::{Attribution, Explainer, GraphSource, Prepared, Target};
use xai_core::graph::Graph;

use super::attributor::Method;
use super::compare::Deviation;
use super::data::Golden;
use super::error::GoldenError;
use super::manifest::{Case, Detail};
use super::network::graph;
use super::weights::Weights;

/// A case of kind `composite`, ready to be explained.
pub(super) struct Setup<B: Backend> {
    pub(super) network: String,
    pub(super) composite: Composite,
    /// What explains the case by the composite's gradients, if the composite alone does not.
    method: Option<Method<B>>,
    pub(super) graph: Graph<B>,
    pub(super) input: Value<B>,
    pub(super) target: Value<B>,
    /// What comes before the nodes' names in the names of relevance tensors.
    pub(super) prefix: String,
}

impl<B: Backend> Setup<B> {
    pub(super) fn of(
        golden: &Golden,
        case: &Case,
        dtype: DType,
        device: &B::Device,
    ) -> Result<Self, GoldenError> {
        let unsupported = |what| GoldenError::Unsupported { case: case.name.clone(), what };
        let Detail::Composite { network, method, method_id, params, relevance_out } = &case.detail else {
            return Err(unsupported("no runner for its kind".to_owned()));
        };
        let default = |name: &str| params.get(name).and_then(serde_json::Value::as_f64) == Some(1e-6);
        let attributor = Method::of(golden, case, dtype, device)?;
        let composite = match method.as_str() {
            _ if attributor.is_some() => composite::gradient(),
            "EpsilonPlusFlat" if params.len() == 2 && default("epsilon") && default("stabilizer") => {
                composite::epsilon_plus_flat()
            }
            method => return Err(unsupported(format!("no method {method} with the parameters {params:?}"))),
        };
        let input = golden.tensor(case, "input")?;
        let weights = Weights { golden, case, dtype, device };
        let graph = graph(golden.network(case, network)?, &weights, &input.dims)?;
        Ok(Self {
            network: network.clone(),
            composite,
            method: attributor,
            graph,
            input: input.value(dtype, device),
            target: golden.tensor(case, relevance_out)?.value(dtype, device),
            prefix: format!("relevance/{method_id}/"),
        })
    }

    /// Explains the case by a graph or a recorded model, keeping the relevance at every node where
    /// the method gives it; also gives the graph that was explained.
    pub(super) fn explain(
        &self,
        case: &Case,
        source: impl GraphSource<B> + 'static,
    ) -> Result<(Attribution<B>, Arc<Prepared<B>>), GoldenError> {
        let explainer = Arc::new(Explainer::new(source, self.composite.clone()).keep_relevance_at("*"));
        let inputs = std::slice::from_ref(&self.input);
        let target = Target::relevance(self.target.clone());
        let attribution = match &self.method {
            None => explainer.explain_values(inputs, target),
            Some(method) => method.attribute(explainer.clone(), self.input.clone(), target),
        };
        let attribution = attribution.map_err(|source| failed(case, source))?;
        Ok((attribution, explainer.prepare(inputs).map_err(|source| failed(case, source))?))
    }

    /// Compares the logits, the relevance at the input, and that at the nodes, which `at` finds.
    pub(super) fn deviations(
        &self,
        golden: &Golden,
        case: &Case,
        attribution: &Attribution<B>,
        at: impl Fn(&str, usize) -> Result<Value<B>, GoldenError>,
    ) -> Result<Vec<Deviation>, GoldenError> {
        let logits: Tensor<B, 2> = attribution.output().map_err(|source| failed(case, source))?;
        let compare = |name: &str, got| Deviation::of(case, name, &got, &golden.tensor(case, name)?);
        let mut deviations = vec![compare("logits", logits.into())?];
        let nodes = case
            .tensors
            .iter()
            .filter_map(|(name, dims)| Some((name, name.strip_prefix(&self.prefix)?, dims)));
        for (name, node, dims) in nodes {
            let got = match node {
                "input" => attribution.relevances()[0].clone(),
                node => at(node, dims.len())?,
            };
            deviations.push(compare(name, got)?);
        }
        match deviations.len() {
            1 => Err(GoldenError::Inconsistent {
                case: case.name.clone(),
                what: format!("no tensor begins with `{}`", self.prefix),
            }),
            _ => Ok(deviations),
        }
    }
}

fn failed(case: &Case, source: ExplainError) -> GoldenError {
    GoldenError::Explain { case: case.name.clone(), source }
}

/// Relevance at a node, whatever its rank.
pub(super) fn relevance_at<B: Backend>(
    case: &Case,
    attribution: &Attribution<B>,
    node: &str,
    rank: usize,
) -> Result<Value<B>, GoldenError> {
    fn ranked<B: Backend, const D: usize>(
        attribution: &Attribution<B>,
        node: &str,
    ) -> Result<Value<B>, ExplainError> {
        attribution.relevance_at::<D>(node).map(Value::from)
    }
    let relevance = match rank {
        1 => ranked::<B, 1>(attribution, node),
        2 => ranked::<B, 2>(attribution, node),
        3 => ranked::<B, 3>(attribution, node),
        4 => ranked::<B, 4>(attribution, node),
        _ => ranked::<B, 5>(attribution, node),
    };
    relevance.map_err(|source| failed(case, source))
}

/// Runs a case on its network's graph.
pub(super) fn built_by_hand<B: Backend>(
    golden: &Golden,
    case: &Case,
    dtype: DType,
    device: &B::Device,
) -> Result<Vec<Deviation>, GoldenError> {
    let setup = Setup::<B>::of(golden, case, dtype, device)?;
    let (attribution, _) = setup.explain(case, setup.graph.clone())?;
    setup.deviations(golden, case, &attribution, |node, rank| relevance_at(case, &attribution, node, rank))
}
