//! Curves over a common axis.

use crate::axes::{Axis, Frame, PER_TICK, TEXT, has_place};
use crate::drawing::{Drawing, Paint, Shape};
use crate::error::HeatmapError;
use crate::grid::{Cell, Grid};
use crate::picture::Picture;
use crate::text::Lettering;

/// Colours of the curves in turn; Okabe and Ito's, which the colour-blind can tell apart.
pub(crate) const COLORS: [[u8; 3]; 7] =
    [[0, 0, 0], [230, 159, 0], [0, 114, 178], [0, 158, 115], [213, 94, 0], [204, 121, 167], [86, 180, 233]];

/// Width of a curve in pixels.
const STROKE: u32 = 2;
/// How much of a band's colour covers what is below it, other bands among it.
const BAND: f64 = 0.2;
/// Width of a sample in the legend, and its height where there is a band.
const SAMPLE: [u64; 2] = [24, 12];

/// Curves in one coordinate system, some with a band around them, with ticks and a legend on the right.
///
/// Axes cover all points and bands. A point that is not finite, or beyond ±1e300, leaves a gap in its curve, and
/// in its band where an end of that is so. The first curve is black, as suits a reference for the others. The
/// picture is as large as its texts need, so that none is cut off.
///
/// # Examples
/// ```
/// use xai_heatmap::Chart;
///
/// let chart = Chart::new("part of the image hidden", "logit")
///     .with_curve("random", [(0.0, 10.0), (0.5, 6.0), (1.0, 1.0)])
///     .with_band("LRP, 20 images", [(0.0, 10.0, 9.0, 11.0), (0.5, 2.0, 1.0, 4.0), (1.0, 1.0, 0.5, 1.5)]);
/// let picture = chart.render()?;
/// assert!(picture.width() > 480 && picture.height() > 280);
/// assert!(chart.draw()?.svg()?.contains("LRP, 20 images"));
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a chart is only drawn by `render` or `draw`"]
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
    /// Place, one end and the other; empty without a band.
    band: Vec<(f64, f64, f64)>,
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
        let points = points.into_iter().collect();
        self.curves.push(Curve { label: label.into(), points, band: Vec::new() });
        self
    }

    /// Adds a curve with a band around it, such as a mean and its confidence interval. Each point is its place
    /// on the horizontal axis, the value of the curve there, and the two ends of the band.
    pub fn with_band(
        mut self,
        label: impl Into<String>,
        points: impl IntoIterator<Item = (f64, f64, f64, f64)>,
    ) -> Self {
        let (points, band) = points.into_iter().map(|(x, y, low, high)| ((x, y), (x, low, high))).unzip();
        self.curves.push(Curve { label: label.into(), points, band });
        self
    }

    /// Draws the chart as a picture.
    ///
    /// # Errors
    /// As [`Chart::draw`] and [`Drawing::render`].
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        self.draw()?.render()
    }

    /// Lays out the chart.
    ///
    /// # Errors
    /// [`HeatmapError::Empty`] without any finite point, [`HeatmapError::OutOfRange`] for a size of 0 and
    /// [`HeatmapError::TooLarge`] over [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn draw(&self) -> Result<Drawing, HeatmapError> {
        let mut legend = Grid::new().with_padding(4).with_text_size(TEXT);
        for (curve, color) in self.colored().filter(|(curve, _)| !curve.label.is_empty()) {
            legend = legend.with_row(&curve.label, [curve.sample(color)?]);
        }
        let mut row = vec![Cell::from(self.plot()?).with_caption(&self.labels[0])];
        match legend.draw() {
            Err(HeatmapError::Empty(..)) => {}
            legend => row.push(Cell::from(legend?)),
        }
        let chart = Grid::new().with_text_size(TEXT).with_headers([&self.title]);
        chart.with_row(&self.labels[1], row).draw()
    }

    fn colored(&self) -> impl Iterator<Item = (&Curve, [u8; 3])> {
        self.curves.iter().zip(COLORS.into_iter().cycle())
    }

    /// The axes with their ticks and the curves.
    fn plot(&self) -> Result<Drawing, HeatmapError> {
        let places = || self.curves.iter().flat_map(Curve::places).filter(has_place);
        let axes = (
            Axis::over(places().map(|place| place.0), self.size[0], PER_TICK[0]),
            Axis::over(places().map(|place| place.1), self.size[1], PER_TICK[1]),
        );
        let (Some(x), Some(y)) = axes else { return Err(HeatmapError::Empty("chart", "finite point")) };
        let frame = Frame::new(&x, &y, self.size, y.text_width(&Lettering::new(TEXT)?))?;
        let mut drawing = frame.drawing()?;
        frame.mesh(&mut drawing)?;
        // Curves over all bands, so that none is hidden.
        for (curve, color) in self.colored() {
            for run in curve.band.split(|(x, low, high)| !has_place(&(*x, *low)) || !has_place(&(*x, *high)))
            {
                let there = run.iter().map(|(x, low, _)| (*x, *low));
                let back = run.iter().rev().map(|(x, _, high)| (*x, *high));
                let corners: Vec<_> = there.chain(back).map(|point| frame.place(point)).collect();
                if !corners.is_empty() {
                    drawing.add(Shape::Area(corners, Paint { color, alpha: BAND }));
                }
            }
        }
        for (curve, color) in self.colored() {
            for run in curve.points.split(|point| !has_place(point)).filter(|run| !run.is_empty()) {
                let points: Vec<_> = run.iter().map(|point| frame.place(*point)).collect();
                drawing.add_line(&points, color, STROKE);
            }
        }
        Ok(drawing)
    }
}

impl Curve {
    /// What axes must cover.
    fn places(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        let ends = self.band.iter().flat_map(|&(x, low, high)| [(x, low), (x, high)]);
        self.points.iter().copied().chain(ends)
    }

    /// What the legend shows.
    fn sample(&self, color: [u8; 3]) -> Result<Drawing, HeatmapError> {
        let [width, height] = if self.band.is_empty() { [SAMPLE[0], STROKE.into()] } else { SAMPLE };
        let mut sample = Drawing::new(width, height)?;
        let [width, height, stroke] = [width as f64, height as f64, f64::from(STROKE)];
        sample.add(Shape::Rectangle([0.0, 0.0, width, height], Paint { color, alpha: BAND }));
        sample.add(Shape::Rectangle([0.0, (height - stroke) / 2.0, width, stroke], color.into()));
        Ok(sample)
    }
}
