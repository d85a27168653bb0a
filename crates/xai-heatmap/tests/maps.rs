//! From relevance to colours.
#![allow(clippy::unwrap_used)]

use xai_heatmap::{
    Bounds, Colormap, HeatmapError, NAN_COLOR, Normalization, Picture, Quantile, RelevanceMap, gray_image,
    overlay, render, rgb_image,
};

const BLUE: [u8; 3] = [0, 0, 255];
const WHITE: [u8; 3] = [255, 255, 255];
const RED: [u8; 3] = [255, 0, 0];

fn map(values: &[f32]) -> RelevanceMap {
    RelevanceMap::new(values.to_vec(), [1, values.len()]).unwrap()
}

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
    assert!(text.contains("[1, 2, 2, 2]") && text.contains("7 values") && text.contains("holds 8"), "{text}");
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

fn positions(normalization: Normalization, values: &[f32]) -> Vec<Option<f32>> {
    let bounds = normalization.bounds(&map(values));
    values.iter().map(|&v| bounds.position(v)).collect()
}

#[test]
fn symmetric_keeps_zero_in_the_middle() {
    assert_eq!(positions(Normalization::Symmetric, &[-1.0, 0.0, 4.0]), [Some(0.375), Some(0.5), Some(1.0)]);
    assert_eq!(positions(Normalization::Symmetric, &[0.0, -0.0]), [Some(0.5); 2]);
    assert_eq!(positions(Normalization::Symmetric, &[f32::MAX, 0.0, f32::MIN]), [1.0, 0.5, 0.0].map(Some));
    assert_eq!(positions(Normalization::Symmetric, &[1e-45, 0.0]), [Some(1.0), Some(0.5)]);
}

#[test]
fn min_max_spans_the_values() {
    assert_eq!(positions(Normalization::MinMax, &[2.0, 3.0, 6.0]), [Some(0.0), Some(0.25), Some(1.0)]);
    assert_eq!(positions(Normalization::MinMax, &[f32::MIN, 0.0, f32::MAX]), [0.0, 0.5, 1.0].map(Some));
    assert_eq!(positions(Normalization::MinMax, &[7.0, 7.0]), [Some(0.0); 2]);
    assert_eq!(positions(Normalization::MinMax, &[-7.0]), [Some(0.0)]);
}

#[test]
fn nan_and_infinities_leave_the_bounds_alone() {
    let values = [f32::NAN, f32::NEG_INFINITY, -1.0, 1.0, f32::INFINITY];
    for normalization in [Normalization::Symmetric, Normalization::MinMax] {
        assert_eq!(positions(normalization, &values), [None, Some(0.0), Some(0.0), Some(1.0), Some(1.0)]);
    }
    assert_eq!(positions(Normalization::MinMax, &[f32::INFINITY, f32::NAN]), [Some(1.0), None]);
    assert_eq!(positions(Normalization::Symmetric, &[0.0, f32::NEG_INFINITY]), [Some(0.5), Some(0.0)]);
}

#[test]
fn quantiles_leave_out_the_strongest() {
    let quantile = |part: f64| Normalization::SymmetricQuantile(Quantile::new(part).unwrap());
    let values = [0.0, -1.0, 2.0, -3.0, 4.0, f32::NAN, 100.0, f32::INFINITY];
    let limit = |part: f64| quantile(part).bounds(&map(&values)).high();
    assert_eq!([0.0, 0.2, 0.5, 0.79, 0.8, 1.0].map(limit), [0.0, 1.0, 2.0, 3.0, 4.0, 100.0]);
    assert_eq!(
        positions(quantile(0.8), &[0.0, 4.0, -2.0, 1.0, 100.0, -1.0]),
        [0.5, 1.0, 0.25, 0.625, 1.0, 0.375].map(Some)
    );
    assert_eq!(quantile(0.5).bounds(&map(&[f32::NAN])).high(), 0.0);
    let maps = [map(&[1.0, 2.0]), map(&[-8.0])];
    assert_eq!(quantile(0.5).shared(&maps).bounds(&maps[0]).low(), -2.0);
    for part in [-0.1, 1.1, f64::NAN] {
        let error = Quantile::new(part).unwrap_err().to_string();
        assert!(error.contains("quantile") && error.contains("0 to 1"), "{error}");
    }
}

#[test]
fn shared_bounds_cover_every_map() {
    let maps = [map(&[1.0, 2.0]), map(&[-8.0, 0.0])];
    let bounds = Normalization::Symmetric.shared(&maps).bounds(&maps[0]);
    assert_eq!((bounds.low(), bounds.high()), (-8.0, 8.0));
    let bounds = Normalization::MinMax.shared(&maps).bounds(&maps[0]);
    assert_eq!((bounds.low(), bounds.high()), (-8.0, 2.0));
    let fixed = Normalization::Fixed(Bounds::range(0.0, 1.0).unwrap());
    assert_eq!(fixed.shared(&maps), fixed);
}

#[test]
fn unusable_bounds_are_refused() {
    for (low, high) in [(1.0, 0.0), (f32::NAN, 1.0), (0.0, f32::NAN), (0.0, f32::INFINITY)] {
        let error = Bounds::range(low, high).unwrap_err();
        assert!(matches!(error, HeatmapError::InvalidBounds { .. }), "{error}");
    }
    assert!(Bounds::symmetric(-1.0).is_err());
    assert!(Bounds::symmetric(f32::NAN).is_err());
    assert_eq!(Bounds::symmetric(0.0).unwrap().low().to_string(), "0");
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
fn overlays_between_other_bounds_grow_stronger_from_the_low_end() {
    let image = Picture::filled(3, 1, [100; 3]).unwrap();
    let bounds = Normalization::Fixed(Bounds::range(-2.0, 2.0).unwrap());
    let laid = overlay(&image, &map(&[-2.0, 0.0, 2.0]), bounds, Colormap::WhiteRed, 1.0).unwrap();
    assert_eq!(row(&laid), [[100; 3], [178, 114, 114], RED]);
}

#[test]
fn overlays_need_equal_sizes_and_an_opacity() {
    let image = Picture::filled(2, 1, [0; 3]).unwrap();
    let lay = |values: &[f32], opacity| {
        overlay(&image, &map(values), Normalization::Symmetric, Colormap::BlueWhiteRed, opacity)
    };
    assert!(matches!(lay(&[0.0], 1.0), Err(HeatmapError::SizeMismatch { map: [1, 1], picture: [2, 1] })));
    for opacity in [-0.1, 1.1, f32::NAN] {
        assert!(matches!(lay(&[0.0; 2], opacity), Err(HeatmapError::OutOfRange { name: "opacity", .. })));
    }
}

#[test]
fn names_round_trip() {
    for colormap in Colormap::ALL {
        assert_eq!(colormap.to_string().parse::<Colormap>().unwrap(), colormap);
    }
}

#[test]
fn an_unknown_name_lists_what_exists() {
    let text = "jet".parse::<Colormap>().unwrap_err().to_string();
    assert!(text.contains("`jet`"), "{text}");
    for colormap in Colormap::ALL {
        assert!(text.contains(colormap.name()), "{text}");
    }
}

#[test]
fn ends_and_middles_are_the_documented_colours() {
    let ends = |colormap: Colormap| [0.0, 0.5, 1.0].map(|t| colormap.color(t));
    assert_eq!(ends(Colormap::BlueWhiteRed), [[0, 0, 255], [255, 255, 255], [255, 0, 0]]);
    assert_eq!(ends(Colormap::ColdHot), [[0, 255, 255], [0, 0, 0], [255, 255, 0]]);
    assert_eq!(ends(Colormap::Gray), [[0, 0, 0], [128, 128, 128], [255, 255, 255]]);
    assert_eq!(ends(Colormap::WhiteRed), [[255, 255, 255], [255, 128, 128], [255, 0, 0]]);
    assert_eq!(ends(Colormap::BlueRedSoft), [[5, 48, 97], [242, 239, 238], [103, 0, 31]]);
    assert_eq!(Colormap::BlueWhiteRed.color(0.75), [255, 128, 128]);
    assert_eq!(Colormap::Magma.color(0.0), [0, 0, 4]);
    assert_eq!(Colormap::Viridis.color(1.0), [254, 232, 37]);
}

#[test]
fn sequential_maps_start_and_end_at_different_lightness() {
    let lightness = |[r, g, b]: [u8; 3]| u32::from(r) * 3 + u32::from(g) * 6 + u32::from(b);
    for colormap in Colormap::ALL.into_iter().filter(|c| !c.is_zero_centered()) {
        let steps: Vec<u32> = (0..=10).map(|i| lightness(colormap.color(i as f32 / 10.0))).collect();
        assert!(steps.is_sorted() || steps.iter().rev().is_sorted(), "{colormap}: {steps:?}");
    }
}

#[test]
fn positions_outside_are_clamped_and_nan_is_told_apart() {
    for colormap in Colormap::ALL {
        assert_eq!(colormap.color(-3.0), colormap.color(0.0));
        assert_eq!(colormap.color(f32::INFINITY), colormap.color(1.0));
        assert_eq!(colormap.color(f32::NAN), NAN_COLOR);
        for step in 0..=1000 {
            assert_ne!(colormap.color(step as f32 / 1000.0), NAN_COLOR, "{colormap} at {step}");
        }
    }
}
