//! LRP-alpha-beta: positive and negative contributions weighed against each other.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::plain::Plain;
use super::stabilizer::Sign;
use super::terms::{SplitWeight, divide};
use super::{BoundRule, Facts, PropagationRule, Stabilizer, linear_map, require_linear};
use crate::Value;
use crate::error::RuleError;
use crate::layer::{Layer, Reads, Site};

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
            let (map, x, dims) = (linear_map(site)?, site.input(0)?, site.dims()?);
            let bias = map.bias(relevance.rank()).filter(|_| !zero_bias);
            let (positive, negative) = match inputs_non_negative {
                true => (x.clone(), None),
                false => (x.positive(), Some(x.negative())),
            };
            // A map without weight has none below 0.
            let (above, below) = (split.positive.as_ref(), split.negative.as_ref());
            let with_below = |value: Option<&Value<B>>| Some(map.apply(value?, Some(below?)));

            let z = add(Some(map.apply(&positive, above)), with_below(negative.as_ref()));
            let gain = Part { z, bias: bias.as_ref().map(Value::positive), sign: Sign::NotNegative };
            let gain = gain.divide(site, relevance.clone() * alpha, &st);
            let loss = (beta != 0.0).then(|| {
                let z = add(with_below(Some(&positive)), negative.as_ref().map(|x| map.apply(x, above)));
                let loss = Part { z, bias: bias.as_ref().map(Value::negative), sign: Sign::NotPositive };
                loss.divide(site, relevance * -beta, &st)
            });

            let by_above = |s: Option<&Value<B>>| Some(map.adjoint(s?.clone(), above, dims));
            let by_below = |s: Option<&Value<B>>| Some(map.adjoint(s?.clone(), Some(below?), dims));
            let share = add(by_above(Some(&gain)), by_below(loss.as_ref())).map(|share| positive * share);
            let of_negative = negative.and_then(|negative| {
                add(by_below(Some(&gain)), by_above(loss.as_ref())).map(|share| negative * share)
            });
            Ok(add(share, of_negative).into_iter().collect())
        }))
    }
}

/// The contributions of one sign.
struct Part<B: Backend> {
    /// Their sums; `None` where there are none.
    z: Option<Value<B>>,
    bias: Option<Value<B>>,
    sign: Sign,
}

impl<B: Backend> Part<B> {
    /// `R / st(z + b)`.
    fn divide(self, site: &Site<'_, B>, relevance: Value<B>, st: &Stabilizer) -> Value<B> {
        let z = self.z.unwrap_or_else(|| relevance.full_like(&relevance.dims(), 0.0));
        let z = self.bias.iter().fold(z, |z, bias| z + bias);
        divide(site, relevance, z, self.bias, (st, self.sign))
    }
}

fn add<B: Backend>(a: Option<Value<B>>, b: Option<Value<B>>) -> Option<Value<B>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
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
