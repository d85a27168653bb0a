//! Lookup of token ids in a table.

use burn_backend::tensor::IntTensor;
use burn_backend::{Backend, Shape, TensorMetadata, read_sync};

use super::{LayerKind, LayerOps};
use crate::Value;
use crate::error::{ExplainError, InputError, LayerError};

/// Rows of a table, one for each id: a graph input whose value a model looks up. What a method varies, and
/// where relevance ends, are the rows `[batch, tokens, features]`; an id's relevance is the sum over its row.
///
/// Of the kind `input`.
#[derive(Debug, Clone)]
pub struct Embedding<B: Backend> {
    weight: Value<B>,
    input: usize,
    computed: Option<Computed<B>>,
}

/// Ids that a model computes from its input.
#[derive(Debug, Clone)]
struct Computed<B: Backend> {
    ids: IntTensor<B>,
    places: IntTensor<B>,
}

impl<B: Backend> Embedding<B> {
    /// Rows of `weight`, `[ids, features]`, selected by the model's input at the place `input`, counted from
    /// 0 among all inputs.
    ///
    /// # Errors
    /// [`LayerError::Parameter`] when the weight has another shape.
    pub fn new(weight: Value<B>, input: usize) -> Result<Self, LayerError> {
        match weight.dims()[..] {
            [_, _] => Ok(Self { weight, input, computed: None }),
            _ => Err(LayerError::parameter("weight", "[ids, features]", &weight)),
        }
    }

    /// The same for ids that the model computes from its input: `ids`, each from the element at its place in
    /// `places`, of the same shape, counted through the input. They hold for this input alone.
    pub fn with_computed_ids(self, ids: IntTensor<B>, places: IntTensor<B>) -> Self {
        Self { computed: Some(Computed { ids, places }), ..self }
    }

    /// The table, `[ids, features]`.
    pub fn weight(&self) -> &Value<B> {
        &self.weight
    }

    /// The place of the ids among the inputs of the model.
    pub fn input(&self) -> usize {
        self.input
    }

    /// The places in the input that the rows belong to, where they do not belong to all of them in order.
    pub(crate) fn places(&self) -> Option<&IntTensor<B>> {
        self.computed.as_ref().map(|computed| &computed.places)
    }

    /// The rows of the input's `ids`, one more dimension than what is looked up has.
    pub(crate) fn rows(&self, ids: &IntTensor<B>) -> Result<Value<B>, ExplainError> {
        let input = self.input;
        let ids = self.computed.as_ref().map_or(ids, |computed| &computed.ids);
        let dims = ids.shape().as_slice().to_vec();
        let count: usize = dims.iter().product();
        let data = read_sync(B::int_into_data(ids.clone()));
        let data = data.map_err(|error| ExplainError::Backend(format!("{error:?}")))?;
        let (rows, features) = (self.weight.dims()[0], self.weight.dims()[1]);
        if let Some(id) = data.iter::<i64>().find(|id| usize::try_from(*id).map_or(true, |id| id >= rows)) {
            return Err(InputError::NoSuchId { input, id, ids: rows }.into());
        }
        let flat = B::int_reshape(ids.clone(), Shape::new([count]));
        let rows = B::float_select(self.weight.clone().into_primitive(), 0, flat);
        Ok(Value::from_primitive(rows).reshape(&[&dims[..], &[features]].concat()))
    }
}

impl<B: Backend> LayerOps<B> for Embedding<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Input
    }

    fn output_dims(&self, _: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        Err(LayerError::NotALayer)
    }

    fn forward(&self, _: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Err(LayerError::NotALayer)
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        vec![&self.weight]
    }
}
