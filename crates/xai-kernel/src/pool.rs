//! Max, min and average pools in one, two and three spatial dimensions.

use burn_backend::Backend;

use crate::burn_pool::BurnPool;
use crate::capability::Capability;
use crate::choice::{self, PoolTask};
use crate::pool_geometry::{Extremum, PoolGeometry};
use crate::window::Windows;
use crate::{Value, host, windowed};

/// Largest or smallest element of each window.
///
/// x `[leading..., in...]`, the result as [`PoolGeometry::output_dims`] says. Padding is not part
/// of a window; a window without any element yields the lowest (for min pools the highest) finite
/// number of the element type.
pub fn extremum_pool<B: Backend>(x: &Value<B>, extremum: Extremum, geometry: &PoolGeometry) -> Value<B> {
    let all = geometry.windows(&x.dims());
    match burn_pool::<B>(&all, PoolTask::Extremum) {
        Some(pool) => extremum.as_max(pool.max(&extremum.as_max(x.clone()))).reshape(&output_dims(x, &all)),
        None => windowed::extremum_pool(x, extremum, geometry),
    }
}

/// Winner takes all: each window's relevance goes to its largest (smallest) element, the first one
/// in row-major order where several are equal.
///
/// x `[leading..., in...]`, r `[leading..., out...]`, the result is shaped like x. This is also the
/// vector-Jacobian product of [`extremum_pool`]. A window without any element drops its relevance.
pub fn extremum_pool_adjoint<B: Backend>(
    x: &Value<B>,
    r: &Value<B>,
    extremum: Extremum,
    geometry: &PoolGeometry,
) -> Value<B> {
    match burn_pool::<B>(&geometry.windows(&x.dims()), PoolTask::Extremum) {
        Some(pool) => pool.max_adjoint(&extremum.as_max(x.clone()), r).reshape(&x.dims()),
        None => windowed::extremum_pool_adjoint(x, r, extremum, geometry),
    }
}

/// Takes most: each window's relevance is shared out over its elements by a softmax,
/// `R_i = sum_j p_ij R_j` over the windows `j` that contain `i`, with
/// `p_ij = exp(beta (x_i - m_j)) / sum_k exp(beta (x_k - m_j))` and `m_j` the window's maximum; for
/// min pools with `-beta` and its minimum.
///
/// x `[leading..., in...]`, r `[leading..., out...]`, beta finite and not negative; the result is
/// shaped like x. With `beta` 0 all elements of a window get the same, and the larger it is, the
/// more its largest (smallest) gets; equal elements always get the same. Padding is not part of a
/// window. The sum of `r` is kept, but that a window without any element drops its relevance.
pub fn takes_most<B: Backend>(
    x: &Value<B>,
    r: &Value<B>,
    beta: f64,
    extremum: Extremum,
    geometry: &PoolGeometry,
) -> Value<B> {
    // Beyond this all elements but the extrema have the weight 0 anyway, and f32 holds it.
    let beta = beta.min(1e30);
    let by_loop =
        Capability::of::<B>().loops_on_host().then(|| host::takes_most(x, r, beta, extremum, geometry));
    by_loop.flatten().unwrap_or_else(|| windowed::takes_most(x, r, beta, extremum, geometry))
}

/// Mean of each window: the sum of its elements, divided by their number with padding
/// (`count_include_pad`) or without.
///
/// x `[leading..., in...]`, the result as [`PoolGeometry::output_dims`] says. What lies beyond the
/// padding never counts; a window without any element yields 0.
pub fn average_pool<B: Backend>(x: &Value<B>, geometry: &PoolGeometry, count_include_pad: bool) -> Value<B> {
    let all = geometry.windows(&x.dims());
    match burn_pool::<B>(&all, PoolTask::Average) {
        Some(pool) => pool.average(x, count_include_pad).reshape(&output_dims(x, &all)),
        None => windowed::average_pool(x, geometry, count_include_pad),
    }
}

/// Transpose of [`average_pool`]: each window sends `r / count` to every element.
///
/// r `[leading..., out...]`, the result has shape `input_dims` = `[leading..., in...]`.
pub fn average_pool_adjoint<B: Backend>(
    r: &Value<B>,
    input_dims: &[usize],
    geometry: &PoolGeometry,
    count_include_pad: bool,
) -> Value<B> {
    match burn_pool::<B>(&geometry.windows(input_dims), PoolTask::AverageAdjoint { count_include_pad }) {
        Some(pool) => pool.average_adjoint(r, count_include_pad).reshape(input_dims),
        None => windowed::average_pool_adjoint(r, input_dims, geometry, count_include_pad),
    }
}

/// Burn's kernel for this pool, where it is right and fast.
fn burn_pool<B: Backend>(all: &[Windows], task: PoolTask) -> Option<BurnPool> {
    choice::burn_pool::<B>(all, task).map(|ceil_mode| BurnPool::new(all, ceil_mode))
}

/// Shape of the pooled `x`.
fn output_dims<B: Backend>(x: &Value<B>, all: &[Windows]) -> Vec<usize> {
    let mut dims = x.dims();
    let leading = dims.len() - all.len();
    dims.truncate(leading);
    dims.extend(all.iter().map(Windows::output));
    dims
}
