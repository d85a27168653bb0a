//! Relevance that goes through chosen channels only, and the samples in which a channel matters most.

use burn_backend::Backend;
use burn_backend::TensorData;

use super::{Attribution, Attributor, Lrp};
use crate::Value;
use crate::engine::read;
use crate::error::{AttributorError, ExplainError};
use crate::graph::Graph;
use crate::model::{Inputs, Target};

/// A node, and the channels of it through which relevance passes. What arrives at its others is dropped, and
/// booked as such in the ledger.
///
/// Relevance that goes around the node, through a residual connection, is not touched. Conditions at several nodes
/// hold together: what passes has gone through chosen channels at each.
///
/// Achtibat et al., "From attribution maps to human-understandable explanations through Concept Relevance
/// Propagation", Nature Machine Intelligence 5:1006-1019, 2023, arXiv 2206.03208.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    node: String,
    channels: Vec<usize>,
    is_last: bool,
}

impl Condition {
    /// Channels of a node `[batch, channels, ..]`, counted from 0.
    pub fn channels(node: impl Into<String>, channels: impl IntoIterator<Item = usize>) -> Self {
        Self { node: node.into(), channels: channels.into_iter().collect(), is_last: false }
    }

    /// Features of a node `[batch, .., features]`, such as the hidden states of tokens, counted from 0.
    pub fn features(node: impl Into<String>, features: impl IntoIterator<Item = usize>) -> Self {
        Self { is_last: true, ..Self::channels(node, features) }
    }

    /// The place of the node in `graph`, and ones for its chosen channels, which broadcast against its output.
    pub(super) fn mask<B: Backend>(
        &self,
        graph: &Graph<B>,
        like: &Value<B>,
    ) -> Result<(usize, Value<B>), ExplainError> {
        let id = graph.find(&self.node)?;
        let node = graph.node(id)?;
        let dims = node.dims();
        let dim = if self.is_last { dims.len().saturating_sub(1) } else { 1 };
        if node.inputs().is_empty() || dims.len() < 2 {
            return Err(
                AttributorError::ConditionNode { node: self.node.clone(), dims: dims.to_vec() }.into()
            );
        }
        let mut mask = vec![0.0; dims[dim]];
        for &channel in &self.channels {
            let (node, channels) = (self.node.clone(), dims[dim]);
            *mask.get_mut(channel).ok_or(AttributorError::Channel { node, channel, channels })? = 1.0;
        }
        let mut sizes = vec![1; dims.len()];
        sizes[dim] = dims[dim];
        let data = TensorData::new(mask, sizes).convert_dtype(like.dtype());
        Ok((id.index(), Value::from_data(data, &like.device())))
    }
}

/// In which samples of a data set each channel of a node has most relevance: what the channel stands for.
///
/// Relevance maximisation: the relevance of channel `k` for a sample is the sum of the relevance at the node over all
/// places of the channel. Give the data set batch by batch; the best samples of each channel are kept, not the data.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// # use xai_core::layer::Activation;
/// use xai_core::attributor::{Attributor, ChannelRanking, Condition, Lrp};
/// use xai_core::composite::epsilon_plus;
/// use xai_core::model::{Model, Target};
///
/// # let device = Default::default();
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let hidden = builder.push("hidden", &LinearConfig::new(4, 3).init::<Flex>(&device), &[x])?;
/// # let relu = builder.push("relu", Activation::Relu, &[hidden])?;
/// # let head = builder.push("head", &LinearConfig::new(3, 2).init::<Flex>(&device), &[relu])?;
/// # let model = Model::from(builder.finish(head)?);
/// # let batches = [Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0], [0.5, 0.5, 0.0, 1.0]], &device)];
/// let lrp = Lrp::new(&model, epsilon_plus());
/// let mut ranking = ChannelRanking::new(&lrp, "relu").with_samples(8);
/// for batch in batches {
///     ranking.add(batch, Target::argmax())?;
/// }
/// let channel = ranking.channels()[0];
/// println!("samples {:?}", ranking.samples(channel));
///
/// // Where the channel sees its concept.
/// let of_channel = lrp.with_condition(Condition::channels("relu", [channel]));
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ChannelRanking<B: Backend> {
    lrp: Lrp<B>,
    node: String,
    is_last: bool,
    kept: usize,
    seen: usize,
    /// For each channel the sum of magnitudes, and the samples with most relevance, the highest first.
    channels: Vec<(f64, Vec<(usize, f64)>)>,
}

impl<B: Backend> ChannelRanking<B> {
    /// A ranking of samples for each channel of `node`, `[batch, channels, ..]`, by the relevance that `lrp` gives;
    /// the 16 best samples of each are kept.
    pub fn new(lrp: &Lrp<B>, node: impl Into<String>) -> Self {
        let node = node.into();
        let lrp = lrp.clone().keeping(super::lrp::Keep::Node(node.clone()));
        Self { lrp, node, is_last: false, kept: 16, seen: 0, channels: Vec::new() }
    }

    /// Ranks features, the last dimension of the node, in place of channels.
    pub fn with_features(self) -> Self {
        Self { is_last: true, ..self }
    }

    /// How many samples are kept for each channel.
    pub fn with_samples(self, samples: usize) -> Self {
        Self { kept: samples, ..self }
    }

    /// Explains one more batch. Samples are counted on from those before.
    ///
    /// # Errors
    /// As [`Attributor::attribute`]; [`AttributorError::ConditionNode`] for a node without channels.
    pub fn add(
        &mut self,
        inputs: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
    ) -> Result<Attribution<B>, ExplainError> {
        let attribution = self.lrp.attribute(inputs, target)?;
        let Some(relevance) = attribution.relevance_at.values().next() else { return Ok(attribution) };
        let dims = relevance.dims();
        let batch = attribution.relevance.iter().flatten().next().map_or(0, |relevance| relevance.dims()[0]);
        if dims.len() < 2 || dims[0] != batch {
            return Err(AttributorError::ConditionNode { node: self.node.clone(), dims }.into());
        }
        let dim = if self.is_last { dims.len() - 1 } else { 1 };
        let of_channels = (1..dims.len()).filter(|other| *other != dim);
        let sums = read(&of_channels.fold(relevance.clone(), |sum, other| sum.sum_dim(other)))?;
        self.channels.resize_with(dims[dim], Default::default);
        for (sample, sums) in (self.seen..).zip(sums.chunks(dims[dim].max(1))) {
            for ((total, best), &sum) in self.channels.iter_mut().zip(sums) {
                *total += sum.abs();
                let place = best.partition_point(|(_, other)| *other >= sum);
                best.insert(place, (sample, sum));
                best.truncate(self.kept);
            }
        }
        self.seen += dims[0];
        Ok(attribution)
    }

    /// The channels, those with most relevance over all samples, of either sign, first.
    pub fn channels(&self) -> Vec<usize> {
        let mut channels: Vec<usize> = (0..self.channels.len()).collect();
        channels.sort_by(|&a, &b| self.channels[b].0.total_cmp(&self.channels[a].0));
        channels
    }

    /// The samples in which `channel` has most relevance, with that relevance, the highest first; none for a channel
    /// that the node does not have.
    pub fn samples(&self, channel: usize) -> &[(usize, f64)] {
        self.channels.get(channel).map_or(&[], |(_, best)| best)
    }
}
