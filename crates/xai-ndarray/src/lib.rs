//! The NdArray backend for burn-xai: `f32` or `f64` on the CPU.
//!
//! Burn calls this backend legacy and recommends Flex; it is here for `NdArray<f64>`, in which
//! explanations are exact to 1e-12, and for users who have it. Its transposed convolution, which
//! Burn's convolution gradients use, is about a hundred times slower than its convolution: see
//! `xai_core::kernel` for what is used instead.
//!
//! One case of the shared suite is skipped, by name: `engine::half_precision_is_refused`. NdArray has no
//! `f16` tensors, so Burn panics when a program makes one, before it could be refused.
//!
//! The float type of new tensors is a setting of the *device* in Burn 0.21, which the first backend that
//! asks decides: in a process that uses `NdArray` and `NdArray<f64>`, give tensors their type explicitly
//! (`Tensor::cast`, `TensorData`).

pub use burn_ndarray::{NdArray, NdArrayDevice};

/// The backend's only device.
pub fn device() -> NdArrayDevice {
    NdArrayDevice::Cpu
}
