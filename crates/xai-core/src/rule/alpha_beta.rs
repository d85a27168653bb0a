//! LRP-alpha-beta: positive and negative contributions weighed against each other.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::split::{Products, Split};
use super::stabilizer::Sign;
use super::terms::divide_by_sum;
use super::{
    BoundRule, NodeView, PropagationRule, Stabilizer, Support, check_number, linear_map, require_linear,
};
use crate::Value;
use crate::error::RuleError;
use crate::layer::{LinearMap, Saved};

/// `R_in = alpha R+ - beta R-`: `R+` is [`ZPlus`](super::ZPlus), `R-` the same for the negative
/// contributions, `x+ W-^T s + x- W+^T s` with `s = R / st(x+ W- + x- W+ + b-)`.
///
/// `alpha - beta = 1`, neither negative. The bias enters once, by its sign, unless `zero_bias`.
/// An output without negative contributions passes `alpha R` on, not `R`. Two forwards and two
/// adjoints, with a beta of 0 one of each; `[x+ x-]` passes as one input with twice the channels. On
/// layers that cannot take it so, such as convolutions in groups, inputs that may have negative elements
/// cost twice as many. Bach et al., PLoS ONE 10(7):e0130140, 2015, Eq. 60.
///
/// (One pass with `|W| |x|` instead of two would do, as [`Gamma`](super::Gamma) has it, and for
/// inputs that are never negative `z - z+` would save the pass for `z-`; but in `f32` the
/// differences leave too few digits of a part that is small beside the other.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlphaBeta {
    /// Weight of the positive contributions; default 2.
    #[serde(deserialize_with = "super::form::alpha")]
    pub alpha: f64,
    /// Weight of the negative contributions; default 1.
    #[serde(deserialize_with = "super::form::beta")]
    pub beta: f64,
    /// Stabilizes the denominators; default 1e-6.
    pub stabilizer: Stabilizer,
    /// Leaves the bias out of the denominators.
    pub zero_bias: bool,
}

impl Default for AlphaBeta {
    fn default() -> Self {
        Self { alpha: 2.0, beta: 1.0, stabilizer: Stabilizer::default(), zero_bias: false }
    }
}

impl AlphaBeta {
    /// The rule with these weights, of which `alpha - beta` is 1, stabilized by 1e-6.
    pub fn new(alpha: f64, beta: f64) -> Self {
        Self { alpha, beta, ..Self::default() }
    }

    fn check<B: Backend>(&self, node: &NodeView<'_, B>) -> Result<(), RuleError> {
        for (parameter, value) in [("alpha", self.alpha), ("beta", self.beta)] {
            check_number(node, parameter, value, "finite and not negative", |value| value >= 0.0)?;
        }
        // Sums such as 1.4 - 0.4 are not exactly 1.
        let difference = self.alpha - self.beta;
        if (difference - 1.0).abs() > 1e-9 * self.alpha {
            let range = "1: relevance would not be conserved";
            return Err(RuleError::Parameter { parameter: "alpha - beta", value: difference, range });
        }
        Ok(())
    }

    /// The rule on an input split in `parts`.
    pub(super) fn by_parts<B: Backend>(
        &self,
        map: &dyn LinearMap<B>,
        node: &NodeView<'_, B>,
        parts: Split,
    ) -> Result<BoundRule<B>, RuleError> {
        self.check(node)?;
        let Self { alpha, beta, zero_bias, .. } = *self;
        let st = self.stabilizer.check(node)?;
        let weights = parts.weights(map);
        let gains = weights.positive_first();
        let losses = (beta != 0.0).then(|| weights.negative_first());
        let bound = BoundRule::new(Saved::INPUTS, move |context, relevance| {
            let (map, x, dims) = (linear_map(context)?, parts.by_sign(context.input(0)?), context.dims()?);
            let bias = map.bias(relevance.rank()).filter(|_| !zero_bias);
            let shares = |terms: &Products<B>, bias: Option<Value<B>>, relevance: Value<B>, sign| {
                let z = terms.sum(map, &x).unwrap_or_else(|| relevance.full_like(&relevance.dims(), 0.0));
                terms.adjoint(map, &divide_by_sum(context, relevance, z, bias, (&st, sign)), dims)
            };
            let of_losses = losses.as_ref().map(|losses| {
                let bias = bias.as_ref().map(Value::negative);
                shares(losses, bias, relevance.clone() * -beta, Sign::NotPositive)
            });
            let amount = if alpha == 1.0 { relevance } else { relevance * alpha };
            let of_gains = shares(&gains, bias.as_ref().map(Value::positive), amount, Sign::NotNegative);
            Ok(parts
                .relevance(x, of_gains.into_iter().chain(of_losses.into_iter().flatten()))
                .into_iter()
                .collect())
        });
        Ok(bound.with_support(Support::Nonzero))
    }
}

impl<B: Backend> PropagationRule<B> for AlphaBeta {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let map = require_linear(node)?;
        let parts = if node.inputs_non_negative() { Split::One } else { Split::two(map, node) };
        self.by_parts(map, node, parts)
    }
}
