//! Graphs that cannot be built, rewritten or run.

use thiserror::Error;

use super::LayerError;
use crate::model::InputKind;

/// A graph that cannot be built or rewritten.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum GraphError {
    /// A layer refused its inputs.
    #[error("node `{node}`: {source}")]
    Layer {
        /// Name of the node.
        node: String,
        /// Why.
        source: LayerError,
    },
    /// Parameters of more than one element type or device.
    #[error(
        "a parameter of node `{node}` is {got}, but those before it are {expected}; bring all to one element \
         type and device"
    )]
    Parameters {
        /// Name of the node.
        node: String,
        /// Element type and device of its parameter.
        got: String,
        /// Those of the parameters before.
        expected: String,
    },
    /// Two nodes of one name.
    #[error("the name `{name}` is used twice; node names must be unique")]
    DuplicateName {
        /// The name.
        name: String,
    },
    /// An id that the graph does not have. Ids are valid for the graph they came from only.
    #[error(
        "node id {id} does not exist in this graph of {nodes} nodes; ids do not survive a rewrite, names do"
    )]
    UnknownNode {
        /// The id.
        id: usize,
        /// Number of nodes.
        nodes: usize,
    },
    /// A name that the graph does not have.
    #[error("no node is named `{name}`; the nearest names are {nearest}")]
    UnknownName {
        /// The name.
        name: String,
        /// The names most like it.
        nearest: String,
    },
    /// Nodes that depend on themselves.
    #[error("the graph has a cycle through: {nodes}; a rewrite must not feed a node from its own output")]
    Cycle {
        /// The nodes on the cycle, comma separated.
        nodes: String,
    },
    /// A rewrite that would change the shape others rely on.
    #[error("`{node}` has the shape {old:?}, so it cannot be replaced by a value of the shape {new:?}")]
    ShuntShape {
        /// The node to be replaced.
        node: String,
        /// Its shape.
        old: Vec<usize>,
        /// Shape of the replacement.
        new: Vec<usize>,
    },
    /// The output does not depend on any input.
    #[error("the output does not depend on any graph input, so there is nothing to explain")]
    Disconnected,
    /// A graph input without a usable shape.
    #[error(
        "the graph input `{name}` has the shape {dims:?}; it needs a batch dimension and no dimension of size 0"
    )]
    InputShape {
        /// Name of the input.
        name: String,
        /// Its shape.
        dims: Vec<usize>,
    },
}

/// A canonizer that could not finish.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum CanonizeError {
    /// A rewrite that does not fit the graph.
    #[error("canonizer `{canonizer}`: {source}")]
    Rewrite {
        /// Name of the canonizer.
        canonizer: String,
        /// Why.
        source: GraphError,
    },
    /// Canonizers that undo each other.
    #[error("the canonizers did not converge after {rewrites} rewrites; the last was `{last}`")]
    NoFixpoint {
        /// Rewrites done.
        rewrites: usize,
        /// Reason of the last rewrite.
        last: String,
    },
}

/// Values that a graph cannot be run on.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum InputError {
    /// Wrong number of inputs.
    #[error("the graph has {expected} input(s), but got {got}")]
    Count {
        /// Inputs of the graph.
        expected: usize,
        /// Inputs given.
        got: usize,
    },
    /// An input of another element type than the model takes.
    #[error("input `{input}` is {got}, but the model takes {expected} there")]
    Kind {
        /// Name of the graph input.
        input: String,
        /// What was given.
        got: InputKind,
        /// What the model takes.
        expected: InputKind,
    },
    /// Inputs of which none is explained.
    #[error(
        "no input is explained: give at least one float input that is not fixed, or ids that the model looks \
         up in a table (`embedding`)"
    )]
    NothingExplained,
    /// A batch that a part of a model was not made for.
    #[error(
        "the part of the model after `{node}` was made with a batch of {own}, but has {batch} samples now; give a \
         multiple, or make the part anew with `Model::after`"
    )]
    PartBatch {
        /// Name of the node.
        node: String,
        /// Samples given.
        batch: usize,
        /// Samples that the part was made with.
        own: usize,
    },
    /// An id beyond the table that the model looks it up in.
    #[error(
        "input {input} (counted from 0) has the id {id}, but the table that it is looked up in has {ids} rows"
    )]
    NoSuchId {
        /// Place among the inputs of the model.
        input: usize,
        /// The id.
        id: i64,
        /// Rows of the table.
        ids: usize,
    },
    /// A batch of 0 samples, or another dimension of size 0.
    #[error(
        "input `{input}` has the shape {dims:?}: a dimension is 0, so there is nothing to explain; pass at least one sample"
    )]
    Empty {
        /// Name of the graph input.
        input: String,
        /// Its shape.
        dims: Vec<usize>,
    },
    /// A wrong number of dimensions.
    #[error("input `{input}` needs {expected} dimensions, but has the shape {dims:?}")]
    Rank {
        /// Name of the graph input.
        input: String,
        /// Dimensions needed.
        expected: usize,
        /// Shape given.
        dims: Vec<usize>,
    },
    /// An element type that explanations are not computed in.
    #[error("input `{input}` has the element type {dtype}, but {expected} is needed; cast it first")]
    DType {
        /// Name of the graph input.
        input: String,
        /// Element type given.
        dtype: String,
        /// What is needed.
        expected: String,
    },
    /// An input on another device than the model.
    #[error("input `{input}` is on the device {device}, but the model is on {expected}; move one of them")]
    Device {
        /// Name of the graph input.
        input: String,
        /// Device of the input.
        device: String,
        /// Device of the model's parameters.
        expected: String,
    },
    /// NaN or infinite elements.
    #[error(
        "input `{input}` holds {value} at index {index:?} (shape {dims:?}); relevance needs finite inputs"
    )]
    NotFinite {
        /// Name of the graph input.
        input: String,
        /// The offending value.
        value: f64,
        /// Where it is.
        index: Vec<usize>,
        /// Shape of the input.
        dims: Vec<usize>,
    },
}
