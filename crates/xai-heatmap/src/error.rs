//! The crate's one error type.

use std::io;
use std::path::PathBuf;

/// What can go wrong on the way from relevance to a picture.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeatmapError {
    /// A slice does not hold as many values as its shape asks for.
    #[error(
        "{found} values were given for shape {shape:?}, which holds {expected}: \
         pass the shape of the tensor that the values were read from"
    )]
    Length {
        /// The shape as given.
        shape: Vec<usize>,
        /// The product of `shape`.
        expected: usize,
        /// The length of the slice.
        found: usize,
    },

    /// An input to draw has more or fewer values than its relevance.
    #[error(
        "the {input} has {found} values, but its relevance of shape {relevance:?} has {expected}: \
         pass the input whose relevance this is, in the same shape"
    )]
    InputLength {
        /// What the input is, e.g. `signal`.
        input: &'static str,
        /// The shape of the relevance.
        relevance: Vec<usize>,
        /// The product of `relevance`.
        expected: usize,
        /// The number of values as given.
        found: usize,
    },

    /// A shape has an axis of size zero, so there is nothing to draw.
    #[error("axis `{axis}` of shape {shape:?} is 0: pass at least one pixel")]
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

    /// A picture would have more than [`MAX_PIXELS`](crate::MAX_PIXELS) pixels.
    #[error(
        "a picture of {width}x{height} pixels is over the limit of {limit} pixels: \
         use a smaller upscaling factor, size or text, or split the grid"
    )]
    TooLarge {
        /// The width asked for.
        width: u64,
        /// The height asked for.
        height: u64,
        /// The greatest number of pixels.
        limit: u64,
    },

    /// A number outside its range.
    #[error("the {name} is {value}, but must be {range}")]
    OutOfRange {
        /// What the number is, e.g. `opacity`.
        name: &'static str,
        /// The number as given.
        value: f64,
        /// The range, in words.
        range: &'static str,
    },

    /// Bounds that are not finite, or whose low end is above the high end.
    #[error("bounds {low}..{high} cannot scale values: both must be finite, the first not above the second")]
    InvalidBounds {
        /// The low end as given.
        low: f32,
        /// The high end as given.
        high: f32,
    },

    /// A map and the picture below it differ in size.
    #[error(
        "the map has {map:?} pixels but the picture below it {picture:?}: \
         overlay before upscaling, on the image whose relevance this is"
    )]
    SizeMismatch {
        /// Width and height of the map.
        map: [u32; 2],
        /// Width and height of the picture.
        picture: [u32; 2],
    },

    /// No colour map has this name.
    #[error("there is no colour map `{name}`: choose one of {known}")]
    UnknownColormap {
        /// The name as given.
        name: String,
        /// The names there are.
        known: String,
    },

    /// A grid without a picture, a chart or a series without a finite point, or a paragraph without a token.
    #[error("the {0} is empty: add at least one {1} before it is drawn")]
    Empty(&'static str, &'static str),

    /// The font or the library that lays out charts failed, which no input should cause.
    #[error("cannot draw, please report this as a bug of xai-heatmap: {0}")]
    Drawing(String),

    /// A file could not be written.
    #[error(
        "cannot write `{}`: {reason}; its folder must exist and be writable, it is not created here",
        path.display()
    )]
    Write {
        /// The path as given.
        path: PathBuf,
        /// Why writing failed.
        reason: io::Error,
    },
}

/// Checks that an input has a value for each of its relevance, whose shape holds at least one.
pub(crate) fn as_long(input: &'static str, found: usize, relevance: &[usize]) -> Result<(), HeatmapError> {
    let expected = relevance.iter().product();
    let error = HeatmapError::InputLength { input, relevance: relevance.to_vec(), expected, found };
    if found == expected { Ok(()) } else { Err(error) }
}

pub(crate) fn at_least_one(name: &'static str, value: u32) -> Result<(), HeatmapError> {
    let error = HeatmapError::OutOfRange { name, value: value.into(), range: "at least 1" };
    if value >= 1 { Ok(()) } else { Err(error) }
}

pub(crate) fn from_0_to_1(name: &'static str, value: f64) -> Result<(), HeatmapError> {
    let error = HeatmapError::OutOfRange { name, value, range: "from 0 to 1" };
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(error) }
}
