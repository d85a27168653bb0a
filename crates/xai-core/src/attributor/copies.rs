//! Relevance at copies of a batch with other values, several copies in one run of the model.

use burn::tensor::Slice;
use burn_backend::Backend;

use super::Lrp;
use super::score::{Score, add_scaled};
use crate::Value;
use crate::error::{AttributorError, ExplainError};
use crate::model::Inputs;

/// Copies of a batch that differ in the explained inputs, all asked for the score that the unchanged
/// input settled.
pub(super) struct Copies<'a, B: Backend> {
    method: &'a Lrp<B>,
    inputs: &'a Inputs<B>,
    output: usize,
    score: &'a Score<B>,
    batch: usize,
    per_run: usize,
}

impl<'a, B: Backend> Copies<'a, B> {
    /// Copies of `inputs`, which `method` has run already, with the score of the output `output`; at
    /// most `largest_batch` samples per run.
    pub(super) fn new(
        method: &'a Lrp<B>,
        inputs: &'a Inputs<B>,
        output: usize,
        score: &'a Score<B>,
        largest_batch: usize,
    ) -> Result<Self, ExplainError> {
        if largest_batch == 0 {
            let (parameter, range) = ("largest_batch", "1 or more");
            return Err(AttributorError::Parameter { parameter, value: 0.0, range }.into());
        }
        let batch = inputs.batch().unwrap_or(1);
        // What has no batch in front cannot be stacked, and a graph that holds for one input alone is
        // no faster for several.
        let has_batch = |dims: Vec<usize>| dims.first() == Some(&batch);
        let has_batch = has_batch(score.dims()) && inputs.explained().all(|(_, x)| has_batch(x.dims()));
        let stacks = has_batch && !method.model().reads_values();
        let per_run = if stacks { (largest_batch / batch.max(1)).max(1) } else { 1 };
        Ok(Self { method, inputs, output, score, batch, per_run })
    }

    /// Takes the relevance at each of `points`, which are values of all explained inputs with what is to be
    /// done there, one after the other. Tells how many are done after every run.
    pub(super) fn each<T>(
        &self,
        points: impl IntoIterator<Item = (Vec<Value<B>>, T)>,
        mut take: impl FnMut(Vec<Value<B>>, T),
        tell: impl Fn(usize),
    ) -> Result<(), ExplainError> {
        let (mut points, mut done) = (points.into_iter(), 0);
        loop {
            let (stack, tasks): (Vec<_>, Vec<_>) = points.by_ref().take(self.per_run).unzip();
            if stack.is_empty() {
                return Ok(());
            }
            let copies = stack.len();
            let relevance = self.relevance(stack).map_err(|error| error.of_stack(self.batch, copies))?;
            for (copy, task) in tasks.into_iter().enumerate() {
                let inputs = self.inputs.floats();
                take(relevance.iter().zip(&inputs).map(|(stack, x)| part(stack, x, copy)).collect(), task);
            }
            done += copies;
            tell(done);
        }
    }

    /// Adds `weight * relevance` at each of `points`, values of all explained inputs with a weight, to `sum`.
    pub(super) fn add(
        &self,
        mut sum: Option<Vec<Value<B>>>,
        points: impl IntoIterator<Item = (Vec<Value<B>>, f64)>,
        tell: impl Fn(usize),
    ) -> Result<Option<Vec<Value<B>>>, ExplainError> {
        self.each(points, |own, weight| sum = add_scaled(sum.take(), own, weight), tell)?;
        Ok(sum)
    }

    /// Relevance of the graph inputs at several points in one run, stacked as they are.
    fn relevance(&self, points: Vec<Vec<Value<B>>>) -> Result<Vec<Value<B>>, ExplainError> {
        let copies = points.len();
        let mut stacks = vec![Vec::with_capacity(copies); self.inputs.explained().count()];
        for point in points {
            stacks.iter_mut().zip(point).for_each(|(stack, value)| stack.push(value));
        }
        let stacked = self.inputs.stacked(copies, stacks.into_iter().map(|stack| Value::cat(stack, 0)));
        let run = self.method.run_stacked(self.inputs, &stacked, copies, self.output)?;
        let seed = self.score.gradient(run.output(), copies)?;
        run.relevance(seed)
    }
}

/// The part that a copy has of the stacked relevance of `x`. A value that all copies share has the
/// relevance of all, which counts as that of the first.
fn part<B: Backend>(stack: &Value<B>, x: &Value<B>, copy: usize) -> Value<B> {
    let mut ranges: Vec<_> = x.dims().into_iter().map(|size| 0..size).collect();
    match stack.dims() == x.dims() {
        true if copy == 0 => return stack.clone(),
        true => return stack.full_like(&x.dims(), 0.0),
        false => ranges.iter_mut().take(1).for_each(|rows| *rows = copy * rows.end..(copy + 1) * rows.end),
    }
    stack.clone().slice(&ranges.into_iter().map(Slice::from).collect::<Vec<_>>())
}
