//! From relevance on a backend to pictures: [`picture`], [`picture_over`], [`series`] and [`volume`] draw it in
//! one call, [`maps`] gives the values to draw with the rest of `xai-heatmap`, which is here too.

use burn::tensor::{Tensor, backend::Backend};
use thiserror::Error;
use xai_core::evaluation::MeanCurve;

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
    /// The relevance is not that of the input below it.
    #[error(
        "relevance of shape {relevance:?} cannot be drawn over an input of shape {input:?}: \
         pass the input that was explained; only the number of channels of an image may differ"
    )]
    Mismatch {
        /// The shape of the relevance.
        relevance: Vec<usize>,
        /// The shape of the input.
        input: Vec<usize>,
    },
}

/// One map per sample from relevance `[batch, channels, height, width]`, summed over channels.
///
/// # Errors
/// [`MapError`] when the backend cannot be read or a dimension is 0.
pub fn maps<B: Backend>(relevance: Tensor<B, 4>) -> Result<Vec<RelevanceMap>, MapError> {
    let shape = relevance.dims();
    Ok(RelevanceMap::from_batch(&read(relevance)?, shape)?)
}

fn read<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Result<Vec<f32>, MapError> {
    let data = tensor.try_into_data().map_err(|error| MapError::Read(format!("{error:?}")))?;
    Ok(data.iter::<f32>().collect())
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
    let normalization = clipped()?;
    let draw = |map: &RelevanceMap| enlarged(&render(map, normalization, Colormap::default()));
    sheet(maps(relevance)?.iter().map(draw).collect::<Result<_, _>>()?)
}

/// One picture of relevance `[batch, channels, height, width]` over the images `[batch, channels, height, width]`
/// that it explains, in grey. Colours are those of [`picture`]; the stronger relevance is, the more of the image
/// it covers, up to 0.9.
///
/// # Errors
/// As [`picture`], and where images and relevance differ in batch, height or width.
///
/// # Examples
/// ```
/// use burn::tensor::Tensor;
/// use burn_xai::backend::flex::{self, Flex};
/// use burn_xai::heatmap::picture_over;
///
/// let image = Tensor::<Flex, 4>::from_floats([[[[0.2, 0.4], [0.6, 0.8]]]], &flex::device());
/// let relevance = Tensor::from_floats([[[[0.0, 1.0], [-0.5, 0.0]]]], &flex::device());
/// assert_eq!(picture_over(relevance, image.clone())?.width(), 224);
/// let other = Tensor::from_floats([[[[0.0, 1.0]]]], &flex::device());
/// assert!(picture_over(other, image).is_err());
/// # Ok::<(), burn_xai::heatmap::MapError>(())
/// ```
pub fn picture_over<B: Backend>(relevance: Tensor<B, 4>, images: Tensor<B, 4>) -> Result<Picture, MapError> {
    let [shape, input @ [batch, _, height, width]] = [relevance.dims(), images.dims()];
    if [shape[0], shape[2], shape[3]] != [batch, height, width] {
        return Err(mismatch(&shape, &input));
    }
    let normalization = clipped()?;
    let draw = |(map, image): (RelevanceMap, RelevanceMap)| {
        let gray = render(&image, Normalization::MinMax, Colormap::Gray);
        enlarged(&overlay(&gray, &map, normalization, Colormap::default(), 0.9)?)
    };
    let pairs = maps(relevance)?.into_iter().zip(maps(images)?);
    sheet(pairs.map(draw).collect::<Result<_, _>>()?)
}

/// One picture of relevance `[batch, channels, length]` behind the curves of the signal that it explains, of the
/// same shape. Each sample has its own scale, as in [`picture`], and its number on the left.
///
/// [`Series`] has styles, times and names, and writes SVG.
///
/// # Errors
/// [`MapError`] when the backend cannot be read, the shapes differ, a dimension is 0, a channel of the signal has
/// no finite value, or the picture would be too large.
///
/// # Examples
/// ```
/// use burn::tensor::Tensor;
/// use burn_xai::backend::flex::{self, Flex};
/// use burn_xai::heatmap::{MapError, series};
///
/// let signal = Tensor::<Flex, 3>::from_floats([[[0.0, 2.0, 1.0], [0.5, 0.5, 0.0]]], &flex::device());
/// let picture = series(signal.clone() * 0.5, signal.clone())?;
/// assert!(picture.height() > 2 * 120);
/// let other = signal.clone().narrow(2, 0, 2);
/// assert!(matches!(series(signal, other), Err(MapError::Mismatch { .. })));
/// # Ok::<(), burn_xai::heatmap::MapError>(())
/// ```
pub fn series<B: Backend>(relevance: Tensor<B, 3>, signal: Tensor<B, 3>) -> Result<Picture, MapError> {
    let [shape @ [batch, channels, length], input] = [relevance.dims(), signal.dims()];
    if shape != input {
        return Err(mismatch(&shape, &input));
    }
    // A row of the map for each channel.
    let maps = maps(relevance.reshape([batch, 1, channels, length]))?;
    let signal = read(signal)?;
    let normalization = clipped()?;
    let mut grid = Grid::new();
    for (sample, (map, signal)) in maps.into_iter().zip(signal.chunks(channels * length)).enumerate() {
        let series = Series::new(signal, map)?.with_colors(normalization, Colormap::default());
        let label = if batch == 1 { String::new() } else { sample.to_string() };
        grid = grid.with_row(label, [series.draw()?]);
    }
    Ok(grid.render()?)
}

/// One picture of relevance `[batch, channels, depth, height, width]`, summed over channels, as slices with their
/// numbers. Each sample has its own scale, as in [`picture`], and its number on the left.
///
/// [`Slices`] lays them over the volume, and has the choice of slices and colours.
///
/// # Errors
/// As [`picture`].
///
/// # Examples
/// ```
/// use burn::tensor::Tensor;
/// use burn_xai::backend::flex::{self, Flex};
/// use burn_xai::heatmap::volume;
///
/// let relevance = Tensor::<Flex, 5>::ones([2, 3, 5, 4, 4], &flex::device());
/// // Two samples, each with two rows of slices of 112 pixels.
/// assert!(volume(relevance)?.height() > 4 * 112);
/// # Ok::<(), burn_xai::heatmap::MapError>(())
/// ```
pub fn volume<B: Backend>(relevance: Tensor<B, 5>) -> Result<Picture, MapError> {
    let [batch, channels, depth, height, width] = relevance.dims();
    // The sum over channels is that of pictures with a side of all voxels.
    let voxels = relevance.reshape([batch, channels, depth, height * width]);
    let normalization = clipped()?;
    let mut grid = Grid::new();
    for (sample, map) in maps(voxels)?.iter().enumerate() {
        let slices = Slices::new(map.values(), [depth, height, width])?;
        let slices = slices.with_colors(normalization, Colormap::default());
        let label = if batch == 1 { String::new() } else { sample.to_string() };
        grid = grid.with_row(label, [slices.draw()?]);
    }
    Ok(grid.render()?)
}

/// A chart of mean curves, each with a band of 95 % confidence around it: what [`Report::curves`] gives of a metric
/// that hides parts of the input or brings them back, for each method. `part` says what has happened to the part of
/// the input on the horizontal axis, such as "hidden"; scores are on the vertical one.
///
/// [`Report::curves`]: xai_core::evaluation::Report::curves
///
/// # Examples
/// ```
/// use burn_xai::evaluation::MeanCurve;
/// use burn_xai::heatmap::curves;
///
/// let [fractions, mean, low, high] = [[0.0, 1.0], [9.0, 2.0], [8.0, 1.0], [10.0, 3.0]].map(Vec::from);
/// let curve = MeanCurve { fractions, mean, low, high };
/// let chart = curves([("saliency", &curve)], "hidden").with_title("deletion");
/// assert!(chart.draw()?.svg()?.contains("saliency"));
/// # Ok::<(), burn_xai::heatmap::HeatmapError>(())
/// ```
pub fn curves<'a>(curves: impl IntoIterator<Item = (&'a str, &'a MeanCurve)>, part: &str) -> Chart {
    let chart = Chart::new(format!("part of the input that is {part}"), "score");
    curves.into_iter().fold(chart, |chart, (name, curve)| {
        let places = curve.fractions.iter().zip(&curve.mean).zip(curve.low.iter().zip(&curve.high));
        chart.with_band(name, places.map(|((x, mean), (low, high))| (*x, *mean, *low, *high)))
    })
}

/// Colours that a few outliers do not spoil.
fn clipped() -> Result<Normalization, HeatmapError> {
    Ok(Normalization::SymmetricQuantile(Quantile::new(0.995)?))
}

fn enlarged(picture: &Picture) -> Result<Picture, HeatmapError> {
    picture.upscale((SIDE / picture.width().max(picture.height())).max(1))
}

/// A single picture as it is, more in a grid with their numbers.
fn sheet(pictures: Vec<Picture>) -> Result<Picture, MapError> {
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

fn mismatch(relevance: &[usize], input: &[usize]) -> MapError {
    MapError::Mismatch { relevance: relevance.to_vec(), input: input.to_vec() }
}
