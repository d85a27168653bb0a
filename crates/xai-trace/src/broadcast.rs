//! Expansions and masks: layers of their own, or what lies between an input and an operation.

use burn_backend::tensor::BoolTensor;
use burn_backend::{Backend, FloatDType, Scalar, TensorMetadata};
use xai_core::Value;
use xai_core::layer::{Add, Affine, Coefficient, Expand, Layer};

use crate::op::Op;
use crate::tensor::{Edge, Node};

/// An expansion; sizes that stay are left free.
pub(crate) fn expand(input: &[usize], output: &[usize]) -> Expand {
    let new = output.len().saturating_sub(input.len());
    Expand::new(output.iter().enumerate().map(|(place, &size)| {
        let stays = place.checked_sub(new).and_then(|place| input.get(place)) == Some(&size);
        if stays { -1 } else { size as i64 }
    }))
}

/// The mask of an argument, of the shape of `node`. One that depends on the input holds for this input alone.
fn mask<B: Backend>(node: &Node<B>, edge: &Edge<B>) -> Result<BoolTensor<B>, String> {
    let mask = match edge {
        Edge::ConstantMask(mask) => mask,
        Edge::Mask(_, mask) => {
            crate::reads::note(&[true]);
            mask
        }
        _ => return Err("without a mask".to_owned()),
    };
    let shape = mask.shape();
    Ok(if shape == node.shape { mask.clone() } else { B::bool_expand(mask.clone(), node.shape.clone()) })
}

/// A value of the mask's shape, filled with `outside` where it does not hold and with `inside` where it does.
fn filled<B: Backend>(node: &Node<B>, mask: &BoolTensor<B>, [outside, inside]: [f64; 2]) -> Value<B> {
    let (shape, device, dtype) = (mask.shape(), B::bool_device(mask), FloatDType::from(node.dtype));
    let outside = B::float_full(shape, Scalar::Float(outside), &device, dtype);
    Value::from_primitive(B::float_mask_fill(outside, mask.clone(), Scalar::Float(inside)))
}

/// `value` where a mask holds, the input elsewhere.
pub(crate) fn mask_fill<B: Backend>(node: &Node<B>, value: f64) -> Result<Layer<B>, String> {
    let [Edge::Node(_), edge] = node.inputs.as_slice() else { return Err("without a mask".to_owned()) };
    let mask = mask(node, edge)?;
    let factor = filled(node, &mask, [1.0, 0.0]);
    let offset = filled(node, &mask, [0.0, value]);
    Ok(Affine::new(tensor(factor), tensor(offset)).into())
}

/// A constant where a mask holds, or where it does not, the input elsewhere; or the sum of two inputs that were
/// masked [before].
pub(crate) fn mask_where<B: Backend>(node: &Node<B>) -> Result<Layer<B>, String> {
    let (edge, constant, kept) = match node.inputs.as_slice() {
        [Edge::Node(_), _, Edge::Node(_)] => return Ok(Add.into()),
        [Edge::Node(_), edge, Edge::Constant(constant)] => (edge, constant, [1.0, 0.0]),
        [Edge::Constant(constant), edge, Edge::Node(_)] => (edge, constant, [0.0, 1.0]),
        _ => return Err("of arguments of another kind".to_owned()),
    };
    let factor = filled(node, &mask(node, edge)?, kept);
    // An infinite constant times 0 is no number, so it is put in its place, not multiplied.
    let offset = constant.value.clone().expand(node.shape.as_slice()).where_nonzero(&(factor.clone() - 1.0));
    Ok(Affine::new(tensor(factor), tensor(offset)).into())
}

/// The layers between an input that depends on the graph's inputs and the operation: an expansion, where the
/// operation broadcasts it, and a mask, where it picks between two values.
pub(crate) fn before<B: Backend>(node: &Node<B>, input: &Node<B>, place: usize) -> Vec<Layer<B>> {
    let (dims, output) = (input.shape.as_slice(), node.shape.as_slice());
    let broadcasts =
        matches!(node.op, Op::Add | Op::Sub | Op::Mul | Op::Div | Op::MaskWhere | Op::MaskFill(_));
    let mut layers: Vec<Layer<B>> = Vec::new();
    if broadcasts && dims != output {
        layers.push(expand(dims, output).into());
    }
    if let (Op::MaskWhere, [Edge::Node(_), edge, Edge::Node(_)]) = (&node.op, node.inputs.as_slice())
        && let Ok(mask) = mask(node, edge)
    {
        let kept = if place == 0 { [1.0, 0.0] } else { [0.0, 1.0] };
        layers.push(Affine::scale(Coefficient::Tensor(filled(node, &mask, kept))).into());
    }
    layers
}

fn tensor<B: Backend>(value: Value<B>) -> Option<Coefficient<B>> {
    Some(Coefficient::Tensor(value))
}
