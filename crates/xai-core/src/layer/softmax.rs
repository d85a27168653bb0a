//! Softmax and its kin.

use burn_backend::Backend;

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
}

impl Softmax {
    /// A softmax, softmin or log-softmax over dimension `dim`.
    pub fn new(form: SoftmaxForm, dim: usize) -> Self {
        Self { form, dim }
    }

    /// Which of the three.
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
            SoftmaxForm::Softmax => y * (&gradient - &(&gradient * y).sum_dim(self.dim)),
            SoftmaxForm::Softmin => y * ((&gradient * y).sum_dim(self.dim) - gradient),
            SoftmaxForm::LogSoftmax => &gradient - &(exp(y.clone()) * gradient.clone().sum_dim(self.dim)),
        }])
    }

    fn output_interval(&self, _: &[Interval]) -> Interval {
        match self.form {
            SoftmaxForm::Softmax | SoftmaxForm::Softmin => Interval::UNIT,
            SoftmaxForm::LogSoftmax => Interval::new(f64::NEG_INFINITY, 0.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};
    use burn_flex::Flex;

    #[test]
    fn gradients_are_exact_over_every_dimension() {
        for form in [SoftmaxForm::Softmax, SoftmaxForm::Softmin, SoftmaxForm::LogSoftmax] {
            for dim in 0..3 {
                check(Softmax::new(form, dim), &[numbers(&[2, 3, 4], 1)]);
            }
        }
    }

    #[test]
    fn a_dimension_too_many_is_refused() {
        let layer = Softmax::new(SoftmaxForm::Softmax, 2);
        assert!(LayerOps::<Flex>::output_dims(&layer, &[&[2, 3]]).is_err());
    }
}
