//! Linear layers written as a matrix product and a sum: `x W + b`.

use burn_backend::Backend;

use super::Fused;
use crate::layers::linear;
use crate::op::Op;
use crate::tensor::{Edge, Node};

/// The linear layer with a bias that ends in the sum `last`.
pub(super) fn find<B: Backend>(last: &Node<B>) -> Option<Fused<B>> {
    let (Op::Add, [Edge::Node(product), Edge::Constant(bias)] | [Edge::Constant(bias), Edge::Node(product)]) =
        (&last.op, last.inputs.as_slice())
    else {
        return None;
    };
    let [Edge::Node(input), Edge::Constant(weight)] = product.inputs.as_slice() else { return None };
    let (dims, features) = (bias.value.dims(), *product.shape.as_slice().last()?);
    let (size, leading) = dims.split_last()?;
    let is_bias = *size == features && leading.iter().all(|&size| size == 1);
    if !is_bias || product.shape != last.shape {
        return None;
    }
    let layer = linear(product, Some(bias.value.clone().reshape(&[features])))?;
    Some(Fused {
        layer: layer.into(),
        kind: product.op.name(),
        inputs: vec![input.clone()],
        inside: vec![product.id],
        constants: vec![weight.key, bias.key],
    })
}
