//! Runs layers in LibTorch's own kernels, and asks it for devices that are not there.

#[path = "../../xai-wgpu/tests/forward/mod.rs"]
mod forward;

use xai_tch::{DeviceError, LibTorch, LibTorchDevice, check, device};

#[test]
fn linear_matches_host_loops() {
    forward::linear::<LibTorch>(&device());
    forward::linear::<LibTorch<f64>>(&device());
}

#[test]
fn conv2d_matches_host_loops() {
    forward::conv2d::<LibTorch>(&device());
    forward::conv2d::<LibTorch<f64>>(&device());
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    assert_eq!(check(&LibTorchDevice::Cpu), Ok(()));
    assert_eq!(check(&device()), Ok(()));
    let missing = check(&LibTorchDevice::Cuda(1_000)).unwrap_err();
    assert!(
        matches!(missing, DeviceError::NoCuda | DeviceError::CudaIndex { index: 1_000, .. }),
        "{missing}"
    );
}
