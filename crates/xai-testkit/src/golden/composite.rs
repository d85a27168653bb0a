//! Cases of whole networks.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use serde_json::{Map, Value as Json};
use xai_core::Value;
use xai_core::attributor::{Attribution, Attributor, InputXGradient, IntegratedGradients, Lrp, SmoothGrad};
use xai_core::graph::Graph;
use xai_core::layer::LayerKind;
use xai_core::model::{Model, Target};

use super::arguments::Arguments;
use super::compare::{Agreement, Deviation};
use super::error::{GoldenError, Place};
use super::manifest::Detail;
use super::network::Network;
use super::rule;
use super::trial::Trial;
use crate::attribution;
use crate::host::Array;

/// A case of kind `composite`, ready to be explained.
struct Setup<'a, B: Backend> {
    trial: &'a Trial<'a, B>,
    method: &'a str,
    params: &'a Map<String, Json>,
    method_id: &'a str,
    network: Network<B>,
    input: Value<B>,
    target: Value<B>,
}

impl<'a, B: Backend> Setup<'a, B> {
    fn of(trial: &'a Trial<'a, B>) -> Result<Self, GoldenError> {
        let Detail::Composite { network, method, method_id, params, relevance_out } = &trial.case.detail
        else {
            return Err(GoldenError::Unsupported("no runner for its kind".to_owned()));
        };
        let (input, arch) = (trial.value("input")?, &trial.golden.network(network)?.arch);
        let inputs = [("input".to_owned(), input.dims())];
        let network = Network::new(trial, Some(network), arch, &inputs, |node| format!("weights/{node}."))?;
        Ok(Self { trial, method, params, method_id, network, input, target: trial.value(relevance_out)? })
    }

    /// Explains the case by a graph or a recorded model, keeping the relevance at every node where
    /// the method gives it; also gives the graph that was explained.
    fn explain(&self, model: &Model<B>) -> Result<(Attribution<B>, Arc<Graph<B>>), GoldenError> {
        let mut given = Arguments::new(Place::Method(self.method.to_owned()), self.params);
        let composite = rule::composite(self.method, &mut given)?;
        let (input, target) = (self.input.clone(), Target::relevance(self.target.clone()));
        let attribution = match self.method {
            "InputXGradient" => InputXGradient::new(model).attribute(input, target)?,
            "SmoothGrad" => {
                let samples: usize = given.required("n_iter")?;
                let stack = self.trial.tensor(&format!("noise_unit/{}", self.method_id))?;
                if stack.dims[0] + 1 != samples {
                    return Err(given.error("n_iter", format!("is {samples}, but noise is {:?}", stack.dims)));
                }
                let unit = |n| Array { dims: stack.dims[1..].to_vec(), data: stack.sample(n).data };
                let noise: Vec<_> = (0..samples - 1).map(|n| self.trial.put(&unit(n))).collect();
                let method = SmoothGrad::new(model).with_noise_level(given.required("noise_level")?);
                method.attribute_with_noise(input, target, &noise)?
            }
            "IntegratedGradients" => {
                let method = IntegratedGradients::new(model).with_steps(given.required("n_iter")?);
                method.attribute(input, target)?
            }
            _ => Lrp::new(model, composite).with_relevance_at("*").attribute(input, target)?,
        };
        given.finish()?;
        Ok((attribution, model.graph(self.input.clone(), 0)?))
    }

    /// Compares the logits, the relevance at the input, and that at the nodes, which have the names
    /// that `name` gives them.
    fn deviations(
        &self,
        attribution: &Attribution<B>,
        name: impl Fn(&str) -> Result<String, GoldenError>,
    ) -> Result<Vec<Deviation>, GoldenError> {
        let prefix = format!("relevance/{}/", self.method_id);
        let mut deviations = vec![self.trial.compare("logits", "", &logits(attribution)?)?];
        for (tensor, dims) in &self.trial.case.tensors {
            let got = match tensor.strip_prefix(&prefix) {
                None => continue,
                Some("input") => attribution::input_relevance(attribution).clone(),
                Some(node) => attribution::relevance_at(attribution, &name(node)?, dims.len())?,
            };
            deviations.push(self.trial.compare(tensor, "", &got)?);
        }
        match deviations.len() {
            1 => Err(GoldenError::Inconsistent(format!("no tensor begins with `{prefix}`"))),
            _ => Ok(deviations),
        }
    }
}

fn logits<B: Backend>(attribution: &Attribution<B>) -> Result<Value<B>, GoldenError> {
    Ok(attribution::output(attribution, 2)?)
}

/// Runs a case on its network's graph.
pub(super) fn built_by_hand<B: Backend>(trial: &Trial<'_, B>) -> Result<Vec<Deviation>, GoldenError> {
    let setup = Setup::of(trial)?;
    let (attribution, _) = setup.explain(&Model::from(setup.network.graph.clone()))?;
    setup.deviations(&attribution, |node| Ok(node.to_owned()))
}

/// Runs a case on its network as a recorded Burn module, and compares every node with the graph
/// built by hand.
pub(super) fn recorded<B: Backend>(
    trial: &Trial<'_, B>,
    agreement: &mut Agreement,
) -> Result<Vec<Deviation>, GoldenError> {
    let setup = Setup::of(trial)?;
    let (recorded, from) = setup.explain(&setup.network.recorded()?)?;
    let (by_hand, to) = setup.explain(&Model::from(setup.network.graph.clone()))?;
    if layers(&from) != layers(&to) {
        let problem = format!("the recorded graph has other layers:\n{from}\nbuilt by hand:\n{to}");
        return Err(GoldenError::Inconsistent(problem));
    }
    agreement.note(trial.case, "logits", &logits(&recorded)?, &logits(&by_hand)?)?;
    agreement.note(
        trial.case,
        "input",
        attribution::input_relevance(&recorded),
        attribution::input_relevance(&by_hand),
    )?;
    // Methods that average gradients give relevance at the input only.
    let kept = recorded.kept().next().is_some();
    for (recorded_node, node) in from.nodes().iter().zip(to.nodes()).filter(|_| kept) {
        let rank = node.dims().len();
        let a = attribution::relevance_at(&recorded, recorded_node.name(), rank)?;
        let b = attribution::relevance_at(&by_hand, node.name(), rank)?;
        agreement.note(trial.case, node.name(), &a, &b)?;
    }
    // Recorded nodes have names of their own; the layers are the same, so places tell them apart.
    setup.deviations(&recorded, |node| Ok(from.node(to.find(node)?)?.name().to_owned()))
}

fn layers<B: Backend>(graph: &Graph<B>) -> Vec<(LayerKind, &[usize])> {
    graph.nodes().iter().map(|node| (node.layer().kind(), node.dims())).collect()
}
