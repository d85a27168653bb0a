//! Which elements of an output a score adds up, and with which weights.

use burn_backend::Backend;

use super::{Subtracted, Target, beside, check_relevance, describe, fits};
use crate::Value;
use crate::engine::read;
use crate::error::{ExplainError, TargetError};

/// What a target selects.
#[derive(Debug, Clone)]
pub(super) enum Select<B: Backend> {
    Class(usize),
    Classes(Vec<usize>),
    Argmax,
    /// Elements by their places, for each sample or the same for all.
    Elements(Vec<Vec<Vec<usize>>>),
    /// Everything, weighted by another output.
    Embedding {
        embedding: Value<B>,
        is_unit: bool,
    },
    Relevance(Value<B>),
    /// The one number that each sample has.
    All,
}

/// The weights of a score, and which classes they stand for.
#[derive(Debug, Clone)]
pub(crate) struct Selection<B: Backend> {
    pub(crate) weights: Value<B>,
    pub(crate) classes: Option<Vec<usize>>,
    pub(crate) contrast: Option<Vec<usize>>,
    pub(crate) saturated: Option<String>,
}

impl<B: Backend> From<Value<B>> for Selection<B> {
    fn from(weights: Value<B>) -> Self {
        Self { weights, classes: None, contrast: None, saturated: None }
    }
}

impl<B: Backend> Target<B> {
    /// What the target selects of `scores`.
    pub(super) fn select(&self, scores: &Value<B>) -> Result<Selection<B>, ExplainError> {
        let classes = match &self.select {
            Select::Class(class) => Some(vec![*class; scores.dims()[0]]),
            Select::Classes(classes) => Some(classes.clone()),
            Select::Argmax => None,
            other => {
                let setting = match (&self.subtracted, &self.mask) {
                    (Some(_), _) => Some("contrast"),
                    (_, Some(_)) => Some("mask"),
                    _ => None,
                };
                if let Some(setting) = setting {
                    return Err(TargetError::NotOfClasses { setting }.into());
                }
                return Ok(other.weights(scores)?.into());
            }
        };
        match &self.mask {
            None if scores.rank() == 2 => self.select_classes(scores, classes),
            None => Err(TargetError::OutputRank { output: scores.dims() }.into()),
            Some(mask) => {
                let mask = shares(mask, scores)?;
                let (dims, mut means) = (scores.dims(), &mask * scores);
                (2..dims.len()).for_each(|dim| means = means.clone().sum_dim(dim));
                let selection = self.select_classes(&means.reshape(&dims[..2]), classes)?;
                let mut kept = dims[..2].to_vec();
                kept.resize(dims.len(), 1);
                Ok(Selection { weights: selection.weights.reshape(&kept) * mask, ..selection })
            }
        }
    }

    /// Of scores `[batch, classes]`, `classes` or those with the highest score.
    fn select_classes(
        &self,
        scores: &Value<B>,
        classes: Option<Vec<usize>>,
    ) -> Result<Selection<B>, ExplainError> {
        let dims = scores.dims();
        let (batch, width) = (dims[0], dims[1]);
        let classes = match classes {
            Some(classes) => classes,
            None => read(scores)?.chunks(width).map(|scores| highest(scores, None)).collect(),
        };
        if classes.len() != batch {
            return Err(TargetError::ClassCount { got: classes.len(), batch }.into());
        }
        let contrast: Option<Vec<_>> = match &self.subtracted {
            None => None,
            Some(Subtracted::Class(other)) => Some(vec![*other; batch]),
            Some(Subtracted::Classes(others)) if others.len() != batch => {
                return Err(TargetError::ClassCount { got: others.len(), batch }.into());
            }
            Some(Subtracted::Classes(others)) => Some(others.clone()),
            Some(Subtracted::RunnerUp) if width == 1 => return Err(TargetError::NoRunnerUp.into()),
            Some(Subtracted::RunnerUp) => {
                let scores = read(scores)?;
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
        let weights = beside(signs, &dims, scores);
        Ok(Selection { classes: Some(classes), contrast, ..weights.into() })
    }
}

impl<B: Backend> Select<B> {
    /// The weights of those that are no classes.
    fn weights(&self, scores: &Value<B>) -> Result<Value<B>, ExplainError> {
        let dims = scores.dims();
        Ok(match self {
            Self::Relevance(relevance) => {
                check_relevance(relevance, scores)?;
                relevance.clone()
            }
            Self::Embedding { embedding, is_unit } => {
                let fitting =
                    [1, dims[0]].contains(&embedding.dims()[0]) && embedding.dims()[1..] == dims[1..];
                if !(fitting && fits(embedding, scores)) {
                    let (got, output) = (describe(embedding), describe(scores));
                    return Err(TargetError::Embedding { got, output }.into());
                }
                let mut elements = read(embedding)?;
                for sample in elements.chunks_mut(dims[1..].iter().product::<usize>().max(1)) {
                    let length = sample.iter().map(|x| x * x).sum::<f64>().sqrt();
                    if !length.is_finite() || (*is_unit && length == 0.0) {
                        return Err(TargetError::EmbeddingLength { length }.into());
                    }
                    let scale = if *is_unit { 1.0 / length } else { 1.0 };
                    sample.iter_mut().for_each(|element| *element *= scale);
                }
                let copies = dims[0] / embedding.dims()[0];
                beside(elements.repeat(copies), &dims, scores)
            }
            Self::Elements(samples) => one_hot(samples, scores)?,
            _ => scores.full_like(&dims, 1.0),
        })
    }
}

/// Ones at the elements of each sample.
fn one_hot<B: Backend>(samples: &[Vec<Vec<usize>>], scores: &Value<B>) -> Result<Value<B>, ExplainError> {
    let dims = scores.dims();
    let (batch, sizes) = (dims[0], &dims[1..]);
    if samples.len() != 1 && samples.len() != batch {
        return Err(TargetError::IndexCount { got: samples.len(), batch }.into());
    }
    let width: usize = sizes.iter().product();
    let mut weights = vec![0.0; batch * width];
    for (sample, elements) in samples.iter().cycle().take(batch).enumerate() {
        if elements.is_empty() {
            return Err(TargetError::NothingSelected { sample }.into());
        }
        for index in elements {
            let fits = index.len() == sizes.len() && index.iter().zip(sizes).all(|(at, size)| at < size);
            if !fits {
                return Err(TargetError::Index { index: index.clone(), sample, output: dims.clone() }.into());
            }
            let place = index.iter().zip(sizes).fold(0, |place, (at, size)| place * size + at);
            weights[sample * width + place] += 1.0;
        }
    }
    Ok(beside(weights, &dims, scores))
}

/// The share of every place in a mean over a map, `[batch, 1, ..]`.
fn shares<B: Backend>(mask: &Value<B>, scores: &Value<B>) -> Result<Value<B>, ExplainError> {
    let (dims, got) = (scores.dims(), mask.dims());
    let is_map = dims.len() > 2 && got.len() == dims.len() && got[1] == 1 && got[2..] == dims[2..];
    if !(is_map && [1, dims[0]].contains(&got[0]) && fits(mask, scores)) {
        let (got, output) = (describe(mask), describe(scores));
        return Err(TargetError::Mask { got, output }.into());
    }
    let mut elements = read(mask)?;
    for (sample, mask) in elements.chunks_mut(got[2..].iter().product::<usize>().max(1)).enumerate() {
        let sum: f64 = mask.iter().sum();
        if mask.iter().any(|weight| weight.is_nan() || *weight < 0.0) || !(sum > 0.0 && sum.is_finite()) {
            return Err(TargetError::MaskWeights { sample }.into());
        }
        mask.iter_mut().for_each(|weight| *weight /= sum);
    }
    Ok(beside(elements, &got, scores))
}

/// The class with the highest score, the first of equal ones, `except` left out.
fn highest(scores: &[f64], except: Option<usize>) -> usize {
    let classes = scores.iter().enumerate().filter(|(class, _)| Some(*class) != except);
    classes.reduce(|best, next| if next.1 > best.1 { next } else { best }).map_or(0, |(class, _)| class)
}
