//! One error type per stage; every message says what was wrong, where, and what to do.

use std::convert::Infallible;

use burn_backend::Backend;
use thiserror::Error;

pub use crate::attributor::AttributorError;

use crate::Value;
use crate::kernel::ShapeError;
use crate::layer::LayerKind;

/// A layer that cannot be built, or cannot take its inputs.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Wrong number of inputs.
    #[error("the layer takes {expected}, but got {got}")]
    Arity {
        /// What the layer takes.
        expected: &'static str,
        /// Number of inputs given.
        got: usize,
    },
    /// A graph input where a layer is wanted.
    #[error("an input computes nothing; declare it with `GraphBuilder::input`")]
    NotALayer,
    /// Input sizes that the layer's geometry cannot take.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Summands of different shapes.
    #[error("the inputs must have one shape, but are {first:?} and {other:?}; expand the smaller one first")]
    UnequalShapes {
        /// Shape of the first input.
        first: Vec<usize>,
        /// The first shape that differs.
        other: Vec<usize>,
    },
    /// Wrong number of channels.
    #[error("the layer takes [batch, {expected}, ...], but the input is {input:?}")]
    Channels {
        /// Channels the layer was built for.
        expected: usize,
        /// Shape of the input.
        input: Vec<usize>,
    },
    /// A reshape that does not keep the number of elements.
    #[error(
        "cannot reshape {input:?} to {dims:?}: the number of elements differs or more than one size is -1"
    )]
    Reshape {
        /// Shape of the input.
        input: Vec<usize>,
        /// Requested sizes.
        dims: Vec<i64>,
    },
    /// A parameter of the wrong shape.
    #[error("the {name} must have the shape {expected}, but has {got:?}")]
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// Its shape in words.
        expected: &'static str,
        /// Shape given.
        got: Vec<usize>,
    },
    /// Settings that do not fit the shape of the input.
    #[error("`{layer}` with {setting} does not fit an input of the shape {input:?}")]
    Misfit {
        /// Name of the layer.
        layer: &'static str,
        /// Its settings, in words.
        setting: String,
        /// Shape of the input.
        input: Vec<usize>,
    },
    /// Matrices that cannot be multiplied.
    #[error(
        "a matrix product of {left:?} and {right:?} is not defined: it takes [..., n, k] and [..., k, m] of \
             equal rank, with leading dimensions that are equal or 1"
    )]
    Matrices {
        /// Shape of the left factor.
        left: Vec<usize>,
        /// Shape of the right factor.
        right: Vec<usize>,
    },
    /// A setting out of range.
    #[error("the setting `{parameter}` of `{layer}` is {value}, but must be {range}")]
    Setting {
        /// Name of the layer.
        layer: &'static str,
        /// Name of the setting.
        parameter: &'static str,
        /// Value given.
        value: f64,
        /// Allowed values.
        range: &'static str,
    },
    /// A module whose configuration no layer expresses.
    #[error("this configuration cannot be expressed: {what}")]
    Unsupported {
        /// What is not supported, and what to do instead.
        what: String,
    },
    /// Bounds of a box rule for inputs of other sizes.
    #[error(
        "the bound of the shape {bound:?} does not fit the input {input:?}; give bounds that vary over channels \
         only, or explain inputs of the size that they were made for"
    )]
    Bound {
        /// Sizes of the bound, without the batch.
        bound: Vec<usize>,
        /// Sizes of the input.
        input: Vec<usize>,
    },
    /// An operation that no layer stands for.
    #[error(
        "the operation `{op}` has no layer yet, so no rule can explain it; \
         leave it out of the explained part, or build the graph by hand with a layer of your own (`Layer::custom`)"
    )]
    Barrier {
        /// Name of the recorded operation.
        op: String,
    },
    /// A rule read a forward value that it had not declared.
    #[error("{what} was not kept; a rule must declare in `Reads` what it reads")]
    NotKept {
        /// Which value.
        what: &'static str,
    },
}

/// Conversions into a layer that cannot fail are taken where those that can are.
impl From<Infallible> for LayerError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl LayerError {
    pub(crate) fn parameter<B: Backend>(name: &'static str, expected: &'static str, got: &Value<B>) -> Self {
        Self::Parameter { name, expected, got: got.dims() }
    }
}

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
    #[error("no node is named `{name}`; the nodes are: {known}")]
    UnknownName {
        /// The name.
        name: String,
        /// All node names, comma separated.
        known: String,
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

/// A rule that cannot serve a layer, or has unusable parameters.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The layer lacks an ability.
    #[error("it needs {needs}, which a layer of kind `{kind}` is not")]
    Ability {
        /// What the rule needs.
        needs: &'static str,
        /// Kind of the layer.
        kind: LayerKind,
    },
    /// A parameter out of range.
    #[error("its parameter `{parameter}` is {value}, but must be {range}")]
    Parameter {
        /// Name of the parameter.
        parameter: &'static str,
        /// Value given.
        value: f64,
        /// Allowed values.
        range: &'static str,
    },
    /// A bound that does not fit the layer's input.
    #[error(
        "its bound `{bound}` has the shape {dims:?} with {values} values, which does not fit inputs of the shape \
         {input:?}; give one value per input (without the batch), and sizes of 1 where it does not vary"
    )]
    Bound {
        /// Which bound.
        bound: &'static str,
        /// Its sizes.
        dims: Vec<usize>,
        /// Its number of values.
        values: usize,
        /// Sizes of the layer's input, without the batch.
        input: Vec<usize>,
    },
    /// A rule that another one passes relevance on by.
    #[error("the rule `{rule}` within it cannot be used: {why}")]
    Within {
        /// Its name.
        rule: String,
        /// Why.
        why: String,
    },
    /// No rule of this name was registered.
    #[error("no custom rule is registered under this name; register it with `Explainer::with_rule`")]
    NotRegistered,
}

/// A composite that does not fit a graph. Found before anything runs.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A node that no entry matches.
    #[error(
        "node `{node}` (kind `{kind}`) is matched by no entry of composite `{composite}`; add an entry for it"
    )]
    Unmatched {
        /// Name of the node.
        node: String,
        /// Its kind.
        kind: LayerKind,
        /// Name of the composite.
        composite: String,
    },
    /// A rule that cannot serve the node it was matched to.
    #[error("node `{node}`: rule `{rule}` cannot be used: {source}")]
    Rule {
        /// Name of the node.
        node: String,
        /// Name of the rule.
        rule: String,
        /// Why.
        source: RuleError,
    },
    /// An operation that no layer stands for.
    #[error("node `{node}`: {source}")]
    Barrier {
        /// Name of the node.
        node: String,
        /// Which operation.
        source: LayerError,
    },
    /// A name pattern that cannot be used.
    #[error("the name pattern `{pattern}` matches no node; the nodes are: {known}")]
    NoSuchNode {
        /// The pattern.
        pattern: String,
        /// All node names, comma separated.
        known: String,
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
    #[error("the canonizers did not come to rest after {rewrites} rewrites; the last was `{last}`")]
    NoFixpoint {
        /// Rewrites done.
        rewrites: usize,
        /// Reason of the last rewrite.
        last: String,
    },
}

/// A target that does not fit the model's output.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Class targets need class scores.
    #[error(
        "a class target needs an output [batch, classes], but the output is {output:?}; pass explicit relevance instead"
    )]
    OutputRank {
        /// Shape of the output.
        output: Vec<usize>,
    },
    /// A class that the output does not have.
    #[error("class {class} (sample {sample}) does not exist: the output has {classes} classes, 0 to {}", classes - 1)]
    Class {
        /// The class.
        class: usize,
        /// First sample that asks for it.
        sample: usize,
        /// Number of classes.
        classes: usize,
    },
    /// One class per sample, but another number of samples.
    #[error("{got} classes were given for a batch of {batch}; give one per sample")]
    ClassCount {
        /// Classes given.
        got: usize,
        /// Samples in the batch.
        batch: usize,
    },
    /// A class held against itself.
    #[error("class {class} (sample {sample}) is held against itself; a contrast needs two classes")]
    SameClass {
        /// The class.
        class: usize,
        /// First sample for which both are the same.
        sample: usize,
    },
    /// A runner-up among one class.
    #[error("the output has only one class, so there is no runner-up to hold it against")]
    NoRunnerUp,
    /// A contrast of explicit relevance.
    #[error("explicit relevance has no contrast; give the outputs to hold against negative relevance")]
    ContrastOfRelevance,
    /// The largest of several distances is that of the cluster that a sample belongs to least.
    #[error(
        "the output `{node}` holds distances, whose argmax is the farthest cluster; rewrite them into \
         discriminants with the `KMeansCanonizer` of `xai-kmeans`, or name the class"
    )]
    Distances {
        /// Name of the output's node.
        node: String,
    },
    /// Explicit relevance with NaN or infinite elements.
    #[error("the relevance holds NaN or infinite elements; it must be finite")]
    NotFinite,
    /// Explicit relevance of another shape, element type or device than the output.
    #[error("the relevance is {got}, but the output is {output}")]
    Relevance {
        /// Element type, shape and device given.
        got: String,
        /// Those of the output.
        output: String,
    },
}

/// An explanation that could not be computed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// The model could not be turned into a graph.
    #[error("the model could not be recorded: {0}")]
    Source(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The graph could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The graph could not be canonized.
    #[error(transparent)]
    Canonize(#[from] CanonizeError),
    /// The composite does not fit the graph.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The inputs cannot be used.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A layer refused its inputs while running.
    #[error("node `{node}`: {source}")]
    Layer {
        /// Name of the node.
        node: String,
        /// Why.
        source: LayerError,
    },
    /// The target does not fit the output.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The attributor cannot be used.
    #[error(transparent)]
    Attributor(#[from] AttributorError),
    /// The model's output is not finite although the input is.
    #[error("the model's output holds {value} for sample {sample}; check the model's parameters")]
    OutputNotFinite {
        /// Index of the sample.
        sample: usize,
        /// The offending value.
        value: f64,
    },
    /// A rule returned another number or shape of relevances than the node has inputs.
    #[error(
        "node `{node}`: the rule returned relevance of the shapes {got:?}, but the inputs are {expected:?}"
    )]
    RuleShape {
        /// Name of the node.
        node: String,
        /// Shapes returned.
        got: Vec<Vec<usize>>,
        /// Shapes of the inputs.
        expected: Vec<Vec<usize>>,
    },
    /// The result was asked for with another rank than it has.
    #[error("`{what}` has the shape {dims:?}, so it is not a tensor of rank {asked}")]
    Rank {
        /// What was asked for.
        what: String,
        /// Its shape.
        dims: Vec<usize>,
        /// Rank asked for.
        asked: usize,
    },
    /// Relevance at a node that was not kept.
    #[error(
        "relevance at `{node}` was not kept; ask for it with `Explainer::keep_relevance_at` before explaining"
    )]
    NotKept {
        /// Name of the node.
        node: String,
    },
    /// The backend failed.
    #[error("the backend failed: {0}")]
    Backend(String),
}
