//! Axes with ticks, and the frame of a plot.

use std::ops::Range;

use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;

use crate::drawing::{Drawing, Shape};
use crate::error::{HeatmapError, at_least_one};
use crate::text::Lettering;

/// Height of a line of text, in pixels as all below.
pub(crate) const TEXT: u32 = 16;
/// Length of the marks at ticks. Their texts begin where a mark twice as long would end.
pub(crate) const MARK: u32 = 4;
/// The least distance of ticks on a horizontal and a vertical axis, and on a short vertical one.
pub(crate) const PER_TICK: [u32; 3] = [60, 36, 20];

pub(crate) const FRAME: [u8; 3] = [90; 3];
const LINES: [u8; 3] = [225; 3];
const BLACK: [u8; 3] = [0; 3];

/// A range of values, and the ticks in it.
pub(crate) struct Axis {
    range: Range<f64>,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis over all values, with ticks `apart` pixels from each other, or more, on `length` pixels. `None`
    /// without a value.
    pub(crate) fn over(values: impl Iterator<Item = f64> + Clone, length: u32, apart: u32) -> Option<Self> {
        let range = range(values)?;
        let values = RangedCoordf64::from(range.clone()).key_points((length / apart).clamp(3, 20) as usize);
        let ticks = values.into_iter().map(|value| (value, label(value, &range))).collect();
        Some(Self { range, ticks })
    }

    /// Where a value lies, from 0 at the low to 1 at the high end.
    pub(crate) fn part(&self, value: f64) -> f64 {
        (value - self.range.start) / (self.range.end - self.range.start)
    }

    /// Where ticks lie, and their texts.
    pub(crate) fn ticks(&self) -> impl Iterator<Item = (f64, &str)> {
        self.ticks.iter().map(|(value, text)| (self.part(*value), text.as_str()))
    }

    /// Width of the widest text at a tick.
    pub(crate) fn text_width(&self, lettering: &Lettering) -> u64 {
        self.ticks.iter().map(|(_, text)| lettering.size(text)[0]).max().unwrap_or(0)
    }
}

/// Two axes with room for the texts at their ticks.
pub(crate) struct Frame<'a> {
    x: &'a Axis,
    y: &'a Axis,
    size: [u32; 2],
    left: u64,
    right: u64,
}

impl<'a> Frame<'a> {
    /// A frame around `size` pixels, whose left margin has room for texts of `text_width` pixels.
    pub(crate) fn new(
        x: &'a Axis,
        y: &'a Axis,
        size: [u32; 2],
        text_width: u64,
    ) -> Result<Self, HeatmapError> {
        at_least_one("width of the chart", size[0])?;
        at_least_one("height of the chart", size[1])?;
        let right = x.text_width(&Lettering::new(TEXT)?) / 2;
        Ok(Self { x, y, size, left: text_width + u64::from(2 * MARK), right })
    }

    /// Space for the plot and its margins.
    pub(crate) fn drawing(&self) -> Result<Drawing, HeatmapError> {
        let [width, height] = self.size.map(u64::from);
        Drawing::new(self.left + width + self.right, Self::top() + height + u64::from(2 * MARK + TEXT))
    }

    /// Where a point lies in the drawing.
    pub(crate) fn place(&self, (x, y): (f64, f64)) -> [f64; 2] {
        let [width, height] = self.size.map(f64::from);
        [self.left as f64 + self.x.part(x) * width, Self::top() as f64 + (1.0 - self.y.part(y)) * height]
    }

    /// Left, top, width and height of the plot, without margins.
    pub(crate) fn inside(&self) -> [f64; 4] {
        let [width, height] = self.size.map(f64::from);
        [self.left as f64, Self::top() as f64, width, height]
    }

    /// Draws the axes: lines of one pixel at the ticks, marks and texts.
    pub(crate) fn mesh(&self, drawing: &mut Drawing) -> Result<(), HeatmapError> {
        let lettering = Lettering::new(TEXT)?;
        let [left, top, width, height] = self.inside();
        let (bottom, mark) = (top + height, f64::from(MARK));
        for (part, _) in self.x.ticks() {
            drawing.add(Shape::Rectangle([(left + part * width).floor(), top, 1.0, height], LINES.into()));
        }
        for (part, _) in self.y.ticks() {
            drawing.add(Shape::Rectangle([left, (bottom - part * height).floor(), width, 1.0], LINES.into()));
        }
        drawing.add(Shape::Rectangle([left, top, 1.0, height + 1.0], FRAME.into()));
        drawing.add(Shape::Rectangle([left, bottom, width + 1.0, 1.0], FRAME.into()));
        for (part, text) in self.x.ticks() {
            let x = (left + part * width).floor();
            drawing.add(Shape::Rectangle([x, bottom, 1.0, mark], FRAME.into()));
            let corner = [x - lettering.size(text)[0] as f64 / 2.0, bottom + 2.0 * mark];
            drawing.add(text_at(text, corner));
        }
        for (part, text) in self.y.ticks() {
            let y = (bottom - part * height).floor();
            drawing.add(Shape::Rectangle([left - mark, y, mark, 1.0], FRAME.into()));
            let [width, height] = lettering.size(text).map(|side| side as f64);
            drawing.add(text_at(text, [left - 2.0 * mark - width, y - height / 2.0]));
        }
        Ok(())
    }

    /// Room for half of a text at the topmost tick.
    fn top() -> u64 {
        u64::from(TEXT / 2)
    }
}

/// A text of the usual size with its left top corner near a place.
pub(crate) fn text_at(text: &str, corner: [f64; 2]) -> Shape {
    Shape::Text(text.to_owned(), corner.map(|side| side.round() as u64), TEXT, BLACK)
}

/// Whether there is a place for a point: beyond, the distance of two finite values may be infinite.
pub(crate) fn has_place((x, y): &(f64, f64)) -> bool {
    x.abs() <= 1e300 && y.abs() <= 1e300
}

/// From the smallest to the largest value, and beyond them if they are almost equal.
fn range(values: impl Iterator<Item = f64> + Clone) -> Option<Range<f64>> {
    let low = values.clone().reduce(f64::min)?;
    let high = values.reduce(f64::max)?;
    let largest = low.abs().max(high.abs());
    // Plotters finds no ticks between values that are closer.
    let margin = if high - low > (1e-7 * largest).max(1e-12) { 0.0 } else { largest.max(1e-6) / 2.0 };
    Some(low - margin..high + margin)
}

/// The shortest text for a tick, without the digits that rounding errors add.
pub(crate) fn label(tick: f64, range: &Range<f64>) -> String {
    let rounded = format!("{tick:.8e}").parse().unwrap_or(tick);
    if rounded.abs() <= 1e-9 * (range.end - range.start) {
        "0".to_owned()
    } else if (1e-3..1e7).contains(&range.start.abs().max(range.end.abs())) {
        rounded.to_string()
    } else {
        format!("{rounded:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64) -> Vec<String> {
        let range = range([low, high].into_iter()).unwrap();
        let ticks = RangedCoordf64::from(range.clone()).key_points(7);
        ticks.into_iter().map(|tick| label(tick, &range)).collect()
    }

    #[test]
    fn ticks_are_round_short_and_differ() {
        assert_eq!(labels(0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(5.0, 5.0), ["3", "4", "5", "6", "7"]);
        assert_eq!(labels(0.0, 5e6).last().unwrap(), "5000000");
        assert_eq!(labels(-1e-6, 2e-6), ["-1e-6", "-5e-7", "0", "5e-7", "1e-6", "1.5e-6", "2e-6"]);
        let values = [0.0, 1e-310, 1e-300, 1e-12, 1e-8, 0.1, 1.0, 1.0 + 1e-12, 1.0 + 1e-6, 1e9, 1e200, 1e300];
        for low in values.iter().flat_map(|value| [-value, *value]) {
            for labels in values.iter().map(|distance| labels(low, low + distance)) {
                assert!((1..=8).contains(&labels.len()), "{low}: {labels:?}");
                assert!(labels.windows(2).all(|pair| pair[0] != pair[1]), "{low}: {labels:?}");
            }
        }
    }
}
