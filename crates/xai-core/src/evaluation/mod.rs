//! How good an explanation is, measured on the model itself.

mod pixel_flipping;
#[cfg(test)]
mod tests;

pub use pixel_flipping::{FlippingCurve, PixelFlipping};
