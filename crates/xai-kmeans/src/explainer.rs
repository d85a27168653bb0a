//! Centroids and points, explained.

use std::collections::BTreeMap;

use burn::tensor::Tensor;
use burn_backend::{Backend, Slice};
use xai_core::Value;
use xai_core::attributor::{Attribution, Attributor};
use xai_core::error::{ExplainError, InputError, TargetError};
use xai_core::model::{Inputs, Start, Target};

use crate::assignment::{assign, batches, beta_from, winners};
use crate::error::KMeansError;
use crate::head::ClusterHead;
use crate::matrix::{host, select, tensor, value_like};
use crate::points::check_points;
use crate::profile::ClusterProfile;
use crate::rule::ClusterRule;

/// Explains the clusters of centroids, without a network.
///
/// As a method it takes points, `[N, D]`; the output that a [`Target`] selects from are the
/// discriminants of all clusters, `[N, K]`, positive exactly for the cluster that a point belongs to:
///
/// | target | explains |
/// | --- | --- |
/// | `Target::argmax()` | for each point the cluster it belongs to: what makes it a member |
/// | a class | one cluster: what raises its discriminant, also where a point is no member |
/// | `Target::contrast(a, b)` | cluster `a` against cluster `b` alone, by `|x - mu_b|^2 - |x - mu_a|^2`: what makes the point nearer to `a` |
///
/// ```
/// # use burn_flex::Flex;
/// use burn::tensor::Tensor;
/// use xai_core::attributor::Attributor;
/// use xai_core::model::Target;
/// use xai_kmeans::{ClusterExplainer, ClusterRule};
///
/// # let device = Default::default();
/// let centroids = Tensor::<Flex, 2>::from_floats([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]], &device);
/// let points = Tensor::<Flex, 2>::from_floats([[0.5, 0.5], [3.0, 0.5]], &device);
/// let explainer = ClusterExplainer::new(centroids, ClusterRule::midpoint(0.1))?;
///
/// let attribution = explainer.attribute(points, Target::argmax())?;
/// assert_eq!(attribution.classes(), Some(&[0, 1][..]));
/// // The relevance of a point's features adds up to its distance from the border.
/// let (sums, scores) = (attribution.relevance_sums()?, attribution.scores()?);
/// assert!((sums[1] - scores[1]).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
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

    /// The mean relevance of every feature over the members of every cluster.
    ///
    /// # Errors
    /// As [`attribute`](Attributor::attribute).
    pub fn profile(&self, points: Tensor<B, 2>) -> Result<ClusterProfile<B>, ExplainError> {
        let attribution = self.attribute(points, Target::argmax())?;
        let profile = ClusterProfile::new(
            attribution.relevance()?,
            attribution.classes().unwrap_or_default(),
            self.clusters(),
        );
        profile.map_err(method)
    }

    fn clusters(&self) -> usize {
        self.head.centroids().dims()[0]
    }

    /// The discriminants of all points, `[N, K]`.
    fn discriminants(&self, points: &Value<B>) -> Result<Value<B>, KMeansError> {
        let mut parts = Vec::new();
        for batch in batches(points, self.clusters()) {
            let discriminants = self.head.discriminants(&batch)?;
            // Finds squares that overflow.
            winners(&host(&discriminants)?, self.clusters())?;
            parts.push(discriminants);
        }
        Ok(Value::cat(parts, 0))
    }

    /// Relevance of the points, [N, D], where relevance of the clusters starts with `start`.
    fn explain(
        &self,
        points: &Value<B>,
        discriminants: &Value<B>,
        start: &Start<B>,
    ) -> Result<Value<B>, KMeansError> {
        let (clusters, mut done, mut parts) = (self.clusters(), 0, Vec::new());
        for batch in batches(points, clusters) {
            let end = done + batch.dims()[0];
            let rows =
                |value: &Value<B>| value.clone().slice(&[Slice::from(done..end), Slice::from(0..clusters)]);
            let (f, seed) = (rows(discriminants), rows(&start.seed));
            let passed = self.rule.propagate(&self.head, &batch, &f, &seed, false)?;
            parts.extend(passed.relevance);
            done = end;
        }
        Ok(Value::cat(parts, 0))
    }

    /// Relevance of the points for `|x - mu_b|^2 - |x - mu_a|^2`, each point's own pair of clusters, and
    /// these scores, `[N, 1]`.
    fn contrast(
        &self,
        points: &Value<B>,
        discriminants: &Value<B>,
        pairs: impl Iterator<Item = [usize; 2]>,
    ) -> Result<(Value<B>, Value<B>), KMeansError> {
        let clusters = self.clusters();
        let f = host(discriminants)?;
        let excess = |row: &[f64], cluster: usize| (-row[cluster]).max(0.0);
        let (mut scores, mut of_pair) = (Vec::new(), BTreeMap::<_, Vec<_>>::new());
        for (point, (row, pair)) in f.chunks(clusters).zip(pairs).enumerate() {
            scores.push(excess(row, pair[1]) - excess(row, pair[0]));
            of_pair.entry(pair).or_default().push(point);
        }
        let (mut parts, mut places) = (Vec::new(), vec![0; scores.len()]);
        let mut done = 0;
        for (pair, members) in of_pair {
            let of_members = select(points, 0, &members)?;
            let mut members = members.into_iter();
            for batch in batches(&of_members, clusters) {
                let own: Vec<_> = members.by_ref().take(batch.dims()[0]).collect();
                let h = own.iter().map(|point| scores[*point]).collect();
                let h = value_like(h, [own.len(), 1], points);
                parts.extend(self.rule.contrast(&self.head, &batch, pair, &h)?.relevance);
                own.into_iter().for_each(|point| (places[point], done) = (done, done + 1));
            }
        }
        let samples = scores.len();
        let relevance = select(&Value::cat(parts, 0), 0, &places)?;
        Ok((relevance, value_like(scores, [samples, 1], points)))
    }
}

fn method(error: impl Into<KMeansError>) -> ExplainError {
    ExplainError::Method(Box::new(error.into()))
}

impl<B: Backend> Attributor<B> for ClusterExplainer<B> {
    fn name(&self) -> &str {
        ClusterRule::NAME
    }

    /// Points are worked on in batches: memory beyond points, relevance and discriminants stays
    /// bounded, however many clusters there are.
    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let floats = inputs.floats();
        let ([points], 1) = (floats.as_slice(), inputs.len()) else {
            return Err(InputError::Count { expected: 1, got: inputs.len() }.into());
        };
        if target.output() != 0 {
            return Err(TargetError::NoSuchOutput { output: target.output(), outputs: 1 }.into());
        }
        tensor(points).map_err(method)?;
        check_points(points, self.head.centroids()).map_err(method)?;
        let discriminants = self.discriminants(points).map_err(method)?;
        let start = target.clone().resolve(&discriminants)?;
        let (relevance, seed) = match (&start.classes, &start.contrast) {
            (Some(a), Some(b)) => {
                let pairs = a.iter().zip(b).map(|(a, b)| [*a, *b]);
                self.contrast(points, &discriminants, pairs).map_err(method)?
            }
            _ => (self.explain(points, &discriminants, &start).map_err(method)?, start.seed.clone()),
        };
        Ok(Attribution::new(inputs, [relevance], discriminants, Start { seed, ..start }))
    }
}
