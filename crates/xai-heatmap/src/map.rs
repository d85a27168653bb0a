//! Relevance of one image, reduced to one value per pixel.

use crate::error::HeatmapError;
use crate::picture::checked_size;

/// The relevance of one image: one value per pixel, row by row from the top left.
///
/// NaN and infinities are allowed; how they are drawn is said at [`Bounds`](crate::Bounds).
#[derive(Debug, Clone, PartialEq)]
pub struct RelevanceMap {
    height: u32,
    width: u32,
    values: Vec<f32>,
}

impl RelevanceMap {
    /// Wraps values of shape `[height, width]`.
    ///
    /// # Errors
    /// [`HeatmapError::EmptyAxis`], [`HeatmapError::Length`] if `values` does not match the shape, and
    /// [`HeatmapError::TooLarge`] over [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn new(values: Vec<f32>, shape: [usize; 2]) -> Result<Self, HeatmapError> {
        check_shape(values.len(), ["height", "width"], shape)?;
        let [height, width] = shape;
        let (width, height) = checked_size(width as u64, height as u64)?;
        Ok(Self { height, width, values })
    }

    /// Sums values of shape `[channels, height, width]` over the channels, which keeps the total relevance.
    ///
    /// # Errors
    /// As [`RelevanceMap::new`].
    pub fn from_channels(values: &[f32], shape: [usize; 3]) -> Result<Self, HeatmapError> {
        check_shape(values.len(), ["channels", "height", "width"], shape)?;
        let [_, height, width] = shape;
        // In `f64`, so that large terms that cancel leave the small ones intact.
        let mut sums = vec![0.0_f64; height * width];
        for plane in values.chunks_exact(height * width) {
            for (sum, &value) in sums.iter_mut().zip(plane) {
                *sum += f64::from(value);
            }
        }
        Self::new(sums.into_iter().map(|sum| sum as f32).collect(), [height, width])
    }

    /// Makes one map per image of values of shape `[batch, channels, height, width]`, summing over the
    /// channels.
    ///
    /// # Errors
    /// As [`RelevanceMap::new`].
    pub fn from_batch(values: &[f32], shape: [usize; 4]) -> Result<Vec<Self>, HeatmapError> {
        check_shape(values.len(), ["batch", "channels", "height", "width"], shape)?;
        let [_, channels, height, width] = shape;
        values
            .chunks_exact(channels * height * width)
            .map(|image| Self::from_channels(image, [channels, height, width]))
            .collect()
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// The `height * width` values, row by row.
    pub fn values(&self) -> &[f32] {
        &self.values
    }
}

/// Checks that every axis is at least 1 and that `found` values fill the shape.
pub(crate) fn check_shape<const N: usize>(
    found: usize,
    axes: [&'static str; N],
    shape: [usize; N],
) -> Result<(), HeatmapError> {
    if let Some((axis, _)) = axes.into_iter().zip(shape).find(|&(_, size)| size == 0) {
        return Err(HeatmapError::EmptyAxis { axis, shape: shape.to_vec() });
    }
    // A product that saturates is more than any slice can hold, so it is reported as the mismatch it is.
    let expected = shape.into_iter().fold(1, usize::saturating_mul);
    if expected != found {
        return Err(HeatmapError::Length { shape: shape.to_vec(), expected, found });
    }
    Ok(())
}
