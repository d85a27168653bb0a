//! The result of explaining clusters.

use burn::tensor::Tensor;
use burn_backend::Backend;

/// Which features speak for a cluster, for a batch of points.
#[derive(Debug, Clone)]
pub struct ClusterAttribution<B: Backend> {
    pub(crate) relevance: Tensor<B, 2>,
    pub(crate) assigned: Vec<usize>,
    pub(crate) explained: Vec<usize>,
    pub(crate) scores: Vec<f64>,
}

impl<B: Backend> ClusterAttribution<B> {
    /// Relevance of every feature, `[N, D]`: positive where it speaks for the explained cluster.
    pub fn relevance(&self) -> &Tensor<B, 2> {
        &self.relevance
    }

    /// The cluster that each point belongs to: that of the nearest centroid, the first of equally
    /// near ones.
    pub fn assigned(&self) -> &[usize] {
        &self.assigned
    }

    /// The cluster that is explained, for each point.
    pub fn explained(&self) -> &[usize] {
        &self.explained
    }

    /// The explained score of each point: the discriminant `f_c`, positive for points of the
    /// cluster; for a contrast of `a` against `b`, `|x - mu_b|^2 - |x - mu_a|^2`. By
    /// [`Midpoint`](crate::LinearRule::Midpoint) relevance adds up to it.
    pub fn scores(&self) -> &[f64] {
        &self.scores
    }
}
