//! How close a result must come to the golden one.

use std::fmt;

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use xai_core::Value;

use super::data::HostTensor;
use super::error::GoldenError;
use super::manifest::Case;

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
        Ok(Self { tensor: name.to_owned(), error, tolerance: tolerance(case.f32_err, got.dtype()) })
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

/// All elements on the host.
pub(crate) fn elements<B: Backend>(value: &Value<B>) -> Vec<f64> {
    value.to_data().expect("the backend can be read").iter::<f64>().collect()
}

/// The golden README's tolerance: 1e-6 in f64; in f32 1e-4, or 20 times the reference's own error
/// in f32 where that is more.
pub fn tolerance(f32_err: Option<f64>, dtype: DType) -> f64 {
    match dtype {
        DType::F64 => 1e-6,
        _ => f32_err.map_or(1e-4, |error| (20.0 * error).max(1e-4)),
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
        assert_eq!(tolerance(Some(1e-7), DType::F32), 1e-4);
        assert_eq!(tolerance(Some(1e-5), DType::F32), 2e-4);
        assert_eq!(tolerance(Some(1e-5), DType::F64), 1e-6);
    }
}
