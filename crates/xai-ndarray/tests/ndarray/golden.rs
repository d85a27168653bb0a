//! The golden cases of the reference systems, on NdArray.

use burn::tensor::DType;
use burn_ndarray::NdArray;
use xai_testkit::golden::{self, Golden};

#[test]
fn graphs_built_by_hand_in_f32() {
    golden::built_by_hand::<NdArray>(&Golden::open().unwrap(), DType::F32, &Default::default())
        .assert_passed();
}

#[test]
fn graphs_built_by_hand_in_f64() {
    golden::built_by_hand::<NdArray>(&Golden::open().unwrap(), DType::F64, &Default::default())
        .assert_passed();
}

#[test]
fn recorded_models_in_f32() {
    golden::recorded::<NdArray>(&Golden::open().unwrap(), DType::F32, &Default::default()).assert_passed();
}

#[test]
fn recorded_models_in_f64() {
    golden::recorded::<NdArray>(&Golden::open().unwrap(), DType::F64, &Default::default()).assert_passed();
}

#[test]
fn networks_of_another_geometry() {
    let (golden, device) = (Golden::committed("golden-variant").unwrap(), Default::default());
    golden::built_by_hand::<NdArray>(&golden, DType::F32, &device).assert_passed();
    golden::built_by_hand::<NdArray>(&golden, DType::F64, &device).assert_passed();
    golden::recorded::<NdArray>(&golden, DType::F32, &device).assert_passed();
    golden::recorded::<NdArray>(&golden, DType::F64, &device).assert_passed();
}
