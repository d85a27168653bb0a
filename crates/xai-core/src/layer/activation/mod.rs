//! Elementwise non-linearities.

mod formula;
#[cfg(test)]
mod tests;

use burn::nn::activation as nn;
use burn_backend::Backend;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantNames};

use super::{BackwardContext, Interval, Layer, LayerKind, LayerOps, Saved, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// An elementwise non-linearity `y = f(x)`.
///
/// Where `f` has a kink, its derivative is the one that Burn's automatic differentiation gives;
/// the comments say which. ([`PRelu`](super::PRelu) has a parameter, and so is a layer of its own.)
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, IntoStaticStr, VariantNames)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[non_exhaustive]
pub enum Activation {
    /// `max(x, 0)`; its derivative at 0 is 0.
    Relu,
    /// `min(max(x, 0), 6)`; its derivative at 0 and 6 is 0.
    Relu6,
    /// `min(max(x, min), max)`; its derivative at the bounds is 1.
    Clamp {
        /// Lower bound, if there is one.
        min: Option<f64>,
        /// Upper bound, if there is one; not below `min`.
        max: Option<f64>,
    },
    /// `x` for `x >= 0`, else `slope x`; its derivative at 0 is 1.
    LeakyRelu {
        /// Slope for negative x.
        slope: f64,
    },
    /// `x` for `x > 0`, else `alpha (exp(x) - 1)`; its derivative at 0 is `alpha`.
    Elu {
        /// Minus the limit for small x.
        alpha: f64,
    },
    /// `x` for `x > 0`, else `alpha (exp(x / alpha) - 1)`.
    Celu {
        /// Minus the limit for small x; not 0.
        alpha: f64,
    },
    /// `1.0507 x` for `x >= 0`, else `1.0507 * 1.6733 (exp(x) - 1)`; its derivative at 0 is 1.0507.
    Selu,
    /// `x (1 + erf(x / sqrt(2))) / 2`.
    Gelu,
    /// `x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.
    GeluTanh,
    /// `x sigmoid(x)`, also called swish.
    Silu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `tanh(x)`.
    Tanh,
    /// `log(1 + exp(beta x)) / beta`.
    Softplus {
        /// Sharpness; not 0.
        beta: f64,
    },
    /// `min(max(alpha x + beta, 0), 1)`; its derivative at the bounds is `alpha`.
    HardSigmoid {
        /// Slope.
        alpha: f64,
        /// Value at 0.
        beta: f64,
    },
    /// `x min(max(x / 6 + 1 / 2, 0), 1)`; its derivative at -3 is -1/2 and at 3 is 3/2.
    HardSwish,
    /// `x tanh(log(1 + exp(x)))`.
    Mish,
    /// `log(1 / (1 + exp(-x)))`.
    LogSigmoid,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `x` for `x > threshold`, else 0, which is its derivative at the threshold too.
    ThresholdedRelu {
        /// Largest x that gives 0.
        threshold: f64,
    },
    /// `x - bias sign(x)` for `|x| > lambda`, else 0, which is its derivative at the jumps too.
    ///
    /// A bias of 0 gives the hard shrink, a bias of lambda the soft shrink.
    Shrink {
        /// Largest `|x|` that gives 0; not negative.
        lambda: f64,
        /// What x is drawn towards 0 by.
        bias: f64,
    },
}

impl Activation {
    /// The names of all activations.
    pub const NAMES: &[&'static str] = Self::VARIANTS;

    /// Stable name, as it is serialised: `relu`, `leaky-relu`, ...
    pub fn name(&self) -> &'static str {
        self.into()
    }

    /// `clamp(x, min, max)`, as [`Relu`](Self::Relu) or [`Relu6`](Self::Relu6) where it is one.
    pub fn clamp(min: Option<f64>, max: Option<f64>) -> Self {
        match (min, max) {
            (Some(0.0), None) => Self::Relu,
            (Some(0.0), Some(6.0)) => Self::Relu6,
            _ => Self::Clamp { min, max },
        }
    }

    /// The parameters are numbers for which the function is defined.
    fn check(&self) -> Result<(), LayerError> {
        let refuse = |parameter, value, range| {
            Err(LayerError::Setting { layer: self.name(), parameter, value, range })
        };
        let finite = |parameter, value: f64| match value.is_finite() {
            true => Ok(()),
            false => refuse(parameter, value, "a finite number"),
        };
        match *self {
            Self::Clamp { min, max } => {
                finite("min", min.unwrap_or(0.0))?;
                finite("max", max.unwrap_or(0.0))?;
                match (min, max) {
                    (Some(min), Some(max)) if max < min => refuse("max", max, "at least `min`"),
                    _ => Ok(()),
                }
            }
            Self::LeakyRelu { slope } => finite("slope", slope),
            Self::Elu { alpha } => finite("alpha", alpha),
            Self::Celu { alpha: 0.0 } => refuse("alpha", 0.0, "other than 0"),
            Self::Celu { alpha } => finite("alpha", alpha),
            Self::Softplus { beta: 0.0 } => refuse("beta", 0.0, "other than 0"),
            Self::Softplus { beta } => finite("beta", beta),
            Self::HardSigmoid { alpha, beta } => finite("alpha", alpha).and(finite("beta", beta)),
            Self::ThresholdedRelu { threshold } => finite("threshold", threshold),
            Self::Shrink { lambda, .. } if lambda < 0.0 => refuse("lambda", lambda, "at least 0"),
            Self::Shrink { lambda, bias } => finite("lambda", lambda).and(finite("bias", bias)),
            _ => Ok(()),
        }
    }
}

impl<B: Backend> LayerOps<B> for Activation {
    fn kind(&self) -> LayerKind {
        LayerKind::Activation
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        self.check()?;
        one_input(inputs).map(<[usize]>::to_vec)
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(self.value(only(inputs)?))
    }

    fn vjp_saved(&self) -> Saved {
        match self {
            Self::Relu | Self::Sigmoid | Self::Tanh => Saved::OUTPUT,
            _ => Saved::INPUTS,
        }
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![match self {
            Self::Relu => gradient.where_positive(context.output()?),
            Self::Sigmoid => {
                let y = context.output()?;
                gradient * y * (y.clone() * -1.0 + 1.0)
            }
            Self::Tanh => {
                let y = context.output()?;
                gradient * (y * y * -1.0 + 1.0)
            }
            _ => gradient * self.derivative(context.input(0)?),
        }])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        let input = Interval::hull(inputs.iter().copied());
        match *self {
            Self::Relu => input.map_rising(|x| x.max(0.0)),
            Self::Relu6 => input.map_rising(|x| x.clamp(0.0, 6.0)),
            Self::Clamp { min, max } => {
                let (min, max) = (min.unwrap_or(f64::NEG_INFINITY), max.unwrap_or(f64::INFINITY));
                input.map_rising(|x| x.max(min).min(max))
            }
            Self::Sigmoid | Self::HardSigmoid { .. } => Interval::UNIT,
            Self::Tanh | Self::Softsign => input.sign_only().within(Interval::new(-1.0, 1.0)),
            Self::Softplus { beta } if beta > 0.0 => Interval::NON_NEGATIVE,
            Self::Softplus { .. } => Interval::ANY,
            Self::LogSigmoid => Interval::new(f64::NEG_INFINITY, 0.0),
            Self::ThresholdedRelu { threshold } if threshold >= 0.0 => Interval::NON_NEGATIVE,
            Self::Shrink { lambda, bias } if bias > lambda => Interval::ANY,
            _ => input.sign_only(),
        }
    }
}

macro_rules! from_modules {
    ($($module:ident($m:ident) => $activation:expr),* $(,)?) => {$(
        impl From<&nn::$module> for Activation {
            fn from($m: &nn::$module) -> Self {
                $activation
            }
        }

        impl<B: Backend> From<&nn::$module> for Layer<B> {
            fn from(module: &nn::$module) -> Self {
                Activation::from(module).into()
            }
        }
    )*};
}
from_modules! {
    Relu(_m) => Self::Relu,
    LeakyRelu(m) => Self::LeakyRelu { slope: m.negative_slope },
    Elu(m) => Self::Elu { alpha: m.alpha },
    Celu(m) => Self::Celu { alpha: m.alpha },
    Selu(_m) => Self::Selu,
    Gelu(m) => if m.approximate { Self::GeluTanh } else { Self::Gelu },
    Sigmoid(_m) => Self::Sigmoid,
    Tanh(_m) => Self::Tanh,
    Softplus(m) => Self::Softplus { beta: m.beta },
    HardSigmoid(m) => Self::HardSigmoid { alpha: m.alpha, beta: m.beta },
    HardSwish(_m) => Self::HardSwish,
    Softsign(_m) => Self::Softsign,
    ThresholdedRelu(m) => Self::ThresholdedRelu { threshold: m.alpha },
    HardShrink(m) => Self::Shrink { lambda: m.lambda, bias: 0.0 },
    SoftShrink(m) => Self::Shrink { lambda: m.lambda, bias: m.lambda },
    Shrink(m) => Self::Shrink { lambda: m.lambda, bias: m.bias },
}
