//! Relevance to pictures: colour maps on shared scales, overlays, series, volumes, texts, charts; PNG and SVG.
//!
//! The crate knows nothing of tensors or backends: it takes `f32` slices on the host with their shape, as
//! `[channels, height, width]` or `[batch, channels, height, width]`, row by row.
//!
//! - [`RelevanceMap`] reduces relevance to one value per pixel, summing over channels.
//! - [`Normalization`] decides which relevance gets the colours at the ends of a [`Colormap`], for each map or
//!   for several together.
//! - [`render`], [`overlay`], [`gray_image`] and [`rgb_image`] draw a [`Picture`], one pixel per value.
//! - [`Picture::upscale`] enlarges it, and [`Picture::grayed`] makes the ground for an overlay. [`Grid`] puts
//!   several side by side with labels, and [`Picture::write_png`] writes a file.
//! - [`Chart`] draws curves, some with a band around them, such as the score of a class while more and more of
//!   an image is hidden; [`Series`] draws signals, [`Slices`] volumes and [`Paragraph`] texts in the colours of
//!   their relevance.
//! - [`ColorBar`] says what colours stand for. [`Series`], [`Slices`] and [`Paragraph`] have one of their own.
//! - All of these lay out a [`Drawing`], which becomes pixels or SVG.
//!
//! # Colours
//!
//! With a zero-centred colour map such as [`Colormap::BlueWhiteRed`], red pixels raise the score that is
//! explained and blue ones lower it.
//!
//! The defaults are safe for readers who cannot tell red from green, about one man in twelve: they see red as a
//! dark yellow, which is far from blue, and the middle is lighter than both ends. The colours of curves are those of
//! Okabe and Ito. Tests simulate both kinds of such eyes (Machado, Oliveira and Fernandes, "A Physiologically-based
//! Model for Simulation of Color Vision Deficiency", 2009). In the ends of [`Colormap::ColdHot`] blue goes with
//! cyan and red with yellow, which such readers can tell apart too. Lightness alone, as on a grey print, does not
//! tell signs apart in any zero-centred map.
//!
//! # Values that are not numbers
//!
//! NaN and infinities are ignored when bounds are found, so that one of them does not turn a whole map white.
//! NaN is drawn in magenta ([`NAN_COLOR`]), which no colour map contains, infinities in the colours of the
//! ends.
//!
//! # Example
//! ```
//! use xai_heatmap::{Cell, Colormap, Grid, Normalization, RelevanceMap, gray_image, render};
//!
//! // An image of 1x2x3 pixels, and two explanations of it.
//! let image = gray_image(&[0.0, 0.5, 1.0, 1.0, 0.5, 0.0], [1, 2, 3], Normalization::MinMax)?;
//! let relevance = [-0.5, 0.0, 1.0, 0.25, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, -1.0, 0.0];
//! let maps = RelevanceMap::from_batch(&relevance, [2, 1, 2, 3])?;
//!
//! // Under shared bounds the colours of both can be compared.
//! let shared = Normalization::Symmetric.shared(&maps);
//! let pictures: Vec<_> = maps.iter().map(|map| render(map, shared, Colormap::BlueWhiteRed)).collect();
//! assert_eq!(pictures[1].pixel(2, 0), Some([255, 0, 0]));
//!
//! let cells = std::iter::once(&image)
//!     .chain(&pictures)
//!     .map(|picture| picture.upscale(12).map(Cell::new))
//!     .collect::<Result<Vec<_>, _>>()?;
//! let sheet = Grid::new().with_headers(["input", "epsilon", "gamma"]).with_row("digit 7", cells).render()?;
//!
//! let path = std::env::temp_dir().join("xai-heatmap-example.png");
//! sheet.write_png(&path)?;
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod axes;
mod chart;
mod color_bar;
mod colormap;
mod drawing;
mod error;
mod grid;
mod map;
mod normalization;
mod paragraph;
mod picture;
mod render;
mod scale;
mod series;
mod slices;
mod svg;
mod text;
mod write;

pub use chart::Chart;
pub use color_bar::ColorBar;
pub use colormap::{Colormap, NAN_COLOR};
pub use drawing::Drawing;
pub use error::HeatmapError;
pub use grid::{Cell, Grid};
pub use map::RelevanceMap;
pub use normalization::{Bounds, Normalization, Quantile};
pub use paragraph::Paragraph;
pub use picture::{MAX_PIXELS, Picture};
pub use render::{gray_image, overlay, render, rgb_image};
pub use series::{Series, SeriesStyle};
pub use slices::Slices;
pub use write::write_whole;
