//! Golden networks as graphs, layer by layer.

use std::collections::HashMap;

use burn::tensor::backend::Backend;
use xai_core::graph::{Graph, GraphBuilder, NodeId};
use xai_core::layer::{Add, Layer};

use super::error::GoldenError;
use super::layer::Place;
use super::manifest::{ArchNode, Network};
use super::weights::Weights;

/// A network as a graph for inputs of the sizes `dims`; nodes have the names of its layers.
///
/// # Errors
/// [`GoldenError`] for a layer that the library does not have, or that does not fit.
pub fn graph<B: Backend>(
    network: &Network,
    weights: &Weights<'_, B>,
    dims: &[usize],
) -> Result<Graph<B>, GoldenError> {
    let mut builder = GraphBuilder::new();
    let output = grow(&mut builder, &network.arch, weights, dims)?;
    let failed = |source| GoldenError::Graph { case: weights.case.name.clone(), source };
    builder.finish(output).map_err(failed)
}

/// Adds the layers of a network, with an input of the sizes `dims`; the last one.
pub(super) fn grow<B: Backend>(
    builder: &mut GraphBuilder<B>,
    arch: &[ArchNode],
    weights: &Weights<'_, B>,
    dims: &[usize],
) -> Result<NodeId, GoldenError> {
    let failed = |source| GoldenError::Graph { case: weights.case.name.clone(), source };
    let mut places: HashMap<&str, NodeId> = HashMap::new();
    places.insert("input", builder.input("input", dims).map_err(failed)?);
    let mut last = None;
    for node in arch {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            let place = places.get(input.as_str()).copied();
            inputs.push(place.ok_or_else(|| {
                weights.inconsistent(format!("layer `{}`: no node `{input}` before it", node.name))
            })?);
        }
        // Dropout does nothing in evaluation mode: its readers read what it reads.
        let place = match (node.layer.op.as_str(), inputs.as_slice()) {
            ("Dropout", [input]) => *input,
            (op, _) => {
                let place = Place { weights, node: Some(&node.name), spec: &node.layer };
                let layer = if op == "Sum" { Layer::from(Add) } else { place.layer()? };
                builder.push(node.name.as_str(), layer, &inputs).map_err(failed)?
            }
        };
        places.insert(&node.name, place);
        last = Some(place);
    }
    last.ok_or_else(|| weights.inconsistent("its network has no layers".to_owned()))
}
