//! What characterises each cluster.

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData};
use burn_backend::Backend;
use xai_core::Value;

use crate::error::KMeansError;
use crate::matrix::{tensor, value_like};

/// The mean relevance of every feature over the members of every cluster.
#[derive(Debug, Clone)]
pub struct ClusterProfile<B: Backend> {
    relevance: Tensor<B, 2>,
    members: Vec<usize>,
}

impl<B: Backend> ClusterProfile<B> {
    /// The profile of `clusters` clusters from relevance of any kind, `[N, D]`, and the cluster that
    /// each of the `N` points belongs to: for clusters of a network's features, the relevance of its
    /// input.
    ///
    /// # Errors
    /// [`KMeansError`] without points, with another number of assignments than points, or with a
    /// cluster that does not exist.
    pub fn new(relevance: Tensor<B, 2>, assigned: &[usize], clusters: usize) -> Result<Self, KMeansError> {
        let [samples, features] = relevance.dims();
        if samples == 0 || features == 0 {
            return Err(KMeansError::NoPoints { dims: vec![samples, features] });
        }
        if assigned.len() != samples {
            return Err(KMeansError::ClusterCount { got: assigned.len(), points: samples });
        }
        let mut members = vec![0usize; clusters];
        for &cluster in assigned {
            *members.get_mut(cluster).ok_or(KMeansError::Cluster { cluster, clusters })? += 1;
        }
        let device = relevance.device();
        let places: Vec<_> = assigned.iter().map(|cluster| *cluster as i64).collect();
        let places = Tensor::<B, 1, Int>::from_data(TensorData::new(places, [samples]), &device);
        let shares = members.iter().map(|count| 1.0 / (*count).max(1) as f64).collect();
        let shares = tensor(&value_like(shares, [clusters, 1], &Value::from(relevance.clone())))?;
        let sums = Tensor::zeros([clusters, features], (&device, relevance.dtype()));
        let sums = sums.select_assign(0, places, relevance, IndexingUpdateOp::Add);
        Ok(Self { relevance: sums * shares, members })
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
