//! Softmaxes that a model, or Burn, computes in steps: `exp(x - max) / sum(exp(x - max))`.

use std::sync::Arc;

use burn_backend::Backend;
use xai_core::kernel::Extremum;
use xai_core::layer::{Activation, Elementwise, Softmax, SoftmaxForm};

use super::{Fused, only, unary};
use crate::op::Op;
use crate::tensor::{Edge, Node};

/// The softmax that ends in the quotient `last`.
pub(super) fn find<B: Backend>(last: &Node<B>) -> Option<Fused<B>> {
    let (Op::Div, [Edge::Node(terms), Edge::Node(sum)]) = (&last.op, last.inputs.as_slice()) else {
        return None;
    };
    let shifted = unary(terms, Elementwise::Exp)?;
    let mut inside = vec![terms.id, sum.id];
    let (form, total) = match (&sum.op, sum.inputs.as_slice()) {
        (Op::Add, [Edge::Node(total), Edge::Node(rest)]) => {
            // The exponential of minus the maximum: that of 0, shifted likewise.
            let negative = unary(rest, Elementwise::Exp)?;
            let (Op::Neg, Op::Sub) = (&negative.op, &shifted.op) else { return None };
            let largest = only(negative)?;
            let is_same = shifted.inputs.last().and_then(Edge::node).is_some_and(|own| own.id == largest.id);
            inside.extend([total.id, rest.id, negative.id]);
            is_same.then_some((SoftmaxForm::Quiet, total))?
        }
        (Op::Activation(Activation::Clamp { min: Some(min), max: None }), [Edge::Node(total)])
            if *min > 0.0 && *min < 1e-30 =>
        {
            inside.push(total.id);
            (SoftmaxForm::Masked, total)
        }
        _ => (SoftmaxForm::Softmax, sum),
    };
    let Op::Reduce(reduce) = &total.op else { return None };
    let (&[dim], false, true) = (reduce.axes()?, reduce.is_mean(), only(total)?.id == terms.id) else {
        return None;
    };
    let input = match (&shifted.op, shifted.inputs.as_slice()) {
        (Op::Sub, [Edge::Node(x), Edge::Node(largest)]) => {
            inside.push(shifted.id);
            inside.extend(largest_of(largest, x, dim)?);
            x
        }
        // Without the shift, a softmax that may overflow.
        _ if matches!(form, SoftmaxForm::Softmax) => shifted,
        _ => return None,
    };
    let layer = Softmax::new(form, dim);
    let kind = Op::Softmax(layer).name();
    Some(Fused { layer: layer.into(), kind, inputs: vec![input.clone()], inside, constants: Vec::new() })
}

/// The ids of what computes the largest element of `x`, if it is that: with or without a gradient, and with a
/// bound that makes minus infinity finite.
fn largest_of<B: Backend>(node: &Arc<Node<B>>, x: &Arc<Node<B>>, dim: usize) -> Option<Vec<u64>> {
    let (mut node, mut inside) = (node, Vec::new());
    while node.id != x.id {
        inside.push(node.id);
        match node.op {
            Op::Detach => {}
            Op::Activation(Activation::Clamp { min: Some(min), max: None }) if min < -1e30 => {}
            Op::Extremum { dim: own, extremum: Extremum::Max } if own == dim => {}
            _ => return None,
        }
        node = only(node)?;
    }
    Some(inside)
}
