//! Checks of points and centroids, so that what runs afterwards cannot panic.

use burn::tensor::{Int, Tensor, TensorData};
use burn_backend::{Backend, DType};
use xai_core::Value;
use xai_core::error::LayerError;

use crate::error::KMeansError;
use crate::head::tensor;

/// All elements on the host, in row-major order.
pub(crate) fn host<B: Backend>(value: &Value<B>) -> Result<Vec<f64>, KMeansError> {
    let data = value.to_data().map_err(|error| KMeansError::Backend(format!("{error:?}")))?;
    Ok(data.iter::<f64>().collect())
}

/// A value of `like`'s element type and device.
pub(crate) fn value_like<B: Backend>(data: Vec<f64>, dims: [usize; 2], like: &Value<B>) -> Value<B> {
    Value::from_data(TensorData::new(data, dims).convert_dtype(like.dtype()), &like.device())
}

/// The rows (`dim` 0) or columns (`dim` 1) of a matrix at `indices`, in their order.
pub(crate) fn select<B: Backend>(
    matrix: &Value<B>,
    dim: usize,
    indices: &[usize],
) -> Result<Value<B>, LayerError> {
    let data: Vec<_> = indices.iter().map(|index| *index as i64).collect();
    let indices = Tensor::<B, 1, Int>::from_data(TensorData::new(data, [indices.len()]), &matrix.device());
    Ok(tensor(matrix)?.select(dim, indices).into())
}

/// At least two finite centroids, `[K, D]`.
pub(crate) fn check_centroids<B: Backend>(centroids: &Value<B>) -> Result<(), KMeansError> {
    match centroids.dims()[..] {
        [0, _] | [_, 0] => return Err(KMeansError::Centroids { dims: centroids.dims() }),
        [1, _] => return Err(KMeansError::OneCluster),
        [_, _] => {}
        _ => return Err(KMeansError::Centroids { dims: centroids.dims() }),
    }
    if !matches!(centroids.dtype(), DType::F32 | DType::F64 | DType::Flex32) {
        return Err(KMeansError::Kind { points: "unknown yet".to_owned(), centroids: describe(centroids) });
    }
    check_finite("centroids", centroids)
}

/// At least one finite point, `[N, D]`, that fits `centroids`.
pub(crate) fn check_points<B: Backend>(points: &Value<B>, centroids: &Value<B>) -> Result<(), KMeansError> {
    let (dims, expected) = (points.dims(), centroids.dims()[1]);
    match dims[..] {
        [_, features] if features != expected => Err(KMeansError::Features { got: features, expected }),
        [points, _] if points > 0 => Ok(()),
        _ => Err(KMeansError::NoPoints { dims }),
    }?;
    if points.dtype() != centroids.dtype() || points.device() != centroids.device() {
        return Err(KMeansError::Kind { points: describe(points), centroids: describe(centroids) });
    }
    check_finite("points", points)
}

fn describe<B: Backend>(value: &Value<B>) -> String {
    format!("{:?} on {:?}", value.dtype(), value.device())
}

/// The common case reads one number from the device.
fn check_finite<B: Backend>(what: &'static str, value: &Value<B>) -> Result<(), KMeansError> {
    let (rows, columns) = (value.dims()[0], value.dims()[1]);
    // 0 x is NaN exactly where x is not finite, and one NaN makes the sum NaN.
    let sum = (value.clone().reshape(&[rows * columns]) * 0.0).sum_dim(0);
    if host(&sum)?.iter().all(|sum| sum.is_finite()) {
        return Ok(());
    }
    match host(value)?.iter().enumerate().find(|(_, element)| !element.is_finite()) {
        None => Ok(()),
        Some((flat, &value)) => {
            Err(KMeansError::NotFinite { what, value, index: [flat / columns, flat % columns] })
        }
    }
}
