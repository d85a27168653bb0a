//! What is explained: the relevance from which the backward pass starts.

use burn::tensor::{Tensor, TensorData};
use burn_backend::Backend;

use crate::Value;
use crate::engine::read;
use crate::error::{ExplainError, TargetError};

/// What to explain about a model's output.
///
/// Class targets need an output `[batch, classes]`. A plain class index and a tensor convert:
/// `explainer.explain(x, 3)`.
#[derive(Debug, Clone)]
pub struct Target<B: Backend> {
    select: Select<B>,
    seed: Seed,
}

#[derive(Debug, Clone)]
enum Select<B: Backend> {
    Class(usize),
    Classes(Vec<usize>),
    Argmax,
    Relevance(Value<B>),
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
    /// One class for all samples.
    pub fn class(class: usize) -> Self {
        Self { select: Select::Class(class), seed: Seed::Output }
    }

    /// One class per sample.
    pub fn classes(classes: impl Into<Vec<usize>>) -> Self {
        Self { select: Select::Classes(classes.into()), seed: Seed::Output }
    }

    /// For each sample the class with the highest score, the first of equal ones.
    pub fn argmax() -> Self {
        Self { select: Select::Argmax, seed: Seed::Output }
    }

    /// The relevance of the output itself, of the output's shape; [`Seed`] has no say here.
    pub fn relevance(relevance: impl Into<Value<B>>) -> Self {
        Self { select: Select::Relevance(relevance.into()), seed: Seed::Output }
    }

    /// Starts with `seed` instead of the selected output's own value.
    pub fn seeded(self, seed: Seed) -> Self {
        Self { seed, ..self }
    }

    /// The relevance of `output`, and the explained class of each sample for class targets.
    pub(crate) fn resolve(self, output: &Value<B>) -> Result<(Value<B>, Option<Vec<usize>>), ExplainError> {
        let dims = output.dims();
        let classes = match self.select {
            Select::Relevance(relevance) => {
                check_relevance(&relevance, output)?;
                return Ok((relevance, None));
            }
            _ if dims.len() != 2 => return Err(TargetError::OutputRank { output: dims }.into()),
            Select::Class(class) => vec![class; dims[0]],
            Select::Classes(classes) => classes,
            Select::Argmax => read(output)?.chunks(dims[1]).map(argmax).collect(),
        };
        let (batch, width) = (dims[0], dims[1]);
        if classes.len() != batch {
            return Err(TargetError::ClassCount { got: classes.len(), batch }.into());
        }
        let mut one_hot = vec![0.0f64; batch * width];
        for (sample, &class) in classes.iter().enumerate() {
            if class >= width {
                return Err(TargetError::Class { class, sample, classes: width }.into());
            }
            one_hot[sample * width + class] = 1.0;
        }
        let data = TensorData::new(one_hot, dims).convert_dtype(output.dtype());
        let one_hot = Value::from_data(data, &output.device());
        let seed = match self.seed {
            Seed::Output => one_hot * output,
            Seed::One => one_hot,
        };
        Ok((seed, Some(classes)))
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
) -> Result<(), TargetError> {
    if relevance.dims() == output.dims() && relevance.dtype() == output.dtype() {
        return Ok(());
    }
    let describe = |value: &Value<B>| format!("{:?} {:?}", value.dtype(), value.dims());
    Err(TargetError::Relevance { got: describe(relevance), output: describe(output) })
}

fn argmax(scores: &[f64]) -> usize {
    let best = scores.iter().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |(class, _)| class)
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
        let (seed, classes) = Target::argmax().resolve(&output()).unwrap();
        assert_eq!(classes, Some(vec![1, 0]));
        assert_eq!(read(&seed).unwrap(), [0.0, 5.0, 0.0, 4.0, 0.0, 0.0]);
    }

    #[test]
    fn a_seed_of_one_is_one_hot() {
        let (seed, _) = Target::classes([2, 1]).seeded(Seed::One).resolve(&output()).unwrap();
        assert_eq!(read(&seed).unwrap(), [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
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
    }
}
