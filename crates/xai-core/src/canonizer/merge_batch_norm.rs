//! Batch norm folded into the linear layer before or after it.

use burn_backend::Backend;

use super::Canonizer;
use crate::Value;
use crate::error::GraphError;
use crate::graph::{Graph, GraphPatch, NodeId};
use crate::layer::{BatchNorm, Layer};

/// Folds a batch norm into the linear layer, convolution or transposed convolution that alone feeds
/// it, or else into the one that alone reads it.
///
/// With `factor = scale / std` and `offset = shift - mean factor` per channel:
///
/// | batch norm | weight | bias | where |
/// | --- | --- | --- | --- |
/// | after the layer | `W factor` over its outputs | `b factor + offset` | always |
/// | before it | `W factor` over its inputs | `b + W offset` | zero padding would have to become `offset`, so convolutions only without padding, transposed ones never, or any with an offset of 0 |
///
/// Rules then see one linear layer. A batch norm after it is found under its old name: its value is
/// the merged layer's. A batch norm before it is gone. One whose value an activation reads, and
/// which no linear layer feeds alone (as in DenseNet), stays.
#[derive(Debug, Clone, Copy, Default)]
pub struct MergeBatchNorm;

impl<B: Backend> Canonizer<B> for MergeBatchNorm {
    fn name(&self) -> &'static str {
        "merge-batch-norm"
    }

    fn merges_weights(&self) -> bool {
        true
    }

    fn rewrite(&self, graph: &Graph<B>) -> Result<Option<GraphPatch<B>>, GraphError> {
        let consumers = graph.consumers();
        for (id, node) in graph.iter() {
            let (Layer::BatchNorm(batch_norm), [before]) = (node.layer(), node.inputs()) else { continue };
            if consumers[before.index()].len() == 1 && *before != graph.output() {
                let linear = graph.node(*before)?;
                if let Some(merged) = merged_after(linear.layer(), batch_norm, node.dims()) {
                    return patch(graph, [*before, id], *before, merged).map(Some);
                }
            }
            if let ([after], true) = (consumers[id.index()].as_slice(), id != graph.output()) {
                let linear = graph.node(*after)?;
                if let Some(merged) = merged_before(batch_norm, linear.layer(), node.dims()) {
                    return patch(graph, [id, *after], *after, merged).map(Some);
                }
            }
        }
        Ok(None)
    }
}

/// Replaces two nodes, one after the other, by `merged`, which takes the name of `heir`.
fn patch<B: Backend>(
    graph: &Graph<B>,
    [first, last]: [NodeId; 2],
    heir: NodeId,
    merged: Layer<B>,
) -> Result<GraphPatch<B>, GraphError> {
    let gone = if heir == first { last } else { first };
    let (gone, heir) = (graph.node(gone)?.name(), graph.node(heir)?.name());
    let mut patch = GraphPatch::new(format!("merge `{gone}` into `{heir}`"));
    let inputs = graph.node(first)?.inputs();
    let inputs = inputs.iter().map(|input| patch.tap(graph, *input)).collect::<Result<Vec<_>, _>>()?;
    let merged = patch.wire(heir, merged, &inputs)?;
    patch.shunt(graph, last, &merged)?;
    Ok(patch)
}

/// The layer followed by the batch norm, whose output has the sizes `dims`.
fn merged_after<B: Backend>(layer: &Layer<B>, batch_norm: &BatchNorm<B>, dims: &[usize]) -> Option<Layer<B>> {
    let (factor, offset) = batch_norm.factor_and_offset();
    Some(match layer {
        Layer::Conv(conv) => conv.scaled(&factor, &offset).into(),
        Layer::ConvTranspose(conv) => conv.scaled(&factor, &offset).into(),
        // Beyond [batch, features] a batch norm scales another axis than the features.
        Layer::Linear(linear) if dims.len() == 2 => linear.scaled(&factor, &offset).into(),
        _ => return None,
    })
}

/// The batch norm, whose output has the sizes `dims`, followed by the layer.
fn merged_before<B: Backend>(
    batch_norm: &BatchNorm<B>,
    layer: &Layer<B>,
    dims: &[usize],
) -> Option<Layer<B>> {
    let (factor, offset) = batch_norm.factor_and_offset();
    Some(match layer {
        Layer::Conv(conv)
            if conv.geometry().padding.iter().all(|sides| *sides == (0, 0)) || is_zero(&offset) =>
        {
            conv.scaled_before(&factor, &offset).into()
        }
        Layer::ConvTranspose(conv) if is_zero(&offset) => conv.scaled_before(&factor).into(),
        Layer::Linear(linear) if dims.len() == 2 => linear.scaled_before(&factor, &offset).into(),
        _ => return None,
    })
}

/// Whether every element is 0; what cannot be read is not.
fn is_zero<B: Backend>(value: &Value<B>) -> bool {
    value.to_data().is_ok_and(|data| data.iter::<f64>().all(|element| element == 0.0))
}

#[cfg(test)]
mod tests {
    use burn_backend::TensorData;
    use burn_flex::Flex;

    use super::*;
    use crate::canonizer::{canonize, default_canonizers};
    use crate::graph::GraphBuilder;
    use crate::kernel::{ConvGeometry, ConvTransposeGeometry};
    use crate::layer::{Activation, Conv, ConvTranspose, LayerKind, Linear};

    fn numbers(dims: &[usize], seed: usize) -> Value<Flex> {
        let count = dims.iter().product();
        let number = |i: usize| ((i * 7919 + seed * 104_729 + 13) % 997) as f64 / 249.25 - 1.9987;
        let data = TensorData::new((0..count).map(number).collect::<Vec<_>>(), dims.to_vec());
        Value::from_data(data, &Default::default())
    }

    fn batch_norm(channels: usize) -> Layer<Flex> {
        let vector = |seed| numbers(&[channels], seed);
        BatchNorm::new(vector(3), vector(4).abs() + 0.5, vector(5), vector(6)).unwrap().into()
    }

    /// A batch norm without offset: mean and shift are 0.
    fn scaling(channels: usize) -> Layer<Flex> {
        let zero = numbers(&[channels], 3) * 0.0;
        BatchNorm::new(zero.clone(), numbers(&[channels], 4).abs() + 0.5, numbers(&[channels], 5), zero)
            .unwrap()
            .into()
    }

    fn conv(channels: [usize; 2], groups: usize, padding: usize) -> Layer<Flex> {
        let geometry = ConvGeometry {
            stride: vec![2, 1],
            padding: vec![(padding, padding); 2],
            groups,
            ..ConvGeometry::new(2)
        };
        let weight = numbers(&[channels[1], channels[0] / groups, 2, 3], 7);
        Conv::new(weight, Some(numbers(&[channels[1]], 8)), geometry).unwrap().into()
    }

    fn conv_transpose(channels: [usize; 2], groups: usize) -> Layer<Flex> {
        let geometry = ConvTransposeGeometry {
            stride: vec![2, 1],
            padding: vec![1, 0],
            groups,
            ..ConvTransposeGeometry::new(2)
        };
        let weight = numbers(&[channels[0], channels[1] / groups, 3, 2], 7);
        ConvTranspose::new(weight, None, geometry).unwrap().into()
    }

    fn linear(features: [usize; 2]) -> Layer<Flex> {
        Linear::new(numbers(&features, 7), None).unwrap().into()
    }

    /// Kinds of the nodes after merging, which must not change the output.
    fn merged(input: &[usize], layers: Vec<Layer<Flex>>) -> Vec<LayerKind> {
        let mut builder = GraphBuilder::new();
        let mut last = builder.input("x", input).unwrap();
        for (place, layer) in layers.into_iter().enumerate() {
            last = builder.push(format!("{place}"), layer, &[last]).unwrap();
        }
        let graph = builder.finish(last).unwrap();
        let x = [numbers(input, 1)];
        let read = |graph: &Graph<Flex>| {
            graph.forward(&x).unwrap().to_data().unwrap().iter::<f64>().collect::<Vec<_>>()
        };
        let canonized = canonize(graph.clone(), &default_canonizers()).unwrap();
        let (raw, merged) = (read(&graph), read(&canonized));
        let difference = raw.iter().zip(&merged).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(difference <= 1e-12, "{difference}\n{graph}\n{canonized}");
        canonized.nodes().iter().skip(1).map(|node| node.layer().kind()).collect()
    }

    #[test]
    fn after_linear_layers_it_always_merges() {
        use LayerKind as K;
        assert_eq!(merged(&[2, 3], vec![linear([3, 4]), batch_norm(4)]), [K::Linear]);
        assert_eq!(merged(&[2, 4, 5, 5], vec![conv([4, 6], 2, 1), batch_norm(6)]), [K::Conv]);
        assert_eq!(merged(&[2, 4, 3, 3], vec![conv_transpose([4, 6], 1), batch_norm(6)]), [K::ConvTranspose]);
        assert_eq!(merged(&[2, 4, 3, 3], vec![conv_transpose([4, 6], 2), batch_norm(6)]), [K::ConvTranspose]);
    }

    #[test]
    fn before_linear_layers_it_merges_where_that_is_exact() {
        use LayerKind as K;
        assert_eq!(merged(&[2, 3], vec![batch_norm(3), linear([3, 4])]), [K::Linear]);
        assert_eq!(merged(&[2, 4, 5, 5], vec![batch_norm(4), conv([4, 6], 2, 0)]), [K::Conv]);
        assert_eq!(merged(&[2, 4, 5, 5], vec![batch_norm(4), conv([4, 6], 2, 1)]), [K::BatchNorm, K::Conv]);
        assert_eq!(merged(&[2, 4, 5, 5], vec![scaling(4), conv([4, 6], 2, 1)]), [K::Conv]);
        assert_eq!(
            merged(&[2, 4, 3, 3], vec![batch_norm(4), conv_transpose([4, 6], 2)]),
            [K::BatchNorm, K::ConvTranspose]
        );
        assert_eq!(merged(&[2, 4, 3, 3], vec![scaling(4), conv_transpose([4, 6], 2)]), [K::ConvTranspose]);
    }

    #[test]
    fn chains_merge_until_nothing_is_left() {
        use LayerKind as K;
        let layers =
            vec![batch_norm(3), linear([3, 4]), batch_norm(4), Activation::Relu.into(), linear([4, 2])];
        assert_eq!(merged(&[2, 3], layers), [K::Linear, K::Activation, K::Linear]);
        let layers = vec![batch_norm(4), Activation::Relu.into(), conv([4, 6], 1, 0)];
        assert_eq!(merged(&[2, 4, 5, 5], layers), [K::BatchNorm, K::Activation, K::Conv]);
        // Here the batch norm scales the second dimension, and the linear layer the third.
        assert_eq!(merged(&[2, 4, 3], vec![linear([3, 4]), batch_norm(4)]), [K::Linear, K::BatchNorm]);
        assert_eq!(merged(&[2, 4, 3], vec![batch_norm(4), linear([3, 4])]), [K::BatchNorm, K::Linear]);
    }

    #[test]
    fn values_that_others_read_stay() {
        let mut builder = GraphBuilder::new();
        let x = builder.input("x", &[2, 3]).unwrap();
        let linear_node = builder.push("linear", linear([3, 3]), &[x]).unwrap();
        let norm = builder.push("norm", batch_norm(3), &[linear_node]).unwrap();
        let sum = builder.push("sum", crate::layer::Add, &[linear_node, norm]).unwrap();
        let graph = builder.finish(sum).unwrap();
        assert_eq!(canonize(graph, &default_canonizers()).unwrap().nodes().len(), 4);
    }

    #[test]
    fn the_merged_layer_answers_to_both_names() {
        let mut builder = GraphBuilder::new();
        let x = builder.input("x", &[2, 3]).unwrap();
        let linear = builder.push("linear", linear([3, 4]), &[x]).unwrap();
        let norm = builder.push("norm", batch_norm(4), &[linear]).unwrap();
        let graph = canonize(builder.finish(norm).unwrap(), &default_canonizers()).unwrap();
        assert_eq!(graph.find("linear").unwrap(), graph.find("norm").unwrap());
    }
}
