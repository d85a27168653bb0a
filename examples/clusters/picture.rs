//! The picture of the example of clusters.

use burn_xai::heatmap::{Picture, gray_image};
use burn_xai::prelude::*;

use super::super::digits::Result;
use super::super::digits::data::{Digits, SIDE};
use super::{Clustering, Explained};

/// Screen pixels per pixel of an image.
const SCALE: u32 = 11;

/// A column per cluster, the clusters of pixels above those of features.
pub(crate) fn draw(test: &Digits, pixels: &Clustering, features: &Clustering) -> Result<Picture> {
    let pixels = titled("k-means on pixels", grid(test, pixels, "centroid")?)?;
    let features = titled("k-means on a network's features", grid(test, features, "mean image")?)?;
    Ok(Grid::new().padding(0).row("", [pixels]).row("", [features]).render()?)
}

fn titled(title: &str, grid: Grid) -> Result<Picture> {
    Ok(Grid::new().text_scale(2).headers([title]).row("", [grid.render()?]).render()?)
}

fn grid(test: &Digits, clustering: &Clustering, center: &str) -> Result<Grid> {
    let order = clustering.by_digit();
    let headers = order.iter().map(|cluster| {
        let found = &clustering.clusters[*cluster];
        format!("cluster {cluster}\nmostly {}\n{} images", found.mostly, found.members)
    });
    let clusters = || order.iter().map(|cluster| &clustering.clusters[*cluster]);
    let centers = clusters().map(|cluster| Ok(ink(&cluster.mean)?.into()));
    let profiles = clusters().map(|cluster| Ok(map(&cluster.profile)?.into()));

    let members: Vec<_> = order.iter().map(|cluster| clustering.members(*cluster)).collect();
    let (best, last): (Vec<_>, Vec<_>) =
        members.iter().map(|members| (members.first().copied(), members.last().copied())).unzip();
    let image = |image: Option<usize>| {
        let pixels = image.and_then(|image| test.pixels().nth(image));
        pixels.zip(image).map_or_else(blank, |(pixels, image)| {
            let label = clustering.images[image].label;
            Ok(Cell::new(ink(pixels)?).caption(format!("a {label}")))
        })
    };
    let relevance = |image: Option<usize>| {
        image.map(|image| &clustering.images[image]).map_or_else(blank, |image: &Explained| {
            Ok(Cell::new(map(&image.relevance)?).caption(format!("f = {:.2}", image.discriminant)))
        })
    };
    let contrast = |image: Option<usize>| {
        image.and_then(|image| clustering.images[image].contrast.as_ref()).map_or_else(blank, |contrast| {
            let other = clustering.clusters[contrast.b].mostly;
            Ok(Cell::new(map(&contrast.relevance)?).caption(format!("not {} ({other})", contrast.b)))
        })
    };

    let cells = |cell: &dyn Fn(Option<usize>) -> Result<Cell>, images: &[Option<usize>]| {
        images.iter().map(|image| cell(*image)).collect::<Result<Vec<_>>>()
    };
    let grid = Grid::new()
        .headers(headers)
        .row(center, centers.collect::<Result<Vec<Cell>>>()?)
        .row("profile:\nmean relevance", profiles.collect::<Result<Vec<Cell>>>()?)
        .row("the most\ntypical image", cells(&image, &best)?)
        .row("why it is in\nthe cluster", cells(&relevance, &best)?)
        .row("the least\ntypical image", cells(&image, &last)?)
        .row("why it is in\nthe cluster", cells(&relevance, &last)?);
    let contrasts = clustering.images.iter().any(|image| image.contrast.is_some());
    Ok(if contrasts { grid.row("why not in the\nnext cluster", cells(&contrast, &last)?) } else { grid })
}

/// Black on white.
fn ink(pixels: &[f32]) -> Result<Picture> {
    let paper: Vec<f32> = pixels.iter().map(|ink| 1.0 - ink).collect();
    Ok(gray_image(&paper, [1, SIDE, SIDE], Normalization::MinMax)?.upscale(SCALE)?)
}

fn map(relevance: &[f32]) -> Result<Picture> {
    let map = RelevanceMap::new(relevance.to_vec(), [SIDE, SIDE])?;
    Ok(render(&map, Normalization::Symmetric, Colormap::BlueWhiteRed).upscale(SCALE)?)
}

/// For a cluster without test images.
fn blank() -> Result<Cell> {
    let side = SIDE as u32 * SCALE;
    Ok(Picture::filled(side, side, [255; 3])?.into())
}
