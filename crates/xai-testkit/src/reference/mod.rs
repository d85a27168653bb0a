//! Plain f64 loops over host arrays: slow, short and independent of the library's kernels.

mod conv;
mod linear;
mod pool;

pub use conv::{conv, conv_adjoint, conv_output_dims};
pub use linear::{linear, linear_adjoint};
pub use pool::{
    average_pool, average_pool_adjoint, extremum_pool, extremum_pool_adjoint, pool_output_dims, takes_most,
};

pub use crate::host::Array;

/// Position of a multi-index in a row-major array.
fn position(dims: &[usize], index: &[usize]) -> usize {
    dims.iter().zip(index).fold(0, |flat, (&size, &i)| flat * size + i)
}

/// All multi-indices of an array, in row-major order.
fn indices(dims: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    (0..dims.iter().product()).map(|mut flat: usize| {
        let mut index = vec![0; dims.len()];
        for (i, &size) in dims.iter().enumerate().rev() {
            index[i] = flat % size;
            flat /= size;
        }
        index
    })
}
