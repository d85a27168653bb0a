//! Runs a graph forward and lets relevance flow backward through it.
//!
//! Forward keeps only the values that the plan's rules read. Backward visits every node once, in
//! reverse order, and frees what no later step needs.

mod backward;
mod check;
mod forward;
mod host;
mod ledger;

use burn_backend::Backend;

pub(crate) use backward::{Observer, backward};
pub(crate) use check::{check_inputs, check_output};
pub(crate) use forward::Forward;
pub(crate) use host::{all_finite, read};
pub use ledger::{Ledger, LedgerRow};
pub(crate) use ledger::{LedgerBuilder, total};

use crate::Value;
use crate::composite::{CustomRules, Plan, gradient};
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::model::{GraphSource, InputKind, check_relevance};

/// The output of a graph for inputs that were checked; nothing else is kept.
pub(crate) fn run<B: Backend>(graph: &Graph<B>, inputs: &[Value<B>]) -> Result<Value<B>, ExplainError> {
    Ok(Forward::run(graph, inputs, |_| false)?.output)
}

impl<B: Backend> Graph<B> {
    /// Values for the graph inputs, the rows that ids look up among them.
    fn check_values(&self, inputs: &[Value<B>]) -> Result<(), ExplainError> {
        let mut signature = self.signature();
        for (input, id) in signature.inputs.iter_mut().zip(self.inputs()) {
            (input.kind, input.rank) = (InputKind::Float, self.node(*id)?.dims().len());
        }
        check_inputs(&signature, &inputs.into())
    }

    /// The graph's output.
    ///
    /// # Shapes
    /// `inputs` as the graph inputs were declared, the batch size free where no layer fixes it.
    ///
    /// # Errors
    /// [`ExplainError`] when the inputs do not fit, or an operation has no layer.
    pub fn forward(&self, inputs: &[Value<B>]) -> Result<Value<B>, ExplainError> {
        self.check_values(inputs)?;
        run(self, inputs)
    }

    /// The largest magnitude of all finite elements of all nodes' outputs.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn largest_magnitude(&self, inputs: &[Value<B>]) -> Result<f64, ExplainError> {
        self.check_values(inputs)?;
        let values = Forward::run(self, inputs, |_| true)?.values;
        let mut largest: f64 = 0.0;
        for value in values.iter().flatten() {
            let magnitudes = read(value)?.into_iter().map(f64::abs);
            largest = magnitudes.filter(|magnitude| magnitude.is_finite()).fold(largest, f64::max);
        }
        Ok(largest)
    }

    /// Vector-Jacobian product: for each graph input, the gradient of `sum(gradient * output)`.
    ///
    /// # Errors
    /// [`ExplainError`] when inputs or gradient do not fit, or an operation has no layer.
    pub fn vjp(&self, inputs: &[Value<B>], gradient_out: Value<B>) -> Result<Vec<Value<B>>, ExplainError> {
        self.check_values(inputs)?;
        let plan = Plan::new(self, &gradient(), &CustomRules::new())?;
        let forward = Forward::run_for(self, &plan, inputs, &[])?;
        check_relevance(&gradient_out, &forward.output)?;
        backward(self, &plan, forward, None, gradient_out, &mut Observer::default())
    }
}
