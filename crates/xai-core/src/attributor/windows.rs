//! Windows that cover a sample.

use burn_backend::Backend;

use crate::Value;
use crate::error::AttributorError;

/// Sizes along the dimensions of a sample.
///
/// Numbers and lists convert: `.with_window(8)`, `.with_window([3, 8, 8])`.
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

/// The first index and the end, exclusive, of a window along every dimension of a sample.
pub(crate) type Place = Vec<(usize, usize)>;

/// All windows of an input.
pub(crate) struct InputWindows {
    sizes: Vec<usize>,
    window: Vec<usize>,
    stride: Vec<usize>,
    /// Windows along each dimension.
    counts: Vec<usize>,
}

impl InputWindows {
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

    /// Windows over the ids of `rows`, `[batch, .., features]`: a row is hidden as a whole.
    fn of_rows(rows: &[usize], window: &Sizes, stride: Option<&Sizes>) -> Result<Self, AttributorError> {
        let (features, ids) = rows.split_last().map_or((1, rows), |(features, ids)| (*features, ids));
        let mut windows = Self::new(ids, window, stride)?;
        windows.sizes.push(features);
        windows.window.push(features);
        windows.stride.push(features);
        windows.counts.push(1);
        Ok(windows)
    }

    /// The windows of an explained value, by whether it has rows of token ids.
    pub(crate) fn of<B: Backend>(
        (is_rows, x): (bool, &Value<B>),
        window: &Sizes,
        stride: Option<&Sizes>,
    ) -> Result<Self, AttributorError> {
        if is_rows { Self::of_rows(&x.dims(), window, stride) } else { Self::new(&x.dims(), window, stride) }
    }

    pub(crate) fn count(&self) -> usize {
        self.counts.iter().product()
    }

    /// The `place`-th window, in row-major order.
    pub(crate) fn at(&self, place: usize) -> Place {
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

    /// The sizes of a mask of a sample: 1 along dimensions that the windows fill, which are left to
    /// broadcasting.
    pub(super) fn mask_dims(&self) -> Vec<usize> {
        let dims = self.sizes.iter().zip(&self.window);
        dims.map(|(size, window)| if size == window { 1 } else { *size }).collect()
    }

    /// Calls `visit` with the index range of every contiguous row of a window within such a mask.
    pub(super) fn each_mask_row(&self, place: &Place, visit: impl FnMut(std::ops::Range<usize>)) {
        let dims = self.mask_dims();
        let ranges = place.iter().zip(&dims).map(|(&(start, end), size)| (start, end.min(*size)));
        each_row(&dims, &ranges.collect::<Vec<_>>(), visit);
    }
}

/// Calls `visit` with the index range of every contiguous row of a box within row-major `sizes`.
pub(crate) fn each_row(
    sizes: &[usize],
    ranges: &[(usize, usize)],
    mut visit: impl FnMut(std::ops::Range<usize>),
) {
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
        let windows = InputWindows::new(input, &window.into(), Some(&stride.into())).unwrap();
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
