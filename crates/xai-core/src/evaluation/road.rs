//! Remove and debias: how the score falls when the most relevant pixels are filled in from those around.

use burn_backend::Backend;

use super::imputation::Imputation;
use super::pixel_flipping::order;
use super::scored::{Scored, of_sample};
use super::{Explained, FlippingCurve, Metric};
use crate::attributor::{Listener, Noise, Progress};
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};

/// ROAD, remove and debias: the most relevant `p` percent of the pixels are replaced by what the pixels
/// around them suggest, and the score is taken.
///
/// A baseline such as black leaves the shape of what was removed, which the model may read; imputation
/// does not. Each missing pixel is the mean of its 8 neighbours, weighted by 1/6 at the sides and 1/12 at the
/// corners, those beyond the border left out. Missing neighbours count as well, so all missing pixels of a
/// channel are the solution of one sparse linear system, which is solved on the host by conjugate gradients.
/// Then noise from `N(0, 0.01^2)` is added, on the scale that the model gets its pixels in. Where all pixels
/// are missing they get the mean of their channel.
///
/// Pixels go by their relevance summed over the channels, the first of equal ones before the others. The score
/// is that of [`attributor`](crate::attributor#the-score). With the most relevant first, the faster it falls the
/// better. The model needs one explained input `[batch, channels, height, width]`, and is only run forward.
///
/// Rong, Leemann, Borisov, Kasneci, Kasneci, "A Consistent and Efficient Evaluation Strategy for Attribution
/// Methods", ICML 2022, PMLR 162:18770-18795.
///
/// ```
/// # use burn::nn::{LinearConfig};
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// # use xai_core::layer::Reshape;
/// use xai_core::attributor::{Attributor, InputXGradient};
/// use xai_core::evaluation::Road;
/// use xai_core::model::{Model, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(64, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 1, 8, 8])?;
/// # let flat = builder.push("flat", Reshape::flatten(), &[x])?;
/// # let y = builder.push("dense", &dense, &[flat])?;
/// # let model = Model::from(builder.finish(y)?);
/// # let x = Tensor::<Flex, 4>::ones([1, 1, 8, 8], &device);
/// let relevance = InputXGradient::new(&model).attribute(x.clone(), Target::argmax())?.relevance::<4>()?;
/// let road = Road::new(&model).with_percentages([25.0, 50.0]);
/// let curve = &road.curves(x, relevance, Target::argmax())?[0];
/// assert_eq!(curve.fractions, [0.0, 0.25, 0.5]);
/// println!("the score falls by {:?}", curve.drops());
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Road<B: Backend> {
    model: Model<B>,
    percentages: Vec<f64>,
    noise: f64,
    seed: u64,
    least_first: bool,
    largest_batch: usize,
    listener: Listener,
}

impl<B: Backend> Road<B> {
    /// ROAD of `model`: 10, 20, 30, 40, 50, 70 and 90 percent, noise of 0.01, seed 0, at most 32 samples per
    /// run.
    pub fn new(model: &Model<B>) -> Self {
        Self {
            model: model.clone(),
            percentages: vec![10.0, 20.0, 30.0, 40.0, 50.0, 70.0, 90.0],
            noise: 0.01,
            seed: 0,
            least_first: false,
            largest_batch: 32,
            listener: Listener::default(),
        }
    }

    /// How many percent of the pixels are removed, each from 0 to 100, one or more; rounded to whole pixels.
    pub fn with_percentages(self, percentages: impl Into<Vec<f64>>) -> Self {
        Self { percentages: percentages.into(), ..self }
    }

    /// Standard deviation of the noise on imputed pixels, finite, 0 or more.
    pub fn with_noise(self, deviation: f64) -> Self {
        Self { noise: deviation, ..self }
    }

    /// What the noise is drawn from, on the host.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Removes the least relevant pixels first.
    pub fn with_least_relevant_first(self) -> Self {
        Self { least_first: true, ..self }
    }

    /// How many samples go through the model at once, 1 or more, which bounds the memory: as many
    /// percentages are taken in one run as their copies of the batch fit, and at least one.
    pub fn with_largest_batch(self, samples: usize) -> Self {
        Self { largest_batch: samples, ..self }
    }

    /// Calls `listen` after every run of the model, counting percentages.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// One curve per sample: the score of the unchanged input, then that at each percentage, in their order.
    /// `relevance` has the input's shape.
    ///
    /// # Errors
    /// [`ExplainError`]: [`AttributorError`] for inputs that are no images, and unusable parameters or
    /// relevance, else as [`Attributor::attribute`](crate::attributor::Attributor::attribute).
    pub fn curves(
        &self,
        inputs: impl Into<Inputs<B>>,
        relevance: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
    ) -> Result<Vec<FlippingCurve>, ExplainError> {
        let progress = self.listener.begin();
        self.check()?;
        let scored = Scored::new(&self.model, &inputs.into(), &target.into(), self.largest_batch)?;
        let [_, channels, height, width] = image(&scored)?;
        let (batch, pixels) = (scored.batch(), height * width);
        // One explained value.
        let relevance = scored.relevance(&relevance.into())?.concat();
        let original = scored.elements()?.concat();
        let order_of = |sample: usize| {
            let relevance = of_sample(&relevance, batch, sample);
            // Not -0, which would come after 0.
            let sum = |pixel| relevance.iter().skip(pixel).step_by(pixels).sum::<f64>() + 0.0;
            let sums = (0..pixels).map(sum);
            order(&sums.collect::<Vec<f64>>(), self.least_first)
        };
        let orders: Vec<_> = (0..batch).map(order_of).collect();

        let mut noise = Noise::new(self.seed, 0, batch);
        let removed = |percentage: &f64| (percentage / 100.0 * pixels as f64).round() as usize;
        let copies = self.percentages.iter().map(|percentage| {
            let mut copy = original.clone();
            let count = removed(percentage).min(pixels);
            let drawn = noise.draw(channels * count);
            for (sample, image) in copy.chunks_mut(channels * pixels).enumerate() {
                let imputation = Imputation::new(height, width, orders[sample][..count].to_vec());
                let mut drawn = of_sample(&drawn, batch, sample).iter();
                for channel in image.chunks_mut(pixels) {
                    imputation.fill(channel);
                    let missing = imputation.missing().iter().zip(drawn.by_ref());
                    missing.for_each(|(&place, drawn)| channel[place] += self.noise * drawn);
                }
            }
            Ok(vec![copy])
        });
        let total = self.percentages.len();
        let after = scored.of_copies(copies, |done| progress.tell(done, total))?;
        let fractions = std::iter::once(0.0).chain(self.percentages.iter().map(|p| p / 100.0));
        let fractions: Vec<_> = fractions.collect();
        let curve = |(sample, score): (usize, &f64)| {
            let scores = std::iter::once(*score).chain(after.iter().skip(sample).step_by(batch).copied());
            FlippingCurve { fractions: fractions.clone(), scores: scores.collect() }
        };
        Ok(scored.scores().iter().enumerate().map(curve).collect())
    }

    fn check(&self) -> Result<(), AttributorError> {
        super::scored::at_least_one("percentages", self.percentages.len())?;
        if !(self.noise >= 0.0 && self.noise.is_finite()) {
            let (parameter, range) = ("noise", "finite and 0 or more");
            return Err(AttributorError::Parameter { parameter, value: self.noise, range });
        }
        match self.percentages.iter().find(|percentage| !(0.0..=100.0).contains(*percentage)) {
            None => Ok(()),
            Some(&value) => {
                Err(AttributorError::Parameter { parameter: "percentages", value, range: "from 0 to 100" })
            }
        }
    }
}

/// The sizes of the only explained input.
fn image<B: Backend>(scored: &Scored<B>) -> Result<[usize; 4], AttributorError> {
    match &scored.explained()[..] {
        [(false, x)] if x.rank() == 4 => {
            let dims = x.dims();
            Ok([dims[0], dims[1], dims[2], dims[3]])
        }
        explained => {
            let inputs = explained.iter().map(|(_, x)| x.dims()).collect();
            Err(AttributorError::NotAnImage { metric: "ROAD", inputs })
        }
    }
}

/// The mean of each sample's scores at the percentages.
impl<B: Backend> Metric<B> for Road<B> {
    fn name(&self) -> &str {
        if self.least_first { "ROAD, least relevant first" } else { "ROAD" }
    }

    fn higher_is_better(&self) -> bool {
        self.least_first
    }

    fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
        Ok(self.evaluate_with_curves(explained)?.0)
    }

    fn evaluate_with_curves(
        &self,
        explained: &Explained<B>,
    ) -> Result<(Vec<f64>, Vec<FlippingCurve>), ExplainError> {
        let curves =
            self.curves(explained.inputs.clone(), explained.relevance(), explained.target.clone())?;
        let mean = |curve: &FlippingCurve| {
            let scores = curve.scores.iter().skip(1);
            scores.sum::<f64>() / (curve.scores.len() - 1) as f64
        };
        Ok((curves.iter().map(mean).collect(), curves))
    }
}
