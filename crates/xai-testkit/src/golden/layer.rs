//! Golden layers: one table of Burn's modules and the library's layers for them.
// A network has few layers, and what Burn derives of the type is as large.
#![allow(clippy::large_enum_variant)]

use burn::module::Module;
use burn::nn::activation::HardSwish;
use burn::nn::conv::{Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d};
use burn::nn::pool::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
use burn::nn::{
    BatchNorm, Dropout, DropoutConfig, Elu, Gelu, LeakyRelu, Linear, Relu, Sigmoid, Softplus, Tanh,
};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, activation};
use xai_core::Value;
use xai_core::error::LayerError;
use xai_core::layer::{Activation, Add, Layer, Pool, Reduce, Reshape};
use xai_kmeans::{CentroidDistance, Power};

use super::error::GoldenError;
use super::reader::Reader;

/// Burn's convolution.
macro_rules! convolution {
    ($reader:ident, $module:ident) => {{
        let (weight, _, kernel_size, groups) = $reader.weight(false)?;
        let (bias, given) = ($reader.bias()?, &mut $reader.given);
        let (stride, dilation) = (given.sizes("stride", Some(1))?, given.sizes("dilation", Some(1))?);
        let padding = given.sizes("padding", Some(0))?;
        $module { weight, bias, kernel_size, stride, padding, dilation, groups }
    }};
}

/// Burn's transposed convolution.
macro_rules! transposed_convolution {
    ($reader:ident, $module:ident) => {{
        let (weight, channels, kernel_size, groups) = $reader.weight(true)?;
        let (bias, given) = ($reader.bias()?, &mut $reader.given);
        let (stride, dilation) = (given.sizes("stride", Some(1))?, given.sizes("dilation", Some(1))?);
        let (padding, padding_out) =
            (given.sizes("padding", Some(0))?, given.sizes("output_padding", Some(0))?);
        $module { weight, bias, channels, kernel_size, stride, padding, padding_out, dilation, groups }
    }};
}

/// Burn's max pool, which has a dilation, or average pool, which may count padding.
macro_rules! pool {
    ($reader:ident, $module:ident, $own:ident: $read:expr) => {{
        $reader.given.default_to("stride", "kernel_size");
        let ($own, given) = ($read, &mut $reader.given);
        let (kernel_size, stride) = (given.sizes("kernel_size", None)?, given.sizes("stride", None)?);
        let (padding, ceil_mode) = (given.sizes("padding", Some(0))?, given.or("ceil_mode", false)?);
        $module { kernel_size, stride, padding, $own, ceil_mode }
    }};
}

/// One row per layer: PyTorch's names of it, Burn's module, the ranks of the inputs that it takes, how
/// the module is read from the manifest, and the library's layers for it where they are not what the
/// library converts the module to.
macro_rules! burn_layers {
    ($reader:ident: $($($op:literal)* => $layer:ident($module:ty): $($rank:literal)*, $read:expr
        $(, by hand $by_hand:expr)?;)*) => {
        /// A layer of Burn.
        #[derive(Module, Debug)]
        pub(super) enum BurnLayer<B: Backend> {
            $($layer($module),)*
        }

        impl<B: Backend> BurnLayer<B> {
            /// The layer that the manifest calls `op`, if Burn has it.
            fn read(op: &str, $reader: &mut Reader<'_, B>) -> Result<Option<Self>, GoldenError> {
                Ok(Some(match op {
                    $($($op)|* => Self::$layer($read),)*
                    _ => return Ok(None),
                }))
            }

            /// The same in the library's layers, one behind the other.
            pub(super) fn by_hand(&self) -> Result<Vec<Layer<B>>, LayerError> {
                Ok(match self {
                    $(Self::$layer(module) => burn_layers!(@by_hand module $($by_hand)?),)*
                })
            }

            /// The module's own forward pass.
            pub(super) fn forward(&self, x: Value<B>) -> Value<B> {
                match self {
                    $(Self::$layer(module) => match x.rank() {
                        $($rank => {
                            let x: Tensor<B, $rank> = x.into_tensor().expect("the rank is known");
                            module.forward(x).into()
                        })*
                        rank => panic!("{} takes no input of rank {rank}", stringify!($layer)),
                    },)*
                }
            }
        }
    };
    (@by_hand $module:ident) => { vec![Layer::try_from($module)?] };
    (@by_hand $module:ident $by_hand:expr) => { $by_hand($module) };
}

burn_layers! { reader:
    "Linear" => Linear(Linear<B>): 2 3 4 5, reader.linear()?;
    "Conv1d" => Conv1d(Conv1d<B>): 3, convolution!(reader, Conv1d);
    "Conv2d" => Conv2d(Conv2d<B>): 4, convolution!(reader, Conv2d);
    "Conv3d" => Conv3d(Conv3d<B>): 5, convolution!(reader, Conv3d);
    "ConvTranspose1d" => ConvTranspose1d(ConvTranspose1d<B>): 3,
        transposed_convolution!(reader, ConvTranspose1d);
    "ConvTranspose2d" => ConvTranspose2d(ConvTranspose2d<B>): 4,
        transposed_convolution!(reader, ConvTranspose2d);
    "BatchNorm1d" "BatchNorm2d" "BatchNorm3d" => BatchNorm(BatchNorm<B>): 2 3 4 5, reader.batch_norm()?;
    "MaxPool1d" => MaxPool1d(MaxPool1d): 3,
        pool!(reader, MaxPool1d, dilation: reader.given.sizes("dilation", Some(1))?);
    "MaxPool2d" => MaxPool2d(MaxPool2d): 4,
        pool!(reader, MaxPool2d, dilation: reader.given.sizes("dilation", Some(1))?);
    "AvgPool1d" => AvgPool1d(AvgPool1d): 3,
        pool!(reader, AvgPool1d, count_include_pad: reader.counts_padding()?);
    "AvgPool2d" => AvgPool2d(AvgPool2d): 4,
        pool!(reader, AvgPool2d, count_include_pad: reader.counts_padding()?);
    "AdaptiveAvgPool1d" => AdaptiveAvgPool1d(AdaptiveAvgPool1d): 3,
        AdaptiveAvgPool1d { output_size: reader.given.sizes("output_size", None)? };
    "AdaptiveAvgPool2d" => AdaptiveAvgPool2d(AdaptiveAvgPool2d): 4,
        AdaptiveAvgPool2d { output_size: reader.given.sizes("output_size", None)? };
    "ReLU" => Relu(Relu): 2 3 4 5, Relu;
    "ReLU6" => Relu6(Relu6): 2 3 4 5, Relu6, by hand |_| vec![Activation::Relu6.into()];
    "LeakyReLU" => LeakyRelu(LeakyRelu): 2 3 4 5,
        LeakyRelu { negative_slope: reader.given.or("negative_slope", 0.01)? };
    "ELU" => Elu(Elu): 2 3 4 5, Elu { alpha: reader.given.or("alpha", 1.0)? };
    "GELU" => Gelu(Gelu): 2 3 4 5, Gelu { approximate: reader.approximate()? };
    "SiLU" => Silu(Silu): 2 3 4 5, Silu, by hand |_| vec![Activation::Silu.into()];
    "Sigmoid" => Sigmoid(Sigmoid): 2 3 4 5, Sigmoid;
    "Tanh" => Tanh(Tanh): 2 3 4 5, Tanh;
    "Softplus" => Softplus(Softplus): 2 3 4 5, reader.softplus()?;
    "Hardswish" => HardSwish(HardSwish): 2 3 4 5, HardSwish;
    "Dropout" => Dropout(Dropout): 2 3 4 5, DropoutConfig::new(reader.given.or("p", 0.5)?).init(),
        by hand |_| Vec::new();
    "Flatten" => Flatten(Flatten): 2 3 4 5, Flatten, by hand |_| vec![Reshape::flatten().into()];
    "Sum" => Add(Sum): 2 3 4 5, Sum, by hand |_| vec![Add.into()];
    "SumDims" => SumLast(SumLast): 2 3 4 5, SumLast { first: reader.first_summed()?, rank: reader.rank },
        by hand SumLast::by_hand;
}

/// Functions that Burn has no module for.
macro_rules! modules {
    ($($(#[$doc:meta])* $module:ident: |$x:ident| $y:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Module, Clone, Debug)]
        pub(super) struct $module;

        impl $module {
            fn forward<B: Backend, const D: usize>(&self, $x: Tensor<B, D>) -> Value<B> {
                $y.into()
            }
        }
    )*};
}

modules! {
    Relu6: |x| x.clamp(0.0, 6.0);
    Silu: |x| activation::silu(x);
    Flatten: |x| x.flatten::<2>(1, D - 1);
    /// Of the inputs, which the network has already added.
    Sum: |x| x;
}

/// The sum over the dimensions from `first` to the last, `rank - 1`, which go.
#[derive(Module, Clone, Debug)]
pub(super) struct SumLast {
    pub(super) first: usize,
    pub(super) rank: usize,
}

impl SumLast {
    fn by_hand<B: Backend>(&self) -> Vec<Layer<B>> {
        vec![Reduce::sum(self.first..self.rank).into(), Reshape::new(vec![0; self.first]).into()]
    }

    fn forward<B: Backend, const D: usize>(&self, x: Tensor<B, D>) -> Value<B> {
        let dims = x.dims();
        let (kept, summed) = dims.split_at(self.first);
        // One sum, because relevance is not shared out alike in two steps.
        let x = Value::from(x).reshape(&[kept, &[summed.iter().product()]].concat());
        x.sum_dim(self.first).reshape(kept)
    }
}

/// A golden layer.
pub(super) enum Built<B: Backend> {
    Burn(BurnLayer<B>),
    /// Burn has no such layer.
    Library(Layer<B>),
}

impl<B: Backend> Built<B> {
    /// The layer that the manifest calls `op`. Every argument must be known, and those that the
    /// weights say again must be the same.
    pub(super) fn read(op: &str, mut reader: Reader<'_, B>) -> Result<Self, GoldenError> {
        let op = if op == "Sum" && reader.given.has("dim") { "SumDims" } else { op };
        let built = match (BurnLayer::read(op, &mut reader)?, op) {
            (Some(layer), _) => Self::Burn(layer),
            (None, "MinPool1d") => Self::Library(Pool::min(reader.geometry::<1>()?).into()),
            (None, "MinPool2d") => Self::Library(Pool::min(reader.geometry::<2>()?).into()),
            (None, "MinPool3d") => Self::Library(Pool::min(reader.geometry::<3>()?).into()),
            (None, "MaxPool3d") => Self::Library(Pool::max(reader.geometry::<3>()?).into()),
            (None, "AvgPool3d") => {
                Self::Library(Pool::average(reader.geometry::<3>()?, reader.counts_padding()?).into())
            }
            (None, "PairwiseCentroidDistance") => {
                let centroids = reader.trial.value("centroids")?;
                Self::Library(CentroidDistance::new(centroids, Power::Two)?.into())
            }
            _ => return Err(reader.given.error("op", "has no counterpart here")),
        };
        reader.given.finish().map(|()| built)
    }
}
