//! Clusters on top of a network.

use burn_backend::Backend;
use xai_core::canonizer::default_canonizers;
use xai_core::composite::{Composite, Matcher};
use xai_core::explain::{Explainer, GraphSource};
use xai_core::layer::LayerKind;

use crate::canonizer::KMeansCanonizer;
use crate::rule::ClusterRule;

/// An explainer of a model that ends in distances to centroids: the clusters by `rule`, the layers
/// below them by `composite`.
///
/// Explain it with `Target::argmax()` for the cluster that each point belongs to, or with a cluster's
/// number. The output is the clusters' discriminants.
///
/// ```
/// # use burn_flex::Flex;
/// use burn::tensor::Tensor;
/// use xai_core::composite::epsilon_plus;
/// use xai_core::explain::Target;
/// use xai_core::graph::GraphBuilder;
/// use xai_core::layer::Activation;
/// use xai_kmeans::{ClusterRule, PairwiseCentroidDistance, Power, cluster_network_explainer};
///
/// # let device = Default::default();
/// let centroids = Tensor::<Flex, 2>::from_floats([[0.0, 1.0], [2.0, 0.0], [3.0, 3.0]], &device);
/// let distance = PairwiseCentroidDistance::new(centroids, Power::Two)?;
/// let mut graph = GraphBuilder::<Flex>::new();
/// let x = graph.input("x", &[1, 2])?;
/// let features = graph.push("relu", Activation::Relu, &[x])?;
/// let output = graph.push("distance", &distance, &[features])?;
/// let graph = graph.finish(output)?;
///
/// let explainer = cluster_network_explainer(graph, epsilon_plus(), ClusterRule::epsilon(0.5));
/// let x = Tensor::<Flex, 2>::from_floats([[1.8, 0.3]], &device);
/// let attribution = explainer.explain(x, Target::argmax())?;
/// assert_eq!(attribution.classes(), Some(&[1][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cluster_network_explainer<B: Backend>(
    source: impl GraphSource<B> + 'static,
    composite: Composite,
    rule: ClusterRule,
) -> Explainer<B> {
    let mut canonizers = default_canonizers();
    canonizers.push(Box::new(KMeansCanonizer::head()));
    let composite = composite.with(Matcher::Kind(LayerKind::Clusters), ClusterRule::entry());
    Explainer::new(source, composite).with_canonizers(canonizers).with_rule(ClusterRule::NAME, rule)
}
