//! Operations that were recorded but have no layer.

use burn_backend::Backend;

use super::{LayerKind, LayerOps, Reads, Site};
use crate::Value;
use crate::error::LayerError;

/// An operation on the path from input to output that no layer stands for. It keeps its place and
/// its name in the graph, so that planning can say exactly what is missing and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barrier {
    op: String,
    dims: Vec<usize>,
}

impl Barrier {
    /// A barrier for the operation `op`, whose recorded output had the sizes `dims`.
    pub fn new(op: impl Into<String>, dims: Vec<usize>) -> Self {
        Self { op: op.into(), dims }
    }

    /// The operation's name.
    pub fn op(&self) -> &str {
        &self.op
    }

    fn error(&self) -> LayerError {
        LayerError::Barrier { op: self.op.clone() }
    }
}

impl<B: Backend> LayerOps<B> for Barrier {
    fn kind(&self) -> LayerKind {
        LayerKind::Barrier
    }

    fn output_dims(&self, _: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        Ok(self.dims.clone())
    }

    fn forward(&self, _: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Err(self.error())
    }

    fn vjp_reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn vjp(&self, _: &Site<'_, B>, _: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Err(self.error())
    }
}
