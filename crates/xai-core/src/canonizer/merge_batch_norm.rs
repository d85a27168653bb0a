//! Batch norm folded into the layer before it.

use burn_backend::Backend;

use super::Canonizer;
use crate::error::GraphError;
use crate::graph::{Graph, GraphPatch};
use crate::layer::Layer;

/// Folds a batch norm into the linear layer or convolution that alone feeds it.
///
/// With `factor = scale / std` and `offset = shift - mean factor` per output channel, the merged
/// layer has the weight `W factor` and the bias `b factor + offset`. Rules then see one linear
/// layer; relevance at the batch norm is found under its old name.
#[derive(Debug, Clone, Copy, Default)]
pub struct MergeBatchNorm;

impl<B: Backend> Canonizer<B> for MergeBatchNorm {
    fn name(&self) -> &'static str {
        "merge-batch-norm"
    }

    fn rewrite(&self, graph: &Graph<B>) -> Result<Option<GraphPatch<B>>, GraphError> {
        let consumers = graph.consumers();
        for (id, node) in graph.iter() {
            let (Layer::BatchNorm(batch_norm), [before]) = (node.layer(), node.inputs()) else { continue };
            let linear = graph.node(*before)?;
            if consumers[before.index()].len() != 1 {
                continue;
            }
            let (factor, offset) = batch_norm.factor_and_offset();
            let merged: Layer<B> = match linear.layer() {
                Layer::Conv(conv) => conv.scaled(&factor, &offset).into(),
                // Beyond [batch, features] a batch norm scales another axis than the features.
                Layer::Linear(linear) if node.dims().len() == 2 => linear.scaled(&factor, &offset).into(),
                _ => continue,
            };
            let mut patch = GraphPatch::new(format!("merge `{}` into `{}`", node.name(), linear.name()));
            let inputs = linear
                .inputs()
                .iter()
                .map(|input| patch.tap(graph, *input))
                .collect::<Result<Vec<_>, _>>()?;
            let merged = patch.wire(linear.name(), merged, &inputs)?;
            patch.shunt(graph, id, &merged)?;
            return Ok(Some(patch));
        }
        Ok(None)
    }
}
