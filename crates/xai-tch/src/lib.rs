//! The LibTorch backend for burn-xai.
