//! What a model is run on.

use burn::tensor::{Bool, Int, Tensor};
use burn_backend::tensor::{BoolTensor, Device, IntTensor};
use burn_backend::{Backend, ExecutionError, Shape, TensorData, TensorMetadata};

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
    /// Token ids with the rows that they look up: what [`Model::embed`](super::Model::embed) makes of an `Int`.
    /// Methods vary the rows.
    Tokens(Tokens<B>),
    /// A bool tensor, such as a mask. It has no relevance.
    Bool(BoolTensor<B>),
}

/// Token ids and the rows of tables that a model looks up with them.
#[derive(Debug, Clone)]
pub struct Tokens<B: Backend> {
    ids: IntTensor<B>,
    /// `[.., features]`, in the order of the lookups.
    rows: Vec<Value<B>>,
    /// For each, the places of the ids that the rows belong to, unless they are all in order.
    places: Vec<Option<IntTensor<B>>>,
}

impl<B: Backend> Tokens<B> {
    /// The ids.
    pub fn ids(&self) -> &IntTensor<B> {
        &self.ids
    }

    /// The rows, one value `[.., features]` for each lookup, in order.
    pub fn rows(&self) -> &[Value<B>] {
        &self.rows
    }

    /// The relevance of the ids, of their shape: for each the sum over all of its rows.
    pub(crate) fn relevance(&self, of_rows: Vec<Value<B>>) -> Option<Value<B>> {
        let dims = self.ids.shape().as_slice().to_vec();
        let of_ids = |(rows, places): (Value<B>, &Option<IntTensor<B>>)| {
            let sums = rows.clone().sum_dim(rows.rank() - 1);
            let Some(places) = places else { return sums.reshape(&dims) };
            let sums = sums.reshape(&[places.shape().num_elements()]);
            let none = sums.full_like(&[dims.iter().product()], 0.0).into_primitive();
            let places = B::int_reshape(places.clone(), Shape::new([places.shape().num_elements()]));
            Value::from_primitive(B::float_select_add(none, 0, places, sums.into_primitive())).reshape(&dims)
        };
        of_rows.into_iter().zip(&self.places).map(of_ids).reduce(|sum, other| sum + other)
    }

    /// The relevance of ids, shared equally by the elements of each row.
    /// An id that is looked up several times has an equal share of it in each row, for the sum does not say more.
    fn spread(&self, relevance: &Value<B>) -> Vec<Value<B>> {
        let relevance = &(relevance / &self.lookups(relevance));
        let spread = |(rows, places): (&Value<B>, &Option<IntTensor<B>>)| {
            let (dims, mut of_ids) = (rows.dims(), rows.dims());
            let mut features = 1;
            of_ids.last_mut().into_iter().for_each(|size| features = std::mem::replace(size, 1));
            let relevance = match places {
                None => relevance.clone(),
                Some(places) => {
                    let flat = relevance.clone().reshape(&[relevance.dims().iter().product()]);
                    let count = Shape::new([places.shape().num_elements()]);
                    let places = B::int_reshape(places.clone(), count);
                    Value::from_primitive(B::float_select(flat.into_primitive(), 0, places))
                }
            };
            relevance.reshape(&of_ids).expand(&dims) / features as f64
        };
        self.rows.iter().zip(&self.places).map(spread).collect()
    }

    /// How many rows each id has, 1 at least.
    fn lookups(&self, like: &Value<B>) -> Value<B> {
        let dims = like.dims();
        let flat = [dims.iter().product()];
        let of_rows = |places: &Option<IntTensor<B>>| {
            let Some(places) = places else { return like.full_like(&flat, 1.0) };
            let count = Shape::new([places.shape().num_elements()]);
            let ones = like.full_like(&[places.shape().num_elements()], 1.0).into_primitive();
            let places = B::int_reshape(places.clone(), count);
            Value::from_primitive(B::float_select_add(
                like.full_like(&flat, 0.0).into_primitive(),
                0,
                places,
                ones,
            ))
        };
        let counts = self.places.iter().map(of_rows).reduce(|sum, other| sum + other);
        counts.unwrap_or_else(|| like.full_like(&flat, 1.0)).at_least(1.0).reshape(&dims)
    }

    fn with_rows(&self, rows: Vec<Value<B>>) -> Self {
        Self { rows, ..self.clone() }
    }
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
            Self::Int(_) | Self::Tokens(_) => InputKind::Int,
            Self::Bool(_) => InputKind::Bool,
        }
    }

    /// Sizes of all dimensions, the batch first.
    pub fn dims(&self) -> Vec<usize> {
        match self {
            Self::Float(value) | Self::Fixed(value) => value.dims(),
            Self::Int(ids) | Self::Tokens(Tokens { ids, .. }) => ids.shape().as_slice().to_vec(),
            Self::Bool(tensor) => tensor.shape().as_slice().to_vec(),
        }
    }

    /// Device that holds the tensor.
    pub fn device(&self) -> Device<B> {
        match self {
            Self::Float(value) | Self::Fixed(value) => value.device(),
            Self::Int(ids) | Self::Tokens(Tokens { ids, .. }) => B::int_device(ids),
            Self::Bool(tensor) => B::bool_device(tensor),
        }
    }

    /// The float tensor, explained or fixed, or the rows of token ids.
    pub fn floats(&self) -> &[Value<B>] {
        match self {
            Self::Float(value) | Self::Fixed(value) => std::slice::from_ref(value),
            Self::Tokens(tokens) => &tokens.rows,
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
            Self::Int(ids) | Self::Tokens(Tokens { ids, .. }) => {
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
            // The rows are repeated by who varies them.
            Self::Tokens(tokens) => {
                let ids = B::int_repeat_dim(tokens.ids.clone(), 0, copies);
                Self::Tokens(Tokens { ids, ..tokens.clone() })
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
        self.explained().map(|(place, x)| (matches!(self.0[place], Input::Tokens(_)), x)).collect()
    }

    /// Relevance of the explained inputs, in order, as that of their values: that of an id is shared by its row.
    pub(crate) fn relevance_of_values(&self, relevance: &[Value<B>]) -> Vec<Value<B>> {
        let explained = self.0.iter().filter(|input| !input.explained().is_empty());
        let each = explained.zip(relevance).flat_map(|(input, relevance)| match input {
            Input::Tokens(tokens) if relevance.dims() == input.dims() => tokens.spread(relevance),
            _ => vec![relevance.clone()],
        });
        each.collect()
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
                let own = || tables().filter(|table| table.input() == place);
                let rows = own().map(|table| table.rows(ids)).collect::<Result<Vec<_>, _>>()?;
                let places = own().map(|table| table.places().cloned()).collect();
                Ok(match rows.is_empty() {
                    true => input.clone(),
                    false => Input::Tokens(Tokens { ids: ids.clone(), rows, places }),
                })
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
            Input::Tokens(tokens) => {
                let rows = tokens.rows.iter().map(|rows| values.next().unwrap_or_else(|| rows.clone()));
                Input::Tokens(tokens.with_rows(rows.collect()))
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

    /// `copies` of the batch, one after the other.
    pub(crate) fn repeated(&self, copies: usize) -> Self {
        let values = self.explained().map(|(_, value)| Value::cat(vec![value.clone(); copies], 0));
        self.stacked(copies, values.collect::<Vec<_>>())
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
