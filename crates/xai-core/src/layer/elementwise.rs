//! Elementwise functions that are no activations.

use std::f64::consts::FRAC_2_SQRT_PI;

use burn_backend::{Backend, Scalar};
use strum::IntoStaticStr;

use super::functions::{cos, cosh, exp, recip, sin, sinh, sqrt_inverse};
use super::{BackwardContext, Interval, LayerKind, LayerOps, Saved, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// From one row per function, `Variant = burn_operation`: the enum and its forward.
macro_rules! functions {
    ($($(#[$doc:meta])* $function:ident = $op:ident),* $(,)?) => {
        /// An elementwise function `y = f(x)` of numerical code, beside [`Activation`](super::Activation).
        #[derive(Debug, Clone, Copy, PartialEq, IntoStaticStr)]
        #[strum(serialize_all = "snake_case")]
        #[non_exhaustive]
        pub enum Elementwise {
            /// `x^exponent`.
            Power(f64),
            $($(#[$doc])* $function,)*
        }

        impl Elementwise {
            fn value<B: Backend>(self, x: Value<B>) -> Value<B> {
                match self {
                    Self::Power(exponent) => power(x, exponent),
                    $(Self::$function => Value::from_primitive(B::$op(x.into_primitive())),)*
                }
            }
        }
    };
}

functions! {
    /// `sqrt(x)`; its derivative at 0 is taken as 0.
    Sqrt = float_sqrt,
    /// `exp(x)`.
    Exp = float_exp,
    /// `log(x)`.
    Log = float_log,
    /// `log(1 + x)`.
    Log1p = float_log1p,
    /// `|x|`; its derivative at 0 is taken as 1.
    Abs = float_abs,
    /// `1 / x`.
    Recip = float_recip,
    /// The error function, `2 / sqrt(pi)` times the integral of `exp(-t^2)` from 0 to x.
    Erf = float_erf,
    /// `sin(x)`.
    Sin = float_sin,
    /// `cos(x)`.
    Cos = float_cos,
    /// `tan(x)`.
    Tan = float_tan,
    /// `sinh(x)`.
    Sinh = float_sinh,
    /// `cosh(x)`.
    Cosh = float_cosh,
    /// `asin(x)`.
    Asin = float_asin,
    /// `acos(x)`.
    Acos = float_acos,
    /// `atan(x)`.
    Atan = float_atan,
    /// `asinh(x)`.
    Asinh = float_asinh,
    /// `acosh(x)`.
    Acosh = float_acosh,
    /// `atanh(x)`.
    Atanh = float_atanh,
    /// -1, 0 or 1; its derivative is 0.
    Sign = float_sign,
    /// The largest whole number that is not above x; its derivative is 0.
    Floor = float_floor,
    /// The smallest whole number that is not below x; its derivative is 0.
    Ceil = float_ceil,
    /// The nearest whole number; its derivative is 0.
    Round = float_round,
    /// The whole number next to x towards 0; its derivative is 0.
    Trunc = float_trunc,
}

impl Elementwise {
    /// The name of the function in Burn: `sqrt`, `log1p`, ...
    pub fn name(self) -> &'static str {
        if let Self::Power(_) = self { "pow" } else { self.into() }
    }

    /// Whether the derivative is 0 everywhere.
    fn is_step(self) -> bool {
        matches!(self, Self::Sign | Self::Floor | Self::Ceil | Self::Round | Self::Trunc)
    }
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
        Ok(self.value(only(inputs)?))
    }

    fn vjp_saved(&self) -> Saved {
        match self {
            Self::Sqrt | Self::Exp | Self::Recip | Self::Tan => Saved::OUTPUT,
            step if step.is_step() => Saved::NOTHING,
            _ => Saved::INPUTS,
        }
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let saved = LayerOps::<B>::vjp_saved(self);
        let x = if saved.inputs { context.input(0)? } else { &gradient };
        let y = if saved.output { context.output()? } else { &gradient };
        Ok(vec![match *self {
            Self::Power(exponent) => &gradient * (power(x.clone(), exponent - 1.0) * exponent),
            Self::Sqrt => {
                // `sign` is +1 at 0, so the two signs add up to 0, and to 2 where y is 0.
                let safe = y + (y.sign() + (y.clone() * -1.0).sign());
                (gradient.clone() / safe * 0.5).where_positive(y)
            }
            Self::Exp => &gradient * y,
            Self::Log => gradient.clone() / x,
            Self::Log1p => gradient.clone() / (x.clone() + 1.0),
            Self::Abs => &gradient * x.sign(),
            Self::Recip => &gradient * (y * y) * -1.0,
            Self::Erf => &gradient * exp(x * x * -1.0) * FRAC_2_SQRT_PI,
            Self::Sin => &gradient * cos(x.clone()),
            Self::Cos => &gradient * sin(x.clone()) * -1.0,
            Self::Tan => &gradient * (y * y + 1.0),
            Self::Sinh => &gradient * cosh(x.clone()),
            Self::Cosh => &gradient * sinh(x.clone()),
            Self::Asin => &gradient * sqrt_inverse(x * x * -1.0 + 1.0),
            Self::Acos => &gradient * sqrt_inverse(x * x * -1.0 + 1.0) * -1.0,
            Self::Atan => &gradient * recip(x * x + 1.0),
            Self::Asinh => &gradient * sqrt_inverse(x * x + 1.0),
            Self::Acosh => &gradient * sqrt_inverse(x * x - 1.0),
            Self::Atanh => &gradient * recip(x * x * -1.0 + 1.0),
            Self::Sign | Self::Floor | Self::Ceil | Self::Round | Self::Trunc => {
                gradient.full_like(&gradient.dims(), 0.0)
            }
        }])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        let input = Interval::hull(inputs.iter().copied());
        match *self {
            Self::Power(exponent) if exponent % 2.0 == 0.0 => Interval::NON_NEGATIVE,
            Self::Sqrt | Self::Exp | Self::Abs | Self::Cosh | Self::Acos | Self::Acosh => {
                Interval::NON_NEGATIVE
            }
            Self::Sin | Self::Cos => Interval::new(-1.0, 1.0),
            Self::Log | Self::Tan => Interval::ANY,
            _ => input.sign_only(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, numbers, value, vjp};
    use Elementwise::*;

    #[test]
    fn gradients_are_exact() {
        let x = numbers(&[2, 3], 1);
        for function in [Exp, Abs, Recip, Power(2.0), Power(3.0), Erf, Sin, Cos, Tan, Sinh, Cosh] {
            check(function, std::slice::from_ref(&x));
        }
        for function in [Atan, Asinh, Sign, Floor, Ceil, Round, Trunc] {
            check(function, std::slice::from_ref(&x));
        }
        let (within, above) = (x.clone() * 0.4, x.abs() + 1.5);
        for function in [Asin, Acos, Atanh, Log1p] {
            check(function, std::slice::from_ref(&within));
        }
        for function in [Sqrt, Log, Power(1.5), Acosh] {
            check(function, std::slice::from_ref(&above));
        }
    }

    #[test]
    fn a_root_of_0_has_a_finite_gradient() {
        let at_zero =
            vjp(&Elementwise::Sqrt.into(), &[value(&[0.0, 4.0], &[1, 2])], value(&[1.0; 2], &[1, 2]));
        assert_close(&at_zero[0], &value(&[0.0, 0.25], &[1, 2]), "gradient");
        let tiny = vjp(&Elementwise::Sqrt.into(), &[value(&[1e-16], &[1, 1])], value(&[1.0], &[1, 1]));
        assert_close(&tiny[0], &value(&[5e7], &[1, 1]), "gradient of a small root");
    }
}
