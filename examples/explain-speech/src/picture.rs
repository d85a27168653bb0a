//! The report as a picture.

use burn_xai::heatmap::{Cell, Grid, HeatmapError, Picture};

use crate::panels;
use crate::report::{Report, seconds, signed};

/// The recording, and below it the window in the colours of each method.
///
/// # Errors
/// Where a score is not finite.
pub fn picture(report: &Report) -> Result<Picture, HeatmapError> {
    let end = seconds(report.probabilities.len());
    let caption = format!("0 to {end:.2} s; green: probability of speech; yellow: the part shown below");
    let recording = Cell::new(panels::recording(report).picture()?).with_caption(caption);
    let (window, explained) = (&report.window, report.explained);
    let mut grid = Grid::new().with_row("recording", [recording]);
    for method in &report.methods {
        let rest = method.whole() - method.sum();
        let rest = if method.adds_up { format!(", all else {}", signed(rest)) } else { String::new() };
        let caption =
            format!("{} to {}: {}{rest}", time(window.start), time(window.end), signed(method.sum()));
        let cell = Cell::new(panels::window(report, method)?.picture()?).with_caption(caption);
        grid = grid.with_row(method.name.replacen(' ', "\n", 1), [cell]);
    }
    let title = format!(
        "speech from {} to {}, probability {:.3}: red raises its logit of {:.2}, blue lowers it",
        time(explained),
        time(explained + 1),
        report.probability(),
        report.logit
    );
    grid.with_headers([title]).render()
}

/// When a chunk begins.
fn time(chunk: usize) -> String {
    format!("{:.3} s", seconds(chunk))
}
