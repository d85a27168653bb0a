//! LRP-alpha-beta: positive and negative contributions weighed against each other.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::plain::Plain;
use super::signed::Contributions;
use super::terms::{SplitWeight, divide, share_out};
use super::{BoundRule, Facts, PropagationRule, Stabilizer, linear_map, require_linear};
use crate::Value;
use crate::error::RuleError;
use crate::layer::{Layer, Reads};

/// `R_in = alpha R+ - beta R-`: `R+` is [`ZPlus`](super::ZPlus), `R-` the same for the negative
/// contributions, `x+ W-^T s + x- W+^T s` with `s = R / st(x+ W- + x- W+ + b-)`.
///
/// `alpha - beta = 1`, neither negative. The bias enters once, by its sign, unless `zero_bias`.
/// An output without negative contributions passes `alpha R` on, not `R`. One forward and two
/// adjoints. Bach et al., PLoS ONE 10(7):e0130140, 2015, Eq. 60.
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
}

impl<B: Backend> PropagationRule<B> for AlphaBeta {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        self.check()?;
        let map = require_linear(layer)?;
        let Some(weight) = map.weight() else { return Plain(self.clone()).bind(layer, facts) };
        let Self { alpha, beta, zero_bias, .. } = *self;
        let st = self.stabilizer.check(facts)?;
        let magnitude = weight.abs();
        Ok(BoundRule::new(Reads::ALL, move |site, relevance| {
            let (map, x, dims) = (linear_map(site)?, site.input(0)?, site.dims()?);
            let x_magnitude = x.abs();
            let z = Contributions::new(site, &map.apply(&x_magnitude, Some(&magnitude)))?;
            let bias = map.bias(relevance.rank()).filter(|_| !zero_bias);
            let part = |weight: f64, z: Value<B>, is_real: &Value<B>, bias: Option<Value<B>>| {
                let z = bias.iter().fold(z, |z, bias| z + bias);
                let s = divide(site, relevance.clone() * weight, &z, bias, &st);
                s.where_positive(is_real)
            };
            let s_positive = part(alpha, z.positive, &z.positive_is_real, bias.as_ref().map(Value::positive));
            let s_negative = part(-beta, z.negative, &z.negative_is_real, bias.as_ref().map(Value::negative));
            // Adjoints are linear, so both parts go through them together.
            let by_magnitude = map.adjoint(&s_positive - &s_negative, Some(&magnitude), dims);
            let by_weight = map.adjoint(s_positive + s_negative, map.weight(), dims);
            Ok(vec![(x_magnitude * by_magnitude + x * by_weight) * 0.5])
        }))
    }
}

impl<B: Backend> PropagationRule<B> for Plain<AlphaBeta> {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        self.0.check()?;
        let split = SplitWeight::new(require_linear(layer)?);
        let AlphaBeta { alpha, beta, zero_bias, .. } = self.0;
        let st = self.0.stabilizer.check(facts)?;
        Ok(BoundRule::new(Reads::INPUTS, move |site, relevance| {
            let (map, x) = (linear_map(site)?, site.input(0)?);
            let bias = map.bias(relevance.rank()).filter(|_| !zero_bias);
            let (positive, negative) = (x.positive(), x.negative());
            let gain = share_out(
                site,
                split.terms(positive.clone(), Some(negative.clone())),
                bias.as_ref().map(Value::positive),
                &st,
                relevance.clone() * alpha,
            )?;
            let loss = share_out(
                site,
                split.terms(negative, Some(positive)),
                bias.as_ref().map(Value::negative),
                &st,
                relevance * -beta,
            )?;
            Ok(vec![gain + loss])
        }))
    }
}
