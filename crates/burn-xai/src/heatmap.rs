//! From relevance on a backend to pictures: everything of `xai-heatmap`, and the step to it.

use burn::tensor::{Tensor, backend::Backend};
use thiserror::Error;

pub use xai_heatmap::*;

/// Relevance that cannot be drawn.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MapError {
    /// The relevance could not be read from the device.
    #[error("the relevance could not be read from the device: {0}")]
    Read(String),
    /// The relevance has a shape that is not a picture.
    #[error(transparent)]
    Heatmap(#[from] HeatmapError),
}

/// One map per sample from relevance `[batch, channels, height, width]`, summed over channels.
///
/// # Errors
/// [`MapError`] when the backend cannot be read or a dimension is 0.
pub fn maps<B: Backend>(relevance: Tensor<B, 4>) -> Result<Vec<RelevanceMap>, MapError> {
    let shape = relevance.dims();
    let data = relevance.try_into_data().map_err(|error| MapError::Read(format!("{error:?}")))?;
    let values: Vec<f32> = data.iter::<f32>().collect();
    Ok(RelevanceMap::from_batch(&values, shape)?)
}
