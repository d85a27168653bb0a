//! What can go wrong while recording.

use thiserror::Error;
use xai_core::error::ExplainError;
use xai_core::model::InputKind;

/// A model that could not be run or recorded. Methods return it as an [`ExplainError::Source`].
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The model's forward function panicked.
    #[error(
        "the model's forward function panicked on {inputs}; check that the model takes such inputs: {message}"
    )]
    Panicked {
        /// Shapes and element types of the inputs.
        inputs: String,
        /// Text of the panic, and where it happened.
        message: String,
    },
    /// The model's forward function returned an error.
    #[error("the model's forward function returned an error on {inputs}: {message}")]
    Failed {
        /// Shapes and element types of the inputs.
        inputs: String,
        /// Text of the error.
        message: String,
    },
    /// An output without float elements.
    #[error("output {output} of the model is {kind}; only float outputs can be explained")]
    OutputKind {
        /// Place of the output, counted from 0.
        output: usize,
        /// Type of its elements.
        kind: InputKind,
    },
    /// The output was not computed from a float input.
    #[error(
        "the model's output does not depend on any float input; data that a model reads out and feeds back \
         (`into_data`, `int`, quantized tensors) is a constant for the recording: compute the output \
         with float tensor operations"
    )]
    Disconnected,
    /// The layers give another output than the function did.
    #[error(
        "the model's output holds {recorded:e}, but its layers give {replayed:e} there: an operation of the \
         backend overflows or loses digits on these inputs (Burn's softplus does from about 90 on in f32); \
         use smaller inputs, f64, or another backend"
    )]
    OutputDiffers {
        /// What the function computed.
        recorded: f64,
        /// What the recorded layers compute.
        replayed: f64,
    },
    /// A path below which no float parameter lies.
    #[error("no float parameter lies in `{path}`; these modules have some: {}", owners.join(", "))]
    NoParameters {
        /// The path.
        path: String,
        /// Paths of the modules that own parameters.
        owners: Vec<String>,
    },
    /// The output is an input.
    #[error("the model returns an input as it is, so there is nothing to explain")]
    Identity,
    /// A tensor of another recording.
    #[error(
        "the output depends on a tensor that was kept from an earlier recording; a forward function \
         must not keep tensors between calls, detach them with `Tensor::inner` and `Tensor::from_inner`"
    )]
    ForeignInput,
}

impl From<TraceError> for ExplainError {
    fn from(error: TraceError) -> Self {
        Self::Source(error.into())
    }
}
