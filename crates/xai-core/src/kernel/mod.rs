//! Forward maps and adjoints of linear layers and pools, on rank-erased values.
//!
//! Every function here is exact for every geometry it accepts: strides, asymmetric padding,
//! dilation, groups, overlapping and partial pooling windows. Burn's own kernels serve where they
//! are right and fast; `choice.rs` decides, per backend and shape class, between them and ours.
//!
//! Shapes are checked once, by `output_dims` of [`ConvGeometry`] and [`PoolGeometry`] and by
//! [`linear_output_dims`], which answer with a [`ShapeError`]. The kernels themselves trust their
//! arguments and panic, as Burn's operators do, when called with shapes that those checks refuse.

mod adjoint;
mod broadcast;
mod burn_pool;
mod choice;
mod conv;
mod conv_transpose;
mod depthwise;
mod distance;
mod error;
mod host;
mod layout;
mod linear;
mod pool;
mod window;
pub mod windowed;

pub(crate) use broadcast::broadcast;
pub use choice::ConvAdjoint;
pub use conv::{ConvGeometry, conv, conv_adjoint, conv_adjoint_by};
pub use conv_transpose::{ConvTransposeGeometry, conv_transpose, conv_transpose_adjoint};
pub use distance::{squared_distances, weighted_squared_differences};
pub use error::ShapeError;
pub(crate) use layout::{interleave_zeros, narrow, pad};
pub use linear::{linear, linear_adjoint, linear_output_dims, times_transposed};
pub use pool::{
    Extremum, PoolGeometry, PoolOutput, average_pool, average_pool_adjoint, extremum_pool,
    extremum_pool_adjoint, takes_most,
};
