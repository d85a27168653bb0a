//! The functions and their derivatives.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

use burn_backend::{Backend, Scalar};

use super::Activation;
use crate::Value;
use crate::layer::functions::{
    clamp, erf, exp, keep_within, sigmoid, softplus, tanh, where_at_most, where_below,
};

/// Factors of SELU, from Klambauer et al., Self-Normalizing Neural Networks, 2017.
const SELU: (f64, f64) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);

/// The factor of the cube in GELU's approximation by tanh.
const GELU_CUBE: f64 = 0.044_715;

/// `sqrt(2 / pi)`.
const GELU_ANGLE: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

impl Activation {
    /// `f(x)`.
    pub(super) fn value<B: Backend>(&self, x: Value<B>) -> Value<B> {
        match *self {
            Self::Relu => Value::from_primitive(B::relu(x.into_primitive())),
            Self::Relu6 => clamp(x, Some(0.0), Some(6.0)),
            Self::Clamp { min, max } => clamp(x, min, max),
            Self::LeakyRelu { slope } => {
                Value::from_primitive(B::leaky_relu(x.into_primitive(), Scalar::Float(slope)))
            }
            Self::Elu { alpha } => where_at_most(&x, 0.0, (exp(x.clone()) - 1.0) * alpha, x.clone()),
            Self::Celu { alpha } => where_at_most(&x, 0.0, (exp(x.clone() / alpha) - 1.0) * alpha, x.clone()),
            Self::Selu => {
                let (scale, alpha) = SELU;
                where_below(&x, 0.0, (exp(x.clone()) - 1.0) * (alpha * scale), x.clone() * scale)
            }
            Self::Gelu => Value::from_primitive(B::gelu(x.into_primitive())),
            Self::GeluTanh => &x * (tanh(gelu_angle(&x)) + 1.0) * 0.5,
            Self::Silu => sigmoid(x.clone()) * x,
            Self::Sigmoid => sigmoid(x),
            Self::Tanh => tanh(x),
            Self::Softplus { beta } => softplus(&(x * beta)) / beta,
            Self::HardSigmoid { alpha, beta } => clamp(x * alpha + beta, Some(0.0), Some(1.0)),
            Self::HardSwish => hard_gate(&x) * x,
            Self::Mish => tanh(softplus(&x)) * x,
            Self::LogSigmoid => softplus(&(x * -1.0)) * -1.0,
            Self::Softsign => {
                let scale = x.abs() + 1.0;
                x / scale
            }
            Self::ThresholdedRelu { threshold } => {
                where_at_most(&x, threshold, x.full_like(&x.dims(), 0.0), x.clone())
            }
            Self::Shrink { lambda, bias } => {
                let sign = Value::from_primitive(B::float_sign(x.clone().into_primitive()));
                where_at_most(&x.abs(), lambda, x.full_like(&x.dims(), 0.0), x - sign * bias)
            }
        }
    }

    /// `f'(x)` of those whose gradient is computed from the input.
    pub(super) fn derivative<B: Backend>(&self, x: &Value<B>) -> Value<B> {
        let constant = |value: f64| x.full_like(&x.dims(), value);
        match *self {
            Self::Clamp { min, max } => keep_within(constant(1.0), x, min, max),
            // Neither bound counts as inside, as for the ReLU.
            Self::Relu6 => {
                let one = where_at_most(x, 0.0, constant(0.0), constant(1.0));
                where_below(x, 6.0, one, constant(0.0))
            }
            Self::LeakyRelu { slope } => where_below(x, 0.0, constant(slope), constant(1.0)),
            Self::Elu { alpha } => where_at_most(x, 0.0, exp(x.clone()) * alpha, constant(1.0)),
            Self::Celu { alpha } => where_at_most(x, 0.0, exp(x.clone() / alpha), constant(1.0)),
            Self::Selu => {
                let (scale, alpha) = SELU;
                where_below(x, 0.0, exp(x.clone()) * (alpha * scale), constant(scale))
            }
            Self::Gelu => {
                let cumulative = (erf(x.clone() * FRAC_1_SQRT_2) + 1.0) * 0.5;
                let density = exp(x * x * -0.5) / (2.0 * PI).sqrt();
                cumulative + x * density
            }
            Self::GeluTanh => {
                // Beyond these bounds the derivative is 0 or 1 to the last bit, and x^2 may overflow.
                let x = &clamp(x.clone(), Some(-40.0), Some(40.0));
                let t = tanh(gelu_angle(x));
                let slope = (x * x * (3.0 * GELU_CUBE) + 1.0) * GELU_ANGLE;
                (t.clone() + 1.0) * 0.5 + x * ((&t * &t) * -1.0 + 1.0) * slope * 0.5
            }
            Self::Silu => {
                let s = sigmoid(x.clone());
                &s + &(x * &s * (s.clone() * -1.0 + 1.0))
            }
            Self::Softplus { beta } => sigmoid(x.clone() * beta),
            Self::HardSigmoid { alpha, beta } => {
                keep_within(constant(alpha), &(x.clone() * alpha + beta), Some(0.0), Some(1.0))
            }
            Self::HardSwish => {
                let inside = keep_within(x.clone() / 6.0, &(x.clone() / 6.0 + 0.5), Some(0.0), Some(1.0));
                hard_gate(x) + inside
            }
            Self::Mish => {
                let t = tanh(softplus(x));
                &t + &(x * ((&t * &t) * -1.0 + 1.0) * sigmoid(x.clone()))
            }
            Self::LogSigmoid => sigmoid(x.clone() * -1.0),
            Self::Softsign => {
                let width = x.abs() + 1.0;
                constant(1.0) / (&width * &width)
            }
            Self::ThresholdedRelu { threshold } => where_at_most(x, threshold, constant(0.0), constant(1.0)),
            Self::Shrink { lambda, .. } => where_at_most(&x.abs(), lambda, constant(0.0), constant(1.0)),
            Self::Relu | Self::Sigmoid | Self::Tanh => constant(1.0),
        }
    }
}

/// `sqrt(2 / pi) (x + 0.044715 x^3)`.
fn gelu_angle<B: Backend>(x: &Value<B>) -> Value<B> {
    (x + &(x * x * x * GELU_CUBE)) * GELU_ANGLE
}

/// `min(max(x / 6 + 1 / 2, 0), 1)`.
fn hard_gate<B: Backend>(x: &Value<B>) -> Value<B> {
    clamp(x.clone() / 6.0 + 0.5, Some(0.0), Some(1.0))
}
