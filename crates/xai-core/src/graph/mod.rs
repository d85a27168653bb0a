//! The relevance graph: nodes in topological order, built, rewritten and run.
//!
//! A graph comes from a recording or from a [`GraphBuilder`]. It is never changed in place:
//! [`GraphPatch`] describes a rewrite, [`Graph::apply`] checks it and returns the rewritten graph.

mod batch;
mod builder;
mod check;
mod node;
mod part;
mod patch;
mod view;

use std::fmt;

use burn_backend::Backend;

pub use builder::GraphBuilder;
pub use node::{Node, NodeId};
pub use patch::{GraphPatch, Wire};
pub use view::{GraphFacts, NodeView};

use crate::error::{GraphError, NodeGroup, nearest};
use crate::layer::{Interval, Layer, LayerKind};

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
    /// [`GraphError::UnknownName`], which offers the nearest names.
    pub fn find(&self, name: &str) -> Result<NodeId, GraphError> {
        let by_name = self.nodes.iter().position(|node| node.name == name);
        by_name
            .or_else(|| self.nodes.iter().position(|node| node.aliases.iter().any(|alias| alias == name)))
            .map(NodeId)
            .ok_or_else(|| GraphError::UnknownName {
                name: name.to_owned(),
                nearest: nearest(name, self.names()),
            })
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

    /// For each node, the interval that its output lies in, whatever the graph's inputs: a ReLU gives
    /// nothing negative, nor does a pool, sum or reshape of its output.
    pub fn intervals(&self) -> Vec<Interval> {
        let mut intervals: Vec<Interval> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let inputs: Vec<_> = node.inputs.iter().map(|input| intervals[input.0]).collect();
            intervals.push(node.layer.ops().output_interval(&inputs));
        }
        intervals
    }

    /// Whether all operations can be run: those that have a layer, and those whose
    /// [derivative](crate::layer::Derivative) the framework has.
    pub fn can_run(&self) -> bool {
        let runs = |node: &Node<B>| match &node.layer {
            Layer::Unsupported(layer) => layer.has_derivative(),
            _ => true,
        };
        self.nodes.iter().all(runs)
    }

    /// The operations that have no layer, grouped.
    pub fn unsupported(&self) -> Vec<NodeGroup> {
        NodeGroup::collect(self.nodes.iter().filter_map(|node| match &node.layer {
            Layer::Unsupported(layer) => Some((layer.operation().to_owned(), node.name.as_str())),
            _ => None,
        }))
    }

    /// Why the largest output is not the model's answer, if the output comes from a layer that
    /// [says so](crate::layer::LayerOps::argmax_refusal), with that node's name. Layers in between
    /// that only move elements change nothing about it.
    pub fn argmax_refusal(&self) -> Option<(&str, &'static str)> {
        let mut reached = vec![false; self.nodes.len()];
        *reached.get_mut(self.output.0)? = true;
        for (place, node) in self.nodes.iter().enumerate().rev() {
            if !reached[place] {
                continue;
            }
            if LayerKind::ROUTES.contains(&node.layer.kind()) {
                node.inputs.iter().for_each(|input| reached[input.0] = true);
            } else if let Some(why) = node.layer.ops().argmax_refusal() {
                return Some((&node.name, why));
            }
        }
        None
    }

    /// All node names and the names of merged nodes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().flat_map(|node| {
            std::iter::once(node.name.as_str()).chain(node.aliases.iter().map(String::as_str))
        })
    }
}

/// One line per node: `name = kind(inputs) -> shape`.
impl<B: Backend> fmt::Display for Graph<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, node) in self.iter() {
            let inputs: Vec<_> = node.inputs.iter().map(|input| self.nodes[input.0].name.as_str()).collect();
            let kind = match &node.layer {
                Layer::Unsupported(layer) => format!("unsupported `{}`", layer.operation()),
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
