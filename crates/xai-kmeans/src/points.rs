//! Checks of points and centroids, so that what runs afterwards cannot panic.

use burn_backend::{Backend, DType};
use xai_core::Value;

use crate::error::KMeansError;
use crate::matrix::host;

/// At least two finite centroids, `[K, D]`.
pub(crate) fn check_centroids<B: Backend>(centroids: &Value<B>) -> Result<(), KMeansError> {
    check_dims(&centroids.dims())?;
    check_dtype("centroids", centroids)?;
    check_finite("centroids", centroids)
}

/// The same for elements on the host, in row-major order.
#[cfg(any(feature = "npy", feature = "safetensors"))]
pub(crate) fn check_host_centroids(values: &[f64], dims: &[usize]) -> Result<(), KMeansError> {
    check_dims(dims)?;
    first_not_finite("centroids", values, dims[1])
}

fn check_dims(dims: &[usize]) -> Result<(), KMeansError> {
    match dims {
        [1, features] if *features > 0 => Err(KMeansError::OneCluster),
        [clusters, features] if *clusters > 0 && *features > 0 => Ok(()),
        _ => Err(KMeansError::Centroids { dims: dims.to_vec() }),
    }
}

/// Elements of enough precision for differences of squares.
pub(crate) fn check_dtype<B: Backend>(what: &'static str, value: &Value<B>) -> Result<(), KMeansError> {
    match value.dtype() {
        DType::F32 | DType::F64 | DType::Flex32 => Ok(()),
        dtype => Err(KMeansError::DType { what, dtype }),
    }
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

/// The common case reads one truth value from the device.
pub(crate) fn check_finite<B: Backend>(what: &'static str, value: &Value<B>) -> Result<(), KMeansError> {
    match value.all_finite().map_err(|error| KMeansError::Backend(format!("{error:?}")))? {
        true => Ok(()),
        false => first_not_finite(what, &host(value)?, value.dims()[1]),
    }
}

fn first_not_finite(what: &'static str, values: &[f64], columns: usize) -> Result<(), KMeansError> {
    match values.iter().enumerate().find(|(_, element)| !element.is_finite()) {
        None => Ok(()),
        Some((flat, &value)) => {
            Err(KMeansError::NotFinite { what, value, index: [flat / columns, flat % columns] })
        }
    }
}
