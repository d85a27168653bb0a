//! The crate's one error type.

use std::io;
use std::path::PathBuf;

use crate::colormap::Colormap;

/// What can go wrong on the way from relevance to a picture. Each message says what was found, where, and
/// what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeatmapError {
    /// A slice does not hold as many values as its shape asks for.
    #[error(
        "{found} values were given for shape {shape:?}, which holds {expected}: \
         pass the shape of the very tensor the values were read from"
    )]
    Length {
        /// The shape as given.
        shape: Vec<usize>,
        /// The product of `shape`.
        expected: usize,
        /// The length of the slice.
        found: usize,
    },

    /// A shape has an axis of size zero, so there is nothing to draw.
    #[error("axis `{axis}` of shape {shape:?} is 0: every axis must be at least 1, pass at least one pixel")]
    EmptyAxis {
        /// The name of the axis, e.g. `height`.
        axis: &'static str,
        /// The shape as given.
        shape: Vec<usize>,
    },

    /// An RGB image was asked for, but the values do not have three channels.
    #[error(
        "shape {shape:?} has {} channels, but an RGB image has 3: use `gray_image` for any other number",
        shape[0]
    )]
    NotRgb {
        /// The shape as given, `[channels, height, width]`.
        shape: [usize; 3],
    },

    /// A picture would have more pixels than the crate agrees to allocate.
    #[error(
        "a picture of {width}x{height} pixels is over the limit of {limit} pixels: \
         use a smaller upscaling factor or text scale, or split the grid"
    )]
    TooLarge {
        /// The width asked for.
        width: u64,
        /// The height asked for.
        height: u64,
        /// The greatest number of pixels, [`MAX_PIXELS`](crate::MAX_PIXELS).
        limit: u64,
    },

    /// A factor that multiplies pixels is zero.
    #[error("the {what} is 0: it multiplies pixels, pass 1 to leave sizes as they are")]
    ZeroFactor {
        /// Which factor, e.g. `upscaling factor`.
        what: &'static str,
    },

    /// Bounds that are not finite, or whose low end is above the high end.
    #[error(
        "bounds {low}..{high} cannot scale values: both ends must be finite and the first not above the second"
    )]
    InvalidBounds {
        /// The low end as given.
        low: f32,
        /// The high end as given.
        high: f32,
    },

    /// An opacity outside `0..=1`.
    #[error("opacity {opacity} is not in 0..=1: pass 0 for an invisible overlay and 1 for the strongest")]
    InvalidOpacity {
        /// The opacity as given.
        opacity: f32,
    },

    /// A heat map and the picture below it differ in size.
    #[error(
        "the map is {map_width}x{map_height} but the picture below it {picture_width}x{picture_height}: \
         overlay before upscaling, on the image whose relevance this is"
    )]
    SizeMismatch {
        /// Width of the map.
        map_width: u32,
        /// Height of the map.
        map_height: u32,
        /// Width of the picture.
        picture_width: u32,
        /// Height of the picture.
        picture_height: u32,
    },

    /// No colour map has this name.
    #[error("there is no colour map `{name}`: choose one of {}", Colormap::names())]
    UnknownColormap {
        /// The name as given.
        name: String,
    },

    /// A grid without a single row was rendered.
    #[error("the grid has no pictures: add at least one row with at least one cell before rendering")]
    EmptyGrid,
    /// A chart without any finite point has no axes.
    #[error("the chart has no finite point")]
    EmptyChart,
    /// Title, ticks and legend of a chart leave no room for its curves.
    #[error("a chart of {width}x{height} has no room for its curves; make it larger or its texts shorter")]
    ChartTooSmall {
        /// Width of the chart.
        width: u32,
        /// Height of the chart.
        height: u32,
    },

    /// A PNG file could not be written.
    #[error(
        "cannot write PNG `{}`: {reason}; the parent folder must exist and be writable, it is not created here",
        path.display()
    )]
    Write {
        /// The path as given.
        path: PathBuf,
        /// Why writing failed.
        reason: io::Error,
    },
}
