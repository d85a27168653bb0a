//! The forward pass, keeping what the backward pass will read.

use burn_backend::Backend;

use crate::Value;
use crate::composite::Plan;
use crate::error::{ExplainError, guarded};
use crate::graph::Graph;

/// Values and shapes of one forward pass. A clone shares the values' storage.
#[derive(Clone)]
pub(crate) struct Forward<B: Backend> {
    /// The value of each node that was to be kept.
    pub(crate) values: Vec<Option<Value<B>>>,
    /// The shape of each node's output.
    pub(crate) dims: Vec<Vec<usize>>,
    /// The graph's output.
    pub(crate) output: Value<B>,
}

impl<B: Backend> Forward<B> {
    /// Runs `graph` on inputs that were checked and keeps what the rules of `plan` read, and the
    /// outputs of the nodes `also`.
    pub(crate) fn run_for(
        graph: &Graph<B>,
        plan: &Plan<B>,
        inputs: &[Value<B>],
        also: &[usize],
    ) -> Result<Self, ExplainError> {
        let mut keep = vec![false; graph.nodes().len()];
        also.iter().for_each(|index| keep[*index] = true);
        for ((id, node), bound) in graph.iter().zip(plan.bound()) {
            let Some(bound) = bound else { continue };
            keep[id.index()] |= bound.saved().output;
            if let Some(relu) = plan.rectifier(id.index()) {
                keep[relu] = true;
            }
            for input in node.inputs() {
                keep[input.index()] |= bound.saved().inputs;
            }
        }
        Self::run(graph, inputs, |index| keep[index])
    }

    /// Runs `graph` on inputs that were checked and keeps the outputs of the nodes for which `keep` holds.
    pub(crate) fn run(
        graph: &Graph<B>,
        inputs: &[Value<B>],
        keep: impl Fn(usize) -> bool,
    ) -> Result<Self, ExplainError> {
        let dims = infer_dims(graph, inputs)?;
        let mut unread: Vec<usize> = graph.consumers().iter().map(Vec::len).collect();
        let mut values: Vec<Option<Value<B>>> = vec![None; graph.nodes().len()];
        for (id, input) in graph.inputs().iter().zip(inputs) {
            values[id.index()] = Some(input.clone());
        }
        let mut output = None;
        for (id, node) in graph.iter() {
            if !graph.inputs().contains(&id) {
                let mut read = Vec::with_capacity(node.inputs().len());
                for index in node.inputs().iter().map(|input| input.index()) {
                    unread[index] -= 1;
                    let last = unread[index] == 0 && !keep(index);
                    read.extend(if last { values[index].take() } else { values[index].clone() });
                }
                let value = guarded(|| node.layer().ops().forward(read))
                    .map_err(|source| ExplainError::Layer { node: node.name().to_owned(), source })?;
                values[id.index()] = Some(value);
            }
            if id == graph.output() {
                output.clone_from(&values[id.index()]);
                if !keep(id.index()) {
                    values[id.index()] = None;
                }
            }
        }
        let output = output.ok_or(crate::error::GraphError::Disconnected)?;
        Ok(Self { values, dims, output })
    }
}

fn infer_dims<B: Backend>(graph: &Graph<B>, inputs: &[Value<B>]) -> Result<Vec<Vec<usize>>, ExplainError> {
    let mut dims: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes().len()];
    for (id, value) in graph.inputs().iter().zip(inputs) {
        dims[id.index()] = value.dims();
    }
    for (id, node) in graph.iter() {
        if graph.inputs().contains(&id) {
            continue;
        }
        let input_dims: Vec<_> = node.inputs().iter().map(|input| dims[input.index()].as_slice()).collect();
        dims[id.index()] = node
            .layer()
            .output_dims(&input_dims)
            .map_err(|source| ExplainError::Layer { node: node.name().to_owned(), source })?;
    }
    Ok(dims)
}
