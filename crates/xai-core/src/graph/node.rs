//! Nodes and their ids.

use burn_backend::Backend;

use crate::layer::Layer;

/// A node's place in one graph. Ids do not survive rewrites, names do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) usize);

impl NodeId {
    /// Index into [`Graph::nodes`](super::Graph::nodes).
    pub fn index(self) -> usize {
        self.0
    }
}

/// A layer with its inputs, name and output shape.
#[derive(Debug, Clone)]
pub struct Node<B: Backend> {
    pub(crate) name: String,
    pub(crate) aliases: Vec<String>,
    pub(crate) layer: Layer<B>,
    pub(crate) inputs: Vec<NodeId>,
    pub(crate) dims: Vec<usize>,
}

impl<B: Backend> Node<B> {
    /// Unique, readable name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names of nodes that were merged into this one, such as the batch norm of a convolution.
    pub fn aliases(&self) -> &[String] {
        &self.aliases
    }

    /// What the node computes.
    pub fn layer(&self) -> &Layer<B> {
        &self.layer
    }

    /// The nodes whose outputs it reads.
    pub fn inputs(&self) -> &[NodeId] {
        &self.inputs
    }

    /// Output sizes for the inputs the graph was built with.
    pub fn dims(&self) -> &[usize] {
        &self.dims
    }
}
