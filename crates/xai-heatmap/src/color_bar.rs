//! The colours of a scale beside the values they stand for.

use crate::axes::{Axis, FRAME, MARK, PER_TICK, TEXT, label, text_at};
use crate::colormap::Colormap;
use crate::drawing::{Drawing, Shape};
use crate::error::{HeatmapError, at_least_one};
use crate::normalization::Bounds;
use crate::picture::Picture;
use crate::text::Lettering;

/// Pixels across the colours.
const THICKNESS: u32 = 14;

/// A bar of all colours of a map, with ticks at round values and the text of their unit.
///
/// The bar says what a colour means; beside several maps with [shared](crate::Normalization::shared) bounds, it
/// says so for all of them. Values beyond the bounds have the colours of the ends.
///
/// # Examples
/// ```
/// use xai_heatmap::{ColorBar, Colormap, Grid, Normalization, RelevanceMap, render};
///
/// let maps = RelevanceMap::from_batch(&[0.5, -0.25, 2.0, 0.0], [2, 1, 1, 2])?;
/// let shared = Normalization::Symmetric.shared(&maps);
/// let bar = ColorBar::vertical(shared.bounds(&maps[0]), Colormap::default()).with_unit("logit").draw()?;
/// let mut row = Vec::new();
/// for map in &maps {
///     row.push(render(map, shared, Colormap::default()).upscale(80)?.into());
/// }
/// row.push(bar.into());
/// let sheet = Grid::new().with_row::<xai_heatmap::Cell>("", row).render()?;
/// assert!(sheet.width() > 2 * 160);
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a bar is only drawn by `render` or `draw`"]
pub struct ColorBar {
    bounds: Bounds,
    colormap: Colormap,
    vertical: bool,
    unit: String,
    length: u32,
}

impl ColorBar {
    /// A bar from the low end at the bottom up to the high end, for a place right of a picture.
    pub fn vertical(bounds: Bounds, colormap: Colormap) -> Self {
        Self { bounds, colormap, vertical: true, unit: String::new(), length: 200 }
    }

    /// A bar from the low end on the left to the high end on the right, for a place below a picture.
    pub fn horizontal(bounds: Bounds, colormap: Colormap) -> Self {
        Self { vertical: false, ..Self::vertical(bounds, colormap) }
    }

    /// Sets the unit of the values, right of a vertical bar and below a horizontal one.
    pub fn with_unit(self, unit: impl Into<String>) -> Self {
        Self { unit: unit.into(), ..self }
    }

    /// Sets the length of the bar in pixels, 200 if not set: the height of the picture beside it, say.
    pub fn with_length(self, length: u32) -> Self {
        Self { length, ..self }
    }

    /// Draws the bar as a picture.
    ///
    /// # Errors
    /// As [`ColorBar::draw`] and [`Drawing::render`].
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        self.draw()?.render()
    }

    /// Lays out the bar.
    ///
    /// # Errors
    /// [`HeatmapError::OutOfRange`] for a length of 0, and [`HeatmapError::TooLarge`] over
    /// [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn draw(&self) -> Result<Drawing, HeatmapError> {
        at_least_one("length of the colour bar", self.length)?;
        let lettering = Lettering::new(TEXT)?;
        let ticks = self.ticks();
        let widest = ticks.iter().map(|(_, text)| lettering.size(text)[0]).max().unwrap_or(0);
        let unit = lettering.size(&self.unit);
        let [length, thick, text, mark] = [self.length, THICKNESS, TEXT, MARK].map(u64::from);
        let unit_gap = if self.unit.is_empty() { 0 } else { mark };

        // Where the bar begins along its length: half of a text at an end lies beyond it.
        let margin = if self.vertical { text / 2 } else { widest / 2 };
        let labels = thick + 2 * mark;
        let (mut drawing, unit_at) = if self.vertical {
            let (width, height) = (labels + widest + 2 * unit_gap + unit[0], length + 2 * margin);
            let drawing = Drawing::new(width, height.max(unit[1]))?;
            let at = [labels + widest + 2 * unit_gap, (height.max(unit[1]) - unit[1]) / 2];
            (drawing, at)
        } else {
            let (width, height) = (length + 2 * margin, labels + text + unit_gap + unit[1]);
            let drawing = Drawing::new(width.max(unit[0]), height)?;
            let at = [(width.max(unit[0]) - unit[0]) / 2, labels + text + unit_gap];
            (drawing, at)
        };
        let side = if self.vertical { drawing.height() } else { drawing.width() };
        let margin = ((u64::from(side) - length) / 2) as f64;

        let [length, thick, mark] = [length, thick, mark].map(|side| side as f64);
        self.colors(&mut drawing, margin);
        for (part, label) in &ticks {
            let [width, height] = lettering.size(label).map(|side| side as f64);
            let (place, corner) = if self.vertical {
                let y = (margin + (1.0 - part) * (length - 1.0)).round();
                ([thick, y, mark, 1.0], [thick + 2.0 * mark, y + 0.5 - height / 2.0])
            } else {
                let x = (margin + part * (length - 1.0)).round();
                ([x, thick, 1.0, mark], [x + 0.5 - width / 2.0, thick + 2.0 * mark])
            };
            drawing.add(Shape::Rectangle(place, FRAME.into()));
            drawing.add(text_at(label, corner.map(|side| side.max(0.0))));
        }
        drawing.add(text_at(&self.unit, unit_at.map(|side| side as f64)));
        Ok(drawing)
    }

    /// The colours, those of one kind as one rectangle.
    fn colors(&self, drawing: &mut Drawing, margin: f64) {
        let thick = f64::from(THICKNESS);
        let gradient = self.colormap.gradient();
        let last = self.length.saturating_sub(1).max(1) as f32;
        let color = |step: u32| {
            let [red, green, blue, _] = gradient.at(step as f32 / last).to_rgba8();
            [red, green, blue]
        };
        let mut start = 0;
        for step in 0..self.length {
            if step + 1 < self.length && color(step + 1) == color(start) {
                continue;
            }
            let (from, run) = (f64::from(start), f64::from(step + 1 - start));
            let place = if self.vertical {
                [0.0, margin + f64::from(self.length) - from - run, thick, run]
            } else {
                [margin + from, 0.0, run, thick]
            };
            drawing.add(Shape::Rectangle(place, color(start).into()));
            start = step + 1;
        }
    }

    /// Where ticks lie, and their texts. Ends without room for round values have a tick each.
    fn ticks(&self) -> Vec<(f64, String)> {
        let ends @ [low, high] = [self.bounds.low(), self.bounds.high()].map(f64::from);
        let axis = Axis::over(ends.into_iter(), self.length, PER_TICK[if self.vertical { 2 } else { 0 }]);
        // An axis goes beyond ends that are almost equal, but the bar does not.
        match axis.filter(|axis| axis.part(low) == 0.0 && axis.part(high) == 1.0) {
            Some(axis) => axis.ticks().map(|(part, text)| (part, text.to_owned())).collect(),
            None => {
                let ends = [self.bounds.low(), self.bounds.high()].map(|end| {
                    // By its own digits, which are fewer than those of the nearest `f64`.
                    let value = end.to_string().parse().unwrap_or(f64::from(end));
                    (f64::from(self.bounds.position(end).unwrap_or(0.0)), label(value, &(low..high)))
                });
                if low == high { ends[..1].to_vec() } else { ends.to_vec() }
            }
        }
    }
}
