//! Explaining: a model, a composite, a target; relevance of every input element.

mod attribution;
mod explainer;
mod run;
mod source;
mod target;

pub use attribution::Attribution;
pub use explainer::{Explainer, Prepared};
pub use source::GraphSource;
pub use target::{Seed, Target};

pub(crate) use run::{Run, check_output};
pub(crate) use target::{Start, check_relevance, describe, fits};
