//! Lowers a recording to a graph: each operation, or each group that [`fuse`](crate::fuse) found, to one
//! layer with a name.

use std::borrow::Cow;
use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use burn_backend::Backend;
use xai_core::error::{ExplainError, GraphError};
use xai_core::graph::{Graph, GraphBuilder, NodeId};
use xai_core::layer::{Embedding, Layer, Unsupported};

use crate::broadcast::before;
use crate::error::TraceError;
use crate::fuse::{Fused, fused};
use crate::ids::Lookup;
use crate::layers::layers;
use crate::names::{Parameters, Unique};
use crate::op::Op;
use crate::tensor::{Edge, Key, Node};

/// A lowered node: where it is, and what nodes without parameters that read it are named after.
#[derive(Clone)]
struct Place {
    id: NodeId,
    stem: String,
}

/// A recorded input of the graph.
pub(crate) struct GraphInput<'a, B: Backend> {
    /// The name of the model's input.
    pub(crate) name: &'a str,
    pub(crate) node: Arc<Node<B>>,
    /// For rows of a table, the place of the ids among the model's inputs.
    pub(crate) lookup: Option<(usize, Lookup<B>)>,
}

/// The graph between the recorded `inputs`, in order, and `output`.
pub(crate) fn lower<B: Backend>(
    inputs: Vec<GraphInput<'_, B>>,
    output: &Arc<Node<B>>,
    parameters: &Parameters<B>,
) -> Result<Graph<B>, ExplainError> {
    let mut builder = GraphBuilder::new();
    let mut unique = Unique::default();
    let mut places: HashMap<u64, Place> = HashMap::new();
    for GraphInput { name, node, lookup } in inputs {
        let dims = node.shape.as_slice();
        let (stem, id) = match (lookup, node.inputs.first().and_then(Edge::constant)) {
            (Some((place, lookup)), Some(table)) => {
                let owner = parameters.owner([table.key]).filter(|owner| !owner.is_empty());
                let stem = unique.claim(&owner.map_or_else(|| format!("{name}.embedding"), str::to_owned));
                let embedding = Embedding::new(table.value, place);
                let embedding =
                    embedding.map_err(|source| GraphError::Layer { node: stem.clone(), source })?;
                let embedding = match lookup.computed {
                    Some((ids, places)) => embedding.with_computed_ids(ids, places),
                    None => embedding,
                };
                let id = builder.lookup(stem.as_str(), embedding, &dims[..dims.len() - 1])?;
                (stem, id)
            }
            _ => {
                let stem = unique.claim(name);
                let id = builder.input(stem.as_str(), dims)?;
                (stem, id)
            }
        };
        places.insert(node.id, Place { id, stem });
    }
    if places.contains_key(&output.id) {
        return Err(TraceError::Identity.into());
    }
    let nodes = reachable(output);
    if nodes.iter().any(|node| matches!(node.op, Op::Input) && !places.contains_key(&node.id)) {
        return Err(TraceError::ForeignInput.into());
    }
    let fused = fused(&nodes);
    let inside: HashSet<u64> = fused.values().flat_map(|fused| fused.inside.iter().copied()).collect();
    for node in nodes.iter().filter(|node| !inside.contains(&node.id) && !matches!(node.op, Op::Input)) {
        let step = match fused.get(&node.id) {
            Some(fused) => Step::fused(fused),
            None => Step::of(node),
        };
        let mut inputs = Vec::with_capacity(step.inputs.len());
        for (input, before) in step.inputs {
            let Some(Place { mut id, stem }) = places.get(&input.id).cloned() else { continue };
            for layer in before {
                let name = unique.claim(&format!("{stem}.{}", kind_name(&layer)));
                id = builder.push(name, layer, &[id])?;
            }
            inputs.push(Place { id, stem });
        }
        let owner = match parameters.owner(step.constants) {
            // A parameter of the model itself: the model is this one layer, or has it beside others.
            Some("") => Some(step.kind.to_string()),
            owner => owner.map(str::to_owned),
        };
        // The input made last is the one on the model's main branch: at a residual sum it is the
        // block, not the shortcut around it.
        let producer = inputs.iter().max_by_key(|input| input.id);
        let (name, stem) = match (owner, producer) {
            (None, Some(Place { stem, .. })) => {
                (unique.claim(&format!("{stem}.{}", step.kind)), stem.clone())
            }
            (owner, _) => {
                let name = unique.claim(owner.as_deref().unwrap_or(&step.kind));
                (name.clone(), name)
            }
        };
        let mut ids: Vec<NodeId> = inputs.iter().map(|input| input.id).collect();
        for layer in step.first {
            let name = unique.claim(&format!("{stem}.{}", kind_name(&layer)));
            ids = vec![builder.push(name, layer, &ids)?];
        }
        let id = builder.push(name, step.last, &ids)?;
        places.insert(node.id, Place { id, stem });
    }
    match places.get(&output.id) {
        Some(place) => Ok(builder.finish(place.id)?),
        None => Err(TraceError::Disconnected.into()),
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

/// What nodes of a layer are called that comes before or between others.
fn kind_name<B: Backend>(layer: &Layer<B>) -> String {
    layer.kind().name().replace('-', "_")
}

/// One or more layers, one after the other, with what they read.
struct Step<'a, B: Backend> {
    /// The layers before the last.
    first: Vec<Layer<B>>,
    last: Layer<B>,
    /// What the node is called if the layer owns no parameter.
    kind: Cow<'static, str>,
    /// The inputs, each with layers that come between.
    inputs: Vec<(&'a Node<B>, Vec<Layer<B>>)>,
    constants: Vec<Key>,
}

impl<'a, B: Backend> Step<'a, B> {
    fn fused(fused: &'a Fused<B>) -> Self {
        Self {
            first: Vec::new(),
            last: fused.layer.clone(),
            kind: fused.kind.clone(),
            inputs: fused.inputs.iter().map(|input| (input.as_ref(), Vec::new())).collect(),
            constants: fused.constants.clone(),
        }
    }

    fn of(node: &'a Node<B>) -> Self {
        let kind = node.op.name();
        let inputs = node.inputs.iter().filter_map(Edge::node).enumerate();
        let inputs: Vec<_> =
            inputs.map(|(place, input)| (input.as_ref(), before(node, input, place))).collect();
        let constants = node.inputs.iter().filter_map(Edge::constant).map(|constant| constant.key).collect();
        let checked = layers(node).and_then(|layers| check(&inputs, layers, node.shape.as_slice()));
        match checked {
            Ok((first, last)) => Self { first, last, kind, inputs, constants },
            Err(why) => {
                let operation = match node.op {
                    Op::Unsupported(_) => node.op.name().into_owned(),
                    _ => format!("{} ({why})", node.op.name()),
                };
                let origins = node.inputs.iter().filter_map(Edge::origin);
                let inputs = origins.map(|origin| (origin.as_ref(), Vec::new())).collect();
                let last = Unsupported::new(operation, node.shape.as_slice().to_vec());
                let last =
                    node.derivative.clone().into_iter().fold(last, Unsupported::with_derivative).into();
                Self { first: Vec::new(), last, kind, inputs, constants }
            }
        }
    }
}

/// The layers before the last and the last, if they take the inputs and give the recorded output.
fn check<B: Backend>(
    inputs: &[(&Node<B>, Vec<Layer<B>>)],
    mut layers: Vec<Layer<B>>,
    output: &[usize],
) -> Result<(Vec<Layer<B>>, Layer<B>), String> {
    let through = |dims: Vec<Vec<usize>>, layer: &Layer<B>| {
        let dims: Vec<&[usize]> = dims.iter().map(Vec::as_slice).collect();
        layer.ops().output_dims(&dims).map(|dims| vec![dims]).map_err(|error| error.to_string())
    };
    let mut dims = Vec::with_capacity(inputs.len());
    for (input, before) in inputs {
        dims.extend(before.iter().try_fold(vec![input.shape.as_slice().to_vec()], through)?);
    }
    let dims = layers.iter().try_fold(dims, through)?;
    if dims != [output] {
        return Err(format!("the layer's output would be {:?} instead of {output:?}", dims[0]));
    }
    let last = layers.pop().ok_or("no layer")?;
    Ok((layers, last))
}
