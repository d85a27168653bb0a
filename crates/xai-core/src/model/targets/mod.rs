//! What is explained: a score of the model's output, and the relevance that it starts with.

mod saturation;
mod select;
#[cfg(test)]
mod tests;
mod transform;

use burn::tensor::{Tensor, TensorData};
use burn_backend::Backend;

use super::Model;
use crate::Value;
use crate::engine::all_finite;
use crate::error::{ExplainError, TargetError};
use crate::graph::Graph;
use saturation::saturated;
use select::Select;
pub(crate) use select::Selection;
pub(crate) use transform::Transform;

/// What to explain about a model's output.
///
/// | target | score of a sample with the output `y` |
/// | --- | --- |
/// | [`class`](Self::class), [`classes`](Self::classes), [`argmax`](Self::argmax) | `y_c`, of an output `[batch, classes]` |
/// | [`contrast`](Self::contrast) | `y_a - y_b` |
/// | a class [`with_mask`](Self::with_mask) | mean of `y_c` over a part of a map, `[batch, classes, height, width]` |
/// | [`index`](Self::index), [`indices`](Self::indices) | one element: a pixel, a row and column of a detection head, a logit of a token |
/// | [`similarity`](Self::similarity), [`dot`](Self::dot) | cosine or dot product with a given embedding |
/// | [`log_probabilities`](Self::log_probabilities) | sum of log-probabilities of tokens |
/// | a class [`with_softmax`](Self::with_softmax) | its probability, of an output of logits |
/// | [`function`](Self::function) | a function of your own |
/// | [`relevance`](Self::relevance) | `sum(r * y)`, with any weights `r` |
///
/// A plain class index and a tensor of relevance convert: `attribute(x, 3)`. A contrast explains the difference
/// of two scores: what raises one class above the other, `Target::contrast(3, 5)`. Of a model with several
/// outputs, [`with_output`](Self::with_output) chooses one.
///
/// Every metric and every method takes every target, but DeepLIFT and DeepSHAP need sums of outputs. Gradient methods explain the score as it is. Relevance
/// propagation starts with the part of each output in the score: `y_c`, or `y_j df/dy_j` where the score is no
/// sum of outputs. The length in a cosine counts as a constant there, so its parts add up to the cosine.
#[derive(Debug, Clone)]
pub struct Target<B: Backend> {
    select: Select<B>,
    subtracted: Option<Subtracted>,
    mask: Option<Value<B>>,
    transform: Option<Transform<B>>,
    seed: Seed,
    output: usize,
}

/// Whose score is subtracted.
#[derive(Debug, Clone)]
enum Subtracted {
    Class(usize),
    Classes(Vec<usize>),
    RunnerUp,
}

/// What a target selects of an output: where relevance starts.
#[derive(Debug, Clone)]
pub struct Start<B: Backend> {
    /// Relevance of the output, of its shape.
    pub seed: Value<B>,
    /// The explained class of each sample, for class targets.
    pub classes: Option<Vec<usize>>,
    /// The class of each sample whose score is subtracted, for contrasts.
    pub contrast: Option<Vec<usize>>,
    /// The saturated softmax or sigmoid that the score comes from, if it does.
    pub saturated: Option<String>,
}

/// How much relevance the selected output starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seed {
    /// Its own value, so that relevance adds up to the explained score (the default).
    #[default]
    Output,
    /// One, so that the gradient rule gives the plain gradient.
    One,
}

impl<B: Backend> Target<B> {
    /// What messages call the softmax of [`with_softmax`](Self::with_softmax).
    pub(crate) const SOFTMAX: &'static str = "the target's softmax";

    fn new(select: Select<B>) -> Self {
        Self { select, subtracted: None, mask: None, transform: None, seed: Seed::Output, output: 0 }
    }

    /// One class for all samples.
    pub fn class(class: usize) -> Self {
        Self::new(Select::Class(class))
    }

    /// One class per sample.
    pub fn classes(classes: impl Into<Vec<usize>>) -> Self {
        Self::new(Select::Classes(classes.into()))
    }

    /// For each sample the class with the highest score, the first of equal ones.
    pub fn argmax() -> Self {
        Self::new(Select::Argmax)
    }

    /// The score of `class` minus that of `other`, for all samples.
    pub fn contrast(class: usize, other: usize) -> Self {
        Self::class(class).with_contrast(other)
    }

    /// One element of each sample's output, by its place in every dimension beside the batch: `[channel, y, x]`
    /// of a map, `[row, column]` of a detection head, `[position, token]` of a language model.
    pub fn index(index: impl Into<Vec<usize>>) -> Self {
        Self::new(Select::Elements(vec![vec![index.into()]]))
    }

    /// One element per sample, likewise.
    pub fn indices(indices: impl IntoIterator<Item = impl Into<Vec<usize>>>) -> Self {
        Self::new(Select::Elements(indices.into_iter().map(|index| vec![index.into()]).collect()))
    }

    /// The cosine of each sample's output and `embedding`, of the output's shape or with a batch of 1; at
    /// least one of its elements is not 0.
    pub fn similarity(embedding: impl Into<Value<B>>) -> Self {
        let transform = Some(Transform::UnitLength);
        Self { transform, ..Self::new(Select::Embedding { embedding: embedding.into(), is_unit: true }) }
    }

    /// The dot product of each sample's output and `embedding`, of the output's shape or with a batch of 1.
    pub fn dot(embedding: impl Into<Value<B>>) -> Self {
        Self::new(Select::Embedding { embedding: embedding.into(), is_unit: false })
    }

    /// The sum of the log-probabilities of tokens, `(position, token)` each, from logits
    /// `[batch, positions, vocabulary]`: `sum_t log softmax(y_t)[token_t]`.
    pub fn log_probabilities(tokens: impl IntoIterator<Item = (usize, usize)>) -> Self {
        Self::log_probabilities_of([tokens])
    }

    /// The same with other tokens for each sample.
    pub fn log_probabilities_of(
        samples: impl IntoIterator<Item = impl IntoIterator<Item = (usize, usize)>>,
    ) -> Self {
        let of_sample = |tokens: &mut dyn Iterator<Item = (usize, usize)>| {
            tokens.map(|(position, token)| vec![position, token]).collect()
        };
        let elements = samples.into_iter().map(|tokens| of_sample(&mut tokens.into_iter())).collect();
        let transform = Some(Transform::Softmax { dim: 2, is_log: true });
        Self { transform, ..Self::new(Select::Elements(elements)) }
    }

    /// A score of your own: a model of the output that gives one number per sample, `[batch]` or `[batch, 1]`.
    /// A function is recorded like a model: `Target::function(&record_fn(|y: Tensor<_, 2>| ...))`.
    pub fn function(score: &Model<B>) -> Self {
        Self { transform: Some(Transform::Function(score.unmerged())), ..Self::new(Select::All) }
    }

    /// The relevance of the output itself, of the output's shape. [`Seed`] is ignored here, and a
    /// contrast is made by giving some outputs negative relevance.
    pub fn relevance(relevance: impl Into<Value<B>>) -> Self {
        Self::new(Select::Relevance(relevance.into()))
    }

    /// Explains the selected score minus that of the class `other`.
    ///
    /// Both start with relevance, the other class with the opposite sign: `f_a` and `-f_b`, which
    /// add up to the explained difference, or 1 and -1.
    pub fn with_contrast(self, other: usize) -> Self {
        Self { subtracted: Some(Subtracted::Class(other)), ..self }
    }

    /// Explains the selected score minus the highest of the other classes', for each sample.
    pub fn with_contrast_to_runner_up(self) -> Self {
        Self { subtracted: Some(Subtracted::RunnerUp), ..self }
    }

    /// The same target for another input or model, with classes that were settled before: those of an
    /// [attribution](crate::attributor::Attribution::classes), and those that it
    /// [subtracts](crate::attributor::Attribution::contrast_classes). So `argmax` stays with a class when another one
    /// is ahead.
    pub fn settled(&self, classes: Option<&[usize]>, contrast: Option<&[usize]>) -> Self {
        let mut settled = self.clone();
        if let Some(classes) = classes {
            settled.select = Select::Classes(classes.to_vec());
        }
        if let Some(contrast) = contrast {
            settled.subtracted = Some(Subtracted::Classes(contrast.to_vec()));
        }
        settled
    }

    /// Takes as the score of a class the mean over the places of a map that `mask` weights: of an output
    /// `[batch, classes, ..]`, with a mask `[batch or 1, 1, ..]` of numbers from 0, not all of them 0.
    /// `argmax` then is the class with the highest mean.
    pub fn with_mask(self, mask: impl Into<Value<B>>) -> Self {
        Self { mask: Some(mask.into()), ..self }
    }

    /// Takes the softmax over dimension 1 of the output, so that scores of classes are probabilities. Metrics are
    /// often defined for these; what raises a class is better asked of its logit.
    pub fn with_softmax(self) -> Self {
        Self { transform: Some(Transform::Softmax { dim: 1, is_log: false }), ..self }
    }

    /// Starts with `seed` instead of the selected output's own value.
    pub fn with_seed(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// Explains the output of this place, counted from 0, of a model with several outputs.
    pub fn with_output(self, output: usize) -> Self {
        Self { output, ..self }
    }

    /// Which output is explained, counted from 0.
    pub fn output(&self) -> usize {
        self.output
    }

    /// The weights of the score: `f = sum(weights * T(output))` with the target's transformation `T`.
    pub(crate) fn selection(
        &self,
        graph: Option<&Graph<B>>,
        output: &Value<B>,
    ) -> Result<(Selection<B>, Option<Transform<B>>), ExplainError> {
        if let (Select::Argmax, Some((node, why))) = (&self.select, graph.and_then(Graph::argmax_refusal)) {
            return Err(TargetError::Argmax { node: node.to_owned(), why }.into());
        }
        if output.dims().contains(&0) {
            return Err(TargetError::EmptyOutput { output: output.dims() }.into());
        }
        let is_class = matches!(self.select, Select::Class(_) | Select::Classes(_) | Select::Argmax);
        if !is_class && matches!(self.transform, Some(Transform::Softmax { is_log: false, .. })) {
            return Err(TargetError::NotOfClasses { setting: "softmax" }.into());
        }
        let transform = self.transform.clone();
        let scores = match &transform {
            None => output.clone(),
            Some(transform) => transform.forward(output)?,
        };
        let mut selection = self.select(&scores)?;
        if let Some(graph) = graph {
            selection.saturated = saturated(graph, &transform, &scores, &selection.weights)?;
        }
        Ok((selection, transform))
    }

    /// The relevance of `output`, which `graph` computed, and the explained classes.
    pub(crate) fn start(&self, graph: &Graph<B>, output: &Value<B>) -> Result<Start<B>, ExplainError> {
        self.start_at(Some(graph), output)
    }

    fn start_at(&self, graph: Option<&Graph<B>>, output: &Value<B>) -> Result<Start<B>, ExplainError> {
        let (Selection { weights, classes, contrast, saturated }, transform) =
            self.selection(graph, output)?;
        let seed = match (transform, self.seed) {
            (None, _) if matches!(self.select, Select::Relevance(_)) => weights,
            (None, Seed::One) => weights,
            (None, Seed::Output) => weights * output,
            (Some(transform), Seed::One) => transform.gradient(output, weights)?,
            (Some(transform), Seed::Output) => transform.relevance(output, weights)?,
        };
        Ok(Start { seed, classes, contrast, saturated })
    }

    /// What the target selects of `output`, for a method of your own.
    ///
    /// # Errors
    /// [`TargetError`] when the target does not fit the output.
    pub fn resolve(self, output: &Value<B>) -> Result<Start<B>, ExplainError> {
        self.start_at(None, output)
    }
}

impl<B: Backend> From<usize> for Target<B> {
    fn from(class: usize) -> Self {
        Self::class(class)
    }
}

impl<B: Backend, const D: usize> From<Tensor<B, D>> for Target<B> {
    fn from(relevance: Tensor<B, D>) -> Self {
        Self::relevance(relevance)
    }
}

/// A value of these elements beside `like`.
fn beside<B: Backend>(elements: Vec<f64>, dims: &[usize], like: &Value<B>) -> Value<B> {
    let data = TensorData::new(elements, dims.to_vec()).convert_dtype(like.dtype());
    Value::from_data(data, &like.device())
}

/// Relevance given from outside must look like the output.
pub(crate) fn check_relevance<B: Backend>(
    relevance: &Value<B>,
    output: &Value<B>,
) -> Result<(), ExplainError> {
    if relevance.dims() != output.dims() || !fits(relevance, output) {
        return Err(TargetError::Relevance { got: describe(relevance), output: describe(output) }.into());
    }
    match all_finite(relevance)? {
        true => Ok(()),
        false => Err(TargetError::NotFinite.into()),
    }
}

/// Whether two values can be computed with, as far as their shapes allow it.
pub(crate) fn fits<B: Backend>(value: &Value<B>, other: &Value<B>) -> bool {
    value.dtype() == other.dtype() && value.device() == other.device()
}

/// Element type, shape and device, for error messages.
pub(crate) fn describe<B: Backend>(value: &Value<B>) -> String {
    format!("{:?} {:?} on {:?}", value.dtype(), value.dims(), value.device())
}
