//! How close a result must come to the golden one.

use std::fmt;

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use xai_core::Value;

use super::data::HostTensor;
use super::error::GoldenError;
use super::manifest::{Case, Detail};

/// How far a tensor is from the golden one.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// Name of the tensor.
    pub tensor: String,
    /// `max|got - want| / max|want|`.
    pub error: f64,
    /// The largest error that passes.
    pub tolerance: f64,
}

impl Deviation {
    /// Compares `got` with the tensor `name` of a case.
    pub(super) fn of<B: Backend>(
        case: &Case,
        name: &str,
        got: &Value<B>,
        want: &HostTensor,
    ) -> Result<Self, GoldenError> {
        if got.dims() != want.dims {
            return Err(GoldenError::Inconsistent {
                case: case.name.clone(),
                what: format!("`{name}` came out as {:?} instead of {:?}", got.dims(), want.dims),
            });
        }
        let want: Vec<f64> = want.data.iter().map(|&want| f64::from(want)).collect();
        let error = relative_error(&elements(got), &want);
        Ok(Self { tensor: name.to_owned(), error, tolerance: case.tolerance(got.dtype()) })
    }

    /// Whether the error is within the tolerance.
    pub fn passes(&self) -> bool {
        self.error <= self.tolerance
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is off by {:.2e} (tolerance {:.0e})", self.tensor, self.error, self.tolerance)
    }
}

/// All elements on the host, in row-major order.
pub fn elements<B: Backend>(value: &Value<B>) -> Vec<f64> {
    value.to_data().expect("the backend can be read").iter::<f64>().collect()
}

impl Case {
    /// The largest error of a result in the element type `dtype`, as the golden README has it: 1e-6
    /// in f64; in f32 1e-4, or 20 times the reference's own error in f32 where that is more.
    ///
    /// Max pools only move relevance, and edge cases are small integers with denominators that are
    /// 0: both 1e-6 in f32 too.
    pub fn tolerance(&self, dtype: DType) -> f64 {
        let only_moves = matches!(self.detail, Detail::MaxpoolGradient { .. });
        if dtype == DType::F64 || only_moves || self.is("edge") {
            return 1e-6;
        }
        self.f32_err.map_or(1e-4, |error| (20.0 * error).max(1e-4))
    }
}

/// `max|got - want| / max|want|`; the plain `max|got|` where `want` is all 0, infinite where an
/// element is NaN.
pub fn relative_error(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len(), "only tensors of one shape can be compared");
    let scale = want.iter().fold(0.0f64, |scale, want| scale.max(want.abs()));
    let mut error = 0.0f64;
    for (got, want) in got.iter().zip(want) {
        let difference = (got - want).abs();
        // `f64::max` would let NaN pass.
        error = error.max(if difference.is_nan() { f64::INFINITY } else { difference });
    }
    if scale > 0.0 { error / scale } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_relative_to_the_largest_element() {
        assert_eq!(relative_error(&[1.0, -4.0], &[1.5, -4.0]), 0.125);
        assert_eq!(relative_error(&[0.25, 0.0], &[0.0, 0.0]), 0.25);
    }

    #[test]
    fn nan_never_passes() {
        assert_eq!(relative_error(&[f64::NAN, 1.0], &[0.0, 1.0]), f64::INFINITY);
        assert_eq!(relative_error(&[1.0, 1.0], &[1.0, f64::NAN]), f64::INFINITY);
    }

    #[test]
    fn f32_may_err_more_where_the_reference_does() {
        let case = |rest: &str| -> Case {
            serde_json::from_str(&format!(
                r#"{{"name": "a/b", "file": "a", "prefix": "", "tensors": {{}}, {rest}}}"#
            ))
            .unwrap()
        };
        let usual = case(r#""kind": "any", "f32_err": 1e-7"#);
        assert_eq!([usual.tolerance(DType::F32), usual.tolerance(DType::F64)], [1e-4, 1e-6]);
        let large = case(r#""kind": "any", "f32_err": 1e-5"#);
        assert_eq!([large.tolerance(DType::F32), large.tolerance(DType::F64)], [2e-4, 1e-6]);
        assert_eq!(case(r#""kind": "any", "f32_err": 1e-5, "tags": ["edge"]"#).tolerance(DType::F32), 1e-6);
        let pool =
            r#""kind": "maxpool_gradient", "layer": {"type": "MaxPool1d"}, "rule": {"name": "Gradient"}"#;
        assert_eq!(case(pool).tolerance(DType::F32), 1e-6);
    }
}
