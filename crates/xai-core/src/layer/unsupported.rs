//! Operations that were recorded but have no layer.

use std::fmt::Debug;
use std::sync::Arc;

use burn_backend::Backend;

use super::{BackwardContext, LayerKind, LayerOps, Saved};
use crate::Value;
use crate::error::LayerError;

/// What a framework computes of an operation that has no layer.
pub trait Derivative<B: Backend>: Debug + Send + Sync {
    /// The operation's output.
    fn forward(&self, inputs: Vec<Value<B>>) -> Value<B>;

    /// For each input, the gradient of `sum(gradient * output)`.
    fn vjp(&self, inputs: Vec<Value<B>>, gradient: Value<B>) -> Vec<Value<B>>;
}

/// An operation on the path from input to output that no layer stands for. It keeps its place and
/// its name in the graph, so that planning can say exactly what is missing and where.
///
/// With the framework's own derivative it can be run, and gradients pass it; there is no rule for it.
#[derive(Debug, Clone)]
pub struct Unsupported<B: Backend> {
    operation: String,
    dims: Vec<usize>,
    derivative: Option<Arc<dyn Derivative<B>>>,
}

impl<B: Backend> Unsupported<B> {
    /// The operation of this name, whose recorded output had the sizes `dims`.
    pub fn new(operation: impl Into<String>, dims: Vec<usize>) -> Self {
        Self { operation: operation.into(), dims, derivative: None }
    }

    /// The same with what the framework computes of it.
    pub fn with_derivative(self, derivative: Arc<dyn Derivative<B>>) -> Self {
        Self { derivative: Some(derivative), ..self }
    }

    /// The operation's name.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Whether it can be run, and gradients pass it.
    pub fn has_derivative(&self) -> bool {
        self.derivative.is_some()
    }

    fn derivative(&self) -> Result<&dyn Derivative<B>, LayerError> {
        let error = || LayerError::UnsupportedOperation { operation: self.operation.clone() };
        self.derivative.as_deref().ok_or_else(error)
    }
}

impl<B: Backend> LayerOps<B> for Unsupported<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Unsupported
    }

    fn output_dims(&self, _: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        Ok(self.dims.clone())
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(self.derivative()?.forward(inputs))
    }

    fn vjp_saved(&self) -> Saved {
        if self.has_derivative() { Saved::INPUTS } else { Saved::NOTHING }
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let derivative = self.derivative()?;
        let inputs = (0..context.arity()).map(|place| context.input(place).cloned());
        Ok(derivative.vjp(inputs.collect::<Result<_, _>>()?, gradient))
    }
}
