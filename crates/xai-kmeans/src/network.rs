//! Clusters on top of a network.

use burn_backend::Backend;
use xai_core::attributor::Lrp;
use xai_core::canonizer::default_canonizers;
use xai_core::composite::Composite;
use xai_core::model::Model;

use crate::canonizer::KMeansCanonizer;
use crate::head::CLUSTERS;
use crate::rule::ClusterRule;

/// Relevance propagation through a model that ends in distances to centroids: the clusters by `rule`,
/// the layers below them by `composite`. Canonizers of your own for `model` are replaced.
///
/// Explain it with `Target::argmax()` for the cluster that each point belongs to, or with a cluster's
/// number. The output are the clusters' discriminants.
///
/// ```
/// # use burn_flex::Flex;
/// use burn::tensor::Tensor;
/// use xai_core::attributor::Attributor;
/// use xai_core::composite::epsilon_plus;
/// use xai_core::graph::GraphBuilder;
/// use xai_core::layer::Activation;
/// use xai_core::model::{Model, Target};
/// use xai_kmeans::{ClusterRule, PairwiseCentroidDistance, Power, cluster_lrp};
///
/// # let device = Default::default();
/// let centroids = Tensor::<Flex, 2>::from_floats([[0.0, 1.0], [2.0, 0.0], [3.0, 3.0]], &device);
/// let distance = PairwiseCentroidDistance::new(centroids, Power::Two)?;
/// let mut graph = GraphBuilder::<Flex>::new();
/// let x = graph.input("x", &[1, 2])?;
/// let features = graph.push("relu", Activation::Relu, &[x])?;
/// let output = graph.push("distance", &distance, &[features])?;
/// let model = Model::from(graph.finish(output)?);
///
/// let lrp = cluster_lrp(&model, epsilon_plus(), ClusterRule::epsilon(0.5));
/// let x = Tensor::<Flex, 2>::from_floats([[1.8, 0.3]], &device);
/// let attribution = lrp.attribute(x, Target::argmax())?;
/// assert_eq!(attribution.classes(), Some(&[1][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cluster_lrp<B: Backend>(model: &Model<B>, composite: Composite, rule: ClusterRule) -> Lrp<B> {
    let mut canonizers = default_canonizers();
    canonizers.push(Box::new(KMeansCanonizer::head()));
    let composite = composite.prepend(CLUSTERS, ClusterRule::entry());
    Lrp::new(&model.with_canonizers(canonizers), composite).with_rule(ClusterRule::NAME, rule)
}
