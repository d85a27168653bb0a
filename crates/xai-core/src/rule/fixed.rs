//! Rules that replace the input by ones: their denominators depend on shapes only.

use burn_backend::{Backend, DType};
use serde::{Deserialize, Serialize};

use super::stabilizer::Sign;
use super::terms::divide;
use super::{BoundRule, NodeView, PropagationRule, Stabilizer, linear_map, require_linear};
use crate::Value;
use crate::error::RuleError;
use crate::layer::{LinearMap, Saved};
use crate::recent::Recent;

/// LRP-w^2: `R_in = (W^2)^T (R / st(1 W^2 + b^2))`.
///
/// For input domains without bounds. The squared bias absorbs its share, unless `zero_bias`; zero
/// padding takes none. One adjoint. Montavon et al., Pattern Recognition 65:211-222, 2017, Eq. 12.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WSquare {
    /// Stabilizes the denominator; default 1e-6.
    pub stabilizer: Stabilizer,
    /// Leaves the bias out of the denominator.
    pub zero_bias: bool,
}

impl<B: Backend> PropagationRule<B> for WSquare {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let map = require_linear(node)?;
        let (st, zero_bias) = (self.stabilizer.check(node)?, self.zero_bias);
        let squared = map.weight().map(|weight| weight * weight);
        let denominators = PerShape::default();
        Ok(BoundRule::new(Saved::NOTHING, move |context, relevance| {
            let (map, dims) = (linear_map(context)?, context.dims()?);
            let bias = map.bias(relevance.rank()).filter(|_| !zero_bias).map(|bias| &bias * &bias);
            let z = denominators.get(map, dims, &relevance, |dims| {
                let z = map.apply(&relevance.full_like(dims, 1.0), squared.as_ref());
                bias.iter().fold(z, |z, bias| z + bias)
            });
            let s = divide(context, relevance, z, bias, (&st, Sign::NotNegative));
            Ok(vec![map.adjoint(s, squared.as_ref(), dims)])
        }))
    }
}

/// LRP-flat: `R_in = 1^T (R / st(1 1))`, input and weight replaced by ones, bias by 0.
///
/// Every output spreads its relevance evenly over the inputs it sees; zero padding takes none. One
/// adjoint with a single channel per group. Lapuschkin et al., Nature Communications 10, 2019,
/// doi 10.1038/s41467-019-08987-4.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flat {
    /// Stabilizes the number of inputs that an output sees; default 1e-6.
    pub stabilizer: Stabilizer,
}

impl<B: Backend> PropagationRule<B> for Flat {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        require_linear(node)?;
        let st = self.stabilizer.check(node)?;
        let denominators = PerShape::default();
        Ok(BoundRule::new(Saved::NOTHING, move |context, relevance| {
            let (map, dims) = (linear_map(context)?, context.dims()?);
            let z = denominators.get(map, dims, &relevance, |dims| map.apply_ones(&relevance, dims));
            // Outputs with the same denominator can be added up before it divides them.
            let s = divide(context, map.sum_alike(relevance), z, None, (&st, Sign::NotNegative));
            Ok(vec![map.adjoint_ones(s, dims)])
        }))
    }
}

/// A value computed once per input shape; for one sample where samples are alike, so that the batch
/// shares it.
struct PerShape<B: Backend>(Recent<(Vec<usize>, DType), Value<B>>);

impl<B: Backend> Default for PerShape<B> {
    fn default() -> Self {
        Self(Recent::new(1))
    }
}

impl<B: Backend> PerShape<B> {
    /// The value for inputs of the sizes `dims` and the element type of `like`; `compute` gets the
    /// sizes to compute it for.
    fn get(
        &self,
        map: &dyn LinearMap<B>,
        dims: &[usize],
        like: &Value<B>,
        compute: impl FnOnce(&[usize]) -> Value<B>,
    ) -> Value<B> {
        let key = (batch_of(map, dims), like.dtype());
        self.0.find(|other| *other == key).unwrap_or_else(|| {
            let value = compute(&key.0);
            self.0.insert(key, value.clone());
            value
        })
    }
}

/// The sizes with a batch of one, if the map treats samples alike.
pub(super) fn batch_of<B: Backend>(map: &dyn LinearMap<B>, dims: &[usize]) -> Vec<usize> {
    let mut dims = dims.to_vec();
    if let Some(batch) = dims.first_mut().filter(|_| map.is_per_sample()) {
        *batch = 1;
    }
    dims
}
