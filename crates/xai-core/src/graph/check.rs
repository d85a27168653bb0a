//! Topological order and the graph's invariants.

use std::collections::HashSet;

use burn_backend::Backend;

use super::{Graph, Node, NodeId};
use crate::error::GraphError;
use crate::layer::LayerKind;

impl<B: Backend> Graph<B> {
    /// Orders `nodes` topologically, drops those that do not lead to `output`, and checks the rest.
    pub(super) fn assemble(
        nodes: Vec<Node<B>>,
        inputs: Vec<NodeId>,
        output: NodeId,
    ) -> Result<Self, GraphError> {
        let order = order(&nodes, &inputs, output)?;
        let mut place = vec![None; nodes.len()];
        for (new, old) in order.iter().enumerate() {
            place[*old] = Some(NodeId(new));
        }
        let moved = |ids: &[NodeId]| ids.iter().filter_map(|id| place[id.0]).collect::<Vec<_>>();
        let (inputs, output) = (moved(&inputs), NodeId(order.len() - 1));
        let mut nodes: Vec<_> = nodes.into_iter().map(Some).collect();
        let nodes = order.iter().filter_map(|&old| nodes[old].take());
        let nodes = nodes.map(|node| Node { inputs: moved(&node.inputs), ..node }).collect();
        let graph = Self { nodes, inputs, output };
        graph.check()?;
        Ok(graph)
    }

    /// Checks the invariants: unique names, order, shapes, an output that depends on an input.
    ///
    /// # Errors
    /// [`GraphError`] that names the offending node.
    pub fn check(&self) -> Result<(), GraphError> {
        let mut names = HashSet::new();
        if let Some(node) = self.nodes.iter().find(|node| !names.insert(node.name.as_str())) {
            return Err(GraphError::DuplicateName { name: node.name.clone() });
        }
        if self.node(self.output)?.layer.kind() == LayerKind::Input || self.inputs.is_empty() {
            return Err(GraphError::Disconnected);
        }
        for (id, node) in self.iter() {
            if let Some(late) = node.inputs.iter().find(|input| **input >= id) {
                return Err(GraphError::Cycle {
                    nodes: format!("{}, {}", self.node(*late)?.name, node.name),
                });
            }
            if node.layer.kind() == LayerKind::Input {
                continue;
            }
            let input_dims: Vec<_> = node.inputs.iter().map(|id| self.nodes[id.0].dims.as_slice()).collect();
            match node.layer.output_dims(&input_dims) {
                Ok(dims) if dims == node.dims => {}
                Ok(dims) => {
                    return Err(GraphError::ShuntShape {
                        node: node.name.clone(),
                        old: node.dims.clone(),
                        new: dims,
                    });
                }
                Err(source) => return Err(GraphError::Layer { node: node.name.clone(), source }),
            }
        }
        Ok(())
    }
}

/// Depth-first post-order from `output`, graph inputs first (also those that nothing reads, so
/// that a rewrite never changes how many values the graph takes).
fn order<B: Backend>(nodes: &[Node<B>], inputs: &[NodeId], output: NodeId) -> Result<Vec<usize>, GraphError> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; nodes.len()];
    let mut order = Vec::with_capacity(nodes.len());
    for input in inputs {
        marks[input.0] = Mark::Done;
        order.push(input.0);
    }
    // (node, number of its inputs already visited): an explicit stack, deep models overflow a
    // recursive one.
    let mut stack = vec![(output.0, 0)];
    while let Some((index, visited)) = stack.pop() {
        if marks[index] == Mark::Done {
            continue;
        }
        marks[index] = Mark::Open;
        match nodes[index].inputs.get(visited) {
            Some(input) => {
                stack.push((index, visited + 1));
                match marks[input.0] {
                    Mark::New => stack.push((input.0, 0)),
                    Mark::Done => {}
                    Mark::Open => {
                        let start = stack.iter().position(|(index, _)| *index == input.0).unwrap_or(0);
                        let names: Vec<_> =
                            stack[start..].iter().map(|(i, _)| nodes[*i].name.as_str()).collect();
                        return Err(GraphError::Cycle { nodes: names.join(", ") });
                    }
                }
            }
            None => {
                marks[index] = Mark::Done;
                order.push(index);
            }
        }
    }
    // An output that is itself a graph input was placed among the inputs.
    if order.last() != Some(&output.0) {
        return Err(GraphError::Disconnected);
    }
    Ok(order)
}
