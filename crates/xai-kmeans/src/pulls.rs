//! How relevance of clusters becomes a pull on centroids, without a weight per pair of clusters.
//!
//! Relevance `R_c` of cluster `c` is shared out over its competitors `k`, `R_ck = p_ck R_c`, and
//! divided by their linear outputs, `q_ck = R_ck / st(h_ck)`. What follows is linear in the weights
//! `w_ck = 2 (mu_c - mu_k)`, so all pairs meet in one number per cluster,
//!
//! ```text
//! v_j = sum_k q_jk - sum_c q_cj        (sum_j v_j = 0)
//! ```
//!
//! and `sum_ck q_ck w_ck = 2 sum_j v_j mu_j`. Discriminants alone give the `h_ck`: with the excess
//! `u_k = d_k - min_j d_j`, which is `max(-f_k, 0)`, `h_ck = u_k - u_c`.

use burn::tensor::Tensor;
use burn_backend::Backend;
use xai_core::Value;
use xai_core::error::LayerError;
use xai_core::layer::LedgerTerm;
use xai_core::rule::Stabilizer;

use crate::matrix::{host, tensor, value_like};

/// Exponent of what takes no part: its exponential is 0 in every float type.
const NEVER: f64 = -1e30;

/// How the competitors of a cluster share its relevance.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sharing {
    /// `p_ck = softmin_k(beta h_ck)`.
    Soft(f64),
    /// The nearest takes all; equally near ones share equally.
    Nearest,
}

/// The numbers `v`.
#[derive(Debug)]
pub(crate) struct Pulls<B: Backend> {
    /// `v`, `[N, K]`.
    pub(crate) on_centroids: Value<B>,
    /// What is absorbed on the way, `[N, K]` each.
    pub(crate) absorbed: Vec<(LedgerTerm, Value<B>)>,
}

impl<B: Backend> Pulls<B> {
    /// From discriminants `f` and their relevance, both `[N, K]`. Without a stabilizer nothing is
    /// divided: `q_ck = R_ck`, which gives gradients.
    pub(crate) fn new(
        discriminants: &Value<B>,
        relevance: &Value<B>,
        sharing: &Sharing,
        stabilizer: Option<&Stabilizer>,
    ) -> Result<Self, LayerError> {
        let mut v = tensor(discriminants)?.zeros_like();
        let mut absorbed = Vec::new();
        for Shares { one_hot, h, relevance, .. } in shares(discriminants, relevance, sharing)? {
            let q = match stabilizer {
                None => relevance,
                Some(stabilizer) => {
                    let h = Value::from(h);
                    let relevance = Value::from(relevance);
                    if stabilizer.leaves_zero() {
                        let dropped = &relevance - relevance.clone().where_nonzero(&h);
                        absorbed.push((LedgerTerm::Dropped, dropped));
                    }
                    let q = stabilizer.quotient(relevance, &h);
                    absorbed.push((LedgerTerm::Stabilizer, &q * (stabilizer.apply(&h) - h)));
                    tensor(&q)?
                }
            };
            v = v + one_hot * q.clone().sum_dim(1) - q;
        }
        Ok(Self { on_centroids: v.into(), absorbed })
    }
}

/// The relevance of one cluster of each sample, shared out over its competitors.
#[derive(Debug)]
pub(crate) struct Shares<B: Backend> {
    /// The cluster of each sample; `None` where there is no relevance to share.
    pub(crate) clusters: Vec<Option<usize>>,
    one_hot: Tensor<B, 2>,
    /// `h_ck`, `[N, K]`; 1 for the cluster itself.
    pub(crate) h: Tensor<B, 2>,
    /// `R_ck`, `[N, K]`; 0 for the cluster itself.
    pub(crate) relevance: Tensor<B, 2>,
}

/// Shares out the relevance `[N, K]` of clusters with these discriminants, `[N, K]`.
///
/// Takes `O(N K)` for each cluster with relevance that a sample has: one for a plain explanation,
/// two for a contrast.
pub(crate) fn shares<B: Backend>(
    discriminants: &Value<B>,
    relevance: &Value<B>,
    sharing: &Sharing,
) -> Result<Vec<Shares<B>>, LayerError> {
    let f = tensor(discriminants)?;
    let excess = f.clone().neg().clamp_min(0.0);
    let share_out = |Explained { clusters, one_hot, amounts }| {
        let one_hot = tensor(&one_hot)?;
        let own = one_hot.clone().greater_elem(0.5);
        let of_own = |rows: &Tensor<B, 2>| (rows.clone() * one_hot.clone()).sum_dim(1);
        let h = excess.clone() - of_own(&excess);
        // How much farther than the nearest competitor: never negative but for the cluster itself.
        let behind = h.clone() - of_own(&f);
        let share = match sharing {
            Sharing::Soft(beta) => (behind * -*beta).mask_fill(own.clone(), NEVER).exp(),
            Sharing::Nearest => {
                let nearest = behind.lower_equal_elem(0.0);
                excess.zeros_like().mask_fill(nearest, 1.0).mask_fill(own.clone(), 0.0)
            }
        };
        let relevance = share.clone() / share.sum_dim(1) * tensor(&amounts)?;
        Ok(Shares { clusters, one_hot, h: h.mask_fill(own, 1.0), relevance })
    };
    explained(relevance)?.into_iter().map(share_out).collect()
}

/// One cluster of each sample.
struct Explained<B: Backend> {
    /// `None` for samples that have fewer clusters with relevance than others.
    clusters: Vec<Option<usize>>,
    /// The same as ones, `[N, K]`; the first cluster for those samples.
    one_hot: Value<B>,
    /// Relevance, `[N, 1]`; 0 for those samples.
    amounts: Value<B>,
}

/// The clusters with relevance, one for each sample at a time.
fn explained<B: Backend>(relevance: &Value<B>) -> Result<Vec<Explained<B>>, LayerError> {
    let dims = relevance.dims();
    let &[samples, clusters] = &dims[..] else {
        return Err(LayerError::Parameter { name: "relevance", expected: "[points, clusters]", got: dims });
    };
    let values = host(relevance)?;
    let rows = values.chunks(clusters.max(1)).map(|row| {
        let all = row.iter().copied().enumerate();
        all.filter(|(_, relevance)| *relevance != 0.0).collect::<Vec<_>>()
    });
    let rows: Vec<_> = rows.collect();
    let rounds = rows.iter().map(Vec::len).max().unwrap_or(0);
    let round = |round: usize| {
        let (mut one_hot, mut amounts) = (vec![0.0; samples * clusters], vec![0.0; samples]);
        let chosen: Vec<_> = rows.iter().map(|row| row.get(round).copied()).collect();
        for (sample, chosen) in chosen.iter().enumerate() {
            let (cluster, amount) = chosen.unwrap_or_default();
            one_hot[sample * clusters + cluster] = 1.0;
            amounts[sample] = amount;
        }
        Explained {
            clusters: chosen.into_iter().map(|chosen| chosen.map(|(cluster, _)| cluster)).collect(),
            one_hot: value_like(one_hot, [samples, clusters], relevance),
            amounts: value_like(amounts, [samples, 1], relevance),
        }
    };
    Ok((0..rounds).map(round).collect())
}
