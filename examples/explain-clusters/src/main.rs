//! Explains clusters of handwritten digits: which pixels make an image a member of its cluster?
//!
//! ```text
//! cargo run --release -p explain-clusters -- --out out/explain_clusters
//! ```
//!
//! k-means is fitted twice, without the labels: to the pixels of the training images, and to the
//! features that a network computes of them; there the explanation goes on through the network, down
//! to the pixels. Writes `clusters.png`, one column per cluster, and `report.json`, with every test
//! image's cluster, its discriminant and the relevance that this divides into. Prints a short table.

mod clusters;
mod picture;

use std::fs;
use std::path::PathBuf;

use burn::module::Module;
use burn::tensor::{Tensor, TensorData, backend::Backend};
use burn_xai::kmeans::{
    ClusterExplainer, ClusterHead, ClusterProfile, ClusterRule, KMeansConfig, PairwiseCentroidDistance,
    Power, beta_from, cluster_lrp,
};
use burn_xai::prelude::*;
use clap::Parser;
use digits::data::{self, Digits, PIXELS, Split};
use digits::model::DigitsNet;
use example_common::{BackendArgs, Failure, Job, write_json};
use serde::Serialize;

use clusters::{Absorbed, Clustering, Contrast, Explained};

/// Number of clusters.
const CLUSTERS: usize = 10;
/// Seed of k-means.
const SEED: u64 = 7;
/// Images per batch through the network.
const BATCH: usize = 120;

/// Explain clusters of digits; writes a picture and a report.
#[derive(Debug, Parser)]
struct Args {
    /// Folder for `clusters.png` and `report.json`; made if it does not exist.
    #[arg(long, default_value = "out/explain_clusters")]
    out: PathBuf,
    #[command(flatten)]
    backend: BackendArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    backend: String,
    seed: u64,
    pixels: Clustering,
    features: Clustering,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    args.backend.run(&args)
}

impl Job for Args {
    fn run<B: Backend>(&self, device: &B::Device) -> digits::Result<()> {
        let split = data::load()?;
        let report = Report {
            backend: B::name(device),
            seed: SEED,
            pixels: of_pixels::<B>(&split, device)?,
            features: of_features::<B>(&split, device)?,
        };
        let picture = picture::draw(&split.test, &report.pixels, &report.features)?;

        fs::create_dir_all(&self.out)
            .map_err(|reason| format!("cannot make the folder {}: {reason}", self.out.display()))?;
        let (png, json) = (self.out.join("clusters.png"), self.out.join("report.json"));
        picture.write_png(&png)?;
        write_json(&report, &json)?;

        println!("k-means on pixels\n{}", report.pixels);
        println!("k-means on a network's features\n{}", report.features);
        println!("wrote {} and {} ({})", png.display(), json.display(), report.backend);
        Ok(())
    }
}

/// Clusters of pixels: the centroids are images, and the explanation needs no network.
fn of_pixels<B: Backend>(split: &Split, device: &B::Device) -> digits::Result<Clustering> {
    let [train, test] = [&split.train, &split.test].map(|set| flat(set.images::<B>(device)));
    let fit = KMeansConfig::new(CLUSTERS, SEED).fit(train.clone())?;
    let explainer = ClusterExplainer::new(fit.centroids().clone(), ClusterRule::midpoint(1.0))?
        .with_beta_from(train.clone())?;

    let assigned = explainer.assign(train.clone())?;
    let profile = explainer.profile(train)?;
    let attribution = explainer.attribute(test.clone(), Target::argmax())?;

    let relevance = rows(attribution.relevance()?);
    let found = attribution.classes().unwrap_or_default().iter().zip(attribution.scores()?).zip(relevance);
    let images = found.zip(split.test.labels()).map(|(((&cluster, discriminant), relevance), label)| {
        Explained::new(usize::from(*label), cluster, discriminant, relevance, None)
    });
    let mut clustering = Clustering::new(
        (explainer.rule().clone(), fit.inertia()),
        (&split.train, &assigned),
        (rows(fit.into_centroids()), rows(profile.relevance().clone())),
        images.collect(),
    );

    // What tells the least typical member of each cluster from the nearest other one?
    for a in 0..CLUSTERS {
        let Some(&image) = clustering.members(a).last() else { continue };
        let point = test.clone().narrow(0, image, 1);
        let mut nearest: Option<Contrast> = None;
        for b in (0..CLUSTERS).filter(|b| *b != a) {
            let contrast = explainer.attribute(point.clone(), Target::contrast(a, b))?;
            let score = contrast.scores()?[0];
            if nearest.as_ref().is_none_or(|nearest| score < nearest.score) {
                nearest = Some(Contrast { b, score, relevance: rows(contrast.relevance()?).concat() });
            }
        }
        clustering.images[image].contrast = nearest;
    }
    Ok(clustering)
}

/// Features, then distances to centroids, written as any Burn user writes it.
#[derive(Module, Debug)]
struct DeepKMeans<B: Backend> {
    net: DigitsNet<B>,
    distance: PairwiseCentroidDistance<B>,
}

impl<B: Backend> DeepKMeans<B> {
    /// Squared distances `[n, 10]` of images `[n, 1, 8, 8]`.
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        self.distance.forward(self.net.features(images))
    }
}

/// Clusters of a network's features, explained down to the pixels.
fn of_features<B: Backend>(split: &Split, device: &B::Device) -> digits::Result<Clustering> {
    let net = DigitsNet::<B>::load(device)?;
    let features = net.features(split.train.images(device));
    let fit = KMeansConfig::new(CLUSTERS, SEED).fit(features.clone())?;
    let centroids = fit.centroids().clone();
    let beta = beta_from(&ClusterHead::new(centroids.clone())?, features)?;
    // Features behind a ReLU: 0 means absence, so relevance is reckoned from there.
    let rule = ClusterRule::epsilon(beta);

    let model = DeepKMeans { net, distance: PairwiseCentroidDistance::new(centroids, Power::Two)? };
    // The plain module goes in as it is. Its distances become discriminants, which `rule` explains.
    let model = record(&model, DeepKMeans::forward);
    let lrp = cluster_lrp(&model, epsilon_plus(), rule.clone()).with_ledger();

    let (train, test) = (explain(&lrp, &split.train, device)?, explain(&lrp, &split.test, device)?);
    let assigned: Vec<_> = train.iter().map(|image| image.cluster).collect();
    let mean = |rows: Tensor<B, 2>| ClusterProfile::new(rows, &assigned, CLUSTERS);
    let images = mean(flat(split.train.images(device)))?;
    let relevance: Vec<_> = train.into_iter().flat_map(|image| image.relevance).collect();
    let relevance = Tensor::from_data(TensorData::new(relevance, [assigned.len(), PIXELS]), device);
    let profile = mean(relevance)?;

    let clustering = Clustering::new(
        (rule, fit.inertia()),
        (&split.train, &assigned),
        (rows(images.relevance().clone()), rows(profile.relevance().clone())),
        test,
    );
    Ok(Clustering { composite: Some(epsilon_plus().name().to_owned()), ..clustering })
}

/// The cluster of every image, and where its discriminant went.
fn explain<B: Backend>(lrp: &Lrp<B>, set: &Digits, device: &B::Device) -> digits::Result<Vec<Explained>> {
    let all: Vec<usize> = (0..set.len()).collect();
    let mut images = Vec::with_capacity(set.len());
    for batch in all.chunks(BATCH) {
        let batch = set.select(batch);
        let attribution = lrp.attribute(batch.images(device), Target::argmax())?;
        let clusters = attribution.classes().unwrap_or_default();
        let ledger = attribution.ledger().ok_or("the ledger was asked for")?;
        let (bias, unexplained) = (ledger.bias(), ledger.unexplained());
        let (stabilizer, dropped) = (ledger.stabilizer(), ledger.dropped());
        let discriminants = attribution.scores()?;
        for (i, relevance) in rows(flat(attribution.relevance()?)).into_iter().enumerate() {
            let absorbed = Absorbed {
                absorbed_by_bias: bias[i],
                absorbed_by_stabilizer: stabilizer[i] + dropped[i],
                unexplained: unexplained[i],
            };
            let label = usize::from(batch.labels()[i]);
            images.push(Explained::new(label, clusters[i], discriminants[i], relevance, Some(absorbed)));
        }
    }
    Ok(images)
}

/// Images `[n, 1, 8, 8]` as points `[n, 64]`.
fn flat<B: Backend>(images: Tensor<B, 4>) -> Tensor<B, 2> {
    images.flatten(1, 3)
}

fn rows<B: Backend>(tensor: Tensor<B, 2>) -> Vec<Vec<f32>> {
    let width = tensor.dims()[1];
    let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
    values.chunks(width).map(<[f32]>::to_vec).collect()
}
