//! From the device to the host.

use burn_backend::Backend;

use crate::Value;
use crate::error::ExplainError;

/// All elements on the host, in row-major order.
pub(crate) fn read<B: Backend>(value: &Value<B>) -> Result<Vec<f64>, ExplainError> {
    let data = value.to_data().map_err(|error| ExplainError::Backend(format!("{error:?}")))?;
    Ok(data.iter::<f64>().collect())
}

/// Whether no element is NaN or infinite; reads one truth value from the device.
pub(crate) fn all_finite<B: Backend>(value: &Value<B>) -> Result<bool, ExplainError> {
    value.all_finite().map_err(|error| ExplainError::Backend(format!("{error:?}")))
}

/// The first element that is NaN or infinite, and its index.
pub(crate) fn first_not_finite<B: Backend>(
    value: &Value<B>,
) -> Result<Option<(Vec<usize>, f64)>, ExplainError> {
    let dims = value.dims();
    let elements = read(value)?;
    let Some((flat, &element)) = elements.iter().enumerate().find(|(_, element)| !element.is_finite()) else {
        return Ok(None);
    };
    let mut index = vec![0; dims.len()];
    let mut rest = flat;
    for (place, size) in index.iter_mut().zip(&dims).rev() {
        (*place, rest) = (rest % size, rest / size);
    }
    Ok(Some((index, element)))
}
