//! Shapes as SVG.
//!
//! Not by the SVG backend of plotters, whose places are whole pixels and whose texts have a width of their own.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::drawing::{Drawing, Paint, Shape};
use crate::error::HeatmapError;
use crate::text::{FONT, Lettering};

impl Drawing {
    /// Writes SVG, with pictures as PNG inside. Texts can be selected and searched; a page that has no Roboto
    /// shows them in another font of the same width.
    ///
    /// [`write_whole`](crate::write_whole) puts it into a file.
    ///
    /// # Errors
    /// [`HeatmapError::Drawing`] if a picture cannot be encoded, which should not happen.
    pub fn svg(&self) -> Result<String, HeatmapError> {
        document([self.width(), self.height()], self.shapes())
    }
}

/// A whole file.
fn document([width, height]: [u32; 2], shapes: &[Shape]) -> Result<String, HeatmapError> {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"{FONT}, sans-serif\" xml:space=\"preserve\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    elements(&mut svg, shapes)?;
    Ok(svg + "</svg>\n")
}

fn elements(svg: &mut String, shapes: &[Shape]) -> Result<(), HeatmapError> {
    for shape in shapes {
        match shape {
            Shape::Rectangle(place, paint) => {
                let [x, y, width, height] = place.map(short);
                *svg += &format!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" {} \
                     shape-rendering=\"crispEdges\"/>\n",
                    painted("fill", *paint)
                );
            }
            Shape::Area(corners, paint) => {
                *svg += &format!("<polygon points=\"{}\" {}/>\n", list(corners), painted("fill", *paint));
            }
            Shape::Line(points, color, width) => {
                *svg += &format!(
                    "<polyline points=\"{}\" fill=\"none\" {} stroke-width=\"{width}\" \
                     stroke-linejoin=\"round\"/>\n",
                    list(points),
                    painted("stroke", (*color).into())
                );
            }
            Shape::Text(text, [x, y], size, color) => {
                let lettering = Lettering::new(*size)?;
                for line in lettering.lines(text).filter(|line| line.width > 0.0) {
                    *svg += &format!(
                        "<text x=\"{}\" y=\"{}\" font-size=\"{}\" textLength=\"{}\" fill=\"{}\">{}</text>\n",
                        short(*x as f64 + f64::from(line.left)),
                        short(*y as f64 + f64::from(line.baseline)),
                        short(f64::from(lettering.em())),
                        short(f64::from(line.width)),
                        hex(*color),
                        escape(line.text)
                    );
                }
            }
            Shape::Picture(picture, [x, y]) => {
                let png = picture.png().map_err(|error| HeatmapError::Drawing(error.to_string()))?;
                *svg += &format!(
                    "<image x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{}\" style=\"image-rendering:pixelated\" \
                     href=\"data:image/png;base64,{}\"/>\n",
                    picture.width(),
                    picture.height(),
                    STANDARD.encode(png)
                );
            }
            Shape::Drawing(drawing, [x, y]) => {
                *svg += &format!("<g transform=\"translate({x} {y})\">\n");
                elements(svg, drawing.shapes())?;
                *svg += "</g>\n";
            }
        }
    }
    Ok(())
}

fn painted(what: &str, Paint { color, alpha }: Paint) -> String {
    let color = hex(color);
    if alpha == 1.0 {
        format!("{what}=\"{color}\"")
    } else {
        format!("{what}=\"{color}\" {what}-opacity=\"{alpha}\"")
    }
}

fn hex([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn list(points: &[[f64; 2]]) -> String {
    let mut list = String::new();
    for [x, y] in points.iter().map(|point| point.map(short)) {
        // Writing to a text cannot fail.
        let _ = write!(list, "{x},{y} ");
    }
    list
}

/// To hundredths of a pixel.
fn short(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Text as it stands in XML. What no XML may contain becomes the sign for an unknown character.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\t' => escaped.push(' '),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => escaped.push(char::REPLACEMENT_CHARACTER),
            letter => escaped.push(letter),
        }
    }
    escaped
}
