//! What can go wrong with golden data.

use std::io;
use std::path::PathBuf;

use safetensors::SafeTensorError;
use thiserror::Error;
use xai_core::error::{ExplainError, GraphError};
use xai_trace::TraceError;

/// Golden data that cannot be read, or a case that cannot be run.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GoldenError {
    /// A file or folder that cannot be read.
    #[error("cannot read `{path}`: {source}; XAI_GOLDEN_DIR must name a folder with a manifest.json", path = .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A manifest that is not one.
    #[error("`{path}` is not a golden manifest: {source}", path = .path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A manifest of another format.
    #[error("`{path}` has the format {got}, but this reader knows format 1 only", path = .path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        got: u32,
    },
    /// A tensor file that is not one.
    #[error("case `{case}`: `{path}` is not a safetensors file: {source}", path = .path.display())]
    Safetensors {
        /// Name of the case that needs it.
        case: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: SafeTensorError,
    },
    /// A tensor that the file does not have.
    #[error("case `{case}`: `{file}` has no tensor `{key}`")]
    NoTensor {
        /// Name of the case.
        case: String,
        /// The file, relative to the golden folder.
        file: String,
        /// The tensor's key.
        key: String,
    },
    /// A tensor that is not stored as f32.
    #[error("case `{case}`: tensor `{key}` of `{file}` is {dtype}, but golden tensors are F32")]
    DType {
        /// Name of the case.
        case: String,
        /// The file, relative to the golden folder.
        file: String,
        /// The tensor's key.
        key: String,
        /// Its element type.
        dtype: String,
    },
    /// A tensor of another shape than the manifest says.
    #[error("case `{case}`: tensor `{key}` of `{file}` is {got:?}, but the manifest says {expected:?}")]
    Shape {
        /// Name of the case.
        case: String,
        /// The file, relative to the golden folder.
        file: String,
        /// The tensor's key.
        key: String,
        /// Shape in the file.
        got: Vec<usize>,
        /// Shape in the manifest.
        expected: Vec<usize>,
    },
    /// A case that nothing here can run.
    #[error("case `{case}` can neither be run nor is it listed as excluded: {what}")]
    Unsupported {
        /// Name of the case.
        case: String,
        /// What is missing.
        what: String,
    },
    /// A case that contradicts itself.
    #[error("case `{case}`: {what}")]
    Inconsistent {
        /// Name of the case.
        case: String,
        /// The contradiction.
        what: String,
    },
    /// The network of a case could not be built.
    #[error("case `{case}`: {source}")]
    Graph {
        /// Name of the case.
        case: String,
        /// Why.
        source: GraphError,
    },
    /// The explanation failed.
    #[error("case `{case}`: {source}")]
    Explain {
        /// Name of the case.
        case: String,
        /// Why.
        source: Box<ExplainError>,
    },
    /// Burn's layer could not be recorded.
    #[error("case `{case}`: {source}")]
    Record {
        /// Name of the case.
        case: String,
        /// Why.
        source: TraceError,
    },
}
