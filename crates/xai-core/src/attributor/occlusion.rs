//! Score drops when parts of the input are hidden.

use burn::tensor::TensorData;
use burn_backend::Backend;

use super::hidden::Hidden;
use super::progress::{Listener, Progress};
use super::windows::{InputWindows, Place, each_row};
use super::{Attribution, Attributor, Baseline, PerInput, Sizes};
use crate::Value;
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};

/// Occlusion: how much the score drops when a window of the input is replaced by a baseline.
///
/// `R_i` is the mean of `f(x) - f(x with the window hidden)` over all windows that hold `i`. Windows
/// begin at 0, `stride`, `2 stride`, ... until they reach the end of the input; the last one is cut
/// off there. A stride is at most the window, so that every element lies in some window. With several
/// explained inputs, a window hides a part of one of them at a time.
///
/// What it cannot tell: parts that stand in for each other, of which hiding one changes nothing, and parts that only
/// count together across windows. A hidden window is an input that the model never saw, with edges of its own.
///
/// The model is only run forward, so it may have operations that no layer stands for.
///
/// Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
#[derive(Debug, Clone)]
pub struct Occlusion<B: Backend> {
    model: Model<B>,
    window: PerInput<Sizes>,
    stride: Option<PerInput<Sizes>>,
    baselines: PerInput<Baseline<B>>,
    largest_batch: usize,
    listener: Listener,
}

impl<B: Backend> Occlusion<B> {
    /// Occlusion of `model` by windows of one place in all channels, or of one feature or id where there are no
    /// [spatial dimensions](Sizes::Spatial); with strides of the window's size, a baseline of 0, and at most 32
    /// samples per run.
    pub fn new(model: &Model<B>) -> Self {
        Self {
            model: model.clone(),
            window: PerInput::All(Sizes::from(1)),
            stride: None,
            baselines: PerInput::All(Baseline::default()),
            largest_batch: 32,
            listener: Listener::default(),
        }
    }

    /// Sizes of the windows, the same for all explained inputs.
    pub fn with_window(self, window: impl Into<Sizes>) -> Self {
        Self { window: PerInput::All(window.into()), ..self }
    }

    /// Sizes of the windows of each explained input.
    pub fn with_windows(self, windows: impl IntoIterator<Item = impl Into<Sizes>>) -> Self {
        Self { window: PerInput::each(windows), ..self }
    }

    /// Distance between windows, from 1 to the window's size.
    pub fn with_stride(self, stride: impl Into<Sizes>) -> Self {
        Self { stride: Some(PerInput::All(stride.into())), ..self }
    }

    /// Distances between the windows of each explained input.
    pub fn with_strides(self, strides: impl IntoIterator<Item = impl Into<Sizes>>) -> Self {
        Self { stride: Some(PerInput::each(strides)), ..self }
    }

    /// What hidden elements are replaced by: a finite number, or a tensor of the input's rank and of
    /// its sizes or sizes of 1.
    pub fn with_baseline(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { baselines: PerInput::All(baseline.into()), ..self }
    }

    /// One baseline for each explained input.
    pub fn with_baselines(self, baselines: impl IntoIterator<Item = impl Into<Baseline<B>>>) -> Self {
        Self { baselines: PerInput::each(baselines), ..self }
    }

    /// How many samples go through the model at once, 1 or more, which bounds the memory: as many
    /// windows are tried in one run as their copies of the batch fit, and at least one.
    pub fn with_largest_batch(self, samples: usize) -> Self {
        Self { largest_batch: samples, ..self }
    }

    /// Calls `listen` after every run of the model, counting windows.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// The windows of every explained input.
    fn windows(&self, explained: &[(bool, &Value<B>)]) -> Result<Vec<InputWindows>, AttributorError> {
        let sizes = self.window.resolve("windows", explained.len())?;
        let strides = match &self.stride {
            None => vec![None; explained.len()],
            Some(stride) => stride.resolve("strides", explained.len())?.into_iter().map(Some).collect(),
        };
        let each = explained.iter().zip(sizes).zip(strides);
        each.map(|((x, window), stride)| InputWindows::of(*x, window, stride)).collect()
    }
}

impl<B: Backend> Attributor<B> for Occlusion<B> {
    fn name(&self) -> &str {
        "occlusion"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let progress = self.listener.begin();
        let hidden = Hidden::new(&self.model, inputs, target, &self.baselines, self.largest_batch)?;
        let explained = hidden.explained();
        let windows = self.windows(&explained)?;
        let total: usize = windows.iter().map(InputWindows::count).sum();
        let batch = hidden.scores.len();
        let (mut done, mut relevance) = (0, Vec::with_capacity(explained.len()));
        for (input, (&(is_rows, x), windows)) in explained.iter().zip(&windows).enumerate() {
            let mut means = Means::new(&x.dims());
            for first in (0..windows.count()).step_by(hidden.per_run) {
                let last = windows.count().min(first + hidden.per_run);
                let places: Vec<_> = (first..last).map(|place| windows.at(place)).collect();
                let mut masks = vec![None; explained.len()];
                masks[input] = Some(mask(windows, &places, x));
                let scores = hidden.scores_of(places.len(), masks)?;
                for (place, scores) in places.iter().zip(scores.chunks(batch)) {
                    let drops = hidden.scores.iter().zip(scores).map(|(score, without)| score - without);
                    means.add(place, &drops.collect::<Vec<_>>());
                }
                done += places.len();
                progress.tell(done, total);
            }
            let data = TensorData::new(means.finish(), x.dims()).convert_dtype(x.dtype());
            let drops = Value::from_data(data, &x.device());
            // The relevance of an id is the sum over its row.
            let share = if is_rows { *x.dims().last().unwrap_or(&1) as f64 } else { 1.0 };
            relevance.push(drops / share);
        }
        hidden.attribution(relevance)
    }
}

/// 0 in one window for each copy of the batch, 1 elsewhere.
fn mask<B: Backend>(windows: &InputWindows, places: &[Place], x: &Value<B>) -> Value<B> {
    let (batch, dims) = (x.dims()[0], windows.mask_dims());
    let mut shown = Vec::with_capacity(places.len() * batch * dims.iter().product::<usize>());
    for place in places {
        let mut sample = vec![1f32; dims.iter().product()];
        windows.each_mask_row(place, |row| sample[row].fill(0.0));
        (0..batch).for_each(|_| shown.extend_from_slice(&sample));
    }
    let dims = [&[places.len() * batch], dims.as_slice()].concat();
    Value::from_data(TensorData::new(shown, dims).convert_dtype(x.dtype()), &x.device())
}

/// Sums per element, and by how many windows they are to be divided.
struct Means {
    sizes: Vec<usize>,
    sums: Vec<f64>,
    counts: Vec<f64>,
}

impl Means {
    fn new(input: &[usize]) -> Self {
        let width = input[1..].iter().product();
        Self { sizes: input[1..].to_vec(), sums: vec![0.0; input[0] * width], counts: vec![0.0; width] }
    }

    /// One drop per sample, for all elements of the window.
    fn add(&mut self, place: &Place, drops: &[f64]) {
        let Self { sizes, sums, counts } = self;
        each_row(sizes, place, |row| {
            counts[row.clone()].iter_mut().for_each(|count| *count += 1.0);
            for (sums, drop) in sums.chunks_mut(counts.len()).zip(drops) {
                sums[row.clone()].iter_mut().for_each(|sum| *sum += drop);
            }
        });
    }

    fn finish(self) -> Vec<f64> {
        let Self { sums, counts, .. } = self;
        sums.chunks(counts.len())
            .flat_map(|sums| sums.iter().zip(&counts).map(|(sum, count)| sum / count))
            .collect()
    }
}
