//! How relevance passes the layers of a neuralized k-means.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};
use xai_core::Value;
use xai_core::error::{LayerError, RuleError};
use xai_core::kernel::weighted_squared_differences;
use xai_core::layer::{Absorbed, Layer, Reads, Site};
use xai_core::rule::{BoundRule, Facts, PropagationRule, Rule, Stabilizer};

use crate::head::ClusterHead;
use crate::neuralized::NeuralizedKMeansLayer;
use crate::pulls::{Pulls, Sharing};

/// How relevance passes the linear part of a [`ClusterHead`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "linear", rename_all = "kebab-case")]
pub enum Linear {
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
}

/// Relevance of clusters to features, through a [`ClusterHead`]: what
/// [`TakesMost`](xai_core::rule) on the min pool and then [`Midpoint`] or Epsilon on the linear layer
/// give in the materialised form, in `O(N K D)`.
///
/// `R_k = softmin_k(beta h_ck) R_c` over the competitors `k` of the explained cluster `c`, then
/// [`Linear`]. With `beta` 0 all other clusters compete alike; the larger it is, the more the
/// nearest decides. Its unit is one over that of a squared distance:
/// [`beta_from`](crate::beta_from) gives a value for a data set.
///
/// Where the stabilizer is negligible and no `h_ck` is near 0, as for the cluster that a point
/// belongs to, Midpoint conserves: the relevance of the features adds up to the relevance explained.
/// For another cluster some `h_ck` may be close to 0 and blow relevance of both signs up.
/// Kauffmann et al., IEEE TNNLS 35(2):1926-1940, 2024, arXiv 1906.07633.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClusterRule {
    /// How much more the nearest competitors get; finite and 0 or more.
    pub beta: f64,
    /// How relevance passes the linear part.
    #[serde(flatten)]
    pub linear: Linear,
}

impl ClusterRule {
    /// The name under which composites find the rule.
    pub const NAME: &'static str = "clusters";

    /// Midpoint, stabilized by 1e-9.
    pub fn midpoint(beta: f64) -> Self {
        Self { beta, linear: Linear::Midpoint { epsilon: 1e-9 } }
    }

    /// Epsilon, stabilized by 1e-6.
    pub fn epsilon(beta: f64) -> Self {
        Self { beta, linear: Linear::Epsilon { epsilon: 1e-6 } }
    }

    /// The entry of a composite that stands for the rule registered under [`NAME`](Self::NAME).
    pub fn entry() -> Rule {
        Rule::Custom { name: Self::NAME.to_owned() }
    }

    fn epsilon_of(&self) -> f64 {
        match self.linear {
            Linear::Midpoint { epsilon } | Linear::Epsilon { epsilon } => epsilon,
        }
    }

    /// The parameter that is out of range, if there is one, with its value and range.
    pub(crate) fn fault(&self) -> Option<(&'static str, f64, &'static str)> {
        let fine = |value: f64| value.is_finite() && value >= 0.0;
        let range = "finite and 0 or more";
        let parameters = [("beta", self.beta), ("epsilon", self.epsilon_of())];
        parameters.into_iter().find(|(_, value)| !fine(*value)).map(|(name, value)| (name, value, range))
    }

    pub(crate) fn stabilizer(&self) -> Stabilizer {
        self.epsilon_of().into()
    }

    /// Relevance `[N, D]` of points `[N, D]` that are pulled by `v`, `[N, K]`.
    pub(crate) fn relevance<B: Backend>(
        &self,
        head: &ClusterHead<B>,
        points: &Value<B>,
        v: &Value<B>,
    ) -> Value<B> {
        match self.linear {
            // (x - (mu_c + mu_k)/2) w_ck is (x - mu_k)^2 - (x - mu_c)^2 feature by feature, so it all
            // comes down to -sum_j v_j (x - mu_j)^2: no origin, and nothing large to cancel.
            Linear::Midpoint { .. } => weighted_squared_differences(points, head.centroids(), v) * -1.0,
            // The mean of the centroids drops out since the v_j add up to 0.
            Linear::Epsilon { .. } => points * v.clone().matmul(head.centered().clone()) * 2.0,
        }
    }
}

impl<B: Backend> PropagationRule<B> for ClusterRule {
    fn bind(&self, layer: &Layer<B>, _: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        let Some(head) = layer.downcast_ref::<ClusterHead<B>>().cloned() else {
            return Err(RuleError::Ability { needs: "a `ClusterHead`", kind: layer.kind() });
        };
        if let Some((parameter, value, range)) = self.fault() {
            return Err(RuleError::Parameter { parameter, value, range });
        }
        let (rule, stabilizer) = (*self, self.stabilizer());
        Ok(BoundRule::new(Reads::ALL, move |site, relevance| {
            let sharing = Sharing::Soft(rule.beta);
            let pulls = Pulls::new(site.output()?, &relevance, &sharing, Some(&stabilizer))?;
            site.absorb(Absorbed::Stabilizer, || pulls.stabilizer.clone());
            if matches!(rule.linear, Linear::Epsilon { .. }) {
                site.absorb(Absorbed::Bias, || bias_share(&head, &pulls.on_centroids));
            }
            Ok(vec![rule.relevance(&head, site.input(0)?, &pulls.on_centroids)])
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
        Rule::Custom { name: Self::NAME.to_owned() }
    }
}

impl<B: Backend> PropagationRule<B> for Midpoint {
    fn bind(&self, layer: &Layer<B>, _: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        let Some(layer) = layer.downcast_ref::<NeuralizedKMeansLayer<B>>().cloned() else {
            return Err(RuleError::Ability { needs: "a `NeuralizedKMeans`", kind: layer.kind() });
        };
        let rule = ClusterRule { beta: 0.0, linear: Linear::Midpoint { epsilon: self.epsilon } };
        if let Some((parameter, value, range)) = rule.fault() {
            return Err(RuleError::Parameter { parameter, value, range });
        }
        let stabilizer = rule.stabilizer();
        Ok(BoundRule::new(Reads::ALL, move |site, relevance| {
            let h = site.output()?;
            let stabilized = stabilizer.apply(h);
            let q = relevance / &stabilized;
            site.absorb(Absorbed::Stabilizer, || &q * (stabilized - h));
            Ok(vec![from_midpoints(&layer, site, q)?])
        }))
    }
}

/// `sum_ck q_ck (x - (mu_c + mu_k)/2) w_ck` with the mean of the centroids as origin: far from it
/// the terms would cancel.
fn from_midpoints<B: Backend>(
    layer: &NeuralizedKMeansLayer<B>,
    site: &Site<'_, B>,
    q: Value<B>,
) -> Result<Value<B>, LayerError> {
    let map = xai_core::layer::LayerOps::linear_map(layer);
    let map = map.ok_or(LayerError::NotKept { what: "the linear map" })?;
    let (weight, dims) = (layer.weight(), layer.weight().dims());
    let (clusters, others, features) = (dims[0], dims[1], dims[2]);
    let mean = layer.centroids().clone().sum_dim(0) / clusters as f64;
    let own = (layer.centroids() - &mean).reshape(&[clusters, 1, features]);
    // (mu_c + mu_k)/2 = mu_c - w_ck/4.
    let middles = own.expand(&[clusters, others, features]) - weight.clone() / 4.0;
    let from_x = (site.input(0)? - mean) * map.adjoint(q.clone(), Some(weight), site.dims()?);
    Ok(from_x - map.adjoint(q, Some(&(middles * weight)), site.dims()?))
}
