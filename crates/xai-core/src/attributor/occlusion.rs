//! Score drops when parts of the input are hidden.

use std::sync::Arc;

use burn::tensor::TensorData;
use burn_backend::Backend;

use super::progress::{Listener, Progress};
use super::score::Score;
use super::windows::{Place, Windows, each_row};
use super::{Attributor, AttributorError, Baseline, Sizes, forward};
use crate::Value;
use crate::error::ExplainError;
use crate::explain::{Attribution, Explainer, Target};

/// Occlusion: how much the score drops when a window of the input is replaced by a baseline.
///
/// `R_i` is the mean of `f(x) - f(x with the window hidden)` over all windows that hold `i`. Windows
/// begin at 0, `stride`, `2 stride`, ... until they reach the end of the input; the last one is cut
/// off there. A stride is at most the window, so that every element lies in some window.
///
/// Of the explainer only the model is used, whatever the composite.
///
/// Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
#[derive(Debug, Clone)]
pub struct Occlusion<B: Backend> {
    explainer: Arc<Explainer<B>>,
    window: Sizes,
    stride: Option<Sizes>,
    baseline: Baseline<B>,
    largest_batch: usize,
    listener: Listener,
}

impl<B: Backend> Occlusion<B> {
    /// Occlusion of `explainer`'s model by `window`, with strides of its size, a baseline of 0, and
    /// at most 32 samples per run.
    pub fn new(explainer: impl Into<Arc<Explainer<B>>>, window: impl Into<Sizes>) -> Self {
        Self {
            explainer: explainer.into(),
            window: window.into(),
            stride: None,
            baseline: Baseline::default(),
            largest_batch: 32,
            listener: Listener::default(),
        }
    }

    /// Distance between windows, from 1 to the window's size.
    pub fn stride(self, stride: impl Into<Sizes>) -> Self {
        Self { stride: Some(stride.into()), ..self }
    }

    /// What hidden elements are replaced by: a finite number, or a tensor of the input's rank and of
    /// its sizes or sizes of 1.
    pub fn baseline(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { baseline: baseline.into(), ..self }
    }

    /// How many samples go through the model at once, 1 or more, which bounds the memory: as many
    /// windows are tried in one run as their copies of the batch fit, and at least one.
    pub fn largest_batch(self, samples: usize) -> Self {
        Self { largest_batch: samples, ..self }
    }

    /// Calls `listen` after every run of the model, counting windows.
    pub fn on_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }
}

impl<B: Backend> Attributor<B> for Occlusion<B> {
    fn name(&self) -> &str {
        "occlusion"
    }

    fn attribute_values(
        &self,
        inputs: &[Value<B>],
        target: Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let [x] = inputs else {
            return Err(AttributorError::OneInput { inputs: inputs.len() }.into());
        };
        if self.largest_batch == 0 {
            let (parameter, range) = ("largest_batch", "1 or more");
            return Err(AttributorError::Parameter { parameter, value: 0.0, range }.into());
        }
        let output = forward(&self.explainer, inputs)?;
        let dims = x.dims();
        let windows = Windows::new(&dims, &self.window, self.stride.as_ref())?;
        let baselines = self.baseline.resolve(inputs)?;
        let score = Score::of(target, self.explainer.prepare(inputs)?.graph(), &output)?;
        let scores = score.read(&output)?;

        let total = windows.count();
        let per_run = (self.largest_batch / dims[0]).max(1);
        let mut means = Means::new(&dims);
        for first in (0..total).step_by(per_run) {
            let places: Vec<_> = (first..total.min(first + per_run)).map(|place| windows.at(place)).collect();
            let hidden = places
                .iter()
                .flat_map(|place| baselines.iter().map(|baseline| windows.hide(place, x, baseline)));
            let hidden = hidden.collect();
            let hidden_scores = score.read(&forward(&self.explainer, &[Value::cat(hidden, 0)])?)?;
            for (place, hidden_scores) in places.iter().zip(hidden_scores.chunks(dims[0])) {
                let drops: Vec<_> =
                    scores.iter().zip(hidden_scores).map(|(score, hidden)| score - hidden).collect();
                means.add(place, &drops);
            }
            self.listener.tell(first + places.len(), total);
        }
        let data = TensorData::new(means.finish(), dims).convert_dtype(x.dtype());
        Ok(score.attribution(vec![Value::from_data(data, &x.device())], output))
    }
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
