//! Traced int tensors, which know whether they are ids that the model was given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_backend::{Backend, DType, Shape, TensorMetadata};
use xai_core::Value;

use crate::op::Op;
use crate::tensor::{Argument, Call, Constant, Edge, Node, Source, TracedTensor};

/// The int primitive of [`Traced<B>`](crate::Traced): a primitive of `B` and the input that it comes from.
///
/// It is public because a backend's associated types are; there is nothing to do with it directly.
#[derive(Debug, Clone)]
pub struct TracedInt<B: Backend> {
    pub(crate) primitive: IntTensor<B>,
    /// The input that it is, or was computed from.
    ids: Option<Arc<Ids<B>>>,
    /// Whether it was computed from the input and is not the input itself.
    is_computed: bool,
}

/// An int input of the model, and what the model looks up with it.
#[derive(Debug)]
pub(crate) struct Ids<B: Backend> {
    /// Rows to be taken for those of the tables, in the order of the lookups.
    given: Vec<FloatTensor<B>>,
    lookups: Mutex<Lookups<B>>,
}

#[derive(Debug)]
pub(crate) struct Lookups<B: Backend> {
    pub(crate) all: Vec<Lookup<B>>,
    /// Whether anything but a lookup has read the ids.
    pub(crate) is_read: bool,
}

/// One lookup of ids in a table.
#[derive(Debug, Clone)]
pub(crate) struct Lookup<B: Backend> {
    /// The table is its only argument.
    pub(crate) node: Arc<Node<B>>,
    pub(crate) rows: FloatTensor<B>,
    /// The ids, where they are not those of the input.
    pub(crate) computed: Option<IntTensor<B>>,
}

impl<B: Backend> Ids<B> {
    /// An int input, with rows to be taken for those of the tables.
    pub(crate) fn new(given: Vec<FloatTensor<B>>) -> Arc<Self> {
        Arc::new(Self { given, lookups: Mutex::new(Lookups { all: Vec::new(), is_read: false }) })
    }

    pub(crate) fn lookups(&self) -> MutexGuard<'_, Lookups<B>> {
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B: Backend> TracedInt<B> {
    /// A tensor that does not depend on the model's inputs.
    pub(crate) fn constant(primitive: IntTensor<B>) -> Self {
        Self { primitive, ids: None, is_computed: false }
    }

    /// An input of the model.
    pub(crate) fn input(primitive: IntTensor<B>, ids: Arc<Ids<B>>) -> Self {
        Self { primitive, ids: Some(ids), is_computed: false }
    }

    /// A tensor computed from `arguments`.
    pub(crate) fn computed(arguments: &[Option<Arc<Ids<B>>>], primitive: IntTensor<B>) -> Self {
        Self { primitive, ids: arguments.iter().flatten().next().cloned(), is_computed: true }
    }

    /// The same value in another place.
    pub(crate) fn moved(self, f: impl FnOnce(IntTensor<B>) -> IntTensor<B>) -> Self {
        Self { primitive: f(self.primitive), ..self }
    }

    /// The rows `rows` of the table `weight` that these ids select, as an input of the graph; `None` where the
    /// model was not given the ids, or the table is no constant.
    pub(crate) fn look_up(&self, weight: &TracedTensor<B>, rows: FloatTensor<B>) -> Option<TracedTensor<B>> {
        let ids = self.ids.as_ref()?;
        let Source::Constant(key) = weight.source else { return None };
        if weight.rank() != 2 {
            return None;
        }
        let value = Value::from_primitive(weight.primitive.clone());
        let mut lookups = ids.lookups();
        lookups.is_read |= self.is_computed;
        let rows = ids.given.get(lookups.all.len()).cloned().unwrap_or(rows);
        let node = Node::new(Op::Input, vec![Edge::Constant(Constant { key, value })], &rows);
        let computed = self.is_computed.then(|| self.primitive.clone());
        lookups.all.push(Lookup { node: node.clone(), rows: rows.clone(), computed });
        Some(TracedTensor { primitive: rows, source: Source::Node(node) })
    }
}

impl<B: Backend> TensorMetadata for TracedInt<B> {
    fn dtype(&self) -> DType {
        self.primitive.dtype()
    }

    fn shape(&self) -> Shape {
        self.primitive.shape()
    }

    fn rank(&self) -> usize {
        self.primitive.rank()
    }
}

impl<B: Backend> Argument<B> for TracedInt<B> {
    type Inner = IntTensor<B>;

    /// Relevance does not flow through int tensors.
    fn is_tracked(&self) -> bool {
        false
    }

    fn note(&self, _: &mut Call<B>) {}

    fn ids(&self) -> Option<Arc<Ids<B>>> {
        self.ids.clone()
    }

    /// Strips the origin, for something that reads the elements.
    fn inner(self) -> IntTensor<B> {
        if let Some(ids) = &self.ids {
            ids.lookups().is_read = true;
        }
        self.primitive
    }
}
