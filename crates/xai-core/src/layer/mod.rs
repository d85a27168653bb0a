//! Layers: what a graph node computes, and the abilities that rules ask for.
//!
//! A [`Layer`] is a family, listed in one table at the end of this file, plus [`Layer::Custom`]. Every
//! member implements [`LayerOps`]: output shape, forward, and the vector-Jacobian product. What else
//! it can do is found by one query each: [`LayerOps::linear_map`] and [`LayerOps::pooling`]. A rule
//! asks for the ability it needs, and planning fails with names when a layer lacks it.

mod activation;
mod add;
mod affine;
mod arithmetic;
mod assign;
mod batch_norm;
mod channels;
mod concat;
mod context;
mod conv;
mod conv_transpose;
mod cumulative_sum;
mod detach;
mod elementwise;
mod embedding;
mod expand;
mod functions;
mod gather;
mod interpolate;
mod interval;
mod linear;
mod matmul;
mod normalize;
mod ops;
mod pad;
mod permute;
mod pool;
mod prelu;
mod reduce;
mod reshape;
mod slice;
mod softmax;
mod unsupported;

#[cfg(test)]
mod testing;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

pub use activation::Activation;
pub use add::Add;
pub use affine::{Affine, Coefficient};
pub use arithmetic::Arithmetic;
pub use assign::Assign;
pub use batch_norm::BatchNorm;
pub(crate) use channels::{along, spread_groups, sum_groups};
pub use concat::Concat;
pub use context::{BackwardContext, LedgerTerm, Saved};
pub(crate) use context::{LedgerTerms, NodeValues};
pub use conv::Conv;
pub use conv_transpose::ConvTranspose;
pub use cumulative_sum::CumulativeSum;
pub use detach::Detach;
pub use elementwise::Elementwise;
pub use embedding::Embedding;
pub use expand::{Expand, Repeat};
pub use gather::Gather;
pub use interpolate::Interpolate;
pub use interval::Interval;
pub use linear::Linear;
pub use matmul::Matmul;
pub use normalize::Normalize;
pub use ops::{LayerOps, LinearMap};
pub use pad::Pad;
pub use permute::{Flip, Permute};
pub use pool::Pool;
pub use prelu::PRelu;
pub use reduce::Reduce;
pub use reshape::Reshape;
pub use slice::{Cut, Select, Slice};
pub use softmax::{Softmax, SoftmaxForm};
pub use unsupported::{Derivative, Unsupported};

use crate::Value;
use crate::error::{LayerError, guarded};
use crate::kernel::check_elements;

/// From one row per layer, `Variant(Type) = [Kind = "name", ...]`: the enums [`Layer`] and
/// [`LayerKind`], the names, the conversions and the dispatch. A layer without a kind in its row
/// shares that of another.
macro_rules! layers {
    ($(
        $(#[$doc:meta])*
        $variant:ident($type:ty) = [$($kind:ident = $name:literal),*]
    ),* $(,)?) => {
        /// What a graph node computes.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub enum Layer<B: Backend> {
            /// A graph input; it has no inputs of its own.
            Input,
            $($(#[$doc])* $variant($type),)*
            /// A layer of the user's own.
            Custom(Arc<dyn LayerOps<B>>),
        }

        impl<B: Backend> Layer<B> {
            /// The member's operations.
            pub fn ops(&self) -> &dyn LayerOps<B> {
                match self {
                    Self::Input => &Input,
                    $(Self::$variant(layer) => layer,)*
                    Self::Custom(layer) => layer.as_ref(),
                }
            }
        }

        $(impl<B: Backend> From<$type> for Layer<B> {
            fn from(layer: $type) -> Self {
                Self::$variant(layer)
            }
        })*

        /// The kinds that composites match on, with stable names (`"conv"`, `"batch-norm"`, ...).
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum LayerKind {
            /// [`Layer::Input`], `input`.
            Input,
            $($(
                #[doc = concat!("A [`Layer::", stringify!($variant), "`], `", $name, "`.")]
                $kind,
            )*)*
            /// The kind of a layer of the user's own, by a name that it chose.
            Custom(Cow<'static, str>),
        }

        impl LayerKind {
            /// The names of all kinds but those of users' layers.
            pub const NAMES: &[&'static str] = &["input", $($($name,)*)*];

            /// The kind's stable name, as composites write it.
            pub fn name(&self) -> &str {
                match self {
                    Self::Input => "input",
                    $($(Self::$kind => $name,)*)*
                    Self::Custom(name) => name,
                }
            }
        }

        /// The kind of this name: a user's own, if no other has it.
        impl From<String> for LayerKind {
            fn from(name: String) -> Self {
                match name.as_str() {
                    "input" => Self::Input,
                    $($($name => Self::$kind,)*)*
                    _ => Self::Custom(name.into()),
                }
            }
        }
    };
}

layers! {
    /// Rows of a table that token ids select: a graph input, of the kind `input`.
    Embedding(Embedding<B>) = [],
    /// `y = x W + b`.
    Linear(Linear<B>) = [Linear = "linear"],
    /// Convolution.
    Conv(Conv<B>) = [Conv = "conv"],
    /// Transposed convolution.
    ConvTranspose(ConvTranspose<B>) = [ConvTranspose = "conv-transpose"],
    /// Batch normalisation with running statistics.
    BatchNorm(BatchNorm<B>) = [BatchNorm = "batch-norm"],
    /// Normalisation over dimensions of a sample: layer, RMS, group and instance norms.
    Normalize(Normalize<B>) = [Normalize = "normalize"],
    /// Elementwise non-linearity.
    Activation(Activation) = [Activation = "activation"],
    /// Leaky rectification with learned slopes, of the kind `activation`.
    PRelu(PRelu<B>) = [],
    /// Elementwise function such as a power.
    Elementwise(Elementwise) = [Elementwise = "elementwise"],
    /// Max, min or average pooling.
    Pool(Pool) = [MaxPool = "max-pool", MinPool = "min-pool", AvgPool = "avg-pool"],
    /// Sum of the inputs.
    Add(Add) = [Add = "add"],
    /// Difference, product or quotient of two values.
    Arithmetic(Arithmetic) = [Sub = "sub", Mul = "mul", Div = "div"],
    /// Product and sum with constants.
    Affine(Affine<B>) = [Scale = "scale", Shift = "shift"],
    /// The same value, without a gradient.
    Detach(Detach) = [Detach = "detach"],
    /// Matrix product.
    Matmul(Matmul<B>) = [Matmul = "matmul"],
    /// Sum or mean over dimensions.
    Reduce(Reduce) = [Sum = "sum", Mean = "mean"],
    /// Running sums, of the kind `sum`.
    CumulativeSum(CumulativeSum) = [],
    /// An image in another size.
    Interpolate(Interpolate) = [Interpolate = "interpolate"],
    /// A softmax, softmin or log-softmax.
    Softmax(Softmax) = [Softmax = "softmax"],
    /// The same elements under another shape.
    Reshape(Reshape) = [Reshape = "reshape"],
    /// Dimensions reordered.
    Permute(Permute) = [Permute = "permute"],
    /// Elements in reverse order, of the kind `permute`.
    Flip(Flip) = [],
    /// A range of each dimension.
    Slice(Slice) = [Slice = "slice"],
    /// Elements at given places, of the kind `slice`.
    Select(Select) = [],
    /// Elements picked along a dimension, of the kind `slice`.
    Gather(Gather<B>) = [],
    /// Constants around the elements.
    Pad(Pad) = [Pad = "pad"],
    /// Dimensions of size 1 repeated.
    Expand(Expand) = [Expand = "expand"],
    /// The whole value several times, of the kind `expand`.
    Repeat(Repeat) = [],
    /// Values one after the other.
    Concat(Concat<B>) = [Concat = "concat"],
    /// A range replaced by another value, of the kind `concat`.
    Assign(Assign<B>) = [],
    /// An operation that was recorded but has no layer.
    Unsupported(Unsupported<B>) = [Unsupported = "unsupported"],
}

impl<B: Backend> Layer<B> {
    /// A layer of your own.
    pub fn custom(layer: impl LayerOps<B> + 'static) -> Self {
        Self::Custom(Arc::new(layer))
    }

    /// What composites match on.
    pub fn kind(&self) -> LayerKind {
        self.ops().kind()
    }

    /// The name of the activation, if it is one.
    pub(crate) fn activation(&self) -> Option<&'static str> {
        match self {
            Self::Activation(activation) => Some(activation.name()),
            Self::PRelu(_) => Some(PRelu::<B>::NAME),
            _ => None,
        }
    }

    /// Sizes of the output, checked, given those of the inputs.
    pub(crate) fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let dims = guarded(|| self.ops().output_dims(inputs))?;
        check_elements("output", &dims)?;
        Ok(dims)
    }

    /// The layer as a `T`, if it is one and [says so](LayerOps::as_any).
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        self.ops().as_any()?.downcast_ref()
    }
}

impl LayerKind {
    /// Layers that only move elements: relevance moves back along with them.
    pub const ROUTES: [Self; 6] =
        [Self::Reshape, Self::Permute, Self::Slice, Self::Pad, Self::Expand, Self::Concat];

    /// The kind of a layer of your own.
    pub const fn custom(name: &'static str) -> Self {
        Self::Custom(Cow::Borrowed(name))
    }
}

impl From<LayerKind> for String {
    fn from(kind: LayerKind) -> Self {
        kind.name().to_owned()
    }
}

impl fmt::Display for LayerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The operations of [`Layer::Input`]: values come from outside, relevance ends here.
#[derive(Debug)]
struct Input;

impl<B: Backend> LayerOps<B> for Input {
    fn kind(&self) -> LayerKind {
        LayerKind::Input
    }

    fn output_dims(&self, _: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        Err(LayerError::NotALayer)
    }

    fn forward(&self, _: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Err(LayerError::NotALayer)
    }
}

/// The sum of each sample, or one sum for all where dimension 0 is not the batch.
pub(crate) fn sums_of<B: Backend>(value: Value<B>, per_sample: bool) -> Value<B> {
    let elements = value.dims().iter().product();
    if per_sample { value.sum_per_sample() } else { value.reshape(&[1, elements]).sum_per_sample() }
}

/// The only value, or an arity error.
pub(crate) fn only<T>(values: Vec<T>) -> Result<T, LayerError> {
    let got = values.len();
    match <[T; 1]>::try_from(values) {
        Ok([value]) => Ok(value),
        Err(_) => Err(LayerError::Arity { expected: "one input", got }),
    }
}

/// The only input, or an arity error.
pub(crate) fn one_input<'a, T: ?Sized>(inputs: &[&'a T]) -> Result<&'a T, LayerError> {
    match inputs {
        [input] => Ok(input),
        _ => Err(LayerError::Arity { expected: "one input", got: inputs.len() }),
    }
}
