//! Checks of what goes into a model and of what comes out of it.

use burn_backend::{Backend, DType};

use super::host::{all_finite, first_not_finite};
use crate::Value;
use crate::error::{ExplainError, InputError};
use crate::model::{Inputs, Signature};

/// Number, type, sizes, element type, device and finiteness of the inputs.
pub(crate) fn check_inputs<B: Backend>(
    signature: &Signature<B>,
    inputs: &Inputs<B>,
) -> Result<(), ExplainError> {
    if inputs.len() != signature.inputs.len() {
        return Err(InputError::Count { expected: signature.inputs.len(), got: inputs.len() }.into());
    }
    let mut dtype = signature.parameters.as_ref().map(|(dtype, _)| *dtype);
    for (expected, given) in signature.inputs.iter().zip(inputs.iter()) {
        let (input, dims) = (expected.name.clone(), given.dims());
        if given.kind() != expected.kind {
            return Err(InputError::Kind { input, got: given.kind(), expected: expected.kind }.into());
        }
        if dims.len() != expected.rank {
            return Err(InputError::Rank { input, expected: expected.rank, dims }.into());
        }
        if dims.contains(&0) {
            return Err(InputError::Empty { input, dims }.into());
        }
        if let Some((_, device)) = signature.parameters.as_ref().filter(|(_, own)| *own != given.device()) {
            let (device, expected) = (format!("{:?}", given.device()), format!("{device:?}"));
            return Err(InputError::Device { input, device, expected }.into());
        }
        for value in given.floats() {
            let expected = *dtype.get_or_insert(value.dtype());
            let precise = |dtype| matches!(dtype, DType::F32 | DType::F64 | DType::Flex32);
            if value.dtype() != expected || !precise(expected) {
                // A model in half precision has no right input: its parameters have to be cast as well.
                let expected = match (precise(value.dtype()), precise(expected)) {
                    (true, true) => format!("{expected:?}"),
                    (_, true) => "F32 or F64".to_owned(),
                    (_, false) => "F32 or F64 (of the parameters too)".to_owned(),
                };
                return Err(
                    InputError::DType { input, dtype: format!("{:?}", value.dtype()), expected }.into()
                );
            }
            if !all_finite(value)?
                && let Some((index, value)) = first_not_finite(value)?
            {
                return Err(InputError::NotFinite { input, value, index, dims }.into());
            }
        }
    }
    Ok(())
}

/// A finite input with an output that is not means unusable parameters.
pub(crate) fn check_output<B: Backend>(output: &Value<B>) -> Result<(), ExplainError> {
    if all_finite(output)? {
        return Ok(());
    }
    match first_not_finite(output)? {
        None => Ok(()),
        Some((index, value)) => Err(ExplainError::OutputNotFinite { sample: index[0], value }),
    }
}
