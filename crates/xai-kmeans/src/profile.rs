//! What characterises each cluster.

use burn::tensor::Tensor;
use burn_backend::Backend;
use xai_core::Value;

use crate::attribution::ClusterAttribution;
use crate::error::KMeansError;
use crate::head::tensor;
use crate::points::value_like;

/// The mean relevance of every feature over the members of every cluster.
#[derive(Debug, Clone)]
pub struct ClusterProfile<B: Backend> {
    relevance: Tensor<B, 2>,
    members: Vec<usize>,
}

impl<B: Backend> ClusterProfile<B> {
    pub(crate) fn of(attribution: &ClusterAttribution<B>, clusters: usize) -> Result<Self, KMeansError> {
        let samples = attribution.assigned().len();
        let mut members = vec![0usize; clusters];
        for &cluster in attribution.assigned() {
            members[cluster] += 1;
        }
        let mut means = vec![0.0; clusters * samples];
        for (sample, &cluster) in attribution.assigned().iter().enumerate() {
            means[cluster * samples + sample] = 1.0 / members[cluster] as f64;
        }
        let relevance = Value::from(attribution.relevance().clone());
        let means = value_like(means, [clusters, samples], &relevance);
        Ok(Self { relevance: tensor(&means.matmul(relevance))?, members })
    }

    /// Mean relevance, `[K, D]`; 0 for a cluster without members.
    pub fn relevance(&self) -> &Tensor<B, 2> {
        &self.relevance
    }

    /// Number of points in each cluster.
    pub fn members(&self) -> &[usize] {
        &self.members
    }
}
