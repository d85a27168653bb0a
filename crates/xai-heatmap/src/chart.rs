//! Curves over a common axis.

use std::ops::Range;

use plotters::coord::ranged1d::Ranged;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::{
    BitMapBackend, ChartBuilder, Color, DrawingAreaErrorKind, DrawingBackend, IntoDrawingArea, LineSeries,
    RGBColor, TRANSPARENT,
};

use crate::error::{HeatmapError, at_least_one};
use crate::grid::{Cell, Grid};
use crate::picture::{Picture, checked_size};
use crate::text::{FONT, Lettering};

type Failure = DrawingAreaErrorKind<<BitMapBackend<'static> as DrawingBackend>::ErrorType>;

const LINES: RGBColor = RGBColor(225, 225, 225);
const FRAME: RGBColor = RGBColor(90, 90, 90);

/// Colours of the curves in turn; Okabe and Ito's, which the colour-blind can tell apart.
const COLORS: [[u8; 3]; 7] =
    [[0, 0, 0], [230, 159, 0], [0, 114, 178], [0, 158, 115], [213, 94, 0], [204, 121, 167], [86, 180, 233]];

/// Plotters draws thick lines with jagged edges: axes and curves are drawn so many times larger, and reduced.
const FINE: u32 = 4;
/// Height of a line of text, in pixels of the final picture, as all below.
const TEXT: u32 = 16;
/// Length of the marks at ticks. Their texts begin where a mark twice as long would end.
const MARK: u32 = 4;
/// Width of a curve.
const STROKE: u32 = 2;
/// The least distance of ticks on the horizontal and the vertical axis.
const PER_TICK: [u32; 2] = [60, 36];

/// Curves in one coordinate system, with ticks and a legend on the right.
///
/// Axes cover all points. A point that is not finite, or beyond ±1e300, leaves a gap in its curve. The first
/// curve is black, as suits a reference for the others. The picture is as large as its texts need, so that none
/// is cut off.
///
/// # Examples
/// ```
/// use xai_heatmap::Chart;
///
/// let chart = Chart::new("part of the image hidden", "logit")
///     .with_curve("random", [(0.0, 10.0), (0.5, 6.0), (1.0, 1.0)])
///     .with_curve("LRP", [(0.0, 10.0), (0.5, 2.0), (1.0, 1.0)])
///     .render()?;
/// assert!(chart.width() > 480 && chart.height() > 280);
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a chart is only drawn by `render`"]
pub struct Chart {
    title: String,
    labels: [String; 2],
    size: [u32; 2],
    curves: Vec<Curve>,
}

#[derive(Debug, Clone, PartialEq)]
struct Curve {
    label: String,
    points: Vec<(f64, f64)>,
}

impl Chart {
    /// An empty chart; the labels go below the horizontal axis and left of the vertical one.
    pub fn new(x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        let labels = [x_label.into(), y_label.into()];
        Self { title: String::new(), labels, size: [480, 280], curves: Vec::new() }
    }

    /// Puts text above the chart.
    pub fn with_title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Sets the lengths of the axes in pixels, 480 and 280 if not set.
    pub fn with_size(self, width: u32, height: u32) -> Self {
        Self { size: [width, height], ..self }
    }

    /// Adds a curve through `points`, in their order. There are seven colours; an eighth curve has that of
    /// the first.
    pub fn with_curve(
        mut self,
        label: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        self.curves.push(Curve { label: label.into(), points: points.into_iter().collect() });
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    /// [`HeatmapError::Empty`] without any finite point, [`HeatmapError::OutOfRange`] for a size of 0 and
    /// [`HeatmapError::TooLarge`] if there are more than [`MAX_PIXELS`](crate::MAX_PIXELS) at four times the
    /// width and height, at which curves are drawn first.
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        let mut legend = Grid::new().with_padding(4).with_text_size(TEXT);
        for (curve, color) in self.colored().filter(|(curve, _)| !curve.label.is_empty()) {
            legend = legend.with_row(&curve.label, [Picture::filled(24, STROKE, color)?]);
        }
        let mut row = vec![Cell::new(self.plot()?).with_caption(&self.labels[0])];
        match legend.render() {
            Err(HeatmapError::Empty(..)) => {}
            legend => row.push(Cell::new(legend?)),
        }
        let chart = Grid::new().with_text_size(TEXT).with_headers([&self.title]);
        chart.with_row(&self.labels[1], row).render()
    }

    fn colored(&self) -> impl Iterator<Item = (&Curve, [u8; 3])> {
        self.curves.iter().zip(COLORS.into_iter().cycle())
    }

    /// The axes with their ticks and the curves.
    fn plot(&self) -> Result<Picture, HeatmapError> {
        at_least_one("width of the chart", self.size[0])?;
        at_least_one("height of the chart", self.size[1])?;
        let points = || self.curves.iter().flat_map(|curve| &curve.points).filter(|point| has_place(point));
        let ranges = [range(points().map(|point| point.0)), range(points().map(|point| point.1))];
        let [Some(x), Some(y)] = ranges else { return Err(HeatmapError::Empty("chart", "finite point")) };

        let lettering = Lettering::new(TEXT)?;
        let ticks = [0, 1].map(|axis| (self.size[axis] / PER_TICK[axis]).clamp(3, 20) as usize);
        let widest = |range: &Range<f64>, ticks| {
            let values = RangedCoordf64::from(range.clone()).key_points(ticks);
            values.iter().map(|value| lettering.size(&label(*value, range))[0] as u32).max().unwrap_or(0)
        };
        let (left, right) = (widest(&y, ticks[1]) + 2 * MARK, widest(&x, ticks[0]) / 2);
        let (top, bottom) = (TEXT / 2, 2 * MARK + TEXT);
        let fine = |sides: [u32; 3]| sides.map(u64::from).iter().sum::<u64>() * u64::from(FINE);
        let size = checked_size(fine([left, self.size[0], right]), fine([top, self.size[1], bottom]))?;

        let mut picture = Picture::filled(size.0, size.1, [255; 3])?;
        let root = BitMapBackend::with_buffer(picture.bytes_mut(), size).into_drawing_area();
        let draw = || {
            let mut plot = ChartBuilder::on(&root)
                .margin_top(top * FINE)
                .margin_right(right * FINE)
                .y_label_area_size(left * FINE)
                .x_label_area_size(bottom * FINE)
                .build_cartesian_2d(x.clone(), y.clone())?;
            plot.configure_mesh()
                .bold_line_style(LINES.stroke_width(FINE))
                .light_line_style(TRANSPARENT)
                .axis_style(FRAME.stroke_width(FINE))
                .set_all_tick_mark_size(MARK * FINE)
                .label_style((FONT, TEXT * FINE))
                .x_labels(ticks[0])
                .y_labels(ticks[1])
                .x_label_formatter(&|value| label(*value, &x))
                .y_label_formatter(&|value| label(*value, &y))
                .draw()?;
            for (curve, [red, green, blue]) in self.colored() {
                let style = RGBColor(red, green, blue).stroke_width(STROKE * FINE);
                for run in curve.points.split(|point| !has_place(point)) {
                    plot.draw_series(LineSeries::new(run.iter().copied(), style))?;
                }
            }
            root.present()
        };
        draw().map_err(|error: Failure| HeatmapError::Drawing(error.to_string()))?;
        drop(root);
        Ok(picture.reduce(FINE))
    }
}

/// Beyond this, the distance of two finite values may be infinite.
fn has_place((x, y): &(f64, f64)) -> bool {
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
fn label(tick: f64, range: &Range<f64>) -> String {
    let rounded = format!("{tick:.8e}").parse().unwrap_or(tick);
    if rounded.abs() < 1e-9 * (range.end - range.start) {
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
