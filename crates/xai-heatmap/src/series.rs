//! Signals over time, coloured by relevance.

use std::f64::consts::TAU;
use std::ops::Range;

use crate::axes::{Axis, Frame, PER_TICK, TEXT, has_place};
use crate::colormap::Colormap;
use crate::drawing::{Drawing, Shape};
use crate::error::{HeatmapError, as_long};
use crate::grid::{Cell, Grid};
use crate::map::RelevanceMap;
use crate::normalization::{Bounds, Normalization};
use crate::picture::{Picture, checked_size};
use crate::scale::Scale;
use crate::text::Lettering;

/// Width of the coloured line below a curve.
const BROAD: u32 = 7;
/// Width of the curve itself: more would hide colours.
const STROKE: u32 = 1;
/// From the middle of a disc to its rim, and the width of that.
const DISC: [f64; 2] = [4.5, 1.0];
const CORNERS: usize = 16;
const INK: [u8; 3] = [40; 3];

/// What is coloured in a [`Series`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SeriesStyle {
    /// The background of each sample, from half-way after the sample before to half-way before the next.
    #[default]
    Background,
    /// A broad line along the curve.
    Curve,
    /// A disc at each sample.
    Points,
}

/// A signal of one or more channels as curves, coloured by the relevance of its samples.
///
/// Each channel has a plot of its own, below each other over one axis, and one scale of colours, with a colour
/// bar. A sample of the signal that is not finite, or beyond ±1e300, leaves a gap; relevance that is NaN has
/// [`NAN_COLOR`](crate::NAN_COLOR). Where several samples share a pixel, the colour is that of the strongest
/// relevance among them.
///
/// # Examples
/// ```
/// use xai_heatmap::{RelevanceMap, Series, SeriesStyle};
///
/// // Two channels of four samples, one each 0.25 s.
/// let relevance = RelevanceMap::new(vec![0.0, 0.5, -1.0, 0.0, 0.0, 0.0, 0.25, 2.0], [2, 4])?;
/// let series = Series::new(&[1.0, 2.0, 0.0, 1.0, 0.5, 0.25, 0.5, 1.0], relevance)?
///     .with_channels(["pressure / bar", "flow / l/s"])
///     .with_time("time / s", 0.0, 0.25)
///     .with_style(SeriesStyle::Curve)
///     .with_unit("logit");
/// assert!(series.render()?.width() > 480);
/// assert!(series.draw()?.svg()?.contains("pressure / bar"));
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a series is only drawn by `render` or `draw`"]
pub struct Series {
    signal: Vec<f32>,
    relevance: RelevanceMap,
    style: SeriesStyle,
    channels: Vec<String>,
    time: (String, f64, f64),
    size: [u32; 2],
    scale: Scale,
}

impl Series {
    /// A signal of shape `[channels, length]` and its relevance: a map with a row for each channel and a column
    /// for each sample.
    ///
    /// # Errors
    /// [`HeatmapError::InputLength`] if the signal has another number of values than the relevance.
    pub fn new(signal: &[f32], relevance: RelevanceMap) -> Result<Self, HeatmapError> {
        let shape = [relevance.height() as usize, relevance.width() as usize];
        as_long("signal", signal.len(), &shape)?;
        Ok(Self {
            signal: signal.to_vec(),
            relevance,
            style: SeriesStyle::default(),
            channels: Vec::new(),
            time: (String::new(), 0.0, 1.0),
            size: [480, 120],
            scale: Scale::default(),
        })
    }

    /// Sets the texts left of the channels, from the first.
    pub fn with_channels<S: Into<String>>(self, channels: impl IntoIterator<Item = S>) -> Self {
        Self { channels: channels.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets the text below the horizontal axis, where on it the first sample lies, and how far each sample lies
    /// from the one before. If not set, samples are counted from 0.
    pub fn with_time(self, label: impl Into<String>, start: f64, step: f64) -> Self {
        Self { time: (label.into(), start, step), ..self }
    }

    /// Sets what is coloured.
    pub fn with_style(self, style: SeriesStyle) -> Self {
        Self { style, ..self }
    }

    /// Sets the lengths of the axes of a channel in pixels, 480 and 120 if not set.
    pub fn with_size(self, width: u32, height: u32) -> Self {
        Self { size: [width, height], ..self }
    }

    /// Sets the colours, which are [`Normalization::Symmetric`] and blue, white and red if not set. With
    /// [shared](Normalization::shared) bounds, several series can be compared.
    pub fn with_colors(mut self, normalization: Normalization, colormap: Colormap) -> Self {
        self.scale = Scale { normalization, colormap, ..self.scale };
        self
    }

    /// Sets the unit of relevance, beside the colour bar.
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.scale.unit = unit.into();
        self
    }

    /// The relevance, to find shared bounds.
    pub fn relevance(&self) -> &RelevanceMap {
        &self.relevance
    }

    /// Draws the series as a picture.
    ///
    /// # Errors
    /// As [`Series::draw`] and [`Drawing::render`].
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        self.draw()?.render()
    }

    /// Lays out the series.
    ///
    /// # Errors
    /// [`HeatmapError::Empty`] if a channel has no finite value, [`HeatmapError::OutOfRange`] for a size of 0 or
    /// a time whose start is not finite or whose step is not above 0, and [`HeatmapError::TooLarge`] over
    /// [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn draw(&self) -> Result<Drawing, HeatmapError> {
        let [width, height] = self.size.map(u64::from);
        // Before any channel is laid out.
        checked_size(width, height * u64::from(self.relevance.height()))?;
        let x = self.time_axis()?;
        let bounds = self.scale.normalization.bounds(&self.relevance);
        let colors = self.scale.colors(&self.relevance);
        let lettering = Lettering::new(TEXT)?;
        let axes = self.signal.chunks(self.relevance.width() as usize).map(|signal| self.value_axis(signal));
        let axes = axes.collect::<Result<Vec<_>, _>>()?;
        // As wide for all, so that equal times are below each other.
        let texts = axes.iter().map(|y| y.text_width(&lettering)).max().unwrap_or(0);

        let mut plots = Grid::new().with_padding(4).with_text_size(TEXT);
        for (channel, y) in axes.iter().enumerate() {
            let frame = Frame::new(&x, y, self.size, texts)?;
            let plot = self.plot(&frame, channel, &colors, bounds)?;
            let last = channel + 1 == axes.len();
            let caption = if last { self.time.0.as_str() } else { "" };
            let label = self.channels.get(channel).map_or("", String::as_str);
            plots = plots.with_row(label, [Cell::from(plot).with_caption(caption)]);
        }
        self.scale.bar_right(plots.draw()?, bounds, self.size[1])
    }

    /// The axes, the curve and the colours of one channel.
    fn plot(
        &self,
        frame: &Frame,
        channel: usize,
        colors: &[[u8; 3]],
        bounds: Bounds,
    ) -> Result<Drawing, HeatmapError> {
        let length = self.relevance.width() as usize;
        let first = channel * length;
        let place = |sample: usize| {
            let point = (self.time_of(sample as f64), f64::from(*self.signal.get(first + sample)?));
            Some(point).filter(has_place).map(|point| frame.place(point))
        };
        let columns = self.columns(first, bounds);
        let mut drawing = frame.drawing()?;
        if self.style == SeriesStyle::Background {
            let [_, top, _, height] = frame.inside();
            for (samples, strongest) in &columns {
                let edge = |sample: usize| frame.place((self.time_of(sample as f64 - 0.5), 0.0))[0];
                let (left, right) = (edge(samples.start), edge(samples.end));
                drawing.add(Shape::Rectangle(
                    [left, top, right - left, height],
                    colors[first + strongest].into(),
                ));
            }
        }
        frame.mesh(&mut drawing)?;
        if self.style == SeriesStyle::Curve {
            let middle = |sample: usize| {
                let (from, to) = (place(sample.checked_sub(1)?)?, place(sample).filter(|_| sample < length)?);
                Some([0, 1].map(|side| (from[side] + to[side]) / 2.0))
            };
            for (samples, strongest) in &columns {
                let inner = samples.clone().map(place);
                let points = [middle(samples.start)].into_iter().chain(inner).chain([middle(samples.end)]);
                lines(&mut drawing, points.collect(), colors[first + strongest], BROAD);
            }
        }
        lines(&mut drawing, (0..length).map(place).collect(), INK, STROKE);
        if self.style == SeriesStyle::Points {
            for (_, strongest) in &columns {
                if let Some(middle) = place(*strongest) {
                    drawing.add(disc(middle, DISC[0], INK));
                    drawing.add(disc(middle, DISC[0] - DISC[1], colors[first + strongest]));
                }
            }
        }
        Ok(drawing)
    }

    /// The samples of a channel, those of one pixel together, and the strongest of them. Stronger ones are drawn
    /// after weaker ones, so that no neighbour hides them.
    fn columns(&self, first: usize, bounds: Bounds) -> Vec<(Range<usize>, usize)> {
        // NaN is stronger than all.
        let strength =
            |sample: usize| bounds.strength(self.relevance.values()[first + sample]).unwrap_or(2.0);
        let length = self.relevance.width() as usize;
        let count = length.min(self.size[0] as usize);
        let samples = (0..count).map(|column| column * length / count..(column + 1) * length / count);
        let column = |samples: Range<usize>| {
            let strongest = samples.clone().max_by(|a, b| strength(*a).total_cmp(&strength(*b)))?;
            Some((samples, strongest))
        };
        let mut columns: Vec<_> = samples.filter_map(column).collect();
        columns.sort_by(|(_, a), (_, b)| strength(*a).total_cmp(&strength(*b)));
        columns
    }

    fn time_of(&self, sample: f64) -> f64 {
        self.time.1 + sample * self.time.2
    }

    /// Half a sample longer at both ends, so that the background of each sample has the same width.
    fn time_axis(&self) -> Result<Axis, HeatmapError> {
        let (_, start, step) = self.time;
        let last = f64::from(self.relevance.width()) - 0.5;
        let checked = |name, value: f64, range, good: bool| {
            if good { Ok(()) } else { Err(HeatmapError::OutOfRange { name, value, range }) }
        };
        checked("start of the time", start, "from -1e300 to 1e300", start.abs() <= 1e300)?;
        let good = step > 0.0 && step <= 1e290;
        checked("step of the time", step, "above 0 and at most 1e290", good)?;
        let ends = [-0.5, last].map(|sample| self.time_of(sample));
        Axis::over(ends.into_iter(), self.size[0], PER_TICK[0]).ok_or(HeatmapError::Empty("series", "sample"))
    }

    fn value_axis(&self, signal: &[f32]) -> Result<Axis, HeatmapError> {
        let values = signal.iter().map(|value| f64::from(*value)).filter(|value| value.is_finite());
        let axis = Axis::over(values, self.size[1], PER_TICK[2]);
        axis.ok_or(HeatmapError::Empty("channel of the series", "finite value"))
    }
}

/// Lines through points, with gaps where there are none.
fn lines(drawing: &mut Drawing, points: Vec<Option<[f64; 2]>>, color: [u8; 3], width: u32) {
    for run in points.split(Option::is_none).filter(|run| run.len() > 1) {
        let points: Vec<_> = run.iter().copied().flatten().collect();
        drawing.add_line(&points, color, width);
    }
}

fn disc([x, y]: [f64; 2], radius: f64, color: [u8; 3]) -> Shape {
    let corner = |corner: usize| {
        let angle = TAU * corner as f64 / CORNERS as f64;
        [x + radius * angle.cos(), y + radius * angle.sin()]
    };
    Shape::Area((0..CORNERS).map(corner).collect(), color.into())
}
