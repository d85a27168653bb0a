//! What is done to an output before a score adds up parts of it.

use burn_backend::{Backend, DType};

use crate::Value;
use crate::error::{ExplainError, TargetError};
use crate::layer::{LayerOps, Softmax, SoftmaxForm};
use crate::model::Model;

/// A function of an output that is differentiated with it.
#[derive(Debug, Clone)]
pub(crate) enum Transform<B: Backend> {
    /// A softmax over a dimension, or its logarithm.
    Softmax { dim: usize, is_log: bool },
    /// Each sample divided by its length.
    UnitLength,
    /// A function of the user's own, one number per sample.
    Function(Model<B>),
}

impl<B: Backend> Transform<B> {
    /// The output, transformed.
    pub(crate) fn forward(&self, output: &Value<B>) -> Result<Value<B>, ExplainError> {
        match self {
            Self::Softmax { dim, .. } if *dim >= output.rank() => {
                Err(TargetError::Logits { dim: *dim, output: output.dims() }.into())
            }
            Self::Softmax { dim, is_log } => {
                let form = if *is_log { SoftmaxForm::LogSoftmax } else { SoftmaxForm::Softmax };
                let softmax: &dyn LayerOps<B> = &Softmax::new(form, *dim);
                softmax.forward(vec![output.clone()]).map_err(|source| ExplainError::Layer {
                    node: super::Target::<B>::SOFTMAX.to_owned(),
                    source,
                })
            }
            Self::UnitLength => Ok(output / &not_zero(&lengths(output))),
            Self::Function(score) => {
                let scores = score.output(output.clone(), 0)?;
                let (got, batch) = (scores.dims(), output.dims()[0]);
                let is_number = got.first() == Some(&batch) && got.iter().product::<usize>() == batch;
                if is_number { Ok(scores) } else { Err(TargetError::Function { got, batch }.into()) }
            }
        }
    }

    /// The gradient of `sum(weights * T(output))` with respect to the output.
    pub(crate) fn gradient(&self, output: &Value<B>, weights: Value<B>) -> Result<Value<B>, ExplainError> {
        Ok(match self {
            Self::Softmax { dim, is_log: true } => {
                let probabilities = Self::Softmax { dim: *dim, is_log: false }.forward(output)?;
                &weights - &(probabilities * weights.clone().sum_dim(*dim))
            }
            Self::Softmax { dim, is_log: false } => {
                let probabilities = self.forward(output)?;
                let mean = (&weights * &probabilities).sum_dim(*dim);
                probabilities * (weights - mean)
            }
            Self::UnitLength => {
                let (unit, dims) = (self.forward(output)?, output.dims());
                let along = per_sample((&weights * &unit).sum_per_sample(), dims.len());
                let lengths = lengths(output);
                // An output of zeros has no direction, and no gradient.
                ((weights - unit * along) / not_zero(&lengths)).where_nonzero(&lengths)
            }
            Self::Function(score) => {
                let graph = score.graph(output.clone(), 0)?;
                graph.vjp(std::slice::from_ref(output), weights)?.swap_remove(0)
            }
        })
    }

    /// The part of every output in `sum(weights * T(output))`: `y_j df/dy_j`, with lengths taken for constants.
    pub(super) fn relevance(&self, output: &Value<B>, weights: Value<B>) -> Result<Value<B>, ExplainError> {
        Ok(match self {
            Self::UnitLength => self.forward(output)? * weights,
            _ => self.gradient(output, weights)? * output,
        })
    }
}

/// The length of each sample, `[batch, 1, ..]`. Squares of small or large elements would not be numbers.
fn lengths<B: Backend>(output: &Value<B>) -> Value<B> {
    let (dims, rank) = (output.dims(), output.rank());
    let flat = output.abs().reshape(&[dims[0], dims[1..].iter().product()]);
    let largest = Value::from_primitive(B::float_max_dim(flat.clone().into_primitive(), 1));
    let scaled = flat / not_zero(&largest);
    let length = (&scaled * &scaled).sum_per_sample().sqrt() * largest.reshape(&dims[..1]);
    per_sample(length, rank)
}

/// The smallest number there is in place of 0.
fn not_zero<B: Backend>(lengths: &Value<B>) -> Value<B> {
    let smallest = match lengths.dtype() {
        DType::F64 => f64::MIN_POSITIVE,
        _ => f64::from(f32::MIN_POSITIVE),
    };
    lengths.clone().at_least(smallest)
}

/// One number for each sample, shaped to broadcast against values of rank `rank`.
fn per_sample<B: Backend>(numbers: Value<B>, rank: usize) -> Value<B> {
    let mut dims = numbers.dims();
    dims.resize(rank, 1);
    numbers.reshape(&dims)
}
