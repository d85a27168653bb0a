//! How good an explanation is, measured on the model itself.

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
