//! Forward maps and adjoints of linear layers and pools, on rank-erased values.
//!
//! Every function here is exact for every geometry it accepts: strides, asymmetric padding,
//! dilation, groups, overlapping and partial pooling windows. Burn's own kernels serve where they
//! are right and fast; `choice.rs` decides, per backend and shape class, between them and ours, and
//! `capability.rs` finds the backend from its type.
//!
//! Shapes are checked once, by `output_dims` of [`ConvGeometry`] and [`PoolGeometry`] and by
//! [`linear_output_dims`], which answer with a [`ShapeError`]. The kernels themselves trust their
//! arguments and panic, as Burn's operators do, when called with shapes that those checks refuse.

mod broadcast;
mod burn_pool;
mod capability;
mod choice;
mod conv;
mod conv_adjoint;
mod conv_axis;
mod conv_geometry;
mod conv_patches;
mod conv_transpose;
mod depthwise;
mod distance;
mod error;
mod host;
mod layout;
mod linear;
mod pool;
mod pool_geometry;
mod value;
mod window;
pub mod windowed;

pub use choice::ConvAdjoint;
pub use conv::conv;
pub use conv_adjoint::{conv_adjoint, conv_adjoint_by};
pub use conv_geometry::ConvGeometry;
pub use conv_transpose::{ConvTransposeGeometry, conv_transpose, conv_transpose_adjoint};
pub use distance::{squared_distances, weighted_squared_differences};
pub use error::{ShapeError, check_elements};
pub use layout::{interleave_zeros, narrow, pad};
pub use linear::{linear, linear_adjoint, linear_output_dims, times_transposed};
pub use pool::{average_pool, average_pool_adjoint, extremum_pool, extremum_pool_adjoint, takes_most};
pub use pool_geometry::{Extremum, PoolGeometry, PoolOutput};
pub use value::Value;
