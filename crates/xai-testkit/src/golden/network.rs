//! Golden networks as graphs, layer by layer.

use std::collections::HashMap;

use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::error::{GraphError, LayerError};
use xai_core::graph::{Graph, GraphBuilder, NodeId};
use xai_core::kernel::{ConvGeometry, PoolGeometry, PoolOutput};
use xai_core::layer::{Activation, Add, BatchNorm, Conv, Layer, Linear, Pool, Reshape};

use super::error::GoldenError;
use super::manifest::{ArchNode, Case, Network, Sizes};
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
    let case = weights.case;
    let failed = |source| GoldenError::Graph { case: case.name.clone(), source };
    let mut builder = GraphBuilder::new();
    let mut places: HashMap<&str, NodeId> = HashMap::new();
    places.insert("input", builder.input("input", dims).map_err(failed)?);
    let mut last = None;
    for node in &network.arch {
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            let place = places.get(input.as_str()).copied();
            inputs
                .push(place.ok_or_else(|| inconsistent(case, node, format!("no node `{input}` before it")))?);
        }
        // Dropout does nothing in evaluation mode: its readers read what it reads.
        let place = match (node.op.as_str(), inputs.as_slice()) {
            ("Dropout", [input]) => *input,
            _ => builder.push(node.name.as_str(), layer(weights, node)?, &inputs).map_err(failed)?,
        };
        places.insert(&node.name, place);
        last = Some(place);
    }
    match last {
        Some(output) => builder.finish(output).map_err(failed),
        None => Err(GoldenError::Inconsistent {
            case: case.name.clone(),
            what: "its network has no layers".to_owned(),
        }),
    }
}

fn inconsistent(case: &Case, node: &ArchNode, what: String) -> GoldenError {
    GoldenError::Inconsistent { case: case.name.clone(), what: format!("layer `{}`: {what}", node.name) }
}

fn layer<B: Backend>(weights: &Weights<'_, B>, node: &ArchNode) -> Result<Layer<B>, GoldenError> {
    let built = match node.op.as_str() {
        "Linear" => {
            let weight = weights.linear(&format!("{}.weight", node.name))?;
            Linear::new(weight, bias(weights, node)?).map(Layer::from)
        }
        "Conv1d" => convolution(weights, node, 1)?,
        "Conv2d" => convolution(weights, node, 2)?,
        "BatchNorm1d" | "BatchNorm2d" => {
            let std = (parameter(weights, node, "running_var")? + node.eps.unwrap_or(1e-5)).sqrt();
            let mean = parameter(weights, node, "running_mean")?;
            let (scale, shift) = (parameter(weights, node, "weight")?, parameter(weights, node, "bias")?);
            BatchNorm::new(mean, std, scale, shift).map(Layer::from)
        }
        "ReLU" => Ok(Activation::Relu.into()),
        "ReLU6" => Ok(Activation::Relu6.into()),
        "Sum" => Ok(Add.into()),
        "Flatten" => Ok(Reshape::flatten().into()),
        "MaxPool1d" => Ok(Pool::max(windows(weights.case, node, 1)?).into()),
        "MaxPool2d" => Ok(Pool::max(windows(weights.case, node, 2)?).into()),
        "AvgPool1d" => Ok(average(weights.case, node, 1)?.into()),
        "AvgPool2d" => Ok(average(weights.case, node, 2)?.into()),
        "AdaptiveAvgPool2d" => {
            let output = required(weights.case, node, "output_size", node.output_size.as_ref())?.per_axis(2);
            Ok(Pool::average(PoolGeometry::Adaptive { output }, false).into())
        }
        op => {
            let what = format!("layer `{}` is a `{op}`, which has no counterpart here", node.name);
            return Err(GoldenError::Unsupported { case: weights.case.name.clone(), what });
        }
    };
    built.map_err(|source: LayerError| GoldenError::Graph {
        case: weights.case.name.clone(),
        source: GraphError::Layer { node: node.name.clone(), source },
    })
}

fn parameter<B: Backend>(
    weights: &Weights<'_, B>,
    node: &ArchNode,
    name: &str,
) -> Result<Value<B>, GoldenError> {
    weights.value(&format!("{}.{name}", node.name))
}

fn bias<B: Backend>(weights: &Weights<'_, B>, node: &ArchNode) -> Result<Option<Value<B>>, GoldenError> {
    node.bias.unwrap_or(true).then(|| parameter(weights, node, "bias")).transpose()
}

fn convolution<B: Backend>(
    weights: &Weights<'_, B>,
    node: &ArchNode,
    axes: usize,
) -> Result<Result<Layer<B>, LayerError>, GoldenError> {
    let geometry = ConvGeometry {
        stride: sizes(node.stride.as_ref(), axes, 1),
        padding: sizes(node.padding.as_ref(), axes, 0).into_iter().map(|size| (size, size)).collect(),
        dilation: sizes(node.dilation.as_ref(), axes, 1),
        groups: node.groups.unwrap_or(1),
    };
    Ok(Conv::new(parameter(weights, node, "weight")?, bias(weights, node)?, geometry).map(Layer::from))
}

fn average(case: &Case, node: &ArchNode, axes: usize) -> Result<Pool, GoldenError> {
    Ok(Pool::average(windows(case, node, axes)?, node.count_include_pad.unwrap_or(true)))
}

fn windows(case: &Case, node: &ArchNode, axes: usize) -> Result<PoolGeometry, GoldenError> {
    let kernel = required(case, node, "kernel_size", node.kernel_size.as_ref())?.per_axis(axes);
    Ok(PoolGeometry::Sliding {
        stride: node.stride.as_ref().map_or(kernel.clone(), |stride| stride.per_axis(axes)),
        padding: sizes(node.padding.as_ref(), axes, 0).into_iter().map(|size| (size, size)).collect(),
        dilation: sizes(node.dilation.as_ref(), axes, 1),
        output: if node.ceil_mode.unwrap_or(false) { PoolOutput::Ceil } else { PoolOutput::Floor },
        kernel,
    })
}

fn required<'n>(
    case: &Case,
    node: &ArchNode,
    name: &str,
    sizes: Option<&'n Sizes>,
) -> Result<&'n Sizes, GoldenError> {
    sizes.ok_or_else(|| inconsistent(case, node, format!("no `{name}`")))
}

fn sizes(given: Option<&Sizes>, axes: usize, default: usize) -> Vec<usize> {
    given.map_or(vec![default; axes], |sizes| sizes.per_axis(axes))
}
