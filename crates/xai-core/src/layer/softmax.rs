//! Softmax and its kin.

use burn_backend::{Backend, DType};

use super::functions::exp;
use super::{BackwardContext, Interval, LayerKind, LayerOps, Saved, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// A distribution over one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Softmax {
    form: SoftmaxForm,
    dim: usize,
}

/// What is computed from the exponentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoftmaxForm {
    /// `exp(x_i) / sum_j exp(x_j)`.
    Softmax,
    /// `exp(-x_i) / sum_j exp(-x_j)`.
    Softmin,
    /// `x_i - log(sum_j exp(x_j))`.
    LogSoftmax,
    /// The softmax, and 0 where all elements are minus infinity: attention weights of a token that sees none.
    Masked,
    /// `exp(x_i) / (1 + sum_j exp(x_j))`, which may add up to less than 1.
    Quiet,
}

/// The masked softmax; the quiet one if `is_quiet`.
fn masked<B: Backend>(x: &Value<B>, dim: usize, is_quiet: bool) -> Value<B> {
    let (lowest, smallest) = match x.dtype() {
        DType::F64 => (f64::MIN, f64::MIN_POSITIVE),
        _ => (f64::from(f32::MIN), f64::from(f32::MIN_POSITIVE)),
    };
    // A largest element of minus infinity would make its differences no numbers.
    let largest = Value::from_primitive(B::float_max_dim(x.clone().into_primitive(), dim)).at_least(lowest);
    let terms = exp(x - &largest);
    let sum = terms.clone().sum_dim(dim);
    let sum = if is_quiet { sum + exp(largest * -1.0) } else { sum.at_least(smallest) };
    terms / sum
}

impl Softmax {
    /// A softmax of this form over dimension `dim`.
    pub fn new(form: SoftmaxForm, dim: usize) -> Self {
        Self { form, dim }
    }

    /// Which of them.
    pub fn form(&self) -> SoftmaxForm {
        self.form
    }

    /// The dimension.
    pub fn dim(&self) -> usize {
        self.dim
    }
}

impl<B: Backend> LayerOps<B> for Softmax {
    fn kind(&self) -> LayerKind {
        LayerKind::Softmax
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?.to_vec();
        if self.dim < input.len() {
            return Ok(input);
        }
        Err(LayerError::Misfit { layer: "softmax", setting: format!("dimension {}", self.dim), input })
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let x = only(inputs)?.into_primitive();
        Ok(Value::from_primitive(match self.form {
            SoftmaxForm::Softmax => B::softmax(x, self.dim),
            SoftmaxForm::Masked => return Ok(masked(&Value::from_primitive(x), self.dim, false)),
            SoftmaxForm::Quiet => return Ok(masked(&Value::from_primitive(x), self.dim, true)),
            SoftmaxForm::Softmin => B::softmin(x, self.dim),
            SoftmaxForm::LogSoftmax => B::log_softmax(x, self.dim),
        }))
    }

    fn vjp_saved(&self) -> Saved {
        Saved::OUTPUT
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let y = context.output()?;
        Ok(vec![match self.form {
            SoftmaxForm::Softmax | SoftmaxForm::Masked | SoftmaxForm::Quiet => {
                y * (&gradient - &(&gradient * y).sum_dim(self.dim))
            }
            SoftmaxForm::Softmin => y * ((&gradient * y).sum_dim(self.dim) - gradient),
            SoftmaxForm::LogSoftmax => &gradient - &(exp(y.clone()) * gradient.clone().sum_dim(self.dim)),
        }])
    }

    /// The constant term of the expansion at x, `y - J x`. An input of minus infinity has no part in it.
    fn constant(&self, context: &BackwardContext<'_, B>, like: &Value<B>) -> Option<Value<B>> {
        let (x, y) = (context.input(0).ok()?, context.output().ok()?);
        let y = if y.dims() == like.dims() { y } else { return None };
        Some(match self.form {
            SoftmaxForm::LogSoftmax => {
                let weights = exp(y.clone());
                y - x + (x * &weights).where_nonzero(&weights).sum_dim(self.dim)
            }
            form => {
                let x = if form == SoftmaxForm::Softmin { x.clone() * -1.0 } else { x.clone() };
                let weighted = (&x * y).where_nonzero(y);
                y - &weighted + y * weighted.clone().sum_dim(self.dim)
            }
        })
    }

    fn output_interval(&self, _: &[Interval]) -> Interval {
        match self.form {
            SoftmaxForm::LogSoftmax => Interval::new(f64::NEG_INFINITY, 0.0),
            _ => Interval::UNIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, forward, numbers, value};
    use burn_flex::Flex;

    #[test]
    fn gradients_are_exact_over_every_dimension() {
        use SoftmaxForm::{LogSoftmax, Masked, Quiet, Softmax as Plain, Softmin};
        for form in [Plain, Softmin, LogSoftmax, Masked, Quiet] {
            for dim in 0..3 {
                check(Softmax::new(form, dim), &[numbers(&[2, 3, 4], 1)]);
            }
        }
    }

    #[test]
    fn masked_elements_get_nothing() {
        let x = value(&[f64::NEG_INFINITY, 0.0, f64::NEG_INFINITY, f64::NEG_INFINITY], &[2, 2]);
        let y = forward(&Softmax::new(SoftmaxForm::Masked, 1).into(), std::slice::from_ref(&x));
        assert_close(&y, &value(&[0.0, 1.0, 0.0, 0.0], &[2, 2]), "masked");
        let y = forward(&Softmax::new(SoftmaxForm::Quiet, 1).into(), &[x]);
        assert_close(&y, &value(&[0.0, 0.5, 0.0, 0.0], &[2, 2]), "quiet");
    }

    #[test]
    fn a_dimension_too_many_is_refused() {
        let layer = Softmax::new(SoftmaxForm::Softmax, 2);
        assert!(LayerOps::<Flex>::output_dims(&layer, &[&[2, 3]]).is_err());
    }
}
