//! LRP-epsilon (and LRP-0).

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::stabilizer::Sign;
use super::terms::divide;
use super::{BoundRule, NodeView, PropagationRule, Stabilizer, linear_map, require_linear};
use crate::error::RuleError;
use crate::layer::Saved;

/// `R_in = x W^T (R / st(z))`, elementwise product with `x`.
///
/// The bias absorbs its share `b / st(z)` of the relevance, unless `zero_bias` leaves it out of
/// `z`. With an epsilon of 0 this is LRP-0. One adjoint. Bach et al., PLoS ONE 10(7):e0130140, 2015.
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
        require_linear(node)?;
        let (st, zero_bias) = (self.epsilon.check(node)?, self.zero_bias);
        Ok(BoundRule::new(Saved::ALL, move |context, relevance| {
            let map = linear_map(context)?;
            let (x, output) = (context.input(0)?, context.output()?);
            let bias = map.bias(output.rank());
            let (z, bias) = match bias {
                Some(bias) if zero_bias => (output - bias, None),
                bias => (output.clone(), bias),
            };
            let s = divide(context, relevance, z, bias, (&st, Sign::Any));
            Ok(vec![x * map.adjoint(s, map.weight(), context.dims()?)])
        }))
    }
}
