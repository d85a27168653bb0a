//! Normalisations that a model computes in steps: `(x - mean) / sqrt(variance + epsilon)` and
//! `x / sqrt(mean(x^2) + epsilon)`, over any dimensions.

use std::sync::Arc;

use burn_backend::Backend;
use xai_core::layer::{Elementwise, Normalize};

use super::{Fused, factor, near, only, unary};
use crate::op::Op;
use crate::tensor::{Edge, Node};

type Arg<'a, B> = &'a Arc<Node<B>>;

/// The normalisation that ends in `last`.
pub(super) fn find<B: Backend>(last: &Node<B>) -> Option<Fused<B>> {
    let [Edge::Node(first), Edge::Node(second)] = last.inputs.as_slice() else { return None };
    let (value, mut inside, deviation) = match last.op {
        Op::Div => std(second).map(|(deviation, inside)| (first, inside, deviation))?,
        Op::Mul => {
            let by_second = inverse_std(second).filter(|(deviation, _)| deviates_from(deviation, first));
            match by_second {
                Some((deviation, inside)) => (first, inside, deviation),
                None => inverse_std(first).map(|(deviation, inside)| (second, inside, deviation))?,
            }
        }
        _ => return None,
    };
    if !deviates_from(&deviation, value) || value.shape != last.shape {
        return None;
    }
    let Deviation { dims, epsilon, of, .. } = deviation;
    let layer = Normalize::new(dims.iter().copied(), epsilon).ok()?;
    let (layer, input) = match centred(of, &dims) {
        Some((x, means)) => {
            inside.extend(means.into_iter().chain([of.id]));
            if of.id != value.id {
                // The difference was computed twice.
                let (_, means) = centred(value, &dims)?;
                inside.extend(means.into_iter().chain([value.id]));
            }
            (layer, x)
        }
        None => (layer.without_centring(), value),
    };
    let kind = "normalize".into();
    Some(Fused { layer: layer.into(), kind, inputs: vec![input.clone()], inside, constants: Vec::new() })
}

/// `sqrt(mean(of^2) + epsilon)`.
struct Deviation<'a, B: Backend> {
    of: Arg<'a, B>,
    dims: Vec<usize>,
    epsilon: f64,
}

/// Whether the deviation is that of `value`.
fn deviates_from<B: Backend>(deviation: &Deviation<'_, B>, value: Arg<'_, B>) -> bool {
    let source = |node| centred(node, &deviation.dims).map(|(x, _)| x.id);
    deviation.of.id == value.id || source(deviation.of).is_some_and(|of| source(value) == Some(of))
}

/// A standard deviation and the ids of what computes it.
fn std<B: Backend>(node: Arg<'_, B>) -> Option<(Deviation<'_, B>, Vec<u64>)> {
    let variance = unary(node, Elementwise::Sqrt).or_else(|| unary(node, Elementwise::Power(0.5)))?;
    with_variance(node, variance)
}

/// The inverse of one.
fn inverse_std<B: Backend>(node: Arg<'_, B>) -> Option<(Deviation<'_, B>, Vec<u64>)> {
    if let Some(variance) = unary(node, Elementwise::Power(-0.5)) {
        return with_variance(node, variance);
    }
    let inverted = unary(node, Elementwise::Recip).or_else(|| unary(node, Elementwise::Power(-1.0)))?;
    let (deviation, mut inside) = std(inverted)?;
    inside.push(node.id);
    Some((deviation, inside))
}

fn with_variance<'a, B: Backend>(
    node: Arg<'a, B>,
    variance: Arg<'a, B>,
) -> Option<(Deviation<'a, B>, Vec<u64>)> {
    let mut inside = vec![node.id];
    let (squares, epsilon) = match variance.op {
        Op::AddScalar(epsilon) if epsilon >= 0.0 => {
            inside.push(variance.id);
            (only(variance)?, epsilon)
        }
        _ => (variance, 0.0),
    };
    let (square, dims, means) = mean(squares)?;
    inside.extend(means.into_iter().chain([square.id]));
    let of = match (&square.op, square.inputs.as_slice()) {
        (Op::Mul, [Edge::Node(a), Edge::Node(b)]) if a.id == b.id => a,
        _ => unary(square, Elementwise::Power(2.0))?,
    };
    Some((Deviation { of, dims, epsilon }, inside))
}

/// x and the ids of the means in `x - mean(x)`.
fn centred<'a, B: Backend>(node: Arg<'a, B>, dims: &[usize]) -> Option<(Arg<'a, B>, Vec<u64>)> {
    let (Op::Sub, [Edge::Node(x), Edge::Node(mean_of_x)]) = (&node.op, node.inputs.as_slice()) else {
        return None;
    };
    let (of, over, inside) = mean(mean_of_x)?;
    (of.id == x.id && over == dims).then_some((x, inside))
}

/// x, the dimensions and the ids of what computes a mean, written as a mean or as a sum and a division, over
/// one dimension after the other or several at once.
fn mean<B: Backend>(node: Arg<'_, B>) -> Option<(Arg<'_, B>, Vec<usize>, Vec<u64>)> {
    let (mut x, mut factor_of_sums) = (node, 1.0);
    let (mut dims, mut inside) = (Vec::new(), Vec::new());
    loop {
        inside.push(x.id);
        if let Some((scaled, factor)) = factor(x) {
            factor_of_sums *= factor;
            x = scaled;
            continue;
        }
        let Op::Reduce(reduce) = &x.op else { break };
        let (over, input) = (reduce.axes()?, only(x)?);
        if !reduce.is_mean() {
            let count: usize = over.iter().map(|&dim| input.shape.as_slice()[dim]).product();
            factor_of_sums *= count as f64;
        }
        dims.extend_from_slice(over);
        x = input;
    }
    inside.pop();
    dims.sort_unstable();
    dims.dedup();
    (!dims.is_empty() && near(factor_of_sums, 1.0)).then_some((x, dims, inside))
}
