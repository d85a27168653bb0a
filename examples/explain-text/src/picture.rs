//! The report as a picture.

use burn_xai::heatmap::{Cell, Grid, HeatmapError, Picture};

use crate::report::{Explained, Report};
use crate::scale::{Scale, signed};

/// Tokens in a row; longer sentences go on below.
const TOKENS: usize = 14;
/// Width and height of the box of a token.
const BOX: [u32; 2] = [56, 28];

/// Both sentences, a column for each token and a row for each method.
///
/// # Errors
/// Where a score is not finite, or the picture would be too large.
pub fn picture(report: &Report) -> Result<Picture, HeatmapError> {
    let mut sheet = Grid::new();
    for (number, sentence) in report.sentences.iter().enumerate() {
        for start in (0..sentence.tokens.len()).step_by(TOKENS) {
            let tokens = sentence.tokens.iter().enumerate().skip(start).take(TOKENS);
            let headers: Vec<&str> = tokens.clone().map(|(_, token)| token.text.as_str()).collect();
            let mut grid = Grid::new().with_padding(4).with_headers(headers);
            for method in &report.methods {
                let places = tokens.clone().map(|(place, _)| place);
                grid = grid.with_row(method.method, boxes(method, number, places)?);
            }
            let label = if start == 0 { ["A", "B"][number] } else { "" };
            sheet = sheet.with_row(label, [Cell::new(grid.render()?)]);
        }
    }
    let title = format!("similarity {:.3}: red raises it, blue lowers it", report.similarity);
    sheet.with_headers([title]).render()
}

/// The scores of some tokens as colours, with the numbers below them.
fn boxes(
    method: &Explained,
    sentence: usize,
    places: impl Iterator<Item = usize>,
) -> Result<Vec<Cell>, HeatmapError> {
    let scale = Scale::new(method.limit())?;
    let scores = places.filter_map(|place| method.sentences[sentence].tokens.get(place));
    let cell = |score: &f64| {
        let box_ = Picture::filled(BOX[0], BOX[1], scale.color(*score))?;
        Ok(Cell::new(box_).with_caption(signed(*score)))
    };
    scores.map(cell).collect()
}
