//! What is explained: the relevance from which the backward pass starts.

use burn::tensor::{Tensor, TensorData};
use burn_backend::Backend;

use crate::Value;
use crate::engine::{all_finite, read};
use crate::error::{ExplainError, TargetError};
use crate::graph::Graph;

/// What to explain about a model's output.
///
/// Class targets need an output `[batch, classes]`. A plain class index and a tensor convert:
/// `attribute(x, 3)`. A contrast explains the difference of two scores: what raises one class above
/// the other, `Target::contrast(3, 5)`. Of a model with several outputs,
/// [`with_output`](Self::with_output) chooses one.
#[derive(Debug, Clone)]
pub struct Target<B: Backend> {
    select: Select<B>,
    subtracted: Option<Subtracted>,
    seed: Seed,
    output: usize,
}

#[derive(Debug, Clone)]
enum Select<B: Backend> {
    Class(usize),
    Classes(Vec<usize>),
    Argmax,
    Relevance(Value<B>),
}

/// Whose score is subtracted.
#[derive(Debug, Clone, Copy)]
enum Subtracted {
    Class(usize),
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
    fn new(select: Select<B>) -> Self {
        Self { select, subtracted: None, seed: Seed::Output, output: 0 }
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

    /// The relevance of `output`, which `graph` computed, and the explained classes.
    pub(crate) fn start(self, graph: &Graph<B>, output: &Value<B>) -> Result<Start<B>, ExplainError> {
        match (&self.select, graph.argmax_refusal()) {
            (Select::Argmax, Some((node, why))) => {
                Err(TargetError::Argmax { node: node.to_owned(), why }.into())
            }
            _ => self.resolve(output),
        }
    }

    /// What the target selects of `output`, for a method of your own.
    ///
    /// # Errors
    /// [`TargetError`] when the target does not fit the output.
    pub fn resolve(self, output: &Value<B>) -> Result<Start<B>, ExplainError> {
        let dims = output.dims();
        let classes = match self.select {
            Select::Relevance(_) if self.subtracted.is_some() => {
                return Err(TargetError::ContrastOfRelevance.into());
            }
            Select::Relevance(relevance) => {
                check_relevance(&relevance, output)?;
                return Ok(Start { seed: relevance, classes: None, contrast: None });
            }
            _ if dims.len() != 2 => return Err(TargetError::OutputRank { output: dims }.into()),
            Select::Class(class) => vec![class; dims[0]],
            Select::Classes(classes) => classes,
            Select::Argmax => read(output)?.chunks(dims[1]).map(|scores| highest(scores, None)).collect(),
        };
        let (batch, width) = (dims[0], dims[1]);
        if classes.len() != batch {
            return Err(TargetError::ClassCount { got: classes.len(), batch }.into());
        }
        let contrast: Option<Vec<_>> = match self.subtracted {
            None => None,
            Some(Subtracted::Class(other)) => Some(vec![other; batch]),
            Some(Subtracted::RunnerUp) if width == 1 => return Err(TargetError::NoRunnerUp.into()),
            Some(Subtracted::RunnerUp) => {
                let scores = read(output)?;
                let samples = scores.chunks(width).zip(&classes);
                Some(samples.map(|(scores, class)| highest(scores, Some(*class))).collect())
            }
        };
        let mut signs = vec![0.0f64; batch * width];
        for (sign, classes) in [(1.0, Some(&classes)), (-1.0, contrast.as_ref())] {
            for (sample, &class) in classes.into_iter().flatten().enumerate() {
                if class >= width {
                    return Err(TargetError::Class { class, sample, classes: width }.into());
                }
                let place = &mut signs[sample * width + class];
                if *place != 0.0 {
                    return Err(TargetError::SameClass { class, sample }.into());
                }
                *place = sign;
            }
        }
        let data = TensorData::new(signs, dims).convert_dtype(output.dtype());
        let signs = Value::from_data(data, &output.device());
        let seed = match self.seed {
            Seed::Output => signs * output,
            Seed::One => signs,
        };
        Ok(Start { seed, classes: Some(classes), contrast })
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

/// The class with the highest score, the first of equal ones, `except` left out.
fn highest(scores: &[f64], except: Option<usize>) -> usize {
    let classes = scores.iter().enumerate().filter(|(class, _)| Some(*class) != except);
    classes.reduce(|best, next| if next.1 > best.1 { next } else { best }).map_or(0, |(class, _)| class)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    fn output() -> Value<Flex> {
        Tensor::<Flex, 2>::from_floats([[1.0, 5.0, 5.0], [4.0, -1.0, 2.0]], &Default::default()).into()
    }

    #[test]
    fn argmax_takes_the_first_of_equal_scores() {
        let Start { seed, classes, .. } = Target::argmax().resolve(&output()).unwrap();
        assert_eq!(classes, Some(vec![1, 0]));
        assert_eq!(read(&seed).unwrap(), [0.0, 5.0, 0.0, 4.0, 0.0, 0.0]);
    }

    #[test]
    fn a_seed_of_one_is_one_hot() {
        let start = Target::classes([2, 1]).with_seed(Seed::One).resolve(&output()).unwrap();
        assert_eq!(read(&start.seed).unwrap(), [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_contrast_seeds_both_classes() {
        let start = Target::contrast(0, 1).resolve(&output()).unwrap();
        assert_eq!(read(&start.seed).unwrap(), [1.0, -5.0, 0.0, 4.0, 1.0, 0.0]);
        let start = Target::contrast(2, 0).with_seed(Seed::One).resolve(&output()).unwrap();
        assert_eq!(read(&start.seed).unwrap(), [-1.0, 0.0, 1.0, -1.0, 0.0, 1.0]);
        assert_eq!((start.classes, start.contrast), (Some(vec![2, 2]), Some(vec![0, 0])));
    }

    #[test]
    fn the_runner_up_is_the_highest_of_the_others() {
        let start = Target::argmax().with_contrast_to_runner_up().resolve(&output()).unwrap();
        assert_eq!((start.classes, start.contrast), (Some(vec![1, 0]), Some(vec![2, 2])));
        let start = Target::class(2).with_contrast_to_runner_up().resolve(&output()).unwrap();
        assert_eq!(start.contrast, Some(vec![1, 0]));
    }

    #[test]
    fn misfits_are_errors() {
        let error = |target: Target<Flex>| target.resolve(&output()).unwrap_err().to_string();
        assert!(
            error(Target::class(3)).contains("class 3 (sample 0) does not exist: the output has 3 classes")
        );
        assert!(error(Target::classes([0])).contains("1 classes were given for a batch of 2"));
        let relevance = Tensor::<Flex, 2>::zeros([2, 2], &Default::default());
        assert!(error(relevance.into()).contains("F32 [2, 2]"));
        assert!(error(Target::contrast(0, 3)).contains("class 3 (sample 0)"));
        assert!(
            error(Target::argmax().with_contrast(0)).contains("class 0 (sample 1) is held against itself")
        );
        let relevance = Tensor::<Flex, 2>::zeros([2, 3], &Default::default());
        assert!(error(Target::from(relevance).with_contrast(1)).contains("negative relevance"));
        let output: Value<Flex> = Tensor::<Flex, 2>::zeros([1, 1], &Default::default()).into();
        let error = Target::argmax().with_contrast_to_runner_up().resolve(&output).unwrap_err();
        assert!(error.to_string().contains("has only one class"));
    }
}
