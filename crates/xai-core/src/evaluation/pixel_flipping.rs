//! How fast the score drops when the input is hidden piece by piece, most relevant pieces first.

use std::sync::Arc;

use burn::tensor::TensorData;
use burn_backend::Backend;

use crate::Value;
use crate::attributor::{
    AttributorError, Baseline, Listener, Noise, Progress, Score, Sizes, Windows, each_row, forward,
};
use crate::engine::read;
use crate::error::ExplainError;
use crate::explain::{Explainer, Target};

/// Pixel flipping: regions of the input are replaced by a baseline one after the other, those with
/// the highest sum of relevance first, and the score is taken on the way.
///
/// If the relevance is right, the score drops fast: the smaller the
/// [`area`](FlippingCurve::area) under the curve, the better. Compare it with that of
/// [`random`](Self::random) orders, or of another method; negate the relevance to hide the least
/// relevant regions first. The score is that of [`attributor`](crate::attributor#the-score): a
/// class is settled by the unchanged input, once.
///
/// Of the explainer only the model is used, whatever the composite.
///
/// Bach et al., PLoS ONE 10(7):e0130140, 2015; Samek et al., IEEE Transactions on Neural Networks
/// and Learning Systems 28(11):2660-2673, 2017.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::Value;
/// # use xai_core::graph::GraphBuilder;
/// use std::sync::Arc;
///
/// use xai_core::composite::epsilon_plus;
/// use xai_core::evaluation::PixelFlipping;
/// use xai_core::explain::{Explainer, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).with_bias(false).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let graph = builder.finish(y)?;
/// # let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let explainer = Arc::new(Explainer::new(graph, epsilon_plus()));
/// let relevance = explainer.explain(x.clone(), Target::argmax())?.relevance::<2>()?;
///
/// let flipping = PixelFlipping::new(explainer, 1);
/// let curve = &flipping.curves(x.clone().into(), &relevance.into(), Target::argmax())?[0];
/// let random = &flipping.random(x.into(), Target::argmax(), 0)?[0];
/// assert!(curve.area() <= random.area() + 1e-6);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PixelFlipping<B: Backend> {
    explainer: Arc<Explainer<B>>,
    region: Sizes,
    steps: usize,
    baseline: Baseline<B>,
    largest_batch: usize,
    listener: Listener,
}

/// The score of one sample while its input is hidden.
#[derive(Debug, Clone, PartialEq)]
pub struct FlippingCurve {
    /// Which part of the regions is hidden, from 0 to 1.
    pub fractions: Vec<f64>,
    /// The score then.
    pub scores: Vec<f64>,
}

impl FlippingCurve {
    /// The area under the curve by the trapezoid rule: the mean score on the way.
    pub fn area(&self) -> f64 {
        let between = self.fractions.windows(2).zip(self.scores.windows(2));
        between.map(|(x, y)| (x[1] - x[0]) * (y[0] + y[1]) / 2.0).sum()
    }
}

impl<B: Backend> PixelFlipping<B> {
    /// Flips regions of the sizes `region` of the input of `explainer`'s model: in 50 steps, to a
    /// baseline of 0, at most 32 samples per run. Regions lie side by side from 0 on; those at the
    /// end may be smaller.
    pub fn new(explainer: impl Into<Arc<Explainer<B>>>, region: impl Into<Sizes>) -> Self {
        Self {
            explainer: explainer.into(),
            region: region.into(),
            steps: 50,
            baseline: Baseline::default(),
            largest_batch: 32,
            listener: Listener::default(),
        }
    }

    /// In how many steps everything is hidden, 1 or more; as many as there are regions, if that is
    /// less.
    pub fn steps(self, steps: usize) -> Self {
        Self { steps, ..self }
    }

    /// What hidden elements are replaced by: a finite number, or a tensor of the input's rank and
    /// of its sizes or sizes of 1.
    pub fn baseline(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { baseline: baseline.into(), ..self }
    }

    /// How many samples go through the model at once, 1 or more, which bounds the memory: as many
    /// steps are taken in one run as their copies of the batch fit, and at least one.
    pub fn largest_batch(self, samples: usize) -> Self {
        Self { largest_batch: samples, ..self }
    }

    /// Calls `listen` after every run of the model, counting steps.
    pub fn on_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// One curve per sample: regions with the highest sum of `relevance` first, the first of equal
    /// ones before the others. `relevance` has the input's shape.
    ///
    /// # Errors
    /// [`ExplainError`]: [`AttributorError`] for unusable parameters or relevance, else as
    /// [`Explainer::explain`].
    pub fn curves(
        &self,
        input: Value<B>,
        relevance: &Value<B>,
        target: impl Into<Target<B>>,
    ) -> Result<Vec<FlippingCurve>, ExplainError> {
        let dims = input.dims();
        self.run(input, target.into(), |windows| {
            if relevance.dims() != dims {
                return Err(AttributorError::Relevance { got: relevance.dims(), input: dims }.into());
            }
            let relevance = read(relevance)?;
            if let Some(&value) = relevance.iter().find(|value| !value.is_finite()) {
                return Err(AttributorError::RelevanceNotFinite { value }.into());
            }
            let width = dims[1..].iter().product();
            let sums = |sample: &[f64]| {
                let regions = (0..windows.count()).map(|place| {
                    let mut sum = 0.0;
                    each_row(&dims[1..], &windows.at(place), |row| sum += sample[row].iter().sum::<f64>());
                    sum
                });
                regions.collect::<Vec<f64>>()
            };
            Ok(relevance.chunks(width).map(sums).collect())
        })
    }

    /// One curve per sample with its regions in random order, drawn on the host from `seed`: the
    /// mark that relevance has to beat.
    ///
    /// # Errors
    /// As [`curves`](Self::curves).
    pub fn random(
        &self,
        input: Value<B>,
        target: impl Into<Target<B>>,
        seed: u64,
    ) -> Result<Vec<FlippingCurve>, ExplainError> {
        let batch = input.dims().first().copied().unwrap_or(0);
        self.run(input, target.into(), |windows| {
            let drawn = Noise::new(seed, 0, batch).draw(windows.count());
            Ok(drawn.chunks(windows.count()).map(<[f64]>::to_vec).collect())
        })
    }

    /// Flips by what `importance` says of every region, for each sample.
    fn run(
        &self,
        input: Value<B>,
        target: Target<B>,
        importance: impl FnOnce(&Windows) -> Result<Vec<Vec<f64>>, ExplainError>,
    ) -> Result<Vec<FlippingCurve>, ExplainError> {
        for (parameter, number) in [("largest_batch", self.largest_batch), ("steps", self.steps)] {
            if number == 0 {
                return Err(AttributorError::Parameter { parameter, value: 0.0, range: "1 or more" }.into());
            }
        }
        let inputs = [input];
        let output = forward(&self.explainer, &inputs)?;
        let score = Score::of(target, self.explainer.prepare(&inputs)?.graph(), &output)?;
        let [input] = &inputs;
        let dims = input.dims();
        let windows = Windows::new(&dims, &self.region, None)?;
        let orders: Vec<_> = importance(&windows)?.iter().map(|sums| descending(sums)).collect();
        let hidden: Vec<_> = self.baseline.resolve(&inputs)?.iter().map(read).collect::<Result<_, _>>()?;

        let steps = self.steps.min(windows.count());
        let flipped = |step: usize| windows.count() * step / steps;
        let mut scores = score.read(&output)?;
        let mut elements = read(input)?;
        let width = elements.len() / dims[0];
        let per_run = (self.largest_batch / dims[0]).max(1);
        for first in (0..steps).step_by(per_run) {
            let last = steps.min(first + per_run);
            let mut copies = Vec::with_capacity((last - first) * elements.len());
            for step in first..last {
                let samples = elements.chunks_mut(width).zip(hidden.iter().flat_map(|all| all.chunks(width)));
                for ((sample, hidden), order) in samples.zip(&orders) {
                    for &place in &order[flipped(step)..flipped(step + 1)] {
                        each_row(&dims[1..], &windows.at(place), |row| {
                            sample[row.clone()].copy_from_slice(&hidden[row]);
                        });
                    }
                }
                copies.extend_from_slice(&elements);
            }
            let mut stacked = dims.clone();
            stacked[0] *= last - first;
            let data = TensorData::new(copies, stacked).convert_dtype(input.dtype());
            let output = forward(&self.explainer, &[Value::from_data(data, &input.device())])?;
            scores.extend(score.read(&output)?);
            self.listener.tell(last, steps);
        }
        let fractions: Vec<_> =
            (0..=steps).map(|step| flipped(step) as f64 / windows.count() as f64).collect();
        let of_sample = |sample: usize| scores.iter().skip(sample).step_by(dims[0]).copied().collect();
        let curve = |sample| FlippingCurve { fractions: fractions.clone(), scores: of_sample(sample) };
        Ok((0..dims[0]).map(curve).collect())
    }
}

/// Places from the highest value to the lowest, equal ones in their order.
fn descending(values: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    places
}
