//! Attributions, read without knowing ranks.

use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::attributor::Attribution;
use xai_core::error::ExplainError;

/// Takes a tensor out by a method that needs to know its rank, of 1 to 5.
macro_rules! of_rank {
    ($rank:expr, $attribution:ident.$method:ident $arguments:tt) => {
        match $rank {
            1 => $attribution.$method::<1>$arguments.map(Value::from),
            2 => $attribution.$method::<2>$arguments.map(Value::from),
            3 => $attribution.$method::<3>$arguments.map(Value::from),
            4 => $attribution.$method::<4>$arguments.map(Value::from),
            _ => $attribution.$method::<5>$arguments.map(Value::from),
        }
    };
}

/// The relevance of the first input.
pub(crate) fn input_relevance<B: Backend>(attribution: &Attribution<B>) -> &Value<B> {
    attribution.relevances()[0].as_ref().expect("the first input is explained")
}

/// Relevance at a node of rank 1 to 5.
pub(crate) fn relevance_at<B: Backend>(
    attribution: &Attribution<B>,
    node: &str,
    rank: usize,
) -> Result<Value<B>, ExplainError> {
    of_rank!(rank, attribution.relevance_at(node))
}

/// The output, of rank 1 to 5.
pub(crate) fn output<B: Backend>(
    attribution: &Attribution<B>,
    rank: usize,
) -> Result<Value<B>, ExplainError> {
    of_rank!(rank, attribution.output())
}
