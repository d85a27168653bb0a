//! Division that does not blow up near 0.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use crate::Value;
use crate::error::RuleError;

/// `st(z) = z + sign(z) epsilon` with `sign(0) = +1`: moves a denominator away from 0.
///
/// Serialises as its epsilon. Values: `epsilon >= 0`; with 0 a denominator of 0 stays 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stabilizer {
    epsilon: f64,
}

impl Stabilizer {
    /// The stabilizer's epsilon.
    pub fn epsilon(self) -> f64 {
        self.epsilon
    }

    /// `st(z)`, of the shape of `z`.
    pub fn apply<B: Backend>(self, z: &Value<B>) -> Value<B> {
        z + &(z.sign() * self.epsilon)
    }

    /// `st(z) - z`, what the stabilizer adds.
    pub(crate) fn share<B: Backend>(self, z: &Value<B>) -> Value<B> {
        z.sign() * self.epsilon
    }

    pub(crate) fn check(self) -> Result<Self, RuleError> {
        if self.epsilon >= 0.0 && self.epsilon.is_finite() {
            Ok(self)
        } else {
            Err(RuleError::Parameter {
                parameter: "epsilon of the stabilizer",
                value: self.epsilon,
                range: "finite and not negative",
            })
        }
    }
}

impl Default for Stabilizer {
    /// An epsilon of 1e-6.
    fn default() -> Self {
        Self { epsilon: 1e-6 }
    }
}

impl From<f64> for Stabilizer {
    fn from(epsilon: f64) -> Self {
        Self { epsilon }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;
    use burn_flex::Flex;

    #[test]
    fn moves_away_from_zero_on_both_sides() {
        let z = Value::<Flex>::from_data(TensorData::from([-0.0f32, 3.0, -4.0]), &Default::default());
        let stable: Vec<f32> = Stabilizer::from(1.0).apply(&z).to_data().unwrap().to_vec().unwrap();
        assert_eq!(stable, [1.0, 4.0, -5.0]);
    }

    #[test]
    fn negative_and_nan_are_refused() {
        assert!(Stabilizer::from(-1e-9).check().is_err());
        assert!(Stabilizer::from(f64::NAN).check().is_err());
        assert!(Stabilizer::from(0.0).check().is_ok());
    }
}
