//! What picture and page draw: the recording, and its window in the colours of a method.

use std::ops::Range;

use burn_xai::heatmap::HeatmapError;

use example_common::scale::{Color, Scale};

use crate::drawing::Drawing;
use crate::model::{CHUNK, HOP, RATE};
use crate::report::{Explained, Report, seconds, signed};

/// Pixels across; a window of 32 chunks has 7 for each score.
const WIDTH: usize = 896;
/// Pixels up and down of a waveform.
const WAVE: usize = 96;
/// Pixels up and down of the scores as bars.
const BARS: usize = 64;
const GREY: Color = [150; 3];
const BLACK: Color = [40; 3];
const GREEN: Color = [0, 120, 60];
const YELLOW: Color = [255, 236, 160];
const FAINT: Color = [225; 3];

/// The whole recording: its waveform in grey, the probability of speech in green, the window in yellow, and a
/// line at one half.
pub fn recording(report: &Report) -> Drawing {
    let mut drawing = Drawing::new(WIDTH, WAVE);
    let chunks = report.probabilities.len();
    let edge = |chunk: usize| chunk * WIDTH / chunks.max(1);
    let span = |chunks: &Range<usize>| [edge(chunks.start), 0, edge(chunks.end) - edge(chunks.start), WAVE];
    drawing.fill(span(&report.window), YELLOW);
    drawing.fill([0, height(0.5), WIDTH, 1], FAINT);
    wave(&mut drawing, report, 0..chunks, GREY);

    let mut before = None;
    for (chunk, probability) in report.probabilities.iter().enumerate() {
        let (left, top) = (edge(chunk), height(*probability));
        let from = before.replace(top).unwrap_or(top);
        drawing.fill([left, top.min(from), 2, top.abs_diff(from) + 2], GREEN);
        drawing.fill([left, top, edge(chunk + 1) - left, 2], GREEN);
    }
    drawing
}

/// Pixels from the top to a probability, so that a line of 2 pixels has room.
fn height(probability: f64) -> usize {
    ((1.0 - probability) * (WAVE - 2) as f64).round() as usize
}

/// The window: each 8 ms in the colour of its score, the waveform over them, the scores as bars below.
///
/// # Errors
/// Where a score is not finite.
pub fn window(report: &Report, method: &Explained) -> Result<Drawing, HeatmapError> {
    let scale = Scale::new(method.limit())?;
    let slices = method.slices.len().max(1);
    let edge = |slice: usize| slice * WIDTH / slices;
    let mut drawing = Drawing::new(WIDTH, WAVE + BARS);
    for (slice, score) in method.slices.iter().enumerate() {
        let at = seconds(report.window.start) + (slice * HOP) as f64 / RATE as f64;
        let title = format!("{at:.3} s: {}", signed(*score));
        let place = [edge(slice), 0, edge(slice + 1) - edge(slice), WAVE];
        drawing.fill_titled(place, scale.color(*score), title);
    }
    let middle = WAVE + BARS / 2;
    for (slice, score) in method.slices.iter().enumerate() {
        let length = (score.abs() / scale.limit() * (BARS / 2 - 2) as f64).round() as usize;
        let top = if *score > 0.0 { middle - length } else { middle };
        let width = (edge(slice + 1) - edge(slice)).saturating_sub(1).max(1);
        // One red and one blue: the length says the rest.
        drawing.fill([edge(slice), top, width, length], scale.color(0.7 * scale.limit() * score.signum()));
    }
    drawing.fill([0, middle, WIDTH, 1], GREY);
    for chunk in 1..method.slices.len() * HOP / CHUNK {
        drawing.fill([edge(chunk * CHUNK / HOP), middle - 3, 1, 7], GREY);
    }
    wave(&mut drawing, report, report.window.clone(), BLACK);
    Ok(drawing)
}

/// The waveform of some chunks across the whole drawing: in each column from its lowest sample to its highest.
fn wave(drawing: &mut Drawing, report: &Report, chunks: Range<usize>, color: Color) {
    let loudest = report.samples.iter().fold(f32::MIN_POSITIVE, |loudest, sample| sample.abs().max(loudest));
    let (start, length) = (chunks.start * CHUNK, chunks.len() * CHUNK);
    let place = |sample: f32| ((1.0 - sample / loudest) / 2.0 * (WAVE - 1) as f32).round() as usize;
    for column in 0..WIDTH {
        let [from, to] = [column, column + 1].map(|column| start + column * length / WIDTH);
        // At least one sample, and none beyond the end.
        let samples =
            report.samples.get(from..to.max(from + 1).min(report.samples.len())).unwrap_or_default();
        let lowest = samples.iter().copied().reduce(f32::min);
        let highest = samples.iter().copied().reduce(f32::max);
        if let (Some(lowest), Some(highest)) = (lowest, highest) {
            drawing.fill([column, place(highest), 1, place(lowest) - place(highest) + 1], color);
        }
    }
}
