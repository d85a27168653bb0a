//! Centroids and points, explained.

use burn::tensor::Tensor;
use burn_backend::{Backend, Slice};
use xai_core::Value;

use crate::attribution::ClusterAttribution;
use crate::beta::beta_from;
use crate::error::KMeansError;
use crate::head::ClusterHead;
use crate::points::{check_points, host, value_like};
use crate::profile::ClusterProfile;
use crate::rule::ClusterRule;

/// Elements of `[N, K]` that are worked on at once.
const BATCH: usize = 1 << 20;

/// Which cluster to explain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ClusterTarget {
    /// For each point the one it belongs to: what makes it a member.
    #[default]
    Assigned,
    /// One for all points: what speaks for it, or against where a point is no member.
    Cluster(usize),
    /// One for each point.
    Clusters(Vec<usize>),
    /// Cluster `a` against cluster `b` alone, for all points: what makes it nearer to `a`.
    Contrast {
        /// Features that speak for this cluster are positive,
        a: usize,
        /// those that speak for this one negative.
        b: usize,
    },
}

/// Explains the clusters of centroids, without a network.
///
/// ```
/// # use burn_flex::Flex;
/// use burn::tensor::Tensor;
/// use xai_kmeans::{ClusterExplainer, ClusterRule, ClusterTarget};
///
/// # let device = Default::default();
/// let centroids = Tensor::<Flex, 2>::from_floats([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]], &device);
/// let points = Tensor::<Flex, 2>::from_floats([[0.5, 0.5], [3.0, 0.5]], &device);
/// let explainer = ClusterExplainer::new(centroids, ClusterRule::midpoint(0.1))?;
///
/// let attribution = explainer.explain(points, ClusterTarget::Assigned)?;
/// assert_eq!(attribution.assigned(), [0, 1]);
/// // The relevance of a point's features adds up to its distance from the border.
/// let sums = attribution.relevance().clone().sum_dim(1).into_data().to_vec::<f32>().unwrap();
/// assert!((f64::from(sums[1]) - attribution.scores()[1]).abs() < 1e-4);
/// # Ok::<(), xai_kmeans::KMeansError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ClusterExplainer<B: Backend> {
    head: ClusterHead<B>,
    rule: ClusterRule,
}

impl<B: Backend> ClusterExplainer<B> {
    /// An explainer of `centroids`, `[K, D]`, finite, `K >= 2`. They may be equal to each other: no
    /// point is nearer to one of them, so its discriminant is 0 and all relevance with it.
    ///
    /// # Errors
    /// [`KMeansError`] for other centroids, or a beta or epsilon that is negative or not finite.
    pub fn new(centroids: Tensor<B, 2>, rule: ClusterRule) -> Result<Self, KMeansError> {
        let head = ClusterHead::new(centroids)?;
        rule.check(&head)?;
        Ok(Self { head, rule })
    }

    /// The same with the beta that [`beta_from`] gives for `points`.
    ///
    /// # Errors
    /// As [`beta_from`].
    pub fn with_beta_from(self, points: Tensor<B, 2>) -> Result<Self, KMeansError> {
        let beta = beta_from(&self.head, points)?;
        Ok(Self { rule: ClusterRule { beta, ..self.rule }, ..self })
    }

    /// The centroids, `[K, D]`.
    pub fn centroids(&self) -> &Value<B> {
        self.head.centroids()
    }

    /// The rule.
    pub fn rule(&self) -> &ClusterRule {
        &self.rule
    }

    /// The cluster that each point belongs to, the first of equally near ones.
    ///
    /// # Errors
    /// [`KMeansError`] for points, `[N, D]`, that are none, do not fit the centroids or are not
    /// finite.
    pub fn assign(&self, points: Tensor<B, 2>) -> Result<Vec<usize>, KMeansError> {
        let points = Value::from(points);
        check_points(&points, self.head.centroids())?;
        let mut assigned = Vec::with_capacity(points.dims()[0]);
        for batch in batches(&points, self.clusters()) {
            assigned.extend(assign(&self.head, &batch)?.into_iter().map(|(cluster, _)| cluster));
        }
        Ok(assigned)
    }

    /// Which features of `points`, `[N, D]`, speak for the clusters of `target`.
    ///
    /// Points are worked on in batches: memory beyond points and relevance stays bounded, however
    /// many clusters there are.
    ///
    /// # Errors
    /// As [`assign`](Self::assign), and for clusters that do not exist.
    pub fn explain(
        &self,
        points: Tensor<B, 2>,
        target: ClusterTarget,
    ) -> Result<ClusterAttribution<B>, KMeansError> {
        let points = Value::from(points);
        check_points(&points, self.head.centroids())?;
        self.check_target(&target, points.dims()[0])?;
        let (mut parts, mut start) = (Vec::new(), 0);
        for batch in batches(&points, self.clusters()) {
            let end = start + batch.dims()[0];
            let target = match &target {
                ClusterTarget::Clusters(clusters) => ClusterTarget::Clusters(clusters[start..end].to_vec()),
                other => other.clone(),
            };
            parts.push(self.explain_batch(&batch, target)?);
            start = end;
        }
        let relevance: Vec<_> = parts.iter().map(|part| part.relevance.clone()).collect();
        Ok(ClusterAttribution {
            relevance: Tensor::cat(relevance, 0),
            assigned: parts.iter().flat_map(|part| part.assigned.clone()).collect(),
            explained: parts.iter().flat_map(|part| part.explained.clone()).collect(),
            scores: parts.iter().flat_map(|part| part.scores.clone()).collect(),
        })
    }

    /// The mean relevance of every feature over the members of every cluster.
    ///
    /// # Errors
    /// As [`assign`](Self::assign).
    pub fn profile(&self, points: Tensor<B, 2>) -> Result<ClusterProfile<B>, KMeansError> {
        let attribution = self.explain(points, ClusterTarget::Assigned)?;
        ClusterProfile::of(&attribution, self.clusters())
    }

    fn clusters(&self) -> usize {
        self.head.centroids().dims()[0]
    }

    fn check_target(&self, target: &ClusterTarget, points: usize) -> Result<(), KMeansError> {
        let clusters = self.clusters();
        let named = match target {
            ClusterTarget::Assigned => Vec::new(),
            ClusterTarget::Cluster(cluster) => vec![*cluster],
            ClusterTarget::Clusters(named) if named.len() != points => {
                return Err(KMeansError::ClusterCount { got: named.len(), points });
            }
            ClusterTarget::Clusters(named) => named.clone(),
            ClusterTarget::Contrast { a, b } if a == b => {
                return Err(KMeansError::SameCluster { cluster: *a });
            }
            ClusterTarget::Contrast { a, b } => vec![*a, *b],
        };
        match named.into_iter().find(|cluster| *cluster >= clusters) {
            Some(cluster) => Err(KMeansError::Cluster { cluster, clusters }),
            None => Ok(()),
        }
    }

    fn explain_batch(
        &self,
        points: &Value<B>,
        target: ClusterTarget,
    ) -> Result<ClusterAttribution<B>, KMeansError> {
        let (samples, clusters) = (points.dims()[0], self.clusters());
        let discriminants = self.head.discriminants(points)?;
        let f = host(&discriminants)?;
        let assigned: Vec<_> = winners(&f, clusters)?.into_iter().map(|(cluster, _)| cluster).collect();
        let explained = match &target {
            ClusterTarget::Assigned => assigned.clone(),
            ClusterTarget::Clusters(named) => named.clone(),
            ClusterTarget::Cluster(a) | ClusterTarget::Contrast { a, .. } => vec![*a; samples],
        };
        let each = explained.iter().enumerate().map(|(sample, cluster)| (sample * clusters, *cluster));
        let (passed, scores): (_, Vec<_>) = match target {
            ClusterTarget::Contrast { a, b } => {
                let excess = |row: usize, cluster: usize| (-f[row + cluster]).max(0.0);
                let scores: Vec<_> = each.map(|(row, _)| excess(row, b) - excess(row, a)).collect();
                let h = value_like(scores.clone(), [samples, 1], points);
                (self.rule.contrast(&self.head, points, [a, b], &h)?, scores)
            }
            _ => {
                let mut start = vec![0.0; samples * clusters];
                each.clone().for_each(|(row, cluster)| start[row + cluster] = f[row + cluster]);
                let start = value_like(start, [samples, clusters], points);
                let passed = self.rule.propagate(&self.head, points, &discriminants, &start, false)?;
                (passed, each.map(|(row, cluster)| f[row + cluster]).collect())
            }
        };
        let relevance = crate::head::tensor(&passed.relevance[0])?;
        Ok(ClusterAttribution { relevance, assigned, explained, scores })
    }
}

/// The points in batches that keep `[N, K]` small.
pub(crate) fn batches<B: Backend>(points: &Value<B>, clusters: usize) -> impl Iterator<Item = Value<B>> {
    let (samples, features) = (points.dims()[0], points.dims()[1]);
    let each = (BATCH / clusters).max(1);
    (0..samples).step_by(each).map(move |start| {
        let rows = Slice::from(start..(start + each).min(samples));
        points.clone().slice(&[rows, Slice::from(0..features)])
    })
}

/// Cluster and discriminant of each point of a batch.
pub(crate) fn assign<B: Backend>(
    head: &ClusterHead<B>,
    points: &Value<B>,
) -> Result<Vec<(usize, f64)>, KMeansError> {
    winners(&host(&head.discriminants(points)?)?, head.centroids().dims()[0])
}

/// The first cluster with the largest discriminant, and that.
fn winners(discriminants: &[f64], clusters: usize) -> Result<Vec<(usize, f64)>, KMeansError> {
    let rows = discriminants.chunks(clusters).enumerate();
    rows.map(|(point, row)| {
        if row.iter().any(|discriminant| !discriminant.is_finite()) {
            return Err(KMeansError::Overflow { point });
        }
        let best =
            row.iter().copied().enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
        Ok(best.unwrap_or_default())
    })
    .collect()
}
