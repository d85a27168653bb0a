//! Series, volumes, texts, bands and colour bars, as pixels and as SVG.
#![allow(clippy::unwrap_used)]

use xai_heatmap::{
    Bounds, Cell, Chart, ColorBar, Colormap, Drawing, Grid, HeatmapError, NAN_COLOR, Normalization,
    Paragraph, Picture, RelevanceMap, Series, SeriesStyle, Slices,
};

const BLUE: [u8; 3] = [0, 0, 255];
const RED: [u8; 3] = [255, 0, 0];
const WHITE: [u8; 3] = [255; 3];

fn map(values: &[f32], shape: [usize; 2]) -> RelevanceMap {
    RelevanceMap::new(values.to_vec(), shape).unwrap()
}

/// Leftmost, topmost, rightmost and lowest pixel of a colour.
fn extent(picture: &Picture, color: [u8; 3]) -> Option<[u32; 4]> {
    let all = (0..picture.height()).flat_map(|y| (0..picture.width()).map(move |x| (x, y)));
    let found = all.filter(|(x, y)| picture.pixel(*x, *y) == Some(color));
    found
        .map(|(x, y)| [x, y, x, y])
        .reduce(|[l, t, r, b], [x, y, ..]| [l.min(x), t.min(y), r.max(x), b.max(y)])
}

/// The texts of an SVG, in their order.
fn texts(drawing: &Drawing) -> Vec<String> {
    let svg = drawing.svg().unwrap();
    let lines = svg.lines().filter_map(|line| line.strip_prefix("<text ")?.strip_suffix("</text>"));
    lines.map(|line| line.split_once('>').unwrap().1.to_owned()).collect()
}

#[test]
fn bars_have_all_colours_and_ticks_at_their_values() {
    let bounds = Bounds::symmetric(2.0).unwrap();
    let bar = ColorBar::vertical(bounds, Colormap::BlueWhiteRed).with_length(101).with_unit("logit");
    let picture = bar.render().unwrap();
    let column: Vec<_> = (0..picture.height()).map(|y| picture.pixel(3, y).unwrap()).collect();
    let top = column.iter().position(|color| *color == RED).unwrap();
    assert_eq!((column[top + 50], column[top + 100]), (WHITE, BLUE));
    assert_eq!((column[top - 1], column[top + 101]), (WHITE, WHITE));
    assert_eq!(column[top + 25], Colormap::BlueWhiteRed.color(0.75));
    assert_eq!(texts(&bar.draw().unwrap()), ["-2", "-1", "0", "1", "2", "logit"]);
    // The marks at both ends and the middle.
    for y in [top, top + 50, top + 100] {
        assert_eq!(picture.pixel(15, y as u32), Some([90; 3]));
    }

    let bar = ColorBar::horizontal(Bounds::range(0.0, 1.0).unwrap(), Colormap::Gray).with_length(300);
    let picture = bar.render().unwrap();
    let left = (0..).find(|x| picture.pixel(*x, 3) == Some([0; 3])).unwrap();
    assert!(picture.pixel(left + 150, 3).unwrap()[0].abs_diff(128) <= 1);
    assert_eq!(picture.pixel(left + 299, 3), Some([255; 3]));
    assert_eq!(texts(&bar.draw().unwrap()).first().unwrap(), "0");
    assert_eq!(texts(&bar.draw().unwrap()).last().unwrap(), "1");
}

#[test]
fn bars_of_few_values_say_them() {
    let drawn = |bounds| texts(&ColorBar::vertical(bounds, Colormap::Gray).draw().unwrap());
    assert_eq!(drawn(Bounds::symmetric(0.0).unwrap()), ["0"]);
    assert_eq!(drawn(Bounds::range(7.0, 7.0).unwrap()), ["7"]);
    // So close that there are no round values between them.
    assert_eq!(drawn(Bounds::range(16777215.0, 16777216.0).unwrap()), ["1.6777215e7", "1.6777216e7"]);
    assert_eq!(drawn(Bounds::symmetric(2e-13).unwrap()), ["-2e-13", "2e-13"]);
    assert!(drawn(Bounds::symmetric(f32::MAX).unwrap()).contains(&"0".to_owned()));
    for limit in [f32::MAX, 1e-45] {
        let bar = ColorBar::vertical(Bounds::symmetric(limit).unwrap(), Colormap::default());
        assert!(bar.render().is_ok());
        assert!(matches!(bar.clone().with_length(0).draw(), Err(HeatmapError::OutOfRange { .. })));
        assert!(matches!(bar.with_length(u32::MAX).draw(), Err(HeatmapError::TooLarge { .. })));
    }
}

#[test]
fn svg_texts_are_escaped() {
    let hostile = "<script>&\"'\u{1}\u{ffff}</script>";
    let chart = Chart::new(hostile, "y").with_curve("b", [(0.0, 0.0), (1.0, 1.0)]).draw().unwrap();
    let svg = chart.svg().unwrap();
    assert!(svg.contains("&lt;script&gt;&amp;\"'\u{fffd}\u{fffd}&lt;/script&gt;"), "{svg}");
    assert!(!svg.contains("<script") && !svg.contains('\u{1}'));
}

#[test]
fn svg_is_as_large_as_the_picture_and_holds_its_parts() {
    let picture = Picture::filled(3, 2, RED).unwrap();
    let chart = Chart::new("", "").with_curve("", [(0.0, 0.0), (1.0, 1.0)]).draw().unwrap();
    let grid = Grid::new().with_row("row", [Cell::new(picture), chart.into()]);
    let (svg, pixels) = (grid.draw().unwrap().svg().unwrap(), grid.render().unwrap());
    assert!(svg.contains(&format!("width=\"{}\" height=\"{}\"", pixels.width(), pixels.height())), "{svg}");
    // What every PNG begins with, and a line from corner to corner.
    assert!(svg.contains("width=\"3\" height=\"2\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,iVBORw0KGgo"));
    assert_eq!(svg.matches("<polyline").count(), 1);
    assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
}

#[test]
fn bands_are_filled_between_their_ends() {
    let orange = [230, 159, 0];
    let chart = |gap: f64| {
        let band = [(0.0, 1.0, 0.0, 3.0), (1.0, 1.0, 0.0, 3.0), (2.0, 1.0, gap, 3.0), (3.0, 1.0, 0.0, 4.0)];
        Chart::new("", "").with_size(300, 200).with_curve("", []).with_band("", band).render().unwrap()
    };
    let picture = chart(0.0);
    // A fifth of the colour over white.
    let pale = orange.map(|byte: u8| (255.0 + (f64::from(byte) - 255.0) * 0.2).round() as u8);
    let near = |pixel: [u8; 3]| pixel.iter().zip(pale).all(|(a, b)| a.abs_diff(b) <= 1);
    let count = |picture: &Picture, x: u32| {
        (0..picture.height()).filter(|y| near(picture.pixel(x, *y).unwrap())).count()
    };
    let [left, ..] = extent(&picture, [90; 3]).unwrap();
    // From 0 to 3 of 4 are 150 pixels, less the curve and ticks' lines.
    let (half, beyond) = (count(&picture, left + 40), count(&picture, left + 270));
    assert!((140..=150).contains(&half), "{half}");
    assert!(beyond > half + 10, "{beyond}");
    let broken = chart(f64::NAN);
    assert_eq!(count(&broken, left + 40), half);
    assert_eq!(count(&broken, left + 150), 0);
    assert_eq!(extent(&broken, orange).map(|[l, _, r, _]| r - l > 290), Some(true));
}

#[test]
fn axes_cover_bands() {
    let chart = Chart::new("", "").with_band("", [(0.0, 1.0, -5.0, 1.0), (1.0, 1.0, 1.0, 9.0)]);
    let texts = texts(&chart.draw().unwrap());
    assert!(["-4", "8"].iter().all(|tick| texts.contains(&(*tick).to_owned())), "{texts:?}");
}

/// Four samples, 40 pixels each.
fn series(style: SeriesStyle, relevance: [f32; 4], signal: [f32; 4]) -> Picture {
    let series = Series::new(&signal, map(&relevance, [1, 4])).unwrap().with_size(160, 80);
    series.with_style(style).render().unwrap()
}

#[test]
fn backgrounds_lie_around_their_samples() {
    let picture = series(SeriesStyle::Background, [0.0, -2.0, 0.0, 2.0], [0.0, 1.0, 0.0, 1.0]);
    // The bar has neither colour in this row.
    let row: Vec<_> = (0..picture.width()).map(|x| picture.pixel(x, 30).unwrap()).collect();
    let run = |color| {
        let hits: Vec<_> = (0..row.len()).filter(|x| row[*x] == color).collect();
        (*hits.first().unwrap(), hits.len())
    };
    let ((blue, blues), (red, reds)) = (run(BLUE), run(RED));
    assert_eq!(red - blue, 80);
    // 40 pixels, less the curve and a line at a tick.
    assert!((34..=40).contains(&blues) && (34..=40).contains(&reds), "{blues} {reds}");
}

#[test]
fn curves_and_points_have_the_colour_of_their_sample() {
    for style in [SeriesStyle::Curve, SeriesStyle::Points] {
        let picture = series(style, [0.0, -2.0, f32::NAN, 2.0], [0.0; 4]);
        let row = |color: [u8; 3]| {
            let hits = (0..190).flat_map(|x| (0..100).map(move |y| (x, y)));
            let hits: Vec<_> = hits.filter(|(x, y)| picture.pixel(*x, *y) == Some(color)).collect();
            hits.iter().map(|hit| f64::from(hit.0)).sum::<f64>() / hits.len() as f64
        };
        let (blue, nan, red) = (row(BLUE), row(NAN_COLOR), row(RED));
        assert!((nan - blue - 40.0).abs() < 3.0 && (red - nan - 40.0).abs() < 13.0, "{blue} {nan} {red}");
    }
}

#[test]
fn broad_curves_stay_in_their_plot() {
    let spiky = series(SeriesStyle::Curve, [2.0; 4], [0.0, 1.0, 0.0, 1.0]);
    // The sharp turns lie on the upper and the lower edge, 80 pixels apart, with half of the line beyond.
    let [_, top, _, bottom] = extent(&spiky, RED).unwrap();
    assert!((80..=88).contains(&(bottom - top)), "{top} {bottom}");
}

#[test]
fn gaps_of_the_signal_have_no_curve() {
    let ink = |signal: [f32; 4]| {
        let picture = series(SeriesStyle::Points, [1.0; 4], signal);
        (0..190).filter(|x| (0..100).any(|y| picture.pixel(*x, y) == Some(RED))).count()
    };
    let whole = ink([0.0, 1.0, 2.0, 3.0]);
    assert_eq!(ink([0.0, f32::NAN, 2.0, 3.0]) * 4, whole * 3);
    assert_eq!(ink([0.0, f32::INFINITY, f32::NEG_INFINITY, 3.0]) * 2, whole);
}

#[test]
fn the_strongest_of_many_samples_is_seen() {
    let mut relevance = vec![0.0; 10_000];
    (relevance[5100], relevance[9000]) = (1.0, f32::NAN);
    for (style, width) in [(SeriesStyle::Background, 1), (SeriesStyle::Curve, 7), (SeriesStyle::Points, 7)] {
        let series = Series::new(&vec![0.0; 10_000], map(&relevance, [1, 10_000])).unwrap().with_style(style);
        let picture = series.with_size(200, 80).render().unwrap();
        let [left, .., right, _] = extent(&picture, NAN_COLOR).unwrap();
        assert!(right - left <= width);
        // Left of the bar.
        let strong = (0..left).filter(|x| (0..90).any(|y| picture.pixel(*x, y) == Some(RED))).count();
        assert!((1..=width as usize + 1).contains(&strong), "{strong}");
    }
}

#[test]
fn long_signals_are_drawn_no_finer_than_can_be_seen() {
    let mut signal = vec![0.0; 500_000];
    (signal[250_001], signal[400_003]) = (5.0, -5.0);
    let series = Series::new(&signal, map(&vec![0.0; 500_000], [1, 500_000])).unwrap();
    let drawing = series.with_size(200, 80).with_style(SeriesStyle::Curve).draw().unwrap();
    assert!(drawing.svg().unwrap().len() < 200_000);
    // Both spikes are there, in the colour of the curve, at the top and the bottom of the plot.
    let picture = drawing.render().unwrap();
    let dark = |y: u32| (40..picture.width() - 80).filter(|x| picture.pixel(*x, y).unwrap()[0] < 200).count();
    let spiked: Vec<_> = (0..100).filter(|y| dark(*y) >= 1).collect();
    assert!(spiked.len() >= 80, "{spiked:?}");
}

#[test]
fn channels_share_time_and_colours() {
    let signal = [0.0, 1.0, 2000.0, 3000.0];
    let series = Series::new(&signal, map(&[1.0, 0.0, 0.0, 4.0], [2, 2])).unwrap();
    let series = series.with_channels(["a", "b"]).with_time("t / s", 10.0, 0.5).with_unit("logit");
    let texts = texts(&series.draw().unwrap());
    for text in ["a", "b", "t / s", "logit", "10", "3000", "-4", "4"] {
        assert!(texts.contains(&text.to_owned()), "{text}: {texts:?}");
    }
    let picture = series.render().unwrap();
    let strong = extent(&picture, Colormap::default().color(1.0)).unwrap();
    let faint = extent(&picture, Colormap::default().color(0.625)).unwrap();
    // The first sample of the first channel ends where the second of the second begins.
    assert!(faint[3] < strong[3] && faint[0] < strong[0] && strong[2] > strong[0] + 200);
}

#[test]
fn impossible_series_are_errors() {
    let two = || map(&[0.0, 1.0], [1, 2]);
    let error = Series::new(&[0.0], two()).unwrap_err();
    assert!(matches!(error, HeatmapError::InputLength { input: "signal", expected: 2, found: 1, .. }));
    assert!(error.to_string().contains("[1, 2]"), "{error}");
    let nowhere = Series::new(&[f32::NAN, f32::INFINITY], two()).unwrap();
    assert!(matches!(nowhere.draw(), Err(HeatmapError::Empty("channel of the series", _))));
    let series = Series::new(&[0.0, 1.0], two()).unwrap();
    for (start, step) in [(f64::NAN, 1.0), (0.0, 0.0), (0.0, -1.0), (0.0, f64::NAN), (0.0, f64::INFINITY)] {
        let timed = series.clone().with_time("", start, step);
        assert!(matches!(timed.draw(), Err(HeatmapError::OutOfRange { .. })), "{start} {step}");
    }
    assert!(series.clone().with_time("", 1e300, 1e290).render().is_ok());
    assert!(series.clone().with_time("", 1e9, 1e-9).render().is_ok());
    assert!(series.clone().with_size(1, 1).render().is_ok());
    assert!(matches!(series.clone().with_size(9, 0).draw(), Err(HeatmapError::OutOfRange { .. })));
    assert!(matches!(series.with_size(u32::MAX, 9).draw(), Err(HeatmapError::TooLarge { .. })));
    let many = Series::new(&vec![0.0; 1 << 20], map(&vec![0.0; 1 << 20], [1 << 20, 1])).unwrap();
    assert!(matches!(many.draw(), Err(HeatmapError::TooLarge { height: 125_829_120, .. })));
}

#[test]
fn slices_are_numbered_in_one_scale() {
    let mut relevance = vec![0.0; 5 * 2 * 3];
    (relevance[0], relevance[4 * 6]) = (-1.0, 4.0);
    let slices = Slices::new(&relevance, [5, 2, 3]).unwrap().with_zoom(10).with_unit("logit");
    assert_eq!(slices.maps().len(), 5);
    let drawn = texts(&slices.draw().unwrap());
    for text in ["0", "1", "2", "3", "4", "-4", "logit"] {
        assert!(drawn.contains(&text.to_owned()), "{text}: {drawn:?}");
    }
    let few = texts(&slices.clone().with_every(2).draw().unwrap());
    assert_eq!(few[..3], ["0", "2", "4"]);

    let wide = slices.clone().with_columns(5).render().unwrap();
    let high = slices.clone().with_columns(1).render().unwrap();
    assert!(wide.width() > 5 * 30 && high.height() > 5 * 20 && wide.height() < high.height());
    // The first value of the first slice, on the scale of all.
    let quarter = Colormap::default().color(0.375);
    let [left, top, right, bottom] = extent(&wide, quarter).unwrap();
    assert_eq!((right - left, bottom - top), (9, 9));
}

#[test]
fn slices_lie_over_their_volume() {
    let slices = Slices::new(&[0.0, 1.0, 0.0, 0.0], [2, 1, 2]).unwrap().with_zoom(20);
    let slices = slices.with_underlay(&[0.0, 0.0, 0.5, 2.0]).unwrap();
    let picture = slices.clone().with_opacity(1.0).with_columns(2).render().unwrap();
    // The padding of two grids.
    let x = 16;
    let y = (0..).find(|y| picture.pixel(x, *y) == Some([0; 3])).unwrap();
    let at = |x| picture.pixel(x, y).unwrap();
    assert_eq!((at(x), at(x + 19), at(x + 20), at(x + 39)), ([0; 3], [0; 3], RED, RED));
    // One scale of grey for all slices: a quarter of it.
    assert!(extent(&picture, [64; 3]).is_some_and(|[left, ..]| left > x + 39));
    let faint = slices.clone().with_opacity(0.0).with_columns(2).render().unwrap();
    assert_eq!(faint.pixel(x + 20, y), Some([0; 3]));
    assert!(matches!(slices.with_opacity(2.0).draw(), Err(HeatmapError::OutOfRange { name: "opacity", .. })));
}

#[test]
fn impossible_slices_are_errors() {
    assert!(matches!(Slices::new(&[0.0], [1, 0, 1]), Err(HeatmapError::EmptyAxis { axis: "height", .. })));
    assert!(matches!(Slices::new(&[0.0], [2, 1, 1]), Err(HeatmapError::Length { .. })));
    let slices = Slices::new(&[0.0; 8], [2, 2, 2]).unwrap();
    assert!(matches!(
        slices.clone().with_underlay(&[0.0; 7]),
        Err(HeatmapError::InputLength { input: "volume", .. })
    ));
    for none in [slices.clone().with_every(0), slices.clone().with_columns(0), slices.clone().with_zoom(0)] {
        assert!(matches!(none.draw(), Err(HeatmapError::OutOfRange { .. })));
    }
    assert!(matches!(slices.with_zoom(u32::MAX).draw(), Err(HeatmapError::TooLarge { .. })));
}

/// The texts of a paragraph by lines.
fn lines(width: u32, tokens: &[&str]) -> Vec<String> {
    let paragraph = Paragraph::new(tokens.iter().map(|token| (*token, 1.0))).unwrap().with_width(width);
    let svg = paragraph.draw().unwrap().svg().unwrap();
    let mut lines: Vec<(String, String)> = Vec::new();
    // The bar is behind the last `<g`.
    for text in svg.rsplit_once("<g ").unwrap().0.lines().filter(|line| line.starts_with("<text")) {
        let y = text.split("y=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let word = text.split_once('>').unwrap().1.trim_end_matches("</text>");
        match lines.last_mut().filter(|line| line.0 == y) {
            Some((_, line)) => *line = format!("{line}|{word}"),
            None => lines.push((y, word.to_owned())),
        }
    }
    lines.into_iter().map(|line| line.1).collect()
}

#[test]
fn lines_break_between_words() {
    let tokens = ["The", " un", "bear", "able", " film", "\n\nends", " New York"];
    assert_eq!(lines(1000, &tokens), ["The|un|bear|able|film", "ends|New|York"]);
    assert_eq!(lines(130, &tokens), ["The|un|bear|able", "film", "ends|New|York"]);
    // A word that is longer than a line breaks at its tokens, and a token that is, nowhere.
    assert_eq!(lines(60, &tokens), ["The", "un|bear", "able", "film", "ends", "New", "York"]);
    assert_eq!(lines(1, &tokens), ["The", "un", "bear", "able", "film", "ends", "New", "York"]);
    assert_eq!(lines(100, &[" ", "\t", "a", " "]), ["a"]);
}

#[test]
fn tokens_lie_on_their_colours() {
    let text = Paragraph::new([("I", -1.0), (" ", 1.0), ("I I", 1.0), ("I", f32::NAN)]).unwrap();
    let picture = text.render().unwrap();
    // The row below the letters; the bar is further below.
    let [left, top, right, bottom] = extent(&picture, NAN_COLOR).unwrap();
    let row: Vec<_> = (0..=right).map(|x| picture.pixel(x, bottom).unwrap()).collect();
    let width = (right - left + 1) as usize;
    let count = |color| row.iter().filter(|pixel| **pixel == color).count();
    assert_eq!((count(BLUE), count(NAN_COLOR)), (width, width));
    // Two letters and the space inside the token; the space between tokens is white.
    assert!(count(RED) > 2 * width && count(RED) < 4 * width);
    assert!(row.windows(2).any(|pair| pair == [BLUE, WHITE]) && bottom - top > 20);
}

#[test]
fn impossible_paragraphs_are_errors() {
    assert!(matches!(Paragraph::new([("a", 0.0); 0]), Err(HeatmapError::Empty("paragraph", _))));
    let text = Paragraph::new([("word", 0.0), (" word", 1.0)]).unwrap();
    assert!(matches!(text.clone().with_width(0).draw(), Err(HeatmapError::OutOfRange { .. })));
    assert!(matches!(text.clone().with_text_size(0).draw(), Err(HeatmapError::OutOfRange { .. })));
    assert!(matches!(text.with_text_size(u32::MAX).draw(), Err(HeatmapError::TooLarge { .. })));
    assert!(Paragraph::new([(" ", 1.0)]).unwrap().render().is_ok());
    assert!(matches!(
        Paragraph::new([("\n".repeat(100_000_000) + "a", 1.0)]).unwrap().draw(),
        Err(HeatmapError::TooLarge { .. })
    ));
}

#[test]
fn bounds_of_one_series_serve_another() {
    let strong = Series::new(&[0.0, 1.0], map(&[4.0, 0.0], [1, 2])).unwrap();
    let faint = Series::new(&[0.0, 1.0], map(&[1.0, 0.0], [1, 2])).unwrap();
    let shared = Normalization::Symmetric.shared([strong.relevance(), faint.relevance()]);
    let faint = faint.with_colors(shared, Colormap::default());
    let picture = faint.render().unwrap();
    let [left, _, right, _] = extent(&picture, Colormap::default().color(0.625)).unwrap();
    assert!(right - left > 200);
    assert!(texts(&faint.draw().unwrap()).contains(&"4".to_owned()));
}

#[test]
fn grayed_pictures_keep_their_lightness() {
    let gray = |color| Picture::filled(1, 1, color).unwrap().grayed().pixel(0, 0).unwrap();
    assert_eq!([WHITE, [0; 3], [77; 3], RED].map(gray), [WHITE, [0; 3], [77; 3], [76; 3]]);
    assert!(gray([0, 255, 0])[0] > gray(RED)[0] && gray(RED)[0] > gray(BLUE)[0]);
}
