//! Elementwise functions that are no activations.

use burn_backend::{Backend, Scalar};

use super::functions::{exp, log, recip};
use super::{BackwardContext, Interval, LayerKind, LayerOps, Saved, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// An elementwise function `y = f(x)` of numerical code, beside [`Activation`](super::Activation).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Elementwise {
    /// `x^exponent`.
    Power(f64),
    /// `sqrt(x)`; its derivative at 0 is taken as 0.
    Sqrt,
    /// `exp(x)`.
    Exp,
    /// `log(x)`.
    Log,
    /// `|x|`; its derivative at 0 is taken as 1.
    Abs,
    /// `1 / x`.
    Recip,
}

/// `x^exponent`; a whole exponent serves negative x too.
fn power<B: Backend>(x: Value<B>, exponent: f64) -> Value<B> {
    let x = x.into_primitive();
    let whole = exponent.fract() == 0.0 && exponent.abs() <= f64::from(i32::MAX);
    Value::from_primitive(match whole {
        true => B::float_powi_scalar(x, Scalar::Int(exponent as i64)),
        false => B::float_powf_scalar(x, Scalar::Float(exponent)),
    })
}

impl<B: Backend> LayerOps<B> for Elementwise {
    fn kind(&self) -> LayerKind {
        LayerKind::Elementwise
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        match *self {
            Self::Power(exponent) if !exponent.is_finite() => Err(LayerError::Setting {
                layer: "power",
                parameter: "exponent",
                value: exponent,
                range: "a finite number",
            }),
            _ => one_input(inputs).map(<[usize]>::to_vec),
        }
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let x = only(inputs)?;
        Ok(match *self {
            Self::Power(exponent) => power(x, exponent),
            Self::Sqrt => x.sqrt(),
            Self::Exp => exp(x),
            Self::Log => log(x),
            Self::Abs => x.abs(),
            Self::Recip => recip(x),
        })
    }

    fn vjp_saved(&self) -> Saved {
        match self {
            Self::Power(_) | Self::Log | Self::Abs => Saved::INPUTS,
            Self::Sqrt | Self::Exp | Self::Recip => Saved::OUTPUT,
        }
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![match *self {
            Self::Power(exponent) => gradient * (power(context.input(0)?.clone(), exponent - 1.0) * exponent),
            Self::Sqrt => {
                let y = context.output()?;
                // `sign` is +1 at 0, so y + sign(y) + sign(-y) is y, and 2 where y is 0.
                let safe = y + y.sign() + (y.clone() * -1.0).sign();
                (gradient / safe * 0.5).where_positive(y)
            }
            Self::Exp => gradient * context.output()?,
            Self::Log => gradient / context.input(0)?,
            Self::Abs => gradient * context.input(0)?.sign(),
            Self::Recip => {
                let y = context.output()?;
                gradient * (y * y) * -1.0
            }
        }])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        match *self {
            Self::Power(exponent) if exponent % 2.0 == 0.0 => Interval::NON_NEGATIVE,
            Self::Power(_) | Self::Recip => Interval::hull(inputs.iter().copied()).sign_only(),
            Self::Sqrt | Self::Exp | Self::Abs => Interval::NON_NEGATIVE,
            Self::Log => Interval::ANY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, numbers, value, vjp};

    #[test]
    fn gradients_are_exact() {
        let positive = numbers(&[2, 3], 1).abs() + 0.5;
        for function in [Elementwise::Sqrt, Elementwise::Log, Elementwise::Power(1.5)] {
            check(function, std::slice::from_ref(&positive));
        }
        for function in [
            Elementwise::Exp,
            Elementwise::Abs,
            Elementwise::Recip,
            Elementwise::Power(2.0),
            Elementwise::Power(3.0),
        ] {
            check(function, &[numbers(&[2, 3], 1)]);
        }
    }

    #[test]
    fn a_root_of_0_has_a_finite_gradient() {
        let at_zero =
            vjp(&Elementwise::Sqrt.into(), &[value(&[0.0, 4.0], &[1, 2])], value(&[1.0; 2], &[1, 2]));
        assert_close(&at_zero[0], &value(&[0.0, 0.25], &[1, 2]), "gradient");
    }
}
