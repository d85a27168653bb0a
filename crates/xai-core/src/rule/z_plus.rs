//! LRP-z+: only positive contributions count.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::plain::Plain;
use super::signed::Contributions;
use super::terms::{SplitWeight, divide, share, share_out};
use super::{BoundRule, Facts, PropagationRule, Stabilizer, linear_map, require_linear};
use crate::Value;
use crate::error::RuleError;
use crate::layer::{Layer, Reads};

/// `R_in = x+ W+^T s + x- W-^T s` with `s = R / st(x+ W+ + x- W- + b+)`.
///
/// The positive part of the bias absorbs its share, unless `zero_bias`. One forward and two
/// adjoints; one and one where the input is never negative. Bach et al., PLoS ONE
/// 10(7):e0130140, 2015 (alpha = 1, beta = 0); Montavon et al., Pattern Recognition 65:211-222,
/// 2017 (there for `x >= 0`).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZPlus {
    /// Stabilizes the denominator; default 1e-6.
    pub stabilizer: Stabilizer,
    /// Leaves the bias out of the denominator.
    pub zero_bias: bool,
}

impl<B: Backend> PropagationRule<B> for ZPlus {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        let map = require_linear(layer)?;
        let Some(weight) = map.weight().filter(|_| !facts.inputs_non_negative) else {
            // One of the two terms is 0 already.
            return Plain(self.clone()).bind(layer, facts);
        };
        let (st, zero_bias) = (self.stabilizer.check(facts)?, self.zero_bias);
        let (split, magnitude) = (SplitWeight::new(map), weight.abs());
        Ok(BoundRule::new(Reads::ALL, move |site, relevance| {
            let (map, x) = (linear_map(site)?, site.input(0)?);
            let z = Contributions::new(site, &map.apply(&x.abs(), Some(&magnitude)))?.positive;
            let bias = map.bias(z.rank()).filter(|_| !zero_bias).map(|bias| bias.positive());
            let z = bias.iter().fold(z, |z, bias| z + bias);
            let s = divide(site, relevance, &z, bias, &st);
            Ok(vec![share(map, split.terms(x.positive(), Some(x.negative())), s, site.dims()?)?])
        }))
    }
}

impl<B: Backend> PropagationRule<B> for Plain<ZPlus> {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        let split = SplitWeight::new(require_linear(layer)?);
        let (st, zero_bias) = (self.0.stabilizer.check(facts)?, self.0.zero_bias);
        let non_negative = facts.inputs_non_negative;
        Ok(BoundRule::new(Reads::INPUTS, move |site, relevance| {
            let (map, x) = (linear_map(site)?, site.input(0)?);
            let terms = match non_negative {
                true => split.terms(x.clone(), None),
                false => split.terms(x.positive(), Some(x.negative())),
            };
            let bias = map.bias(relevance.rank()).filter(|_| !zero_bias);
            let bias = bias.as_ref().map(Value::positive);
            Ok(vec![share_out(site, terms, bias, &st, relevance)?])
        }))
    }
}
