//! Positive and negative contributions from one extra pass.
//!
//! With `|W| |x|` beside the output that is kept anyway, the contributions of either sign follow:
//!
//! ```text
//! z+ = x+ W+ + x- W- = (|W| |x| + W x) / 2
//! z- = x+ W- + x- W+ = (W x - |W| |x|) / 2
//! ```
//!
//! Exact to the rounding of `|W| |x|`: good enough in a sum with `W x` itself, which is no better,
//! but not as a denominator of its own.

use burn_backend::Backend;

use super::linear_map;
use crate::Value;
use crate::error::LayerError;
use crate::layer::Site;

/// `z+` and `z-` of one layer, without bias.
pub(super) struct Contributions<B: Backend> {
    /// `z+`, never negative.
    pub(super) positive: Value<B>,
    /// `z-`, never positive.
    pub(super) negative: Value<B>,
}

impl<B: Backend> Contributions<B> {
    /// From the kept output and `magnitude = |W| |x|`.
    pub(super) fn new(site: &Site<'_, B>, magnitude: &Value<B>) -> Result<Self, LayerError> {
        let sum = output_without_bias(site)?;
        let positive = ((magnitude + &sum) * 0.5).positive();
        let negative = ((sum - magnitude) * 0.5).negative();
        Ok(Self { positive, negative })
    }
}

/// `W x` of a node whose output was kept.
pub(super) fn output_without_bias<B: Backend>(site: &Site<'_, B>) -> Result<Value<B>, LayerError> {
    let output = site.output()?;
    Ok(match linear_map(site)?.bias(output.rank()) {
        Some(bias) => output - bias,
        None => output.clone(),
    })
}
