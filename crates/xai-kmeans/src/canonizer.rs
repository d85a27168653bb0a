//! Distances rewritten into discriminants.

use burn_backend::Backend;
use xai_core::Value;
use xai_core::canonizer::Canonizer;
use xai_core::error::{GraphError, LayerError};
use xai_core::graph::{Graph, GraphPatch, NodeId};
use xai_core::kernel::PoolGeometry;
use xai_core::layer::{Layer, LayerKind, Pool, Reshape};

use crate::centroid_distance::CentroidDistance;
use crate::find_distances::FindDistances;
use crate::head::ClusterHead;
use crate::neuralized::NeuralizedKMeansLayer;

/// What the distances become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Layers,
    Head,
}

/// Replaces the distances at the end of a model, [`CentroidDistance`] of either power, by
/// discriminants: positive exactly for the cluster that a point belongs to, so the argmin of the
/// distances is the argmax of the new output.
///
/// It applies where the distances are the graph's output, reshaped or not, wherever in the model
/// the layer was defined: what reads distances for another purpose goes on doing so. A recorded
/// [`PairwiseCentroidDistance`](crate::PairwiseCentroidDistance) is [found](FindDistances) by what it
/// computes, as is the same computation written out by hand. The graph that is rewritten stays as it was: dropping
/// the result undoes everything.
///
/// A single cluster is refused: nothing tells it from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KMeansCanonizer {
    form: Form,
}

impl KMeansCanonizer {
    /// Into three layers: [`NeuralizedKMeansLayer`], a min pool over the `K - 1` competitors, and a
    /// flattening. Any rule for linear layers can serve the first; its weights take `K (K - 1) D`
    /// numbers.
    pub fn layers() -> Self {
        Self { form: Form::Layers }
    }

    /// Into one [`ClusterHead`], for any number of clusters.
    pub fn head() -> Self {
        Self { form: Form::Head }
    }
}

/// [`KMeansCanonizer::layers`].
impl Default for KMeansCanonizer {
    fn default() -> Self {
        Self::layers()
    }
}

impl<B: Backend> Canonizer<B> for KMeansCanonizer {
    fn name(&self) -> &'static str {
        "k-means"
    }

    /// The output becomes discriminants.
    fn keeps_output(&self) -> bool {
        false
    }

    fn rewrite(&self, graph: &Graph<B>) -> Result<Option<GraphPatch<B>>, GraphError> {
        if let Some(patch) = FindDistances.rewrite(graph)? {
            return Ok(Some(patch));
        }
        let mut id = graph.output();
        while graph.node(id)?.layer().kind() == LayerKind::Reshape {
            id = graph.node(id)?.inputs()[0];
        }
        let node = graph.node(id)?;
        let Some((input, distance)) = distances(graph, id)? else { return Ok(None) };
        let failed = |source: LayerError| GraphError::Layer { node: node.name().to_owned(), source };
        let mut patch = GraphPatch::new(format!("explain `{}` by discriminants", node.name()));
        let x = patch.tap(graph, input)?;
        let output = match self.form {
            Form::Head => {
                let head = ClusterHead::of(&distance).map_err(|error| failed(error.into()))?;
                patch.wire(node.name(), head, &[x])?
            }
            Form::Layers => {
                let linear = NeuralizedKMeansLayer::new(distance.centroids().clone());
                let linear = linear.map_err(|error| failed(error.into()))?;
                let competitors = distance.centroids().dims()[0] - 1;
                let h = patch.wire(format!("{}.neuralized", node.name()), Layer::custom(linear), &[x])?;
                let pool = Pool::min(PoolGeometry::tiles(&[competitors]));
                let f = patch.wire(format!("{}.min_pool", node.name()), pool, &[h])?;
                patch.wire(node.name(), Reshape::flatten(), &[f])?
            }
        };
        patch.shunt(graph, id, &output)?;
        Ok(Some(patch))
    }
}

/// The distances that a node computes, with the node whose output they measure: one layer, or
/// several of one power on the same points, one after the other.
fn distances<B: Backend>(
    graph: &Graph<B>,
    id: NodeId,
) -> Result<Option<(NodeId, CentroidDistance<B>)>, GraphError> {
    let node = graph.node(id)?;
    if let Some(distance) = node.layer().downcast_ref::<CentroidDistance<B>>() {
        return Ok(node.inputs().first().map(|input| (*input, distance.clone())));
    }
    let parts = match node.layer() {
        Layer::Concat(concat) if concat.dim() == 1 && node.dims().len() == 2 => node.inputs(),
        _ => return Ok(None),
    };
    let (mut blocks, mut first, mut width) = (Vec::new(), None, 0);
    for part in parts {
        let part = graph.node(*part)?;
        let distance = part.layer().downcast_ref::<CentroidDistance<B>>();
        let (Some(distance), [input]) = (distance, part.inputs()) else { return Ok(None) };
        match first {
            None => first = Some((*input, distance.power())),
            Some(seen) if seen == (*input, distance.power()) => {}
            Some(_) => return Ok(None),
        }
        width += distance.centroids().dims()[0];
        blocks.push(distance.centroids().clone());
    }
    // A concatenation may hold constants as well, which are no distances.
    let Some((input, power)) = first.filter(|_| width == node.dims()[1]) else { return Ok(None) };
    let joined = CentroidDistance::new(Value::cat(blocks, 0), power);
    let joined = joined.map_err(|source| GraphError::Layer { node: node.name().to_owned(), source })?;
    Ok(Some((input, joined)))
}
