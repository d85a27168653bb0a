//! A case on a device.

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use xai_core::Value;

use super::compare::Deviation;
use super::data::Golden;
use super::error::GoldenError;
use super::manifest::Case;
use crate::host::Array;

/// A case, and where its tensors go to.
pub(super) struct Trial<'a, B: Backend> {
    pub(super) golden: &'a Golden,
    pub(super) case: &'a Case,
    pub(super) dtype: DType,
    pub(super) device: &'a B::Device,
}

impl<B: Backend> Trial<'_, B> {
    /// A tensor of the case.
    pub(super) fn tensor(&self, name: &str) -> Result<Array, GoldenError> {
        self.golden.tensor(self.case, name)
    }

    /// An array on the device.
    pub(super) fn put(&self, array: &Array) -> Value<B> {
        array.value(self.dtype, self.device)
    }

    /// A tensor of the case on the device.
    pub(super) fn value(&self, name: &str) -> Result<Value<B>, GoldenError> {
        Ok(self.put(&self.tensor(name)?))
    }

    /// Compares `got` with a tensor of the case; `what` is put after its name.
    pub(super) fn compare(&self, name: &str, what: &str, got: &Value<B>) -> Result<Deviation, GoldenError> {
        let (tensor, want) = (format!("{name}{what}"), self.tensor(name)?);
        if got.dims() != want.dims {
            let problem = format!("`{tensor}` came out as {:?} instead of {:?}", got.dims(), want.dims);
            return Err(GoldenError::Inconsistent(problem));
        }
        let (error, tolerance) = (want.relative_error(&Array::of(got)), self.case.tolerance(got.dtype()));
        Ok(Deviation { tensor, error, tolerance })
    }
}
