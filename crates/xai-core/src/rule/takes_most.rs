//! TakesMost: max and min pools by a softmax over each window.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::passing::of_empty_windows;
use super::{BoundRule, Facts, PropagationRule};
use crate::error::RuleError;
use crate::kernel;
use crate::layer::{Absorbed, Layer, Reads};

/// `R_i = sum_j p_ij R_j`, `p_ij = softmax_i(beta s x_i)` over the elements `i` of each window `j`:
/// the relevance of a max or min pool, shared out so that the largest (smallest) element takes most.
///
/// The sign `s` comes from the layer: +1 for max pools, -1 for min pools. Padding is not part of a
/// window, and windows may overlap, be dilated or cut short by `ceil_mode`, and be of any size.
/// With `beta` 0 all elements of a window get the same; as `beta` grows the rule becomes
/// [`WinnerTakesAll`](super::WinnerTakesAll), but that equal winners always share equally, where
/// that rule lets the first one win. Relevance is conserved; only a window without any element
/// drops its own, which the ledger says.
///
/// For a cluster's discriminant, which is a minimum over its competitors: Kauffmann et al., From
/// Clustering to Cluster Explanations via Neural Networks, IEEE TNNLS 35(2), 2024, arXiv 1906.07633.
/// Zennit's pull request 214 has the same for windows that do not overlap, with the sign of min
/// pools left to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TakesMost {
    /// How much more the winner takes, in units of one over the input; 0 or more, default 1.
    pub beta: f64,
}

impl Default for TakesMost {
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl<B: Backend> PropagationRule<B> for TakesMost {
    fn bind(&self, layer: &Layer<B>, _: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        let pool = layer.ops().pooling();
        let Some((pool, extremum)) = pool.and_then(|pool| Some((pool, pool.extremum()?))) else {
            return Err(RuleError::Ability { needs: "a max or min pool", kind: layer.kind() });
        };
        let beta = self.beta;
        if !(beta.is_finite() && beta >= 0.0) {
            let range = "finite and 0 or more (min pools turn its sign themselves)";
            return Err(RuleError::Parameter { parameter: "beta", value: beta, range });
        }
        let windows = pool.geometry().clone();
        Ok(BoundRule::new(Reads::INPUTS, move |site, relevance| {
            let x = site.input(0)?;
            site.absorb(Absorbed::Dropped, || of_empty_windows(&relevance, &x.dims(), &windows));
            Ok(vec![kernel::takes_most(x, &relevance, beta, extremum, &windows)])
        }))
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::kernel::PoolGeometry;
    use crate::layer::{LayerKind, Pool};

    fn bind(beta: f64, layer: impl Into<Layer<Flex>>) -> Result<BoundRule<Flex>, RuleError> {
        let facts = Facts::new(&[&[1, 1, 4]], &[1, 1, 2]);
        TakesMost { beta }.bind(&layer.into(), &facts)
    }

    #[test]
    fn beta_is_a_magnitude() {
        for pool in [Pool::max(PoolGeometry::tiles(&[2])), Pool::min(PoolGeometry::tiles(&[2]))] {
            assert!(bind(0.0, pool.clone()).is_ok());
            for beta in [-1.0, f64::NAN, f64::INFINITY] {
                let error = bind(beta, pool.clone()).unwrap_err();
                assert!(matches!(error, RuleError::Parameter { parameter: "beta", .. }), "{error}");
            }
        }
    }

    #[test]
    fn only_extrema_are_served() {
        let average = Pool::average(PoolGeometry::tiles(&[2]), false);
        let error = bind(1.0, average).unwrap_err();
        assert!(matches!(error, RuleError::Ability { kind: LayerKind::AvgPool, .. }), "{error}");
    }
}
