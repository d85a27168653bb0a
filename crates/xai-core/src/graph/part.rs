//! Parts of a graph: up to a node, and after it.

use burn_backend::Backend;

use super::{Graph, Node, NodeId};
use crate::error::GraphError;
use crate::layer::Layer;

impl<B: Backend> Graph<B> {
    /// The part of the graph that computes the output of `node`. It takes the inputs of the whole.
    ///
    /// # Errors
    /// [`GraphError::Disconnected`] for an input, which nothing leads to; [`GraphError::UnknownNode`].
    pub fn up_to(&self, node: NodeId) -> Result<Self, GraphError> {
        self.node(node)?;
        Self::assemble(self.nodes.clone(), self.inputs.clone(), node)
    }

    /// The part of the graph that follows `node`, whose output is its first input. Behind it come those inputs of
    /// the whole that reach the output on another way.
    ///
    /// # Errors
    /// [`GraphError::Disconnected`] for the output, which nothing follows; [`GraphError::UnknownNode`].
    pub fn after(&self, node: NodeId) -> Result<Self, GraphError> {
        let Node { name, aliases, dims, .. } = self.node(node)?.clone();
        let mut nodes = self.nodes.clone();
        nodes[node.0] = Node { name, aliases, layer: Layer::Input, inputs: Vec::new(), dims };
        let mut is_read = vec![false; nodes.len()];
        is_read[self.output.0] = true;
        for place in (0..nodes.len()).rev().filter(|place| *place != node.0) {
            if is_read[place] {
                nodes[place].inputs.iter().for_each(|input| is_read[input.0] = true);
            }
        }
        let others = self.inputs.iter().filter(|input| is_read[input.0] && **input != node);
        let inputs = [node].iter().chain(others).copied().collect();
        // Rows of token ids are given as such.
        let lookups = self.inputs.iter().map(|input| input.0);
        lookups.for_each(|input| nodes[input].layer = Layer::Input);
        Self::assemble(nodes, inputs, self.output)
    }
}
