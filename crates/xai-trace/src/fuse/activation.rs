//! Activations that Burn computes in steps.
//!
//! Each pattern is written as its formula reads, from the last operation inwards; `x` is the value
//! that all of its branches come from.

use std::sync::Arc;

use burn_backend::Backend;
use xai_core::layer::{Activation, Elementwise};

use super::{Fused, factor, near, only, unary};

use crate::op::{Op, activation_name};
use crate::tensor::{Comparison, Edge, MaskSource, Node, Relation};

/// A pattern: the activation, its input, and the ids of the operations between input and last.
type Found<'a, B> = (Activation, &'a Arc<Node<B>>, Vec<u64>);

/// The activation that ends in `last`.
pub(super) fn find<B: Backend>(last: &Node<B>) -> Option<Fused<B>> {
    let (activation, input, inside) = match last.op {
        Op::Mul | Op::MulScalar(_) | Op::DivScalar(_) => {
            gated(last).or_else(|| gelu_tanh(last)).or_else(|| softplus(last)).or_else(|| hard_sigmoid(last))
        }
        Op::Elementwise(Elementwise::Log | Elementwise::Log1p) => softplus(last),
        Op::Elementwise(Elementwise::Recip) => sigmoid(last),
        Op::Div => softsign(last),
        Op::MaskWhere => masked(last),
        Op::MaskFill(0.0) => silenced(last),
        _ => None,
    }?;
    if input.shape != last.shape {
        return None;
    }
    let kind = activation_name(&activation);
    Some(Fused { layer: activation.into(), kind, inputs: vec![input.clone()], inside, constants: Vec::new() })
}

/// `x sigmoid(x)`, `x hard_sigmoid(x)`, `x tanh(softplus(x))`.
fn gated<B: Backend>(last: &Node<B>) -> Option<Found<'_, B>> {
    // The division by six of a hard swish may come last: `x relu6(x + 3) / 6`.
    if let Some((product, sixth)) = factor(last)
        && near(sixth, 1.0 / 6.0)
    {
        let (x, gate) =
            ordered(product, |x, gate| relu6_of_three_more(gate).is_some_and(|(y, _)| same(x, y)))?;
        let (_, inner) = relu6_of_three_more(gate)?;
        return Some((Activation::HardSwish, x, vec![product.id, gate.id, inner]));
    }
    let activation = |x: &Arc<Node<B>>, gate: &Arc<Node<B>>| {
        let (activation, input, mut inside) = gate_of(gate)?;
        inside.push(gate.id);
        same(x, input).then_some((activation, inside))
    };
    let (x, gate) = ordered(last, |x, gate| activation(x, gate).is_some())?;
    let (activation, inside) = activation(x, gate)?;
    Some((activation, x, inside))
}

/// The activation that a product of x with this gate is.
fn gate_of<B: Backend>(gate: &Node<B>) -> Option<Found<'_, B>> {
    let is_sixth = |alpha: f64, beta: f64| near(alpha, 1.0 / 6.0) && near(beta, 0.5);
    match gate.op {
        Op::Activation(Activation::Sigmoid) => Some((Activation::Silu, only(gate)?, Vec::new())),
        Op::Activation(Activation::HardSigmoid { alpha, beta }) if is_sixth(alpha, beta) => {
            Some((Activation::HardSwish, only(gate)?, Vec::new()))
        }
        Op::Activation(Activation::Tanh) => {
            let soft = only(gate)?;
            let (activation, x, mut inside) = softplus(soft)?;
            inside.push(soft.id);
            (activation == Activation::Softplus { beta: 1.0 }).then_some((Activation::Mish, x, inside))
        }
        _ => {
            let (activation, x, inside) = hard_sigmoid(gate).or_else(|| sigmoid(gate))?;
            let product =
                if activation == Activation::Sigmoid { Activation::Silu } else { Activation::HardSwish };
            Some((product, x, inside))
        }
    }
}

/// `relu6(x + 3) / 6`.
fn hard_sigmoid<B: Backend>(last: &Node<B>) -> Option<Found<'_, B>> {
    let (clipped, sixth) = factor(last)?;
    let (x, sum) = relu6_of_three_more(clipped)?;
    near(sixth, 1.0 / 6.0)
        .then(|| (Activation::HardSigmoid { alpha: 1.0 / 6.0, beta: 0.5 }, x, vec![clipped.id, sum]))
}

/// x and the id of the sum in `relu6(x + 3)`.
fn relu6_of_three_more<B: Backend>(node: &Node<B>) -> Option<(&Arc<Node<B>>, u64)> {
    let Op::Activation(Activation::Relu6) = node.op else { return None };
    let sum = only(node)?;
    match sum.op {
        Op::AddScalar(3.0) => Some((only(sum)?, sum.id)),
        _ => None,
    }
}

/// `1 / (1 + exp(-x))`.
fn sigmoid<B: Backend>(last: &Node<B>) -> Option<Found<'_, B>> {
    let sum = unary(last, Elementwise::Recip)?;
    let exp = one_more(sum)?;
    let negative = unary(exp, Elementwise::Exp)?;
    matches!(negative.op, Op::Neg).then_some(())?;
    Some((Activation::Sigmoid, only(negative)?, vec![sum.id, exp.id, negative.id]))
}

/// `log(1 + exp(beta x)) / beta`; without the factors, beta is 1.
fn softplus<B: Backend>(last: &Node<B>) -> Option<Found<'_, B>> {
    if let Op::DivScalar(beta) = last.op {
        let log = only(last)?;
        let (scaled, mut inside) = log_of_one_more(log)?;
        let Op::MulScalar(factor) = scaled.op else { return None };
        inside.extend([log.id, scaled.id]);
        return near(factor, beta).then_some((Activation::Softplus { beta }, only(scaled)?, inside));
    }
    let (x, inside) = log_of_one_more(last)?;
    Some((Activation::Softplus { beta: 1.0 }, x, inside))
}

/// x in `log(1 + exp(x))`.
fn log_of_one_more<B: Backend>(log: &Node<B>) -> Option<(&Arc<Node<B>>, Vec<u64>)> {
    if let Some(exp) = unary(log, Elementwise::Log1p) {
        return Some((unary(exp, Elementwise::Exp)?, vec![exp.id]));
    }
    let sum = unary(log, Elementwise::Log)?;
    let exp = one_more(sum)?;
    Some((unary(exp, Elementwise::Exp)?, vec![sum.id, exp.id]))
}

/// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.
fn gelu_tanh<B: Backend>(last: &Node<B>) -> Option<Found<'_, B>> {
    let (product, half) = factor(last)?;
    let angle = |gate: &Arc<Node<B>>| {
        let tanh = one_more(gate)?;
        matches!(tanh.op, Op::Activation(Activation::Tanh)).then_some(())?;
        let angle = only(tanh)?;
        let (sum, scale) = factor(angle)?;
        near(scale, (2.0 / std::f64::consts::PI).sqrt()).then_some(())?;
        let (x, scaled) =
            ordered_sum(sum, |_, scaled| factor(scaled).is_some_and(|(_, c)| near(c, 0.044_715)))?;
        let (cube, _) = factor(scaled)?;
        let Op::Elementwise(Elementwise::Power(3.0)) = cube.op else { return None };
        let inside = vec![gate.id, tanh.id, angle.id, sum.id, scaled.id, cube.id];
        same(x, only(cube)?).then(|| (x.clone(), inside))
    };
    let (x, gate) = ordered(product, |x, gate| angle(gate).is_some_and(|(y, _)| same(x, &y)))?;
    let (_, mut inside) = angle(gate)?;
    inside.push(product.id);
    near(half, 0.5).then_some((Activation::GeluTanh, x, inside))
}

/// `x / (1 + |x|)`.
fn softsign<B: Backend>(last: &Node<B>) -> Option<Found<'_, B>> {
    let [Edge::Node(x), Edge::Node(width)] = last.inputs.as_slice() else { return None };
    let abs = one_more(width)?;
    same(x, unary(abs, Elementwise::Abs)?).then(|| (Activation::Softsign, x, vec![width.id, abs.id]))
}

/// ELU, CELU, SELU and the leaky ReLU: one branch for small, one for large x.
fn masked<B: Backend>(last: &Node<B>) -> Option<Found<'_, B>> {
    let [Edge::Node(no), Edge::Mask(MaskSource::Comparison(mask), _), Edge::Node(yes)] =
        last.inputs.as_slice()
    else {
        return None;
    };
    let Comparison { value: x, relation, bound: 0.0 } = mask else { return None };
    // The branches' values at 0 are equal, so it does not matter which one has it.
    let (small, large) = match relation {
        Relation::Lower | Relation::LowerEqual => (yes, no),
        Relation::Greater | Relation::GreaterEqual => (no, yes),
    };
    let (below, factor_below) = factor(small)?;
    if same(below, x) && same(large, x) {
        let activation = Activation::LeakyRelu { slope: factor_below };
        return Some((activation, large, vec![small.id]));
    }
    let exp = match below.op {
        Op::SubScalar(1.0) => only(below)?,
        Op::AddScalar(-1.0) => only(below)?,
        _ => return None,
    };
    let argument = unary(exp, Elementwise::Exp)?;
    let inside = vec![small.id, below.id, exp.id];
    if same(argument, x) && same(large, x) {
        return Some((Activation::Elu { alpha: factor_below }, large, inside));
    }
    if same(argument, x) {
        let (scaled, scale) = factor(large)?;
        let is_selu = near(scale, 1.050_700_987_355_480_5) && near(factor_below, 1.758_099_340_847_376_6);
        return (is_selu && same(scaled, x))
            .then(|| (Activation::Selu, scaled, [inside, vec![large.id]].concat()));
    }
    let (scaled, inverse) = factor(argument)?;
    (same(scaled, x) && same(large, x) && near(inverse * factor_below, 1.0))
        .then(|| (Activation::Celu { alpha: factor_below }, large, [inside, vec![argument.id]].concat()))
}

/// The thresholded ReLU and the shrinks: zero for small x.
fn silenced<B: Backend>(last: &Node<B>) -> Option<Found<'_, B>> {
    let [Edge::Node(kept), Edge::Mask(MaskSource::Comparison(mask), _)] = last.inputs.as_slice() else {
        return None;
    };
    let Comparison { value, relation: Relation::LowerEqual, bound } = mask else { return None };
    if same(value, kept) {
        let threshold = *bound;
        let activation =
            if threshold == 0.0 { Activation::Relu } else { Activation::ThresholdedRelu { threshold } };
        return Some((activation, kept, Vec::new()));
    }
    let x = unary(value, Elementwise::Abs)?;
    if same(x, kept) {
        return Some((Activation::Shrink { lambda: *bound, bias: 0.0 }, kept, Vec::new()));
    }
    let (Op::Sub, [Edge::Node(from), Edge::Node(drawn)]) = (&kept.op, kept.inputs.as_slice()) else {
        return None;
    };
    let (sign, bias) = factor(drawn)?;
    (same(from, x) && same(unary(sign, Elementwise::Sign)?, x))
        .then(|| (Activation::Shrink { lambda: *bound, bias }, from, vec![kept.id, drawn.id, sign.id]))
}

/// x in `x + 1`.
fn one_more<B: Backend>(node: &Node<B>) -> Option<&Arc<Node<B>>> {
    match node.op {
        Op::AddScalar(1.0) => only(node),
        _ => None,
    }
}

type Pair<'a, B> = (&'a Arc<Node<B>>, &'a Arc<Node<B>>);

/// The two factors, in the order that `accept` takes.
fn ordered<B: Backend>(
    product: &Node<B>,
    accept: impl Fn(&Arc<Node<B>>, &Arc<Node<B>>) -> bool,
) -> Option<Pair<'_, B>> {
    matches!(product.op, Op::Mul).then(|| either_way(product, accept))?
}

/// The two summands, in the order that `accept` takes.
fn ordered_sum<B: Backend>(
    sum: &Node<B>,
    accept: impl Fn(&Arc<Node<B>>, &Arc<Node<B>>) -> bool,
) -> Option<Pair<'_, B>> {
    matches!(sum.op, Op::Add).then(|| either_way(sum, accept))?
}

fn either_way<B: Backend>(
    node: &Node<B>,
    accept: impl Fn(&Arc<Node<B>>, &Arc<Node<B>>) -> bool,
) -> Option<Pair<'_, B>> {
    let [Edge::Node(first), Edge::Node(second)] = node.inputs.as_slice() else { return None };
    if accept(first, second) {
        return Some((first, second));
    }
    accept(second, first).then_some((second, first))
}

fn same<B: Backend>(first: &Arc<Node<B>>, second: &Arc<Node<B>>) -> bool {
    first.id == second.id
}
