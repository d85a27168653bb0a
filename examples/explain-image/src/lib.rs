//! EfficientNet-Lite0, pretrained on ImageNet, and photographs for it.

pub mod classes;
pub mod model;
pub mod photo;
pub mod pixels;
pub mod weights;

use std::error::Error;

/// What the examples return: they only print their errors.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;
