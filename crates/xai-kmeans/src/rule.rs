//! How relevance passes the layers of a neuralized k-means.

use burn_backend::{Backend, DType};
use serde::{Deserialize, Serialize};
use xai_core::Value;
use xai_core::error::{LayerError, RuleError};
use xai_core::graph::NodeView;
use xai_core::kernel::weighted_squared_differences;
use xai_core::layer::{BackwardContext, LedgerTerm, Saved};
use xai_core::rule::{BoundRule, Passed, PropagationRule, Rule, Stabilizer};

use crate::blocks::{self, Blocks};
use crate::head::ClusterHead;
use crate::matrix::value_like;
use crate::neuralized::NeuralizedKMeansLayer;
use crate::pulls::{Pulls, Shares, Sharing, shares};

/// How relevance passes the linear part of a [`ClusterHead`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "linear", rename_all = "kebab-case")]
pub enum LinearRule {
    /// `R_i = sum_k (x_i - (mu_c,i + mu_k,i)/2) w_ck,i R_k / st(h_ck)`: from the middle between two
    /// clusters, where neither wins. Conserves relevance, and does not depend on where the origin is.
    Midpoint {
        /// Added to the denominators, with their sign.
        epsilon: f64,
    },
    /// `R_i = sum_k x_i w_ck,i R_k / st(h_ck)`: from the origin. The bias absorbs its share, and
    /// shifting data and centroids together changes the result. Right where 0 means absence, as in
    /// features behind a ReLU.
    Epsilon {
        /// Added to the denominators, with their sign.
        epsilon: f64,
    },
    /// Any other rule of linear layers: on the weights of each explained cluster against a block of
    /// competitors at a time, so memory stays bounded as with the others, and time grows with `K D`
    /// for every cluster explained.
    Other {
        /// Epsilon, ZPlus, AlphaBeta, Gamma, ZBox, WSquare or Flat, with a stabilizer that does not
        /// scale.
        rule: Rule,
    },
}

/// Relevance of clusters to features, through a [`ClusterHead`]: what
/// [`TakesMost`](xai_core::rule) on the min pool and then [`Midpoint`] or Epsilon on the linear layer
/// give in the materialised form, in `O(N K D)`; other rules of linear layers likewise.
///
/// `R_k = softmin_k(beta h_ck) R_c` over the competitors `k` of the explained cluster `c`, then
/// [`LinearRule`]. With `beta` 0 all other clusters compete alike; the larger it is, the more the
/// nearest decides. Its unit is one over that of a squared distance:
/// [`beta_from`](crate::beta_from) gives a value for a data set.
///
/// Where the stabilizer is negligible and no `h_ck` is near 0, as for the cluster that a point
/// belongs to, Midpoint conserves: the relevance of the features adds up to the relevance explained.
/// For another cluster some `h_ck` may be close to 0 and blow relevance of both signs up.
/// Kauffmann et al., IEEE TNNLS 35(2):1926-1940, 2024, arXiv 1906.07633.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterRule {
    /// How much more the nearest competitors get; finite and 0 or more.
    pub beta: f64,
    /// How relevance passes the linear part.
    #[serde(flatten)]
    pub linear: LinearRule,
}

impl ClusterRule {
    /// The name under which composites find the rule.
    pub const NAME: &'static str = "clusters";

    /// Midpoint, stabilized by 1e-9.
    pub fn midpoint(beta: f64) -> Self {
        Self { beta, linear: LinearRule::Midpoint { epsilon: 1e-9 } }
    }

    /// Epsilon, stabilized by 1e-6.
    pub fn epsilon(beta: f64) -> Self {
        Self { beta, linear: LinearRule::Epsilon { epsilon: 1e-6 } }
    }

    /// The entry of a composite that stands for the rule registered under [`NAME`](Self::NAME).
    pub fn entry() -> Rule {
        Rule::custom(Self::NAME)
    }

    /// Any rule of linear layers.
    pub fn other(beta: f64, rule: impl Into<Rule>) -> Self {
        Self { beta, linear: LinearRule::Other { rule: rule.into() } }
    }

    /// Checks that the rule applies to `head`.
    pub(crate) fn check<B: Backend>(&self, head: &ClusterHead<B>) -> Result<(), RuleError> {
        let rounded = |value: f64| match head.centroids().dtype() {
            DType::F64 => value,
            _ => f64::from(value as f32),
        };
        let fine = |parameter: &'static str, value: f64| {
            let fits = rounded(value).is_finite() && (rounded(value) > 0.0 || value == 0.0);
            let range = "finite and 0 or more, in the element type of the centroids";
            if fits { Ok(()) } else { Err(RuleError::Parameter { parameter, value, range }) }
        };
        fine("beta", self.beta)?;
        match &self.linear {
            LinearRule::Midpoint { epsilon } | LinearRule::Epsilon { epsilon } => fine("epsilon", *epsilon),
            LinearRule::Other { rule } => blocks::check(head, rule),
        }
    }

    /// Relevance of points `[N, D]` with these discriminants from that of clusters, both `[N, K]`.
    pub(crate) fn propagate<B: Backend>(
        &self,
        head: &ClusterHead<B>,
        points: &Value<B>,
        discriminants: &Value<B>,
        relevance: &Value<B>,
        non_negative: bool,
    ) -> Result<Passed<B>, LayerError> {
        let sharing = Sharing::Soft(self.beta);
        let rule = match &self.linear {
            LinearRule::Midpoint { epsilon } | LinearRule::Epsilon { epsilon } => {
                let stabilizer = Stabilizer::from(*epsilon);
                let pulls = Pulls::new(discriminants, relevance, &sharing, Some(&stabilizer))?;
                return Ok(self.pulled(head, points, pulls));
            }
            LinearRule::Other { rule } => rule,
        };
        let blocks = Blocks { head, rule, points, non_negative };
        let mut passed =
            Passed { relevance: vec![points.full_like(&points.dims(), 0.0)], absorbed: Vec::new() };
        for Shares { clusters, h, relevance, .. } in shares(discriminants, relevance, &sharing)? {
            let round = blocks.pass(&clusters, 0..h.dims()[1], &h.into(), &relevance.into())?;
            let sums = passed.relevance.into_iter().zip(round.relevance);
            passed.relevance = sums.map(|(sum, round)| sum + round).collect();
            passed.absorbed.extend(round.absorbed);
        }
        Ok(passed)
    }

    /// Relevance of points of which each pair `(a, b)` of clusters has the score `h`, `[N, 1]`: what
    /// makes them nearer to `a`. There is nothing to share out.
    pub(crate) fn contrast<B: Backend>(
        &self,
        head: &ClusterHead<B>,
        points: &Value<B>,
        [a, b]: [usize; 2],
        h: &Value<B>,
    ) -> Result<Passed<B>, LayerError> {
        let (samples, clusters) = (points.dims()[0], head.centroids().dims()[0]);
        match &self.linear {
            LinearRule::Midpoint { epsilon } | LinearRule::Epsilon { epsilon } => {
                let stabilizer = Stabilizer::from(*epsilon);
                let q = stabilizer.quotient(h.clone(), h);
                let mut sides = vec![0.0; clusters];
                (sides[a], sides[b]) = (1.0, -1.0);
                let sides = value_like(sides, [1, clusters], points);
                let absorbed = vec![(LedgerTerm::Stabilizer, &q * (stabilizer.apply(h) - h))];
                Ok(self.pulled(head, points, Pulls { on_centroids: sides * q, absorbed }))
            }
            LinearRule::Other { rule } => {
                let h = h.clone().expand(&[samples, clusters]);
                let blocks = Blocks { head, rule, points, non_negative: false };
                blocks.pass(&vec![Some(a); samples], b..b + 1, &h, &h)
            }
        }
    }

    /// Relevance of points `[N, D]` that are pulled to centroids.
    fn pulled<B: Backend>(&self, head: &ClusterHead<B>, points: &Value<B>, pulls: Pulls<B>) -> Passed<B> {
        let Pulls { on_centroids: v, mut absorbed } = pulls;
        let relevance = match self.linear {
            // (x - (mu_c + mu_k)/2) w_ck is (x - mu_k)^2 - (x - mu_c)^2 feature by feature, so it all
            // comes down to -sum_j v_j (x - mu_j)^2: no origin, and nothing large to cancel.
            LinearRule::Midpoint { .. } => weighted_squared_differences(points, head.centroids(), &v) * -1.0,
            // The mean of the centroids drops out since the v_j add up to 0.
            _ => {
                absorbed.push((LedgerTerm::Bias, bias_share(head, &v)));
                points * v.matmul(head.centered().clone()) * 2.0
            }
        };
        Passed { relevance: vec![relevance], absorbed }
    }
}

impl<B: Backend> PropagationRule<B> for ClusterRule {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let Some(head) = node.layer().downcast_ref::<ClusterHead<B>>().cloned() else {
            return Err(RuleError::Ability { needs: "a `ClusterHead`", kind: node.layer().kind() });
        };
        self.check(&head)?;
        let (rule, non_negative) = (self.clone(), node.inputs_non_negative());
        Ok(BoundRule::new(Saved::ALL, move |context, relevance| {
            let passed =
                rule.propagate(&head, context.input(0)?, context.output()?, &relevance, non_negative)?;
            for (column, amount) in passed.absorbed {
                context.absorb(column, || amount);
            }
            Ok(passed.relevance)
        }))
    }
}

/// `sum_ck q_ck b_ck = -sum_j v_j |mu_j|^2`.
fn bias_share<B: Backend>(head: &ClusterHead<B>, v: &Value<B>) -> Value<B> {
    let centroids = head.centroids();
    let clusters = centroids.dims()[0];
    let norms = (centroids * centroids).sum_dim(1).reshape(&[1, clusters]);
    // What all norms share drops out since the v_j add up to 0.
    let mean = norms.clone().sum_dim(1) / clusters as f64;
    v * (norms - mean) * -1.0
}

/// LRP from the middle between two clusters, for the materialised [`NeuralizedKMeansLayer`]:
/// `R_i = sum_ck (x_i - (mu_c,i + mu_k,i)/2) w_ck,i R_ck / st(h_ck)`.
///
/// The denominator is the layer's output exactly, so there is no share of a bias: relevance is
/// conserved, and does not change when data and centroids are shifted together. Kauffmann et al.,
/// IEEE TNNLS 35(2):1926-1940, 2024, arXiv 1906.07633.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Midpoint {
    /// Added to the denominators, with their sign; default 1e-9.
    pub epsilon: f64,
}

impl Default for Midpoint {
    fn default() -> Self {
        Self { epsilon: 1e-9 }
    }
}

impl Midpoint {
    /// The name under which composites find the rule.
    pub const NAME: &'static str = "midpoint";

    /// The entry of a composite that stands for the rule registered under [`NAME`](Self::NAME).
    pub fn entry() -> Rule {
        Rule::custom(Self::NAME)
    }
}

impl<B: Backend> PropagationRule<B> for Midpoint {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let Some(layer) = node.layer().downcast_ref::<NeuralizedKMeansLayer<B>>().cloned() else {
            return Err(RuleError::Ability { needs: "a `NeuralizedKMeans`", kind: node.layer().kind() });
        };
        let stabilizer = Stabilizer::from(self.epsilon).check(node)?;
        Ok(BoundRule::new(Saved::ALL, move |context, relevance| {
            let h = context.output()?;
            if stabilizer.leaves_zero() {
                context.absorb(LedgerTerm::Dropped, || &relevance - relevance.clone().where_nonzero(h));
            }
            let q = stabilizer.quotient(relevance, h);
            context.absorb(LedgerTerm::Stabilizer, || &q * (stabilizer.apply(h) - h));
            Ok(vec![from_midpoints(&layer, context, q)?])
        }))
    }
}

/// `sum_ck q_ck (x - (mu_c + mu_k)/2) w_ck` with the mean of the centroids as origin: far from it
/// the terms would cancel.
fn from_midpoints<B: Backend>(
    layer: &NeuralizedKMeansLayer<B>,
    context: &BackwardContext<'_, B>,
    q: Value<B>,
) -> Result<Value<B>, LayerError> {
    let map = xai_core::layer::LayerOps::linear_map(layer);
    let map = map.ok_or(LayerError::NotSaved { what: "the linear map" })?;
    let (weight, dims) = (layer.weight(), layer.weight().dims());
    let (clusters, others, features) = (dims[0], dims[1], dims[2]);
    let mean = layer.centroids().clone().sum_dim(0) / clusters as f64;
    let own = (layer.centroids() - &mean).reshape(&[clusters, 1, features]);
    // (mu_c + mu_k)/2 = mu_c - w_ck/4.
    let middles = own.expand(&[clusters, others, features]) - weight.clone() / 4.0;
    let from_x = (context.input(0)? - mean) * map.adjoint(q.clone(), Some(weight), context.dims()?);
    Ok(from_x - map.adjoint(q, Some(&(middles * weight)), context.dims()?))
}
