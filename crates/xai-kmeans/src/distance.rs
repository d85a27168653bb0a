//! Distances to centroids as a Burn module.

use burn::config::Config;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn_backend::Backend;
use xai_core::Value;
use xai_core::error::LayerError;
use xai_core::layer::Layer;

use crate::centroid_distance::{CentroidDistance, Power};
use crate::error::KMeansError;

/// Elements of the differences that one block holds.
const BLOCK: usize = 1 << 22;

/// Configuration of a [`PairwiseCentroidDistance`].
#[derive(Config, Debug)]
pub struct PairwiseCentroidDistanceConfig {
    /// Number of centroids, `K`.
    pub clusters: usize,
    /// Number of features, `D`.
    pub features: usize,
    /// Whether the distance is squared.
    #[config(default = true)]
    pub squared: bool,
}

impl PairwiseCentroidDistanceConfig {
    /// The module with all centroids at the origin, to be loaded from a record.
    ///
    /// # Panics
    /// Without clusters or features, as modules of Burn do on settings they cannot use.
    pub fn init<B: Backend>(&self, device: &B::Device) -> PairwiseCentroidDistance<B> {
        assert!(self.clusters >= 1 && self.features >= 1, "{self:?} needs at least 1 cluster and 1 feature");
        PairwiseCentroidDistance {
            centroids: Param::from_tensor(Tensor::zeros([self.clusters, self.features], device)),
            squared: self.squared,
        }
    }
}

/// Distances of every point to every centroid: `d_nk = |x_n - mu_k|` or `|x_n - mu_k|^2`.
///
/// The output layer of k-means: the smallest distance is the cluster that a point belongs to. It
/// runs anywhere in a model; recorded, it is the layers of its computation, which
/// [`KMeansCanonizer`](crate::KMeansCanonizer) finds and rewrites into discriminants.
#[derive(Module, Debug)]
pub struct PairwiseCentroidDistance<B: Backend> {
    /// Centroids `[K, D]`.
    pub centroids: Param<Tensor<B, 2>>,
    /// Whether the distance is squared.
    pub squared: bool,
}

impl<B: Backend> PairwiseCentroidDistance<B> {
    /// Distances to `centroids`, `[K, D]`.
    ///
    /// # Errors
    /// [`KMeansError::Centroids`] for centroids without rows or columns.
    pub fn new(centroids: Tensor<B, 2>, power: Power) -> Result<Self, KMeansError> {
        let dims = centroids.dims();
        if dims.contains(&0) {
            return Err(KMeansError::Centroids { dims: dims.to_vec() });
        }
        Ok(Self { centroids: Param::from_tensor(centroids), squared: power == Power::Two })
    }

    /// Which distance.
    pub fn power(&self) -> Power {
        if self.squared { Power::Two } else { Power::One }
    }

    /// The distances, computed from differences, block by block so that memory stays bounded.
    ///
    /// # Shapes
    /// Points `[N, D]`, distances `[N, K]`. As any Burn module's, the forward function panics on
    /// points with another number of features, and where its public field holds no centroids.
    pub fn forward(&self, points: Tensor<B, 2>) -> Tensor<B, 2> {
        let ([samples, features], centroids) = (points.dims(), self.centroids.val());
        let clusters = centroids.dims()[0];
        assert!(clusters > 0, "there are no centroids to compute distances to");
        let each = (BLOCK / (samples * features).max(1)).clamp(1, clusters);
        let points = points.unsqueeze_dim::<3>(1);
        let blocks = (0..clusters).step_by(each).map(|start| {
            let block = centroids.clone().narrow(0, start, each.min(clusters - start));
            let width = block.dims()[0];
            let difference = points.clone() - block.unsqueeze_dim::<3>(0);
            let squared = (difference.clone() * difference).sum_dim(2).reshape([samples, width]);
            if self.squared { squared } else { squared.sqrt() }
        });
        let mut blocks: Vec<_> = blocks.collect();
        if blocks.len() == 1 { blocks.remove(0) } else { Tensor::cat(blocks, 1) }
    }
}

impl<B: Backend> TryFrom<&PairwiseCentroidDistance<B>> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &PairwiseCentroidDistance<B>) -> Result<Self, LayerError> {
        Ok(CentroidDistance::new(Value::from(module.centroids.val()), module.power())?.into())
    }
}
