//! The picture of the example of clusters.

use burn_xai::heatmap::{Picture, gray_image};
use burn_xai::prelude::*;

use super::{Clustering, Explained};
use digits::Result;
use digits::data::{Digits, SIDE};

/// Screen pixels per pixel of an image.
const SCALE: u32 = 11;

/// A column per cluster, the clusters of pixels above those of features.
pub(crate) fn draw(test: &Digits, pixels: &Clustering, features: &Clustering) -> Result<Picture> {
    let pixels = titled("k-means on pixels", grid(test, pixels, "centroid")?)?;
    let features = titled("k-means on a network's features", grid(test, features, "mean image")?)?;
    let legend = "red favours the cluster, blue the others\n\
                  f: how much nearer the centroid is than that of the next cluster, squared";
    Ok(Grid::new()
        .with_row("", [pixels])
        .with_row("", [Cell::new(features).with_caption(legend)])
        .render()?)
}

fn titled(title: &str, grid: Grid) -> Result<Picture> {
    Ok(Grid::new().with_text_size(24).with_headers([title]).with_row("", [grid.render()?]).render()?)
}

/// A test image, explained, and its pixels.
type Member<'a> = (&'a Explained, &'a [f32]);

fn grid(test: &Digits, clustering: &Clustering, center: &str) -> Result<Grid> {
    let order = clustering.by_digit();
    let clusters = || order.iter().map(|cluster| &clustering.clusters[*cluster]);
    let headers = order.iter().zip(clusters()).map(|(number, cluster)| {
        format!("cluster {number}\nmostly {}\n{} images", cluster.mostly, cluster.members)
    });
    let centers = clusters().map(|cluster| Ok(ink(&cluster.mean)?.into()));
    let profiles = clusters().map(|cluster| Ok(map(&cluster.profile)?.into()));

    let pixels: Vec<&[f32]> = test.pixels().collect();
    let member = |image: Option<&usize>| image.map(|&image| (&clustering.images[image], pixels[image]));
    let members: Vec<_> = order.iter().map(|cluster| clustering.members(*cluster)).collect();
    let most: Vec<_> = members.iter().map(|members| member(members.first())).collect();
    let least: Vec<_> = members.iter().map(|members| member(members.last())).collect();

    let image =
        |(image, pixels): Member| Ok(Cell::new(ink(pixels)?).with_caption(format!("a {}", image.label)));
    let relevance = |(image, _): Member| {
        Ok(Cell::new(map(&image.relevance)?).with_caption(format!("f = {:.2}", image.discriminant)))
    };
    let contrast = |(image, _): Member| {
        let Some(contrast) = &image.contrast else { return blank() };
        let other = clustering.clusters[contrast.b].mostly;
        Ok(Cell::new(map(&contrast.relevance)?).with_caption(format!("{}: mostly {other}", contrast.b)))
    };
    let grid = Grid::new()
        .with_headers(headers)
        .with_row(center, centers.collect::<Result<Vec<Cell>>>()?)
        .with_row("profile: mean\nrelevance of all\nits images", profiles.collect::<Result<Vec<Cell>>>()?)
        .with_row("the most\ntypical image", cells(&most, image)?)
        .with_row("its relevance", cells(&most, relevance)?)
        .with_row("the least\ntypical image", cells(&least, image)?)
        .with_row("its relevance", cells(&least, relevance)?);
    let contrasts = clustering.images.iter().any(|image| image.contrast.is_some());
    Ok(if contrasts {
        grid.with_row("against the next\ncluster alone", cells(&least, contrast)?)
    } else {
        grid
    })
}

fn cells(members: &[Option<Member>], cell: impl Fn(Member) -> Result<Cell>) -> Result<Vec<Cell>> {
    members.iter().map(|member| member.map_or_else(blank, &cell)).collect()
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
