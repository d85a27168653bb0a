//! Runs a graph forward and lets relevance flow backward through it.
//!
//! Forward keeps only the values that the plan's rules read. Backward visits every node once, in
//! reverse order, and frees what no later step needs.

mod backward;
mod forward;
mod ledger;

use burn_backend::Backend;

pub(crate) use backward::{Observer, backward};
pub(crate) use forward::{Forward, all_finite, read};
pub(crate) use ledger::Bookkeeper;
pub use ledger::{Ledger, LedgerRow};

use crate::Value;
use crate::composite::{Plan, gradient};
use crate::error::ExplainError;
use crate::graph::Graph;

/// The graph's output; nothing else is kept.
pub(crate) fn forward<B: Backend>(graph: &Graph<B>, inputs: &[Value<B>]) -> Result<Value<B>, ExplainError> {
    Ok(Forward::run(graph, inputs, |_| false)?.output)
}

/// Vector-Jacobian product of the whole graph: the gradient rule everywhere.
pub(crate) fn vjp<B: Backend>(
    graph: &Graph<B>,
    inputs: &[Value<B>],
    gradient_out: Value<B>,
) -> Result<Vec<Value<B>>, ExplainError> {
    let plan = Plan::new(graph, &gradient(), &Default::default())?;
    let forward = Forward::run_for(graph, &plan, inputs)?;
    crate::explain::check_relevance(&gradient_out, &forward.output)?;
    backward(graph, &plan, forward, gradient_out, &mut Observer::default())
}
