//! LRP-gamma, generalised to inputs and outputs of either sign.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::plain::Plain;
use super::stabilizer::Sign;
use super::terms::{Term, divide, drop_at_zero, share_out};
use super::{
    BoundRule, NodeView, PropagationRule, Stabilizer, Support, check_number, linear_map, require_linear,
};
use crate::Value;
use crate::error::RuleError;
use crate::layer::{LedgerTerm, Saved};

/// Favours contributions of the output's own sign: where `z > 0`,
/// `R_in = (x+ (W + g W+)^T + x- (W + g W-)^T) s` with
/// `s = R / st(x+ (W + g W+) + x- (W + g W-) + b + g b+)`; where `z < 0`, the same with `W+` and
/// `W-`, `b+` and `b-` exchanged. Relevance that meets `z = 0` is dropped.
///
/// The sign of `z` is that of the layer's output, bias included even if `zero_bias` leaves it out
/// of the denominators. One forward, one more to leave a bias out, and two adjoints; one of each before a
/// ReLU, where no relevance arrives at negative outputs. Montavon et al., LNCS 11700:193-209, 2019
/// (for `x >= 0`); Andeol et al., arXiv 2106.04923, 2021 (generalised).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gamma {
    /// How much more the favoured contributions weigh; default 0.25. With 0 this is
    /// [`Epsilon`](super::Epsilon).
    #[serde(deserialize_with = "super::form::gamma")]
    pub gamma: f64,
    /// Stabilizes the denominators; default 1e-6.
    pub stabilizer: Stabilizer,
    /// Leaves the bias out of the denominators.
    pub zero_bias: bool,
}

impl Default for Gamma {
    fn default() -> Self {
        Self { gamma: 0.25, stabilizer: Stabilizer::default(), zero_bias: false }
    }
}

impl Gamma {
    /// The rule with this gamma, stabilized by 1e-6.
    pub fn new(gamma: f64) -> Self {
        Self { gamma, ..Self::default() }
    }

    fn check<B: Backend>(&self, node: &NodeView<'_, B>) -> Result<f64, RuleError> {
        check_number(node, "gamma", self.gamma, "finite and not negative", |gamma| gamma >= 0.0)
    }
}

impl<B: Backend> PropagationRule<B> for Gamma {
    /// With `S = W x + b` and `M = |W| |x| + |b|`, the positive contributions are `(M + S) / 2` and
    /// the negative ones `(S - M) / 2`. So with the sign of the output both denominators are
    /// `(1 + g/2) S + sign (g/2) M`, exact to the rounding of `S` itself. The numerators divide
    /// alike, and adjoints are linear, so both sides go through them together.
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        if self.stabilizer.is_scaled() {
            // Scaled by the denominators of each side, which are not told apart here.
            return Plain(self.clone()).bind(node);
        }
        if node.is_rectified()
            && node.inputs_non_negative()
            && !self.zero_bias
            && !self.stabilizer.leaves_zero()
        {
            return PositiveOutputs(self).bind(node);
        }
        let weight = require_linear(node)?.weight();
        let (gamma, zero_bias) = (self.check(node)?, self.zero_bias);
        let (whole, favoured, st) = (1.0 + gamma / 2.0, gamma / 2.0, self.stabilizer.check(node)?);
        // The factors are in the weights; only a map without any needs them afterwards.
        let scaled_weight = weight.map(|weight| weight.clone() * whole);
        let scaled_magnitude = weight.map(|weight| weight.abs() * favoured);
        let scaled = move |value: Value<B>, factor: f64, weight: &Option<Value<B>>| match weight {
            Some(_) => value,
            None => value * factor,
        };
        let inputs_non_negative = node.inputs_non_negative();
        let bound = BoundRule::new(Saved::ALL, move |context, relevance| {
            let (map, x, dims, output) =
                (linear_map(context)?, context.input(0)?, context.dims()?, context.output()?);
            let sign = output.sign();
            let x_magnitude = if inputs_non_negative { x.clone() } else { x.abs() };
            let magnitudes = map.apply(&x_magnitude, scaled_magnitude.as_ref());
            let magnitudes = scaled(magnitudes, favoured, &scaled_magnitude);
            let bias = map.bias(output.rank());
            let (sum, magnitudes) = match &bias {
                Some(_) if zero_bias => (map.apply(x, map.weight()), magnitudes),
                Some(bias) => (output.clone(), magnitudes + bias.abs() * favoured),
                None => (output.clone(), magnitudes),
            };
            drop_at_zero(context, &relevance, output);
            let relevance = relevance.where_nonzero(output);
            let s = match st.constant().filter(|epsilon| !zero_bias && *epsilon != 0.0) {
                // The denominator has the sign of the output, so epsilon can go with the magnitudes.
                Some(epsilon) => {
                    let s = relevance / (sum * whole + (magnitudes + epsilon) * &sign);
                    context.absorb(LedgerTerm::Stabilizer, || &s * (sign.clone() * epsilon));
                    s
                }
                None => divide(context, relevance, sum * whole + magnitudes * &sign, None, (&st, Sign::Any)),
            };
            if let Some(bias) = bias.filter(|_| !zero_bias) {
                context.absorb(LedgerTerm::Bias, || &s * (&sign * bias.abs() * favoured + bias * whole));
            }
            let by_magnitude = map.adjoint(&s * sign, scaled_magnitude.as_ref(), dims);
            let by_magnitude = scaled(by_magnitude, favoured, &scaled_magnitude);
            let by_weight = scaled(map.adjoint(s, scaled_weight.as_ref(), dims), whole, &scaled_weight);
            Ok(vec![match inputs_non_negative {
                true => x * (by_weight + by_magnitude),
                false => x * by_weight + x_magnitude * by_magnitude,
            }])
        });
        Ok(bound.with_support(Support::Nonzero))
    }
}

/// The rule where relevance arrives at positive outputs only and no input is negative: what is favoured is the
/// positive part of the weight.
struct PositiveOutputs<'a>(&'a Gamma);

impl PositiveOutputs<'_> {
    fn bind<B: Backend>(self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let (gamma, st) = (self.0.check(node)?, self.0.stabilizer.check(node)?);
        let favour = move |value: &Value<B>| value + value.positive() * gamma;
        let weight = require_linear(node)?.weight().map(favour);
        // Without a weight all coefficients are positive.
        let factor = if weight.is_some() { 1.0 } else { 1.0 + gamma };
        let bound = BoundRule::new(Saved::INPUTS, move |context, relevance| {
            let (map, x, dims) = (linear_map(context)?, context.input(0)?, context.dims()?);
            let bias = map.bias(relevance.rank()).map(|bias| favour(&bias));
            let z = map.apply(x, weight.as_ref());
            let z = if factor == 1.0 { z } else { z * factor };
            // Outputs below 0, at which no relevance arrives, must not be divisors of 0.
            let z = bias.iter().fold(z, |z, bias| z + bias).positive();
            let s = divide(context, relevance, z, bias, (&st, Sign::NotNegative));
            let share = x * map.adjoint(s, weight.as_ref(), dims);
            Ok(vec![if factor == 1.0 { share } else { share * factor }])
        });
        Ok(bound.with_support(Support::Nonzero))
    }
}

impl<B: Backend> PropagationRule<B> for Plain<Gamma> {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let map = require_linear(node)?;
        let (gamma, zero_bias) = (self.0.check(node)?, self.0.zero_bias);
        let st = self.0.stabilizer.check(node)?;
        let favour = move |value: &Value<B>, part: fn(&Value<B>) -> Value<B>| value + part(value) * gamma;
        // A map without weight has none below 0: there `W + g W+` is a factor, `W + g W-` is `W`.
        let weight = map.weight().map(|w| (favour(w, Value::positive), favour(w, Value::negative)));
        Ok(BoundRule::new(Saved::ALL, move |context, relevance| {
            let (map, x, output) = (linear_map(context)?, context.input(0)?, context.output()?);
            let bias = map.bias(output.rank()).filter(|_| !zero_bias);
            let (positive, negative) = (x.positive(), x.negative());
            let scaled = |x: &Value<B>, on: bool| if on { x.clone() * (1.0 + gamma) } else { x.clone() };
            let terms = |up: bool| match &weight {
                Some((more, less)) => {
                    let (first, second) = if up { (more, less) } else { (less, more) };
                    vec![
                        Term { x: positive.clone(), weight: Some(first) },
                        Term { x: negative.clone(), weight: Some(second) },
                    ]
                }
                None => vec![
                    Term { x: scaled(&positive, up), weight: None },
                    Term { x: scaled(&negative, !up), weight: None },
                ],
            };
            let opposite = output.clone() * -1.0;
            let part = |up: bool, side: &Value<B>, of: fn(&Value<B>) -> Value<B>| {
                let bias = bias.as_ref().map(|bias| favour(bias, of));
                share_out(context, terms(up), bias, (&st, Sign::Any), relevance.clone().where_positive(side))
            };
            let above = part(true, output, Value::positive)?;
            let below = part(false, &opposite, Value::negative)?;
            drop_at_zero(context, &relevance, output);
            Ok(vec![above + below])
        }))
    }
}
