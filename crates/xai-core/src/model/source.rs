//! Where a model's graph comes from.

use burn_backend::tensor::Device;
use burn_backend::{Backend, DType};

use super::{InputKind, Inputs};
use crate::Value;
use crate::error::{ExplainError, TargetError};
use crate::graph::Graph;
use crate::layer::Layer;

/// What a model takes.
#[derive(Debug, Clone)]
pub struct Signature<B: Backend> {
    /// The inputs, in the order of the forward function.
    pub inputs: Vec<InputSignature>,
    /// Element type and device of the model's parameters; `None` for a model without any.
    pub parameters: Option<(DType, Device<B>)>,
}

/// What one input of a model must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputSignature {
    /// Its name, for messages.
    pub name: String,
    /// The type of its elements.
    pub kind: InputKind,
    /// Its number of dimensions.
    pub rank: usize,
}

/// Something that gives the graph of a model for inputs of some shape: a recorded model, or a graph
/// itself.
///
/// [`Model`](super::Model) checks inputs against the [`signature`](Self::signature) first.
pub trait GraphSource<B: Backend>: Send + Sync {
    /// What the model takes.
    fn signature(&self) -> Signature<B>;

    /// The graph that leads from the float inputs and the rows of token ids, in order, to the output `output` of the model,
    /// counted from 0.
    ///
    /// # Errors
    /// Whatever keeps the source from giving one; [`TargetError::NoSuchOutput`] for an output that
    /// the model does not have.
    fn graph(&self, inputs: &Inputs<B>, output: usize) -> Result<Graph<B>, ExplainError>;

    /// Makes sure, once for a graph that the source gave, that the graph computes what the source did when it made the
    /// graph. `run` holds the graph inputs and the output of a run of the graph, which serves as the proof if these
    /// are the inputs that the graph was made of.
    ///
    /// # Errors
    /// What the source says of a graph that computes something else.
    fn verify(&self, _run: Option<(&[Value<B>], &Value<B>)>) -> Result<(), ExplainError> {
        Ok(())
    }

    /// The output `output` by itself, without a graph: also of models with operations that have no
    /// layer.
    ///
    /// # Errors
    /// As [`graph`](Self::graph).
    fn output(&self, inputs: &Inputs<B>, output: usize) -> Result<Value<B>, ExplainError>;

    /// Whether the graph depends on the inputs' shapes, so that new shapes need a new graph.
    fn depends_on_shape(&self) -> bool {
        true
    }

    /// Whether graphs depend on the values of the int or bool input at this place, counted from 0 among all
    /// inputs. They do not if all that the model does with ids is to look them up in tables.
    fn depends_on_ids(&self, _place: usize) -> bool {
        true
    }

    /// Whether a graph that was given so far depends on the values of float inputs, so that every
    /// input needs a graph of its own.
    fn depends_on_values(&self) -> bool {
        false
    }
}

/// A graph built by hand serves every batch size as it is.
impl<B: Backend> GraphSource<B> for Graph<B> {
    fn signature(&self) -> Signature<B> {
        let inputs = self.inputs().iter().filter_map(|id| self.node(*id).ok());
        let signature = |node: &crate::graph::Node<B>| {
            let (kind, rank) = match node.layer() {
                Layer::Embedding(_) => (InputKind::Int, node.dims().len() - 1),
                _ => (InputKind::Float, node.dims().len()),
            };
            InputSignature { name: node.name().to_owned(), kind, rank }
        };
        let parameter = self.nodes().iter().find_map(|node| node.layer().ops().parameters().pop());
        Signature {
            inputs: inputs.map(signature).collect(),
            parameters: parameter.map(|value| (value.dtype(), value.device())),
        }
    }

    fn graph(&self, _: &Inputs<B>, output: usize) -> Result<Graph<B>, ExplainError> {
        match output {
            0 => Ok(self.clone()),
            _ => Err(TargetError::NoSuchOutput { output, outputs: 1 }.into()),
        }
    }

    fn output(&self, inputs: &Inputs<B>, output: usize) -> Result<Value<B>, ExplainError> {
        GraphSource::graph(self, inputs, output)?.forward(&inputs.floats())
    }

    fn depends_on_shape(&self) -> bool {
        false
    }
}
