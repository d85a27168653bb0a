//! Explanations that cannot be computed.

use thiserror::Error;

use super::{AttributorError, CanonizeError, GraphError, InputError, LayerError, PlanError};

/// A target that does not fit the model's output.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Class targets need class scores.
    #[error(
        "a class target needs an output [batch, classes], but the output is {output:?}; choose an element with \
         `Target::index`, or the mean of a class over a part of a map with `with_mask`"
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
    /// An output without elements.
    #[error("the output is {output:?}, so there is nothing to explain")]
    EmptyOutput {
        /// Shape of the output.
        output: Vec<usize>,
    },
    /// A contrast, a mask or a softmax for a target that is no class.
    #[error(
        "only classes have a {setting}, and the target is none; explicit relevance can be negative where outputs \
         are to be held against others, and 0 where they are not to count"
    )]
    NotOfClasses {
        /// What was asked for.
        setting: &'static str,
    },
    /// An element that the output does not have.
    #[error(
        "the element {index:?} (sample {sample}) does not exist: the output is {output:?}, so give one place for \
         each of the {} dimensions after the batch",
        output.len() - 1
    )]
    Index {
        /// Its place in every dimension after the batch.
        index: Vec<usize>,
        /// First sample that asks for it.
        sample: usize,
        /// Shape of the output.
        output: Vec<usize>,
    },
    /// One element per sample, but another number of samples.
    #[error(
        "elements were given for {got} samples of a batch of {batch}; give them for each, or once for all"
    )]
    IndexCount {
        /// Samples given.
        got: usize,
        /// Samples in the batch.
        batch: usize,
    },
    /// A sample of which no element is explained.
    #[error("no element of sample {sample} is selected; give at least one")]
    NothingSelected {
        /// The sample.
        sample: usize,
    },
    /// A mask that does not fit the output.
    #[error(
        "the mask is {got}, but the output is {output}; a mask needs the sizes of a map [batch, classes, ..] \
         after the classes, 1 class, and the batch or 1"
    )]
    Mask {
        /// Element type, shape and device given.
        got: String,
        /// Those of the output.
        output: String,
    },
    /// A mask of which nothing is left, or that weights places with no proper number.
    #[error("the mask of sample {sample} must hold finite numbers from 0, and one above it")]
    MaskWeights {
        /// The sample.
        sample: usize,
    },
    /// An embedding that does not fit the output.
    #[error("the embedding is {got}, but the output is {output}; it needs the same sizes, or a batch of 1")]
    Embedding {
        /// Element type, shape and device given.
        got: String,
        /// Those of the output.
        output: String,
    },
    /// An embedding without a direction.
    #[error("the embedding has a length of {length}, so nothing is similar to it; check where it comes from")]
    EmbeddingLength {
        /// Its length.
        length: f64,
    },
    /// An output that is no logits.
    #[error("the target takes a softmax over dimension {dim}, which the output {output:?} does not have")]
    Logits {
        /// The dimension.
        dim: usize,
        /// Shape of the output.
        output: Vec<usize>,
    },
    /// A score function that gives something else than one number per sample.
    #[error(
        "the score function gives {got:?} for a batch of {batch}; it must give one number per sample, [batch]"
    )]
    Function {
        /// Shape of what it gives.
        got: Vec<usize>,
        /// Samples in the batch.
        batch: usize,
    },
    /// An output whose largest element is not the model's answer.
    #[error("the argmax of the output `{node}` is not the model's answer: {why}")]
    Argmax {
        /// Name of the output's node.
        node: String,
        /// Why not, and what to do.
        why: &'static str,
    },
    /// An output that the model does not have.
    #[error("output {output} does not exist: the model has {outputs} output(s), counted from 0")]
    NoSuchOutput {
        /// Place of the output asked for.
        output: usize,
        /// Number of outputs.
        outputs: usize,
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
    /// A method of another crate could not be used.
    #[error(transparent)]
    Method(Box<dyn std::error::Error + Send + Sync>),
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
    /// The method's parameters cannot be used.
    #[error(transparent)]
    Attributor(#[from] AttributorError),
    /// The model's output is not finite although the input is.
    #[error(
        "the model's output holds {value} for sample {sample}; check the model's parameters, and the baseline if \
         there is one"
    )]
    OutputNotFinite {
        /// Index of the sample.
        sample: usize,
        /// The offending value.
        value: f64,
    },
    /// Relevance that is not finite, although inputs and output are.
    #[error(
        "the rule `{rule}` made relevance of {value} at node `{node}`; its parameters may be too large or its \
         stabilizer too small for the element type"
    )]
    RelevanceNotFinite {
        /// Name of the first node, from the output, whose inputs got such relevance.
        node: String,
        /// Name of its rule.
        rule: String,
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
    /// Relevance or activations at a node that were not kept.
    #[error(
        "{what} at `{node}` was not kept; ask for it with `Lrp::with_relevance_at` or \
         `Lrp::with_activations_at` before explaining"
    )]
    NotKept {
        /// Relevance or activation.
        what: &'static str,
        /// Name of the node.
        node: String,
    },
    /// Relevance of an input that has none.
    #[error("input {input} of the model has no relevance: it is an int or bool input, or does not exist")]
    NoRelevance {
        /// Place of the input, counted from 0.
        input: usize,
    },
    /// The model took the batch, but not several copies of it in one run.
    #[error(
        "the model takes the batch of {batch}, but fails on {samples} samples in one run: {source}; if it \
         holds constants of the batch's size, set `with_largest_batch({batch})`"
    )]
    Stacked {
        /// Samples in the run.
        samples: usize,
        /// Samples in the batch.
        batch: usize,
        /// Why.
        source: Box<ExplainError>,
    },
    /// The backend failed.
    #[error("the backend failed: {0}")]
    Backend(String),
}

impl ExplainError {
    /// What this is for `copies` of a batch in one run, of which the model took one by itself.
    pub(crate) fn of_stack(self, batch: usize, copies: usize) -> Self {
        match self {
            error if copies == 1 => error,
            // Values that are not finite are so in a smaller run as well.
            Self::OutputNotFinite { sample, value } => {
                Self::OutputNotFinite { sample: sample % batch.max(1), value }
            }
            Self::RelevanceNotFinite { .. } => self,
            source => Self::Stacked { samples: batch * copies, batch, source: Box::new(source) },
        }
    }
}
