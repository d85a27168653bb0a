//! The NdArray backend for burn-xai: `f32` or `f64` on the CPU.
//!
//! Burn calls this backend legacy and recommends Flex; it is here for `NdArray<f64>`, in which
//! explanations are exact to 1e-12, and for users who have it. Its transposed convolution, which
//! Burn's convolution gradients use, is about a hundred times slower than its convolution: see
//! `xai_core::kernel` for what is used instead.

pub use burn_ndarray::{NdArray, NdArrayDevice};

/// The backend's only device.
pub fn device() -> NdArrayDevice {
    NdArrayDevice::Cpu
}
