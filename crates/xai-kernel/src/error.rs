//! What can be wrong with the shapes that a layer is given.

use thiserror::Error;

/// A layer's geometry and the shapes of its tensors do not fit together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// A tensor has the wrong number of dimensions.
    #[error("the {what} has shape {dims:?}, expected {expected} dimensions")]
    Rank {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        dims: Vec<usize>,
        /// The number of dimensions it should have.
        expected: usize,
    },
    /// The geometry covers a number of spatial dimensions that is not supported.
    #[error("{got} spatial dimensions; 1, 2 and 3 are supported")]
    SpatialRank {
        /// Number of spatial dimensions.
        got: usize,
    },
    /// A list of the geometry does not have one entry per spatial dimension.
    #[error("the {what} has {got} entries, expected one for each of the {expected} spatial dimensions")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its number of entries.
        got: usize,
        /// The number of spatial dimensions.
        expected: usize,
    },
    /// A size that must be at least 1 is 0.
    #[error("the {what} is 0 in spatial dimension {axis}; it must be at least 1")]
    Zero {
        /// Which size.
        what: &'static str,
        /// Spatial dimension, counted from 0.
        axis: usize,
    },
    /// A convolution with zero groups.
    #[error("a convolution with 0 groups; use 1 for an ungrouped convolution")]
    NoGroups,
    /// A tensor holds no element at all.
    #[error(
        "the {what} has shape {dims:?}, which holds no element; give at least one sample and no empty dimension"
    )]
    Empty {
        /// Which tensor.
        what: &'static str,
        /// Its shape.
        dims: Vec<usize>,
    },
    /// The input's channels are not those that the weight reads.
    #[error("the input has {got} channels, but a weight of {per_group} per group in {groups} group(s) reads {}; \
             check the channel count and the groups", .per_group.saturating_mul(*.groups))]
    Channels {
        /// Channels of the input.
        got: usize,
        /// Input channels that the weight reads per group.
        per_group: usize,
        /// Number of groups.
        groups: usize,
    },
    /// The input's channels are not those that a transposed convolution's weight reads.
    #[error(
        "the input has {got} channels, but the weight of the transposed convolution reads {expected} in {groups} \
             group(s); check the channel count, and that the groups divide it"
    )]
    TransposedChannels {
        /// Channels of the input.
        got: usize,
        /// Channels that the weight reads.
        expected: usize,
        /// Number of groups.
        groups: usize,
    },
    /// A transposed convolution whose padding cuts away the whole output.
    #[error(
        "the padding of the transposed convolution cuts {cut} elements from an output of {full} in spatial dimension \
             {axis}; use less padding or a larger input"
    )]
    NothingLeft {
        /// Spatial dimension, counted from 0.
        axis: usize,
        /// Elements of the output before the cut.
        full: usize,
        /// Elements cut.
        cut: usize,
    },
    /// The output channels do not divide into the groups.
    #[error("{channels} output channels do not divide into {groups} groups")]
    Groups {
        /// Channels of the output.
        channels: usize,
        /// Number of groups.
        groups: usize,
    },
    /// The input's last dimension is not the one that the weight reads.
    #[error("the input has {got} features, but the weight reads {expected}")]
    Features {
        /// Features of the input.
        got: usize,
        /// Features that the weight reads.
        expected: usize,
    },
    /// The bias is not a vector with one value per output.
    #[error("the bias has shape {dims:?}, expected one value for each of the {expected} outputs")]
    Bias {
        /// Shape of the bias.
        dims: Vec<usize>,
        /// Number of output channels or features.
        expected: usize,
    },
    /// A window or kernel is larger than the padded input.
    #[error(
        "a window that spans {extent} elements does not fit the padded input of {padded} elements in spatial \
             dimension {axis}; use a larger input, more padding, a smaller kernel or less dilation"
    )]
    WindowTooLarge {
        /// Spatial dimension, counted from 0.
        axis: usize,
        /// Elements that the dilated window spans.
        extent: usize,
        /// Elements of the padded input.
        padded: usize,
    },
    /// A size beyond what a tensor can have.
    #[error(
        "the window's extent or the padded input overflows in spatial dimension {axis}; \
             check kernel, dilation, stride and padding"
    )]
    Overflow {
        /// Spatial dimension, counted from 0.
        axis: usize,
    },
    /// More elements than any use has, which would end in an allocation that fails.
    #[error(
        "the {what} would have the shape {dims:?}, more than 2^31 elements; check the sizes that the layer \
         was given"
    )]
    TooLarge {
        /// Which value.
        what: &'static str,
        /// Its shape.
        dims: Vec<usize>,
    },
}

/// A value of these sizes has at most 2^31 elements.
///
/// # Errors
/// [`ShapeError::TooLarge`] otherwise.
pub fn check_elements(what: &'static str, dims: &[usize]) -> Result<(), ShapeError> {
    let elements = dims.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
    match elements.filter(|elements| *elements <= 1 << 31) {
        Some(_) => Ok(()),
        None => Err(ShapeError::TooLarge { what, dims: dims.to_vec() }),
    }
}

/// One entry per spatial dimension, or an error that names the list.
pub(crate) fn check_length(what: &'static str, got: usize, expected: usize) -> Result<(), ShapeError> {
    if got == expected { Ok(()) } else { Err(ShapeError::Length { what, got, expected }) }
}

/// No entry is 0, or an error that names the list and the spatial dimension.
pub(crate) fn check_nonzero(what: &'static str, sizes: &[usize]) -> Result<(), ShapeError> {
    sizes.iter().position(|&size| size == 0).map_or(Ok(()), |axis| Err(ShapeError::Zero { what, axis }))
}

/// The tensor holds at least one element, and few enough to be counted.
pub(crate) fn check_filled(what: &'static str, dims: &[usize]) -> Result<(), ShapeError> {
    if dims.contains(&0) { Err(ShapeError::Empty { what, dims: dims.to_vec() }) } else { Ok(()) }
}
