//! Samples that stand for what inputs look like on average.

use burn::tensor::Slice;
use burn_backend::Backend;

use crate::Value;
use crate::engine::all_finite;
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, describe, fits};

/// A background set that fits the inputs of one call: samples of every explained value.
pub(super) struct Background<B: Backend> {
    samples: Vec<Value<B>>,
    count: usize,
}

impl<B: Backend> Background<B> {
    /// The samples of `given`, which the model takes as it takes `inputs`, with a batch of its own.
    pub(super) fn new(
        model: &Model<B>,
        given: &Inputs<B>,
        inputs: &Inputs<B>,
        output: usize,
    ) -> Result<Self, ExplainError> {
        let given = model.embed(given, output)?;
        let samples: Vec<_> = given.explained().map(|(_, value)| value.clone()).collect();
        let explained: Vec<_> = inputs.explained().map(|(_, value)| value).collect();
        if samples.len() != explained.len() {
            let (parameter, got) = ("background", samples.len());
            return Err(AttributorError::PerInput { parameter, got, explained: explained.len() }.into());
        }
        let count = given.batch().unwrap_or(0);
        for (sample, x) in samples.iter().zip(&explained) {
            let fitting = sample.rank() == x.rank() && sample.dims()[1..] == x.dims()[1..];
            if count == 0 || sample.dims()[0] != count || !(fitting && fits(sample, x)) {
                let (got, input) = (describe(sample), describe(x));
                return Err(AttributorError::Background { got, input }.into());
            }
            if !all_finite(sample)? {
                return Err(AttributorError::BaselineNotFinite { value: f64::NAN }.into());
            }
        }
        Ok(Self { samples, count })
    }

    /// Number of samples.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// One sample as the baseline of every explained value of `inputs`, for all samples of the batch.
    pub(super) fn baselines(&self, sample: usize, inputs: &Inputs<B>) -> Vec<Value<B>> {
        let explained = inputs.explained().zip(&self.samples);
        explained.map(|((_, x), samples)| row(samples, sample).expand(&x.dims()).laid_out()).collect()
    }

    /// One sample for each sample of the batch.
    pub(super) fn rows(&self, samples: &[usize]) -> Vec<Value<B>> {
        let rows =
            |value: &Value<B>| Value::cat(samples.iter().map(|&sample| row(value, sample)).collect(), 0);
        self.samples.iter().map(rows).collect()
    }
}

fn row<B: Backend>(value: &Value<B>, row: usize) -> Value<B> {
    let mut ranges: Vec<_> = value.dims().into_iter().map(|size| 0..size).collect();
    ranges.iter_mut().take(1).for_each(|rows| *rows = row..row + 1);
    value.clone().slice(&ranges.into_iter().map(Slice::from).collect::<Vec<_>>())
}
