//! Draws each kind of picture of relevance that is more than a map, as PNG and SVG into the folder named on the
//! command line.
//!
//! ```text
//! cargo run -p xai-heatmap --example gallery -- folder
//! ```

use std::error::Error;
use std::path::Path;

use xai_heatmap::{
    Bounds, Cell, Chart, ColorBar, Colormap, Drawing, Grid, HeatmapError, Normalization, Paragraph, Quantile,
    RelevanceMap, Series, SeriesStyle, Slices, overlay, render, rgb_image, write_whole,
};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("name the folder to write to")?;
    for (name, drawing) in [
        ("maps", maps()?),
        ("series", series()?),
        ("slices", slices()?),
        ("paragraph", paragraph()?),
        ("chart", chart()?),
    ] {
        let path = Path::new(&folder).join(name);
        drawing.render()?.write_png(path.with_extension("png"))?;
        write_whole(&path.with_extension("svg"), drawing.svg()?.as_bytes())?;
    }
    Ok(())
}

/// Two maps on one scale, alone and over the photograph, with the bar of both.
fn maps() -> Result<Drawing, HeatmapError> {
    const SIDE: usize = 40;
    let pixels = |value: &dyn Fn(f32, f32) -> f32| -> Vec<f32> {
        let place = |index: usize| (index as f32 - SIDE as f32 / 2.0) / SIDE as f32 * 5.0;
        (0..SIDE * SIDE).map(|index| value(place(index % SIDE), place(index / SIDE))).collect()
    };
    let photo = [0.5, 1.5, 3.0].map(|shift| pixels(&|x, y| (x * y + shift).sin() * 0.5 + 0.5)).concat();
    let photo = rgb_image(&photo, [3, SIDE, SIDE], Normalization::Fixed(Bounds::range(0.0, 1.0)?))?;
    let one = pixels(&|x, y| 2.0 * (x - y) * (-(x * x + y * y)).exp());
    let other = pixels(&|x, y| x * (-(x * x + y * y)).exp());
    let maps = RelevanceMap::from_batch(&[one, other].concat(), [2, 1, SIDE, SIDE])?;

    let shared = Normalization::SymmetricQuantile(Quantile::new(0.995)?).shared(&maps);
    let colormap = Colormap::default();
    let bar =
        ColorBar::vertical(shared.bounds(&maps[0]), colormap).with_length(160).with_unit("logit").draw()?;
    let mut grid = Grid::new().with_headers(["photograph", "map", "over the photograph", "relevance"]);
    for (name, map) in ["one", "other"].into_iter().zip(&maps) {
        let over = overlay(&photo.grayed(), map, shared, colormap, 0.9)?;
        let pictures = [photo.clone(), render(map, shared, colormap), over];
        let mut cells =
            pictures.iter().map(|p| Ok(Cell::new(p.upscale(4)?))).collect::<Result<Vec<_>, _>>()?;
        cells.push(Cell::from(bar.clone()));
        grid = grid.with_row(name, cells);
    }
    grid.draw()
}

/// Two channels in each style.
fn series() -> Result<Drawing, HeatmapError> {
    const LENGTH: usize = 80;
    let time = |sample: usize| sample as f32 / 12.0;
    let mut signal: Vec<f32> =
        (0..LENGTH).map(|i| time(i).sin() * 400.0 + (time(i) * 9.0).sin() * 90.0).collect();
    signal.extend((0..LENGTH).map(|i| (-(time(i) - 3.0).powi(2)).exp()));
    signal[60] = f32::NAN;
    let mut relevance: Vec<f32> =
        (0..2 * LENGTH).map(|i| (time(i) * 1.3).sin().powi(3) * time(i).cos()).collect();
    relevance[10] = f32::NAN;
    let mut grid = Grid::new();
    for (style, name) in [
        (SeriesStyle::Background, "background"),
        (SeriesStyle::Curve, "curve"),
        (SeriesStyle::Points, "points"),
    ] {
        let series = Series::new(&signal, RelevanceMap::new(relevance.clone(), [2, LENGTH])?)?
            .with_channels(["flow\nml/s", "valve"])
            .with_time("time / s", 0.0, 0.05)
            .with_unit("logit")
            .with_style(style);
        grid = grid.with_row(name, [series.draw()?]);
    }
    grid.draw()
}

/// A ball with a positive and a negative spot.
fn slices() -> Result<Drawing, HeatmapError> {
    const SIDE: usize = 24;
    let voxels = |value: &dyn Fn([f32; 3]) -> f32| -> Vec<f32> {
        let place = |index: usize| (index as f32 + 0.5) / SIDE as f32 * 2.0 - 1.0;
        let at = |i: usize| [i / SIDE / SIDE, i / SIDE % SIDE, i % SIDE].map(place);
        (0..SIDE * SIDE * SIDE).map(|index| value(at(index))).collect()
    };
    let distance = |a: [f32; 3], b: [f32; 3]| (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f32>();
    let scan = voxels(&|at| if distance(at, [0.0; 3]) < 0.8 { 0.6 + 0.4 * (at[0] * 9.0).sin() } else { 0.0 });
    let spot = |at, middle| (-distance(at, middle) * 12.0).exp();
    let relevance = voxels(&|at| spot(at, [0.3, 0.2, 0.3]) - 0.7 * spot(at, [-0.3, -0.2, -0.2]));
    Slices::new(&relevance, [SIDE; 3])?.with_underlay(&scan)?.with_every(2).with_unit("logit").draw()
}

fn paragraph() -> Result<Drawing, HeatmapError> {
    let tokens = [
        ("This", 0.02),
        (" film", 0.2),
        (" is", 0.0),
        (" not", -1.1),
        (" as", -0.1),
        (" un", -0.6),
        ("bear", -0.9),
        ("ably", -0.4),
        (" dull", -1.4),
        (" as", 0.0),
        (" its", 0.1),
        (" title", 0.3),
        (",", 0.0),
        (" “A < B & C”", 0.5),
        (",", 0.0),
        (" lets", 0.1),
        (" one", 0.0),
        (" fear", -0.8),
        (":", 0.0),
        (" it", 0.0),
        (" is", 0.1),
        (" a", 0.1),
        (" master", 0.9),
        ("piece", 1.4),
        ("!", 0.8),
        ("\nSee", 0.3),
        (" it", 0.1),
        (" twice", 1.0),
        (".", f32::NAN),
    ];
    Paragraph::new(tokens)?.with_width(420).with_unit("logit of “positive”").draw()
}

fn chart() -> Result<Drawing, HeatmapError> {
    let curve = |rate: f64, width: f64| {
        (0..=20).map(move |i| {
            let (x, y) = (f64::from(i) / 20.0, (-rate * f64::from(i) / 20.0).exp() * 8.0);
            (x, y, y - width * x.sqrt(), y + 1.5 * width * x.sqrt())
        })
    };
    Chart::new("part of the image hidden", "logit")
        .with_title("Mean of 50 images, with its 95 % interval")
        .with_band("random", curve(1.0, 0.6))
        .with_band("gradient", curve(3.0, 0.5))
        .with_band("LRP", curve(6.0, 0.3))
        .with_curve("single image", curve(4.0, 0.0).map(|(x, y, ..)| (x, y + (x * 30.0).sin())))
        .draw()
}
