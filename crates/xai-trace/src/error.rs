//! What can go wrong while recording.

use thiserror::Error;
use xai_core::error::GraphError;

/// A model that could not be recorded.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum TraceError {
    /// A wrong number of inputs.
    #[error("the recorded model takes one input, but got {got}")]
    InputCount {
        /// Inputs given.
        got: usize,
    },
    /// An input of another rank than the model takes.
    #[error("the model takes an input of {expected} dimensions, but the input is {dims:?}; reshape it")]
    InputRank {
        /// Dimensions that the model takes.
        expected: usize,
        /// Shape of the input.
        dims: Vec<usize>,
    },
    /// An input without elements.
    #[error(
        "the input is {dims:?}: a dimension is 0, so there is nothing to record; pass at least one sample"
    )]
    EmptyInput {
        /// Shape of the input.
        dims: Vec<usize>,
    },
    /// An element type that explanations are not computed in.
    #[error("the input has the element type {dtype}, but F32 or F64 is needed; cast it first")]
    DType {
        /// Element type of the input.
        dtype: String,
    },
    /// The model's forward function panicked.
    #[error(
        "the model's forward function panicked on an input of the shape {dims:?} and the element type \
         {dtype}; check that the model takes such inputs: {message}"
    )]
    Panicked {
        /// Shape of the input.
        dims: Vec<usize>,
        /// Element type of the input.
        dtype: String,
        /// Text of the panic.
        message: String,
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
