//! The library's kernels against plain loops, on Flex in both of its float types.

use burn::tensor::DType;
use burn_flex::Flex;
use xai_testkit::conformance::{Row, assert_own, conformance_table, markdown};

fn check(rows: &[Row]) {
    let wrong = rows.iter().filter(|row| row.is_burn_wrong());
    println!("Burn's own kernels that differ:\n{}", markdown(wrong));
    assert_own(rows);
}

#[test]
fn kernels_match_plain_loops_in_f32() {
    check(&conformance_table::<Flex>(&Default::default(), DType::F32));
}

#[test]
fn kernels_match_plain_loops_in_f64() {
    check(&conformance_table::<Flex>(&Default::default(), DType::F64));
}
