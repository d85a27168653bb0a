//! Explaining: a model, a composite, a target; relevance of every input element.

mod attribution;
mod explainer;
mod source;
mod target;

pub use attribution::Attribution;
pub use explainer::{Explainer, Prepared};
pub use source::GraphSource;
pub use target::{Seed, Target};

pub(crate) use target::check_relevance;
