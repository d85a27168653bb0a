//! Any rule of linear layers on the linear part of a head, a block of competitors at a time.
//!
//! The weights of one cluster `c` against all others, `w_ck = 2 (mu_c - mu_k)`, are `K D` numbers.
//! They are made for the samples that `c` is explained for, in blocks of `k`, and dropped again.
//! What a linear layer passes on adds up over its outputs, so the sum over the blocks is exact.

use std::collections::BTreeMap;
use std::ops::Range;

use burn_backend::{Backend, Slice};
use xai_core::Value;
use xai_core::error::{LayerError, RuleError};
use xai_core::graph::NodeView;
use xai_core::layer::{Layer, LedgerTerm, Linear};
use xai_core::rule::{BoundRule, Passed, Rule};

use crate::head::ClusterHead;
use crate::matrix::select;

/// Weights, or linear outputs, that are worked on at once.
const BLOCK: usize = 1 << 20;
/// What may be kept on the way.
const COLUMNS: [LedgerTerm; 3] = [LedgerTerm::Bias, LedgerTerm::Stabilizer, LedgerTerm::Dropped];

/// A head's linear part under a rule.
pub(crate) struct Blocks<'a, B: Backend> {
    pub(crate) head: &'a ClusterHead<B>,
    pub(crate) rule: &'a Rule,
    /// `[N, D]`.
    pub(crate) points: &'a Value<B>,
    /// Whether no point has a negative feature.
    pub(crate) non_negative: bool,
}

/// Checks that `rule` can pass the linear part of `head` in blocks.
pub(crate) fn check<B: Backend>(head: &ClusterHead<B>, rule: &Rule) -> Result<(), RuleError> {
    let refused = |why: String| RuleError::Within { rule: rule.name().to_owned(), why };
    let stabilizer = match rule {
        Rule::Epsilon(rule) => &rule.epsilon,
        Rule::ZPlus(rule) => &rule.stabilizer,
        Rule::AlphaBeta(rule) => &rule.stabilizer,
        Rule::Gamma(rule) => &rule.stabilizer,
        Rule::ZBox(rule) => &rule.stabilizer,
        Rule::WSquare(rule) => &rule.stabilizer,
        Rule::Flat(rule) => &rule.stabilizer,
        _ => {
            let known = "epsilon, z-plus, alpha-beta, gamma, z-box, w-square or flat";
            return Err(refused(format!("the linear part of clusters takes {known}")));
        }
    };
    if stabilizer.is_scaled() {
        return Err(refused(
            "its stabilizer scales with all denominators, but they come in blocks".to_owned(),
        ));
    }
    let layer = pairs(head, 0, 1..2).map_err(|error| refused(error.to_string()))?;
    bind(rule, &layer, [1, head.centroids().dims()[1], 1], false).map(|_| ())
}

impl<B: Backend> Blocks<'_, B> {
    /// Relevance of the points from the relevance `[N, K]` that the cluster of each point has shared
    /// out over `competitors`. `h` are the linear outputs, `[N, K]`.
    pub(crate) fn pass(
        &self,
        clusters: &[Option<usize>],
        competitors: Range<usize>,
        h: &Value<B>,
        relevance: &Value<B>,
    ) -> Result<Passed<B>, LayerError> {
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (point, cluster) in clusters.iter().enumerate() {
            cluster.iter().for_each(|cluster| members.entry(*cluster).or_default().push(point));
        }
        let features = self.points.dims()[1];
        // Where each point's row will be: behind all others stands a row for points without relevance.
        let (mut rows, mut places, mut end) = (Vec::new(), vec![usize::MAX; clusters.len()], 0);
        for (cluster, points) in members {
            for point in &points {
                (places[*point], end) = (end, end + 1);
            }
            let [x, h, relevance] = [self.points, h, relevance].map(|value| select(value, 0, &points));
            rows.push(self.pass_cluster(cluster, competitors.clone(), &x?, &h?, &relevance?)?);
        }
        rows.push(self.points.full_like(&[1, features + COLUMNS.len()], 0.0));
        let places: Vec<_> = places.into_iter().map(|place| place.min(end)).collect();
        let rows = select(&Value::cat(rows, 0), 0, &places)?;
        let columns =
            |range: Range<usize>| rows.clone().slice(&[Slice::from(0..clusters.len()), Slice::from(range)]);
        let absorbed = COLUMNS.into_iter().zip(features..).map(|(kind, at)| (kind, columns(at..at + 1)));
        Ok(Passed { relevance: vec![columns(0..features)], absorbed: absorbed.collect() })
    }

    /// For points of one cluster, `[n, D]`: their relevance and then what was absorbed,
    /// `[n, D + 3]`.
    fn pass_cluster(
        &self,
        cluster: usize,
        competitors: Range<usize>,
        x: &Value<B>,
        h: &Value<B>,
        relevance: &Value<B>,
    ) -> Result<Value<B>, LayerError> {
        let (points, features) = (x.dims()[0], x.dims()[1]);
        let all = Slice::from(0..points);
        let mut sum = x.full_like(&[points, features + COLUMNS.len()], 0.0);
        for block in blocks(competitors, cluster, (BLOCK / points.max(features)).max(1)) {
            let of_block = |value: &Value<B>| value.clone().slice(&[all, Slice::from(block.clone())]);
            let layer = pairs(self.head, cluster, block.clone())?;
            let bound = bind(self.rule, &layer, [points, features, block.len()], self.non_negative);
            let bound = bound.map_err(|error| LayerError::NotExpressible { what: error.to_string() })?;
            let passed = bound.propagate_alone(&layer, &[x], &of_block(h), of_block(relevance))?;
            let absorbed = COLUMNS.into_iter().map(|kind| {
                let sum = passed.absorbed.iter().find(|(of, _)| *of == kind);
                sum.map_or_else(
                    || x.full_like(&[points, 1], 0.0),
                    |(_, sum)| sum.clone().reshape(&[points, 1]),
                )
            });
            sum = sum + Value::cat(passed.relevance.into_iter().chain(absorbed).collect(), 1);
        }
        Ok(sum)
    }
}

/// The competitors but for `cluster` itself, `size` at a time.
fn blocks(competitors: Range<usize>, cluster: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    let Range { start, end } = competitors;
    let parts = [start..end.min(cluster), start.max(cluster + 1)..end];
    parts.into_iter().flat_map(move |part| {
        let end = part.end;
        part.step_by(size).map(move |from| from..end.min(from + size))
    })
}

/// The linear layer `h_ck = w_ck . x + b_ck` of one cluster against a block of others.
fn pairs<B: Backend>(
    head: &ClusterHead<B>,
    cluster: usize,
    block: Range<usize>,
) -> Result<Layer<B>, LayerError> {
    let (centroids, features) = (head.centroids(), head.centroids().dims()[1]);
    let rows = |range: Range<usize>| centroids.clone().slice(&[Slice::from(range), Slice::from(0..features)]);
    let (count, own, others) = (block.len(), rows(cluster..cluster + 1), rows(block));
    let toward = &own - &others;
    // |mu_k|^2 - |mu_c|^2 as (mu_k - mu_c) . (mu_k + mu_c), which cancels less.
    let bias = (&toward * (own + others)).sum_dim(1).reshape(&[count]) * -1.0;
    Ok(Linear::new(toward.permute(&[1, 0]) * 2.0, Some(bias))?.into())
}

/// The rule on a layer from `[points, features]` to `[points, competitors]`.
fn bind<B: Backend>(
    rule: &Rule,
    layer: &Layer<B>,
    [points, features, competitors]: [usize; 3],
    non_negative: bool,
) -> Result<BoundRule<B>, RuleError> {
    let (input, output) = ([points, features], [points, competitors]);
    let node = NodeView::alone(layer, &[&input], &output).with_non_negative_inputs(non_negative);
    rule.propagation::<B>().ok_or(RuleError::NotRegistered)?.bind(&node)
}

#[cfg(test)]
mod tests {
    use super::blocks;

    #[test]
    fn blocks_leave_the_cluster_itself_out() {
        let of = |competitors, cluster, size| {
            blocks(competitors, cluster, size).map(|block| (block.start, block.end)).collect::<Vec<_>>()
        };
        assert_eq!(of(0..7, 3, 2), [(0, 2), (2, 3), (4, 6), (6, 7)]);
        assert_eq!(of(0..3, 0, 9), [(1, 3)]);
        assert_eq!(of(0..3, 2, 9), [(0, 2)]);
        assert_eq!(of(4..5, 1, 9), [(4, 5)]);
        assert_eq!(of(1..2, 4, 9), [(1, 2)]);
    }
}
