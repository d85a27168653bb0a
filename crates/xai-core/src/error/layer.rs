//! Layers that cannot be built, or cannot take their inputs.

use std::convert::Infallible;

use burn_backend::Backend;
use thiserror::Error;

use crate::Value;
use crate::kernel::ShapeError;

/// A layer that cannot be built, or cannot take its inputs.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum LayerError {
    /// Wrong number of inputs.
    #[error("the layer takes {expected}, but got {got}")]
    Arity {
        /// What the layer takes.
        expected: &'static str,
        /// Number of inputs given.
        got: usize,
    },
    /// The code of the layer or its rule panicked.
    #[error("the layer or its rule panicked: {message}")]
    Panicked {
        /// Text of the panic, and where it happened.
        message: String,
    },
    /// A graph input where a layer is wanted.
    #[error("an input computes nothing; declare it with `GraphBuilder::input`")]
    NotALayer,
    /// Input sizes that the layer's geometry cannot take.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Summands of different shapes.
    #[error("the inputs must have one shape, but are {first:?} and {other:?}; expand the smaller one first")]
    UnequalShapes {
        /// Shape of the first input.
        first: Vec<usize>,
        /// The first shape that differs.
        other: Vec<usize>,
    },
    /// Wrong number of channels.
    #[error("the layer takes [batch, {expected}, ...], but the input is {input:?}")]
    Channels {
        /// Channels the layer was built for.
        expected: usize,
        /// Shape of the input.
        input: Vec<usize>,
    },
    /// A reshape that does not keep the number of elements.
    #[error(
        "cannot reshape {input:?} to {dims:?}: the number of elements differs or more than one size is -1"
    )]
    Reshape {
        /// Shape of the input.
        input: Vec<usize>,
        /// Requested sizes.
        dims: Vec<i64>,
    },
    /// A parameter of the wrong shape.
    #[error("the {name} must have the shape {expected}, but has {got:?}")]
    Parameter {
        /// Which parameter.
        name: &'static str,
        /// Its shape in words.
        expected: &'static str,
        /// Shape given.
        got: Vec<usize>,
    },
    /// Settings that do not fit the shape of the input.
    #[error("`{layer}` with {setting} does not fit an input of the shape {input:?}")]
    Misfit {
        /// Name of the layer.
        layer: &'static str,
        /// Its settings, in words.
        setting: String,
        /// Shape of the input.
        input: Vec<usize>,
    },
    /// Matrices that cannot be multiplied.
    #[error(
        "a matrix product of {left:?} and {right:?} is not defined: it takes [..., n, k] and [..., k, m] of \
             equal rank, with leading dimensions that are equal or 1"
    )]
    Matrices {
        /// Shape of the left factor.
        left: Vec<usize>,
        /// Shape of the right factor.
        right: Vec<usize>,
    },
    /// A setting out of range.
    #[error("the setting `{parameter}` of `{layer}` is {value}, but must be {range}")]
    Setting {
        /// Name of the layer.
        layer: &'static str,
        /// Name of the setting.
        parameter: &'static str,
        /// Value given.
        value: f64,
        /// Allowed values.
        range: &'static str,
    },
    /// A module whose configuration no layer expresses.
    #[error("this configuration cannot be expressed: {what}")]
    NotExpressible {
        /// What is not supported, and what to do instead.
        what: String,
    },
    /// Bounds of a box rule for inputs of other sizes.
    #[error(
        "the bound of the shape {bound:?} does not fit the input {input:?}; give bounds that vary over channels \
         only, or explain inputs of the size that they were made for"
    )]
    Bound {
        /// Sizes of the bound, without the batch.
        bound: Vec<usize>,
        /// Sizes of the input.
        input: Vec<usize>,
    },
    /// An operation that no layer stands for.
    #[error("the operation `{operation}` has no layer")]
    UnsupportedOperation {
        /// Name of the recorded operation.
        operation: String,
    },
    /// A layer that is neither linear nor has a gradient of its own.
    #[error("the layer has no gradient; implement `LayerOps::vjp` or `LayerOps::linear_map`")]
    NoGradient,
    /// A rule read a forward value that it had not declared.
    #[error("{what} was not saved; a rule must declare in `Saved` what it reads")]
    NotSaved {
        /// Which value.
        what: &'static str,
    },
}

/// Conversions into a layer that cannot fail are taken where those that can are.
impl From<Infallible> for LayerError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl LayerError {
    pub(crate) fn parameter<B: Backend>(name: &'static str, expected: &'static str, got: &Value<B>) -> Self {
        Self::Parameter { name, expected, got: got.dims() }
    }
}
