//! Attributions, read without knowing ranks.

use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::error::ExplainError;
use xai_core::explain::Attribution;

/// Relevance at a node of rank 1 to 5.
pub(crate) fn relevance_at<B: Backend>(
    attribution: &Attribution<B>,
    node: &str,
    rank: usize,
) -> Result<Value<B>, ExplainError> {
    match rank {
        1 => attribution.relevance_at::<1>(node).map(Value::from),
        2 => attribution.relevance_at::<2>(node).map(Value::from),
        3 => attribution.relevance_at::<3>(node).map(Value::from),
        4 => attribution.relevance_at::<4>(node).map(Value::from),
        _ => attribution.relevance_at::<5>(node).map(Value::from),
    }
}

/// The output, of rank 1 to 5.
pub(crate) fn output<B: Backend>(
    attribution: &Attribution<B>,
    rank: usize,
) -> Result<Value<B>, ExplainError> {
    match rank {
        1 => attribution.output::<1>().map(Value::from),
        2 => attribution.output::<2>().map(Value::from),
        3 => attribution.output::<3>().map(Value::from),
        4 => attribution.output::<4>().map(Value::from),
        _ => attribution.output::<5>().map(Value::from),
    }
}
