//! Methods whose parameters cannot be used.

use thiserror::Error;

/// A method with parameters that cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum AttributorError {
    /// A parameter out of range.
    #[error("the parameter `{parameter}` is {value}, but must be {range}")]
    Parameter {
        /// Name of the parameter.
        parameter: &'static str,
        /// Value given.
        value: f64,
        /// Allowed values.
        range: &'static str,
    },
    /// A baseline that does not fit its input.
    #[error(
        "the baseline is {got}, but the input is {input}; \
         it needs the input's element type, device and sizes, or sizes of 1 where it does not vary"
    )]
    Baseline {
        /// Element type, shape and device given.
        got: String,
        /// Those of the input.
        input: String,
    },
    /// NaN or infinite elements in a baseline.
    #[error("the baseline holds {value}, but must be finite")]
    BaselineNotFinite {
        /// The offending value.
        value: f64,
    },
    /// Noise of another shape, element type or device than the input.
    #[error("the noise is {got}, but must be {expected}")]
    Noise {
        /// What was given.
        got: String,
        /// What is needed.
        expected: String,
    },
    /// Sizes for another number of dimensions than the input has.
    #[error(
        "`{parameter}` has {got} sizes, but the input {input:?} has {} dimensions beside the batch",
        input.len() - 1
    )]
    Sizes {
        /// Name of the parameter.
        parameter: &'static str,
        /// Sizes given.
        got: usize,
        /// Shape of the input.
        input: Vec<usize>,
    },
    /// A window or stride that is 0 or too large.
    #[error(
        "`{parameter}` is {got} along dimension {dim} of the input {input:?}, but must be from 1 to {largest}"
    )]
    Size {
        /// Name of the parameter.
        parameter: &'static str,
        /// Size given.
        got: usize,
        /// The dimension.
        dim: usize,
        /// The largest size allowed there.
        largest: usize,
        /// Shape of the input.
        input: Vec<usize>,
    },
    /// A condition on a channel that the node does not have.
    #[error("the node `{node}` has no channel {channel}: it has {channels}, counted from 0")]
    Channel {
        /// Name of the node.
        node: String,
        /// The channel.
        channel: usize,
        /// How many there are.
        channels: usize,
    },
    /// A node without channels.
    #[error(
        "the node `{node}` gives {dims:?}; conditions and rankings need a node with channels, [batch, channels, ..], \
         that is no input of the model"
    )]
    ConditionNode {
        /// Name of the node.
        node: String,
        /// Shape of its output.
        dims: Vec<usize>,
    },
    /// A background set that does not fit an input.
    #[error(
        "the background is {got}, but the input is {input}; it needs samples [samples, ..] of the input's sizes after \
         the batch, element type and device"
    )]
    Background {
        /// Element type, shape and device given.
        got: String,
        /// Those of the input.
        input: String,
    },
    /// A target that a method cannot serve.
    #[error(
        "{method} explains sums of outputs, and the target transforms them first; do it in the forward function, and \
         take its output as the target"
    )]
    NotASum {
        /// Name of the method.
        method: &'static str,
    },
    /// A model without a node for a class activation map.
    #[error(
        "no node before the output is a map [batch, channels, ..] of an image, a series or a volume with more than \
         one place, behind a convolution, a pool or a batch norm; a class activation map needs one: name it by \
         `Cam::with_node`"
    )]
    NoPlaces,
    /// A node of another form than the input.
    #[error(
        "the node `{node}` gives {dims:?}, and no input has as many dimensions and the same batch; a class \
         activation map needs a node [batch, channels, ..] with the dimensions of an input"
    )]
    NodePlaces {
        /// Name of the node.
        node: String,
        /// Shape of its output.
        dims: Vec<usize>,
    },
    /// Relevance to be evaluated that has another shape than the input.
    #[error("the relevance is {got:?}, but the input is {input:?}")]
    Relevance {
        /// Shape given.
        got: Vec<usize>,
        /// Shape of the input.
        input: Vec<usize>,
    },
    /// NaN or infinite elements in relevance to be evaluated.
    #[error("the relevance holds {value}, but must be finite")]
    RelevanceNotFinite {
        /// The offending value.
        value: f64,
    },
    /// Settings or relevance for another number of inputs than are explained.
    #[error("`{parameter}` has {got} entries, but {explained} input(s) are explained; give one for each")]
    PerInput {
        /// Name of the parameter.
        parameter: &'static str,
        /// Entries given.
        got: usize,
        /// Explained inputs of the model.
        explained: usize,
    },
    /// Explained inputs of different batch sizes, or a model that does not give every sample a score.
    #[error(
        "the explained inputs {inputs:?} and the {scores} score(s) of the output must all have the same batch; \
         pass what all samples share as `Input::fixed`"
    )]
    Batch {
        /// Shapes of the explained inputs.
        inputs: Vec<Vec<usize>>,
        /// Scores that the output has.
        scores: usize,
    },
    /// A metric of images, but inputs that are none.
    #[error(
        "`{metric}` needs one explained input [batch, channels, height, width], but they are {inputs:?}; \
         pass others as `Input::fixed`"
    )]
    NotAnImage {
        /// Name of the metric.
        metric: &'static str,
        /// Shapes of the explained inputs.
        inputs: Vec<Vec<usize>>,
    },
    /// A mask that does not fit the relevance.
    #[error(
        "the mask is {mask:?}, but the relevance is {relevance:?}; it needs as many dimensions, with the \
         relevance's sizes, or sizes of 1 where it does not vary"
    )]
    Mask {
        /// Shape of the mask.
        mask: Vec<usize>,
        /// Shape of the relevance.
        relevance: Vec<usize>,
    },
    /// A mask that nothing lies in.
    #[error("the mask of sample {sample} is empty; leave the sample out, for nothing is to be found there")]
    EmptyMask {
        /// The sample.
        sample: usize,
    },
    /// Inputs near the explained ones that have other shapes.
    #[error(
        "the inputs nearby have the shapes {got:?}, but the explained ones {inputs:?}; give changed copies of these"
    )]
    NearInputs {
        /// Shapes given.
        got: Vec<Vec<usize>>,
        /// Those of the explained inputs.
        inputs: Vec<Vec<usize>>,
    },
    /// Two attributions that cannot be compared element by element.
    #[error("the relevance to compare has the shapes {got:?}, but the reference has {reference:?}")]
    OtherRelevance {
        /// Shapes given.
        got: Vec<Vec<usize>>,
        /// Shapes of the reference.
        reference: Vec<Vec<usize>>,
    },
    /// A metric that gave another number of values than there are samples.
    #[error("the metric `{metric}` gave {got} value(s) for {samples} sample(s); it must give one for each")]
    MetricValues {
        /// Name of the metric.
        metric: String,
        /// Values that it gave.
        got: usize,
        /// Samples of the batch.
        samples: usize,
    },
    /// Labels of regions that do not fit their input.
    #[error(
        "the labels of the regions are {got:?}, but the input is {input:?}; \
         they need its sizes, or sizes of 1 where they do not vary"
    )]
    Regions {
        /// Shape of the labels.
        got: Vec<usize>,
        /// Shape of the input.
        input: Vec<usize>,
    },
    /// A label that no number of regions explains.
    #[error(
        "sample {sample} of the regions has the label {label}, but its {labels} labels must be 0 to n - 1, \
         each there at least once"
    )]
    RegionLabel {
        /// The label.
        label: i64,
        /// The sample, counted from 0; 0 if all share their labels.
        sample: usize,
        /// How many labels a sample has.
        labels: usize,
    },
    /// A label without elements, below another one.
    #[error(
        "sample {sample} of the regions has labels up to {largest}, but none is {label}; number them anew"
    )]
    RegionEmpty {
        /// The label that is not there.
        label: usize,
        /// The sample, counted from 0; 0 if all share their labels.
        sample: usize,
        /// The largest label.
        largest: usize,
    },
    /// More regions than a fit can take.
    #[error(
        "sample {sample} has {regions} regions, but this method takes at most {largest}; \
         make larger ones with `with_regions`"
    )]
    TooManyRegions {
        /// Regions of all explained inputs.
        regions: usize,
        /// The sample, counted from 0.
        sample: usize,
        /// The most that are allowed.
        largest: usize,
    },
    /// Fewer samples than a fit needs.
    #[error("`samples` is {samples}, but the {regions} regions of sample {sample} need {least} or more")]
    TooFewSamples {
        /// Samples asked for.
        samples: usize,
        /// Regions of all explained inputs.
        regions: usize,
        /// The sample of the batch, counted from 0.
        sample: usize,
        /// The least that may do.
        least: usize,
    },
    /// Samples that do not tell the regions apart.
    #[error(
        "{samples} samples do not settle the relevance of the {regions} regions of sample {sample}; \
         take more samples, or larger regions"
    )]
    Undetermined {
        /// Samples tried.
        samples: usize,
        /// Regions of all explained inputs.
        regions: usize,
        /// The sample of the batch, counted from 0.
        sample: usize,
    },
}
