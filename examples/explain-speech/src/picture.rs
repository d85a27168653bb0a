//! The report as a picture.

use burn_xai::heatmap::{Cell, Grid, HeatmapError, Picture};

use crate::panels;
use crate::report::{Report, seconds};
use crate::scale::signed;

/// The recording, and below it the window in the colours of each method.
///
/// # Errors
/// Where a score is not finite.
pub fn picture(report: &Report) -> Result<Picture, HeatmapError> {
    let end = seconds(report.probabilities.len());
    let caption = format!("0 to {end:.2} s; green: probability of speech; yellow: the part shown below");
    let recording = Cell::new(panels::recording(report).picture()?).with_caption(caption);
    let mut grid = Grid::new().with_row("recording", [recording]);
    for method in &report.methods {
        let share = if method.adds_up { format!(" of {}", signed(report.logit)) } else { String::new() };
        let caption = format!("{} to {}; in all {}{share}", from(report), to(report), signed(method.sum()));
        let window = Cell::new(panels::window(report, method)?.picture()?).with_caption(caption);
        grid = grid.with_row(method.name.replacen(' ', "\n", 1), [window]);
    }
    let title = format!(
        "speech at {} with probability {:.3}, logit {:.2}: red raises it, blue lowers it",
        to(report),
        report.probability(),
        report.logit
    );
    grid.with_headers([title]).render()
}

/// When the window begins.
fn from(report: &Report) -> String {
    format!("{:.3} s", seconds(report.window.start))
}

/// When the explained chunk ends.
fn to(report: &Report) -> String {
    format!("{:.3} s", seconds(report.window.end))
}
