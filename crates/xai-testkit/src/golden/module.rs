//! Golden layers as Burn's own, recorded.

use burn::module::{Param, RunningState};
use burn::nn::conv::{Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d};
use burn::nn::pool::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
use burn::nn::{BatchNorm, Linear, PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, activation};
use xai_trace::{Recorded, Traced};

use super::error::GoldenError;
use super::layer::Place;
use super::manifest::Sizes;

/// A tensor that is recorded.
type T<B, const D: usize> = Tensor<Traced<B>, D>;

/// Records a function that is generic over the rank of its input, for the rank that it has.
macro_rules! of_rank {
    ($rank:expr, |$x:ident| $body:expr) => {
        match $rank {
            2 => Recorded::function(move |$x: T<B, 2>| $body),
            3 => Recorded::function(move |$x: T<B, 3>| $body),
            4 => Recorded::function(move |$x: T<B, 4>| $body),
            _ => Recorded::function(move |$x: T<B, 5>| $body),
        }
    };
}

impl<B: Backend> Place<'_, B> {
    /// Burn's layer for inputs of this rank, recorded.
    pub(super) fn recorded(&self, rank: usize) -> Result<Recorded<B>, GoldenError> {
        let spec = self.spec;
        Ok(match spec.op.as_str() {
            "Linear" => {
                let linear =
                    Linear { weight: self.weights.linear_param("weight")?, bias: self.bias_param()? };
                match rank {
                    2 => Recorded::new(&linear, |linear: &Linear<_>, x: T<B, 2>| linear.forward(x)),
                    _ => Recorded::new(&linear, |linear: &Linear<_>, x: T<B, 3>| linear.forward(x)),
                }
            }
            "Conv1d" => Recorded::new(&self.conv1d()?, |conv: &Conv1d<_>, x| conv.forward(x)),
            "Conv2d" => Recorded::new(&self.conv2d()?, |conv: &Conv2d<_>, x| conv.forward(x)),
            "Conv3d" => Recorded::new(&self.conv3d()?, |conv: &Conv3d<_>, x| conv.forward(x)),
            "ConvTranspose1d" => {
                Recorded::new(&self.conv_transpose1d()?, |conv: &ConvTranspose1d<_>, x| conv.forward(x))
            }
            "ConvTranspose2d" => {
                Recorded::new(&self.conv_transpose2d()?, |conv: &ConvTranspose2d<_>, x| conv.forward(x))
            }
            "BatchNorm1d" => Recorded::new(&self.batch_norm()?, |n: &BatchNorm<_>, x: T<B, 2>| n.forward(x)),
            "BatchNorm2d" => Recorded::new(&self.batch_norm()?, |n: &BatchNorm<_>, x: T<B, 4>| n.forward(x)),
            "MaxPool1d" | "MaxPool2d" | "AvgPool1d" | "AvgPool2d" => self.pool()?,
            "AdaptiveAvgPool1d" => {
                let [output_size] = self.sizes("output_size", spec.output_size.as_ref(), None)?;
                let pool = AdaptiveAvgPool1d { output_size };
                Recorded::function(move |x: T<B, 3>| pool.forward(x))
            }
            "AdaptiveAvgPool2d" => {
                let output_size = self.sizes("output_size", spec.output_size.as_ref(), None)?;
                let pool = AdaptiveAvgPool2d { output_size };
                Recorded::function(move |x: T<B, 4>| pool.forward(x))
            }
            _ => self.recorded_activation(rank)?,
        })
    }

    fn recorded_activation(&self, rank: usize) -> Result<Recorded<B>, GoldenError> {
        let spec = self.spec;
        let (slope, alpha) = (spec.negative_slope.unwrap_or(0.01), spec.alpha.unwrap_or(1.0));
        let beta = spec.beta.unwrap_or(1.0);
        Ok(match spec.op.as_str() {
            "ReLU" => of_rank!(rank, |x| activation::relu(x)),
            "ReLU6" => of_rank!(rank, |x| x.clamp(0.0, 6.0)),
            "LeakyReLU" => of_rank!(rank, |x| activation::leaky_relu(x, slope)),
            "ELU" => of_rank!(rank, |x| activation::elu(x, alpha)),
            "GELU" => of_rank!(rank, |x| activation::gelu(x)),
            "SiLU" => of_rank!(rank, |x| activation::silu(x)),
            "Sigmoid" => of_rank!(rank, |x| activation::sigmoid(x)),
            "Tanh" => of_rank!(rank, |x| activation::tanh(x)),
            "Softplus" => of_rank!(rank, |x| activation::softplus(x, beta)),
            "Hardswish" => of_rank!(rank, |x| activation::hard_swish(x)),
            _ => return Err(self.unsupported("that Burn does not have")),
        })
    }

    fn pool(&self) -> Result<Recorded<B>, GoldenError> {
        let (spec, ceil_mode) = (self.spec, self.spec.ceil_mode.unwrap_or(false));
        let count_include_pad = spec.count_include_pad.unwrap_or(true);
        let kernel = spec.kernel_size.as_ref();
        let stride = spec.stride.as_ref().or(kernel);
        Ok(if spec.op.ends_with("1d") {
            let [kernel_size] = self.sizes("kernel_size", kernel, None)?;
            let [stride] = self.sizes("stride", stride, None)?;
            let [dilation] = self.sizes("dilation", spec.dilation.as_ref(), Some(1))?;
            let padding = self.padding_1d()?;
            if spec.op.starts_with("Max") {
                let pool = MaxPool1d { stride, kernel_size, padding, dilation, ceil_mode };
                Recorded::function(move |x: T<B, 3>| pool.forward(x))
            } else {
                let pool = AvgPool1d { stride, kernel_size, padding, count_include_pad, ceil_mode };
                Recorded::function(move |x: T<B, 3>| pool.forward(x))
            }
        } else {
            let kernel_size = self.sizes("kernel_size", kernel, None)?;
            let stride = self.sizes("stride", stride, None)?;
            let dilation = self.sizes("dilation", spec.dilation.as_ref(), Some(1))?;
            let padding = self.padding_2d()?;
            if spec.op.starts_with("Max") {
                let pool = MaxPool2d { stride, kernel_size, padding, dilation, ceil_mode };
                Recorded::function(move |x: T<B, 4>| pool.forward(x))
            } else {
                let pool = AvgPool2d { stride, kernel_size, padding, count_include_pad, ceil_mode };
                Recorded::function(move |x: T<B, 4>| pool.forward(x))
            }
        })
    }

    fn batch_norm(&self) -> Result<BatchNorm<B>, GoldenError> {
        Ok(BatchNorm {
            gamma: self.weights.param("weight")?,
            beta: self.weights.param("bias")?,
            running_mean: RunningState::new(self.weights.tensor("running_mean")?),
            running_var: RunningState::new(self.weights.tensor("running_var")?),
            momentum: 0.1,
            epsilon: self.spec.eps.unwrap_or(1e-5),
        })
    }

    fn conv1d(&self) -> Result<Conv1d<B>, GoldenError> {
        let weight = self.weights.param::<3>("weight")?;
        let ([stride], [dilation]) = (self.stride()?, self.dilation()?);
        let (bias, padding) = (self.bias_param()?, self.padding_1d()?);
        let kernel_size = weight.dims()[2];
        Ok(Conv1d { weight, bias, stride, kernel_size, dilation, groups: self.groups(), padding })
    }

    fn conv2d(&self) -> Result<Conv2d<B>, GoldenError> {
        let weight = self.weights.param::<4>("weight")?;
        let [_, _, height, width] = weight.dims();
        Ok(Conv2d {
            weight,
            bias: self.bias_param()?,
            stride: self.stride()?,
            kernel_size: [height, width],
            dilation: self.dilation()?,
            groups: self.groups(),
            padding: self.padding_2d()?,
        })
    }

    fn conv3d(&self) -> Result<Conv3d<B>, GoldenError> {
        let weight = self.weights.param::<5>("weight")?;
        let [_, _, depth, height, width] = weight.dims();
        let [front, top, left] = self.sizes("padding", self.spec.padding.as_ref(), Some(0))?;
        Ok(Conv3d {
            weight,
            bias: self.bias_param()?,
            stride: self.stride()?,
            kernel_size: [depth, height, width],
            dilation: self.dilation()?,
            groups: self.groups(),
            padding: PaddingConfig3d::Explicit(front, top, left),
        })
    }

    fn conv_transpose1d(&self) -> Result<ConvTranspose1d<B>, GoldenError> {
        let weight = self.weights.param::<3>("weight")?;
        let [channels_in, channels_out, kernel_size] = weight.dims();
        let ([stride], [dilation]) = (self.stride()?, self.dilation()?);
        let [padding] = self.sizes("padding", self.spec.padding.as_ref(), Some(0))?;
        let [padding_out] = self.sizes("output_padding", self.spec.output_padding.as_ref(), Some(0))?;
        let (bias, groups) = (self.bias_param()?, self.groups());
        let channels = [channels_in, channels_out * groups];
        Ok(ConvTranspose1d {
            weight,
            bias,
            stride,
            kernel_size,
            dilation,
            groups,
            padding,
            padding_out,
            channels,
        })
    }

    fn conv_transpose2d(&self) -> Result<ConvTranspose2d<B>, GoldenError> {
        let weight = self.weights.param::<4>("weight")?;
        let [channels_in, channels_out, height, width] = weight.dims();
        Ok(ConvTranspose2d {
            weight,
            bias: self.bias_param()?,
            stride: self.stride()?,
            kernel_size: [height, width],
            dilation: self.dilation()?,
            groups: self.groups(),
            padding: self.sizes("padding", self.spec.padding.as_ref(), Some(0))?,
            padding_out: self.sizes("output_padding", self.spec.output_padding.as_ref(), Some(0))?,
            channels: [channels_in, channels_out * self.groups()],
        })
    }

    fn bias_param(&self) -> Result<Option<Param<Tensor<B, 1>>>, GoldenError> {
        self.spec.bias.unwrap_or(true).then(|| self.weights.param("bias")).transpose()
    }

    fn stride<const N: usize>(&self) -> Result<[usize; N], GoldenError> {
        self.sizes("stride", self.spec.stride.as_ref(), Some(1))
    }

    fn dilation<const N: usize>(&self) -> Result<[usize; N], GoldenError> {
        self.sizes("dilation", self.spec.dilation.as_ref(), Some(1))
    }

    fn groups(&self) -> usize {
        self.spec.groups.unwrap_or(1)
    }

    fn padding_1d(&self) -> Result<PaddingConfig1d, GoldenError> {
        let [size] = self.sizes("padding", self.spec.padding.as_ref(), Some(0))?;
        Ok(PaddingConfig1d::Explicit(size, size))
    }

    fn padding_2d(&self) -> Result<PaddingConfig2d, GoldenError> {
        let [height, width] = self.sizes("padding", self.spec.padding.as_ref(), Some(0))?;
        Ok(PaddingConfig2d::Explicit(height, width, height, width))
    }

    /// A setting as one number per axis.
    fn sizes<const N: usize>(
        &self,
        name: &str,
        given: Option<&Sizes>,
        default: Option<usize>,
    ) -> Result<[usize; N], GoldenError> {
        let sizes = match (given, default) {
            (Some(sizes), _) => sizes.per_axis(N),
            (None, Some(size)) => vec![size; N],
            (None, None) => return Err(self.unsupported(&format!("without `{name}`"))),
        };
        sizes.try_into().map_err(|_| self.unsupported(&format!("with a `{name}` of another rank")))
    }
}

/// The sum over the last dimensions, as many as the output of the rank `to` lacks of the input of
/// the rank `from`, recorded.
pub(super) fn recorded_sum<B: Backend>(from: usize, to: usize) -> Option<Recorded<B>> {
    Some(match (from, to) {
        (3, 2) => Recorded::function(|x: T<B, 3>| x.sum_dim(2).squeeze_dim::<2>(2)),
        (5, 4) => Recorded::function(|x: T<B, 5>| x.sum_dim(4).squeeze_dim::<4>(4)),
        // One sum, because relevance is not shared out alike in two steps.
        (4, 2) => Recorded::function(|x: T<B, 4>| x.flatten::<3>(2, 3).sum_dim(2).squeeze_dim::<2>(2)),
        _ => return None,
    })
}

/// The two halves of the last dimension, which goes, added to each other, recorded.
pub(super) fn recorded_add<B: Backend>(rank: usize) -> Option<Recorded<B>> {
    Some(match rank {
        3 => Recorded::function(|x: T<B, 3>| {
            x.clone().narrow(2, 0, 1).squeeze_dim::<2>(2) + x.narrow(2, 1, 1).squeeze_dim::<2>(2)
        }),
        5 => Recorded::function(|x: T<B, 5>| {
            x.clone().narrow(4, 0, 1).squeeze_dim::<4>(4) + x.narrow(4, 1, 1).squeeze_dim::<4>(4)
        }),
        _ => return None,
    })
}
