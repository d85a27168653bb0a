//! The backends that are compiled in, one module each, chosen by cargo features.
//!
//! [`Default`](type@Default) is the first of `cuda`, `wgpu`, `tch`, `ndarray`, `flex` that is compiled in, and
//! [`device`] finds its device. Flex is last because it is on by default: whatever is switched on goes before
//! it. A program that names only these two changes its backend by a cargo feature and nothing else:
//!
//! ```
//! # #[cfg(any(feature = "flex", feature = "ndarray"))] {
//! use burn::tensor::Tensor;
//! use burn_xai::backend::{self, Default as B};
//!
//! let device = backend::device()?;
//! let x = Tensor::<B, 2>::ones([1, 4], &device);
//! # let _ = x;
//! # }
//! # Ok::<(), burn_xai::backend::DeviceError>(())
//! ```
//!
//! Without any of the features this module holds only [`DeviceError`].

use thiserror::Error;

#[cfg(feature = "cuda")]
pub use xai_cuda as cuda;
#[cfg(feature = "flex")]
pub use xai_flex as flex;
#[cfg(feature = "ndarray")]
pub use xai_ndarray as ndarray;
#[cfg(feature = "tch")]
pub use xai_tch as tch;
#[cfg(feature = "wgpu")]
pub use xai_wgpu as wgpu;

/// Why the device of a backend cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// On CUDA.
    #[cfg(feature = "cuda")]
    #[error(transparent)]
    Cuda(#[from] cuda::DeviceError),
    /// On wgpu.
    #[cfg(feature = "wgpu")]
    #[error(transparent)]
    Wgpu(#[from] wgpu::DeviceError),
    /// On LibTorch.
    #[cfg(feature = "tch")]
    #[error(transparent)]
    Tch(#[from] tch::DeviceError),
}

/// The backend chosen by cargo features and the way to its device.
#[allow(unused_macros)] // There may be none.
macro_rules! default {
    ($backend:ty, $device:ty, $find:expr) => {
        /// The first of cuda, wgpu, tch, ndarray, flex that is compiled in.
        pub type Default = $backend;

        /// The device that [`Default`](type@Default) runs on unless told otherwise.
        ///
        /// # Errors
        /// [`DeviceError`] where there is no adapter, no driver or no device; never on the CPU backends.
        pub fn device() -> Result<$device, DeviceError> {
            $find
        }
    };
}

#[cfg(feature = "cuda")]
default!(cuda::Cuda, cuda::CudaDevice, Ok(cuda::device()?));
#[cfg(all(feature = "wgpu", not(feature = "cuda")))]
default!(wgpu::Wgpu, wgpu::WgpuDevice, Ok(wgpu::device()?));
#[cfg(all(feature = "tch", not(any(feature = "cuda", feature = "wgpu"))))]
default!(tch::LibTorch, tch::LibTorchDevice, Ok(tch::device()));
#[cfg(all(feature = "ndarray", not(any(feature = "cuda", feature = "wgpu", feature = "tch"))))]
default!(ndarray::NdArray, ndarray::NdArrayDevice, Ok(ndarray::device()));
#[cfg(all(
    feature = "flex",
    not(any(feature = "cuda", feature = "wgpu", feature = "tch", feature = "ndarray"))
))]
default!(flex::Flex, flex::FlexDevice, Ok(flex::device()));
