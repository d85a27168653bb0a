//! Everything that the shared test kit has, in compute shaders on whatever adapter there is, lavapipe
//! included.
//!
//! The only integration test of this crate on purpose: every binary that runs tensors on wgpu takes
//! minutes to compile.

use std::sync::LazyLock;

use burn::tensor::DType;
use xai_testkit::conformance::{assert_own, conformance_table, markdown};
use xai_wgpu::{Wgpu, WgpuDevice, check};

/// Looked for once, and named so that a log tells a GPU from software.
static DEVICE: LazyLock<WgpuDevice> = LazyLock::new(|| {
    let device = xai_wgpu::device().unwrap();
    println!("running on {}", check(&device).unwrap());
    device
});

mod fused {
    xai_testkit::backend_suite!(xai_wgpu::Wgpu, crate::DEVICE.clone());
}

mod unfused {
    xai_testkit::backend_suite!(xai_wgpu::Unfused, crate::DEVICE.clone());
}

#[test]
fn kernels_match_plain_loops() {
    let rows = conformance_table::<Wgpu>(&DEVICE, DType::F32);
    let wrong = rows.iter().filter(|row| row.is_burn_wrong());
    println!("Burn's own kernels that differ:\n{}", markdown(wrong));
    assert_own(&rows);
}
