//! Where the batch is.

use burn_backend::Backend;

use super::Graph;
use crate::layer::Layer;

impl<B: Backend> Graph<B> {
    /// For each node, the dimension of its output that the batch of the graph inputs has become, as far as it
    /// can be followed: through layers that move dimensions, and those that leave them in their place.
    pub(crate) fn batch_dims(&self) -> Vec<Option<usize>> {
        let mut batch: Vec<Option<usize>> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let mut inputs = node.inputs.iter().map(|input| (batch[input.0], self.nodes[input.0].dims()));
            let own = match inputs.next() {
                None => Some(0),
                Some((Some(dim), dims)) => after(&node.layer, dim, dims, node.dims()),
                Some((None, _)) => None,
            };
            let agrees = |(dim, dims): (Option<usize>, &[usize])| {
                dim.and_then(|dim| after(&node.layer, dim, dims, node.dims())) == own
            };
            batch.push(own.filter(|_| inputs.all(agrees)));
        }
        batch
    }
}

/// Where a layer puts the dimension `dim` of an input.
fn after<B: Backend>(layer: &Layer<B>, dim: usize, input: &[usize], output: &[usize]) -> Option<usize> {
    let stays = || (input.len() == output.len() && input.get(dim) == output.get(dim)).then_some(dim);
    match layer {
        Layer::Permute(permute) => permute.axes().iter().position(|axis| *axis == dim),
        Layer::Reshape(_) => {
            let outer: usize = input[..dim].iter().product();
            (0..output.len())
                .find(|&to| output[to] == input[dim] && output[..to].iter().product::<usize>() == outer)
        }
        Layer::Expand(_) => Some(dim + output.len() - input.len()),
        Layer::Softmax(softmax) if softmax.dim() == dim => None,
        layer => match layer.ops().linear_map() {
            Some(map) if dim == 0 => map.is_per_sample().then_some(0),
            _ => stays(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::GraphBuilder;
    use crate::layer::{Activation, Permute, Reduce, Reshape};
    use burn_flex::Flex;

    #[test]
    fn the_batch_is_followed_through_moved_dimensions() {
        let mut builder = GraphBuilder::<Flex>::new();
        let mut last = builder.input("x", &[3, 2, 6]).unwrap();
        let layers: [Layer<Flex>; 6] = [
            Reshape::new([0, 2, 3, 2]).into(),
            // Dimension 0 has the length of the batch, but is another one.
            Permute::new([2, 0, 1, 3]).into(),
            Activation::Relu.into(),
            Reduce::sum([0]).into(),
            Reshape::new([3, 4]).into(),
            Reshape::new([12]).into(),
        ];
        for (place, layer) in layers.into_iter().enumerate() {
            last = builder.push(format!("{place}"), layer, &[last]).unwrap();
        }
        let graph = builder.finish(last).unwrap();
        assert_eq!(graph.batch_dims(), [Some(0), Some(0), Some(1), Some(1), Some(1), Some(0), None]);
    }
}
