//! Where an explainer gets its graph from.

use std::error::Error;

use burn_backend::Backend;

use crate::Value;
use crate::graph::Graph;

/// Something that gives a graph for inputs of some shape: a recorded model, or a graph itself.
pub trait GraphSource<B: Backend>: Send + Sync {
    /// The graph for these inputs.
    ///
    /// # Errors
    /// Whatever kept the source from giving one.
    fn graph(&self, inputs: &[Value<B>]) -> Result<Graph<B>, Box<dyn Error + Send + Sync>>;

    /// Whether the graph depends on the inputs' shapes, so that new shapes need a new graph.
    fn depends_on_shape(&self) -> bool {
        true
    }

    /// Whether a graph that was given so far depends on the inputs' values, so that every input needs
    /// a graph of its own.
    fn depends_on_values(&self) -> bool {
        false
    }
}

/// A graph built by hand serves every batch size as it is.
impl<B: Backend> GraphSource<B> for Graph<B> {
    fn graph(&self, _: &[Value<B>]) -> Result<Graph<B>, Box<dyn Error + Send + Sync>> {
        Ok(self.clone())
    }

    fn depends_on_shape(&self) -> bool {
        false
    }
}
