//! Scores whose gradient is lost to rounding.

use burn_backend::{Backend, DType};

use super::Transform;
use crate::Value;
use crate::engine::read;
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::layer::{Activation, Layer, LayerKind, Softmax, SoftmaxForm};

/// How many of the smallest differences from 1 a score may be away from it: there, the rest to 1, and with it the
/// gradient, has no more than one right digit.
const CLOSE: f64 = 16.0;

/// The name of the softmax or sigmoid that gives `scores`, if one of those with a weight is so close to an end of
/// its range that rounding took the gradient.
pub(super) fn saturated<B: Backend>(
    graph: &Graph<B>,
    transform: &Option<Transform<B>>,
    scores: &Value<B>,
    weights: &Value<B>,
) -> Result<Option<String>, ExplainError> {
    let name = match transform {
        Some(Transform::Softmax { is_log: false, .. }) => Some(super::Target::<B>::SOFTMAX),
        Some(_) => None,
        None => bounded_output(graph),
    };
    let Some(name) = name else { return Ok(None) };
    let close = CLOSE * if scores.dtype() == DType::F64 { f64::EPSILON } else { f64::from(f32::EPSILON) };
    // Next to 0 numbers are fine enough: the gradient is lost at 0 itself.
    let at_end = |score: f64| score == 0.0 || 1.0 - score <= close;
    let (scores, weights) = (read(scores)?, read(weights)?);
    let is_saturated = scores.iter().zip(&weights).any(|(score, weight)| *weight != 0.0 && at_end(*score));
    Ok(is_saturated.then(|| name.to_owned()))
}

/// The node whose outputs lie in a range with ends, if the graph's output comes from one.
fn bounded_output<B: Backend>(graph: &Graph<B>) -> Option<&str> {
    let mut id = graph.output();
    loop {
        let node = &graph.nodes()[id.index()];
        let is_bounded = match node.layer() {
            Layer::Softmax(softmax) => Softmax::form(softmax) != SoftmaxForm::LogSoftmax,
            Layer::Activation(activation) => {
                matches!(activation, Activation::Sigmoid | Activation::HardSigmoid { .. })
            }
            _ => false,
        };
        match node.inputs() {
            _ if is_bounded => return Some(node.name()),
            [input] if LayerKind::ROUTES.contains(&node.layer().kind()) => id = *input,
            _ => return None,
        }
    }
}
