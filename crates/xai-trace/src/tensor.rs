//! Traced tensors and the recorded nodes that they hold on to.
//!
//! There is no tape and no global graph. Each tensor owns its origin through an [`Arc`], so a
//! recording lives exactly as long as its output, and recordings on several threads cannot meet.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn_backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use burn_backend::{Backend, DType, Shape, TensorMetadata};
use xai_core::Value;
use xai_core::layer::Derivative;

use crate::op::Op;

/// Ids only grow, and a node is made after its inputs: ids in order are a topological order.
fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The float primitive of [`Traced<B>`](crate::Traced): a primitive of `B` and its origin.
///
/// It is public because a backend's associated types are; there is nothing to do with it directly.
#[derive(Debug, Clone)]
pub struct TracedTensor<B: Backend> {
    pub(crate) primitive: FloatTensor<B>,
    pub(crate) source: Source<B>,
}

/// Where a tensor comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source<B: Backend> {
    /// Computed from a graph input.
    Node(Arc<Node<B>>),
    /// Independent of the graph inputs.
    Constant(Key),
}

/// Identifies a constant: given when it is made, kept by clones and by what is computed from it alone
/// (a reshaped bias, say), so that a parameter is known again wherever the model uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key(u64);

/// One recorded operation.
///
/// It keeps the constants that the operation read, but no activation: a lowered graph computes its
/// activations itself, and the model's own are freed (or reused in place) while it runs.
pub(crate) struct Node<B: Backend> {
    pub(crate) id: u64,
    pub(crate) op: Op,
    pub(crate) inputs: Vec<Edge<B>>,
    /// Shape of the result.
    pub(crate) shape: Shape,
    /// Its element type.
    pub(crate) dtype: DType,
    /// What Burn computes of it, for an operation that may have no layer.
    pub(crate) derivative: Option<Arc<dyn Derivative<B>>>,
}

/// One float or bool argument of a recorded operation.
#[derive(Debug, Clone)]
pub(crate) enum Edge<B: Backend> {
    Node(Arc<Node<B>>),
    Constant(Constant<B>),
    /// A mask that depends on a graph input, as it was in this recording.
    Mask(MaskSource<B>, BoolTensor<B>),
    /// One that does not.
    ConstantMask(BoolTensor<B>),
    /// Places of elements, which are constants wherever they come from.
    Places(IntTensor<B>),
}

/// What a mask was made from.
#[derive(Debug, Clone)]
pub(crate) enum MaskSource<B: Backend> {
    /// Nothing that depends on the graph inputs.
    Constant,
    /// A recorded value was compared with a number: many activations are made so.
    Comparison(Comparison<B>),
    /// Something else that depends on the graph inputs.
    Unknown,
}

/// `value relation bound`, element by element.
#[derive(Debug, Clone)]
pub(crate) struct Comparison<B: Backend> {
    pub(crate) value: Arc<Node<B>>,
    pub(crate) relation: Relation,
    pub(crate) bound: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Lower,
    LowerEqual,
    Greater,
    GreaterEqual,
}

/// A value that does not depend on the graph inputs.
#[derive(Debug, Clone)]
pub(crate) struct Constant<B: Backend> {
    pub(crate) key: Key,
    pub(crate) value: Value<B>,
}

impl<B: Backend> TracedTensor<B> {
    /// A tensor that does not depend on the graph inputs.
    pub(crate) fn constant(primitive: FloatTensor<B>) -> Self {
        Self { primitive, source: Source::Constant(Key(next_id())) }
    }

    /// A graph input and its node.
    pub(crate) fn input(primitive: FloatTensor<B>) -> (Self, Arc<Node<B>>) {
        let node = Node::new(Op::Input, Vec::new(), &primitive);
        (Self { primitive, source: Source::Node(node.clone()) }, node)
    }

    /// The same value in another place: the origin is kept.
    pub(crate) fn moved(self, f: impl FnOnce(FloatTensor<B>) -> FloatTensor<B>) -> Self {
        Self { primitive: f(self.primitive), source: self.source }
    }
}

impl<B: Backend> Node<B> {
    pub(crate) fn new(op: Op, inputs: Vec<Edge<B>>, result: &FloatTensor<B>) -> Arc<Self> {
        let (shape, dtype) = (result.shape(), result.dtype());
        Arc::new(Self { id: next_id(), op, inputs, shape, dtype, derivative: None })
    }
}

impl<B: Backend> TensorMetadata for TracedTensor<B> {
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

/// Frees a chain of nodes one by one: the compiler's recursive drop would overflow the stack on a
/// deep recording.
impl<B: Backend> Drop for Node<B> {
    fn drop(&mut self) {
        let mut stack = std::mem::take(&mut self.inputs);
        while let Some(edge) = stack.pop() {
            let node = match edge {
                Edge::Node(node) => node,
                Edge::Mask(MaskSource::Comparison(comparison), _) => comparison.value,
                _ => continue,
            };
            if let Some(mut last) = Arc::into_inner(node) {
                stack.append(&mut last.inputs);
            }
        }
    }
}

/// Shows one node and the ids of its inputs, not the whole recording behind it.
impl<B: Backend> fmt::Debug for Node<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs: Vec<_> = self.inputs.iter().map(Edge::node).map(|n| n.map(|n| n.id)).collect();
        write!(f, "#{} {:?}{:?} -> {:?}", self.id, self.op, inputs, self.shape)
    }
}

impl<B: Backend> Edge<B> {
    /// The producer of a float argument that depends on a graph input.
    pub(crate) fn node(&self) -> Option<&Arc<Node<B>>> {
        match self {
            Self::Node(node) => Some(node),
            _ => None,
        }
    }

    /// The value that the argument depends on: its producer, or what a mask was compared from.
    pub(crate) fn origin(&self) -> Option<&Arc<Node<B>>> {
        match self {
            Self::Node(node) => Some(node),
            Self::Mask(MaskSource::Comparison(comparison), _) => Some(&comparison.value),
            _ => None,
        }
    }

    /// The value of a float argument that does not.
    pub(crate) fn constant(&self) -> Option<Constant<B>> {
        match self {
            Self::Constant(constant) => Some(constant.clone()),
            _ => None,
        }
    }
}

/// The float arguments of one call, gathered before the call consumes them.
#[derive(Clone)]
pub(crate) enum Call<B: Backend> {
    /// Some argument depends on a graph input.
    Recorded(Vec<Edge<B>>),
    /// No argument does.
    Constant(Vec<Key>),
}

impl<B: Backend> Call<B> {
    /// `tracked`: for each argument, whether it depends on a graph input.
    pub(crate) fn new(tracked: &[bool]) -> Self {
        if tracked.contains(&true) { Self::Recorded(Vec::new()) } else { Self::Constant(Vec::new()) }
    }

    /// Notes one argument.
    pub(crate) fn arg(mut self, argument: &impl Argument<B>) -> Self {
        argument.note(&mut self);
        self
    }

    /// Notes places of elements.
    pub(crate) fn places(mut self, places: &IntTensor<B>) -> Self {
        if let Self::Recorded(edges) = &mut self {
            edges.push(Edge::Places(places.clone()));
        }
        self
    }

    /// The operation, if it has to be recorded.
    pub(crate) fn op(&self, op: impl FnOnce() -> Op) -> Option<Op> {
        matches!(self, Self::Recorded(_)).then(op)
    }

    /// The traced result of a call that has a derivative.
    pub(crate) fn finish_with(
        self,
        op: Option<Op>,
        derivative: Option<Arc<dyn Derivative<B>>>,
        primitive: FloatTensor<B>,
    ) -> TracedTensor<B> {
        let mut traced = self.finish(op, primitive);
        if let Source::Node(node) = &mut traced.source
            && let Some(node) = Arc::get_mut(node)
        {
            node.derivative = derivative;
        }
        traced
    }

    /// The traced result of the call.
    pub(crate) fn finish(self, op: Option<Op>, primitive: FloatTensor<B>) -> TracedTensor<B> {
        match (self, op) {
            (Self::Recorded(inputs), Some(op)) => {
                let node = Node::new(op, inputs, &primitive);
                TracedTensor { primitive, source: Source::Node(node) }
            }
            (Self::Constant(keys), _) if keys.len() == 1 => {
                TracedTensor { primitive, source: Source::Constant(keys[0]) }
            }
            _ => TracedTensor::constant(primitive),
        }
    }
}

/// A float or bool argument in whatever wrapping a signature has it.
pub(crate) trait Argument<B: Backend> {
    /// The argument as the inner backend takes it.
    type Inner;

    /// Whether it depends on a graph input.
    fn is_tracked(&self) -> bool;

    /// Adds its tensors to the call.
    fn note(&self, call: &mut Call<B>);

    /// Strips the origin.
    fn inner(self) -> Self::Inner;
}

impl<B: Backend> Argument<B> for TracedTensor<B> {
    type Inner = FloatTensor<B>;

    fn is_tracked(&self) -> bool {
        matches!(self.source, Source::Node(_))
    }

    fn note(&self, call: &mut Call<B>) {
        match (call, &self.source) {
            (Call::Recorded(edges), Source::Node(node)) => edges.push(Edge::Node(node.clone())),
            (Call::Recorded(edges), Source::Constant(key)) => {
                let value = Value::from_primitive(self.primitive.clone());
                edges.push(Edge::Constant(Constant { key: *key, value }));
            }
            (Call::Constant(keys), Source::Constant(key)) => keys.push(*key),
            (Call::Constant(_), Source::Node(_)) => {}
        }
    }

    fn inner(self) -> FloatTensor<B> {
        self.primitive
    }
}

impl<B: Backend, T: Argument<B>> Argument<B> for Option<T> {
    type Inner = Option<T::Inner>;

    fn is_tracked(&self) -> bool {
        self.as_ref().is_some_and(T::is_tracked)
    }

    fn note(&self, call: &mut Call<B>) {
        self.iter().for_each(|t| t.note(call));
    }

    fn inner(self) -> Self::Inner {
        self.map(T::inner)
    }
}

impl<B: Backend, T: Argument<B>> Argument<B> for Vec<T> {
    type Inner = Vec<T::Inner>;

    fn is_tracked(&self) -> bool {
        self.iter().any(T::is_tracked)
    }

    fn note(&self, call: &mut Call<B>) {
        self.iter().for_each(|t| t.note(call));
    }

    fn inner(self) -> Self::Inner {
        self.into_iter().map(T::inner).collect()
    }
}
