//! Cases of one rule on one layer.

use burn::tensor::backend::Backend;
use serde_json::{Map, json};
use xai_core::Value;
use xai_core::attributor::{Attributor, Lrp};
use xai_core::composite::{Composite, Matcher};
use xai_core::graph::Graph;
use xai_core::kernel::windowed;
use xai_core::layer::LayerKind;
use xai_core::model::{Model, Target};
use xai_core::rule::{Pass, Rule, WinnerTakesAll};

use super::compare::{Agreement, Deviation};
use super::error::GoldenError;
use super::manifest::{ArchNode, Detail, LayerSpec};
use super::network::Network;
use super::rule::rule;
use super::trial::Trial;
use crate::attribution;

/// The layer in a network, whose other layers pass relevance on.
struct Subject<B: Backend> {
    /// What is special about it, to be put after a tensor's name.
    what: &'static str,
    network: Network<B>,
    inputs: Vec<Value<B>>,
    /// Kind of the layer that the rule is for.
    kind: LayerKind,
}

/// The layer in networks, and rules, that must all give the same.
fn parts<B: Backend>(trial: &Trial<'_, B>) -> Result<(Vec<Subject<B>>, Vec<Rule>), GoldenError> {
    match &trial.case.detail {
        Detail::Rule { layer, rule: spec, input_kind } => {
            let non_negative = input_kind.as_deref() == Some("nonneg");
            Ok((subjects(trial, layer, non_negative)?, vec![rule(trial, spec)?]))
        }
        Detail::MaxpoolGradient { layer, rule: spec } => {
            Ok((subjects(trial, layer, false)?, vec![rule(trial, spec)?, WinnerTakesAll.into()]))
        }
        _ => Err(GoldenError::Unsupported("no runner for its kind".to_owned())),
    }
}

/// The layer alone; what it sums as inputs of their own; behind a ReLU.
fn subjects<B: Backend>(
    trial: &Trial<'_, B>,
    spec: &LayerSpec,
    non_negative: bool,
) -> Result<Vec<Subject<B>>, GoldenError> {
    let node = |name: &str, inputs: &[String], op: &str, arguments: &Map<_, _>| {
        let layer = LayerSpec { op: op.to_owned(), arguments: arguments.clone() };
        ArchNode { name: name.to_owned(), inputs: inputs.to_vec(), layer }
    };
    let subject = |what, arch: &[ArchNode], inputs: Vec<(String, Value<B>)>| {
        let sizes: Vec<_> = inputs.iter().map(|(name, input)| (name.clone(), input.dims())).collect();
        let network = Network::new(trial, None, arch, &sizes, |_| String::new())?;
        let kind = network.graph.node(network.graph.find("layer")?)?.layer().kind();
        let inputs = inputs.into_iter().map(|(_, input)| input).collect();
        Ok::<_, GoldenError>(Subject { what, network, inputs, kind })
    };
    let (input, x) = (trial.tensor("input")?, ["input".to_owned()]);
    let whole = || vec![(x[0].clone(), trial.put(&input))];
    let layer = |reads: &[String]| node("layer", reads, &spec.op, &spec.arguments);

    let mut subjects = vec![subject("", &[layer(&x)], whole())?];
    let graph = &subjects[0].network.graph;
    // Rules take shortcuts where they know that an input cannot be negative.
    let shortcut = non_negative && graph.node(graph.find("layer")?)?.layer().ops().linear_map().is_some();
    if shortcut {
        let relu = node("relu", &x, "ReLU", &Map::new());
        subjects.push(subject(" behind a ReLU", &[relu, layer(&["relu".to_owned()])], whole())?);
    }
    // A stack of summands: what a residual connection adds up.
    let last = [json!([-1]), json!([input.dims.len() - 1])];
    if spec.op == "Sum" && spec.arguments.get("dim").is_some_and(|dim| last.contains(dim)) {
        let summands: Vec<_> = input.columns().iter().map(|x| trial.put(x)).collect();
        let summands: Vec<_> = summands.into_iter().enumerate().map(|(i, x)| (format!("x{i}"), x)).collect();
        let names: Vec<_> = summands.iter().map(|(name, _)| name.clone()).collect();
        subjects.push(subject(" by Add", &[node("layer", &names, "Sum", &Map::new())], summands)?);
    }
    Ok(subjects)
}

/// LRP by `rule` on the nodes of one kind; all others pass relevance on.
fn lrp<B: Backend>(graph: &Graph<B>, kind: &LayerKind, rule: Rule) -> Lrp<B> {
    let composite = Composite::new("golden").append(kind.clone(), rule).append(Matcher::Any, Pass);
    Lrp::new(&Model::from(graph.clone()), composite)
}

/// Names and values of the output and the relevance of the input, of several inputs as a stack.
type Results<B> = [(&'static str, Value<B>); 2];

fn explain<B: Backend>(
    trial: &Trial<'_, B>,
    lrp: &Lrp<B>,
    inputs: &[Value<B>],
) -> Result<Results<B>, GoldenError> {
    let arriving = trial.value("relevance_out")?;
    let rank = arriving.rank();
    let attribution = lrp.attribute(inputs, Target::relevance(arriving))?;
    let relevances: Vec<_> = attribution.relevances().iter().flatten().collect();
    let relevance = match relevances[..] {
        [relevance] => relevance.clone(),
        ref several => {
            let column = |&value: &&Value<B>| value.clone().reshape(&[&value.dims()[..], &[1]].concat());
            Value::cat(several.iter().map(column).collect(), several[0].rank())
        }
    };
    Ok([("output", attribution::output(&attribution, rank)?), ("relevance_in", relevance)])
}

/// TakesMost by tensor operations, which not every backend uses.
fn takes_most<B: Backend>(
    trial: &Trial<'_, B>,
    subject: &Subject<B>,
    rule: &Rule,
) -> Result<Option<Deviation>, GoldenError> {
    let Rule::TakesMost(rule) = rule else { return Ok(None) };
    let graph = &subject.network.graph;
    let Some((extremum, windows)) = graph.node(graph.output())?.layer().ops().pooling() else {
        return Ok(None);
    };
    let arriving = trial.value("relevance_out")?;
    let got = windowed::takes_most(&subject.inputs[0], &arriving, rule.beta, extremum, windows);
    trial.compare("relevance_in", " by tensor operations", &got).map(Some)
}

/// Runs a case with all its rules on all its graphs.
pub(super) fn built_by_hand<B: Backend>(trial: &Trial<'_, B>) -> Result<Vec<Deviation>, GoldenError> {
    let (subjects, rules) = parts(trial)?;
    let mut deviations = Vec::new();
    for (subject, rule) in subjects.iter().flat_map(|subject| rules.iter().map(move |rule| (subject, rule))) {
        let Subject { what, network: Network { graph, .. }, inputs, kind } = subject;
        for (name, got) in explain(trial, &lrp(graph, kind, rule.clone()), inputs)? {
            deviations.push(trial.compare(name, &format!("{what}, rule {}", rule.name()), &got)?);
        }
        deviations.extend(takes_most(trial, subject, rule)?);
    }
    Ok(deviations)
}

/// Runs a case with all its rules on Burn's layers, and compares with the graphs built by hand.
pub(super) fn recorded<B: Backend>(
    trial: &Trial<'_, B>,
    agreement: &mut Agreement,
) -> Result<Vec<Deviation>, GoldenError> {
    let (subjects, rules) = parts(trial)?;
    let whole = [trial.value("input")?];
    let mut deviations = Vec::new();
    for Subject { what, network, inputs, kind } in &subjects {
        let recorded = network.recorded()?.with_canonizers(Vec::new()).graph(&whole[..], 0)?;
        let by_hand = &network.graph;
        if at_work(&recorded) != at_work(by_hand) {
            let problem = format!("recorded, it has other layers:\n{recorded}\nbuilt by hand:\n{by_hand}");
            return Err(GoldenError::Inconsistent(problem));
        }
        for rule in &rules {
            let results = explain(trial, &lrp(&recorded, kind, rule.clone()), &whole)?;
            let by_hand = explain(trial, &lrp(by_hand, kind, rule.clone()), inputs)?;
            for ((name, recorded), (_, by_hand)) in results.iter().zip(&by_hand) {
                agreement.note(trial.case, name, recorded, by_hand)?;
                deviations.push(trial.compare(name, &format!("{what}, rule {}", rule.name()), recorded)?);
            }
        }
    }
    Ok(deviations)
}

/// The kinds of all layers that do more than move elements.
fn at_work<B: Backend>(graph: &Graph<B>) -> Vec<LayerKind> {
    let kinds = graph.nodes().iter().map(|node| node.layer().kind());
    kinds.filter(|kind| *kind != LayerKind::Input && !LayerKind::ROUTES.contains(kind)).collect()
}
