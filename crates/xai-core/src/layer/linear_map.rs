//! The ability that most rules ask for: being linear in the input.

use burn_backend::Backend;

use crate::Value;

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
