//! Positive and negative contributions from one extra pass.
//!
//! With `|W| |x|` beside the output that is kept anyway, the contributions of either sign follow:
//!
//! ```text
//! z+ = x+ W+ + x- W- = (|W| |x| + W x) / 2
//! z- = x+ W- + x- W+ = (W x - |W| |x|) / 2
//! ```

use burn_backend::{Backend, DType};

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
    /// Positive where `z+` is more than the rounding of the difference that gave it.
    pub(super) positive_is_real: Value<B>,
    /// Likewise for `z-`.
    pub(super) negative_is_real: Value<B>,
}

impl<B: Backend> Contributions<B> {
    /// From the kept output and `magnitude = |W| |x|`.
    pub(super) fn new(site: &Site<'_, B>, magnitude: &Value<B>) -> Result<Self, LayerError> {
        let sum = output_without_bias(site)?;
        let positive = ((magnitude + &sum) * 0.5).positive();
        let negative = ((sum - magnitude) * 0.5).negative();
        let noise = magnitude.clone() * rounding(magnitude);
        Ok(Self {
            positive_is_real: &positive - &noise,
            negative_is_real: negative.clone() * -1.0 - noise,
            positive,
            negative,
        })
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

/// A difference this small, relative to what was subtracted, is taken for 0: a sum that has no
/// contributions of a sign comes out as rounding instead, and must not be divided by.
fn rounding<B: Backend>(value: &Value<B>) -> f64 {
    if value.dtype() == DType::F64 { 1e-14 } else { 1e-6 }
}
