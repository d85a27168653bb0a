//! LRP-z+: only positive contributions count.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::{BoundRule, Facts, PropagationRule, Stabilizer, linear_map, require_linear};
use crate::Value;
use crate::error::RuleError;
use crate::layer::{Absorbed, Layer, Reads};

/// `R_in = x+ W+^T s + x- W-^T s` with `s = R / st(x+ W+ + x- W- + b+)`.
///
/// The positive part of the bias absorbs its share, unless `zero_bias`. Bach et al., PLoS ONE
/// 10(7):e0130140, 2015 (alpha = 1, beta = 0); Montavon et al., Pattern Recognition 65:211-222,
/// 2017 (there for `x >= 0`).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZPlus {
    /// Stabilizes the denominator; default 1e-6.
    pub stabilizer: Stabilizer,
    /// Leaves the bias out of the denominator.
    pub zero_bias: bool,
}

impl<B: Backend> PropagationRule<B> for ZPlus {
    fn bind(&self, layer: &Layer<B>, facts: Facts) -> Result<BoundRule<B>, RuleError> {
        let map = require_linear(layer)?;
        let (st, zero_bias) = (self.stabilizer.check()?, self.zero_bias);
        let positive = map.weight().map(Value::positive);
        // A map without weight has no negative coefficients, an input that is never negative has
        // no negative part: either way the second product is 0.
        let negative = map.weight().filter(|_| !facts.inputs_non_negative).map(Value::negative);
        Ok(BoundRule::new(Reads::INPUTS, move |site, relevance| {
            let map = linear_map(site)?;
            let (x, dims) = (site.input(0)?, site.dims()?);
            let x_positive = if facts.inputs_non_negative { x.clone() } else { x.positive() };
            let mut z = map.apply(&x_positive, positive.as_ref());
            let second = negative.as_ref().map(|weight| (x.negative(), weight));
            if let Some((x_negative, weight)) = &second {
                z = z + map.apply(x_negative, Some(weight));
            }
            let bias = map.bias(z.rank()).filter(|_| !zero_bias).map(|bias| bias.positive());
            if let Some(bias) = &bias {
                z = z + bias;
            }
            let s = relevance / st.apply(&z);
            if let Some(bias) = bias {
                site.absorb(Absorbed::Bias, || &s * bias);
            }
            site.absorb(Absorbed::Stabilizer, || &s * st.share(&z));
            let mut relevance_in = x_positive * map.adjoint(s.clone(), positive.as_ref(), dims);
            if let Some((x_negative, weight)) = second {
                relevance_in = relevance_in + x_negative * map.adjoint(s, Some(weight), dims);
            }
            Ok(vec![relevance_in])
        }))
    }
}
