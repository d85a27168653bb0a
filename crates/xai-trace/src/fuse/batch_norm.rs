//! Batch norms in evaluation mode: `(input - mean) / std * scale + shift`.

use std::sync::Arc;

use burn_backend::Backend;
use xai_core::layer::BatchNorm;

use super::Fused;
use crate::op::Op;
use crate::tensor::{Constant, Edge, Node};

/// The batch norm that ends in the sum `last`.
pub(super) fn find<B: Backend>(last: &Node<B>) -> Option<Fused<B>> {
    let (product, shift) = per_channel(last)?;
    let (quotient, scale) = per_channel(product)?;
    let (difference, std) = per_channel(quotient)?;
    let (input, mean) = per_channel(difference)?;
    if !matches!((&last.op, &product.op, &quotient.op, &difference.op), (Op::Add, Op::Mul, Op::Div, Op::Sub))
    {
        return None;
    }
    let constants = [mean.key, std.key, scale.key, shift.key].to_vec();
    let layer = BatchNorm::new(mean.value, std.value, scale.value, shift.value).ok()?;
    Some(Fused {
        layer: layer.into(),
        kind: "batch_norm".into(),
        inputs: vec![input.clone()],
        inside: vec![product.id, quotient.id, difference.id],
        constants,
    })
}

/// The operands of an operation on a value `[batch, channels, ...]` and a constant
/// `[1, channels, 1, ...]`, the latter as `[channels]`.
fn per_channel<B: Backend>(node: &Node<B>) -> Option<(&Arc<Node<B>>, Constant<B>)> {
    let [Edge::Node(input), constant] = node.inputs.as_slice() else { return None };
    let Constant { key, value } = constant.constant()?;
    let channels = *node.shape.as_slice().get(1)?;
    let mut expected = vec![1; node.shape.as_slice().len()];
    expected[1] = channels;
    (input.shape == node.shape && value.dims() == expected)
        .then(|| (input, Constant { key, value: value.reshape(&[channels]) }))
}
