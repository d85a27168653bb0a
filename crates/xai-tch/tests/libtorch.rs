//! Everything that the shared test kit has, on LibTorch, and devices that are not there. One binary, because
//! linking LibTorch is slow.

use burn::tensor::DType;
use xai_tch::{DeviceError, LibTorch, LibTorchDevice, check, device};
use xai_testkit::conformance::{Row, assert_own, conformance_table, markdown};
use xai_testkit::golden::{self, Golden};

mod f32 {
    xai_testkit::backend_suite!(xai_tch::LibTorch, xai_tch::device());
}

mod f64 {
    xai_testkit::backend_suite!(xai_tch::LibTorch<f64>, xai_tch::device());
}

/// The library's kernels against plain loops.
fn kernels(rows: &[Row]) {
    let wrong = rows.iter().filter(|row| row.is_burn_wrong());
    println!("Burn's own kernels that differ:\n{}", markdown(wrong));
    assert_own(rows);
}

#[test]
fn kernels_match_plain_loops_in_f32() {
    kernels(&conformance_table::<LibTorch>(&device(), DType::F32));
}

#[test]
fn kernels_match_plain_loops_in_f64() {
    kernels(&conformance_table::<LibTorch<f64>>(&device(), DType::F64));
}

#[test]
fn golden_cases_in_f32() {
    golden::built_by_hand::<LibTorch>(&Golden::open().unwrap(), DType::F32, &device()).assert_passed();
}

#[test]
fn golden_cases_in_f64() {
    golden::built_by_hand::<LibTorch<f64>>(&Golden::open().unwrap(), DType::F64, &device()).assert_passed();
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
