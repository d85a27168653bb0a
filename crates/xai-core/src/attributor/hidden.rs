//! Scores of copies of a batch of which parts are hidden.

use burn_backend::Backend;

use super::score::Score;
use super::{Attribution, Baseline, PerInput};
use crate::Value;
use crate::error::{AttributorError, ExplainError};
use crate::model::{Input, Inputs, Model, Target};

/// A batch, its score, and what its elements are replaced by where they are hidden.
pub(super) struct Hidden<'a, B: Backend> {
    model: &'a Model<B>,
    inputs: Inputs<B>,
    place: usize,
    baselines: Vec<Value<B>>,
    score: Score<B>,
    output: Value<B>,
    /// The score of each sample as it is.
    pub(super) scores: Vec<f64>,
    /// Copies of the batch that go through the model at once.
    pub(super) per_run: usize,
}

impl<'a, B: Backend> Hidden<'a, B> {
    /// Runs `model` on the unchanged inputs, which settle the score.
    pub(super) fn new(
        model: &'a Model<B>,
        inputs: &Inputs<B>,
        target: &Target<B>,
        baselines: &PerInput<Baseline<B>>,
        largest_batch: usize,
    ) -> Result<Self, ExplainError> {
        if largest_batch == 0 {
            let (parameter, range) = ("largest_batch", "1 or more");
            return Err(AttributorError::Parameter { parameter, value: 0.0, range }.into());
        }
        let place = target.output();
        let inputs = model.embed(inputs, place)?;
        let graph = model.graph(inputs.clone(), place)?;
        let output = model.run_forward(&graph, &inputs, place)?;
        let baselines = Baseline::resolve(baselines, &inputs)?;
        let score = Score::of(target, &graph, &output)?;
        let scores = score.read(&output)?;
        let batch = scores.len();
        if inputs.explained().any(|(_, x)| x.dims().first() != Some(&batch)) {
            let inputs = inputs.explained().map(|(_, x)| x.dims()).collect();
            return Err(AttributorError::Batch { inputs, scores: batch }.into());
        }
        let per_run = (largest_batch / batch.max(1)).max(1);
        Ok(Self { model, inputs, place, baselines, score, output, scores, per_run })
    }

    /// The explained values, and for each whether it has rows of token ids.
    pub(super) fn explained(&self) -> Vec<(bool, &Value<B>)> {
        self.inputs.explained_values()
    }

    /// The scores of `copies` of the batch, one copy after the other, in one run. The mask of an input is
    /// 1 where it is shown and 0 where it is hidden, `[copies * batch, ..]` with the input's sizes or sizes
    /// of 1; an input without one is shown.
    pub(super) fn scores_of(
        &self,
        copies: usize,
        masks: Vec<Option<Value<B>>>,
    ) -> Result<Vec<f64>, ExplainError> {
        let stack = |value: &Value<B>| Value::cat(vec![value.clone(); copies], 0);
        let stacks = self.inputs.explained().zip(&self.baselines).zip(masks);
        let stacks = stacks.map(|(((_, x), baseline), mask)| match mask {
            None => stack(x),
            Some(mask) => {
                let hidden = mask.clone() * -1.0 + 1.0;
                mask * stack(x) + hidden * stack(baseline)
            }
        });
        let stacked = self.inputs.stacked(copies, stacks.collect::<Vec<_>>());
        self.score.read(&self.model.stacked_output(stacked, copies, self.place)?)
    }

    /// The result: `relevance` of the explained values. Fixed inputs are never hidden and have none.
    pub(super) fn attribution(self, relevance: Vec<Value<B>>) -> Result<Attribution<B>, ExplainError> {
        let mut relevance = relevance.into_iter();
        let of_input = |input: &Input<B>| match input {
            Input::Fixed(fixed) => vec![fixed.full_like(&fixed.dims(), 0.0)],
            other => relevance.by_ref().take(other.explained().len()).collect(),
        };
        let relevance = self.inputs.iter().flat_map(of_input).collect();
        Ok(self.score.attribution(&self.inputs, relevance, self.output)?.without_saturation())
    }
}
