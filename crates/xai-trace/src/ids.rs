//! Traced int tensors, which know whether they are ids that the model was given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_backend::{Backend, DType, Shape, TensorMetadata, get_device_settings};
use xai_core::Value;

use crate::mask::TracedMask;
use crate::op::Op;
use crate::tensor::{Argument, Call, Constant, Edge, Node, Source, TracedTensor};

/// The int primitive of [`Traced<B>`](crate::Traced): a primitive of `B` and the input that it comes from.
///
/// It is public because a backend's associated types are; there is nothing to do with it directly.
#[derive(Debug, Clone)]
pub struct TracedInt<B: Backend> {
    pub(crate) primitive: IntTensor<B>,
    origin: Origin<B>,
}

/// Where an int tensor comes from.
#[derive(Debug, Clone)]
pub(crate) enum Origin<B: Backend> {
    /// Not from an int input of the model.
    Constant,
    /// It is an int input.
    Input(Arc<Ids<B>>),
    /// Computed from one, element by element: from the elements at these places, counted through the input.
    Elements(Arc<Ids<B>>, IntTensor<B>),
    /// Computed in another way.
    Computed(Arc<Ids<B>>),
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
    /// The ids that are looked up, where they are not those of the input, and the places that they come from.
    pub(crate) computed: Option<(IntTensor<B>, IntTensor<B>)>,
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
        Self { primitive, origin: Origin::Constant }
    }

    /// An input of the model.
    pub(crate) fn input(primitive: IntTensor<B>, ids: Arc<Ids<B>>) -> Self {
        Self { primitive, origin: Origin::Input(ids) }
    }

    /// A tensor computed from arguments of these origins.
    pub(crate) fn computed<const N: usize>(origins: [Origin<B>; N], primitive: IntTensor<B>) -> Self {
        let origin = origins.into_iter().find_map(|origin| origin.ids().cloned());
        Self { primitive, origin: origin.map_or(Origin::Constant, Origin::Computed) }
    }

    /// The same value in another place.
    pub(crate) fn moved(self, f: impl FnOnce(IntTensor<B>) -> IntTensor<B>) -> Self {
        Self { primitive: f(self.primitive), ..self }
    }

    /// The elements that `f` picks, in its order.
    pub(crate) fn picked(self, f: impl Fn(IntTensor<B>) -> IntTensor<B>) -> Self {
        let origin = match (self.places(), &self.origin) {
            (Some(places), Origin::Input(ids) | Origin::Elements(ids, _)) => {
                Origin::Elements(ids.clone(), f(places))
            }
            (_, origin) => origin.clone(),
        };
        Self { primitive: f(self.inner()), origin }
    }

    /// What `f` makes of each element, if it leaves the shape as it is.
    pub(crate) fn mapped(self, f: impl FnOnce(IntTensor<B>) -> IntTensor<B>) -> Self {
        let shape = self.shape();
        let places = self.places();
        let origin = self.origin.clone();
        let primitive = f(self.inner());
        let origin = match (places, origin.ids()) {
            (Some(places), Some(ids)) if primitive.shape() == shape => Origin::Elements(ids.clone(), places),
            (_, Some(ids)) => Origin::Computed(ids.clone()),
            (_, None) => Origin::Constant,
        };
        Self { primitive, origin }
    }

    /// The place in the input that each element comes from.
    fn places(&self) -> Option<IntTensor<B>> {
        match &self.origin {
            Origin::Input(_) => {
                let device = B::int_device(&self.primitive);
                let shape = self.primitive.shape();
                let count = shape.num_elements() as i64;
                let dtype = get_device_settings::<B>(&device).int_dtype;
                Some(B::int_reshape(B::int_arange(0..count, &device, dtype), shape))
            }
            Origin::Elements(_, places) => Some(places.clone()),
            Origin::Constant | Origin::Computed(_) => None,
        }
    }

    /// The rows `rows` of the table `weight` that these ids select, as an input of the graph; `None` where they
    /// do not come from ids that the model was given, or the table is no constant.
    pub(crate) fn look_up(&self, weight: &TracedTensor<B>, rows: FloatTensor<B>) -> Option<TracedTensor<B>> {
        let (Origin::Input(ids) | Origin::Elements(ids, _)) = &self.origin else { return None };
        let Source::Constant(key) = weight.source else { return None };
        if weight.rank() != 2 {
            return None;
        }
        let value = Value::from_primitive(weight.primitive.clone());
        let computed = match &self.origin {
            Origin::Elements(_, places) => Some((self.primitive.clone(), places.clone())),
            _ => None,
        };
        let mut lookups = ids.lookups();
        lookups.is_read |= computed.is_some();
        let rows = ids.given.get(lookups.all.len()).cloned().unwrap_or(rows);
        let node = Node::new(Op::Input, vec![Edge::Constant(Constant { key, value })], &rows);
        lookups.all.push(Lookup { node: node.clone(), rows: rows.clone(), computed });
        Some(TracedTensor { primitive: rows, source: Source::Node(node) })
    }
}

impl<B: Backend> Origin<B> {
    fn ids(&self) -> Option<&Arc<Ids<B>>> {
        match self {
            Self::Constant => None,
            Self::Input(ids) | Self::Elements(ids, _) | Self::Computed(ids) => Some(ids),
        }
    }
}

/// Several one after the other.
pub(crate) fn cat<B: Backend>(tensors: Vec<TracedInt<B>>, dim: usize) -> TracedInt<B> {
    let places: Option<Vec<_>> = tensors.iter().map(TracedInt::places).collect();
    let ids = tensors.first().and_then(|tensor| tensor.origin.ids().cloned());
    let is_same = |tensor: &TracedInt<B>| {
        tensor.origin.ids().zip(ids.as_ref()).is_some_and(|(own, first)| Arc::ptr_eq(own, first))
    };
    let origin = match (places, &ids) {
        (Some(places), Some(ids)) if tensors.iter().all(is_same) => {
            Origin::Elements(ids.clone(), B::int_cat(places, dim))
        }
        _ => tensors.origin().ids().cloned().map_or(Origin::Constant, Origin::Computed),
    };
    TracedInt { primitive: B::int_cat(tensors.inner(), dim), origin }
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

    /// Strips the origin, for something that reads the elements.
    fn inner(self) -> IntTensor<B> {
        if let Some(ids) = self.origin.ids() {
            ids.lookups().is_read = true;
        }
        self.primitive
    }
}

/// An argument whose int tensors come from somewhere.
pub(crate) trait HasOrigin<B: Backend> {
    fn origin(&self) -> Origin<B> {
        Origin::Constant
    }
}

impl<B: Backend> HasOrigin<B> for TracedTensor<B> {}

impl<B: Backend> HasOrigin<B> for TracedMask<B> {}

impl<B: Backend> HasOrigin<B> for TracedInt<B> {
    fn origin(&self) -> Origin<B> {
        self.origin.clone()
    }
}

/// Of several, the first that is no constant.
impl<B: Backend, T: HasOrigin<B>> HasOrigin<B> for Vec<T> {
    fn origin(&self) -> Origin<B> {
        let mut origins = self.iter().map(T::origin);
        origins.find(|origin| !matches!(origin, Origin::Constant)).unwrap_or(Origin::Constant)
    }
}
