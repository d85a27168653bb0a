//! What can go wrong while clusters are explained.

use burn::tensor::DType;
use thiserror::Error;
use xai_core::error::{LayerError, RuleError};

/// Centroids, points or settings that cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum KMeansError {
    /// A cluster is explained by what tells it from the others, so there must be others.
    #[error("there is only one cluster, so nothing tells it from others; k-means needs at least 2 centroids")]
    OneCluster,
    /// Centroids without rows or columns.
    #[error("the centroids have the shape {dims:?}; they must be [clusters, features], both at least 1")]
    Centroids {
        /// Their shape.
        dims: Vec<usize>,
    },
    /// No points.
    #[error("there are no points to work on (shape {dims:?}); pass at least one")]
    NoPoints {
        /// Shape of the points.
        dims: Vec<usize>,
    },
    /// Fewer points than clusters that are to be fitted to them.
    #[error("{clusters} clusters cannot be fitted to {points} points; pass at least as many points")]
    FewPoints {
        /// Number of points.
        points: usize,
        /// Number of clusters.
        clusters: usize,
    },
    /// A setting out of range.
    #[error("the parameter `{parameter}` is {value}, but must be {range}")]
    Parameter {
        /// Name of the parameter.
        parameter: &'static str,
        /// Value given.
        value: f64,
        /// Allowed values.
        range: &'static str,
    },
    /// The fit failed.
    #[error("k-means could not be fitted: {reason}")]
    Fit {
        /// Why.
        reason: String,
    },
    /// Points with another number of features than the centroids.
    #[error("the points have {got} features, but the centroids have {expected}")]
    Features {
        /// Features of the points.
        got: usize,
        /// Features of the centroids.
        expected: usize,
    },
    /// NaN or infinite elements.
    #[error("the {what} hold {value} at [{}, {}]; all elements must be finite", index[0], index[1])]
    NotFinite {
        /// Points or centroids.
        what: &'static str,
        /// The offending value.
        value: f64,
        /// Row and column.
        index: [usize; 2],
    },
    /// An element that is finite, but not in the element type asked for.
    #[error(
        "centroid {} has {value:e} as feature {}, which {dtype:?} cannot hold; scale the data down, or load it as \
         F64 by the options `(&device, DType::F64)`",
        index[0], index[1]
    )]
    OutOfRange {
        /// The element.
        value: f64,
        /// Row and column.
        index: [usize; 2],
        /// The type.
        dtype: DType,
    },
    /// Points so far from the centroids that squares overflow.
    #[error("the distances of point {point} to the centroids overflow; scale points and centroids down")]
    Overflow {
        /// Index of the point.
        point: usize,
    },
    /// Elements of too little precision.
    #[error("the {what} are {dtype:?}, but differences of distances need F32 or F64")]
    DType {
        /// Points or centroids.
        what: &'static str,
        /// Their element type.
        dtype: DType,
    },
    /// Points and centroids that do not match.
    #[error(
        "the points are {points}, the centroids {centroids}; both must be F32 or both F64, on one device"
    )]
    Kind {
        /// Element type and device of the points.
        points: String,
        /// Element type and device of the centroids.
        centroids: String,
    },
    /// A cluster that does not exist.
    #[error("cluster {cluster} does not exist: there are {clusters}, counted from 0")]
    Cluster {
        /// The cluster.
        cluster: usize,
        /// Number of clusters.
        clusters: usize,
    },
    /// One cluster per point, but another number of points.
    #[error("{got} clusters were given for {points} points; give one for each")]
    ClusterCount {
        /// Clusters given.
        got: usize,
        /// Number of points.
        points: usize,
    },
    /// A contrast of a cluster against itself.
    #[error("cluster {cluster} cannot be contrasted with itself; name two clusters")]
    SameCluster {
        /// The cluster.
        cluster: usize,
    },
    /// A rule that cannot be used.
    #[error("the rule of the clusters cannot be used: {0}")]
    Rule(#[from] RuleError),
    /// All points lie between clusters, so they give no scale for beta.
    #[error(
        "beta cannot be derived from these points: every one of them is as far from a second centroid as \
         from its own (are there equal centroids?); give beta explicitly"
    )]
    NoScale,
    /// The materialised form does not fit into memory.
    #[error(
        "{clusters} clusters of {features} features would need {weights} weights, more than {limit}; use the \
         matrix-free `ClusterHead` (`KMeansCanonizer::head`)"
    )]
    TooLarge {
        /// Number of clusters.
        clusters: usize,
        /// Number of features.
        features: usize,
        /// Weights needed.
        weights: u128,
        /// Weights allowed.
        limit: usize,
    },
    /// A layer refused its inputs.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The backend failed.
    #[error("the backend failed: {0}")]
    Backend(String),
}

/// A graph reports what a layer refuses.
impl From<KMeansError> for LayerError {
    fn from(error: KMeansError) -> Self {
        match error {
            KMeansError::Layer(error) => error,
            error => Self::NotExpressible { what: error.to_string() },
        }
    }
}
