//! The wgpu GPU backend for burn-xai.
