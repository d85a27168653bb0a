//! From relevance on a backend to pictures: [`picture`] draws it in one call, [`maps`] gives the values to draw
//! with the rest of `xai-heatmap`, which is here too.

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

/// Pixels of the longer side of an enlarged map, at most.
const SIDE: u32 = 224;

/// One picture of relevance `[batch, channels, height, width]`, summed over channels: red pixels raise the
/// score that is explained, blue ones lower it, and white ones have no influence.
///
/// The colours of each sample end at the 0.995 quantile of its own absolute relevance, so that a few outliers
/// do not turn the rest white ([`Normalization::SymmetricQuantile`]). Small maps are enlarged to about 224
/// pixels. A batch is drawn as a grid, row by row, with the number of each sample below it.
///
/// # Errors
/// [`MapError`] when the backend cannot be read, a dimension is 0, or the picture would be too large.
///
/// # Examples
/// ```
/// use burn::tensor::Tensor;
/// use burn_xai::backend::flex::{self, Flex};
/// use burn_xai::heatmap::picture;
///
/// let relevance = Tensor::<Flex, 4>::from_floats([[[[0.0, 1.0], [-0.5, 0.0]]]], &flex::device());
/// let single = picture(relevance.clone())?;
/// assert_eq!((single.width(), single.height()), (224, 224));
/// let batch = picture(relevance.repeat_dim(0, 3))?;
/// assert!(batch.width() > 2 * 224 && batch.height() > 2 * 224);
/// # Ok::<(), burn_xai::heatmap::MapError>(())
/// ```
pub fn picture<B: Backend>(relevance: Tensor<B, 4>) -> Result<Picture, MapError> {
    let normalization = Normalization::SymmetricQuantile(Quantile::new(0.995)?);
    let draw = |map: &RelevanceMap| {
        let factor = (SIDE / map.width().max(map.height())).max(1);
        render(map, normalization, Colormap::BlueWhiteRed).upscale(factor)
    };
    let pictures = maps(relevance)?.iter().map(draw).collect::<Result<Vec<_>, _>>()?;
    if let [single] = pictures.as_slice() {
        return Ok(single.clone());
    }
    let columns = (pictures.len() as f64).sqrt().ceil() as usize;
    let cells: Vec<_> = (0..)
        .zip(pictures)
        .map(|(sample, picture)| Cell::new(picture).with_caption(format!("{sample}")))
        .collect();
    let grid = cells.chunks(columns).fold(Grid::new(), |grid, row| grid.with_row("", row.to_vec()));
    Ok(grid.render()?)
}
