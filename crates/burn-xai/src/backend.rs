//! The backends that are compiled in, one module each, chosen by cargo features.
//!
//! `Default` is the first of flex, ndarray that is compiled in, and [`device`] gives its device.

#[cfg(feature = "flex")]
pub use xai_flex as flex;
#[cfg(feature = "ndarray")]
pub use xai_ndarray as ndarray;

#[cfg(feature = "flex")]
pub use xai_flex::{Flex as Default, device};
#[cfg(all(feature = "ndarray", not(feature = "flex")))]
pub use xai_ndarray::{NdArray as Default, device};
