//! Shapes, texts and pictures at places: what becomes a picture or an SVG.

use std::fmt;

use plotters::prelude::{BitMapBackend, Color, DrawingBackend, RGBColor};

use crate::error::HeatmapError;
use crate::picture::{Picture, checked_size};
use crate::text::Lettering;

/// Plotters draws with jagged edges: shapes are drawn so many times larger, and reduced.
const FINE: u32 = 4;

/// What [`Grid`](crate::Grid), [`Chart`](crate::Chart) and the like lay out on white, before it is drawn: as
/// pixels by [`Drawing::render`], or as a text of shapes by [`Drawing::svg`].
///
/// A drawing can be a cell of a [`Grid`](crate::Grid). There it keeps its shapes, so that an SVG of the grid is
/// sharp at every size.
///
/// # Examples
/// ```
/// use xai_heatmap::{Chart, Grid};
///
/// let chart = Chart::new("pixels hidden", "logit").with_curve("a < b", [(0.0, 1.0), (1.0, 0.5)]).draw()?;
/// let sheet = Grid::new().with_row("digit 7", [chart]).draw()?;
/// assert!(sheet.svg()?.contains("a &lt; b"));
/// assert_eq!(sheet.render()?.width(), sheet.width());
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Drawing {
    width: u32,
    height: u32,
    shapes: Vec<Shape>,
}

/// A shape in pixels from the left and the top.
#[derive(Clone, PartialEq)]
pub(crate) enum Shape {
    /// Left, top, width and height.
    Rectangle([f64; 4], Paint),
    /// The corners of a filled polygon.
    Area(Vec<[f64; 2]>, Paint),
    /// The points of a line, its color and width.
    Line(Vec<[f64; 2]>, [u8; 3], u32),
    /// A text, its left and top, the height of a line and the color.
    Text(String, [u64; 2], u32, [u8; 3]),
    Picture(Picture, [u64; 2]),
    Drawing(Drawing, [u64; 2]),
}

/// A colour, and how much of it covers what is below.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Paint {
    pub(crate) color: [u8; 3],
    pub(crate) alpha: f64,
}

impl From<[u8; 3]> for Paint {
    fn from(color: [u8; 3]) -> Self {
        Self { color, alpha: 1.0 }
    }
}

impl Drawing {
    /// A white drawing.
    pub(crate) fn new(width: u64, height: u64) -> Result<Self, HeatmapError> {
        let (width, height) = checked_size(width.max(1), height.max(1))?;
        Ok(Self { width, height, shapes: Vec::new() })
    }

    /// Shapes are drawn in their order, but all pictures and drawings above them, and all texts above those.
    pub(crate) fn add(&mut self, shape: Shape) {
        self.shapes.push(shape);
    }

    /// Adds a line through points, without those that cannot be seen.
    pub(crate) fn add_line(&mut self, points: &[[f64; 2]], color: [u8; 3], width: u32) {
        self.add(Shape::Line(thinned(points), color, width));
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Draws pixels.
    ///
    /// # Errors
    /// [`HeatmapError::TooLarge`] if a part with curves has more than [`MAX_PIXELS`](crate::MAX_PIXELS) at four
    /// times the width and height, at which it is drawn first.
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        let mut picture = self.paths()?;
        for shape in &self.shapes {
            match shape {
                Shape::Picture(inner, [x, y]) => picture.paste(inner, *x, *y),
                Shape::Drawing(inner, [x, y]) => picture.paste(&inner.render()?, *x, *y),
                _ => {}
            }
        }
        for shape in &self.shapes {
            if let Shape::Text(text, [x, y], size, color) = shape {
                Lettering::new(*size)?.write(&mut picture, text, [*x, *y], *color);
            }
        }
        Ok(picture)
    }

    pub(crate) fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// All but pictures and texts.
    fn paths(&self) -> Result<Picture, HeatmapError> {
        // Rectangles of whole pixels have no jagged edges.
        let is_plain = |shape: &Shape| match shape {
            Shape::Rectangle(place, _) => place.iter().all(|side| side.fract() == 0.0),
            Shape::Area(..) | Shape::Line(..) => false,
            Shape::Text(..) | Shape::Picture(..) | Shape::Drawing(..) => true,
        };
        let fine = if self.shapes.iter().all(is_plain) { 1 } else { FINE };
        let at = |place: [f64; 2]| {
            let [x, y] = place.map(|side| (side * f64::from(fine)).round() as i32);
            (x, y)
        };
        let side = |length: u32| u64::from(length) * u64::from(fine);
        let size = checked_size(side(self.width), side(self.height))?;
        let mut picture = Picture::filled(size.0, size.1, [255; 3])?;
        let mut canvas = BitMapBackend::with_buffer(picture.bytes_mut(), size);
        for shape in &self.shapes {
            match shape {
                Shape::Rectangle([x, y, width, height], paint) => {
                    let ((left, top), (right, bottom)) = (at([*x, *y]), at([x + width, y + height]));
                    // The corner is the first pixel that does not belong to the rectangle.
                    let corner = (right.max(left + 1), bottom.max(top + 1));
                    canvas.draw_rect((left, top), corner, &style(*paint).filled(), true).map_err(failed)?;
                }
                Shape::Area(corners, paint) => {
                    let corners = corners.iter().copied().map(at);
                    canvas.fill_polygon(corners, &style(*paint).filled()).map_err(failed)?;
                }
                // Part by part, with round joins: those of plotters have long spikes.
                Shape::Line(points, color, width) => {
                    let (color, width) = (style((*color).into()), width * fine);
                    for ends in points.windows(2) {
                        let part = ends.iter().copied().map(at);
                        canvas.draw_path(part, &color.stroke_width(width)).map_err(failed)?;
                    }
                    for join in points.iter().skip(1).take(points.len().saturating_sub(2)) {
                        canvas.draw_circle(at(*join), width / 2, &color.filled(), true).map_err(failed)?;
                    }
                }
                Shape::Text(..) | Shape::Picture(..) | Shape::Drawing(..) => {}
            }
        }
        drop(canvas);
        Ok(if fine == 1 { picture } else { picture.reduce(fine) })
    }
}

fn failed(error: impl fmt::Display) -> HeatmapError {
    HeatmapError::Drawing(error.to_string())
}

fn style(Paint { color: [red, green, blue], alpha }: Paint) -> plotters::style::RGBAColor {
    RGBColor(red, green, blue).mix(alpha)
}

/// Of neighbours in the same column of the larger picture only the first, the last, the highest and the lowest,
/// so that a signal of any length is not drawn more finely than can be seen.
fn thinned(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let column = |point: &[f64; 2]| (point[0] * f64::from(FINE)).floor();
    let mut kept = Vec::new();
    for run in points.chunk_by(|a, b| column(a) == column(b)) {
        let by_height = |a: &usize, b: &usize| run[*a][1].total_cmp(&run[*b][1]);
        let highest = (0..run.len()).min_by(by_height).unwrap_or(0);
        let lowest = (0..run.len()).max_by(by_height).unwrap_or(0);
        let mut indices = vec![0, highest, lowest, run.len() - 1];
        indices.sort_unstable();
        indices.dedup();
        kept.extend(indices.into_iter().map(|index| run[index]));
    }
    kept
}

/// The size only, as for a [`Picture`].
impl fmt::Debug for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Drawing({}x{})", self.width, self.height)
    }
}
