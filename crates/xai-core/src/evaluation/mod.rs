//! How good an explanation is, measured on the model itself.
//!
//! Each metric is a [`Metric`]: a number for each sample. A [`Comparison`] takes several methods and several
//! metrics, also of your own, and gives a [`Report`].
//!
//! | metric | question | better |
//! | --- | --- | --- |
//! | [`PixelFlipping`] | does the score follow when the most relevant regions are hidden (deletion) or brought back (insertion)? | smaller, larger area |
//! | [`Road`] | the same, with pixels that are filled in from those around | lower |
//! | [`Infidelity`] | does relevance predict what perturbations do to the score? | lower |
//! | [`MaxSensitivity`] | does the explanation stay when the input hardly changes? | lower |
//! | [`Completeness`] | does relevance add up to the score's change from a baseline? | lower |
//! | [`Localisation`] | does relevance lie in a mask: the pointing game, mass accuracy, rank accuracy? | higher |
//! | [`Sparseness`] | is the explanation concentrated: the Gini index, the entropy? | higher, lower |
//! | [`parameter_randomisation`] | does the explanation depend on what the model has learned? | less alike |
//!
//! None of them says by itself that an explanation is right. Faithful and stable is what the first five measure;
//! a constant map is perfectly stable, and a sparse one may be wrong.

mod comparison;
mod completeness;
mod curve;
mod imputation;
mod infidelity;
mod localisation;
mod metric;
mod parameter_randomisation;
mod perturbation;
mod pixel_flipping;
mod report;
mod road;
mod rows;
mod scored;
mod sensitivity;
mod similarity;
mod sparseness;
mod statistics;
#[cfg(test)]
mod tests;

pub use comparison::Comparison;
pub use completeness::{Completeness, CompletenessGap};
pub use curve::{FlippingCurve, MeanCurve};
pub use infidelity::Infidelity;
pub use localisation::Localisation;
pub use metric::{Explained, Metric};
pub use parameter_randomisation::parameter_randomisation;
pub use perturbation::Perturbation;
pub use pixel_flipping::PixelFlipping;
pub use report::{MethodReport, MetricReport, Report};
pub use road::Road;
pub use sensitivity::MaxSensitivity;
pub use similarity::Similarity;
pub use sparseness::Sparseness;
pub use statistics::Estimate;
