//! Division that does not blow up near 0.

use burn_backend::Backend;
use serde::{Deserialize, Deserializer, Serialize};

use super::check_number;
use super::form::{self, Form};
use crate::Value;
use crate::error::RuleError;
use crate::graph::NodeView;

/// Moves a denominator away from 0: `st(z) = z + sign(z) e`, with `sign(0) = +1`.
///
/// [`with_clip`](Self::with_clip) makes it `sign(z) max(|z|, e)`, which leaves large denominators as they
/// are. [`with_rms`](Self::with_rms) scales epsilon with the denominators themselves: `e = epsilon
/// sqrt(mean(z^2))`, the mean taken over all dimensions but the batch.
///
/// A number converts, and stands for a plain stabilizer of that epsilon wherever one is
/// serialised: `"stabilizer": 1e-6`, or `"stabilizer": { "epsilon": 0.1, "clip": true, "rms": [1] }`.
/// Values: `epsilon >= 0`. With 0 a denominator of 0 stays 0: such an output passes nothing on.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(into = "Form<Table>")]
pub struct Stabilizer {
    epsilon: f64,
    clip: bool,
    rms: Rms,
}

/// What is known of denominators.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sign {
    /// They may have any sign.
    Any,
    /// None is negative.
    NotNegative,
    /// None is positive.
    NotPositive,
}

/// The dimensions over which the mean square is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "`rms` must be true, false or a list of dimensions, such as [1]")]
enum Rms {
    /// None if false; all but the first if true.
    Whole(bool),
    /// These.
    Over(Vec<usize>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(deserialize_with = "form::epsilon")]
    epsilon: f64,
    #[serde(default)]
    clip: bool,
    #[serde(default = "no_rms")]
    rms: Rms,
}

fn no_rms() -> Rms {
    Rms::Whole(false)
}

impl<'de> Deserialize<'de> for Stabilizer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let expected = "for a stabilizer (`epsilon`, `stabilizer`) a finite number such as 1e-6, without quotes, \
                        or a table { epsilon, clip, rms }, of which epsilon must be there";
        match Form::<Table>::read(from, expected)? {
            Form::Number(epsilon) => Ok(epsilon.into()),
            Form::Table(Table { epsilon, clip, rms }) => Ok(Self { epsilon, clip, rms }),
        }
    }
}

impl From<Stabilizer> for Form<Table> {
    fn from(Stabilizer { epsilon, clip, rms }: Stabilizer) -> Self {
        if !clip && rms == no_rms() {
            Self::Number(epsilon)
        } else {
            Self::Table(Table { epsilon, clip, rms })
        }
    }
}

impl Stabilizer {
    /// The least that a scaled epsilon becomes: a sample whose denominators are all 0 must not
    /// divide by 0. Its reciprocal is finite in `f32`.
    const FLOOR: f64 = 1e-20;

    /// Replaces small denominators instead of adding to all.
    pub fn with_clip(self) -> Self {
        Self { clip: true, ..self }
    }

    /// Scales epsilon by the root mean square of each sample's denominators.
    pub fn with_rms(self) -> Self {
        Self { rms: Rms::Whole(true), ..self }
    }

    /// Scales epsilon by the root mean square over `dims` only.
    pub fn with_rms_over(self, dims: impl Into<Vec<usize>>) -> Self {
        let mut dims = dims.into();
        dims.sort_unstable();
        dims.dedup();
        Self { rms: Rms::Over(dims), ..self }
    }

    /// Whether epsilon depends on the other denominators, so that a layer cannot be worked on in
    /// parts.
    pub fn is_scaled(&self) -> bool {
        self.rms != no_rms()
    }

    /// Whether a denominator of 0 stays 0.
    pub fn leaves_zero(&self) -> bool {
        self.epsilon == 0.0 && !self.is_scaled()
    }

    /// `st(z)`, of the shape of `z`.
    pub fn apply<B: Backend>(&self, z: &Value<B>) -> Value<B> {
        match self.scale(z) {
            None if self.clip => z.sign() * z.abs().at_least(self.epsilon),
            None => z + z.signed(self.epsilon),
            Some(e) if self.clip => z.sign() * ((z.abs() - &e).positive() + e),
            Some(e) => z + z.sign() * e,
        }
    }

    /// `r / st(z)`, 0 where that denominator is 0.
    pub fn quotient<B: Backend>(&self, r: Value<B>, z: &Value<B>) -> Value<B> {
        match self.leaves_zero() {
            true => (r / z).where_nonzero(z),
            false => r / self.apply(z),
        }
    }

    /// `st(z)` of denominators whose sign is known: a plain stabilizer then need not look at it. To a
    /// denominator of 0, which has no numerators, the known sign applies.
    pub(crate) fn apply_to<B: Backend>(&self, z: Value<B>, sign: Sign) -> Value<B> {
        match self.addend(sign) {
            Some(addend) => z + addend,
            None => self.apply(&z),
        }
    }

    /// `st(z) - z`, what [`apply_to`](Self::apply_to) adds.
    pub(crate) fn share<B: Backend>(&self, z: &Value<B>, sign: Sign) -> Value<B> {
        match (self.addend(sign), self.clip, self.scale(z)) {
            (Some(addend), _, _) => z.full_like(&z.dims(), addend),
            (None, false, None) => z.signed(self.epsilon),
            (None, false, Some(e)) => z.sign() * e,
            (None, true, _) => self.apply(z) - z,
        }
    }

    /// The epsilon that is added, with the sign of the denominators, if it is the same for all.
    pub(crate) fn constant(&self) -> Option<f64> {
        (!self.clip && !self.is_scaled()).then_some(self.epsilon)
    }

    /// What is added to denominators of this sign, if it is the same for all.
    pub(crate) fn addend(&self, sign: Sign) -> Option<f64> {
        let epsilon = self.constant()?;
        match sign {
            Sign::Any => None,
            Sign::NotNegative => Some(epsilon),
            Sign::NotPositive => Some(-epsilon),
        }
    }

    /// The scaled epsilon, broadcast against `z`; `None` if it does not scale.
    fn scale<B: Backend>(&self, z: &Value<B>) -> Option<Value<B>> {
        let over: Vec<usize> = match &self.rms {
            Rms::Whole(false) => return None,
            Rms::Whole(true) => (1..z.rank()).collect(),
            Rms::Over(dims) => (0..z.rank()).filter(|dim| dims.contains(dim)).collect(),
        };
        let count: usize = over.iter().map(|&dim| z.dims()[dim]).product();
        let sum = over.iter().fold(z * z, |sum, &dim| sum.sum_dim(dim));
        Some((sum / count as f64).sqrt() * self.epsilon).map(|e| e.at_least(Self::FLOOR))
    }

    /// Checks the stabilizer for the output of a node.
    ///
    /// # Errors
    /// [`RuleError::Parameter`] for an epsilon that is negative, or not finite in the element type of the
    /// layer, or 0 there without being 0, and for a dimension that the output does not have.
    pub fn check<B: Backend>(&self, node: &NodeView<'_, B>) -> Result<Self, RuleError> {
        let parameter = "epsilon of the stabilizer";
        check_number(node, parameter, self.epsilon, "finite and not negative", |epsilon| epsilon >= 0.0)?;
        let Rms::Over(dims) = &self.rms else { return Ok(self.clone()) };
        match dims.iter().find(|dim| **dim >= node.output_dims().len()) {
            None => Ok(self.clone()),
            Some(&dim) => Err(RuleError::Parameter {
                parameter: "dimension of the stabilizer's mean square",
                value: dim as f64,
                range: "less than the rank of the layer's output",
            }),
        }
    }
}

impl Default for Stabilizer {
    /// A plain epsilon of 1e-6.
    fn default() -> Self {
        1e-6.into()
    }
}

impl From<f64> for Stabilizer {
    fn from(epsilon: f64) -> Self {
        Self { epsilon, clip: false, rms: no_rms() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;
    use burn_flex::Flex;

    use crate::layer::{Layer, Reduce};

    fn stabilized(stabilizer: Stabilizer, z: &[f32]) -> Vec<f32> {
        let z = TensorData::new(z.to_vec(), [1, z.len()]);
        let z = Value::<Flex>::from_data(z, &Default::default());
        // What is added and the sum of both must agree.
        let sum = &z + stabilizer.share(&z, Sign::Any);
        let stable: Vec<f32> = stabilizer.apply(&z).to_data().unwrap().to_vec().unwrap();
        assert_eq!(stable, sum.to_data().unwrap().to_vec::<f32>().unwrap());
        stable
    }

    #[test]
    fn moves_away_from_zero_on_both_sides() {
        assert_eq!(stabilized(1.0.into(), &[-0.0, 3.0, -4.0]), [1.0, 4.0, -5.0]);
        assert_eq!(stabilized(Stabilizer::from(3.5).with_clip(), &[-0.0, 3.0, -4.0]), [3.5, 3.5, -4.0]);
    }

    #[test]
    fn scales_with_the_denominators() {
        let e = 0.1 * (25.0f32 / 3.0).sqrt();
        let stable = stabilized(Stabilizer::from(0.1).with_rms(), &[-0.0, 3.0, -4.0]);
        for (stable, expected) in stable.iter().zip([e, 3.0 + e, -4.0 - e]) {
            assert!((stable - expected).abs() < 1e-6);
        }
    }

    #[test]
    fn denominators_that_are_all_zero_stay_divisors() {
        for stabilizer in [Stabilizer::from(0.1).with_rms(), Stabilizer::from(0.1).with_rms().with_clip()] {
            assert!(stabilized(stabilizer, &[0.0, 0.0]).iter().all(|z| *z > 0.0 && (1.0 / z).is_finite()));
        }
    }

    #[test]
    fn unusable_parameters_are_refused() {
        let layer: Layer<Flex> = Reduce::sum([1]).into();
        let node = &NodeView::alone(&layer, &[&[3, 4]], &[3, 5]);
        assert!(Stabilizer::from(-1e-9).check(node).is_err());
        assert!(Stabilizer::from(f64::NAN).check(node).is_err());
        // Infinite and 0 in `f32`.
        assert!(Stabilizer::from(1e39).check(node).is_err());
        assert!(Stabilizer::from(1e-46).check(node).is_err());
        assert!(Stabilizer::from(0.0).check(node).is_ok());
        assert!(Stabilizer::from(0.1).with_rms_over([1]).check(node).is_ok());
        assert!(Stabilizer::from(0.1).with_rms_over([2]).check(node).is_err());
    }

    #[test]
    fn serialises_as_a_number_where_that_says_all() {
        let round_trip = |stabilizer: &Stabilizer| {
            let text = serde_json::to_string(stabilizer).unwrap();
            assert_eq!(&serde_json::from_str::<Stabilizer>(&text).unwrap(), stabilizer);
            text
        };
        assert_eq!(round_trip(&0.25.into()), "0.25");
        let clipped = Stabilizer::from(0.25).with_clip().with_rms_over([1]);
        assert_eq!(round_trip(&clipped), r#"{"epsilon":0.25,"clip":true,"rms":[1]}"#);
    }
}
