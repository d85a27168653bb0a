//! What can go wrong with golden data.

use std::path::PathBuf;
use std::{fmt, io};

use safetensors::SafeTensorError;
use thiserror::Error;
use xai_core::error::{ExplainError, GraphError, LayerError};
use xai_kmeans::KMeansError;
use xai_trace::TraceError;

/// Golden data that cannot be read, or a case that cannot be run. Reports put the case's name
/// before it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GoldenError {
    /// A file or folder that cannot be read, and why.
    #[error("cannot read `{path}`: {1}; XAI_GOLDEN_DIR must name a folder with a manifest.json", path = .0.display())]
    Read(PathBuf, io::Error),
    /// A file that is not a manifest, and why.
    #[error("`{path}` is not a golden manifest: {1}", path = .0.display())]
    Manifest(PathBuf, serde_json::Error),
    /// A manifest of another format.
    #[error("`{path}` has the format {1}, but this reader knows format 1 only", path = .0.display())]
    Format(PathBuf, u32),
    /// A file that is not one of tensors, and why.
    #[error("`{path}` is not a safetensors file: {1}", path = .0.display())]
    Safetensors(PathBuf, SafeTensorError),
    /// A tensor that is not there, is not stored as f32, or has another shape than the manifest says.
    #[error("tensor `{key}` of `{file}` {problem}")]
    Tensor {
        /// The file, relative to the golden folder.
        file: String,
        /// The tensor's key in the file.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A layer, rule or method that is not known here, or an argument of one that is missing,
    /// unknown or does not fit.
    #[error("{place}: `{argument}` {problem}")]
    Argument {
        /// The layer, rule or method.
        place: Place,
        /// The argument.
        argument: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A case that nothing here can run.
    #[error("it can neither be run nor is it listed as excluded: {0}")]
    Unsupported(String),
    /// A case that contradicts itself, or results that contradict each other.
    #[error("{0}")]
    Inconsistent(String),
    /// A layer that could not be built.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// A cluster head that could not be built.
    #[error(transparent)]
    Clusters(#[from] KMeansError),
    /// A network that could not be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// An explanation that failed.
    #[error(transparent)]
    Explain(Box<ExplainError>),
    /// Burn's layers could not be recorded.
    #[error(transparent)]
    Record(#[from] TraceError),
}

impl From<ExplainError> for GoldenError {
    fn from(error: ExplainError) -> Self {
        Self::Explain(Box::new(error))
    }
}

/// What an argument belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A layer.
    Layer {
        /// Name of the network; `None` where the case has only one.
        network: Option<String>,
        /// Name of the layer's node.
        node: String,
        /// PyTorch's name of the layer.
        op: String,
    },
    /// A rule.
    Rule(String),
    /// A method on a network.
    Method(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer { network: Some(network), node, op } => {
                write!(f, "node `{node}` of network `{network}`, a `{op}`")
            }
            Self::Layer { network: None, node, op } => write!(f, "node `{node}`, a `{op}`"),
            Self::Rule(name) => write!(f, "rule `{name}`"),
            Self::Method(name) => write!(f, "method `{name}`"),
        }
    }
}
