//! The Flex backend for burn-xai: pure Rust on the CPU, with SIMD and threads.
//!
//! Flex computes in `f32`; tensors of the element type `f64` work too. Burn's transposed
//! convolution, which its convolution gradients use, is slow here for some shapes: see
//! `xai_core::kernel` for what is used instead.

pub use burn_flex::{Flex, FlexDevice};

/// The backend's only device.
pub fn device() -> FlexDevice {
    FlexDevice
}
