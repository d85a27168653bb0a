//! Score drops when parts of the input are hidden.

use std::sync::Arc;

use burn::tensor::TensorData;
use burn_backend::Backend;

use super::progress::{Listener, Progress};
use super::score::Score;
use super::{Attributor, AttributorError, Baseline};
use crate::Value;
use crate::error::ExplainError;
use crate::explain::{Attribution, Explainer, Target, check_output};

/// Sizes along the dimensions of a sample.
///
/// Numbers and lists convert: `.window(8)`, `.window([3, 8, 8])`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sizes {
    /// The same for all spatial dimensions, those after batch and channels; all channels go
    /// together. Without spatial dimensions (`[batch, features]`) it is for the features.
    Spatial(usize),
    /// One for each dimension beside the batch.
    Each(Vec<usize>),
}

impl From<usize> for Sizes {
    fn from(size: usize) -> Self {
        Self::Spatial(size)
    }
}

impl From<Vec<usize>> for Sizes {
    fn from(sizes: Vec<usize>) -> Self {
        Self::Each(sizes)
    }
}

impl<const N: usize> From<[usize; N]> for Sizes {
    fn from(sizes: [usize; N]) -> Self {
        Self::Each(sizes.to_vec())
    }
}

impl Sizes {
    /// One size per dimension of a sample, each from 1 to what `largest` allows.
    fn resolve(
        &self,
        parameter: &'static str,
        input: &[usize],
        largest: &[usize],
    ) -> Result<Vec<usize>, AttributorError> {
        let sizes = match self {
            Self::Spatial(size) if largest.len() < 2 => vec![*size; largest.len()],
            Self::Spatial(size) => {
                let spatial = vec![*size; largest.len() - 1];
                [&largest[..1], &spatial].concat()
            }
            Self::Each(sizes) if sizes.len() != largest.len() => {
                let (got, input) = (sizes.len(), input.to_vec());
                return Err(AttributorError::Sizes { parameter, got, input });
            }
            Self::Each(sizes) => sizes.clone(),
        };
        let misfit = sizes.iter().zip(largest).position(|(size, largest)| !(1..=*largest).contains(size));
        match misfit {
            None => Ok(sizes),
            Some(dim) => Err(AttributorError::Size {
                parameter,
                got: sizes[dim],
                dim: dim + 1,
                largest: largest[dim],
                input: input.to_vec(),
            }),
        }
    }
}

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

    /// The model's output, and nothing else.
    fn forward(&self, input: Value<B>) -> Result<Value<B>, ExplainError> {
        let inputs = [input];
        let output = self.explainer.prepare(&inputs)?.graph().forward(&inputs)?;
        check_output(&output)?;
        Ok(output)
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
        let output = self.forward(x.clone())?;
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
            let hidden_scores = score.read(&self.forward(Value::cat(hidden, 0))?)?;
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

/// The first and the last but one index of a window along every dimension of a sample.
type Place = Vec<(usize, usize)>;

/// All windows of an input.
struct Windows {
    sizes: Vec<usize>,
    window: Vec<usize>,
    stride: Vec<usize>,
    /// Windows along each dimension.
    counts: Vec<usize>,
}

impl Windows {
    fn new(input: &[usize], window: &Sizes, stride: Option<&Sizes>) -> Result<Self, AttributorError> {
        let sizes = input[1..].to_vec();
        let window = window.resolve("window", input, &sizes)?;
        let stride = match stride {
            None => window.clone(),
            Some(stride) => stride.resolve("stride", input, &window)?,
        };
        // One window at the start, and one per stride until the end is reached.
        let counts = sizes.iter().zip(&window).zip(&stride);
        let counts = counts.map(|((size, window), stride)| 1 + (size - window).div_ceil(*stride)).collect();
        Ok(Self { sizes, window, stride, counts })
    }

    fn count(&self) -> usize {
        self.counts.iter().product()
    }

    /// The `place`-th window, in row-major order.
    fn at(&self, place: usize) -> Place {
        let mut rest = place;
        let mut ranges: Place = (0..self.sizes.len())
            .rev()
            .map(|dim| {
                let start = rest % self.counts[dim] * self.stride[dim];
                rest /= self.counts[dim];
                (start, (start + self.window[dim]).min(self.sizes[dim]))
            })
            .collect();
        ranges.reverse();
        ranges
    }

    /// `x` with the window replaced by the baseline.
    fn hide<B: Backend>(&self, place: &Place, x: &Value<B>, baseline: &Value<B>) -> Value<B> {
        // Dimensions that the window fills are left to broadcasting.
        let full = |dim: usize| place[dim] == (0, self.sizes[dim]);
        let dims: Vec<_> =
            (0..self.sizes.len()).map(|dim| if full(dim) { 1 } else { self.sizes[dim] }).collect();
        let mut inside = vec![0.0; dims.iter().product()];
        let ranges = place.iter().enumerate().map(|(dim, &range)| if full(dim) { (0, 1) } else { range });
        each_row(&dims, &ranges.collect::<Vec<_>>(), |row| inside[row].fill(1.0));
        let data = TensorData::new(inside, [&[1], dims.as_slice()].concat()).convert_dtype(x.dtype());
        let inside = Value::from_data(data, &x.device());
        let outside = inside.clone() * -1.0 + 1.0;
        outside * x + inside * baseline
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

/// Calls `visit` with the index range of every contiguous row of a box within row-major `sizes`.
fn each_row(sizes: &[usize], ranges: &[(usize, usize)], mut visit: impl FnMut(std::ops::Range<usize>)) {
    let Some((&(start, end), outer)) = ranges.split_last() else { return visit(0..1) };
    let rows: usize = outer.iter().map(|(start, end)| end - start).product();
    for row in 0..rows {
        let (mut rest, mut offset, mut step) = (row, 0, sizes[outer.len()]);
        for (dim, &(start, end)) in outer.iter().enumerate().rev() {
            offset += (start + rest % (end - start)) * step;
            rest /= end - start;
            step *= sizes[dim];
        }
        visit(offset + start..offset + end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(input: &[usize], window: impl Into<Sizes>, stride: impl Into<Sizes>) -> Vec<Place> {
        let windows = Windows::new(input, &window.into(), Some(&stride.into())).unwrap();
        (0..windows.count()).map(|place| windows.at(place)).collect()
    }

    #[test]
    fn the_last_window_is_cut_off_at_the_end() {
        assert_eq!(windows(&[1, 5], 2, 2), [[(0, 2)], [(2, 4)], [(4, 5)]]);
        assert_eq!(windows(&[1, 5], 3, 2), [[(0, 3)], [(2, 5)]]);
        assert_eq!(windows(&[1, 5], 5, 1), [[(0, 5)]]);
    }

    #[test]
    fn a_number_leaves_channels_together() {
        let places = windows(&[2, 3, 4, 4], 2, 2);
        assert_eq!(places.len(), 4);
        assert!(places.iter().all(|place| place[0] == (0, 3)));
        assert_eq!(windows(&[2, 3, 4, 4], [1, 4, 4], [1, 4, 4]).len(), 3);
    }

    #[test]
    fn rows_of_a_box_are_contiguous_indices() {
        let mut rows = Vec::new();
        each_row(&[2, 3, 4], &[(0, 2), (1, 2), (1, 3)], |row| rows.push(row));
        assert_eq!(rows, [5..7, 17..19]);
    }
}
