//! One forward pass, from which any number of backward sweeps start.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn_backend::Backend;

use super::Attribution;
use crate::Value;
use crate::composite::Plan;
use crate::engine::{Forward, LedgerBuilder, Observer, all_finite, backward, check_output};
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::model::{Inputs, Start, Target};

/// A plan with the nodes whose values are kept for the attribution.
#[derive(Debug)]
pub(crate) struct Prepared<B: Backend> {
    pub(crate) graph: Arc<Graph<B>>,
    pub(crate) plan: Plan<B>,
    /// Nodes whose relevance is kept.
    pub(crate) relevance_at: Vec<usize>,
    /// Nodes whose output is kept.
    pub(crate) activations_at: Vec<usize>,
    /// Nodes at which relevance passes through some channels only, with ones for these.
    pub(crate) masks: Vec<(usize, Value<B>)>,
}

impl<B: Backend> Prepared<B> {
    /// The pass of the baselines.
    fn reference(&self, baselines: &[Value<B>]) -> Result<Forward<B>, ExplainError> {
        let reference = Forward::run_for(&self.graph, &self.plan, baselines, &[])?;
        check_output(&reference.output)?;
        Ok(reference)
    }
}

/// The values of one forward pass, to be swept backwards.
///
/// A clone shares the values and copies none: a sweep by a clone leaves them for the next sweep,
/// one by the last owner frees them as it goes.
#[derive(Clone)]
pub(crate) struct Run<B: Backend> {
    prepared: Arc<Prepared<B>>,
    inputs: Vec<Value<B>>,
    baselines: Option<Vec<Value<B>>>,
    forward: Forward<B>,
    reference: Option<Forward<B>>,
}

impl<B: Backend> Run<B> {
    /// Runs the graph on inputs that were checked, and on `baselines` if there are any, and keeps what
    /// its rules read.
    pub(crate) fn new(
        prepared: Arc<Prepared<B>>,
        inputs: Vec<Value<B>>,
        baselines: Option<Vec<Value<B>>>,
    ) -> Result<Self, ExplainError> {
        let Prepared { graph, plan, activations_at, .. } = prepared.as_ref();
        let forward = Forward::run_for(graph, plan, &inputs, activations_at)?;
        check_output(&forward.output)?;
        let reference = baselines.as_ref().map(|baselines| prepared.reference(baselines)).transpose()?;
        Ok(Self { prepared, inputs, baselines, forward, reference })
    }

    /// The same forward pass beside another reference pass.
    pub(crate) fn with_baselines(self, baselines: Vec<Value<B>>) -> Result<Self, ExplainError> {
        let reference = Some(self.prepared.reference(&baselines)?);
        Ok(Self { baselines: Some(baselines), reference, ..self })
    }

    /// The model's output at the baselines, if there are any.
    pub(crate) fn reference_output(&self) -> Option<&Value<B>> {
        self.reference.as_ref().map(|reference| &reference.output)
    }

    /// The model's output.
    pub(crate) fn output(&self) -> &Value<B> {
        &self.forward.output
    }

    /// The relevance that `target` starts with.
    pub(crate) fn start(&self, target: &Target<B>) -> Result<Start<B>, ExplainError> {
        target.start(&self.prepared.graph, self.output())
    }

    /// The first node whose relevance is kept.
    pub(super) fn first_kept(&self) -> Option<usize> {
        self.prepared.relevance_at.first().copied()
    }

    /// The graph that was run.
    pub(crate) fn graph(&self) -> &Graph<B> {
        &self.prepared.graph
    }

    /// Relevance of the graph inputs when the output has the relevance `seed`, and nothing else.
    pub(crate) fn relevance(self, seed: Value<B>) -> Result<Vec<Value<B>>, ExplainError> {
        self.sweep(seed, &mut Observer::default())
    }

    /// Relevance of the graph inputs, with what is kept at nodes and a ledger if one is wanted.
    pub(crate) fn attribution(
        self,
        inputs: &Inputs<B>,
        start: Start<B>,
        ledger: bool,
    ) -> Result<Attribution<B>, ExplainError> {
        let prepared = self.prepared.clone();
        let mut observer = Observer {
            relevance: prepared.relevance_at.iter().map(|&index| (index, None)).collect(),
            ledger: ledger.then(LedgerBuilder::new),
            ..Observer::default()
        };
        let activations =
            prepared.activations_at.iter().map(|&index| (index, self.forward.values[index].clone()));
        let activations = by_name(&prepared.graph, activations.collect::<Vec<_>>());
        let output = self.output().clone();
        let relevance = self.sweep(start.seed.clone(), &mut observer)?;
        let ledger = observer.ledger.map(|ledger| ledger.close(&prepared.graph)).transpose()?;
        Ok(Attribution {
            activations,
            relevance_at: by_name(&prepared.graph, observer.relevance),
            ledger,
            ..Attribution::new(inputs, relevance, output, start)
        })
    }

    /// Sweeps backwards and makes sure that what arrives is finite.
    fn sweep(self, seed: Value<B>, observer: &mut Observer<B>) -> Result<Vec<Value<B>>, ExplainError> {
        let Self { prepared, inputs, baselines, forward, reference } = self;
        let Prepared { graph, plan, masks, .. } = prepared.as_ref();
        observer.masks.clone_from(masks);
        let relevance = backward(graph, plan, forward, reference, seed.clone(), observer)?;
        for value in &relevance {
            if all_finite(value)? {
                continue;
            }
            // The values are gone; a second pass that checks every node finds the first one.
            let Self { forward, reference, .. } = Self::new(prepared.clone(), inputs, baselines)?;
            let masks = masks.clone();
            let mut checked = Observer { checks_each_node: true, masks, ..Observer::default() };
            return backward(graph, plan, forward, reference, seed, &mut checked);
        }
        Ok(relevance)
    }
}

/// The values at nodes by the names of the nodes, and of those merged into them.
fn by_name<B: Backend>(
    graph: &Graph<B>,
    values: impl IntoIterator<Item = (usize, Option<Value<B>>)>,
) -> BTreeMap<String, Value<B>> {
    let mut named = BTreeMap::new();
    for (index, value) in values {
        let (Some(value), node) = (value, &graph.nodes()[index]) else { continue };
        for name in std::iter::once(node.name()).chain(node.aliases().iter().map(String::as_str)) {
            named.insert(name.to_owned(), value.clone());
        }
    }
    named
}
