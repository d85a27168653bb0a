//! Explains k-means clusters: which features make a point belong to its cluster, and not to another.
//!
//! k-means assigns a point to the nearest centroid. That decision is rewritten, exactly, as a small
//! network (*neuralization*): for every cluster `c` the discriminant
//!
//! ```text
//! f_c = min_{k != c} (|x - mu_k|^2 - |x - mu_c|^2) = min_{k != c} (w_ck . x + b_ck)
//! ```
//!
//! is positive exactly for the points of that cluster, and layer-wise relevance propagation explains
//! it. Kauffmann, Esders, Ruff, Montavon, Samek and Mueller, From Clustering to Cluster Explanations
//! via Neural Networks, IEEE TNNLS 35(2):1926-1940, 2024, arXiv 1906.07633.
//!
//! - [`ClusterExplainer`]: centroids and points, nothing else.
//! - [`KMeansCanonizer`] with [`ClusterRule`]: clusters on top of a network's features, explained
//!   down to its input.
//! - [`NeuralizedKMeans`], [`MinPool1d`] and [`Midpoint`]: the network in separate layers.
//!
//! Centroids are a tensor, `[K, D]`. Cargo features bring other ways to them:
//!
//! | feature | centroids from |
//! | --- | --- |
//! | `fit` | points: `KMeansConfig` |
//! | `npy` | a NumPy file: `centroids_from_npy` |
//! | `safetensors` | a safetensors file: `centroids_from_safetensors` |

mod assignment;
mod blocks;
mod canonizer;
mod centroid_distance;
mod distance;
mod error;
mod explainer;
mod find_distances;
#[cfg(feature = "fit")]
mod fit;
mod head;
#[cfg(any(feature = "npy", feature = "safetensors"))]
mod load;
mod matrix;
mod min_pool;
mod network;
mod neuralized;
#[cfg(feature = "npy")]
mod npy;
mod points;
mod profile;
mod pulls;
mod rule;

pub use assignment::beta_from;
pub use canonizer::KMeansCanonizer;
pub use centroid_distance::{CentroidDistance, Power};
pub use distance::{PairwiseCentroidDistance, PairwiseCentroidDistanceConfig};
pub use error::KMeansError;
pub use explainer::ClusterExplainer;
pub use find_distances::FindDistances;
#[cfg(feature = "fit")]
pub use fit::{KMeansConfig, KMeansFit};
pub use head::ClusterHead;
#[cfg(any(feature = "npy", feature = "safetensors"))]
pub use load::LoadError;
#[cfg(feature = "npy")]
pub use load::centroids_from_npy;
#[cfg(feature = "safetensors")]
pub use load::centroids_from_safetensors;
pub use min_pool::{MinPool1d, MinPool1dConfig, MinPool2d, MinPool2dConfig};
pub use network::cluster_lrp;
pub use neuralized::{NeuralizedKMeans, NeuralizedKMeansConfig, NeuralizedKMeansLayer};
pub use profile::ClusterProfile;
pub use rule::{ClusterRule, LinearRule, Midpoint};
