//! What can go wrong while recording.

use thiserror::Error;
use xai_core::error::GraphError;
use xai_core::model::InputKind;

/// A model that could not be recorded.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// The model's forward function panicked.
    #[error("the model's forward function panicked on {inputs}; check that it takes such inputs: {message}")]
    Panicked {
        /// Element types and shapes of the inputs.
        inputs: String,
        /// Text of the panic.
        message: String,
    },
    /// The model's forward function returned an error.
    #[error("the model's forward function returned an error on {inputs}: {message}")]
    Failed {
        /// Element types and shapes of the inputs.
        inputs: String,
        /// Text of the error.
        message: String,
    },
    /// An output that is no float tensor.
    #[error("output {output} of the model is {kind}; only float outputs can be explained")]
    OutputKind {
        /// Place of the output, counted from 0.
        output: usize,
        /// Its element type.
        kind: InputKind,
    },
    /// The output was not computed from the input.
    #[error(
        "the model's output does not depend on its input; data that a model reads out and feeds back \
         (`into_data`, `int`, quantized tensors) is a constant for the recording: compute the output \
         with float tensor operations"
    )]
    Disconnected,
    /// The output is the input.
    #[error("the model returns its input as it is, so there is nothing to explain")]
    Identity,
    /// A tensor of another recording.
    #[error(
        "the output depends on a tensor that was kept from an earlier recording; a forward function \
         must not keep tensors between calls, detach them with `Tensor::inner` and `Tensor::from_inner`"
    )]
    ForeignInput,
    /// The recorded layers do not form a graph.
    #[error("the recording does not form a graph: {0}")]
    Graph(#[from] GraphError),
}
