//! Rewrites: the only way to change a graph.

use burn_backend::Backend;

use super::{Graph, Node, NodeId};
use crate::error::GraphError;
use crate::layer::Layer;

/// A value inside a patch: the output of an existing node, or of a node that the patch adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    source: Source,
    dims: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Existing(NodeId),
    Added(usize),
}

/// A rewrite of a graph: new nodes, fed by [taps](Self::tap) of existing values, to which the
/// readers of old values are [shunted](Self::shunt).
///
/// ```
/// # use burn_flex::Flex;
/// # use xai_core::graph::{Graph, GraphBuilder, GraphPatch};
/// # use xai_core::layer::Activation;
/// # let mut builder = GraphBuilder::<Flex>::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let a = builder.push("a", Activation::Relu, &[x])?;
/// # let b = builder.push("b", Activation::Relu, &[a])?;
/// # let graph = builder.finish(b)?;
/// // `relu(relu(x))` is `relu(x)`.
/// let mut patch = GraphPatch::new("a second ReLU changes nothing");
/// let once = patch.tap(&graph, graph.find("a")?)?;
/// patch.shunt(&graph, graph.find("b")?, &once)?;
/// let graph = graph.apply(patch)?;
/// assert_eq!(graph.nodes().len(), 2);
/// # Ok::<(), xai_core::error::GraphError>(())
/// ```
#[derive(Debug)]
pub struct GraphPatch<B: Backend> {
    reason: String,
    added: Vec<Added<B>>,
    shunts: Vec<(NodeId, Source)>,
}

#[derive(Debug)]
struct Added<B: Backend> {
    name: String,
    layer: Layer<B>,
    inputs: Vec<Source>,
    dims: Vec<usize>,
}

impl<B: Backend> GraphPatch<B> {
    /// An empty patch; `reason` says in words what it does.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), added: Vec::new(), shunts: Vec::new() }
    }

    /// What the patch does, in words.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The output of an existing node.
    ///
    /// # Errors
    /// [`GraphError::UnknownNode`] for an id of another graph.
    pub fn tap(&mut self, graph: &Graph<B>, node: NodeId) -> Result<Wire, GraphError> {
        Ok(Wire { source: Source::Existing(node), dims: graph.node(node)?.dims.clone() })
    }

    /// Adds a node. Its name may be that of a node that the patch makes superfluous.
    ///
    /// # Errors
    /// [`GraphError::Layer`] when the layer cannot take the inputs.
    pub fn wire(
        &mut self,
        name: impl Into<String>,
        layer: impl Into<Layer<B>>,
        inputs: &[Wire],
    ) -> Result<Wire, GraphError> {
        let (name, layer) = (name.into(), layer.into());
        let input_dims: Vec<_> = inputs.iter().map(|wire| wire.dims.as_slice()).collect();
        let dims = match layer.output_dims(&input_dims) {
            Ok(dims) => dims,
            Err(source) => return Err(GraphError::Layer { node: name, source }),
        };
        let inputs = inputs.iter().map(|wire| wire.source).collect();
        self.added.push(Added { name, layer, inputs, dims: dims.clone() });
        Ok(Wire { source: Source::Added(self.added.len() - 1), dims })
    }

    /// Lets all readers of `old` read `new` instead. The node that now gives the value is also
    /// found under the old name.
    ///
    /// # Errors
    /// [`GraphError::ShuntShape`] when the shapes differ.
    pub fn shunt(&mut self, graph: &Graph<B>, old: NodeId, new: &Wire) -> Result<(), GraphError> {
        let node = graph.node(old)?;
        if node.dims != new.dims {
            return Err(GraphError::ShuntShape {
                node: node.name.clone(),
                old: node.dims.clone(),
                new: new.dims.clone(),
            });
        }
        self.shunts.push((old, new.source));
        Ok(())
    }
}

impl<B: Backend> Graph<B> {
    /// The graph after a rewrite; nodes that no longer lead to the output are gone.
    ///
    /// # Errors
    /// [`GraphError`] when the result has a cycle, a doubled name or an unfit shape.
    pub fn apply(&self, patch: GraphPatch<B>) -> Result<Self, GraphError> {
        let offset = self.nodes.len();
        let place = |source: Source| match source {
            Source::Existing(id) => id,
            Source::Added(index) => NodeId(offset + index),
        };
        let mut nodes = self.nodes.clone();
        for (old, _) in &patch.shunts {
            self.node(*old)?;
        }
        // Readers are redirected before the patch's own nodes come in: those keep their taps.
        let redirect = |id: NodeId| {
            let shunt = patch.shunts.iter().rev().find(|(old, _)| *old == id);
            shunt.map_or(id, |(_, new)| place(*new))
        };
        for node in &mut nodes {
            for input in &mut node.inputs {
                *input = redirect(*input);
            }
        }
        for added in patch.added {
            let inputs = added.inputs.into_iter().map(place).collect();
            // A node that takes the place of another one of its name takes over its aliases.
            let namesake = self.nodes.iter().find(|node| node.name == added.name);
            nodes.push(Node {
                aliases: namesake.map_or_else(Vec::new, |node| node.aliases.clone()),
                name: added.name,
                layer: added.layer,
                inputs,
                dims: added.dims,
            });
        }
        // Ids and wires of other graphs and patches point nowhere.
        let ids = nodes.iter().flat_map(|node| &node.inputs).copied().chain([redirect(self.output)]);
        if let Some(id) = ids.max().filter(|id| id.0 >= nodes.len()) {
            return Err(GraphError::UnknownNode { id: id.0, nodes: nodes.len() });
        }
        for &(old, new) in &patch.shunts {
            let aliases = [vec![self.nodes[old.0].name.clone()], self.nodes[old.0].aliases.clone()].concat();
            let Some(heir) = nodes.get_mut(place(new).0) else { continue };
            for alias in aliases {
                if alias != heir.name && !heir.aliases.contains(&alias) {
                    heir.aliases.push(alias);
                }
            }
        }
        Self::assemble(nodes, self.inputs.clone(), redirect(self.output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphBuilder;
    use crate::layer::{Activation, Add};
    use burn_flex::Flex;

    fn chain() -> Graph<Flex> {
        let mut builder = GraphBuilder::new();
        let x = builder.input("x", &[2, 3]).unwrap();
        let a = builder.push("a", Activation::Relu, &[x]).unwrap();
        let b = builder.push("b", Activation::Relu, &[a]).unwrap();
        builder.finish(b).unwrap()
    }

    #[test]
    fn a_shunt_into_its_own_past_is_a_cycle() {
        let graph = chain();
        let mut patch = GraphPatch::new("feed `a` from `b`");
        let b = patch.tap(&graph, graph.find("b").unwrap()).unwrap();
        let x = patch.tap(&graph, graph.find("x").unwrap()).unwrap();
        let sum = patch.wire("sum", Add, &[x, b]).unwrap();
        patch.shunt(&graph, graph.find("a").unwrap(), &sum).unwrap();
        let error = graph.apply(patch).unwrap_err();
        assert!(
            matches!(&error, GraphError::Cycle { nodes } if nodes.contains("sum") && nodes.contains('b')),
            "{error}"
        );
    }

    #[test]
    fn a_shunt_to_another_shape_is_refused() {
        let graph = chain();
        let mut patch = GraphPatch::new("flatten");
        let a = patch.tap(&graph, graph.find("a").unwrap()).unwrap();
        let flat = patch.wire("flat", crate::layer::Reshape::new([6]), &[a]).unwrap();
        let error = patch.shunt(&graph, graph.find("b").unwrap(), &flat).unwrap_err();
        assert!(matches!(error, GraphError::ShuntShape { .. }));
    }

    #[test]
    fn a_replaced_node_is_found_under_its_old_name() {
        let graph = chain();
        let mut patch = GraphPatch::new("a second ReLU changes nothing");
        let a = patch.tap(&graph, graph.find("a").unwrap()).unwrap();
        patch.shunt(&graph, graph.find("b").unwrap(), &a).unwrap();
        let rewritten = graph.apply(patch).unwrap();
        assert_eq!(rewritten.find("b").unwrap(), rewritten.find("a").unwrap());
        assert_eq!(rewritten.output(), rewritten.find("a").unwrap());
    }

    #[test]
    fn a_node_that_is_replaced_twice_keeps_all_its_names() {
        let mut graph = chain();
        for old in ["a", "b"] {
            // `only` stands for everything up to `old`.
            let mut patch = GraphPatch::new("replace");
            let x = patch.tap(&graph, graph.find("x").unwrap()).unwrap();
            let only = patch.wire("only", Activation::Relu, &[x]).unwrap();
            patch.shunt(&graph, graph.find(old).unwrap(), &only).unwrap();
            graph = graph.apply(patch).unwrap();
        }
        assert_eq!(graph.nodes().len(), 2);
        assert_eq!(graph.find("a").unwrap(), graph.find("only").unwrap());
        assert_eq!(graph.find("b").unwrap(), graph.find("only").unwrap());
    }

    #[test]
    fn a_name_in_use_is_refused() {
        let graph = chain();
        let mut patch = GraphPatch::new("second `a`");
        let b = patch.tap(&graph, graph.find("b").unwrap()).unwrap();
        let again = patch.wire("a", Activation::Relu, &[b]).unwrap();
        patch.shunt(&graph, graph.find("b").unwrap(), &again).unwrap();
        assert_eq!(graph.apply(patch).unwrap_err(), GraphError::DuplicateName { name: "a".into() });
    }
}
