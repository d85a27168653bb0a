//! Rules for layers without a weight of their own, and the plain gradient.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::stabilizer::Sign;
use super::{BoundRule, Facts, PropagationRule, Stabilizer};
use crate::Value;
use crate::error::{LayerError, RuleError};
use crate::kernel::{self, PoolGeometry};
use crate::layer::{Absorbed, Layer, LayerKind, Reads};

/// `R_in = x df^T (R / st(f))`: every input's share of a sum, for average pools, residual adds and
/// whatever else has a gradient.
///
/// For linear layers this is [`Epsilon`](super::Epsilon).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Norm {
    /// Stabilizes the layer's output; default 1e-6.
    pub stabilizer: Stabilizer,
}

impl<B: Backend> PropagationRule<B> for Norm {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        let st = self.stabilizer.check(facts)?;
        let reads = Reads::ALL | layer.ops().vjp_reads();
        Ok(BoundRule::new(reads, move |site, relevance| {
            let output = site.output()?;
            let s = relevance / st.apply(output);
            if let Some(bias) = site.layer().ops().linear_map().and_then(|map| map.bias(output.rank())) {
                site.absorb(Absorbed::Bias, || &s * bias);
            }
            site.absorb(Absorbed::Stabilizer, || &s * st.share(output, Sign::Any));
            let gradients = site.layer().ops().vjp(site, s)?;
            gradients.into_iter().enumerate().map(|(i, gradient)| Ok(site.input(i)? * gradient)).collect()
        }))
    }
}

/// `R_in = R`, for layers whose output has the shape of their one input: activations, batch norms.
/// (A linear layer of that shape takes it too, for comparison with other systems.) Relevance that meets a layer that
/// only moves elements, such as a reshape or a concatenation, moves back along with them; what lies
/// on padding is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pass {}

impl<B: Backend> PropagationRule<B> for Pass {
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        let kind = layer.kind();
        if LayerKind::ROUTES.contains(&kind) {
            return Ok(BoundRule::new(layer.ops().vjp_reads(), move |site, relevance| {
                let arrived = relevance.clone();
                let passed = site.layer().ops().vjp(site, relevance)?;
                if kind == LayerKind::Pad
                    && let [inside] = &passed[..]
                {
                    // What lies on the border: the sum of all, less that of the inside.
                    let per_sample = arrived.dims()[0] == inside.dims()[0];
                    let sums = |value: Value<B>| match per_sample {
                        true => value.sum_per_sample(),
                        false => {
                            let elements = value.dims().iter().product();
                            value.reshape(&[1, elements]).sum_per_sample()
                        }
                    };
                    site.absorb(Absorbed::Dropped, || sums(arrived) - sums(inside.clone()));
                }
                Ok(passed)
            }));
        }
        if facts.input_dims == [facts.output_dims] {
            return Ok(BoundRule::new(Reads::NOTHING, |site, relevance| match site.dims()? {
                dims if dims == relevance.dims() => Ok(vec![relevance]),
                dims => Err(LayerError::UnequalShapes { first: dims.to_vec(), other: relevance.dims() }),
            }));
        }
        let needs = "a layer that only moves elements, or whose output has the shape of its one input";
        Err(RuleError::Ability { needs, kind })
    }
}

/// All relevance of a max or min pooling window goes to its winner; of equal elements, to the
/// first in row-major order. That of a window without any element is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WinnerTakesAll {}

impl<B: Backend> PropagationRule<B> for WinnerTakesAll {
    fn bind(&self, layer: &Layer<B>, _: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        let kind = layer.kind();
        let pool = layer.ops().pooling().filter(|pool| pool.extremum().is_some());
        let Some(windows) = pool.map(|pool| pool.geometry().clone()) else {
            return Err(RuleError::Ability { needs: "a max or min pool", kind });
        };
        Ok(BoundRule::new(layer.ops().vjp_reads(), move |site, relevance| {
            let dims = site.dims()?;
            site.absorb(Absorbed::Dropped, || of_empty_windows(&relevance, dims, &windows));
            site.layer().ops().vjp(site, relevance)
        }))
    }
}

/// The relevance of those windows that have no element.
pub(super) fn of_empty_windows<B: Backend>(
    relevance: &Value<B>,
    input: &[usize],
    windows: &PoolGeometry,
) -> Value<B> {
    // Averages of ones are 1, and 0 where there is nothing to average.
    let occupied = kernel::average_pool(&relevance.full_like(input, 1.0), windows, false);
    relevance - relevance.clone().where_positive(&occupied)
}

/// `R_in = df^T R`, the plain gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gradient {}

impl<B: Backend> PropagationRule<B> for Gradient {
    fn bind(&self, layer: &Layer<B>, _: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        Ok(BoundRule::new(layer.ops().vjp_reads(), |site, relevance| site.layer().ops().vjp(site, relevance)))
    }
}
