//! Asking LibTorch what it can run on before Burn panics on what it cannot.

use burn_tch::LibTorchDevice;

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// LibTorch was built without CUDA, or finds no driver or no device.
    #[error(
        "no CUDA device: LibTorch was built without CUDA or finds no NVIDIA driver; \
         use the CPU, or set LIBTORCH to a CUDA build of LibTorch 2.9.0 and build again"
    )]
    NoCuda,
    /// There are CUDA devices, but not this many.
    #[error("no CUDA device {index}: there are {count}, counted from 0")]
    CudaIndex {
        /// The index that was asked for.
        index: usize,
        /// The number of CUDA devices.
        count: usize,
    },
    /// LibTorch was built without this device's backend, or the machine has no such device.
    #[error("this LibTorch has no device {0:?}; use the CPU")]
    Unavailable(LibTorchDevice),
}

/// The first CUDA device where LibTorch has CUDA and the machine has one, otherwise the CPU.
#[must_use]
pub fn device() -> LibTorchDevice {
    if tch::Cuda::is_available() { LibTorchDevice::Cuda(0) } else { LibTorchDevice::Cpu }
}

/// Makes sure that `device` is there. The CPU always is.
///
/// # Errors
///
/// A [`DeviceError`] where Burn would panic on first use.
pub fn check(device: &LibTorchDevice) -> Result<(), DeviceError> {
    let there = match *device {
        LibTorchDevice::Cpu => true,
        LibTorchDevice::Cuda(index) => {
            let count = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
            return match count {
                0 => Err(DeviceError::NoCuda),
                _ if index < count => Ok(()),
                _ => Err(DeviceError::CudaIndex { index, count }),
            };
        }
        LibTorchDevice::Mps => tch::utils::has_mps(),
        LibTorchDevice::Vulkan => tch::utils::has_vulkan(),
    };
    if there { Ok(()) } else { Err(DeviceError::Unavailable(*device)) }
}
