//! LRP-z+: only positive contributions count.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::plain::Plain;
use super::stabilizer::Sign;
use super::terms::{SplitWeight, share_out};
use super::{BoundRule, Facts, PropagationRule, Stabilizer, linear_map, require_linear};
use crate::Value;
use crate::error::RuleError;
use crate::layer::{Layer, Reads};

/// `R_in = x+ W+^T s + x- W-^T s` with `s = R / st(x+ W+ + x- W- + b+)`.
///
/// The positive part of the bias absorbs its share, unless `zero_bias`. Two forwards and two
/// adjoints; one and one where the input is never negative. Bach et al., PLoS ONE
/// 10(7):e0130140, 2015 (alpha = 1, beta = 0); Montavon et al., Pattern Recognition 65:211-222,
/// 2017 (there for `x >= 0`).
///
/// (The kept output would save a forward, `z+ = (|W| |x| + W x) / 2`, but in `f32` that difference
/// leaves too few digits of a `z+` that is small beside `|W| |x|`.)
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZPlus {
    /// Stabilizes the denominator; default 1e-6.
    pub stabilizer: Stabilizer,
    /// Leaves the bias out of the denominator.
    pub zero_bias: bool,
}

impl ZPlus {
    /// The rule by its formula; without the terms of negative inputs if there are none.
    fn by_formula<B: Backend>(
        &self,
        layer: &Layer<B>,
        facts: &Facts<'_>,
        inputs_non_negative: bool,
    ) -> Result<BoundRule<B>, RuleError> {
        let split = SplitWeight::new(require_linear(layer)?);
        let (st, zero_bias) = (self.stabilizer.check(facts)?, self.zero_bias);
        Ok(BoundRule::new(Reads::INPUTS, move |site, relevance| {
            let (map, x) = (linear_map(site)?, site.input(0)?);
            let terms = match inputs_non_negative {
                true => split.terms(x.clone(), None),
                false => split.terms(x.positive(), Some(x.negative())),
            };
            let bias = map.bias(relevance.rank()).filter(|_| !zero_bias);
            let bias = bias.as_ref().map(Value::positive);
            Ok(vec![share_out(site, terms, bias, (&st, Sign::NotNegative), relevance)?])
        }))
    }
}

impl<B: Backend> PropagationRule<B> for ZPlus {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        self.by_formula(layer, facts, facts.inputs_non_negative)
    }
}

impl<B: Backend> PropagationRule<B> for Plain<ZPlus> {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        self.0.by_formula(layer, facts, false)
    }
}
