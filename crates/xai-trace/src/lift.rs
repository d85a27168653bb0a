//! From recorded operations to a graph of layers.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use burn_backend::{Backend, Shape};
use xai_core::Value;
use xai_core::graph::{Graph, GraphBuilder, NodeId};
use xai_core::kernel::{PoolGeometry, PoolOutput};
use xai_core::layer::{Activation, Add, Barrier, BatchNorm, Conv, Layer, Linear, Pool, Reshape};

use crate::error::TraceError;
use crate::names::{Names, Unique};
use crate::op::{Op, Window};
use crate::raise::{Normalisation, batch_norms};
use crate::tensor::{Edge, Key, Node};

/// The graph between the recorded `input` and `output`.
pub(crate) fn lift<B: Backend>(
    input: &Arc<Node<B>>,
    output: &Arc<Node<B>>,
    names: &Names,
) -> Result<Graph<B>, TraceError> {
    let nodes = reachable(output);
    if nodes.iter().any(|node| matches!(node.op, Op::Input) && node.id != input.id) {
        return Err(TraceError::ForeignInput);
    }
    if input.id == output.id {
        return Err(TraceError::Identity);
    }
    let norms = batch_norms(&nodes);
    let inside: HashSet<u64> = norms.values().flat_map(|norm| norm.inside).collect();
    let mut builder = GraphBuilder::new();
    let mut unique = Unique::default();
    // For each recorded node its place in the graph and its name there.
    let mut places: HashMap<u64, (NodeId, String)> = HashMap::new();
    for node in nodes.iter().filter(|node| !inside.contains(&node.id)) {
        if node.id == input.id {
            let name = unique.claim("input");
            let id = builder.input(name.as_str(), node.shape.as_slice())?;
            places.insert(node.id, (id, name));
            continue;
        }
        let step = match norms.get(&node.id) {
            Some(norm) => normalisation(node, norm),
            None => operation(node),
        };
        let inputs: Vec<_> = step.inputs.iter().filter_map(|input| places.get(&input.id)).collect();
        let name = match names.first(step.constants.iter().copied()) {
            Some(owner) if !owner.path.is_empty() => owner.path.clone(),
            // A parameter of the model itself: the model is this one layer, or has it beside others.
            Some(_) => step.kind.to_owned(),
            // The input made last is the one on the model's main branch: at a residual sum it is the
            // block, not the shortcut around it.
            None => match inputs.iter().max_by_key(|(id, _)| *id) {
                Some((_, producer)) => format!("{producer}.{}", step.kind),
                None => step.kind.to_owned(),
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
            stack.extend(node.inputs.iter().filter_map(Edge::node).cloned());
            place.insert(node);
        }
    }
    seen.into_values().collect()
}

/// A layer with what it reads.
struct Step<'a, B: Backend> {
    layer: Layer<B>,
    /// What nodes of this layer are called that own no parameter.
    kind: &'static str,
    inputs: Vec<&'a Node<B>>,
    constants: Vec<Key>,
}

fn normalisation<'a, B: Backend>(node: &'a Node<B>, norm: &'a Normalisation<B>) -> Step<'a, B> {
    let [mean, std, scale, shift] = norm.constants.clone().map(|constant| constant.value);
    let keys = norm.constants.iter().map(|constant| constant.key).collect();
    let layer = match BatchNorm::new(mean, std, scale, shift) {
        Ok(layer) => layer.into(),
        Err(error) => Barrier::new(format!("batch norm ({error})"), node.shape.as_slice().to_vec()).into(),
    };
    Step { layer, kind: "batch_norm", inputs: vec![&norm.input], constants: keys }
}

fn operation<B: Backend>(node: &Node<B>) -> Step<'_, B> {
    let inputs: Vec<&Node<B>> = node.inputs.iter().filter_map(Edge::node).map(Arc::as_ref).collect();
    let constants = node.inputs.iter().filter_map(Edge::constant).map(|constant| constant.key).collect();
    let output = node.shape.as_slice();
    let layer = layer(node).and_then(|layer| {
        let dims: Vec<&[usize]> = inputs.iter().map(|input| input.shape.as_slice()).collect();
        match layer.ops().output_dims(&dims) {
            Ok(dims) if dims == output => Ok(layer),
            Ok(dims) => Err(format!("the layer's output would be {dims:?} instead of {output:?}")),
            Err(error) => Err(error.to_string()),
        }
    });
    let layer = layer.unwrap_or_else(|why| {
        let op = match node.op {
            Op::Barrier(method) => method.to_owned(),
            _ => format!("{} ({why})", node.op.name()),
        };
        Barrier::new(op, output.to_vec()).into()
    });
    Step { layer, kind: node.op.name(), inputs, constants }
}

/// The table from operations to layers; an `Err` says why an operation has none.
fn layer<B: Backend>(node: &Node<B>) -> Result<Layer<B>, String> {
    let output = node.shape.as_slice();
    Ok(match &node.op {
        Op::Linear => {
            let (weight, bias) = parameters(node)?;
            Linear::new(weight, bias).map_err(|error| error.to_string())?.into()
        }
        Op::Conv(geometry) => {
            let (weight, bias) = parameters(node)?;
            Conv::new(weight, bias, geometry.clone()).map_err(|error| error.to_string())?.into()
        }
        Op::Relu => Activation::Relu.into(),
        Op::MaxPool(window) => Pool::max(sliding(window, output)).into(),
        Op::AvgPool { window, count_include_pad } => {
            Pool::average(sliding(window, output), *count_include_pad).into()
        }
        Op::AdaptiveAvgPool => {
            let output = output.get(2..).unwrap_or_default().to_vec();
            Pool::average(PoolGeometry::Adaptive { output }, false).into()
        }
        Op::Add => match node.inputs.as_slice() {
            [Edge::Node(_), Edge::Node(_)] => Add.into(),
            _ => return Err("of a constant".to_owned()),
        },
        Op::Sub | Op::Mul | Op::Div => {
            return Err(match node.inputs.as_slice() {
                [Edge::Node(_), Edge::Node(_)] => "of two values that depend on the input".to_owned(),
                _ => "of a constant, outside a batch norm".to_owned(),
            });
        }
        Op::Reshape => reshape(node),
        Op::Input | Op::Barrier(_) => return Err("no layer".to_owned()),
    })
}

/// Constant weight and bias of a layer whose first argument alone depends on the input.
fn parameters<B: Backend>(node: &Node<B>) -> Result<(Value<B>, Option<Value<B>>), String> {
    let constant = |edge: &Edge<B>| edge.constant().map(|constant| constant.value);
    let parameters = match node.inputs.as_slice() {
        [Edge::Node(_), weight] => constant(weight).map(|weight| (weight, None)),
        [Edge::Node(_), weight, bias] => constant(weight).zip(constant(bias).map(Some)),
        _ => None,
    };
    parameters.ok_or_else(|| "with weights that depend on the input".to_owned())
}

/// The recorded output size is exact, whichever way the framework rounds it.
fn sliding(window: &Window, output: &[usize]) -> PoolGeometry {
    PoolGeometry::Sliding {
        kernel: window.kernel.clone(),
        stride: window.stride.clone(),
        padding: window.padding.iter().map(|&size| (size, size)).collect(),
        dilation: window.dilation.clone(),
        output: PoolOutput::Exact(output.get(2..).unwrap_or_default().to_vec()),
    }
}

/// Keeps a leading dimension that the reshape leaves alone free: it is the batch.
fn reshape<B: Backend>(node: &Node<B>) -> Layer<B> {
    let first = |shape: &Shape| shape.as_slice().first().copied();
    let input = node.inputs.first().and_then(Edge::node);
    let batch = input.is_some_and(|input| first(&input.shape) == first(&node.shape));
    let sizes = node.shape.as_slice().iter().map(|&size| size as i64);
    Reshape::new(sizes.enumerate().map(|(place, size)| if batch && place == 0 { 0 } else { size })).into()
}
