//! Golden layers as the library's layers.

use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::error::{GraphError, LayerError};
use xai_core::kernel::{ConvGeometry, ConvTransposeGeometry, PoolGeometry, PoolOutput};
use xai_core::layer::{Activation, BatchNorm, Conv, ConvTranspose, Layer, Linear, Pool, Reshape};

use super::error::GoldenError;
use super::manifest::{LayerSpec, Sizes};
use super::weights::Weights;

/// Settings that the shapes of the parameters say again.
const REDUNDANT: [&str; 5] = ["in_features", "out_features", "in_channels", "out_channels", "num_features"];

/// Where a layer is: the parameters it may take, and its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a, B: Backend> {
    pub(super) weights: &'a Weights<'a, B>,
    /// The node's name; for a single layer, which has its parameters to itself, none.
    pub(super) node: Option<&'a str>,
    pub(super) spec: &'a LayerSpec,
}

impl<B: Backend> Place<'_, B> {
    /// A layer with one input.
    pub(super) fn layer(&self) -> Result<Layer<B>, GoldenError> {
        self.check_settings()?;
        let spec = self.spec;
        let built = match spec.op.as_str() {
            "Linear" => {
                Linear::new(self.weights.linear(&self.path("weight"))?, self.bias()?).map(Layer::from)
            }
            "Conv1d" => self.convolution(1)?,
            "Conv2d" => self.convolution(2)?,
            "Conv3d" => self.convolution(3)?,
            "ConvTranspose1d" => self.transposed_convolution(1)?,
            "ConvTranspose2d" => self.transposed_convolution(2)?,
            "BatchNorm1d" | "BatchNorm2d" => {
                let std = (self.parameter("running_var")? + spec.eps.unwrap_or(1e-5)).sqrt();
                let (scale, shift) = (self.parameter("weight")?, self.parameter("bias")?);
                BatchNorm::new(self.parameter("running_mean")?, std, scale, shift).map(Layer::from)
            }
            "Flatten" => Ok(Reshape::flatten().into()),
            "MaxPool1d" => Ok(Pool::max(self.windows(1)?).into()),
            "MaxPool2d" => Ok(Pool::max(self.windows(2)?).into()),
            "MaxPool3d" => Ok(Pool::max(self.windows(3)?).into()),
            "AvgPool1d" => Ok(self.average(1)?.into()),
            "AvgPool2d" => Ok(self.average(2)?.into()),
            "AvgPool3d" => Ok(self.average(3)?.into()),
            "AdaptiveAvgPool1d" => Ok(self.adaptive_average(1)?.into()),
            "AdaptiveAvgPool2d" => Ok(self.adaptive_average(2)?.into()),
            _ => Ok(self.activation()?.into()),
        };
        built.map_err(|source: LayerError| GoldenError::Graph {
            case: self.weights.case.name.clone(),
            source: GraphError::Layer { node: self.node.unwrap_or(&spec.op).to_owned(), source },
        })
    }

    fn activation(&self) -> Result<Activation, GoldenError> {
        let spec = self.spec;
        Ok(match spec.op.as_str() {
            "ReLU" => Activation::Relu,
            "ReLU6" => Activation::Relu6,
            "LeakyReLU" => Activation::LeakyRelu { slope: spec.negative_slope.unwrap_or(0.01) },
            "ELU" => Activation::Elu { alpha: spec.alpha.unwrap_or(1.0) },
            "GELU" => match spec.approximate.as_deref() {
                None | Some("none") => Activation::Gelu,
                Some("tanh") => Activation::GeluTanh,
                Some(other) => return Err(self.unsupported(&format!("with the approximation `{other}`"))),
            },
            "SiLU" => Activation::Silu,
            "Sigmoid" => Activation::Sigmoid,
            "Tanh" => Activation::Tanh,
            "Softplus" => Activation::Softplus { beta: spec.beta.unwrap_or(1.0) },
            "Hardswish" => Activation::HardSwish,
            _ => return Err(self.unsupported("which has no counterpart here")),
        })
    }

    fn convolution(&self, axes: usize) -> Result<Result<Layer<B>, LayerError>, GoldenError> {
        let geometry = ConvGeometry {
            stride: sizes(self.spec.stride.as_ref(), axes, 1),
            padding: self.padding(axes).into_iter().map(|size| (size, size)).collect(),
            dilation: sizes(self.spec.dilation.as_ref(), axes, 1),
            groups: self.spec.groups.unwrap_or(1),
        };
        Ok(Conv::new(self.parameter("weight")?, self.bias()?, geometry).map(Layer::from))
    }

    fn transposed_convolution(&self, axes: usize) -> Result<Result<Layer<B>, LayerError>, GoldenError> {
        let geometry = ConvTransposeGeometry {
            stride: sizes(self.spec.stride.as_ref(), axes, 1),
            padding: self.padding(axes),
            padding_out: sizes(self.spec.output_padding.as_ref(), axes, 0),
            dilation: sizes(self.spec.dilation.as_ref(), axes, 1),
            groups: self.spec.groups.unwrap_or(1),
        };
        Ok(ConvTranspose::new(self.parameter("weight")?, self.bias()?, geometry).map(Layer::from))
    }

    fn average(&self, axes: usize) -> Result<Pool, GoldenError> {
        Ok(Pool::average(self.windows(axes)?, self.spec.count_include_pad.unwrap_or(true)))
    }

    fn adaptive_average(&self, axes: usize) -> Result<Pool, GoldenError> {
        let output = self.required("output_size", self.spec.output_size.as_ref())?.per_axis(axes);
        Ok(Pool::average(PoolGeometry::Adaptive { output }, false))
    }

    fn windows(&self, axes: usize) -> Result<PoolGeometry, GoldenError> {
        let kernel = self.required("kernel_size", self.spec.kernel_size.as_ref())?.per_axis(axes);
        Ok(PoolGeometry::Sliding {
            stride: self.spec.stride.as_ref().map_or(kernel.clone(), |stride| stride.per_axis(axes)),
            padding: self.padding(axes).into_iter().map(|size| (size, size)).collect(),
            dilation: sizes(self.spec.dilation.as_ref(), axes, 1),
            output: if self.spec.ceil_mode.unwrap_or(false) { PoolOutput::Ceil } else { PoolOutput::Floor },
            kernel,
        })
    }

    fn padding(&self, axes: usize) -> Vec<usize> {
        sizes(self.spec.padding.as_ref(), axes, 0)
    }

    /// The name of a parameter.
    fn path(&self, parameter: &str) -> String {
        self.node.map_or(parameter.to_owned(), |node| format!("{node}.{parameter}"))
    }

    fn parameter(&self, name: &str) -> Result<Value<B>, GoldenError> {
        self.weights.value(&self.path(name))
    }

    fn bias(&self) -> Result<Option<Value<B>>, GoldenError> {
        self.spec.bias.unwrap_or(true).then(|| self.parameter("bias")).transpose()
    }

    fn required<'s>(&self, name: &str, sizes: Option<&'s Sizes>) -> Result<&'s Sizes, GoldenError> {
        sizes.ok_or_else(|| self.weights.inconsistent(format!("{} has no `{name}`", self.describe())))
    }

    fn check_settings(&self) -> Result<(), GoldenError> {
        let unknown = self.spec.others.keys().find(|name| !REDUNDANT.contains(&name.as_str()));
        match unknown {
            Some(name) => Err(self.unsupported(&format!("with the unknown setting `{name}`"))),
            None => Ok(()),
        }
    }

    pub(super) fn unsupported(&self, what: &str) -> GoldenError {
        GoldenError::Unsupported {
            case: self.weights.case.name.clone(),
            what: format!("{} {what}", self.describe()),
        }
    }

    fn describe(&self) -> String {
        match self.node {
            Some(node) => format!("layer `{node}`, a `{}`,", self.spec.op),
            None => format!("a layer `{}`", self.spec.op),
        }
    }
}

fn sizes(given: Option<&Sizes>, axes: usize, default: usize) -> Vec<usize> {
    given.map_or(vec![default; axes], |sizes| sizes.per_axis(axes))
}
