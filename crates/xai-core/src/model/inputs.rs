//! What a model is run on.

use burn::tensor::{Bool, Int, Tensor};
use burn_backend::tensor::{BoolTensor, Device, IntTensor};
use burn_backend::{Backend, ExecutionError, TensorData, TensorMetadata};

use crate::Value;

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
    /// An int tensor, such as token ids. It has no relevance.
    Int(IntTensor<B>),
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
            Self::Int(_) => InputKind::Int,
            Self::Bool(_) => InputKind::Bool,
        }
    }

    /// Sizes of all dimensions, the batch first.
    pub fn dims(&self) -> Vec<usize> {
        match self {
            Self::Float(value) | Self::Fixed(value) => value.dims(),
            Self::Int(tensor) => tensor.shape().as_slice().to_vec(),
            Self::Bool(tensor) => tensor.shape().as_slice().to_vec(),
        }
    }

    /// Device that holds the tensor.
    pub fn device(&self) -> Device<B> {
        match self {
            Self::Float(value) | Self::Fixed(value) => value.device(),
            Self::Int(tensor) => B::int_device(tensor),
            Self::Bool(tensor) => B::bool_device(tensor),
        }
    }

    /// The float tensor, explained or fixed.
    pub fn float(&self) -> Option<&Value<B>> {
        match self {
            Self::Float(value) | Self::Fixed(value) => Some(value),
            Self::Int(_) | Self::Bool(_) => None,
        }
    }

    /// The float tensor, if it is explained.
    pub fn explained(&self) -> Option<&Value<B>> {
        match self {
            Self::Float(value) => Some(value),
            _ => None,
        }
    }

    /// The elements of an int or bool tensor on the host; `None` for floats.
    pub(crate) fn discrete(&self) -> Option<Result<TensorData, ExecutionError>> {
        match self {
            Self::Float(_) | Self::Fixed(_) => None,
            Self::Int(tensor) => Some(burn_backend::read_sync(B::int_into_data(tensor.clone()))),
            Self::Bool(tensor) => Some(burn_backend::read_sync(B::bool_into_data(tensor.clone()))),
        }
    }

    /// `copies` of the tensor one after the other along the batch.
    fn repeated(&self, copies: usize) -> Self {
        match self {
            Self::Float(value) => Self::Float(Value::cat(vec![value.clone(); copies], 0)),
            Self::Fixed(value) => Self::Fixed(Value::cat(vec![value.clone(); copies], 0)),
            Self::Int(tensor) => Self::Int(B::int_repeat_dim(tensor.clone(), 0, copies)),
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

    /// All float tensors in order, explained and fixed: the inputs of the model's graph.
    pub fn floats(&self) -> Vec<Value<B>> {
        self.0.iter().filter_map(Input::float).cloned().collect()
    }

    /// The explained inputs with their places among all inputs.
    pub(crate) fn explained(&self) -> impl Iterator<Item = (usize, &Value<B>)> {
        self.0.iter().enumerate().filter_map(|(place, input)| Some((place, input.explained()?)))
    }

    /// The same with other values for the explained inputs, in order.
    pub(crate) fn with_explained(&self, values: impl IntoIterator<Item = Value<B>>) -> Self {
        let mut values = values.into_iter();
        let replaced = |input: &Input<B>| match input {
            Input::Float(value) => Input::Float(values.next().unwrap_or_else(|| value.clone())),
            other => other.clone(),
        };
        Self(self.0.iter().map(replaced).collect())
    }

    /// Stacks of `copies` batches: `values` for the explained inputs, stacked already, and every other
    /// input that has a batch of the explained inputs' size repeated.
    pub(crate) fn stacked(&self, copies: usize, values: impl IntoIterator<Item = Value<B>>) -> Self {
        let batch = self.batch();
        let other = |input: &Input<B>| match input.dims().first() == batch.as_ref() {
            true if input.explained().is_none() => input.repeated(copies),
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
