//! The relevance graph: nodes in topological order, built, rewritten and run.
//!
//! A graph comes from a recording or from a [`GraphBuilder`]. It is never changed in place:
//! [`GraphPatch`] describes a rewrite, [`Graph::apply`] checks it and returns the rewritten graph.

mod builder;
mod check;
mod node;
mod patch;

use std::fmt;

use burn_backend::Backend;

pub use builder::GraphBuilder;
pub use node::{Node, NodeId};
pub use patch::{GraphPatch, Wire};

use crate::Value;
use crate::error::{ExplainError, GraphError};
use crate::layer::LayerKind;

/// A model as a graph of layers with one output.
///
/// Invariants, checked whenever a graph is built or rewritten: names are unique, every node comes
/// after its inputs, every node lies on a path to the output, shapes fit.
#[derive(Debug, Clone)]
pub struct Graph<B: Backend> {
    nodes: Vec<Node<B>>,
    inputs: Vec<NodeId>,
    output: NodeId,
}

impl<B: Backend> Graph<B> {
    /// All nodes, each after its inputs. A node's place is its [`NodeId`].
    pub fn nodes(&self) -> &[Node<B>] {
        &self.nodes
    }

    /// All nodes with their ids, each after its inputs.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (NodeId, &Node<B>)> + ExactSizeIterator {
        self.nodes.iter().enumerate().map(|(index, node)| (NodeId(index), node))
    }

    /// The node of this id.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] for an id of another graph.
    pub fn node(&self, id: NodeId) -> Result<&Node<B>, GraphError> {
        self.nodes.get(id.0).ok_or(GraphError::UnknownNode { id: id.0, nodes: self.nodes.len() })
    }

    /// The node of this name. A node that was merged into another one is found under its old name.
    ///
    /// # Errors
    /// [`GraphError::UnknownName`], which lists the names that exist.
    pub fn find(&self, name: &str) -> Result<NodeId, GraphError> {
        let by_name = self.nodes.iter().position(|node| node.name == name);
        by_name
            .or_else(|| self.nodes.iter().position(|node| node.aliases.iter().any(|alias| alias == name)))
            .map(NodeId)
            .ok_or_else(|| GraphError::UnknownName { name: name.to_owned(), known: self.names() })
    }

    /// The graph inputs, in the order in which values are passed.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// The node whose output is the graph's output.
    pub fn output(&self) -> NodeId {
        self.output
    }

    /// For each node, the nodes that read its output.
    pub fn consumers(&self) -> Vec<Vec<NodeId>> {
        let mut consumers = vec![Vec::new(); self.nodes.len()];
        for (id, node) in self.iter() {
            for input in &node.inputs {
                consumers[input.0].push(id);
            }
        }
        consumers
    }

    /// For each node, whether its output is known to be non-negative whatever the graph's inputs:
    /// a ReLU, or a pool, sum or reshape of such.
    pub fn non_negative(&self) -> Vec<bool> {
        let mut known: Vec<bool> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let inputs = !node.inputs.is_empty() && node.inputs.iter().all(|input| known[input.0]);
            known.push(node.layer.ops().keeps_non_negative(inputs));
        }
        known
    }

    /// All node names, comma separated, for error messages.
    pub(crate) fn names(&self) -> String {
        self.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The graph's output.
    ///
    /// # Shapes
    /// `inputs` as the graph inputs were declared, the batch size free where no layer fixes it.
    ///
    /// # Errors
    /// [`ExplainError`] when the inputs do not fit, or a node is a barrier.
    pub fn forward(&self, inputs: &[Value<B>]) -> Result<Value<B>, ExplainError> {
        crate::engine::forward(self, inputs)
    }

    /// Vector-Jacobian product: for each graph input, the gradient of `sum(gradient * output)`.
    ///
    /// # Errors
    /// [`ExplainError`] when inputs or gradient do not fit, or a node is a barrier.
    pub fn vjp(&self, inputs: &[Value<B>], gradient: Value<B>) -> Result<Vec<Value<B>>, ExplainError> {
        crate::engine::vjp(self, inputs, gradient)
    }
}

/// One line per node: `name = kind(inputs) -> shape`.
impl<B: Backend> fmt::Display for Graph<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, node) in self.iter() {
            let inputs: Vec<_> = node.inputs.iter().map(|input| self.nodes[input.0].name.as_str()).collect();
            let kind = match &node.layer {
                crate::layer::Layer::Barrier(barrier) => format!("barrier `{}`", barrier.op()),
                layer => layer.kind().to_string(),
            };
            let merged = if node.aliases.is_empty() {
                String::new()
            } else {
                format!("  + {}", node.aliases.join(", "))
            };
            let output =
                if id == self.output && node.layer.kind() != LayerKind::Input { "  (output)" } else { "" };
            writeln!(f, "{} = {kind}({}) -> {:?}{merged}{output}", node.name, inputs.join(", "), node.dims)?;
        }
        Ok(())
    }
}
