//! DeepLIFT's rule for an activation behind a linear layer, with gains and losses kept apart.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::rescale::{secant, vjp_of};
use super::{BoundRule, NodeView, PropagationRule, Rescale, linear_map};
use crate::Value;
use crate::error::{LayerError, RuleError};
use crate::layer::{Layer, Saved};

/// The reveal-cancel rule of DeepLIFT: contributions to an activation that cancel each other are both seen.
///
/// Of a linear layer whose output only an activation `f` reads, the difference from the baseline has a positive and
/// a negative part, `d+ = sum_i max(w_i (x_i - b_i), 0)` and `d-`. Each has the mean of what it changes first and
/// last, its Shapley value: `c+ = (f(z_b + d+) - f(z_b) + f(z) - f(z_b + d-)) / 2`, and `c-` alike. Contributions to
/// the one part have the multiplier `w_i c+ / d+`, those to the other `w_i c- / d-`. Everywhere else this is
/// [`Rescale`].
///
/// Needs a [reference](crate::attributor::Lrp::with_reference).
///
/// Shrikumar, Greenside, Kundaje, ICML 2017, arXiv 1704.02685, section 3.5.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RevealCancel;

/// Whether the node is a linear layer with a weight.
fn is_weighted<B: Backend>(node: &NodeView<'_, B>) -> bool {
    node.layer().ops().linear_map().is_some_and(|map| map.weight().is_some())
}

impl<B: Backend> PropagationRule<B> for RevealCancel {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let is_activation = |node: &NodeView<'_, B>| matches!(node.layer(), Layer::Activation(_));
        if is_activation(node) {
            // The layer before it does its part.
            let producer = node.producer(0).filter(is_weighted);
            return match producer.and_then(|producer| producer.only_reader()) {
                Some(_) => Ok(BoundRule::new(Saved::NOTHING, |_, m| Ok(vec![m]))),
                None => Rescale.bind(node),
            };
        }
        let activation = node.only_reader().filter(is_activation).map(|reader| reader.layer().clone());
        let weight = node.layer().ops().linear_map().and_then(|map| map.weight());
        let (Some(activation), Some(weight)) = (activation, weight) else { return Rescale.bind(node) };
        let (gains, losses) = (weight.positive(), weight.negative());
        Ok(BoundRule::new(Saved::ALL.with_reference(), move |context, m| {
            let (map, dims) = (linear_map(context)?, context.dims()?);
            let dx = context.input(0)? - context.reference_input(0)?;
            let (rise, fall) = (dx.positive(), dx.negative());
            let (z, z0) = (context.output()?, context.reference_output()?);
            let up = z0 + &(map.apply(&rise, Some(&gains)) + map.apply(&fall, Some(&losses)));
            let down = z0 + &(z - &up);
            let f = |z: &Value<B>| activation.ops().forward(vec![z.clone()]);
            let (y, y0, y_up, y_down) = (f(z)?, f(z0)?, f(&up)?, f(&down)?);
            // Where one part is nothing, its multiplier is a derivative.
            let slope = |from: &Value<B>, to: &Value<B>| {
                let (middle, ones) = ((from + to) / 2.0, m.full_like(&m.dims(), 1.0));
                Ok::<_, LayerError>(vjp_of(&activation, &[middle], ones)?.swap_remove(0))
            };
            let multiplier = |change: Value<B>, part: &Value<B>, other: &Value<B>| {
                let slope = (slope(z0, part)? + slope(other, z)?) / 2.0;
                Ok::<_, LayerError>(secant(change, part, z0, slope) * &m)
            };
            let of_up = multiplier((&y_up - &y0 + &y - &y_down) / 2.0, &up, &down)?;
            let of_down = multiplier((y_down - y0 + y - y_up) / 2.0, &down, &up)?;
            let back = |m: &Value<B>, weight: &Value<B>| map.adjoint(m.clone(), Some(weight), dims);
            let of_rise = back(&of_up, &gains) + back(&of_down, &losses);
            let of_fall = back(&of_up, &losses) + back(&of_down, &gains);
            let same = (&of_rise + &of_fall) / 2.0;
            let same = &same - &same.clone().where_nonzero(&dx);
            Ok(vec![of_rise.where_positive(&rise) + of_fall.where_positive(&(fall * -1.0)) + same])
        }))
    }
}
