//! Silero VAD, and when it heard the speech that it is sure of.

pub mod drawing;
pub mod explain;
pub mod listen;
pub mod model;
pub mod network;
pub mod page;
pub mod panels;
pub mod picture;
pub mod recording;
pub mod report;
pub mod terminal;

use std::error::Error;

/// What the examples return: they only print their errors.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;
