//! Draws one map in every colour map, plain and laid over an image, and a chart of its rows, into the PNG file
//! named on the command line.
//!
//! ```text
//! cargo run -p xai-heatmap --example sheet -- sheet.png
//! ```

use std::error::Error;

use xai_heatmap::{Cell, Chart, Colormap, Grid, Normalization, RelevanceMap, gray_image, overlay, render};

const SIDE: usize = 12;
const ZOOM: u32 = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("name the PNG file to write")?;

    let image = gray_image(&per_pixel(|x, y| (x * y).sin().abs()), [1, SIDE, SIDE], Normalization::MinMax)?;
    let mut relevance = per_pixel(|x, y| (x * x - y * y) * (-(x * x + y * y)).exp());
    // What a broken rule leaves behind.
    relevance[0] = f32::NAN;
    relevance[1] = f32::INFINITY;
    let map = RelevanceMap::from_channels(&relevance, [1, SIDE, SIDE])?;

    let mut maps = Grid::new().with_headers(["input", "map", "map over\ninput"]);
    for colormap in Colormap::ALL {
        let normalization =
            if colormap.is_zero_centered() { Normalization::Symmetric } else { Normalization::MinMax };
        let bounds = normalization.bounds(&map);
        let heat = render(&map, normalization, colormap).upscale(ZOOM)?;
        let laid = overlay(&image, &map, normalization, colormap, 0.8)?.upscale(ZOOM)?;
        let caption = format!("{:.2} … {:.2}", bounds.low(), bounds.high());
        let cells = [Cell::new(image.upscale(ZOOM)?), Cell::new(heat).with_caption(caption), Cell::new(laid)];
        maps = maps.with_row(colormap.name(), cells);
    }

    let mut chart = Chart::new("column", "relevance").with_title("The rows of the map").with_size(360, 240);
    for (number, row) in (1..).zip(relevance.chunks(SIDE)).step_by(2) {
        let points = row.iter().enumerate().map(|(column, value)| (column as f64, f64::from(*value)));
        chart = chart.with_curve(format!("row {number}"), points);
    }

    let sheet = Grid::new().with_text_size(24).with_padding(16).with_headers(["Colour maps", "Charts"]);
    sheet.with_row("", [maps.render()?, chart.render()?]).render()?.write_png(path)?;
    Ok(())
}

/// One value per pixel, from coordinates in about -2.5..2.5.
fn per_pixel(value: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    let coordinate = |index: usize| (index as f32 - (SIDE as f32 - 1.0) / 2.0) / 2.2;
    (0..SIDE * SIDE).map(|i| value(coordinate(i % SIDE), coordinate(i / SIDE))).collect()
}
