//! Rectangles, drawn to a picture as to a page.

use burn_xai::heatmap::{Bounds, HeatmapError, Normalization, Picture, rgb_image};
use example_common::scale::{Color, hex};

/// Rectangles on white, in whole pixels; later ones lie over earlier ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawing {
    width: usize,
    height: usize,
    rectangles: Vec<Rectangle>,
}

/// Left and top edge, width and height.
pub type Place = [usize; 4];

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rectangle {
    place: Place,
    color: Color,
    /// What a page shows when pointed at, as HTML; may be empty.
    title: String,
}

impl Drawing {
    /// A white drawing.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, rectangles: Vec::new() }
    }

    /// Adds a rectangle; what lies outside of the drawing is cut off.
    pub fn fill(&mut self, place: Place, color: Color) {
        self.fill_titled(place, color, String::new());
    }

    /// The same with a text, as HTML, that a page shows when pointed at.
    pub fn fill_titled(&mut self, [x, y, width, height]: Place, color: Color, title: String) {
        let (width, height) =
            (width.min(self.width.saturating_sub(x)), height.min(self.height.saturating_sub(y)));
        if width > 0 && height > 0 {
            self.rectangles.push(Rectangle { place: [x, y, width, height], color, title });
        }
    }

    /// The drawing in pixels.
    ///
    /// # Errors
    /// Where it has no pixels.
    pub fn picture(&self) -> Result<Picture, HeatmapError> {
        let area = self.width * self.height;
        let mut planes = vec![255.0; 3 * area];
        for Rectangle { place: [x, y, width, height], color, .. } in &self.rectangles {
            for (plane, channel) in color.iter().enumerate() {
                for row in *y..y + height {
                    let start = plane * area + row * self.width + x;
                    planes[start..start + width].fill(f32::from(*channel));
                }
            }
        }
        let bytes = Normalization::Fixed(Bounds::range(0.0, 255.0)?);
        rgb_image(&planes, [3, self.height, self.width], bytes)
    }

    /// The drawing as a part of a page.
    pub fn svg(&self) -> String {
        let mut svg = format!("<svg viewBox=\"0 0 {} {}\" role=\"img\">\n", self.width, self.height);
        // Neighbours of one colour are one path, which is much shorter. Titles below paths can be pointed at.
        let alike =
            |a: &Rectangle, b: &Rectangle| a.color == b.color && a.title.is_empty() && b.title.is_empty();
        for run in self.rectangles.chunk_by(alike) {
            let [first, ..] = run else { continue };
            let fill = hex(first.color);
            if first.title.is_empty() {
                let each = run.iter().map(|Rectangle { place: [x, y, width, height], .. }| {
                    format!("M{x} {y}h{width}v{height}h-{width}z")
                });
                let each: String = each.collect();
                svg += &format!("<path pointer-events=\"none\" fill=\"{fill}\" d=\"{each}\"/>\n");
            } else {
                let ([x, y, width, height], title) = (first.place, &first.title);
                svg += &format!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\">\
                     <title>{title}</title></rect>\n"
                );
            }
        }
        svg + "</svg>\n"
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_and_a_page_show_the_same() {
        let mut drawing = Drawing::new(4, 2);
        drawing.fill([0, 0, 3, 2], [255, 0, 0]);
        drawing.fill([3, 1, 9, 9], [255, 0, 0]);
        drawing.fill([7, 0, 1, 1], [0, 0, 0]);
        drawing.fill_titled([1, 0, 1, 1], [0, 0, 255], "one".to_owned());
        let picture = drawing.picture().unwrap();
        assert_eq!((picture.width(), picture.height()), (4, 2));
        let pixels = [(0, 0), (1, 0), (3, 0), (3, 1)].map(|(x, y)| picture.pixel(x, y).unwrap());
        assert_eq!(pixels, [[255, 0, 0], [0, 0, 255], [255; 3], [255, 0, 0]]);
        let svg = drawing.svg();
        assert!(svg.contains("fill=\"#ff0000\" d=\"M0 0h3v2h-3zM3 1h1v1h-1z\""), "{svg}");
        assert!(svg.contains("fill=\"#0000ff\"><title>one</title>"), "{svg}");
    }
}
