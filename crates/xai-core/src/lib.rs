//! Layer-wise relevance propagation for Burn: graph, rules, composites, canonizers and engine.

pub mod kernel;
mod value;

pub use value::Value;
