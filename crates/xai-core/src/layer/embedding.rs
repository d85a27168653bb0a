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
    computed: Option<IntTensor<B>>,
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

    /// The same for ids that the model computes from its input, such as ids with an offset: `ids`, as many as
    /// the input has. They hold for this input alone.
    pub fn with_computed_ids(self, ids: IntTensor<B>) -> Self {
        Self { computed: Some(ids), ..self }
    }

    /// The table, `[ids, features]`.
    pub fn weight(&self) -> &Value<B> {
        &self.weight
    }

    /// The place of the ids among the inputs of the model.
    pub fn input(&self) -> usize {
        self.input
    }

    /// The rows of `ids`, one more dimension than they have.
    pub(crate) fn rows(&self, ids: &IntTensor<B>) -> Result<Value<B>, ExplainError> {
        let input = self.input;
        let computed = self.computed.as_ref().unwrap_or(ids);
        let (dims, given) = (computed.shape().as_slice().to_vec(), ids.shape().as_slice().to_vec());
        let count: usize = dims.iter().product();
        if count != given.iter().product::<usize>() {
            return Err(InputError::ComputedIds { input, given, computed: dims }.into());
        }
        let data = read_sync(B::int_into_data(computed.clone()));
        let data = data.map_err(|error| ExplainError::Backend(format!("{error:?}")))?;
        let (rows, features) = (self.weight.dims()[0], self.weight.dims()[1]);
        if let Some(id) = data.iter::<i64>().find(|id| usize::try_from(*id).map_or(true, |id| id >= rows)) {
            return Err(InputError::NoSuchId { input, id, ids: rows }.into());
        }
        let flat = B::int_reshape(computed.clone(), Shape::new([count]));
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
