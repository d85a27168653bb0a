//! Traced masks: bool tensors that know whether, and how, they depend on the graph inputs.

use burn_backend::tensor::BoolTensor;
use burn_backend::{Backend, DType, Scalar, Shape, TensorMetadata};

use crate::tensor::{Argument, Call, Comparison, Edge, MaskSource, Relation, Source, TracedTensor};

/// The bool primitive of [`Traced<B>`](crate::Traced): a primitive of `B` and where it comes from.
///
/// It is public because a backend's associated types are; there is nothing to do with it directly.
#[derive(Debug, Clone)]
pub struct TracedMask<B: Backend> {
    pub(crate) primitive: BoolTensor<B>,
    pub(crate) source: MaskSource<B>,
}

impl<B: Backend> TracedMask<B> {
    /// A mask that does not depend on the graph inputs.
    pub(crate) fn constant(primitive: BoolTensor<B>) -> Self {
        Self { primitive, source: MaskSource::Constant }
    }

    /// A mask computed from arguments of which some may depend on the graph inputs.
    pub(crate) fn computed(depends: bool, primitive: BoolTensor<B>) -> Self {
        Self { primitive, source: if depends { MaskSource::Unknown } else { MaskSource::Constant } }
    }
}

impl<B: Backend> MaskSource<B> {
    /// `value relation bound`.
    pub(crate) fn comparison(value: &TracedTensor<B>, (relation, bound): (Relation, Scalar)) -> Self {
        match &value.source {
            Source::Node(node) => {
                Self::Comparison(Comparison { value: node.clone(), relation, bound: bound.elem() })
            }
            Source::Constant(_) => Self::Constant,
        }
    }
}

impl<B: Backend> TensorMetadata for TracedMask<B> {
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

impl<B: Backend> Argument<B> for TracedMask<B> {
    type Inner = BoolTensor<B>;

    fn is_tracked(&self) -> bool {
        !matches!(self.source, MaskSource::Constant)
    }

    fn note(&self, call: &mut Call<B>) {
        if let Call::Recorded(edges) = call {
            edges.push(match &self.source {
                MaskSource::Constant => Edge::ConstantMask(self.primitive.clone()),
                source => Edge::Mask(source.clone(), self.primitive.clone()),
            });
        }
    }

    fn inner(self) -> BoolTensor<B> {
        self.primitive
    }
}
