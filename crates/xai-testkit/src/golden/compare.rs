//! How close a result must come to the golden one, and recorded graphs to those built by hand.

use std::fmt;

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use xai_core::Value;

use super::error::GoldenError;
use super::manifest::{Case, Detail};
use crate::host::Array;

/// How far a tensor is from the golden one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deviation {
    /// Name of the tensor.
    pub tensor: String,
    /// `max|got - want| / max|want|`.
    pub error: f64,
    /// The largest error that passes.
    pub tolerance: f64,
}

impl Deviation {
    /// Whether the error is within the tolerance.
    pub(super) fn passes(&self) -> bool {
        self.error <= self.tolerance
    }
}

impl fmt::Display for Deviation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is off by {:.2e} (tolerance {:.0e})", self.tensor, self.error, self.tolerance)
    }
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

/// Largest relative difference between the relevance of a recorded and of a hand-built graph.
const SAME: f64 = 1e-6;

/// How well recorded graphs agree with those built by hand, over all nodes of all cases.
///
/// A case in which they do not agree to 1e-6 fails.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Agreement {
    /// Tensors compared: relevance at every node, and the outputs.
    pub tensors: usize,
    /// Those of them in which not every bit is the same, by case.
    pub unequal: Vec<String>,
    /// The largest difference, relative to the tensor's largest element.
    pub largest: f64,
}

impl Agreement {
    pub(super) fn note<B: Backend>(
        &mut self,
        case: &Case,
        tensor: &str,
        recorded: &Value<B>,
        by_hand: &Value<B>,
    ) -> Result<(), GoldenError> {
        let (recorded, by_hand) = (Array::of(recorded), Array::of(by_hand));
        let difference = by_hand.relative_error(&recorded);
        self.tensors += 1;
        if recorded != by_hand {
            self.unequal.push(format!("{} {tensor}", case.name));
        }
        self.largest = self.largest.max(difference);
        match difference <= SAME {
            true => Ok(()),
            false => Err(GoldenError::Inconsistent(format!(
                "`{tensor}` differs by {difference:.2e} between the recorded and the hand-built graph"
            ))),
        }
    }
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tensors == 0 {
            return Ok(());
        }
        let equal = self.tensors - self.unequal.len();
        writeln!(f, "recorded and built by hand: {equal} of {} tensors equal in every bit", self.tensors)?;
        if !self.unequal.is_empty() {
            writeln!(f, "the others to {:.1e}: {}", self.largest, self.unequal.join(", "))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
