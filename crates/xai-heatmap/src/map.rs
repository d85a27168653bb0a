//! Relevance of one image, reduced to one value per pixel.

use crate::error::HeatmapError;
use crate::picture::checked_size;

/// The relevance of one image: one value per pixel, row by row from the top left.
///
/// Values may be anything an `f32` can be. What becomes of NaN and of infinities is decided when the map is
/// drawn, see [`Bounds`](crate::Bounds).
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
    ///
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
    ///
    /// As [`RelevanceMap::new`].
    pub fn from_channels(values: &[f32], shape: [usize; 3]) -> Result<Self, HeatmapError> {
        check_shape(values.len(), ["channels", "height", "width"], shape)?;
        let [_, height, width] = shape;
        Self::new(sum_channels(values, height * width), [height, width])
    }

    /// Makes one map per image of values of shape `[batch, channels, height, width]`, summing over the
    /// channels.
    ///
    /// # Errors
    ///
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

/// Sums planes of `pixels` values each. In `f64`, so that large terms that cancel leave the small ones
/// intact.
fn sum_channels(values: &[f32], pixels: usize) -> Vec<f32> {
    let mut sums = vec![0.0_f64; pixels];
    for plane in values.chunks_exact(pixels) {
        for (sum, &value) in sums.iter_mut().zip(plane) {
            *sum += f64::from(value);
        }
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_summed_pixel_by_pixel() {
        let map = RelevanceMap::from_channels(&[1.0, 2.0, 3.0, 10.0, 20.0, 30.0], [2, 1, 3]).unwrap();
        assert_eq!((map.height(), map.width()), (1, 3));
        assert_eq!(map.values(), [11.0, 22.0, 33.0]);
    }

    #[test]
    fn cancelling_channels_keep_the_small_rest() {
        let map = RelevanceMap::from_channels(&[1e8, 1.0, -1e8], [3, 1, 1]).unwrap();
        assert_eq!(map.values(), [1.0]);
    }

    #[test]
    fn a_batch_gives_one_map_per_image() {
        let values: Vec<f32> = (0..8).map(|v| v as f32).collect();
        let maps = RelevanceMap::from_batch(&values, [2, 2, 2, 1]).unwrap();
        assert_eq!(maps.len(), 2);
        assert_eq!(maps[0].values(), [2.0, 4.0]);
        assert_eq!(maps[1].values(), [10.0, 12.0]);
        assert_eq!((maps[1].height(), maps[1].width()), (2, 1));
    }

    #[test]
    fn a_wrong_length_names_shape_and_counts() {
        let error = RelevanceMap::from_batch(&[0.0; 7], [1, 2, 2, 2]).unwrap_err();
        assert!(matches!(error, HeatmapError::Length { expected: 8, found: 7, .. }));
        let text = error.to_string();
        assert!(
            text.contains("[1, 2, 2, 2]") && text.contains("7 values") && text.contains("holds 8"),
            "{text}"
        );
    }

    #[test]
    fn an_empty_axis_is_named() {
        for (shape, name) in [
            ([0, 1, 1, 1], "batch"),
            ([1, 0, 1, 1], "channels"),
            ([1, 1, 0, 1], "height"),
            ([1, 1, 1, 0], "width"),
        ] {
            let error = RelevanceMap::from_batch(&[], shape).unwrap_err();
            assert!(matches!(error, HeatmapError::EmptyAxis { axis, .. } if axis == name), "{error}");
        }
    }

    #[test]
    fn a_shape_whose_product_overflows_is_a_length_error() {
        let error = RelevanceMap::from_channels(&[0.0], [usize::MAX, 2, 2]).unwrap_err();
        assert!(matches!(error, HeatmapError::Length { .. }));
    }
}
