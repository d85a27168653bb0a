//! Distances written out as plain layers, found by what they compute.

use burn_backend::Backend;
use xai_core::Value;
use xai_core::canonizer::Canonizer;
use xai_core::error::{GraphError, LayerError};
use xai_core::graph::{Graph, GraphPatch, Node, NodeId};
use xai_core::layer::{Affine, Arithmetic, Coefficient, Elementwise, Layer, Reduce};

use crate::centroid_distance::{CentroidDistance, Power};

/// Replaces the layers that compute distances to centroids, `sum_i (x_ni - c_ki)^2` or its root, by
/// one [`CentroidDistance`]: those of a recorded
/// [`PairwiseCentroidDistance`](crate::PairwiseCentroidDistance), or the same written out by hand.
///
/// The pattern is `[N, D]` points reshaped to `[N, 1, D]`, less the centroids `[1, K, D]`, squared,
/// summed over the features, and reshaped to `[N, K]`; nothing else may read the values in between.
/// [`KMeansCanonizer`](crate::KMeansCanonizer) finds them by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FindDistances;

impl<B: Backend> Canonizer<B> for FindDistances {
    fn name(&self) -> &'static str {
        "find-distances"
    }

    fn rewrite(&self, graph: &Graph<B>) -> Result<Option<GraphPatch<B>>, GraphError> {
        let consumers = graph.consumers();
        for (id, node) in graph.iter() {
            let pattern = Pattern { graph, consumers: &consumers, last: id };
            let Some((input, distance)) = pattern.distance(node)? else { continue };
            let mut patch = GraphPatch::new(format!("compute `{}` as distances", node.name()));
            let points = patch.tap(graph, input)?;
            let distances = patch.wire(node.name(), distance, &[points])?;
            patch.shunt(graph, id, &distances)?;
            return Ok(Some(patch));
        }
        Ok(None)
    }
}

/// The nodes that lead to `last`.
struct Pattern<'a, B: Backend> {
    graph: &'a Graph<B>,
    consumers: &'a [Vec<NodeId>],
    last: NodeId,
}

impl<'a, B: Backend> Pattern<'a, B> {
    /// The only input of `node`.
    fn only(&self, node: &Node<B>) -> Result<Option<(NodeId, &'a Node<B>)>, GraphError> {
        match node.inputs() {
            [input] => Ok(Some((*input, self.graph.node(*input)?))),
            _ => Ok(None),
        }
    }

    /// The only input of `node`, if nothing else reads it.
    fn private(&self, node: &Node<B>) -> Result<Option<(NodeId, &'a Node<B>)>, GraphError> {
        let is_private = |(id, _): &(NodeId, _)| self.consumers[id.index()].len() == 1 && *id != self.last;
        Ok(self.only(node)?.filter(is_private))
    }

    /// The distances that end in `last`, with the node of the points.
    fn distance(&self, last: &'a Node<B>) -> Result<Option<(NodeId, CentroidDistance<B>)>, GraphError> {
        let (flat, power) = match last.layer() {
            Layer::Elementwise(Elementwise::Sqrt) => match self.private(last)? {
                Some((_, flat)) => (flat, Power::One),
                None => return Ok(None),
            },
            // A squared distance below a root is found with it.
            Layer::Reshape(_) if !self.is_below_a_root()? => (last, Power::Two),
            _ => return Ok(None),
        };
        let &[samples, clusters] = flat.dims() else { return Ok(None) };
        let Layer::Reshape(_) = flat.layer() else { return Ok(None) };
        let Some((_, sum)) = self.private(flat)? else { return Ok(None) };
        if !matches!(sum.layer(), Layer::Reduce(reduce) if *reduce == Reduce::sum([2])) {
            return Ok(None);
        }
        let Some((square_id, square)) = self.private(sum)? else { return Ok(None) };
        let Some(difference) = self.squared(square_id, square)? else { return Ok(None) };
        let Layer::Affine(affine) = difference.layer() else { return Ok(None) };
        let Some(centroids) = centroids(affine) else { return Ok(None) };
        let &[a, b, features] = difference.dims() else { return Ok(None) };
        // Points may be repeated for each cluster before the difference, which may serve others too.
        let Some((_, mut points)) = self.only(difference)? else { return Ok(None) };
        if let Layer::Expand(_) = points.layer() {
            let Some((_, inner)) = self.only(points)? else { return Ok(None) };
            points = inner;
        }
        let Layer::Reshape(_) = points.layer() else { return Ok(None) };
        let Some((input, given)) = self.only(points)? else { return Ok(None) };
        let fits = [a, b] == [samples, clusters]
            && points.dims() == [samples, 1, features]
            && given.dims() == [samples, features]
            && centroids.dims() == [1, clusters, features];
        if !fits {
            return Ok(None);
        }
        let distance = CentroidDistance::new(centroids.reshape(&[clusters, features]), power);
        let failed = |source: LayerError| GraphError::Layer { node: last.name().to_owned(), source };
        Ok(Some((input, distance.map_err(failed)?)))
    }

    /// Whether a square root alone reads the last node.
    fn is_below_a_root(&self) -> Result<bool, GraphError> {
        let [reader] = self.consumers[self.last.index()][..] else { return Ok(false) };
        Ok(matches!(self.graph.node(reader)?.layer(), Layer::Elementwise(Elementwise::Sqrt)))
    }

    /// The value that `square` is the square of, if nothing else reads it.
    fn squared(&self, id: NodeId, square: &Node<B>) -> Result<Option<&'a Node<B>>, GraphError> {
        let base = match (square.layer(), square.inputs()) {
            (Layer::Arithmetic(Arithmetic::Mul), [a, b]) if a == b => *a,
            (Layer::Elementwise(Elementwise::Power(2.0)), [base]) => *base,
            _ => return Ok(None),
        };
        let is_private = self.consumers[base.index()].iter().all(|reader| *reader == id);
        if is_private { self.graph.node(base).map(Some) } else { Ok(None) }
    }
}

/// The centroids in `x - c` or `c - x`.
fn centroids<B: Backend>(affine: &Affine<B>) -> Option<Value<B>> {
    let Some(Coefficient::Tensor(offset)) = affine.offset() else { return None };
    match affine.factor() {
        None => Some(offset.clone() * -1.0),
        Some(Coefficient::Scalar(factor)) if *factor == -1.0 => Some(offset.clone()),
        _ => None,
    }
}
