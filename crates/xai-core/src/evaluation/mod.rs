//! How good an explanation is, measured on the model itself.

mod curve;
mod imputation;
mod metric;
mod pixel_flipping;
mod road;
mod scored;
mod statistics;
#[cfg(test)]
mod tests;

pub use curve::{FlippingCurve, MeanCurve};
pub use metric::{Explained, Metric};
pub use pixel_flipping::PixelFlipping;
pub use road::Road;
pub use statistics::Estimate;
