//! Which cluster points belong to, and how clearly.

use burn::tensor::Tensor;
use burn_backend::{Backend, Slice};
use xai_core::Value;

use crate::error::KMeansError;
use crate::head::ClusterHead;
use crate::matrix::host;
use crate::points::check_points;

/// Elements of `[N, K]` that are worked on at once.
const BATCH: usize = 1 << 20;

/// The points in batches that keep `[N, K]` small.
pub(crate) fn batches<B: Backend>(points: &Value<B>, clusters: usize) -> impl Iterator<Item = Value<B>> {
    let (samples, features) = (points.dims()[0], points.dims()[1]);
    let each = (BATCH / clusters).max(1);
    (0..samples).step_by(each).map(move |start| {
        let rows = Slice::from(start..(start + each).min(samples));
        points.clone().slice(&[rows, Slice::from(0..features)])
    })
}

/// Cluster and discriminant of each point of a batch.
pub(crate) fn assign<B: Backend>(
    head: &ClusterHead<B>,
    points: &Value<B>,
) -> Result<Vec<(usize, f64)>, KMeansError> {
    winners(&host(&head.discriminants(points)?)?, head.centroids().dims()[0])
}

/// The first cluster with the largest discriminant, and that.
pub(crate) fn winners(discriminants: &[f64], clusters: usize) -> Result<Vec<(usize, f64)>, KMeansError> {
    let rows = discriminants.chunks(clusters).enumerate();
    rows.map(|(point, row)| {
        if row.iter().any(|discriminant| !discriminant.is_finite()) {
            return Err(KMeansError::Overflow { point });
        }
        let best =
            row.iter().copied().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
        Ok(best.unwrap_or_default())
    })
    .collect()
}

/// The `beta` of [`ClusterRule`](crate::ClusterRule) that suits `points`, `[N, D]`: one over the
/// mean, over all of them, of the discriminant of the cluster that each belongs to.
///
/// One number for the data set. Competitors then matter as far as they are about as near as the
/// nearest one is on average. (The heuristic of the authors' own demonstration of Kauffmann et al.,
/// 2024.)
///
/// # Errors
/// [`KMeansError`] when points and centroids do not fit, or when every point lies on a border, as
/// with all centroids equal.
pub fn beta_from<B: Backend>(head: &ClusterHead<B>, points: Tensor<B, 2>) -> Result<f64, KMeansError> {
    let points = Value::from(points);
    check_points(&points, head.centroids())?;
    let samples = points.dims()[0];
    let mut sum = 0.0;
    for batch in batches(&points, head.centroids().dims()[0]) {
        let own = assign(head, &batch)?;
        sum += own.iter().map(|(_, discriminant)| discriminant).sum::<f64>();
    }
    match samples as f64 / sum {
        beta if beta.is_finite() && sum > 0.0 => Ok(beta),
        _ => Err(KMeansError::NoScale),
    }
}
