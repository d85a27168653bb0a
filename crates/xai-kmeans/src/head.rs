//! k-means as one layer, without the weights of its linear form.

use std::any::Any;

use burn::tensor::{Bool, Tensor};
use burn_backend::Backend;
use xai_core::Value;
use xai_core::error::LayerError;
use xai_core::kernel::squared_distances;
use xai_core::layer::{BackwardContext, Layer, LayerKind, LayerOps, Saved};

use crate::centroid_distance::{CentroidDistance, samples_of};
use crate::error::KMeansError;
use crate::matrix::tensor;
use crate::points::check_centroids;
use crate::pulls::{Pulls, Sharing};

/// The kind of [`ClusterHead`]: scores of clusters, the largest for the one that a point belongs to.
pub(crate) const CLUSTERS: LayerKind = LayerKind::custom("clusters");

/// The discriminants of all clusters: `f_c = min_{k != c} (d_k - d_c)`, `d_k = |x - mu_k|^2`;
/// `[N, D]` to `[N, K]`.
///
/// `f_c` is positive exactly where a point belongs to cluster `c`, 0 on its border, and how far a
/// point is from changing cluster otherwise. The two smallest distances of a point give them all, so
/// this takes `O(N K D)` time and the memory of the centroids and the output, where the linear form,
/// [`NeuralizedKMeans`](crate::NeuralizedKMeans) with a min pool, has `K (K - 1) D` weights. Relevance
/// passes it by a [`ClusterRule`](crate::ClusterRule).
#[derive(Debug, Clone)]
pub struct ClusterHead<B: Backend> {
    centroids: Value<B>,
    /// The centroids without their mean.
    centered: Value<B>,
}

impl<B: Backend> ClusterHead<B> {
    /// The head of these centroids, `[K, D]`, finite, `K >= 2`.
    ///
    /// Equal centroids are allowed: their discriminants are 0 at best, since no point is nearer to
    /// one of them than to the other.
    ///
    /// # Errors
    /// [`KMeansError`] for other centroids.
    pub fn new(centroids: impl Into<Value<B>>) -> Result<Self, KMeansError> {
        let centroids = centroids.into();
        check_centroids(&centroids)?;
        let mean = centroids.clone().sum_dim(0) / centroids.dims()[0] as f64;
        let centered = &centroids - mean;
        Ok(Self { centroids, centered })
    }

    /// The head that stands for a layer of distances, whichever their power: their order is the same.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of(distance: &CentroidDistance<B>) -> Result<Self, KMeansError> {
        Self::new(distance.centroids().clone())
    }

    /// The centroids, `[K, D]`.
    pub fn centroids(&self) -> &Value<B> {
        &self.centroids
    }

    /// The centroids minus their mean, `[K, D]`.
    pub(crate) fn centered(&self) -> &Value<B> {
        &self.centered
    }

    /// The discriminants `[N, K]` of points `[N, D]`.
    pub(crate) fn discriminants(&self, points: &Value<B>) -> Result<Value<B>, LayerError> {
        let d = tensor(&squared_distances(points, &self.centroids))?;
        let smallest = Smallest::of(d.clone());
        let others = smallest.first.clone() - d;
        Ok(others.mask_where(smallest.is_first, smallest.second - smallest.first).into())
    }
}

/// The two smallest elements of each row, repeated along it.
pub(crate) struct Smallest<B: Backend> {
    pub(crate) first: Tensor<B, 2>,
    /// Equal to `first` where several elements are smallest.
    pub(crate) second: Tensor<B, 2>,
    /// Where the smallest elements are.
    pub(crate) is_first: Tensor<B, 2, Bool>,
}

impl<B: Backend> Smallest<B> {
    pub(crate) fn of(rows: Tensor<B, 2>) -> Self {
        let dims = rows.dims();
        let first = rows.clone().min_dim(1).expand(dims);
        let is_first = rows.clone().lower_equal(first.clone());
        // Not by position: the indices' element type differs between backends.
        let count = rows.zeros_like().mask_fill(is_first.clone(), 1.0).sum_dim(1).expand(dims);
        let rest = rows.mask_fill(is_first.clone(), f32::INFINITY).min_dim(1).expand(dims);
        let second = rest.mask_where(count.greater_elem(1.5), first.clone());
        Self { first, second, is_first }
    }
}

impl<B: Backend> LayerOps<B> for ClusterHead<B> {
    fn kind(&self) -> LayerKind {
        CLUSTERS
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let dims = self.centroids.dims();
        Ok(vec![samples_of(inputs, dims[1])?, dims[0]])
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        match inputs.as_slice() {
            [points] => self.discriminants(points),
            _ => Err(LayerError::Arity { expected: "one input", got: inputs.len() }),
        }
    }

    fn vjp_saved(&self) -> Saved {
        Saved::OUTPUT
    }

    /// Equally near competitors share the gradient equally.
    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let pulls = Pulls::new(context.output()?, &gradient, &Sharing::Nearest, None)?;
        Ok(vec![pulls.on_centroids.matmul(self.centered.clone()) * 2.0])
    }

    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        vec![&self.centroids]
    }
}

impl<B: Backend> From<ClusterHead<B>> for Layer<B> {
    fn from(head: ClusterHead<B>) -> Self {
        Self::custom(head)
    }
}
