//! Arguments and parameters of golden layers, as Burn's modules want them.

use burn::module::{Param, RunningState};
use burn::nn::{BatchNorm, Linear, Softplus};
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use xai_core::kernel::{PoolGeometry, PoolOutput};

use super::arguments::{Arguments, Axes};
use super::error::GoldenError;
use super::trial::Trial;
use crate::host::Array;

/// A layer of the manifest, with its parameters.
pub(super) struct Reader<'a, B: Backend> {
    pub(super) trial: &'a Trial<'a, B>,
    pub(super) given: Arguments,
    /// What comes before the parameters' names in the names of tensors.
    pub(super) scope: String,
    /// Rank of the layer's input.
    pub(super) rank: usize,
}

impl<B: Backend> Reader<'_, B> {
    fn tensor(&self, name: &str) -> Result<Array, GoldenError> {
        self.trial.tensor(&format!("{}{name}", self.scope))
    }

    fn put<const D: usize>(&self, name: &str, array: &Array) -> Result<Tensor<B, D>, GoldenError> {
        let wrong = || self.given.error(name, format!("is {:?}, not of rank {D}", array.dims));
        self.trial.put(array).into_tensor().ok_or_else(wrong)
    }

    fn vector(&self, name: &str) -> Result<Tensor<B, 1>, GoldenError> {
        self.put(name, &self.tensor(name)?)
    }

    pub(super) fn bias(&mut self) -> Result<Option<Param<Tensor<B, 1>>>, GoldenError> {
        let has_bias = self.given.or("bias", true)?;
        has_bias.then(|| self.vector("bias").map(Param::from_tensor)).transpose()
    }

    pub(super) fn linear(&mut self) -> Result<Linear<B>, GoldenError> {
        // Burn has inputs first, PyTorch outputs.
        let weight: Tensor<B, 2> = self.put("weight", &self.tensor("weight")?.transposed())?;
        let [features_in, features_out] = weight.dims();
        self.given.same("in_features", &[features_in])?;
        self.given.same("out_features", &[features_out])?;
        Ok(Linear { weight: Param::from_tensor(weight), bias: self.bias()? })
    }

    pub(super) fn batch_norm(&mut self) -> Result<BatchNorm<B>, GoldenError> {
        let gamma = self.vector("weight")?;
        self.given.same("num_features", &gamma.dims())?;
        Ok(BatchNorm {
            gamma: Param::from_tensor(gamma),
            beta: Param::from_tensor(self.vector("bias")?),
            running_mean: RunningState::new(self.vector("running_mean")?),
            running_var: RunningState::new(self.vector("running_var")?),
            momentum: self.given.or("momentum", 0.1)?,
            epsilon: self.given.or("eps", 1e-5)?,
        })
    }

    /// The weight of a convolution with its channels in and out, kernel size and groups.
    #[expect(clippy::type_complexity, reason = "parts of a module, taken apart at once")]
    pub(super) fn weight<const D: usize, const N: usize, S: Axes<N>>(
        &mut self,
        transposed: bool,
    ) -> Result<(Param<Tensor<B, D>>, [usize; 2], S, usize), GoldenError> {
        let weight: Tensor<B, D> = self.put("weight", &self.tensor("weight")?)?;
        let (dims, groups) = (weight.dims(), self.given.or("groups", 1)?);
        let channels = match transposed {
            true => [dims[0], dims[1] * groups],
            false => [dims[1] * groups, dims[0]],
        };
        self.given.same("in_channels", &channels[..1])?;
        self.given.same("out_channels", &channels[1..])?;
        self.given.same("kernel_size", &dims[2..])?;
        let kernel_size = S::of(std::array::from_fn(|axis| dims[axis + 2]));
        Ok((Param::from_tensor(weight), channels, kernel_size, groups))
    }

    pub(super) fn counts_padding(&mut self) -> Result<bool, GoldenError> {
        self.given.or("count_include_pad", true)
    }

    /// The windows of a pool that Burn does not have.
    pub(super) fn geometry<const N: usize>(&mut self) -> Result<PoolGeometry, GoldenError> {
        let given = &mut self.given;
        given.default_to("stride", "kernel_size");
        let padding: [usize; N] = given.sizes("padding", Some(0))?;
        Ok(PoolGeometry::Sliding {
            kernel: given.sizes::<N, [usize; N]>("kernel_size", None)?.to_vec(),
            stride: given.sizes::<N, [usize; N]>("stride", None)?.to_vec(),
            padding: padding.map(|size| (size, size)).to_vec(),
            dilation: given.sizes::<N, [usize; N]>("dilation", Some(1))?.to_vec(),
            output: if given.or("ceil_mode", false)? { PoolOutput::Ceil } else { PoolOutput::Floor },
        })
    }

    pub(super) fn softplus(&mut self) -> Result<Softplus, GoldenError> {
        // Where PyTorch takes the identity, for softplus is that by rounding.
        self.given.take::<f64>("threshold")?;
        Ok(Softplus { beta: self.given.or("beta", 1.0)? })
    }

    /// Whether GELU is the approximation by tanh.
    pub(super) fn approximate(&mut self) -> Result<bool, GoldenError> {
        match self.given.or("approximate", "none".to_owned())?.as_str() {
            "none" => Ok(false),
            "tanh" => Ok(true),
            other => Err(self.given.error("approximate", format!("is `{other}`"))),
        }
    }

    /// The first of the last dimensions that are summed over; negative ones count from the end.
    pub(super) fn first_summed(&mut self) -> Result<usize, GoldenError> {
        let (rank, dims) = (self.rank, self.given.required::<Vec<isize>>("dim")?);
        let mut axes: Vec<_> = dims.iter().map(|&dim| dim.rem_euclid(rank as isize) as usize).collect();
        axes.sort_unstable();
        match axes.first() {
            Some(&first) if first > 0 && (first..rank).eq(axes.iter().copied()) => Ok(first),
            _ => Err(self.given.error("dim", format!("is {dims:?}, not the last of {rank} dimensions"))),
        }
    }
}
