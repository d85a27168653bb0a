//! The parameters of a case's network or layer.

use burn::module::Param;
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor};
use xai_core::Value;

use super::data::{Golden, HostTensor};
use super::error::GoldenError;
use super::manifest::Case;

/// The parameters of a case's network or layer, by PyTorch's names: `conv1.weight`, `bn1.running_mean`.
#[derive(Debug)]
pub struct Weights<'a, B: Backend> {
    pub(super) golden: &'a Golden,
    pub(super) case: &'a Case,
    pub(super) dtype: DType,
    pub(super) device: &'a B::Device,
    /// What comes before the parameters' names in the names of tensors.
    pub(super) scope: &'static str,
}

impl<'a, B: Backend> Weights<'a, B> {
    /// The parameters of a network.
    pub(super) fn of_network(
        golden: &'a Golden,
        case: &'a Case,
        dtype: DType,
        device: &'a B::Device,
    ) -> Self {
        Self { golden, case, dtype, device, scope: "weights/" }
    }

    /// The parameters of a case with one layer, named `weight`, `bias`, ...
    pub(super) fn of_layer(golden: &'a Golden, case: &'a Case, dtype: DType, device: &'a B::Device) -> Self {
        Self { golden, case, dtype, device, scope: "" }
    }

    /// A parameter as it is stored.
    pub(super) fn value(&self, name: &str) -> Result<Value<B>, GoldenError> {
        Ok(self.stored(name)?.value(self.dtype, self.device))
    }

    /// The weight of a linear layer in Burn's layout, `[features_in, features_out]`.
    pub(super) fn linear(&self, name: &str) -> Result<Value<B>, GoldenError> {
        let transposed = self.stored(name)?.transposed();
        let transposed = transposed.ok_or_else(|| self.inconsistent(format!("`{name}` is no matrix")))?;
        Ok(transposed.value(self.dtype, self.device))
    }

    /// A parameter for a Burn module.
    ///
    /// # Errors
    /// [`GoldenError`] when there is no such parameter of rank `D`.
    pub fn tensor<const D: usize>(&self, name: &str) -> Result<Tensor<B, D>, GoldenError> {
        let value = self.value(name)?.into_tensor();
        value.ok_or_else(|| self.inconsistent(format!("`{name}` is not of rank {D}")))
    }

    /// A parameter for a Burn module.
    ///
    /// # Errors
    /// [`GoldenError`] when there is no such parameter of rank `D`.
    pub fn param<const D: usize>(&self, name: &str) -> Result<Param<Tensor<B, D>>, GoldenError> {
        self.tensor(name).map(Param::from_tensor)
    }

    /// The weight of a linear layer for a Burn module, in Burn's layout.
    ///
    /// # Errors
    /// [`GoldenError`] when there is no such matrix.
    pub fn linear_param(&self, name: &str) -> Result<Param<Tensor<B, 2>>, GoldenError> {
        let value = self.linear(name)?.into_tensor();
        value.map(Param::from_tensor).ok_or_else(|| self.inconsistent(format!("`{name}` is no matrix")))
    }

    /// Where the parameters are to be.
    pub fn device(&self) -> &B::Device {
        self.device
    }

    fn stored(&self, name: &str) -> Result<HostTensor, GoldenError> {
        self.golden.tensor(self.case, &format!("{}{name}", self.scope))
    }

    pub(super) fn inconsistent(&self, what: String) -> GoldenError {
        GoldenError::Inconsistent { case: self.case.name.clone(), what }
    }
}
