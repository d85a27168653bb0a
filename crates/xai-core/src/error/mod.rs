//! One error type per stage; every message says what was wrong, where, and what to do.

mod explain;
mod graph;
mod layer;
mod plan;

pub use explain::{ExplainError, TargetError};
pub use graph::{CanonizeError, GraphError, InputError};
pub use layer::LayerError;
pub use plan::{PlanError, RuleError};

pub use crate::attributor::AttributorError;
