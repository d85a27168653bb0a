//! The report as a picture.

use std::ops::Range;

use burn_xai::heatmap::{Cell, Grid, HeatmapError, Picture};

use example_common::scale::Scale;

use crate::report::{Explained, Report, signed};

/// Tokens in a row; longer sentences go on below.
const TOKENS: usize = 14;
/// Width and height of a token's colour.
const TILE: [u32; 2] = [56, 28];

/// Both sentences, a column for each token and a row for each method.
///
/// # Errors
/// Where a score is not finite, or the picture would be too large.
pub fn picture(report: &Report) -> Result<Picture, HeatmapError> {
    let mut sheet = Grid::new();
    for (number, sentence) in report.sentences.iter().enumerate() {
        // The lines of a long sentence are equally wide, so that their tokens are below each other.
        let width = sentence.tokens.len().min(TOKENS);
        for (line, tokens) in sentence.tokens.chunks(TOKENS).enumerate() {
            let headers = tokens.iter().map(|token| token.text.as_str());
            let places = line * TOKENS..line * TOKENS + width;
            let mut grid = Grid::new().with_padding(4).with_headers(headers);
            for method in &report.methods {
                grid = grid.with_row(method.method, tiles(method, number, places.clone())?);
            }
            let label = if line == 0 { ["A", "B"][number] } else { "" };
            sheet = sheet.with_row(label, [Cell::new(grid.render()?)]);
        }
    }
    let title = format!("similarity {:.3}: red raises it, blue lowers it", report.similarity);
    sheet.with_headers([title]).render()
}

/// The scores of some tokens as colours, with the numbers below them; white where there are no tokens.
fn tiles(method: &Explained, sentence: usize, places: Range<usize>) -> Result<Vec<Cell>, HeatmapError> {
    let scale = Scale::new(method.limit())?;
    let scores = &method.sentences[sentence].tokens;
    let cell = |place| match scores.get(place) {
        Some(&score) => {
            let tile = Picture::filled(TILE[0], TILE[1], scale.color(score))?;
            Ok(Cell::new(tile).with_caption(signed(score)))
        }
        None => Ok(Cell::new(Picture::filled(TILE[0], TILE[1], [255; 3])?)),
    };
    places.map(cell).collect()
}
