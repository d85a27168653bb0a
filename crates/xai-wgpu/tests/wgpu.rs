//! Everything that the shared test kit has, in compute shaders on whatever adapter there is, lavapipe
//! included.
//!
//! The only integration test of this crate on purpose: every binary that runs tensors on wgpu takes
//! minutes to compile.
// A test that finds no adapter has failed.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use burn::tensor::DType;
use xai_testkit::conformance::{Bench, Row, assert_own, convolutions, linears, markdown, pools};
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

/// The library's kernels against plain loops. Every shape compiles shaders of its own, which is slow in
/// software.
mod kernels {
    use super::*;

    fn check(rows: &[Row]) {
        let wrong = rows.iter().filter(|row| row.is_burn_wrong());
        println!("Burn's own kernels that differ:\n{}", markdown(wrong));
        assert_own(rows);
    }

    fn bench() -> Bench<Wgpu> {
        Bench { device: DEVICE.clone(), dtype: DType::F32 }
    }

    #[test]
    fn linears_match_plain_loops() {
        check(&linears(&bench()));
    }

    #[test]
    fn convolutions_match_plain_loops() {
        check(&convolutions(&bench()));
    }

    #[test]
    fn pools_match_plain_loops() {
        check(&pools(&bench()));
    }
}
