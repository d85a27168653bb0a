//! The NdArray CPU backend for burn-xai.
