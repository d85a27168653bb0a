//! Curves over a common axis.

use crate::error::HeatmapError;
use crate::picture::{Picture, checked_size};
use crate::text::Text;

const WHITE: [u8; 3] = [255; 3];
const GRID: [u8; 3] = [225; 3];
const AXIS: [u8; 3] = [90; 3];

/// Colours of the curves in turn; Okabe and Ito's, which the colour-blind can tell apart.
const COLORS: [[u8; 3]; 7] =
    [[0, 0, 0], [230, 159, 0], [0, 114, 178], [0, 158, 115], [213, 94, 0], [204, 121, 167], [86, 180, 233]];

/// Pixels between texts and what they belong to.
const GAP: u32 = 8;
/// Length of a colour sample in the legend.
const SAMPLE: u32 = 24;
/// Half the width of a curve.
const HALF_WIDTH: f64 = 1.0;
/// About as many ticks as an axis gets.
const TICKS: f64 = 6.0;

/// Curves in one coordinate system, with ticks and a legend on the right.
///
/// Axes cover all points. A point that is not finite leaves a gap in its curve. The first curve is black,
/// which suits a reference that the others are compared with.
///
/// # Examples
///
/// ```
/// use xai_heatmap::Chart;
///
/// let chart = Chart::new("part of the image hidden", "logit")
///     .curve("random", [(0.0, 10.0), (0.5, 6.0), (1.0, 1.0)])
///     .curve("LRP", [(0.0, 10.0), (0.5, 2.0), (1.0, 1.0)])
///     .render()?;
/// assert_eq!((chart.width(), chart.height()), (720, 400));
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a chart is only drawn by `render`"]
pub struct Chart {
    title: String,
    labels: [String; 2],
    size: [u32; 2],
    curves: Vec<(String, Vec<(f64, f64)>)>,
}

impl Chart {
    /// An empty chart of 720x400 pixels; the labels go below the horizontal and above the vertical axis.
    pub fn new(x_label: impl Into<String>, y_label: impl Into<String>) -> Self {
        let labels = [x_label.into(), y_label.into()];
        Self { title: String::new(), labels, size: [720, 400], curves: Vec::new() }
    }

    /// Puts text above the chart.
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Sets width and height of the picture.
    pub fn size(self, width: u32, height: u32) -> Self {
        Self { size: [width, height], ..self }
    }

    /// Adds a curve through `points`, in their order. There are seven colours; an eighth curve has that of
    /// the first.
    pub fn curve(mut self, label: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        self.curves.push((label.into(), points.into_iter().collect()));
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`HeatmapError::EmptyChart`] without any finite point, [`HeatmapError::ChartTooSmall`] if the texts
    /// leave no room for the curves, [`HeatmapError::TooLarge`] over [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        let points = || self.curves.iter().flat_map(|(_, points)| points).filter(|point| is_finite(point));
        let x = Axis::over(points().map(|point| point.0)).ok_or(HeatmapError::EmptyChart)?;
        let y = Axis::over(points().map(|point| point.1)).ok_or(HeatmapError::EmptyChart)?;

        let [width, height] = self.size;
        let (width, height) = checked_size(width.into(), height.into())?;
        let line = text("x").height() as u32 + GAP;
        let widest =
            |texts: &mut dyn Iterator<Item = &str>| texts.map(|t| text(t).width()).max().unwrap_or(0);
        let legend = widest(&mut self.curves.iter().map(|(label, _)| label.as_str()));
        let ticks: Vec<String> = y.ticks().map(|(_, label)| label).collect();
        let left = 2 * u64::from(GAP) + widest(&mut ticks.iter().map(String::as_str));
        let right = u64::from(width).saturating_sub(legend + u64::from(4 * GAP + SAMPLE));
        let (top, bottom) = (3 * line, u64::from(height).saturating_sub(u64::from(2 * line + GAP)));
        let too_small = HeatmapError::ChartTooSmall { width, height };
        if left + u64::from(line) > right || u64::from(top + line) > bottom {
            return Err(too_small);
        }
        let frame = Frame { left: left as u32, right: right as u32, top, bottom: bottom as u32, x, y };

        let mut canvas = Picture::filled(width, height, WHITE)?;
        write(&mut canvas, &self.title, GAP, GAP);
        write(&mut canvas, &self.labels[1], GAP, GAP + line);
        frame.draw_axes(&mut canvas);
        let below = frame.bottom + GAP + line;
        let label = text(&self.labels[0]);
        label.draw_centered(&mut canvas, frame.left, below, frame.right - frame.left);
        for (index, (label, points)) in self.curves.iter().enumerate() {
            let color = COLORS[index % COLORS.len()];
            let (from, row) = (frame.right + 2 * GAP, frame.top + index as u32 * (line + 2));
            let middle = f64::from(row) + text(label).height() as f64 / 2.0;
            let ends = [f64::from(from), f64::from(from + SAMPLE)];
            segment(&mut canvas, (ends[0], middle), (ends[1], middle), color);
            write(&mut canvas, label, from + SAMPLE + GAP, row);
            for pair in points.windows(2).filter(|pair| pair.iter().all(is_finite)) {
                segment(&mut canvas, frame.place(pair[0]), frame.place(pair[1]), color);
            }
        }
        Ok(canvas)
    }
}

fn is_finite(point: &(f64, f64)) -> bool {
    point.0.is_finite() && point.1.is_finite()
}

fn text(content: &str) -> Text<'_> {
    Text { content, scale: 1 }
}

fn write(canvas: &mut Picture, content: &str, x: u32, y: u32) {
    text(content).draw_centered(canvas, x, y, text(content).width() as u32);
}

/// The values along an axis.
struct Axis {
    low: f64,
    high: f64,
    /// Between ticks.
    step: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone) -> Option<Self> {
        let low = values.clone().reduce(f64::min)?;
        let high = values.reduce(f64::max)?;
        // An axis without extent would put every point nowhere.
        let margin = if high - low > 1e-300 { 0.0 } else { low.abs().max(1.0) / 2.0 };
        let (low, high) = (low - margin, high + margin);
        let rough = (high - low) / TICKS;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0].map(|digit| digit * power).into_iter().find(|step| *step >= rough);
        Some(Self { low, high, step: step.unwrap_or(10.0 * power) })
    }

    /// Round values, with their texts.
    fn ticks(&self) -> impl Iterator<Item = (f64, String)> {
        let decimals = (-self.step.log10().floor()).max(0.0) as usize;
        let (first, last) = ((self.low / self.step).ceil() as i64, (self.high / self.step).floor() as i64);
        // `+ 0.0` makes a zero positive.
        (first..=last)
            .map(move |tick| tick as f64 * self.step + 0.0)
            .map(move |value| (value, format!("{value:.decimals$}")))
    }

    /// 0 at the low and 1 at the high end.
    fn position(&self, value: f64) -> f64 {
        (value - self.low) / (self.high - self.low)
    }
}

/// Where curves are drawn.
struct Frame {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
    x: Axis,
    y: Axis,
}

impl Frame {
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let between = |from: u32, to: u32, position: f64| {
            f64::from(from) + (f64::from(to) - f64::from(from)) * position
        };
        let [x, y] = [self.x.position(x), self.y.position(y)];
        (between(self.left, self.right, x), between(self.bottom, self.top, y))
    }

    fn draw_axes(&self, canvas: &mut Picture) {
        for (value, label) in self.y.ticks() {
            let y = self.place((self.x.low, value)).1.round() as u32;
            (self.left..=self.right).for_each(|x| canvas.set(x, y, GRID));
            let size = (text(&label).width() as u32, text(&label).height() as u32);
            let left = self.left.saturating_sub(size.0 + GAP);
            write(canvas, &label, left, y.saturating_sub(size.1 / 2));
        }
        for (value, label) in self.x.ticks() {
            let x = self.place((value, self.y.low)).0.round() as u32;
            (self.top..=self.bottom).for_each(|y| canvas.set(x, y, GRID));
            let half = text(&label).width() as u32 / 2;
            write(canvas, &label, x.saturating_sub(half), self.bottom + GAP);
        }
        (self.left..=self.right).for_each(|x| canvas.set(x, self.bottom, AXIS));
        (self.top..=self.bottom).for_each(|y| canvas.set(self.left, y, AXIS));
    }
}

/// Draws a line with soft edges: a pixel is coloured by how much of it the line covers.
fn segment(canvas: &mut Picture, from: (f64, f64), to: (f64, f64), color: [u8; 3]) {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let squared = dx * dx + dy * dy;
    let reach =
        |a: f64, b: f64| (a.min(b) - HALF_WIDTH - 1.0).max(0.0) as u32..=(a.max(b) + HALF_WIDTH + 1.0) as u32;
    for y in reach(from.1, to.1) {
        for x in reach(from.0, to.0) {
            let (px, py) = (f64::from(x) - from.0, f64::from(y) - from.1);
            let along = if squared > 0.0 { ((px * dx + py * dy) / squared).clamp(0.0, 1.0) } else { 0.0 };
            let distance = (px - along * dx).hypot(py - along * dy);
            let cover = (HALF_WIDTH + 0.5 - distance).clamp(0.0, 1.0);
            if let Some(below) = canvas.pixel(x, y).filter(|_| cover > 0.0) {
                let mix = |i: usize| f64::from(below[i]) * (1.0 - cover) + f64::from(color[i]) * cover;
                canvas.set(x, y, [0, 1, 2].map(|i| mix(i).round() as u8));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(picture: &Picture, color: [u8; 3]) -> bool {
        picture.rgb_bytes().chunks_exact(3).any(|pixel| pixel == color)
    }

    #[test]
    fn every_curve_has_its_color() {
        let rising = |end: f64| [(0.0, 0.0), (1.0, end)];
        let chart = Chart::new("x", "y").curve("one", rising(1.0)).curve("two", rising(2.0));
        let picture = chart.clone().render().unwrap();
        assert!(has(&picture, COLORS[0]) && has(&picture, COLORS[1]) && !has(&picture, COLORS[2]));
        // An eighth curve begins anew.
        let many = (0..8).fold(chart, |chart, i| chart.curve(i.to_string(), rising(i.into())));
        assert!(many.render().is_ok());
    }

    #[test]
    fn ticks_are_round_and_inside() {
        let labels = |low: f64, high: f64| -> Vec<String> {
            Axis::over([low, high].into_iter()).unwrap().ticks().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(-3.0, 11.0), ["0", "5", "10"]);
        assert_eq!(labels(-0.013, 0.02), ["-0.01", "0.00", "0.01", "0.02"]);
        assert_eq!(labels(5.0, 5.0), ["3", "4", "5", "6", "7"]);
    }

    #[test]
    fn points_that_are_not_finite_leave_a_gap() {
        let chart = Chart::new("", "").curve("", [(0.0, 0.0), (1.0, f64::NAN), (2.0, 1.0), (3.0, 0.0)]);
        assert!(chart.render().is_ok());
        let chart = Chart::new("", "").curve("", [(f64::INFINITY, 0.0), (1.0, f64::NAN)]);
        assert!(matches!(chart.render(), Err(HeatmapError::EmptyChart)));
        assert!(matches!(Chart::new("", "").render(), Err(HeatmapError::EmptyChart)));
    }

    #[test]
    fn impossible_sizes_are_errors() {
        let chart = Chart::new("x", "y").curve("label", [(0.0, 0.0), (1.0, 1.0)]);
        for (width, height) in [(720, 60), (100, 400), (1, 1)] {
            let error = chart.clone().size(width, height).render().unwrap_err();
            assert!(matches!(error, HeatmapError::ChartTooSmall { .. }), "{error}");
        }
        assert!(matches!(chart.clone().size(0, 4).render(), Err(HeatmapError::EmptyAxis { .. })));
        assert!(matches!(chart.size(u32::MAX, u32::MAX).render(), Err(HeatmapError::TooLarge { .. })));
    }
}
