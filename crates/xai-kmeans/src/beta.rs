//! Beta from data.

use burn::tensor::Tensor;
use burn_backend::Backend;
use xai_core::Value;

use crate::error::KMeansError;
use crate::head::ClusterHead;
use crate::points::check_points;

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
    for batch in crate::explainer::batches(&points, head.centroids().dims()[0]) {
        let own = crate::explainer::assign(head, &batch)?;
        sum += own.iter().map(|(_, discriminant)| discriminant).sum::<f64>();
    }
    match samples as f64 / sum {
        beta if beta.is_finite() && sum > 0.0 => Ok(beta),
        _ => Err(KMeansError::NoScale),
    }
}
