//! Relevance on the host, sample by sample.

use burn_backend::Backend;

use super::scored::{finite, of_sample};
use crate::engine::read;
use crate::error::{AttributorError, ExplainError};
use crate::model::Inputs;

/// The finite relevance of each sample, over all inputs.
pub(super) fn rows<B: Backend>(relevance: &Inputs<B>) -> Result<Vec<Vec<f64>>, ExplainError> {
    let values = relevance.floats();
    let batches = values.iter().map(|value| value.dims().first().copied().unwrap_or(1));
    let batch = batches.clone().next().unwrap_or(0);
    if batches.clone().any(|other| other != batch) {
        return Err(AttributorError::Batch { inputs: dims(relevance), scores: batch }.into());
    }
    let elements = values.iter().map(|value| finite(read(value)?)).collect::<Result<Vec<_>, _>>()?;
    let row = |sample| elements.iter().flat_map(|value| of_sample(value, batch, sample)).copied().collect();
    Ok((0..batch).map(row).collect())
}

/// Makes sure that relevance can be compared element by element.
pub(super) fn same_shapes<B: Backend>(
    other: &Inputs<B>,
    reference: &Inputs<B>,
) -> Result<(), AttributorError> {
    let (got, reference) = (dims(other), dims(reference));
    if got == reference { Ok(()) } else { Err(AttributorError::OtherRelevance { got, reference }) }
}

fn dims<B: Backend>(inputs: &Inputs<B>) -> Vec<Vec<usize>> {
    inputs.iter().map(|input| input.dims()).collect()
}
