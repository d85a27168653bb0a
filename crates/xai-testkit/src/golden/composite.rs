//! Cases of whole networks, on graphs built by hand.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor};
use serde::Deserialize;
use serde_json::Map;
use xai_core::Value;
use xai_core::composite::{self, Composite, Presets};
use xai_core::error::ExplainError;
use xai_core::explain::{Attribution, Explainer, GraphSource, Prepared, Target};
use xai_core::graph::Graph;
use xai_core::rule::Stabilizer;

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
        let attributor = Method::of(golden, case, dtype, device)?;
        let composite = match &attributor {
            Some(_) => composite::gradient(),
            None => composite(method, params).map_err(unsupported)?,
        };
        let input = golden.tensor(case, "input")?;
        let weights = Weights::of_network(golden, case, dtype, device);
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

/// The parameters of a method. One that is not known here is an error: it must not be ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    epsilon: Option<f64>,
    stabilizer: Option<f64>,
    gamma: Option<f64>,
    beta_smooth: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    #[serde(default)]
    zero_params: Vec<String>,
}

/// The composite that a method stands for, or why there is none.
pub(super) fn composite(
    method: &str,
    parameters: &Map<String, serde_json::Value>,
) -> Result<Composite, String> {
    let parameters: Parameters = serde_json::from_value(parameters.clone().into())
        .map_err(|error| format!("method `{method}`: {error}"))?;
    let zero_bias = match parameters.zero_params.as_slice() {
        [] => false,
        [bias] if bias == "bias" => true,
        other => return Err(format!("method `{method}`: parameters {other:?} cannot be zeroed")),
    };
    let defaults = Presets::default();
    let presets = Presets {
        epsilon: parameters.epsilon.map_or(defaults.epsilon, Stabilizer::from),
        gamma: parameters.gamma.unwrap_or(defaults.gamma),
        beta_smooth: parameters.beta_smooth.unwrap_or(defaults.beta_smooth),
        stabilizer: parameters.stabilizer.map_or(defaults.stabilizer, Stabilizer::from),
        zero_bias,
    };
    Ok(match method {
        "EpsilonPlus" => presets.epsilon_plus(),
        "EpsilonPlusFlat" => presets.epsilon_plus_flat(),
        "EpsilonAlpha2Beta1" => presets.epsilon_alpha2_beta1(),
        "EpsilonAlpha2Beta1Flat" => presets.epsilon_alpha2_beta1_flat(),
        "EpsilonGammaBox" => match (parameters.low, parameters.high) {
            (Some(low), Some(high)) => presets.epsilon_gamma_box(low, high),
            _ => return Err(format!("method `{method}` needs `low` and `high`")),
        },
        "ExcitationBackprop" => presets.excitation_backprop(),
        "DeconvNet" => presets.deconv_net(),
        "GuidedBackprop" => presets.guided_backprop(),
        "BetaSmooth" => presets.beta_smooth(),
        "Gradient" => composite::gradient(),
        _ => return Err(format!("method `{method}` has no counterpart here")),
    })
}

fn failed(case: &Case, source: ExplainError) -> GoldenError {
    GoldenError::Explain { case: case.name.clone(), source: Box::new(source) }
}

/// Relevance at a node, whatever its rank.
pub(super) fn relevance_at<B: Backend>(
    case: &Case,
    attribution: &Attribution<B>,
    node: &str,
    rank: usize,
) -> Result<Value<B>, GoldenError> {
    crate::attribution::relevance_at(attribution, node, rank).map_err(|source| failed(case, source))
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
