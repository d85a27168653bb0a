//! How the score changes when the input is hidden piece by piece, or brought back.

use burn_backend::Backend;

use super::scored::{Elements, Scored, at_least_one, of_sample};
use super::{Explained, FlippingCurve, Metric};
use crate::Value;
use crate::attributor::{Baseline, Call, InputWindows, Listener, Noise, PerInput, Progress, Sizes, each_row};
use crate::error::ExplainError;
use crate::model::{Inputs, Model, Target};

/// Pixel flipping: regions of the input are replaced by a baseline one after the other, those with
/// the highest sum of relevance first, and the score is taken on the way.
///
/// | | change | the better, the .. the [`area`](FlippingCurve::area) |
/// | --- | --- | --- |
/// | deletion (the default) | from the input to the baseline | smaller |
/// | [insertion](Self::with_insertion) | from the baseline to the input | larger |
///
/// With the [least relevant first](Self::with_least_relevant_first) it is the other way round.
/// [`aopc`](FlippingCurve::aopc) is the mean drop. Compare with [`random`](Self::random) orders, or with
/// another method. The score is that of [`attributor`](crate::attributor#the-score): a class is settled by
/// the unchanged input, once. Regions of several explained inputs are flipped together, in one order.
///
/// The model is only run forward, so it may have operations that no layer stands for.
///
/// Bach et al., "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance
/// Propagation", PLoS ONE 10(7):e0130140, 2015; Samek et al., "Evaluating the Visualization of What a Deep
/// Neural Network Has Learned", IEEE Transactions on Neural Networks and Learning Systems
/// 28(11):2660-2673, 2017. Insertion and deletion: Petsiuk, Das, Saenko, "RISE: Randomized Input Sampling
/// for Explanation of Black-box Models", BMVC 2018; they take class probabilities, delete to 0 and insert
/// into a blurred image, which is a baseline here.
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
    inserts: bool,
    least_first: bool,
    largest_batch: usize,
    listener: Listener,
}

impl<B: Backend> PixelFlipping<B> {
    /// Flips single places of the input of `model`, each in all channels, or single features or ids where there
    /// are no [spatial dimensions](Sizes::Spatial): in 50 steps, to a baseline of 0, at most 32 samples per run.
    pub fn new(model: &Model<B>) -> Self {
        Self {
            model: model.clone(),
            region: PerInput::All(Sizes::from(1)),
            steps: 50,
            baselines: PerInput::All(Baseline::default()),
            inserts: false,
            least_first: false,
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

    /// Starts at the baseline and brings the regions of the input back, instead of hiding them.
    pub fn with_insertion(self) -> Self {
        Self { inserts: true, ..self }
    }

    /// Takes the regions with the lowest sum of relevance first.
    pub fn with_least_relevant_first(self) -> Self {
        Self { least_first: true, ..self }
    }

    /// In how many steps everything is changed, 1 or more; as many as there are regions, if that is
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
    /// [`ExplainError`]: [`AttributorError`](crate::error::AttributorError) for unusable parameters or
    /// relevance, else as [`Attributor::attribute`](crate::attributor::Attributor::attribute).
    pub fn curves(
        &self,
        inputs: impl Into<Inputs<B>>,
        relevance: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
    ) -> Result<Vec<FlippingCurve>, ExplainError> {
        let relevance = relevance.into();
        self.run(self.listener.begin(), &inputs.into(), &target.into(), |scored, windows| {
            let relevance = scored.relevance(&relevance)?;
            let explained = scored.explained();
            let sums = |sample: usize| {
                let each = explained.iter().zip(windows).zip(&relevance);
                each.flat_map(|(((_, x), windows), relevance)| {
                    window_sums(of_sample(relevance, scored.batch(), sample), windows, x)
                })
                .collect()
            };
            Ok((0..scored.batch()).map(sums).collect())
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
        self.run(self.listener.begin(), &inputs.into(), &target.into(), |scored, windows| {
            let regions = windows.iter().map(InputWindows::count).sum();
            let drawn = Noise::new(seed, 0, scored.batch()).draw(regions);
            Ok(drawn.chunks(regions).map(<[f64]>::to_vec).collect())
        })
    }

    /// Flips by what `importance` says of every region, for each sample.
    fn run(
        &self,
        progress: Call,
        inputs: &Inputs<B>,
        target: &Target<B>,
        importance: impl FnOnce(&Scored<B>, &[InputWindows]) -> Result<Vec<Vec<f64>>, ExplainError>,
    ) -> Result<Vec<FlippingCurve>, ExplainError> {
        at_least_one("steps", self.steps)?;
        let scored = Scored::new(&self.model, inputs, target, self.largest_batch)?;
        let explained = scored.explained();
        let regions = self.region.resolve("regions", explained.len())?.into_iter().zip(&explained);
        let windows = regions.map(|(region, x)| InputWindows::of(*x, region, None));
        let windows = windows.collect::<Result<Vec<_>, _>>()?;
        let orders: Vec<_> =
            importance(&scored, &windows)?.iter().map(|sums| order(sums, self.least_first)).collect();
        // For each region its input, and its place there.
        let places: Vec<(usize, usize)> = windows
            .iter()
            .enumerate()
            .flat_map(|(input, windows)| (0..windows.count()).map(move |place| (input, place)))
            .collect();

        let (elements, baselines) = (scored.elements()?, scored.baselines(&self.baselines)?);
        let (mut shown, other) = if self.inserts { (baselines, elements) } else { (elements, baselines) };
        let steps = self.steps.min(places.len());
        let flipped = |step: usize| places.len() * step / steps;
        let batch = scored.batch();
        let flip = |shown: &mut Elements, step: usize| {
            for (sample, order) in orders.iter().enumerate() {
                let regions = order[flipped(step - 1)..flipped(step)].iter().map(|at| places[*at]);
                for (input, place) in regions {
                    let width = shown[input].len() / batch;
                    let of_sample = sample * width..(sample + 1) * width;
                    let other = &other[input][of_sample.clone()];
                    let shown = &mut shown[input][of_sample];
                    each_row(&explained[input].1.dims()[1..], &windows[input].at(place), |row| {
                        shown[row.clone()].copy_from_slice(&other[row]);
                    });
                }
            }
        };
        // The unchanged input was scored already, the baseline was not.
        let first = if self.inserts { 0 } else { 1 };
        let copies = (first..=steps).map(|step| {
            if step > 0 {
                flip(&mut shown, step);
            }
            Ok(shown.clone())
        });
        let mut scores = if self.inserts { Vec::new() } else { scored.scores().to_vec() };
        scores.extend(scored.of_copies(copies, |done| progress.tell(done, steps + 1 - first))?);
        let fractions: Vec<_> = (0..=steps).map(|step| flipped(step) as f64 / places.len() as f64).collect();
        let of_sample = |sample: usize| scores.iter().skip(sample).step_by(batch).copied().collect();
        let curve = |sample| FlippingCurve { fractions: fractions.clone(), scores: of_sample(sample) };
        Ok((0..batch).map(curve).collect())
    }
}

/// The area under each sample's curve.
impl<B: Backend> Metric<B> for PixelFlipping<B> {
    fn name(&self) -> &str {
        match (self.inserts, self.least_first) {
            (false, false) => "deletion",
            (false, true) => "deletion, least relevant first",
            (true, false) => "insertion",
            (true, true) => "insertion, least relevant first",
        }
    }

    fn higher_is_better(&self) -> bool {
        self.inserts != self.least_first
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
        Ok((curves.iter().map(FlippingCurve::area).collect(), curves))
    }
}

/// The sum of a sample's relevance over every window of `x`.
fn window_sums<B: Backend>(relevance: &[f64], windows: &InputWindows, x: &Value<B>) -> Vec<f64> {
    let sizes = &x.dims()[1..];
    let sum = |place: usize| {
        let mut sum = 0.0;
        each_row(sizes, &windows.at(place), |row| sum += relevance[row].iter().sum::<f64>());
        sum
    };
    (0..windows.count()).map(sum).collect()
}

/// Places from the highest value to the lowest, or the other way round; equal ones in their order.
pub(super) fn order(values: &[f64], lowest_first: bool) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| {
        let (first, second) = if lowest_first { (a, b) } else { (b, a) };
        values[first].total_cmp(&values[second])
    });
    places
}
