//! LRP-alpha-beta: positive and negative contributions weighed against each other.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::plain::Plain;
use super::terms::{SplitWeight, share_out};
use super::{BoundRule, Facts, PropagationRule, Stabilizer, linear_map, require_linear};
use crate::Value;
use crate::error::RuleError;
use crate::layer::{Layer, Reads};

/// `R_in = alpha R+ - beta R-`: `R+` is [`ZPlus`](super::ZPlus), `R-` the same for the negative
/// contributions, `x+ W-^T s + x- W+^T s` with `s = R / st(x+ W- + x- W+ + b-)`.
///
/// `alpha - beta = 1`, neither negative. The bias enters once, by its sign, unless `zero_bias`.
/// An output without negative contributions passes `alpha R` on, not `R`. Four forwards and four
/// adjoints; two and two where the input is never negative, and half of either with a beta of 0.
/// Bach et al., PLoS ONE 10(7):e0130140, 2015, Eq. 60.
///
/// (One pass with `|W| |x|` instead of four would do, as [`Gamma`](super::Gamma) has it, and for
/// inputs that are never negative `z - z+` would save the pass for `z-`; but in `f32` the
/// differences leave too few digits of a part that is small beside the other.)
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlphaBeta {
    /// Weight of the positive contributions; default 2.
    pub alpha: f64,
    /// Weight of the negative contributions; default 1.
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
    fn check(&self) -> Result<(), RuleError> {
        for (parameter, value) in [("alpha", self.alpha), ("beta", self.beta)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(RuleError::Parameter { parameter, value, range: "finite and not negative" });
            }
        }
        // Sums such as 1.4 - 0.4 are not exactly 1.
        let difference = self.alpha - self.beta;
        if (difference - 1.0).abs() > 1e-9 * self.alpha {
            let range = "1: relevance would not be conserved";
            return Err(RuleError::Parameter { parameter: "alpha - beta", value: difference, range });
        }
        Ok(())
    }

    /// The rule by its formula; without the terms of negative inputs if there are none.
    fn by_formula<B: Backend>(
        &self,
        layer: &Layer<B>,
        facts: &Facts<'_>,
        inputs_non_negative: bool,
    ) -> Result<BoundRule<B>, RuleError> {
        self.check()?;
        let split = SplitWeight::new(require_linear(layer)?);
        let Self { alpha, beta, zero_bias, .. } = *self;
        let st = self.stabilizer.check(facts)?;
        Ok(BoundRule::new(Reads::INPUTS, move |site, relevance| {
            let (map, x) = (linear_map(site)?, site.input(0)?);
            let bias = map.bias(relevance.rank()).filter(|_| !zero_bias);
            let terms = match inputs_non_negative {
                true => split.terms(x.clone(), None),
                false => split.terms(x.positive(), Some(x.negative())),
            };
            let positive_bias = bias.as_ref().map(Value::positive);
            let gain = share_out(site, terms, positive_bias, &st, relevance.clone() * alpha)?;
            if beta == 0.0 {
                return Ok(vec![gain]);
            }
            let terms = match split.negative_term(x) {
                Some(term) if inputs_non_negative => vec![term],
                _ => split.terms(x.negative(), Some(x.positive())),
            };
            let loss = share_out(site, terms, bias.as_ref().map(Value::negative), &st, relevance * -beta)?;
            Ok(vec![gain + loss])
        }))
    }
}

impl<B: Backend> PropagationRule<B> for AlphaBeta {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        self.by_formula(layer, facts, facts.inputs_non_negative)
    }
}

impl<B: Backend> PropagationRule<B> for Plain<AlphaBeta> {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        self.0.by_formula(layer, facts, false)
    }
}
