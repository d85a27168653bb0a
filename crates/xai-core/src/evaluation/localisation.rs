//! Whether relevance lies where the evidence is known to be.

use burn_backend::Backend;

use super::scored::{finite, of_sample};
use super::{Explained, Metric};
use crate::Value;
use crate::engine::read;
use crate::error::{AttributorError, ExplainError};
use crate::model::Input;

/// How much of the relevance lies in a mask of each sample, such as the box of an object.
///
/// The mask is a bool tensor, or numbers of which all but 0 count, with the relevance's rank and its sizes,
/// or sizes of 1 where it does not vary. Relevance is summed over such dimensions first, so that a mask
/// `[batch, 1, height, width]` judges pixels and not channels; only the batch is never summed over. Then its
/// positive part counts, evidence for the score, or its [magnitude](Self::with_magnitudes). Without any, a sample
/// has the value 0: nothing was found. Higher is better.
///
/// ```
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// use xai_core::evaluation::Localisation;
///
/// # let device = Default::default();
/// let mask = Tensor::<Flex, 2>::from_floats([[0.0, 1.0, 1.0, 0.0]], &device);
/// let relevance = Tensor::<Flex, 2>::from_floats([[2.0, 5.0, 1.0, -4.0]], &device);
/// assert_eq!(Localisation::pointing_game(mask.clone()).values(relevance.clone())?, [1.0]);
/// assert_eq!(Localisation::mass_accuracy(mask.clone()).values(relevance.clone())?, [0.75]);
/// assert_eq!(Localisation::rank_accuracy(mask).values(relevance)?, [0.5]);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Localisation<B: Backend> {
    mask: Input<B>,
    measure: Measure,
    magnitudes: bool,
}

#[derive(Debug, Clone, Copy)]
enum Measure {
    PointingGame,
    Mass,
    Rank,
}

impl<B: Backend> Localisation<B> {
    fn new(mask: impl Into<Input<B>>, measure: Measure) -> Self {
        Self { mask: mask.into(), measure, magnitudes: false }
    }

    /// 1 where the place with the highest relevance, the first of equal ones, lies in the mask, and 0
    /// elsewhere.
    ///
    /// Zhang, Bargal, Lin, Brandt, Shen, Sclaroff, "Top-Down Neural Attention by Excitation Backprop",
    /// International Journal of Computer Vision 126:1084-1102, 2018.
    pub fn pointing_game(mask: impl Into<Input<B>>) -> Self {
        Self::new(mask, Measure::PointingGame)
    }

    /// Relevance mass accuracy: the part of the relevance that lies in the mask, `sum_mask R / sum R`, from 0 to
    /// 1.
    ///
    /// Arras, Osman, Samek, "CLEVR-XAI: A Benchmark Dataset for the Ground Truth Evaluation of Neural Network
    /// Explanations", Information Fusion 81:14-40, 2022.
    pub fn mass_accuracy(mask: impl Into<Input<B>>) -> Self {
        Self::new(mask, Measure::Mass)
    }

    /// Relevance rank accuracy: of the `K` places with the highest relevance, for a mask of `K` places, the part
    /// that lies in the mask, from 0 to 1. Places without relevance are no hits. From the same paper.
    pub fn rank_accuracy(mask: impl Into<Input<B>>) -> Self {
        Self::new(mask, Measure::Rank)
    }

    /// Takes the magnitude of the relevance instead of its positive part, as for gradients.
    pub fn with_magnitudes(self) -> Self {
        Self { magnitudes: true, ..self }
    }

    /// The value of each sample.
    ///
    /// # Errors
    /// [`AttributorError`] for a mask that does not fit or is empty for a sample, and for relevance that is
    /// not finite.
    pub fn values(&self, relevance: impl Into<Value<B>>) -> Result<Vec<f64>, ExplainError> {
        let relevance = relevance.into();
        let (mask, dims) = (self.mask.dims(), relevance.dims());
        let fits = |(mask, size): (&usize, &usize)| mask == size || *mask == 1;
        if mask.len() != dims.len() || !mask.iter().zip(&dims).all(fits) {
            return Err(AttributorError::Mask { mask, relevance: dims }.into());
        }
        // The relevance of every place of the mask; a batch is no dimension to sum over.
        let mut pooled = mask.clone();
        pooled.iter_mut().zip(&dims).take(1).for_each(|(size, batch)| *size = *batch);
        let relevance = finite(read(&relevance.sum_to(&pooled))?)?;
        let inside = self.inside()?;
        let batch = pooled.first().copied().unwrap_or(1);
        let sample = |sample: usize| {
            let own = if mask[0] == batch { sample } else { 0 };
            let inside = of_sample(&inside, mask[0], own);
            let size = |value: &f64| if self.magnitudes { value.abs() } else { value.max(0.0) };
            let relevance: Vec<_> = of_sample(&relevance, batch, sample).iter().map(size).collect();
            match inside.contains(&true) {
                true => Ok(self.measure.of(&relevance, inside)),
                false => Err(AttributorError::EmptyMask { sample }.into()),
            }
        };
        (0..batch).map(sample).collect()
    }

    /// Whether each element lies in the mask.
    fn inside(&self) -> Result<Vec<bool>, ExplainError> {
        match (self.mask.discrete(), self.mask.floats()) {
            (Some(elements), _) => {
                let elements = elements.map_err(|error| ExplainError::Backend(format!("{error:?}")))?;
                Ok(elements.iter::<f64>().map(|element| element != 0.0).collect())
            }
            (None, [value, ..]) => Ok(read(value)?.into_iter().map(|element| element != 0.0).collect()),
            (None, []) => Ok(Vec::new()),
        }
    }
}

impl Measure {
    /// Of relevance that is nowhere negative.
    fn of(self, relevance: &[f64], inside: &[bool]) -> f64 {
        let places = super::pixel_flipping::order(relevance, false);
        let hits = |places: &[usize]| {
            let hits = places.iter().filter(|&&place| inside[place] && relevance[place] > 0.0);
            hits.count() as f64 / places.len() as f64
        };
        match self {
            Self::PointingGame => hits(&places[..1]),
            Self::Rank => hits(&places[..inside.iter().filter(|inside| **inside).count()]),
            Self::Mass => {
                // Relative to the largest, so that no sum overflows.
                let largest = relevance[places[0]];
                let shares = || relevance.iter().map(|value| value / largest);
                let found = shares().zip(inside).map(|(share, &inside)| if inside { share } else { 0.0 });
                if largest > 0.0 { found.sum::<f64>() / shares().sum::<f64>() } else { 0.0 }
            }
        }
    }
}

/// For the first explained input.
impl<B: Backend> Metric<B> for Localisation<B> {
    fn name(&self) -> &str {
        match self.measure {
            Measure::PointingGame => "pointing game",
            Measure::Mass => "mass accuracy",
            Measure::Rank => "rank accuracy",
        }
    }

    fn higher_is_better(&self) -> bool {
        true
    }

    fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
        match explained.relevance().floats().into_iter().next() {
            Some(relevance) => self.values(relevance),
            None => Err(ExplainError::NoRelevance { input: 0 }),
        }
    }
}
