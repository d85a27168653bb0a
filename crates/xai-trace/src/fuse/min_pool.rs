//! Min pools, which Burn does not have: `-max_pool(-x)`.

use burn_backend::Backend;
use xai_core::layer::Pool;

use super::Fused;
use crate::layers::sliding;
use crate::op::Op;
use crate::tensor::{Edge, Node};

/// The min pool that ends in the negation `last`.
pub(super) fn find<B: Backend>(last: &Node<B>) -> Option<Fused<B>> {
    let (Op::Neg, [Edge::Node(pool)]) = (&last.op, last.inputs.as_slice()) else { return None };
    let (Op::MaxPool(window), [Edge::Node(negated)]) = (&pool.op, pool.inputs.as_slice()) else {
        return None;
    };
    let (Op::Neg, [Edge::Node(input)]) = (&negated.op, negated.inputs.as_slice()) else { return None };
    Some(Fused {
        layer: Pool::min(sliding(window, last.shape.as_slice())).into(),
        kind: "min_pool".into(),
        inputs: vec![input.clone()],
        inside: vec![pool.id, negated.id],
        constants: Vec::new(),
    })
}
