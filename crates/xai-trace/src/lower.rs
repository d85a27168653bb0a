//! From recorded operations to a graph of layers: `layers.rs` has the layer of one operation, `fuse/`
//! finds those that are one layer together.

use std::borrow::Cow;
use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use burn_backend::Backend;
use xai_core::graph::{Graph, GraphBuilder, NodeId};
use xai_core::layer::{Expand, Layer, Unsupported};

use crate::error::TraceError;
use crate::fuse::{Fused, fuse};
use crate::layers::{expand, layer};
use crate::names::{Names, Unique};
use crate::op::Op;
use crate::tensor::{Edge, Key, Node};

/// The graph between the recorded inputs, with their names, and `output`.
pub(crate) fn lower<B: Backend>(
    inputs: &[(String, Arc<Node<B>>)],
    output: &Arc<Node<B>>,
    names: &Names<B>,
) -> Result<Graph<B>, TraceError> {
    let is_input = |node: &Node<B>| inputs.iter().any(|(_, input)| input.id == node.id);
    let nodes = reachable(output);
    if nodes.iter().any(|node| matches!(node.op, Op::Input) && !is_input(node)) {
        return Err(TraceError::ForeignInput);
    }
    if is_input(output) {
        return Err(TraceError::Identity);
    }
    let fused = fuse(&nodes);
    let inside: HashSet<u64> = fused.values().flat_map(|fused| fused.inside.iter().copied()).collect();
    let mut builder = GraphBuilder::new();
    let mut unique = Unique::default();
    // For each recorded node its place in the graph and its name there.
    let mut places: HashMap<u64, (NodeId, String)> = HashMap::new();
    for (name, node) in inputs {
        let name = unique.claim(name);
        let id = builder.input(name.as_str(), node.shape.as_slice())?;
        places.insert(node.id, (id, name));
    }
    for node in nodes.iter().filter(|node| !inside.contains(&node.id) && !is_input(node)) {
        let step = match fused.get(&node.id) {
            Some(fused) => Step::fused(fused),
            None => Step::of(node),
        };
        let mut inputs = Vec::with_capacity(step.inputs.len());
        for (input, expand) in &step.inputs {
            let Some((id, name)) = places.get(&input.id).cloned() else { continue };
            inputs.push(match expand {
                None => (id, name),
                Some(expand) => {
                    let name = unique.claim(&format!("{name}.expand"));
                    (builder.push(name.as_str(), expand.clone(), &[id])?, name)
                }
            });
        }
        let name = match names.first(step.constants.iter().copied()) {
            Some(owner) if !owner.path.is_empty() => owner.path.clone(),
            // A parameter of the model itself: the model is this one layer, or has it beside others.
            Some(_) => step.kind.to_string(),
            // The input made last is the one on the model's main branch: at a residual sum it is the
            // block, not the shortcut around it.
            None => match inputs.iter().max_by_key(|(id, _)| *id) {
                Some((_, producer)) => format!("{producer}.{}", step.kind),
                None => step.kind.to_string(),
            },
        };
        let name = unique.claim(&name);
        let ids: Vec<NodeId> = inputs.iter().map(|(id, _)| *id).collect();
        let id = builder.push(name.as_str(), step.layer, &ids)?;
        places.insert(node.id, (id, name));
    }
    match places.get(&output.id) {
        Some((id, _)) => Ok(builder.finish(*id)?),
        None => Err(TraceError::Disconnected),
    }
}

/// The nodes that `output` depends on, and itself: inputs first.
pub(crate) fn reachable<B: Backend>(output: &Arc<Node<B>>) -> Vec<Arc<Node<B>>> {
    let mut seen = BTreeMap::new();
    let mut stack = vec![output.clone()];
    while let Some(node) = stack.pop() {
        if let Entry::Vacant(place) = seen.entry(node.id) {
            stack.extend(node.inputs.iter().filter_map(Edge::origin).cloned());
            place.insert(node);
        }
    }
    seen.into_values().collect()
}

/// A layer with what it reads.
struct Step<'a, B: Backend> {
    layer: Layer<B>,
    /// Name stem of nodes without parameters.
    kind: Cow<'static, str>,
    /// The inputs, expanded first where the operation broadcasts them.
    inputs: Vec<(&'a Node<B>, Option<Expand>)>,
    constants: Vec<Key>,
}

impl<'a, B: Backend> Step<'a, B> {
    fn fused(fused: &'a Fused<B>) -> Self {
        Self {
            layer: fused.layer.clone(),
            kind: fused.kind.clone(),
            inputs: vec![(&fused.input, None)],
            constants: fused.constants.clone(),
        }
    }

    fn of(node: &'a Node<B>) -> Self {
        let output = node.shape.as_slice();
        let broadcasts = matches!(node.op, Op::Add | Op::Sub | Op::Mul | Op::Div);
        let input = |input: &'a Arc<Node<B>>| {
            let dims = input.shape.as_slice();
            (input.as_ref(), (broadcasts && dims != output).then(|| expand(dims, output)))
        };
        let inputs: Vec<_> = node.inputs.iter().filter_map(Edge::node).map(input).collect();
        let constants = node.inputs.iter().filter_map(Edge::constant).map(|constant| constant.key).collect();
        let layer = layer(node).and_then(|layer| {
            let dims = inputs.iter().map(|(input, expand)| match expand {
                None => input.shape.as_slice(),
                Some(_) => output,
            });
            match layer.ops().output_dims(&dims.collect::<Vec<_>>()) {
                Ok(dims) if dims == output => Ok(layer),
                Ok(dims) => Err(format!("the layer's output would be {dims:?} instead of {output:?}")),
                Err(error) => Err(error.to_string()),
            }
        });
        match layer {
            Ok(layer) => Self { layer, kind: node.op.name(), inputs, constants },
            Err(why) => {
                let op = match node.op {
                    Op::Unsupported(method) => method.to_owned(),
                    _ => format!("{} ({why})", node.op.name()),
                };
                let origins = node.inputs.iter().filter_map(Edge::origin);
                let inputs = origins.map(|origin| (origin.as_ref(), None)).collect();
                let layer = Unsupported::new(op, output.to_vec()).into();
                Self { layer, kind: node.op.name(), inputs, constants }
            }
        }
    }
}
