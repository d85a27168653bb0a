//! What the example of clusters reports.

use std::fmt;

use burn_xai::kmeans::ClusterRule;
use serde::Serialize;

use digits::data::{CLASSES, Digits};

/// The images in clusters, explained.
#[derive(Debug, Serialize)]
pub(crate) struct Clustering {
    /// The rule for the clusters.
    pub(crate) rule: ClusterRule,
    /// The composite for the layers below them, if there are any.
    pub(crate) composite: Option<String>,
    /// Mean squared distance of the training images to their centroid.
    pub(crate) inertia: f64,
    /// Share of the test images that have the most frequent label of their cluster.
    pub(crate) purity: f64,
    pub(crate) clusters: Vec<Cluster>,
    /// All test images.
    pub(crate) images: Vec<Explained>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Cluster {
    /// The most frequent label of its training images.
    pub(crate) mostly: usize,
    /// Number of its training images.
    pub(crate) members: usize,
    /// Mean relevance of each pixel over its training images.
    pub(crate) profile: Vec<f32>,
    /// Mean of its training images.
    #[serde(skip)]
    pub(crate) mean: Vec<f32>,
}

/// A test image: its cluster, and the relevance that the discriminant divides into.
#[derive(Debug, Serialize)]
pub(crate) struct Explained {
    pub(crate) label: usize,
    pub(crate) cluster: usize,
    pub(crate) discriminant: f64,
    pub(crate) relevance_sum: f64,
    /// What the layers of a network kept of the discriminant.
    #[serde(flatten)]
    pub(crate) absorbed: Option<Absorbed>,
    #[serde(skip)]
    pub(crate) relevance: Vec<f32>,
    #[serde(skip)]
    pub(crate) contrast: Option<Contrast>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Absorbed {
    pub(crate) absorbed_by_bias: f64,
    pub(crate) absorbed_by_stabilizer: f64,
    pub(crate) unexplained: f64,
}

/// An image's cluster against cluster `b` alone.
#[derive(Debug)]
pub(crate) struct Contrast {
    pub(crate) b: usize,
    pub(crate) score: f64,
    pub(crate) relevance: Vec<f32>,
}

impl Explained {
    pub(crate) fn new(
        label: usize,
        cluster: usize,
        discriminant: f64,
        relevance: Vec<f32>,
        absorbed: Option<Absorbed>,
    ) -> Self {
        let relevance_sum = relevance.iter().copied().map(f64::from).sum();
        Self { label, cluster, discriminant, relevance_sum, absorbed, relevance, contrast: None }
    }

    /// What is left of the discriminant after the relevance and what layers absorbed.
    fn lost(&self) -> f64 {
        let absorbed = |absorbed: &Absorbed| absorbed.absorbed_by_bias + absorbed.absorbed_by_stabilizer;
        self.discriminant - self.relevance_sum - self.absorbed.as_ref().map_or(0.0, absorbed)
    }
}

impl Clustering {
    /// Test `images` in the clusters that `assigned` says for the images of `train`, with the
    /// clusters' mean images and profiles.
    pub(crate) fn new(
        (rule, inertia): (ClusterRule, f64),
        (train, assigned): (&Digits, &[usize]),
        (means, profiles): (Vec<Vec<f32>>, Vec<Vec<f32>>),
        images: Vec<Explained>,
    ) -> Self {
        let mut counts = vec![[0usize; CLASSES]; profiles.len()];
        for (&cluster, &label) in assigned.iter().zip(train.labels()) {
            counts[cluster][usize::from(label)] += 1;
        }
        let clusters = counts.iter().zip(means.into_iter().zip(profiles)).map(|(counts, (mean, profile))| {
            Cluster { mostly: most(counts), members: counts.iter().sum(), profile, mean }
        });
        let clusters: Vec<_> = clusters.collect();

        let mut tested = vec![[0usize; CLASSES]; clusters.len()];
        for image in &images {
            tested[image.cluster][image.label] += 1;
        }
        let pure: usize = tested.iter().map(|counts| counts[most(counts)]).sum();
        let purity = pure as f64 / images.len() as f64;
        Self { rule, composite: None, inertia, purity, clusters, images }
    }

    /// Indices of the test images of a cluster, the largest discriminant first.
    pub(crate) fn members(&self, cluster: usize) -> Vec<usize> {
        let all = (0..self.images.len()).filter(|image| self.images[*image].cluster == cluster);
        let mut members: Vec<_> = all.collect();
        members.sort_by(|a, b| self.images[*b].discriminant.total_cmp(&self.images[*a].discriminant));
        members
    }

    /// The clusters in the order of their digits.
    pub(crate) fn by_digit(&self) -> Vec<usize> {
        let mut order: Vec<_> = (0..self.clusters.len()).collect();
        order.sort_by_key(|cluster| self.clusters[*cluster].mostly);
        order
    }
}

/// The label with the largest count.
fn most(counts: &[usize; CLASSES]) -> usize {
    (0..CLASSES).rev().max_by_key(|label| counts[*label]).unwrap_or_default()
}

impl fmt::Display for Clustering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "cluster  mostly  images  discriminant  relevance sum  lost at most")?;
        for cluster in self.by_digit() {
            let members: Vec<_> =
                self.members(cluster).into_iter().map(|image| &self.images[image]).collect();
            let mean = |value: fn(&Explained) -> f64| {
                members.iter().map(|image| value(image)).sum::<f64>() / members.len().max(1) as f64
            };
            writeln!(
                f,
                "{cluster:7}  {:6}  {:6}  {:12.4}  {:13.4}  {:12.1e}",
                self.clusters[cluster].mostly,
                members.len(),
                mean(|image| image.discriminant),
                mean(|image| image.relevance_sum),
                members.iter().map(|image| image.lost().abs()).fold(0.0, f64::max),
            )?;
        }
        writeln!(f, "purity {:.1} % on {} test images", 100.0 * self.purity, self.images.len())
    }
}
