//! Runs layers in compute shaders on whatever adapter there is, lavapipe included.
//!
//! The only integration test of this crate on purpose: every binary that runs tensors on wgpu takes
//! minutes to compile.

mod forward;

use xai_wgpu::{DeviceError, Wgpu, WgpuDevice, check, device};

/// Says which adapter ran, so that a log tells a GPU from software.
fn adapter() -> Result<WgpuDevice, DeviceError> {
    let device = device()?;
    println!("running on {}", check(&device)?);
    Ok(device)
}

#[test]
fn linear_matches_host_loops() {
    forward::linear::<Wgpu>(&adapter().unwrap());
}

#[test]
fn conv2d_matches_host_loops() {
    forward::conv2d::<Wgpu>(&adapter().unwrap());
}
