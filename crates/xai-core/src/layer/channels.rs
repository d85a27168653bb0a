//! Values that vary along one dimension, and sums over groups of channels.

use burn_backend::Backend;

use crate::Value;

/// A vector as a value of rank `rank` that varies along `axis` only, to broadcast.
pub(crate) fn along<B: Backend>(vector: &Value<B>, rank: usize, axis: usize) -> Value<B> {
    let mut dims = vec![1; rank];
    dims[axis] = vector.dims().iter().product();
    vector.clone().reshape(&dims)
}

/// The channels of each of `groups` added up: `[batch, groups * n, ...]` to `[batch, groups, ...]`.
pub(crate) fn sum_groups<B: Backend>(value: Value<B>, groups: usize) -> Value<B> {
    let dims = value.dims();
    let each = [&[dims[0], groups, dims[1] / groups], &dims[2..]].concat();
    value.reshape(&each).sum_dim(2).reshape(&[&[dims[0], groups], &dims[2..]].concat())
}

/// The one channel of each of `groups` given to all channels that `dims` has per group:
/// `[batch, groups, ...]` to `dims`.
pub(crate) fn spread_groups<B: Backend>(value: Value<B>, groups: usize, dims: &[usize]) -> Value<B> {
    let each = |channels: usize| [&dims[..1], &[groups, channels], &dims[2..]].concat();
    value.reshape(&each(1)).expand(&each(dims[1] / groups)).reshape(dims)
}
