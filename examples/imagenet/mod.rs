//! EfficientNet-Lite0, pretrained on ImageNet, and photographs for it.

// Every target compiles its own copy of this module and uses only a part of it.
#![allow(dead_code)]

pub(crate) mod classes;
pub(crate) mod measure;
pub(crate) mod methods;
pub(crate) mod model;
pub(crate) mod photo;
#[path = "../common/progress.rs"]
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod weights;

use std::error::Error;

/// What the examples return: they only print their errors.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;
