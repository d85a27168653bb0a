//! Finding a driver and a device without the panics that Burn answers missing ones with.

use burn_cuda::CudaDevice;
use cudarc::driver::result;

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The driver's library cannot be loaded.
    #[error(
        "no CUDA driver: libcuda.so.1 (nvcuda.dll on Windows) cannot be loaded; install the driver of the \
         NVIDIA GPU, or choose another backend: wgpu runs on any GPU, flex on the CPU"
    )]
    NoDriver,
    /// The compiler that turns kernels into machine code cannot be loaded.
    #[error(
        "a CUDA driver but no NVRTC, which compiles the kernels: install the CUDA toolkit, and put its library \
         folder on LD_LIBRARY_PATH (PATH on Windows)"
    )]
    NoCompiler,
    /// The driver is there and refuses to start.
    #[error("the CUDA driver does not start: {reason}; check it with `nvidia-smi`")]
    Refused {
        /// What the driver says.
        reason: String,
    },
    /// The driver shows fewer devices.
    #[error("no CUDA device {index}: the driver shows {count}, counted from 0; see CUDA_VISIBLE_DEVICES")]
    NoDevice {
        /// The index that was asked for.
        index: usize,
        /// The number of devices.
        count: usize,
    },
}

/// The first device that the driver shows; `CUDA_VISIBLE_DEVICES` says which that is.
///
/// # Errors
///
/// A [`DeviceError`] where Burn would panic on first use.
pub fn device() -> Result<CudaDevice, DeviceError> {
    let device = CudaDevice::default();
    check(&device)?;
    Ok(device)
}

/// Makes sure that `device` is there, with all that Burn loads to use it.
///
/// # Errors
///
/// A [`DeviceError`] where Burn would panic on first use.
pub fn check(device: &CudaDevice) -> Result<(), DeviceError> {
    let (driver, compiler) = libraries();
    if !driver {
        return Err(DeviceError::NoDriver);
    }
    let refused = |reason: result::DriverError| DeviceError::Refused { reason: reason.to_string() };
    result::init().map_err(refused)?;
    let count = usize::try_from(result::device::get_count().map_err(refused)?).unwrap_or(0);
    if device.index >= count {
        return Err(DeviceError::NoDevice { index: device.index, count });
    }
    if compiler { Ok(()) } else { Err(DeviceError::NoCompiler) }
}

/// Whether the libraries of the driver and of NVRTC can be loaded.
#[allow(unsafe_code)]
fn libraries() -> (bool, bool) {
    // SAFETY: loading a library runs its initialisers. These two are NVIDIA's own, under the names by which
    // Burn itself is going to load them.
    unsafe { (cudarc::driver::sys::is_culib_present(), cudarc::nvrtc::sys::is_culib_present()) }
}
