//! LRP-z+: only positive contributions count.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::{AlphaBeta, BoundRule, NodeView, PropagationRule, Stabilizer};
use crate::error::RuleError;

/// `R_in = x+ W+^T s + x- W-^T s` with `s = R / st(x+ W+ + x- W- + b+)`.
///
/// The positive part of the bias absorbs its share, unless `zero_bias`. One forward and one adjoint;
/// two of each where the input may have negative elements and the layer cannot take two inputs side by
/// side, such as a convolution in groups. Bach et al., PLoS ONE 10(7):e0130140, 2015 (alpha = 1,
/// beta = 0); Montavon et al., Pattern Recognition 65:211-222, 2017 (there for `x >= 0`).
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
    /// The rule is [`AlphaBeta`] without negative contributions.
    fn as_alpha_beta(&self) -> AlphaBeta {
        let Self { stabilizer, zero_bias } = self.clone();
        AlphaBeta { alpha: 1.0, beta: 0.0, stabilizer, zero_bias }
    }
}

impl<B: Backend> PropagationRule<B> for ZPlus {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        self.as_alpha_beta().bind(node)
    }
}
