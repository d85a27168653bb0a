//! What every layer can do, and the ability that most rules ask for.

use std::any::Any;
use std::fmt::Debug;

use burn_backend::Backend;

use super::{BackwardContext, Interval, LayerKind, Saved};
use crate::Value;
use crate::error::LayerError;
use crate::kernel::{Extremum, PoolGeometry};

/// What every layer can do.
///
/// Implement it for a layer of your own and wrap it with [`Layer::custom`](super::Layer::custom). A
/// layer that is linear implements [`LinearMap`] too and gets its gradient from there.
pub trait LayerOps<B: Backend>: Debug + Send + Sync {
    /// What composites match on. A layer of your own may have a kind of its own:
    /// `LayerKind::custom("attention")`.
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
    /// [`LayerError::UnsupportedOperation`] where the layer cannot be computed.
    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError>;

    /// Which values [`vjp`](Self::vjp) reads beside the gradient; none for a linear layer.
    fn vjp_saved(&self) -> Saved {
        Saved::NOTHING
    }

    /// Vector-Jacobian product: for each input, the gradient of `sum(gradient * output)`. A linear
    /// layer has it from its [`linear_map`](Self::linear_map); every other one implements it.
    ///
    /// # Errors
    /// [`LayerError`] when a value that it reads was not saved, or the layer has no gradient.
    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        match self.linear_map() {
            Some(map) => Ok(vec![map.adjoint(gradient, map.weight(), context.dims()?)]),
            None => Err(LayerError::NoGradient),
        }
    }

    /// The layer as a linear map of its one input, if it is one.
    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        None
    }

    /// The part of the output that no input has a share in, such as a bias or an added constant, shaped to
    /// broadcast against the output `like`; `None` if there is none.
    fn constant(&self, context: &BackwardContext<'_, B>, like: &Value<B>) -> Option<Value<B>> {
        let _ = context;
        self.linear_map()?.bias(like.rank())
    }

    /// For each index of dimension 0, how much of the output's `relevance` lies on elements that no input
    /// gives; `None` where the inputs give all of them.
    fn relevance_of_constants(
        &self,
        context: &BackwardContext<'_, B>,
        relevance: &Value<B>,
    ) -> Option<Value<B>> {
        let _ = (context, relevance);
        None
    }

    /// What a max or min pool takes from which windows, if the layer is one.
    fn pooling(&self) -> Option<(Extremum, &PoolGeometry)> {
        None
    }

    /// The interval that the output lies in, given those of the inputs.
    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        let _ = inputs;
        Interval::ANY
    }

    /// Why the largest output is not the answer of a model that ends in this layer, if so: a layer of
    /// distances says that the largest is the farthest. `Target::argmax()` is refused with this text.
    fn argmax_refusal(&self) -> Option<&'static str> {
        None
    }

    /// The layer itself, for rules and canonizers that know its type: `Some(self)` lets them find a
    /// [`Layer::Custom`](super::Layer::Custom) by [`Layer::downcast_ref`](super::Layer::downcast_ref).
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }

    /// The layer's parameters and constants: of one element type and on one device, which inputs must share.
    fn parameters(&self) -> Vec<&Value<B>> {
        Vec::new()
    }
}
/// A layer that is linear in its one input, up to a bias: `z = A_W x + b`.
///
/// `A_W` is linear in the weight too, so a rule may apply the map, or its adjoint, with a weight
/// of its own: the positive part, ones, squares.
pub trait LinearMap<B: Backend> {
    /// The weight; `None` for maps without parameters, such as average pooling, whose
    /// coefficients are all non-negative.
    fn weight(&self) -> Option<&Value<B>>;

    /// The bias, shaped to broadcast against an output of rank `output_rank`.
    fn bias(&self, output_rank: usize) -> Option<Value<B>>;

    /// Whether the map treats every sample, an index of dimension 0, by itself and like the others.
    fn is_per_sample(&self) -> bool {
        true
    }

    /// The dimensions of `x`, of rank `input_rank`, and of `W` that the map sums over, where inputs
    /// joined along the one meet weights joined along the other: `A_[V W] [x y] = A_V x + A_W y`.
    /// `None` where it has no such dimensions.
    fn summed_dims(&self, _input_rank: usize) -> Option<[usize; 2]> {
        None
    }

    /// `A_W x`, without bias. `weight` is `None` exactly when [`weight`](Self::weight) is.
    fn apply(&self, x: &Value<B>, weight: Option<&Value<B>>) -> Value<B>;

    /// The adjoint `A_W^T r`, of shape `input_dims`.
    fn adjoint(&self, r: Value<B>, weight: Option<&Value<B>>, input_dims: &[usize]) -> Value<B>;

    /// `A_1 1`, input and weight all ones: how many inputs each output sees. `input_dims` are the
    /// input's sizes, `like` gives element type and device. The result may have size 1 where
    /// outputs do not differ.
    fn apply_ones(&self, like: &Value<B>, input_dims: &[usize]) -> Value<B> {
        let ones = self.weight().map(|weight| weight.full_like(&weight.dims(), 1.0));
        self.apply(&like.full_like(input_dims, 1.0), ones.as_ref())
    }

    /// `r` summed over outputs that see the same inputs: all that `A_1^T` needs to know of `r`. A map
    /// that has this has an [`apply_ones`](Self::apply_ones) of its own too, which broadcasts to the
    /// sizes of the sums, and an [`adjoint_ones`](Self::adjoint_ones) that takes them.
    fn sum_alike(&self, r: Value<B>) -> Value<B> {
        r
    }

    /// `A_1^T r`, the adjoint with a weight of ones, of `r` or of its [sums](Self::sum_alike).
    fn adjoint_ones(&self, r: Value<B>, input_dims: &[usize]) -> Value<B> {
        let ones = self.weight().map(|weight| weight.full_like(&weight.dims(), 1.0));
        self.adjoint(r, ones.as_ref(), input_dims)
    }
}
