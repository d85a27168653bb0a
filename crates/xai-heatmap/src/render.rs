//! Drawing maps and input images.

use crate::colormap::{Colormap, NAN_COLOR, color_at};
use crate::error::{HeatmapError, from_0_to_1};
use crate::map::{RelevanceMap, check_shape};
use crate::normalization::Normalization;
use crate::picture::{Picture, mix};

/// Draws a map, one pixel per value. NaN becomes [`NAN_COLOR`], infinities the colours of the ends.
pub fn render(map: &RelevanceMap, normalization: Normalization, colormap: Colormap) -> Picture {
    let bounds = normalization.bounds(map);
    let gradient = colormap.gradient();
    let mut picture = Picture::black(map.width(), map.height());
    for (pixel, &value) in picture.pixels_mut().zip(map.values()) {
        *pixel = color_at(gradient.as_ref(), bounds.position(value));
    }
    picture
}

/// Draws an input image of shape `[channels, height, width]` in grey: the mean over its channels, from black
/// at the low to white at the high bound. NaN becomes [`NAN_COLOR`].
///
/// [`Normalization::MinMax`] suits an image of unknown range; fixed bounds keep several images comparable.
///
/// # Errors
/// As [`RelevanceMap::new`].
pub fn gray_image(
    values: &[f32],
    shape: [usize; 3],
    normalization: Normalization,
) -> Result<Picture, HeatmapError> {
    let [channels, height, width] = shape;
    let sums = RelevanceMap::from_channels(values, shape)?;
    let means = sums.values().iter().map(|sum| sum / channels as f32).collect();
    Ok(render(&RelevanceMap::new(means, [height, width])?, normalization, Colormap::Gray))
}

/// Draws an input image of shape `[3, height, width]` in its own colours: red, green and blue planes with
/// the same bounds. A pixel with a NaN becomes [`NAN_COLOR`].
///
/// # Errors
/// [`HeatmapError::NotRgb`] for other than 3 channels; for the rest as [`RelevanceMap::new`].
pub fn rgb_image(
    values: &[f32],
    shape: [usize; 3],
    normalization: Normalization,
) -> Result<Picture, HeatmapError> {
    check_shape(values.len(), ["channels", "height", "width"], shape)?;
    let [channels, height, width] = shape;
    if channels != 3 {
        return Err(HeatmapError::NotRgb { shape });
    }
    // Seen as one column of planes, the image has a single minimum and maximum.
    let planes = RelevanceMap::new(values.to_vec(), [channels * height, width])?;
    let bounds = normalization.bounds(&planes);
    let byte = |value: f32| bounds.position(value).map(|position| (position * 255.0).round() as u8);

    let mut picture = Picture::filled(planes.width(), planes.height() / 3, NAN_COLOR)?;
    for (index, pixel) in picture.pixels_mut().enumerate() {
        let bytes = [0, 1, 2].map(|channel| byte(values[channel * height * width + index]));
        if let [Some(red), Some(green), Some(blue)] = bytes {
            *pixel = [red, green, blue];
        }
    }
    Ok(picture)
}

/// Draws a map over the picture of its image. The stronger the relevance of a pixel, the more opaque it is:
/// where there is none, only the image is seen.
///
/// Full strength, at `opacity`, is reached at the bounds; strength is 0 in the middle of symmetric bounds and
/// at the low end of others. NaN is drawn in opaque [`NAN_COLOR`] whatever the opacity.
///
/// # Errors
/// [`HeatmapError::SizeMismatch`] if map and picture differ in size, and [`HeatmapError::OutOfRange`] if
/// `opacity` is not in `0..=1`.
pub fn overlay(
    image: &Picture,
    map: &RelevanceMap,
    normalization: Normalization,
    colormap: Colormap,
    opacity: f32,
) -> Result<Picture, HeatmapError> {
    if (image.width(), image.height()) != (map.width(), map.height()) {
        return Err(HeatmapError::SizeMismatch {
            map: [map.width(), map.height()],
            picture: [image.width(), image.height()],
        });
    }
    from_0_to_1("opacity", opacity.into())?;
    let bounds = normalization.bounds(map);
    let gradient = colormap.gradient();
    let mut picture = image.clone();
    for (below, &value) in picture.pixels_mut().zip(map.values()) {
        let above = color_at(gradient.as_ref(), bounds.position(value));
        let alpha = bounds.strength(value).map_or(1.0, |strength| strength * opacity);
        *below = mix(*below, above, alpha);
    }
    Ok(picture)
}
