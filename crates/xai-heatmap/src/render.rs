//! Drawing maps and input images.

use crate::colormap::{Colormap, NAN_COLOR, color_at};
use crate::error::HeatmapError;
use crate::map::{RelevanceMap, check_shape};
use crate::normalization::Normalization;
use crate::picture::Picture;

/// Draws a map, one pixel per value. NaN becomes [`NAN_COLOR`], infinities the colours of the ends.
pub fn render(map: &RelevanceMap, normalization: Normalization, colormap: Colormap) -> Picture {
    let bounds = normalization.bounds(map);
    let gradient = colormap.gradient();
    Picture::from_map(map, |value| color_at(gradient.as_ref(), bounds.position(value)))
}

/// Draws an input image of shape `[channels, height, width]` in grey: the mean over its channels, from black
/// at the low to white at the high bound. NaN becomes [`NAN_COLOR`].
///
/// [`Normalization::MinMax`] suits an image of unknown range; fixed bounds keep several images comparable.
///
/// # Errors
///
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

/// Draws an input image of shape `[3, height, width]` in its own colours: red, green and blue planes under
/// the same bounds. A pixel with a NaN becomes [`NAN_COLOR`].
///
/// # Errors
///
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
    let (red, rest) = values.split_at(height * width);
    let (green, blue) = rest.split_at(height * width);
    for (pixel, ((&red, &green), &blue)) in picture.pixels_mut().zip(red.iter().zip(green).zip(blue)) {
        if let (Some(red), Some(green), Some(blue)) = (byte(red), byte(green), byte(blue)) {
            *pixel = [red, green, blue];
        }
    }
    Ok(picture)
}

/// Lays a map over the picture of its image. Each pixel is as opaque as its relevance is strong, so that the
/// image shows through where there is none.
///
/// Full strength, at `opacity`, is reached at the bounds; strength is 0 in the middle of symmetric bounds and
/// at the low end of others. NaN is drawn in opaque [`NAN_COLOR`] whatever the opacity.
///
/// # Errors
///
/// [`HeatmapError::SizeMismatch`] if map and picture differ in size, and [`HeatmapError::InvalidOpacity`] if
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
            map_width: map.width(),
            map_height: map.height(),
            picture_width: image.width(),
            picture_height: image.height(),
        });
    }
    if !(0.0..=1.0).contains(&opacity) {
        return Err(HeatmapError::InvalidOpacity { opacity });
    }
    let bounds = normalization.bounds(map);
    let gradient = colormap.gradient();
    let mut picture = image.clone();
    for (below, &value) in picture.pixels_mut().zip(map.values()) {
        let above = color_at(gradient.as_ref(), bounds.position(value));
        let alpha = bounds.strength(value).map_or(1.0, |strength| strength * opacity);
        *below = blend(*below, above, alpha);
    }
    Ok(picture)
}

fn blend(below: [u8; 3], above: [u8; 3], alpha: f32) -> [u8; 3] {
    let mix = |i: usize| f32::from(below[i]) * (1.0 - alpha) + f32::from(above[i]) * alpha;
    [0, 1, 2].map(|i| mix(i).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalization::Bounds;

    const BLUE: [u8; 3] = [0, 0, 255];
    const WHITE: [u8; 3] = [255, 255, 255];
    const RED: [u8; 3] = [255, 0, 0];

    fn map(values: &[f32]) -> RelevanceMap {
        RelevanceMap::new(values.to_vec(), [1, values.len()]).unwrap()
    }

    fn row(picture: &Picture) -> Vec<[u8; 3]> {
        (0..picture.width()).map(|x| picture.pixel(x, 0).unwrap()).collect()
    }

    #[test]
    fn signs_get_their_colours_and_zero_is_white() {
        let picture = render(&map(&[-2.0, 0.0, 1.0, 2.0]), Normalization::Symmetric, Colormap::BlueWhiteRed);
        assert_eq!(row(&picture), [BLUE, WHITE, [255, 128, 128], RED]);
    }

    #[test]
    fn pixels_keep_their_places() {
        let map = RelevanceMap::new(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [2, 3]).unwrap();
        let picture = render(&map, Normalization::MinMax, Colormap::Gray);
        assert_eq!((picture.width(), picture.height()), (3, 2));
        assert_eq!(picture.pixel(2, 0), Some([102; 3]));
        assert_eq!(picture.pixel(0, 1), Some([153; 3]));
    }

    #[test]
    fn flat_maps_are_neutral_or_low() {
        let zero = map(&[0.0; 3]);
        assert_eq!(row(&render(&zero, Normalization::Symmetric, Colormap::BlueWhiteRed)), [WHITE; 3]);
        assert_eq!(row(&render(&zero, Normalization::Symmetric, Colormap::ColdHot)), [[0; 3]; 3]);
        assert_eq!(row(&render(&map(&[5.0; 3]), Normalization::MinMax, Colormap::Gray)), [[0; 3]; 3]);
    }

    #[test]
    fn nan_is_magenta_and_infinities_are_ends() {
        let values = map(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, 3.0]);
        let picture = render(&values, Normalization::Symmetric, Colormap::BlueWhiteRed);
        assert_eq!(row(&picture), [NAN_COLOR, RED, BLUE, WHITE, RED]);
    }

    #[test]
    fn fixed_bounds_clamp() {
        let unit = Normalization::Fixed(Bounds::range(0.0, 1.0).unwrap());
        let picture = render(&map(&[-5.0, 0.0, 1.0, 5.0]), unit, Colormap::Gray);
        assert_eq!(row(&picture), [[0; 3], [0; 3], WHITE, WHITE]);
    }

    #[test]
    fn gray_images_show_the_channel_mean() {
        let unit = Normalization::Fixed(Bounds::range(0.0, 1.0).unwrap());
        let picture = gray_image(&[1.0, 0.0, 1.0, 1.0], [2, 1, 2], unit).unwrap();
        assert_eq!(row(&picture), [WHITE, [128; 3]]);
    }

    #[test]
    fn rgb_images_keep_their_colours() {
        let values = [1.0, 0.0, 0.5, 0.0, 0.0, f32::NAN];
        let picture = rgb_image(&values, [3, 1, 2], Normalization::MinMax).unwrap();
        assert_eq!(row(&picture), [[255, 128, 0], NAN_COLOR]);
        let error = rgb_image(&[0.0; 2], [2, 1, 1], Normalization::MinMax).unwrap_err();
        assert!(matches!(error, HeatmapError::NotRgb { shape: [2, 1, 1] }));
    }

    #[test]
    fn overlays_are_as_opaque_as_relevance_is_strong() {
        let image = Picture::filled(4, 1, [100; 3]).unwrap();
        let relevance = map(&[0.0, 2.0, -1.0, f32::NAN]);
        let laid = |opacity| {
            overlay(&image, &relevance, Normalization::Symmetric, Colormap::BlueWhiteRed, opacity).unwrap()
        };
        assert_eq!(row(&laid(1.0)), [[100; 3], RED, [114, 114, 178], NAN_COLOR]);
        assert_eq!(row(&laid(0.5)), [[100; 3], [178, 50, 50], [107, 107, 139], NAN_COLOR]);
        assert_eq!(row(&laid(0.0)), [[100; 3], [100; 3], [100; 3], NAN_COLOR]);
    }

    #[test]
    fn overlays_need_equal_sizes_and_an_opacity() {
        let image = Picture::filled(2, 1, [0; 3]).unwrap();
        let lay = |values: &[f32], opacity| {
            overlay(&image, &map(values), Normalization::Symmetric, Colormap::BlueWhiteRed, opacity)
        };
        assert!(matches!(
            lay(&[0.0], 1.0),
            Err(HeatmapError::SizeMismatch { map_width: 1, picture_width: 2, .. })
        ));
        for opacity in [-0.1, 1.1, f32::NAN] {
            assert!(matches!(lay(&[0.0; 2], opacity), Err(HeatmapError::InvalidOpacity { .. })));
        }
    }
}
