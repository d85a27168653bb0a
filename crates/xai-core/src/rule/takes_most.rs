//! TakesMost: max and min pools by a softmax over each window.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::passing::of_empty_windows;
use super::{BoundRule, NodeView, PropagationRule, check_number};
use crate::error::RuleError;
use crate::kernel;
use crate::layer::{LedgerTerm, Saved};

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
    #[serde(deserialize_with = "super::form::beta")]
    pub beta: f64,
}

impl Default for TakesMost {
    fn default() -> Self {
        Self { beta: 1.0 }
    }
}

impl TakesMost {
    /// The rule with this beta.
    pub fn new(beta: f64) -> Self {
        Self { beta }
    }
}

impl<B: Backend> PropagationRule<B> for TakesMost {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let Some((extremum, windows)) = node.layer().ops().pooling() else {
            return Err(RuleError::Ability { needs: "a max or min pool", kind: node.layer().kind() });
        };
        let range = "finite and 0 or more (min pools turn its sign themselves)";
        let beta = check_number(node, "beta", self.beta, range, |beta| beta >= 0.0)?;
        let windows = windows.clone();
        Ok(BoundRule::new(Saved::INPUTS, move |context, relevance| {
            let x = context.input(0)?;
            context.absorb(LedgerTerm::Dropped, || of_empty_windows(&relevance, &x.dims(), &windows));
            Ok(vec![kernel::takes_most(x, &relevance, beta, extremum, &windows)])
        }))
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::kernel::PoolGeometry;
    use crate::layer::{Layer, LayerKind, Pool};

    fn bind(beta: f64, layer: impl Into<Layer<Flex>>) -> Result<BoundRule<Flex>, RuleError> {
        TakesMost { beta }.bind(&NodeView::alone(&layer.into(), &[&[1, 1, 4]], &[1, 1, 2]))
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
    fn it_applies_to_extrema_only() {
        let average = Pool::average(PoolGeometry::tiles(&[2]), false);
        let error = bind(1.0, average).unwrap_err();
        assert!(matches!(error, RuleError::Ability { kind: LayerKind::AvgPool, .. }), "{error}");
    }
}
