//! Which elements of an input go together.

use burn::tensor::{Int, Tensor};
use burn_backend::tensor::IntTensor;
use burn_backend::{Backend, DType, TensorData, TensorMetadata};

use super::{InputWindows, Sizes};
use crate::Value;
use crate::error::{AttributorError, ExplainError};

/// The regions of an input: every element belongs to one of them, and a method hides or shows a
/// region as a whole.
///
/// Int tensors are [masks](Self::mask), and convert: `.with_regions(segments)`.
#[derive(Debug, Clone)]
pub struct Regions<B: Backend>(Kind<B>);

#[derive(Debug, Clone)]
enum Kind<B: Backend> {
    Elements,
    Grid(Sizes),
    Mask(IntTensor<B>),
}

/// Every element by itself.
impl<B: Backend> Default for Regions<B> {
    fn default() -> Self {
        Self::elements()
    }
}

impl<B: Backend, const D: usize> From<Tensor<B, D, Int>> for Regions<B> {
    fn from(labels: Tensor<B, D, Int>) -> Self {
        Self::mask(labels)
    }
}

impl<B: Backend> Regions<B> {
    /// Every element by itself; of token ids, every id.
    pub fn elements() -> Self {
        Self(Kind::Elements)
    }

    /// Boxes of these sizes side by side, from 1 to the input's sizes; the last ones are cut off at the
    /// end of the input. A number is for the spatial dimensions, and then channels go together.
    pub fn grid(sizes: impl Into<Sizes>) -> Self {
        Self(Kind::Grid(sizes.into()))
    }

    /// Segments: elements with the same label are one region.
    ///
    /// `labels` has the rank of the input (of token ids, that of the ids) and its sizes, or sizes of 1
    /// where it does not vary: `[1, 1, height, width]` for segments of all images and channels,
    /// `[batch, 1, height, width]` for segments of each image. The labels of a sample are 0 to `n - 1`,
    /// each there at least once; `n` may differ between samples.
    pub fn mask<const D: usize>(labels: Tensor<B, D, Int>) -> Self {
        Self(Kind::Mask(labels.into_primitive()))
    }

    /// The regions of an explained value, by whether it has rows of token ids.
    pub(super) fn resolve(&self, (is_rows, x): (bool, &Value<B>)) -> Result<InputRegions, ExplainError> {
        let mut regions = match &self.0 {
            Kind::Elements => {
                let dims = x.rank().saturating_sub(1 + usize::from(is_rows));
                boxes(&InputWindows::of((is_rows, x), &Sizes::Each(vec![1; dims]), None)?)
            }
            Kind::Grid(sizes) => boxes(&InputWindows::of((is_rows, x), sizes, None)?),
            Kind::Mask(labels) => segments::<B>(labels, &x.dims(), is_rows)?,
        };
        let elements: usize = x.dims()[1..].iter().product();
        regions.copies = elements / regions.cells().max(1);
        Ok(regions)
    }
}

/// The regions of the samples of an input. Dimensions along which the regions do not vary have size 1,
/// the batch too.
pub(super) struct InputRegions {
    dims: Vec<usize>,
    labels: Vec<u32>,
    /// Regions of each sample, or of all.
    counts: Vec<usize>,
    /// Elements of the input for each label of a sample.
    copies: usize,
}

impl InputRegions {
    /// Labels of a sample.
    fn cells(&self) -> usize {
        self.dims[1..].iter().product()
    }

    /// Number of regions of a sample.
    pub(super) fn count(&self, sample: usize) -> usize {
        self.counts[if self.counts.len() == 1 { 0 } else { sample }]
    }

    /// The label of each element of a sample, dimensions of size 1 not repeated.
    pub(super) fn labels(&self, sample: usize) -> &[u32] {
        let first = if self.counts.len() == 1 { 0 } else { sample * self.cells() };
        &self.labels[first..first + self.cells()]
    }

    /// The sizes of labels for that many samples.
    pub(super) fn dims(&self, samples: usize) -> Vec<usize> {
        [&[samples], &self.dims[1..]].concat()
    }

    /// How many elements of the input each region of a sample holds.
    pub(super) fn elements(&self, sample: usize) -> Vec<usize> {
        let mut elements = vec![0; self.count(sample)];
        self.labels(sample).iter().for_each(|&label| elements[label as usize] += self.copies);
        elements
    }
}

fn boxes(windows: &InputWindows) -> InputRegions {
    let dims = windows.mask_dims();
    let mut labels = vec![0; dims.iter().product()];
    for place in 0..windows.count() {
        windows.each_mask_row(&windows.at(place), |row| labels[row].fill(place as u32));
    }
    InputRegions { dims: [&[1], dims.as_slice()].concat(), labels, counts: vec![windows.count()], copies: 1 }
}

fn segments<B: Backend>(
    labels: &IntTensor<B>,
    input: &[usize],
    is_rows: bool,
) -> Result<InputRegions, ExplainError> {
    let mut dims = labels.shape().as_slice().to_vec();
    let expected = &input[..input.len() - usize::from(is_rows)];
    let broadcasts = dims.len() == expected.len()
        && dims.iter().zip(expected).all(|(&size, &input)| size == 1 || size == input);
    if !broadcasts {
        return Err(AttributorError::Regions { got: dims, input: expected.to_vec() }.into());
    }
    let data: TensorData = burn_backend::read_sync(B::int_into_data(labels.clone()))
        .map_err(|error| ExplainError::Backend(format!("{error:?}")))?;
    let labels: Vec<i64> = match data.dtype {
        // Converting what does not fit panics.
        DType::U64 => data.iter::<u64>().map(|label| i64::try_from(label).unwrap_or(i64::MAX)).collect(),
        _ => data.iter::<i64>().collect(),
    };
    dims.resize(input.len(), 1);
    let cells: usize = dims[1..].iter().product();
    let counts = labels.chunks(cells.max(1)).enumerate().map(|(sample, labels)| count(sample, labels));
    let counts = counts.collect::<Result<_, _>>()?;
    // `count` has seen that they are few.
    let labels = labels.into_iter().map(|label| label as u32).collect();
    Ok(InputRegions { dims, labels, counts, copies: 1 })
}

/// The number of regions of a sample: its labels are 0 to `n - 1`. As each is there, `n` is at most
/// the number of labels, and no other label is worth memory.
fn count(sample: usize, labels: &[i64]) -> Result<usize, AttributorError> {
    let mut used = vec![false; labels.len()];
    for &label in labels {
        match usize::try_from(label).ok().and_then(|label| used.get_mut(label)) {
            Some(used) => *used = true,
            None => return Err(AttributorError::RegionLabel { label, sample, labels: labels.len() }),
        }
    }
    let count = used.iter().rposition(|used| *used).map_or(0, |last| last + 1);
    match used[..count].iter().position(|used| !used) {
        Some(label) => Err(AttributorError::RegionEmpty { label, sample, largest: count - 1 }),
        None => Ok(count),
    }
}
