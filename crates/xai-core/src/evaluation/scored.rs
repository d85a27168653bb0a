//! A batch whose score is asked again for changed copies of its explained inputs.

use burn::tensor::TensorData;
use burn_backend::Backend;

use crate::Value;
use crate::attributor::{Baseline, PerInput, Score};
use crate::engine::read;
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};

/// The elements of every explained value on the host, those of the first sample first.
pub(super) type Elements = Vec<Vec<f64>>;

/// A batch with its scores, which settled what is asked of changed copies as well.
pub(super) struct Scored<'a, B: Backend> {
    model: &'a Model<B>,
    inputs: Inputs<B>,
    output: usize,
    score: Score<B>,
    scores: Vec<f64>,
    largest_batch: usize,
}

impl<'a, B: Backend> Scored<'a, B> {
    /// Runs `model` on `inputs`; changed copies will go through it in stacks of at most `largest_batch`
    /// samples, and at least one copy.
    pub(super) fn new(
        model: &'a Model<B>,
        inputs: &Inputs<B>,
        target: &Target<B>,
        largest_batch: usize,
    ) -> Result<Self, ExplainError> {
        at_least_one("largest_batch", largest_batch)?;
        let inputs = model.embed(inputs, target.output())?;
        let graph = model.graph(inputs.clone(), target.output())?;
        let output = model.run_forward(&graph, &inputs, target.output())?;
        let score = Score::of(target, &graph, &output)?;
        let scores = score.read(&output)?;
        if inputs.explained().any(|(_, x)| x.dims().first() != Some(&scores.len())) {
            let inputs = inputs.explained().map(|(_, x)| x.dims()).collect();
            return Err(AttributorError::Batch { inputs, scores: scores.len() }.into());
        }
        Ok(Self { model, inputs, output: target.output(), score, scores, largest_batch })
    }

    /// Samples of the batch.
    pub(super) fn batch(&self) -> usize {
        self.scores.len()
    }

    /// The score of every sample.
    pub(super) fn scores(&self) -> &[f64] {
        &self.scores
    }

    /// The explained values, and for each whether it has rows of token ids.
    pub(super) fn explained(&self) -> Vec<(bool, &Value<B>)> {
        self.inputs.explained_values()
    }

    /// The elements of the batch.
    pub(super) fn elements(&self) -> Result<Elements, ExplainError> {
        self.inputs.explained().map(|(_, x)| read(x)).collect()
    }

    /// The elements of baselines.
    pub(super) fn baselines(&self, baselines: &PerInput<Baseline<B>>) -> Result<Elements, ExplainError> {
        Baseline::resolve(baselines, &self.inputs)?.iter().map(read).collect()
    }

    /// The elements of relevance of the explained inputs, in order.
    pub(super) fn relevance(&self, relevance: &Inputs<B>) -> Result<Elements, ExplainError> {
        let relevance = relevance.floats();
        let explained = self.inputs.iter().filter(|input| !input.explained().is_empty()).count();
        if relevance.len() != explained {
            let (parameter, got) = ("relevance", relevance.len());
            return Err(AttributorError::PerInput { parameter, got, explained }.into());
        }
        self.like("relevance", &self.inputs.relevance_of_values(&relevance), |got, input| {
            AttributorError::Relevance { got, input }
        })
    }

    /// The elements of `values`, which must have the shapes of the explained values, and be finite.
    pub(super) fn like(
        &self,
        parameter: &'static str,
        values: &[Value<B>],
        misfit: impl Fn(Vec<usize>, Vec<usize>) -> AttributorError,
    ) -> Result<Elements, ExplainError> {
        let explained = self.explained();
        if values.len() != explained.len() {
            let (got, explained) = (values.len(), explained.len());
            return Err(AttributorError::PerInput { parameter, got, explained }.into());
        }
        let checked = |(value, (_, x)): (&Value<B>, &(bool, &Value<B>))| {
            if value.dims() != x.dims() {
                return Err(misfit(value.dims(), x.dims()).into());
            }
            finite(read(value)?)
        };
        values.iter().zip(&explained).map(checked).collect()
    }

    /// The scores of changed copies of the batch, the first copy's first. Tells how many copies are done
    /// after every run of the model.
    pub(super) fn of_copies(
        &self,
        copies: impl IntoIterator<Item = Result<Elements, ExplainError>>,
        tell: impl Fn(usize),
    ) -> Result<Vec<f64>, ExplainError> {
        let explained = self.explained();
        let (mut copies, mut scores) = (copies.into_iter(), Vec::new());
        let per_run = (self.largest_batch / self.batch()).max(1);
        loop {
            let mut stacks: Elements = vec![Vec::new(); explained.len()];
            let mut stacked = 0;
            for copy in copies.by_ref().take(per_run) {
                stacks.iter_mut().zip(copy?).for_each(|(stack, elements)| stack.extend(elements));
                stacked += 1;
            }
            if stacked == 0 {
                return Ok(scores);
            }
            let stacks = stacks.into_iter().zip(&explained).map(|(stack, (_, x))| {
                let mut dims = x.dims();
                dims[0] *= stacked;
                Value::from_data(TensorData::new(stack, dims).convert_dtype(x.dtype()), &x.device())
            });
            let inputs = self.inputs.stacked(stacked, stacks);
            let output = self.model.stacked_output(inputs, stacked, self.output)?;
            let of_run = self.score.read(&output)?;
            if of_run.len() != stacked * self.batch() {
                let dims = |(_, x): &(bool, &Value<B>)| x.dims();
                let inputs = explained.iter().map(dims).collect();
                return Err(AttributorError::Batch { inputs, scores: of_run.len() }.into());
            }
            scores.extend(of_run);
            tell(scores.len() / self.batch());
        }
    }
}

/// Relevance that can be judged.
pub(super) fn finite(relevance: Vec<f64>) -> Result<Vec<f64>, ExplainError> {
    match relevance.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(AttributorError::RelevanceNotFinite { value }.into()),
        None => Ok(relevance),
    }
}

/// A number that counts something.
pub(super) fn at_least_one(parameter: &'static str, number: usize) -> Result<(), AttributorError> {
    match number {
        0 => Err(AttributorError::Parameter { parameter, value: 0.0, range: "1 or more" }),
        _ => Ok(()),
    }
}

/// The part of a sample in the elements of a batch.
pub(super) fn of_sample<T>(elements: &[T], batch: usize, sample: usize) -> &[T] {
    let width = elements.len() / batch.max(1);
    elements.get(sample * width..(sample + 1) * width).unwrap_or_default()
}
