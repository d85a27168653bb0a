//! Fuses the operations that Burn records for one layer to that layer, before the rest is
//! [lowered](crate::lower) one by one.

mod activation;
mod batch_norm;
mod linear;
mod min_pool;
mod normalize;
mod padding;
mod softmax;
mod tiling;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use burn_backend::Backend;
use xai_core::layer::{Elementwise, Layer};

use crate::op::Op;
use crate::tensor::{Edge, Key, Node};

/// One layer that stands for several recorded operations.
pub(crate) struct Fused<B: Backend> {
    pub(crate) layer: Layer<B>,
    /// What nodes of this layer are called that own no parameter.
    pub(crate) kind: Cow<'static, str>,
    /// The values that the operations read.
    pub(crate) inputs: Vec<Arc<Node<B>>>,
    /// Ids of the operations before the last.
    pub(crate) inside: Vec<u64>,
    /// The constants that they read.
    pub(crate) constants: Vec<Key>,
}

/// All fused layers, by the id of their last operation.
///
/// Nothing outside may read the values inside, and of two that overlap the larger one counts: the
/// search runs from the output backwards, and what is inside one layer does not end another.
pub(crate) fn fused<B: Backend>(nodes: &[Arc<Node<B>>]) -> HashMap<u64, Fused<B>> {
    let mut readers: HashMap<u64, Vec<u64>> = HashMap::new();
    for node in nodes {
        for input in node.inputs.iter().filter_map(Edge::node) {
            readers.entry(input.id).or_default().push(node.id);
        }
    }
    let mut inside = HashSet::new();
    let mut fused = HashMap::new();
    for node in nodes.iter().rev() {
        if inside.contains(&node.id) {
            continue;
        }
        let candidates = [
            batch_norm::find,
            linear::find,
            normalize::find,
            softmax::find,
            activation::find,
            padding::find,
            min_pool::find,
            tiling::find,
        ];
        let found = candidates.iter().filter_map(|find| find(node)).find(|found| {
            let only_here = |reader: &u64| *reader == node.id || found.inside.contains(reader);
            let is_private = |id: &u64| readers.get(id).is_some_and(|readers| readers.iter().all(only_here));
            found.inside.iter().all(is_private)
        });
        if let Some(found) = found {
            inside.extend(found.inside.iter().copied());
            fused.insert(node.id, found);
        }
    }
    fused
}

/// x in `function(x)`.
fn unary<B: Backend>(node: &Node<B>, function: Elementwise) -> Option<&Arc<Node<B>>> {
    match node.op {
        Op::Elementwise(own) if own == function => only(node),
        _ => None,
    }
}

/// x and c in `c x`.
fn factor<B: Backend>(node: &Node<B>) -> Option<(&Arc<Node<B>>, f64)> {
    match node.op {
        Op::MulScalar(factor) => Some((only(node)?, factor)),
        Op::DivScalar(divisor) => Some((only(node)?, 1.0 / divisor)),
        _ => None,
    }
}

/// Equal up to the rounding of a literal in f32.
fn near(value: f64, expected: f64) -> bool {
    (value - expected).abs() <= 1e-6 * expected.abs().max(1e-6)
}

/// The one argument.
fn only<B: Backend>(node: &Node<B>) -> Option<&Arc<Node<B>>> {
    match node.inputs.as_slice() {
        [Edge::Node(input)] => Some(input),
        _ => None,
    }
}
