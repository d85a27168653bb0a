//! What the channels of an inner layer stand for: the photographs in which each has most relevance.

use std::path::Path;

use burn::tensor::{Tensor, backend::Backend};
use burn_xai::heatmap::{Quantile, overlay};
use burn_xai::prelude::*;

use explain_image::Result;
use explain_image::photo::Photo;

/// Channels in the picture, those with most relevance.
const CHANNELS: usize = 6;
/// Photographs of each.
const SAMPLES: usize = 4;
/// Photographs that go through the network at once.
const LARGEST_BATCH: usize = 4;

/// Writes `channels.png`: a row for each channel of `node`, with the relevance that goes through it.
pub(crate) fn sheet<B: Backend>(
    model: &Model<B>,
    node: &str,
    photos: &[Photo],
    device: &B::Device,
    out: &Path,
) -> Result<()> {
    let lrp = Lrp::new(model, epsilon_plus_flat());
    let mut ranking = ChannelRanking::new(&lrp, node).with_samples(SAMPLES);
    for photos in photos.chunks(LARGEST_BATCH) {
        let batch = photos.iter().map(|photo| photo.tensor::<B>(device)).collect();
        ranking.add(Tensor::<B, 4>::cat(batch, 0), Target::argmax())?;
    }
    let scale = Normalization::SymmetricQuantile(Quantile::new(0.995)?);
    let mut grid = Grid::new();
    for channel in ranking.channels().into_iter().take(CHANNELS) {
        let through = lrp.clone().with_condition(Condition::channels(node, [channel]));
        let mut cells = Vec::new();
        for (sample, relevance) in ranking.samples(channel) {
            let photo = &photos[*sample];
            let attribution = through.attribute(photo.tensor::<B>(device), Target::argmax())?;
            for map in maps(attribution.relevance::<4>()?)? {
                let picture = overlay(&photo.picture()?.grayed(), &map, scale, Colormap::BlueWhiteRed, 1.0)?;
                let caption = format!("{}: {relevance:.3}", photo.name);
                cells.push(Cell::new(picture).with_caption(caption));
            }
        }
        grid = grid.with_row(format!("channel {channel}"), cells);
    }
    grid.render()?.write_png(out.join("channels.png"))?;
    println!("wrote channels.png to {}", out.display());
    Ok(())
}
