//! Canonizers: rewrites that put a model into the form that rules are written for.
//!
//! A canonizer finds its pattern by data flow, never by names, and must not change what the graph
//! computes. [`canonize`] runs a list of them until none applies any more.

mod merge_batch_norm;

use std::fmt::Debug;

use burn_backend::Backend;

pub use merge_batch_norm::MergeBatchNorm;

use crate::error::{CanonizeError, GraphError};
use crate::graph::{Graph, GraphPatch};

/// A rewrite that keeps what the graph computes.
pub trait Canonizer<B: Backend>: Debug + Send + Sync {
    /// Name, for error messages.
    fn name(&self) -> &'static str;

    /// The first place where the rewrite applies, or `None` when there is none left.
    ///
    /// # Errors
    /// [`GraphError`] when the rewrite does not fit the graph.
    fn rewrite(&self, graph: &Graph<B>) -> Result<Option<GraphPatch<B>>, GraphError>;

    /// Whether it merges weights, which rounds anew: a ReLU whose input is next to 0 may open or close, and
    /// with it a gradient. The gradient methods use models without such canonizers.
    fn merges_weights(&self) -> bool {
        false
    }

    /// Whether the rewritten graph's output is that of the model, and not another form of it.
    fn keeps_output(&self) -> bool {
        true
    }
}

/// The canonizers that a model has unless told otherwise.
pub fn default_canonizers<B: Backend>() -> Vec<Box<dyn Canonizer<B>>> {
    vec![Box::new(MergeBatchNorm)]
}

/// Applies `canonizers` until none finds anything left to rewrite.
///
/// # Errors
/// [`CanonizeError`] when a rewrite does not fit, or canonizers keep undoing each other.
pub fn canonize<B: Backend>(
    graph: Graph<B>,
    canonizers: &[Box<dyn Canonizer<B>>],
) -> Result<Graph<B>, CanonizeError> {
    canonize_by(graph, canonizers.iter().map(AsRef::as_ref))
}

/// The same for some canonizers of a list.
pub(crate) fn canonize_by<'a, B: Backend>(
    graph: Graph<B>,
    canonizers: impl Iterator<Item = &'a dyn Canonizer<B>> + Clone,
) -> Result<Graph<B>, CanonizeError> {
    // Every rewrite of a well-behaved canonizer uses up at least one node.
    let limit = 10 * graph.nodes().len();
    let (mut graph, mut rewrites) = (graph, 0);
    let mut changed = true;
    while changed {
        changed = false;
        for canonizer in canonizers.clone() {
            let failed = |source| CanonizeError::Rewrite { canonizer: canonizer.name().to_owned(), source };
            while let Some(patch) = canonizer.rewrite(&graph).map_err(failed)? {
                if rewrites >= limit {
                    return Err(CanonizeError::NoFixpoint { rewrites, last: patch.reason().to_owned() });
                }
                graph = graph.apply(patch).map_err(failed)?;
                (rewrites, changed) = (rewrites + 1, true);
            }
        }
    }
    Ok(graph)
}
