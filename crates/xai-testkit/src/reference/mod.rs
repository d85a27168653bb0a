//! Plain f64 loops over host arrays: slow, short and independent of the library's kernels.

mod conv;
mod linear;
mod pool;

pub use conv::{conv, conv_adjoint, conv_output_dims};
pub use linear::{linear, linear_adjoint};
pub use pool::{
    average_pool, average_pool_adjoint, extremum_pool, extremum_pool_adjoint, pool_output_dims, takes_most,
};

/// A row-major f64 array of any rank.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Size of each dimension.
    pub dims: Vec<usize>,
    /// Elements, the last dimension fastest.
    pub data: Vec<f64>,
}

impl Array {
    /// An array of zeros.
    pub fn zeros(dims: &[usize]) -> Self {
        Self { dims: dims.to_vec(), data: vec![0.0; dims.iter().product()] }
    }

    /// An array whose element number `i` is `f(i)`.
    pub fn from_fn(dims: &[usize], f: impl FnMut(usize) -> f64) -> Self {
        Self { dims: dims.to_vec(), data: (0..dims.iter().product()).map(f).collect() }
    }

    /// Position of a multi-index in `data`.
    pub fn position(&self, index: &[usize]) -> usize {
        position(&self.dims, index)
    }

    /// The largest absolute difference to `other`, relative to the largest absolute element of
    /// self; infinite when shapes differ or anything is NaN.
    pub fn relative_error(&self, other: &Array) -> f64 {
        if self.dims != other.dims {
            return f64::INFINITY;
        }
        let scale = self.data.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let differences = self.data.iter().zip(&other.data).map(|(a, b)| (a - b).abs());
        let worst = differences.fold(0.0_f64, |m, d| if d.is_nan() { f64::INFINITY } else { m.max(d) });
        if scale > 0.0 { worst / scale } else { worst }
    }
}

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
