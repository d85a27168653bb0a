//! What a model is run on.

use burn::tensor::{Bool, Int, Tensor};
use burn_backend::tensor::{BoolTensor, Device, IntTensor};
use burn_backend::{Backend, ExecutionError, TensorData, TensorMetadata};

use crate::Value;
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::layer::Layer;

/// One input of a model: a float, int or bool tensor.
///
/// Tensors and [`Value`]s convert. A float input is explained, unless it is [`fixed`](Self::fixed).
#[derive(Debug, Clone)]
pub enum Input<B: Backend> {
    /// A float tensor that is explained.
    Float(Value<B>),
    /// A float tensor that a method leaves as it is: a state, a condition. Noise, baselines and
    /// windows do not touch it. Relevance that reaches it is counted like that of any other input.
    Fixed(Value<B>),
    /// An int tensor, such as token ids. Ids that the model looks up in a table are explained: the relevance
    /// of an id is the sum over its row. Of other int tensors there is no relevance.
    Int(IntTensor<B>),
    /// Token ids with the rows that they look up, one value `[.., features]` for each table: what
    /// [`Model::embed`](super::Model::embed) makes of an `Int`. Methods vary the rows.
    Tokens {
        /// The ids.
        ids: IntTensor<B>,
        /// Their rows, in the order in which the model looks them up.
        rows: Vec<Value<B>>,
    },
    /// A bool tensor, such as a mask. It has no relevance.
    Bool(BoolTensor<B>),
}

/// The type of an input's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputKind {
    /// Floats.
    Float,
    /// Integers.
    Int,
    /// Truth values.
    Bool,
}

impl std::fmt::Display for InputKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Float => "float",
            Self::Int => "int",
            Self::Bool => "bool",
        })
    }
}

impl<B: Backend> Input<B> {
    /// A float input that is given with every call and not varied by the method.
    pub fn fixed(value: impl Into<Value<B>>) -> Self {
        Self::Fixed(value.into())
    }

    /// The type of its elements.
    pub fn kind(&self) -> InputKind {
        match self {
            Self::Float(_) | Self::Fixed(_) => InputKind::Float,
            Self::Int(_) | Self::Tokens { .. } => InputKind::Int,
            Self::Bool(_) => InputKind::Bool,
        }
    }

    /// Sizes of all dimensions, the batch first.
    pub fn dims(&self) -> Vec<usize> {
        match self {
            Self::Float(value) | Self::Fixed(value) => value.dims(),
            Self::Int(ids) | Self::Tokens { ids, .. } => ids.shape().as_slice().to_vec(),
            Self::Bool(tensor) => tensor.shape().as_slice().to_vec(),
        }
    }

    /// Device that holds the tensor.
    pub fn device(&self) -> Device<B> {
        match self {
            Self::Float(value) | Self::Fixed(value) => value.device(),
            Self::Int(ids) | Self::Tokens { ids, .. } => B::int_device(ids),
            Self::Bool(tensor) => B::bool_device(tensor),
        }
    }

    /// The float tensor, explained or fixed, or the rows of token ids.
    pub fn floats(&self) -> &[Value<B>] {
        match self {
            Self::Float(value) | Self::Fixed(value) => std::slice::from_ref(value),
            Self::Tokens { rows, .. } => rows,
            Self::Int(_) | Self::Bool(_) => &[],
        }
    }

    /// The same, but nothing for a fixed one.
    pub fn explained(&self) -> &[Value<B>] {
        match self {
            Self::Fixed(_) => &[],
            other => other.floats(),
        }
    }

    /// The elements of an int or bool tensor on the host; `None` for floats.
    pub(crate) fn discrete(&self) -> Option<Result<TensorData, ExecutionError>> {
        match self {
            Self::Float(_) | Self::Fixed(_) => None,
            Self::Int(ids) | Self::Tokens { ids, .. } => {
                Some(burn_backend::read_sync(B::int_into_data(ids.clone())))
            }
            Self::Bool(tensor) => Some(burn_backend::read_sync(B::bool_into_data(tensor.clone()))),
        }
    }

    /// `copies` of the tensor one after the other along the batch.
    fn repeated(&self, copies: usize) -> Self {
        match self {
            Self::Float(value) => Self::Float(Value::cat(vec![value.clone(); copies], 0)),
            Self::Fixed(value) => Self::Fixed(Value::cat(vec![value.clone(); copies], 0)),
            Self::Int(ids) => Self::Int(B::int_repeat_dim(ids.clone(), 0, copies)),
            Self::Tokens { ids, rows } => {
                Self::Tokens { ids: B::int_repeat_dim(ids.clone(), 0, copies), rows: rows.clone() }
            }
            Self::Bool(tensor) => Self::Bool(B::bool_repeat_dim(tensor.clone(), 0, copies)),
        }
    }
}

impl<B: Backend> From<Value<B>> for Input<B> {
    fn from(value: Value<B>) -> Self {
        Self::Float(value)
    }
}

impl<B: Backend, const D: usize> From<Tensor<B, D>> for Input<B> {
    fn from(tensor: Tensor<B, D>) -> Self {
        Self::Float(Value::from(tensor).laid_out())
    }
}

impl<B: Backend, const D: usize> From<Tensor<B, D, Int>> for Input<B> {
    fn from(tensor: Tensor<B, D, Int>) -> Self {
        Self::Int(tensor.into_primitive())
    }
}

impl<B: Backend, const D: usize> From<Tensor<B, D, Bool>> for Input<B> {
    fn from(tensor: Tensor<B, D, Bool>) -> Self {
        Self::Bool(tensor.into_primitive())
    }
}

/// All inputs of a model, in the order in which its forward function takes them.
///
/// A tensor, a tuple of up to four, or a list of [`Input`]s or [`Value`]s converts:
/// `attribute(x, 3)`, `attribute((ids, mask, state), 3)`.
#[derive(Debug, Clone)]
pub struct Inputs<B: Backend>(Vec<Input<B>>);

impl<B: Backend> Inputs<B> {
    /// Number of inputs.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The inputs, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Input<B>> {
        self.0.iter()
    }

    /// All float tensors in order, explained and fixed, and the rows of token ids: the inputs of the model's
    /// graph.
    pub fn floats(&self) -> Vec<Value<B>> {
        self.0.iter().flat_map(Input::floats).cloned().collect()
    }

    /// The explained values with the places of their inputs.
    pub(crate) fn explained(&self) -> impl Iterator<Item = (usize, &Value<B>)> {
        let inputs = self.0.iter().enumerate();
        inputs.flat_map(|(place, input)| input.explained().iter().map(move |value| (place, value)))
    }

    /// The explained values, and for each whether it has rows of token ids.
    pub(crate) fn explained_values(&self) -> Vec<(bool, &Value<B>)> {
        self.explained().map(|(place, x)| (matches!(self.0[place], Input::Tokens { .. }), x)).collect()
    }

    /// The same with the rows that the ids look up in the tables of `graph`.
    pub(crate) fn embedded(&self, graph: &Graph<B>) -> Result<Self, ExplainError> {
        let tables = || {
            graph.inputs().iter().filter_map(|id| match graph.nodes()[id.index()].layer() {
                Layer::Embedding(embedding) => Some(embedding),
                _ => None,
            })
        };
        let embedded = |(place, input): (usize, &Input<B>)| match input {
            Input::Int(ids) => {
                let rows = tables().filter(|table| table.input() == place).map(|table| table.rows(ids));
                let rows = rows.collect::<Result<Vec<_>, _>>()?;
                Ok(if rows.is_empty() { input.clone() } else { Input::Tokens { ids: ids.clone(), rows } })
            }
            other => Ok(other.clone()),
        };
        Ok(Self(self.0.iter().enumerate().map(embedded).collect::<Result<_, ExplainError>>()?))
    }

    /// The same with other values for the explained inputs, in order.
    pub(crate) fn with_explained(&self, values: impl IntoIterator<Item = Value<B>>) -> Self {
        let mut values = values.into_iter();
        let mut replaced = |input: &Input<B>| match input {
            Input::Float(value) => Input::Float(values.next().unwrap_or_else(|| value.clone())),
            Input::Tokens { ids, rows } => {
                let rows = rows.iter().map(|row| values.next().unwrap_or_else(|| row.clone())).collect();
                Input::Tokens { ids: ids.clone(), rows }
            }
            other => other.clone(),
        };
        Self(self.0.iter().map(&mut replaced).collect())
    }

    /// Stacks of `copies` batches: `values` for the explained inputs, stacked already, and every other
    /// input that has a batch of the explained inputs' size repeated.
    pub(crate) fn stacked(&self, copies: usize, values: impl IntoIterator<Item = Value<B>>) -> Self {
        let batch = self.batch();
        let other = |input: &Input<B>| match input.dims().first() == batch.as_ref() {
            true if !matches!(input, Input::Float(_)) => input.repeated(copies),
            _ => input.clone(),
        };
        Self(self.0.iter().map(other).collect()).with_explained(values)
    }

    /// The batch of the first explained input.
    pub(crate) fn batch(&self) -> Option<usize> {
        self.explained().next().and_then(|(_, value)| value.dims().first().copied())
    }
}

impl<B: Backend, T: Into<Input<B>>> From<T> for Inputs<B> {
    fn from(input: T) -> Self {
        Self(vec![input.into()])
    }
}

impl<B: Backend, T: Into<Input<B>>> From<Vec<T>> for Inputs<B> {
    fn from(inputs: Vec<T>) -> Self {
        Self(inputs.into_iter().map(Into::into).collect())
    }
}

impl<B: Backend, T: Into<Input<B>> + Clone> From<&[T]> for Inputs<B> {
    fn from(inputs: &[T]) -> Self {
        inputs.to_vec().into()
    }
}

macro_rules! tuples {
    ($(($($name:ident $type:ident),*)),* $(,)?) => {$(
        impl<B: Backend, $($type: Into<Input<B>>),*> From<($($type,)*)> for Inputs<B> {
            fn from(($($name,)*): ($($type,)*)) -> Self {
                Self(vec![$($name.into()),*])
            }
        }
    )*};
}
tuples!((a A), (a A, b C), (a A, b C, c D), (a A, b C, c D, d E));
