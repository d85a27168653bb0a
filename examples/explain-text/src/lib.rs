//! all-MiniLM-L6-v2, and why it takes two sentences for similar.

pub mod explain;
pub mod model;
pub mod network;
pub mod page;
pub mod picture;
pub mod report;
pub mod sentence;
pub mod terminal;

use std::error::Error;

/// What the examples return: they only print their errors.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;
