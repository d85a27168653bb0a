//! Layers: what a graph node computes, and the abilities that rules ask for.
//!
//! A [`Layer`] is a closed family plus [`Layer::Custom`]. Every member implements [`LayerOps`]:
//! output shape, forward, and the vector-Jacobian product. What else it can do is found by one
//! query each: [`LayerOps::linear_map`] and [`LayerOps::pooling`]. A rule asks for the ability it
//! needs, and planning fails with names when a layer lacks it.

mod activation;
mod add;
mod affine;
mod arithmetic;
mod barrier;
mod batch_norm;
mod channels;
mod concat;
mod conv;
mod conv_transpose;
mod distance;
mod elementwise;
mod expand;
mod linear;
mod linear_map;
mod matmul;
mod pad;
mod permute;
mod pool;
mod prelu;
mod reduce;
mod reshape;
mod site;
mod slice;
mod softmax;

#[cfg(test)]
mod testing;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

pub use activation::Activation;
pub use add::Add;
pub use affine::{Affine, Coefficient};
pub use arithmetic::Arithmetic;
pub use barrier::Barrier;
pub use batch_norm::BatchNorm;
pub(crate) use channels::{along, spread_groups, sum_groups};
pub use concat::Concat;
pub use conv::Conv;
pub use conv_transpose::ConvTranspose;
pub use distance::{CentroidDistance, Power};
pub use expand::{Expand, Repeat};
pub use linear::Linear;
pub use linear_map::LinearMap;
pub use matmul::Matmul;
pub use pad::Pad;
pub use permute::{Flip, Permute};
pub use pool::Pool;
pub use prelu::PRelu;
pub use reduce::Reduce;
pub use reshape::Reshape;
pub(crate) use site::Account;
pub use site::{Absorbed, Reads, Site};
pub use slice::{Cut, Select, Slice};
pub use softmax::{Softmax, SoftmaxForm};

use crate::Value;
use crate::error::LayerError;

/// What every layer can do.
///
/// Implement it for a layer of your own and wrap it with [`Layer::custom`].
pub trait LayerOps<B: Backend>: Debug + Send + Sync {
    /// What composites match on.
    fn kind(&self) -> LayerKind;

    /// Sizes of the output, given those of the inputs.
    ///
    /// This is where bad shapes are found: [`forward`](Self::forward) and [`vjp`](Self::vjp) are
    /// only called with inputs that passed here.
    ///
    /// # Errors
    /// [`LayerError`] when the number of inputs or their shapes do not fit the layer.
    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError>;

    /// The layer's output. A value that nothing else will read is handed over, so that a backend may
    /// put the output in its place.
    ///
    /// # Errors
    /// [`LayerError::Barrier`] where the layer cannot be computed.
    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError>;

    /// Which values [`vjp`](Self::vjp) reads beside the gradient.
    fn vjp_reads(&self) -> Reads;

    /// Vector-Jacobian product: for each input, the gradient of `sum(gradient * output)`.
    ///
    /// # Errors
    /// [`LayerError`] when a value that it reads was not kept, or the layer has no gradient.
    fn vjp(&self, site: &Site<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError>;

    /// The layer as a linear map of its one input, if it is one.
    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        None
    }

    /// The layer's pooling window, if it has one.
    fn pooling(&self) -> Option<&Pool> {
        None
    }

    /// Whether the output can never be negative, given which inputs can not.
    fn keeps_non_negative(&self, inputs_non_negative: bool) -> bool {
        let _ = inputs_non_negative;
        false
    }

    /// The layer itself, for rules and canonizers that know its type: `Some(self)` lets them find a
    /// [`Layer::Custom`] by [`Layer::downcast_ref`].
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }

    /// One value of the layer's parameters, from which element type and device can be read.
    fn parameter(&self) -> Option<&Value<B>> {
        None
    }
}

/// What a graph node computes.
#[derive(Debug, Clone)]
pub enum Layer<B: Backend> {
    /// A graph input; it has no inputs of its own.
    Input,
    /// `y = x W + b`.
    Linear(Linear<B>),
    /// Convolution.
    Conv(Conv<B>),
    /// Transposed convolution.
    ConvTranspose(ConvTranspose<B>),
    /// Batch normalisation with running statistics.
    BatchNorm(BatchNorm<B>),
    /// Elementwise non-linearity.
    Activation(Activation),
    /// Leaky rectification with learned slopes.
    PRelu(PRelu<B>),
    /// Max, min or average pooling.
    Pool(Pool),
    /// Sum of the inputs.
    Add(Add),
    /// Difference, product or quotient of two values.
    Arithmetic(Arithmetic),
    /// Product and sum with constants.
    Affine(Affine<B>),
    /// Matrix product.
    Matmul(Matmul<B>),
    /// Sum or mean over dimensions.
    Reduce(Reduce),
    /// Softmax, softmin or log-softmax.
    Softmax(Softmax),
    /// The same elements under another shape.
    Reshape(Reshape),
    /// Dimensions reordered.
    Permute(Permute),
    /// Elements in reverse order.
    Flip(Flip),
    /// A range of each dimension.
    Slice(Slice),
    /// Elements at given places.
    Select(Select),
    /// Constants around the elements.
    Pad(Pad),
    /// Dimensions of size 1 repeated.
    Expand(Expand),
    /// The whole value several times.
    Repeat(Repeat),
    /// Values one after the other.
    Concat(Concat<B>),
    /// Distances to centroids.
    CentroidDistance(CentroidDistance<B>),
    /// An operation that was recorded but has no layer.
    Barrier(Barrier),
    /// A layer of the user's own.
    Custom(Arc<dyn LayerOps<B>>),
}

/// The kinds that composites match on, with stable names (`"conv"`, `"batch-norm"`, ...).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LayerKind {
    /// [`Layer::Input`].
    Input,
    /// [`Layer::Linear`].
    Linear,
    /// [`Layer::Conv`].
    Conv,
    /// [`Layer::ConvTranspose`].
    ConvTranspose,
    /// [`Layer::BatchNorm`].
    BatchNorm,
    /// [`Layer::Activation`] and [`Layer::PRelu`].
    Activation,
    /// [`Layer::Pool`] that takes the maximum.
    MaxPool,
    /// [`Layer::Pool`] that takes the minimum.
    MinPool,
    /// [`Layer::Pool`] that takes the mean.
    AvgPool,
    /// [`Layer::Add`].
    Add,
    /// [`Arithmetic::Sub`].
    Sub,
    /// [`Arithmetic::Mul`].
    Mul,
    /// [`Arithmetic::Div`].
    Div,
    /// [`Layer::Affine`].
    Affine,
    /// [`Layer::Matmul`].
    Matmul,
    /// [`Layer::Reduce`] that takes the sum.
    Sum,
    /// [`Layer::Reduce`] that takes the mean.
    Mean,
    /// [`Layer::Softmax`].
    Softmax,
    /// [`Layer::Reshape`].
    Reshape,
    /// [`Layer::Permute`] and [`Layer::Flip`].
    Permute,
    /// [`Layer::Slice`] and [`Layer::Select`].
    Slice,
    /// [`Layer::Pad`].
    Pad,
    /// [`Layer::Expand`] and [`Layer::Repeat`].
    Expand,
    /// [`Layer::Concat`].
    Concat,
    /// [`Layer::CentroidDistance`].
    Distance,
    /// Scores of clusters, the largest for the cluster that a point belongs to: the head that
    /// `xai-kmeans` makes of distances.
    Clusters,
    /// [`Layer::Barrier`].
    Barrier,
    /// [`Layer::Custom`].
    Custom,
}

impl LayerKind {
    /// Layers that only move elements: relevance moves back along with them.
    pub const ROUTES: [Self; 6] =
        [Self::Reshape, Self::Permute, Self::Slice, Self::Pad, Self::Expand, Self::Concat];

    /// The kind's stable name, as composites write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Linear => "linear",
            Self::Conv => "conv",
            Self::ConvTranspose => "conv-transpose",
            Self::BatchNorm => "batch-norm",
            Self::Activation => "activation",
            Self::MaxPool => "max-pool",
            Self::MinPool => "min-pool",
            Self::AvgPool => "avg-pool",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Affine => "affine",
            Self::Matmul => "matmul",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Softmax => "softmax",
            Self::Reshape => "reshape",
            Self::Permute => "permute",
            Self::Slice => "slice",
            Self::Pad => "pad",
            Self::Expand => "expand",
            Self::Concat => "concat",
            Self::Distance => "distance",
            Self::Clusters => "clusters",
            Self::Barrier => "barrier",
            Self::Custom => "custom",
        }
    }
}

impl std::fmt::Display for LayerKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl<B: Backend> Layer<B> {
    /// A layer of your own.
    pub fn custom(layer: impl LayerOps<B> + 'static) -> Self {
        Self::Custom(Arc::new(layer))
    }

    /// The member's operations.
    pub fn ops(&self) -> &dyn LayerOps<B> {
        match self {
            Self::Input => &Input,
            Self::Linear(layer) => layer,
            Self::Conv(layer) => layer,
            Self::ConvTranspose(layer) => layer,
            Self::BatchNorm(layer) => layer,
            Self::Activation(layer) => layer,
            Self::PRelu(layer) => layer,
            Self::Pool(layer) => layer,
            Self::Add(layer) => layer,
            Self::Arithmetic(layer) => layer,
            Self::Affine(layer) => layer,
            Self::Matmul(layer) => layer,
            Self::Reduce(layer) => layer,
            Self::Softmax(layer) => layer,
            Self::Reshape(layer) => layer,
            Self::Permute(layer) => layer,
            Self::Flip(layer) => layer,
            Self::Slice(layer) => layer,
            Self::Select(layer) => layer,
            Self::Pad(layer) => layer,
            Self::Expand(layer) => layer,
            Self::Repeat(layer) => layer,
            Self::Concat(layer) => layer,
            Self::CentroidDistance(layer) => layer,
            Self::Barrier(layer) => layer,
            Self::Custom(layer) => layer.as_ref(),
        }
    }

    /// What composites match on.
    pub fn kind(&self) -> LayerKind {
        self.ops().kind()
    }

    /// The layer as a `T`, if it is one and [says so](LayerOps::as_any).
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        self.ops().as_any()?.downcast_ref()
    }
}

macro_rules! into_layer {
    ($($variant:ident($type:ty)),*) => {$(
        impl<B: Backend> From<$type> for Layer<B> {
            fn from(layer: $type) -> Self {
                Self::$variant(layer)
            }
        }
    )*};
}
into_layer!(
    Linear(Linear<B>),
    Conv(Conv<B>),
    ConvTranspose(ConvTranspose<B>),
    BatchNorm(BatchNorm<B>),
    Activation(Activation),
    PRelu(PRelu<B>),
    Pool(Pool),
    Add(Add),
    Arithmetic(Arithmetic),
    Affine(Affine<B>),
    Matmul(Matmul<B>),
    Reduce(Reduce),
    Softmax(Softmax),
    Reshape(Reshape),
    Permute(Permute),
    Flip(Flip),
    Slice(Slice),
    Select(Select),
    Pad(Pad),
    Expand(Expand),
    Repeat(Repeat),
    Concat(Concat<B>),
    CentroidDistance(CentroidDistance<B>),
    Barrier(Barrier)
);

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

    fn vjp_reads(&self) -> Reads {
        Reads::NOTHING
    }

    fn vjp(&self, _: &Site<'_, B>, _: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Err(LayerError::NotALayer)
    }
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
