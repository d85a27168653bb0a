//! LRP-epsilon (and LRP-0).

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::stabilizer::Sign;
use super::terms::divide;
use super::{BoundRule, NodeView, PropagationRule, Stabilizer, Support, linear_map, require_linear};
use crate::error::RuleError;
use crate::layer::Saved;

/// `R_in = x W^T (R / st(z))`, elementwise product with `x`.
///
/// The bias absorbs its share `b / st(z)` of the relevance, unless `zero_bias` leaves it out of
/// `z`. With an epsilon of 0 this is LRP-0. One adjoint, and one forward to leave a bias out.
/// Bach et al., PLoS ONE 10(7):e0130140, 2015.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Epsilon {
    /// Stabilizes `z`; default 1e-6.
    pub epsilon: Stabilizer,
    /// Computes `z` without bias.
    pub zero_bias: bool,
}

impl Epsilon {
    /// The rule with this epsilon, a number or a [`Stabilizer`].
    pub fn new(epsilon: impl Into<Stabilizer>) -> Self {
        Self { epsilon: epsilon.into(), zero_bias: false }
    }
}

impl<B: Backend> PropagationRule<B> for Epsilon {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let map = require_linear(node)?;
        let st = self.epsilon.check(node)?;
        // The output less the bias would have lost the digits of a `W x` that is small beside it.
        let leaves_bias_out = self.zero_bias && map.bias(node.output_dims().len()).is_some();
        // A plain epsilon then has the sign of all outputs where relevance arrives.
        let rectified = node.is_rectified() && !leaves_bias_out && st.constant().is_some();
        let saved = match (leaves_bias_out, rectified) {
            (true, _) => Saved::INPUTS,
            (_, true) => Saved::RECTIFIED,
            _ => Saved::ALL,
        };
        let sign = if rectified { Sign::NotNegative } else { Sign::Any };
        let bound = BoundRule::new(saved, move |context, relevance| {
            let (map, x) = (linear_map(context)?, context.input(0)?);
            let bias = map.bias(relevance.rank()).filter(|_| !leaves_bias_out);
            let z = match (leaves_bias_out, rectified) {
                (true, _) => map.apply(x, map.weight()),
                (_, true) => context.rectified_output()?.clone(),
                _ => context.output()?.clone(),
            };
            let s = divide(context, relevance, z, bias, (&st, sign));
            Ok(vec![x * map.adjoint(s, map.weight(), context.dims()?)])
        });
        Ok(bound.with_support(Support::Nonzero))
    }
}
