//! Operations that were recorded but have no layer.

use burn_backend::Backend;

use super::{LayerKind, LayerOps};
use crate::Value;
use crate::error::LayerError;

/// An operation on the path from input to output that no layer stands for. It keeps its place and
/// its name in the graph, so that planning can say exactly what is missing and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    operation: String,
    dims: Vec<usize>,
}

impl Unsupported {
    /// The operation of this name, whose recorded output had the sizes `dims`.
    pub fn new(operation: impl Into<String>, dims: Vec<usize>) -> Self {
        Self { operation: operation.into(), dims }
    }

    /// The operation's name.
    pub fn operation(&self) -> &str {
        &self.operation
    }
}

impl<B: Backend> LayerOps<B> for Unsupported {
    fn kind(&self) -> LayerKind {
        LayerKind::Unsupported
    }

    fn output_dims(&self, _: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        Ok(self.dims.clone())
    }

    fn forward(&self, _: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Err(LayerError::UnsupportedOperation { operation: self.operation.clone() })
    }
}
