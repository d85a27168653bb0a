//! The golden cases of the reference systems, on Flex.

use burn::tensor::DType;
use burn_flex::Flex;
use xai_testkit::golden;

#[test]
fn graphs_built_by_hand_in_f32() {
    let report = golden::built_by_hand::<Flex>(DType::F32, &Default::default());
    println!("{report}");
    report.assert_passed();
}

#[test]
fn graphs_built_by_hand_in_f64() {
    let report = golden::built_by_hand::<Flex>(DType::F64, &Default::default());
    println!("{report}");
    report.assert_passed();
}

#[test]
fn recorded_models_in_f32() {
    let (report, agreement) = golden::recorded::<Flex>(DType::F32, &Default::default());
    println!("{report}{agreement}");
    report.assert_passed();
}

#[test]
fn recorded_models_in_f64() {
    let (report, agreement) = golden::recorded::<Flex>(DType::F64, &Default::default());
    println!("{report}{agreement}");
    report.assert_passed();
}
