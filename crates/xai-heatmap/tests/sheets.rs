//! Pictures, grids of them, and charts.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::{fs, io, process};

use image::ImageFormat;
use xai_heatmap::{Cell, Chart, Grid, HeatmapError, Normalization, Picture, rgb_image};

fn two_pixels() -> Picture {
    rgb_image(&[0.0, 1.0, 0.2, 0.8, 0.4, 0.6], [3, 1, 2], Normalization::MinMax).unwrap()
}

/// A new folder for the files of one test.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("xai-heatmap-{test}-{}", process::id()));
    fs::create_dir(&folder).unwrap();
    folder
}

#[test]
fn upscaling_repeats_pixels() {
    let big = two_pixels().upscale(3).unwrap();
    assert_eq!((big.width(), big.height()), (6, 3));
    for y in 0..3 {
        for x in 0..6 {
            assert_eq!(big.pixel(x, y), two_pixels().pixel(x / 3, 0));
        }
    }
    assert_eq!(big.pixel(6, 0), None);
    assert_eq!(two_pixels().upscale(1).unwrap(), two_pixels());
}

#[test]
fn impossible_sizes_are_errors() {
    assert!(matches!(two_pixels().upscale(0), Err(HeatmapError::OutOfRange { .. })));
    assert!(matches!(two_pixels().upscale(u32::MAX), Err(HeatmapError::TooLarge { .. })));
    assert!(matches!(Picture::filled(0, 1, [0; 3]), Err(HeatmapError::OutOfRange { name: "width", .. })));
    assert!(matches!(Picture::filled(u32::MAX, u32::MAX, [0; 3]), Err(HeatmapError::TooLarge { .. })));
}

#[test]
fn a_written_png_reads_back_the_same() {
    let folder = folder("write");
    let path = folder.join("a.png");
    fs::write(&path, "what was there before").unwrap();
    two_pixels().write_png(&path).unwrap();
    let read = image::load_from_memory_with_format(&fs::read(&path).unwrap(), ImageFormat::Png).unwrap();
    assert_eq!((read.width(), read.height()), (2, 1));
    assert_eq!(read.into_rgb8().as_raw().as_slice(), two_pixels().rgb_bytes());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    fs::remove_dir_all(folder).unwrap();
}

#[cfg(unix)]
#[test]
fn links_and_devices_stay_what_they_are() {
    let folder = folder("link");
    let (file, link) = (folder.join("file.png"), folder.join("link.png"));
    fs::write(&file, "").unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    two_pixels().write_png(&link).unwrap();
    assert!(link.is_symlink() && fs::metadata(&file).unwrap().len() > 0);
    let device = folder.join("null.png");
    std::os::unix::fs::symlink("/dev/null", &device).unwrap();
    two_pixels().write_png(&device).unwrap();
    assert!(device.is_symlink() && !fs::metadata("/dev/null").unwrap().is_file());
    assert!(two_pixels().write_png(&folder).is_err());
    fs::remove_dir_all(folder).unwrap();
}

/// `/dev/full` is a disk without room.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let folder = folder("full");
    let full = folder.join("full.png");
    std::os::unix::fs::symlink("/dev/full", &full).unwrap();
    let HeatmapError::Write { reason, .. } = two_pixels().write_png(&full).unwrap_err() else { panic!() };
    assert_eq!(reason.kind(), io::ErrorKind::StorageFull);
    // Written beside, and then not renamed: a name may have 255 bytes.
    assert!(two_pixels().write_png(folder.join("x".repeat(256))).is_err());
    assert!(two_pixels().write_png(folder.join("x".repeat(255))).is_ok());
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_missing_folder_is_named_with_reason_and_remedy() {
    let path = std::env::temp_dir().join("xai-heatmap-no-such-folder").join("a.png");
    let error = two_pixels().write_png(&path).unwrap_err();
    let HeatmapError::Write { path: named, reason } = &error else { panic!("{error}") };
    assert_eq!((named, reason.kind()), (&path, io::ErrorKind::NotFound));
    let text = error.to_string();
    assert!(text.contains("xai-heatmap-no-such-folder") && text.contains("must exist"), "{text}");
}

const RED: [u8; 3] = [255, 0, 0];
const WHITE: [u8; 3] = [255; 3];

fn red(width: u32, height: u32) -> Cell {
    Picture::filled(width, height, RED).unwrap().into()
}

fn size(grid: &Grid) -> (u32, u32) {
    let sheet = grid.render().unwrap();
    (sheet.width(), sheet.height())
}

/// The darkness of all grey pixels; pictures in these tests are red.
fn ink(grid: &Grid) -> u64 {
    let sheet = grid.render().unwrap();
    let grey = sheet.rgb_bytes().chunks_exact(3).filter(|pixel| pixel[0] == pixel[1]);
    grey.map(|pixel| u64::from(255 - pixel[0])).sum()
}

/// Leftmost, topmost, rightmost and lowest of the pixels that are wanted.
fn extent(picture: &Picture, wanted: impl Fn([u8; 3]) -> bool) -> (u32, u32, u32, u32) {
    let all = (0..picture.height()).flat_map(|y| (0..picture.width()).map(move |x| (x, y)));
    all.filter(|&(x, y)| wanted(picture.pixel(x, y).unwrap()))
        .fold((u32::MAX, u32::MAX, 0, 0), |(l, t, r, b), (x, y)| (l.min(x), t.min(y), r.max(x), b.max(y)))
}

#[test]
fn bare_pictures_are_padded_all_round() {
    let grid = Grid::new().with_padding(3).with_row("", [red(10, 4), red(6, 6)]).with_row("", [red(2, 2)]);
    let sheet = grid.render().unwrap();
    assert_eq!((sheet.width(), sheet.height()), (3 + 10 + 3 + 6 + 3, 3 + 6 + 3 + 2 + 3));
    assert_eq!(sheet.rgb_bytes().chunks_exact(3).filter(|pixel| **pixel == RED).count(), 40 + 36 + 4);
    // The lower picture is centred in the width of the one above it.
    assert_eq!(sheet.pixel(3 + 4, 12), Some(RED));
    assert_eq!(sheet.pixel(3 + 3, 12), Some(WHITE));
    assert_eq!(extent(&sheet, |color| color == RED), (3, 3, 3 + 10 + 3 + 5, 13));
}

#[test]
fn texts_make_room_for_themselves() {
    let grid = || Grid::new().with_padding(4);
    assert_eq!(size(&grid().with_row("", [red(8, 8)])), (16, 16));
    let header = size(&grid().with_headers(["epsilon"]).with_row("", [red(8, 8)]));
    let wide = header.0 - 8;
    assert!((30..70).contains(&wide) && header.1 == 4 + 16 + 4 + 8 + 4);
    let label = grid().with_row("epsilon", [red(8, 8)]);
    assert_eq!(size(&label), (4 + wide + 4 + 8 + 4, 4 + 16 + 4));
    let caption = grid().with_row("", [red(8, 8).with_caption("epsilon")]);
    assert_eq!(size(&caption), (4 + wide + 4, 4 + 8 + 2 + 16 + 4));
    assert_eq!(size(&caption.with_text_size(32)).1, 4 + 8 + 2 + 32 + 4);
    assert_eq!(size(&grid().with_row("epsilon\nepsilon", [red(8, 8)])), (4 + wide + 4 + 8 + 4, 4 + 32 + 4));
}

#[test]
fn no_text_is_cut_off_or_covered() {
    let empty = || Grid::new().with_padding(1).with_text_size(20);
    let header = empty().with_headers(["Wgj\nlonger", "W"]).with_row("", [red(1, 1), red(1, 1)]);
    let label = empty().with_row("a very long label", [red(1, 1)]);
    let captions = || [red(1, 1).with_caption("caption"), red(1, 1).with_caption("x")];
    let together = empty().with_headers(["Wgj\nlonger", "W"]).with_row("a very long label", captions());
    let parts = [header, label, empty().with_row("", captions())].map(|grid| ink(&grid));
    assert!(parts.iter().all(|&part| part > 0));
    assert_eq!(ink(&together), parts.iter().sum());
}

#[test]
fn text_keeps_clear_of_the_border() {
    let grid = Grid::new().with_headers(["WWWW"]).with_row("WWWW", [red(1, 1).with_caption("WWWWWW")]);
    let sheet = grid.render().unwrap();
    let (left, top, right, bottom) = extent(&sheet, |color| color != WHITE);
    assert!(left >= 8 && top >= 8 && right < sheet.width() - 8 && bottom < sheet.height() - 8);
}

#[test]
fn impossible_grids_are_errors() {
    let empty = Grid::new().with_headers(["a"]);
    assert!(matches!(empty.render(), Err(HeatmapError::Empty("grid", _))));
    assert!(matches!(empty.with_row("a", [] as [Cell; 0]).render(), Err(HeatmapError::Empty(..))));
    assert!(Grid::new().with_row("", [red(1, 1)]).with_text_size(u32::MAX).render().is_ok());
    let grid = Grid::new().with_row("a", [red(1, 1)]);
    assert!(matches!(grid.clone().with_text_size(0).render(), Err(HeatmapError::OutOfRange { .. })));
    assert!(matches!(grid.clone().with_text_size(u32::MAX).render(), Err(HeatmapError::TooLarge { .. })));
    assert!(matches!(grid.with_padding(u32::MAX).render(), Err(HeatmapError::TooLarge { .. })));
}

/// The pixels of a label with lines 32 pixels high, and how dark they are.
fn written(text: &str) -> Vec<(u32, u32, u8)> {
    let sheet = Grid::new().with_text_size(32).with_row(text, [red(1, 1)]).render().unwrap();
    let all = (0..sheet.height()).flat_map(|y| (0..sheet.width()).map(move |x| (x, y)));
    let colors = all.map(|(x, y)| (x, y, sheet.pixel(x, y).unwrap()));
    colors
        .filter(|(.., color)| *color != RED && *color != WHITE)
        .map(|(x, y, color)| (x, y, 255 - color[0]))
        .collect()
}

#[test]
fn letters_are_upright_and_not_mirrored() {
    // An L has its stem on the left and its foot at the bottom.
    let letter = written("L");
    let ink = |inside: &dyn Fn(u32, u32) -> bool| {
        letter.iter().filter(|(x, y, _)| inside(*x, *y)).map(|(.., dark)| u32::from(*dark)).sum::<u32>()
    };
    let (left, right) =
        (letter.iter().map(|p| p.0).min().unwrap(), letter.iter().map(|p| p.0).max().unwrap());
    let (top, bottom) =
        (letter.iter().map(|p| p.1).min().unwrap(), letter.iter().map(|p| p.1).max().unwrap());
    assert!(ink(&|x, _| x < (left + right) / 2) > 2 * ink(&|x, _| x > (left + right) / 2));
    assert!(ink(&|_, y| y > (top + bottom) / 2) > ink(&|_, y| y < (top + bottom) / 2));
}

#[test]
fn short_lines_are_centred() {
    let middle = |first: bool| {
        let text = written("I\nIII");
        let xs: Vec<u32> = text.iter().filter(|(_, y, _)| (*y < 8 + 32) == first).map(|p| p.0).collect();
        f64::from(xs.iter().min().unwrap() + xs.iter().max().unwrap()) / 2.0
    };
    assert!((middle(true) - middle(false)).abs() <= 1.0);
}

#[test]
fn names_of_rules_have_glyphs_and_the_unknown_is_boxed() {
    let unknown = written("木");
    assert!(unknown.len() > 20);
    for letter in "εγαβζ²±×−≤∞…–".chars() {
        assert_ne!(written(&letter.to_string()), unknown, "{letter}");
    }
    assert_eq!(written(" "), []);
}

const BLACK: [u8; 3] = [0; 3];
const ORANGE: [u8; 3] = [230, 159, 0];
const SKY_BLUE: [u8; 3] = [86, 180, 233];

const LINE: [(f64, f64); 2] = [(0.0, 0.0), (1.0, 1.0)];

/// Whether a pixel is mostly covered by a curve of that color.
fn near(pixel: &[u8], color: [u8; 3]) -> bool {
    pixel.iter().zip(color).all(|(a, b)| a.abs_diff(b) < 64)
}

fn count(picture: &Picture, color: [u8; 3]) -> usize {
    picture.rgb_bytes().chunks_exact(3).filter(|pixel| near(pixel, color)).count()
}

#[test]
fn curves_have_a_color_each() {
    let chart = (0..7).fold(Chart::new("x", "y"), |chart, i| {
        chart.with_curve("", [(0.0, f64::from(i)), (1.0, f64::from(i))])
    });
    let seven = chart.render().unwrap();
    assert!([ORANGE, SKY_BLUE].iter().all(|color| count(&seven, *color) > 400));
    // An eighth curve begins anew.
    let eight = chart.with_curve("", [(0.0, 6.5), (1.0, 6.5)]).render().unwrap();
    assert!(count(&eight, BLACK) > count(&seven, BLACK) + 400);
}

#[test]
fn curves_are_where_their_values_are() {
    // Two steps from the left bottom to the right top; the first curve, in black, is a point.
    let chart = Chart::new("", "").with_size(100, 60).with_curve("", [(0.0, 0.0), (0.0, 0.0)]);
    let steps = [(0.0, 0.0), (0.5, 0.0), (0.5, 2.0), (1.0, 2.0)];
    let picture = chart.with_curve("", steps).render().unwrap();
    let orange = |x, y| near(&picture.pixel(x, y).unwrap(), ORANGE);
    let (left, top, right, bottom) = extent(&picture, |color| near(&color, ORANGE));
    assert!(
        (right - left).abs_diff(100) <= 2 && (bottom - top).abs_diff(60) <= 2,
        "{left} {top} {right} {bottom}"
    );
    assert!(orange(left + 25, bottom) && orange(left + 75, top) && orange(left + 50, top + 30));
    assert!(!orange(left + 25, top) && !orange(left + 75, bottom) && !orange(left + 25, top + 30));
}

#[test]
fn texts_make_the_chart_larger_instead_of_being_cut_off() {
    let plain = Chart::new("", "").with_curve("", LINE);
    let size = |chart: &Chart| chart.render().map(|picture| (picture.width(), picture.height())).unwrap();
    let (width, height) = size(&plain);
    assert!((480..550).contains(&width) && (280..350).contains(&height));
    let title = size(&plain.clone().with_title("title ".repeat(40)));
    assert!(title.0 > width + 50 && title.1 == height + 16 + 8);
    assert!(size(&plain.clone().with_curve("label ".repeat(20), LINE)).0 > width + 500);
    let many = (0..30).fold(plain.clone(), |chart, i| chart.with_curve(i.to_string(), LINE));
    assert!(size(&many).1 > 30 * 16);
}

#[test]
fn points_without_a_place_leave_a_gap() {
    let chart = |points: &[(f64, f64)]| Chart::new("", "").with_curve("", []).with_curve("", points.to_vec());
    let columns = |points: &[(f64, f64)]| {
        let picture = chart(points).render().unwrap();
        let drawn = |x: &u32| (0..picture.height()).any(|y| near(&picture.pixel(*x, y).unwrap(), ORANGE));
        (0..picture.width()).filter(drawn).count()
    };
    let whole = columns(&[(0.0, 0.0), (1.0, 0.25), (2.0, 0.5), (3.0, 0.75), (4.0, 1.0)]);
    assert!(whole.abs_diff(480) <= 2, "{whole}");
    for gap in [f64::NAN, f64::INFINITY, f64::MIN, 2e300] {
        let broken = columns(&[(0.0, 0.0), (1.0, 0.25), (2.0, gap), (3.0, 0.75), (4.0, 1.0)]);
        assert!(broken.abs_diff(240) <= 4, "{broken}");
    }
    let nowhere = chart(&[(f64::INFINITY, 0.0), (1.0, f64::NAN)]);
    assert!(matches!(nowhere.render(), Err(HeatmapError::Empty("chart", _))));
}

#[test]
fn extreme_charts_are_drawn_or_refused() {
    for (low, high) in [(-1e300, 1e300), (0.0, 5e-324), (1e300, 1e300), (1.0, 1.0 + 1e-15)] {
        assert!(Chart::new("x", "y").with_curve("", [(low, high), (high, low)]).render().is_ok());
    }
    let chart = Chart::new("x", "y").with_curve("label", LINE);
    assert!(chart.clone().with_size(1, 1).render().is_ok());
    assert!(matches!(chart.clone().with_size(0, 4).render(), Err(HeatmapError::OutOfRange { .. })));
    assert!(matches!(chart.with_size(u32::MAX, u32::MAX).render(), Err(HeatmapError::TooLarge { .. })));
}
