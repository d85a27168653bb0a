//! How fast the score drops when the input is hidden piece by piece, most relevant pieces first.

use burn::tensor::TensorData;
use burn_backend::Backend;

use crate::Value;
use crate::attributor::{
    Baseline, Call, InputWindows, Listener, Noise, PerInput, Progress, Score, Sizes, each_row,
};
use crate::engine::read;
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};

/// Pixel flipping: regions of the input are replaced by a baseline one after the other, those with
/// the highest sum of relevance first, and the score is taken on the way.
///
/// If the relevance is right, the score drops fast: the smaller the
/// [`area`](FlippingCurve::area) under the curve, the better. Compare it with that of
/// [`random`](Self::random) orders, or of another method; negate the relevance to hide the least
/// relevant regions first. The score is that of [`attributor`](crate::attributor#the-score): a
/// class is settled by the unchanged input, once. Regions of several explained inputs are flipped
/// together, in one order.
///
/// The model is only run forward, so it may have operations that no layer stands for.
///
/// Bach et al., PLoS ONE 10(7):e0130140, 2015; Samek et al., IEEE Transactions on Neural Networks
/// and Learning Systems 28(11):2660-2673, 2017.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{Attributor, Lrp};
/// use xai_core::composite::epsilon_plus;
/// use xai_core::evaluation::PixelFlipping;
/// use xai_core::model::{Model, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).with_bias(false).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// # let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let attribution = Lrp::new(&model, epsilon_plus()).attribute(x.clone(), Target::argmax())?;
///
/// let flipping = PixelFlipping::new(&model);
/// let curve = &flipping.curves(x.clone(), attribution.relevance::<2>()?, Target::argmax())?[0];
/// let random = &flipping.random(x, Target::argmax(), 0)?[0];
/// assert!(curve.area() <= random.area() + 1e-6);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PixelFlipping<B: Backend> {
    model: Model<B>,
    region: PerInput<Sizes>,
    steps: usize,
    baselines: PerInput<Baseline<B>>,
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

    /// The mean of curves that were taken at the same fractions; `None` for no curves, or others.
    pub fn mean(curves: &[Self]) -> Option<Self> {
        let (first, count) = (curves.first()?, curves.len() as f64);
        if curves.iter().any(|curve| curve.fractions != first.fractions) {
            return None;
        }
        let mean = |step: usize| curves.iter().map(|curve| curve.scores[step]).sum::<f64>() / count;
        let scores = (0..first.scores.len()).map(mean).collect();
        Some(Self { fractions: first.fractions.clone(), scores })
    }
}

impl<B: Backend> PixelFlipping<B> {
    /// Flips single elements of the input of `model`: in 50 steps, to a baseline of 0, at most 32
    /// samples per run.
    pub fn new(model: &Model<B>) -> Self {
        Self {
            model: model.clone(),
            region: PerInput::All(Sizes::from(1)),
            steps: 50,
            baselines: PerInput::All(Baseline::default()),
            largest_batch: 32,
            listener: Listener::default(),
        }
    }

    /// Sizes of the regions, which lie side by side from 0 on; those at the end may be smaller.
    pub fn with_region(self, region: impl Into<Sizes>) -> Self {
        Self { region: PerInput::All(region.into()), ..self }
    }

    /// Sizes of the regions of each explained input.
    pub fn with_regions(self, regions: impl IntoIterator<Item = impl Into<Sizes>>) -> Self {
        Self { region: PerInput::each(regions), ..self }
    }

    /// In how many steps everything is hidden, 1 or more; as many as there are regions, if that is
    /// less.
    pub fn with_steps(self, steps: usize) -> Self {
        Self { steps, ..self }
    }

    /// What hidden elements are replaced by: a finite number, or a tensor of the input's rank and
    /// of its sizes or sizes of 1.
    pub fn with_baseline(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { baselines: PerInput::All(baseline.into()), ..self }
    }

    /// One baseline for each explained input.
    pub fn with_baselines(self, baselines: impl IntoIterator<Item = impl Into<Baseline<B>>>) -> Self {
        Self { baselines: PerInput::each(baselines), ..self }
    }

    /// How many samples go through the model at once, 1 or more, which bounds the memory: as many
    /// steps are taken in one run as their copies of the batch fit, and at least one.
    pub fn with_largest_batch(self, samples: usize) -> Self {
        Self { largest_batch: samples, ..self }
    }

    /// Calls `listen` after every run of the model, counting steps.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// One curve per sample: regions with the highest sum of `relevance` first, the first of equal
    /// ones before the others. `relevance` has one tensor for each explained input, of its shape.
    ///
    /// # Errors
    /// [`ExplainError`]: [`AttributorError`] for unusable parameters or relevance, else as
    /// [`Attributor::attribute`](crate::attributor::Attributor::attribute).
    pub fn curves(
        &self,
        inputs: impl Into<Inputs<B>>,
        relevance: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
    ) -> Result<Vec<FlippingCurve>, ExplainError> {
        let progress = self.listener.begin();
        let (target, relevance) = (target.into(), relevance.into().floats());
        let inputs = self.model.embed(&inputs.into(), target.output())?;
        let relevance = inputs.relevance_of_values(&relevance);
        self.run(progress, &inputs, &target, |explained, windows| {
            let (got, expected) = (relevance.len(), explained.len());
            if got != expected {
                return Err(
                    AttributorError::PerInput { parameter: "relevance", got, explained: expected }.into()
                );
            }
            let mut sums = vec![Vec::new(); explained[0].1.dims()[0]];
            for (((_, x), windows), relevance) in explained.iter().zip(windows).zip(&relevance) {
                let dims = x.dims();
                if relevance.dims() != dims {
                    return Err(AttributorError::Relevance { got: relevance.dims(), input: dims }.into());
                }
                let elements = read(relevance)?;
                if let Some(&value) = elements.iter().find(|value| !value.is_finite()) {
                    return Err(AttributorError::RelevanceNotFinite { value }.into());
                }
                let samples = elements.chunks(dims[1..].iter().product());
                for (sums, sample) in sums.iter_mut().zip(samples) {
                    sums.extend((0..windows.count()).map(|place| {
                        let mut sum = 0.0;
                        each_row(&dims[1..], &windows.at(place), |row| {
                            sum += sample[row].iter().sum::<f64>()
                        });
                        sum
                    }));
                }
            }
            Ok(sums)
        })
    }

    /// One curve per sample with its regions in random order, drawn on the host from `seed`: the
    /// mark that relevance has to beat.
    ///
    /// # Errors
    /// As [`curves`](Self::curves).
    pub fn random(
        &self,
        inputs: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
        seed: u64,
    ) -> Result<Vec<FlippingCurve>, ExplainError> {
        self.run(self.listener.begin(), &inputs.into(), &target.into(), |explained, windows| {
            let regions = windows.iter().map(InputWindows::count).sum();
            let drawn = Noise::new(seed, 0, explained[0].1.dims()[0]).draw(regions);
            Ok(drawn.chunks(regions).map(<[f64]>::to_vec).collect())
        })
    }

    /// Flips by what `importance` says of every region, for each sample.
    fn run(
        &self,
        progress: Call,
        inputs: &Inputs<B>,
        target: &Target<B>,
        importance: impl FnOnce(&[(bool, &Value<B>)], &[InputWindows]) -> Result<Vec<Vec<f64>>, ExplainError>,
    ) -> Result<Vec<FlippingCurve>, ExplainError> {
        for (parameter, number) in [("largest_batch", self.largest_batch), ("steps", self.steps)] {
            if number == 0 {
                return Err(AttributorError::Parameter { parameter, value: 0.0, range: "1 or more" }.into());
            }
        }
        let inputs = &self.model.embed(inputs, target.output())?;
        let graph = self.model.graph(inputs.clone(), target.output())?;
        let output = self.model.run_forward(&graph, inputs, target.output())?;
        let score = Score::of(target, &graph, &output)?;
        let explained = inputs.explained_values();
        let regions = self.region.resolve("regions", explained.len())?.into_iter().zip(&explained);
        let windows = regions.map(|(region, x)| InputWindows::of(*x, region, None));
        let windows = windows.collect::<Result<Vec<_>, _>>()?;
        let orders: Vec<_> = importance(&explained, &windows)?.iter().map(|sums| descending(sums)).collect();
        let baselines = Baseline::resolve(&self.baselines, inputs)?;
        let baselines = baselines.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        // For each region its input, and its place there.
        let places: Vec<(usize, usize)> = windows
            .iter()
            .enumerate()
            .flat_map(|(input, windows)| (0..windows.count()).map(move |place| (input, place)))
            .collect();

        let steps = self.steps.min(places.len());
        let flipped = |step: usize| places.len() * step / steps;
        let mut scores = score.read(&output)?;
        let mut elements = explained.iter().map(|(_, x)| read(x)).collect::<Result<Vec<_>, _>>()?;
        let batch = orders.len();
        let per_run = (self.largest_batch / batch).max(1);
        for first in (0..steps).step_by(per_run) {
            let last = steps.min(first + per_run);
            let mut stacks: Vec<Vec<f64>> = vec![Vec::new(); explained.len()];
            for step in first..last {
                for (sample, order) in orders.iter().enumerate() {
                    for &(input, place) in
                        order[flipped(step)..flipped(step + 1)].iter().map(|at| &places[*at])
                    {
                        let width = elements[input].len() / batch;
                        let of_sample = sample * width..(sample + 1) * width;
                        let hidden = &baselines[input][of_sample.clone()];
                        let visible = &mut elements[input][of_sample];
                        each_row(&explained[input].1.dims()[1..], &windows[input].at(place), |row| {
                            visible[row.clone()].copy_from_slice(&hidden[row]);
                        });
                    }
                }
                stacks.iter_mut().zip(&elements).for_each(|(stack, elements)| stack.extend(elements));
            }
            let stacks = stacks.into_iter().zip(&explained).map(|(stack, (_, x))| {
                let mut dims = x.dims();
                dims[0] *= last - first;
                Value::from_data(TensorData::new(stack, dims).convert_dtype(x.dtype()), &x.device())
            });
            let stacked = inputs.stacked(last - first, stacks);
            scores.extend(score.read(&self.model.stacked_output(
                stacked,
                last - first,
                target.output(),
            )?)?);
            progress.tell(last, steps);
        }
        let fractions: Vec<_> = (0..=steps).map(|step| flipped(step) as f64 / places.len() as f64).collect();
        let of_sample = |sample: usize| scores.iter().skip(sample).step_by(batch).copied().collect();
        let curve = |sample| FlippingCurve { fractions: fractions.clone(), scores: of_sample(sample) };
        Ok((0..batch).map(curve).collect())
    }
}

/// Places from the highest value to the lowest, equal ones in their order.
fn descending(values: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    places
}
