//! Matrices of points, centroids and clusters.

use burn::tensor::{Int, Tensor, TensorData};
use burn_backend::Backend;
use xai_core::Value;
use xai_core::error::LayerError;

use crate::error::KMeansError;

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

/// The value as a matrix; heads only ever see matrices.
pub(crate) fn tensor<B: Backend>(value: &Value<B>) -> Result<Tensor<B, 2>, LayerError> {
    let matrix = value.clone().into_tensor();
    matrix.ok_or(LayerError::Parameter { name: "points", expected: "[points, features]", got: value.dims() })
}

/// The elements of `SIZE` bytes each; what is left over at the end is no element.
#[cfg(any(feature = "npy", feature = "safetensors"))]
pub(crate) fn numbers<const SIZE: usize>(bytes: &[u8], number: impl Fn([u8; SIZE]) -> f64) -> Vec<f64> {
    bytes.as_chunks().0.iter().copied().map(number).collect()
}
