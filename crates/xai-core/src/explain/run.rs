//! One forward pass, from which any number of backward sweeps start.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn_backend::Backend;

use super::target::Start;
use super::{Attribution, Prepared, Target};
use crate::Value;
use crate::composite::Plan;
use crate::engine::{Bookkeeper, Forward, Observer, all_finite, backward, read};
use crate::error::ExplainError;
use crate::graph::Graph;

/// The values of one forward pass, to be swept backwards.
///
/// A clone shares the values and copies none: a sweep by a clone leaves them for the next sweep,
/// one by the last owner frees them as it goes.
#[derive(Clone)]
pub(crate) struct Run<B: Backend> {
    prepared: Arc<Prepared<B>>,
    forward: Forward<B>,
}

impl<B: Backend> Run<B> {
    /// Runs the graph on `inputs` and keeps what its rules read.
    pub(super) fn new(prepared: Arc<Prepared<B>>, inputs: &[Value<B>]) -> Result<Self, ExplainError> {
        let forward = Forward::run_for(&prepared.graph, &prepared.plan, inputs)?;
        check_output(&forward.output)?;
        Ok(Self { prepared, forward })
    }

    /// The model's output.
    pub(crate) fn output(&self) -> &Value<B> {
        &self.forward.output
    }

    /// The relevance that `target` starts with.
    pub(crate) fn start(&self, target: Target<B>) -> Result<Start<B>, ExplainError> {
        target.start(&self.prepared.graph, self.output())
    }

    /// The graph that was run.
    pub(crate) fn graph(&self) -> &Graph<B> {
        &self.prepared.graph
    }

    /// The rule of every node.
    pub(crate) fn plan(&self) -> &Plan<B> {
        &self.prepared.plan
    }

    /// Relevance of the graph inputs when the output has the relevance `seed`, and nothing else.
    pub(crate) fn relevance(self, seed: Value<B>) -> Result<Vec<Value<B>>, ExplainError> {
        let Prepared { graph, plan, .. } = self.prepared.as_ref();
        backward(graph, plan, self.forward, seed, &mut Observer::default())
    }

    /// Relevance of the graph inputs and of the nodes to keep, with a ledger if one is wanted.
    pub(crate) fn attribution(self, start: Start<B>, ledger: bool) -> Result<Attribution<B>, ExplainError> {
        let Prepared { graph, plan, keep } = self.prepared.as_ref();
        let mut observer = Observer {
            relevance: keep.iter().map(|&index| (index, None)).collect(),
            bookkeeper: ledger.then(Bookkeeper::new),
        };
        let output = self.forward.output.clone();
        let relevance = backward(graph, plan, self.forward, start.seed.clone(), &mut observer)?;
        let mut at_nodes = BTreeMap::new();
        for (index, value) in observer.relevance {
            let (Some(value), node) = (value, &graph.nodes()[index]) else { continue };
            for name in std::iter::once(node.name()).chain(node.aliases().iter().map(String::as_str)) {
                at_nodes.insert(name.to_owned(), value.clone());
            }
        }
        let ledger = observer.bookkeeper.map(|bookkeeper| bookkeeper.close(graph)).transpose()?;
        Ok(Attribution { at_nodes, ledger, ..Attribution::new(relevance, output, start) })
    }
}

/// A finite input with an output that is not means unusable parameters.
pub(crate) fn check_output<B: Backend>(output: &Value<B>) -> Result<(), ExplainError> {
    if all_finite(output)? {
        return Ok(());
    }
    match read(output)?.iter().enumerate().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some((flat, &value)) => {
            let width = output.dims()[1..].iter().product::<usize>();
            Err(ExplainError::OutputNotFinite { sample: flat / width, value })
        }
    }
}
