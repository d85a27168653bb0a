//! The CUDA backend for burn-xai: Burn's own kernels, compiled at run time for an NVIDIA GPU.
//!
//! ```no_run
//! # fn main() -> Result<(), xai_cuda::DeviceError> {
//! let device = xai_cuda::device()?;
//! # let _ = device;
//! # Ok(())
//! # }
//! ```
//!
//! # What it needs
//!
//! To build: nothing. To run, on Linux or Windows:
//!
//! * an NVIDIA GPU with its driver (`libcuda.so.1`, `nvcuda.dll`);
//! * NVRTC and the CUDA headers, which come with the CUDA toolkit (12 or 13). `CUDA_PATH` is its folder,
//!   where it is not `/usr/local/cuda` or `/opt/cuda`.
//!
//! Burn panics when any of them is missing. [`device`] and [`check`] look first and return a
//! [`DeviceError`] that says which, and what to do.
//!
//! # What was run
//!
//! Continuous integration compiles this crate and tests the error of a machine without a driver. **The shared
//! suite (`tests/cuda.rs`) has not been run on a GPU yet**; on a machine that has one:
//!
//! ```text
//! cargo test --release --package xai-cuda --features gpu
//! ```
//!
//! # Notes
//!
//! * **Choosing a device.** [`device`] is the first one that the driver shows; `CUDA_VISIBLE_DEVICES` says
//!   which it shows and in which order. In code, pass another [`CudaDevice`] to [`check`].
//! * **Numbers.** Matrix products may use tensor cores, and the kernels are compiled with fast math. Expect
//!   relevance to agree with other backends to about 1e-3 of its largest value, not bit for bit. There is no
//!   `f64`.
//! * **First calls are slow**, as on wgpu: each new kernel is compiled, and for each new shape Burn times
//!   several kernels before it settles on one. `CUBECL_AUTOTUNE_LEVEL=minimal` keeps that short.

mod device;

pub use burn_cuda::CudaDevice;
pub use device::{DeviceError, check, device};

/// The CUDA backend, with `f32` floats and `i32` integers unless told otherwise.
pub type Cuda<F = f32, I = i32> = burn_cuda::Cuda<F, I>;
