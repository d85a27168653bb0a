//! LRP-flat: relevance spread evenly over the receptive field.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::{BoundRule, Facts, PropagationRule, Stabilizer, linear_map, require_linear};
use crate::error::RuleError;
use crate::layer::{Absorbed, Layer, Reads};

/// `R_in = 1^T (R / st(1 1))`: input and weight replaced by ones, bias by 0.
///
/// Every output spreads its relevance evenly over the inputs it sees; zero padding takes none.
/// Lapuschkin et al., Nature Communications 10, 2019, doi 10.1038/s41467-019-08987-4.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flat {
    /// Stabilizes the number of inputs that an output sees; default 1e-6.
    pub stabilizer: Stabilizer,
}

impl<B: Backend> PropagationRule<B> for Flat {
    fn bind(&self, layer: &Layer<B>, _: Facts) -> Result<BoundRule<B>, RuleError> {
        let map = require_linear(layer)?;
        let st = self.stabilizer.check()?;
        let ones = map.weight().map(|weight| weight.full_like(&weight.dims(), 1.0));
        Ok(BoundRule::new(Reads::NOTHING, move |site, relevance| {
            let map = linear_map(site)?;
            let dims = site.dims()?;
            // The denominator is the same for every sample.
            let mut one_sample = dims.to_vec();
            one_sample[0] = 1;
            let z = map.apply(&relevance.full_like(&one_sample, 1.0), ones.as_ref());
            let s = relevance / st.apply(&z);
            site.absorb(Absorbed::Stabilizer, || &s * st.share(&z));
            Ok(vec![map.adjoint(s, ones.as_ref(), dims)])
        }))
    }
}
