//! Graphs built by hand, layer by layer.

use std::collections::HashSet;

use burn_backend::tensor::Device;
use burn_backend::{Backend, DType};

use super::{Graph, Node, NodeId};
use crate::error::{GraphError, LayerError};
use crate::layer::{Embedding, Layer};

/// Builds a graph layer by layer.
///
/// ```
/// # use burn_flex::Flex;
/// use burn::nn::LinearConfig;
/// use xai_core::graph::GraphBuilder;
/// use xai_core::layer::Activation;
///
/// # let device = Default::default();
/// let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// let mut graph = GraphBuilder::new();
/// let x = graph.input("x", &[1, 4])?;
/// let hidden = graph.push("dense", &dense, &[x])?;
/// let output = graph.push("relu", Activation::Relu, &[hidden])?;
/// let graph = graph.finish(output)?;
/// assert_eq!(graph.nodes().len(), 3);
/// # Ok::<(), xai_core::error::GraphError>(())
/// ```
#[derive(Debug)]
pub struct GraphBuilder<B: Backend> {
    nodes: Vec<Node<B>>,
    inputs: Vec<NodeId>,
    names: HashSet<String>,
    /// Element type and device of the parameters so far.
    parameters: Option<(DType, Device<B>)>,
}

impl<B: Backend> Default for GraphBuilder<B> {
    fn default() -> Self {
        Self { nodes: Vec::new(), inputs: Vec::new(), names: HashSet::new(), parameters: None }
    }
}

impl<B: Backend> GraphBuilder<B> {
    /// An empty graph.
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares a graph input of the sizes `dims`, the first of them the batch.
    ///
    /// # Errors
    /// [`GraphError`] for a name in use or sizes without a batch or with a 0.
    pub fn input(&mut self, name: impl Into<String>, dims: &[usize]) -> Result<NodeId, GraphError> {
        self.source(name.into(), Layer::Input, dims.to_vec())
    }

    /// Declares a graph input that token ids look up in a table; `dims` are the sizes of the ids, the first
    /// of them the batch. The model takes the ids.
    ///
    /// # Errors
    /// As [`input`](Self::input) and, for the table, [`push`](Self::push).
    pub fn lookup(
        &mut self,
        name: impl Into<String>,
        embedding: Embedding<B>,
        dims: &[usize],
    ) -> Result<NodeId, GraphError> {
        let features = embedding.weight().dims()[1];
        self.source(name.into(), embedding.into(), [dims, &[features]].concat())
    }

    fn source(&mut self, name: String, layer: Layer<B>, dims: Vec<usize>) -> Result<NodeId, GraphError> {
        if dims.is_empty() || dims.contains(&0) {
            return Err(GraphError::InputShape { name, dims });
        }
        self.check_parameters(&name, &layer)?;
        let id = self.add(Node { name, aliases: Vec::new(), layer, inputs: Vec::new(), dims })?;
        self.inputs.push(id);
        Ok(id)
    }

    /// Adds a layer that reads `inputs`: a [`Layer`], one of its members, or a reference to a Burn
    /// module.
    ///
    /// # Errors
    /// [`GraphError`] for a name in use, an unknown id, inputs that the layer cannot take, or parameters of
    /// another element type or device than those of the layers before.
    pub fn push(
        &mut self,
        name: impl Into<String>,
        layer: impl TryInto<Layer<B>, Error: Into<LayerError>>,
        inputs: &[NodeId],
    ) -> Result<NodeId, GraphError> {
        let name = name.into();
        let layer: Layer<B> = match layer.try_into() {
            Ok(layer) => layer,
            Err(error) => return Err(GraphError::Layer { node: name, source: error.into() }),
        };
        let mut input_dims = Vec::with_capacity(inputs.len());
        for id in inputs {
            let input = self.nodes.get(id.0);
            let input = input.ok_or(GraphError::UnknownNode { id: id.0, nodes: self.nodes.len() })?;
            input_dims.push(input.dims.as_slice());
        }
        let dims = match layer.output_dims(&input_dims) {
            Ok(dims) => dims,
            Err(source) => return Err(GraphError::Layer { node: name, source }),
        };
        self.check_parameters(&name, &layer)?;
        self.add(Node { name, aliases: Vec::new(), layer, inputs: inputs.to_vec(), dims })
    }

    fn check_parameters(&mut self, name: &str, layer: &Layer<B>) -> Result<(), GraphError> {
        for parameter in layer.ops().parameters() {
            let own = (parameter.dtype(), parameter.device());
            let expected = self.parameters.get_or_insert_with(|| own.clone());
            if *expected != own {
                let [got, expected] =
                    [&own, expected].map(|(dtype, device)| format!("{dtype:?} on {device:?}"));
                return Err(GraphError::Parameters { node: name.to_owned(), got, expected });
            }
        }
        Ok(())
    }

    /// Output sizes of a node added before; `None` for an id of another graph.
    pub fn dims(&self, node: NodeId) -> Option<&[usize]> {
        self.nodes.get(node.0).map(|node| node.dims.as_slice())
    }

    /// The graph that ends in `output`; nodes that do not lead there are left out.
    ///
    /// # Errors
    /// [`GraphError`] for an unknown id, or an output that depends on no input.
    pub fn finish(self, output: NodeId) -> Result<Graph<B>, GraphError> {
        if output.0 >= self.nodes.len() {
            return Err(GraphError::UnknownNode { id: output.0, nodes: self.nodes.len() });
        }
        Graph::assemble(self.nodes, self.inputs, output)
    }

    fn add(&mut self, node: Node<B>) -> Result<NodeId, GraphError> {
        if !self.names.insert(node.name.clone()) {
            return Err(GraphError::DuplicateName { name: node.name });
        }
        self.nodes.push(node);
        Ok(NodeId(self.nodes.len() - 1))
    }
}
