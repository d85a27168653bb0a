//! One error type per stage; every message says what was wrong, where, and what to do.

mod attributor;
mod explain;
mod graph;
mod layer;
mod nearest;
mod panics;
mod plan;

pub use attributor::AttributorError;
pub use explain::{ExplainError, TargetError};
pub use graph::{CanonizeError, GraphError, InputError};
pub use layer::LayerError;
pub(crate) use nearest::nearest;
pub use panics::caught;
pub(crate) use panics::guarded;
pub use plan::{NodeGroup, PlanError, RuleError};
