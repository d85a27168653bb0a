//! What a recorded node did.

use std::borrow::Cow;

use burn_backend::Slice;
use burn_backend::ops::{ConvOptions, ConvTransposeOptions, InterpolateOptions};
use xai_core::kernel::{ConvGeometry, ConvTransposeGeometry, Extremum};
use xai_core::layer::{Activation, Elementwise, Flip, Permute, Reduce, Repeat, Select, Softmax, SoftmaxForm};

/// Recorded operations with the settings that cannot be read off the shapes; those without a layer and
/// without settings worth keeping by name.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Input,
    Linear,
    Conv(ConvGeometry),
    ConvTranspose(ConvTransposeGeometry),
    Activation(Activation),
    Elementwise(Elementwise),
    /// The first argument to the power of the second.
    Power,
    PRelu,
    Softmax(Softmax),
    MaxPool(Window),
    AvgPool {
        window: Window,
        count_include_pad: bool,
    },
    AdaptiveAvgPool,
    Add,
    Sub,
    Mul,
    Div,
    AddScalar(f64),
    SubScalar(f64),
    MulScalar(f64),
    DivScalar(f64),
    Neg,
    Detach,
    Matmul,
    Reduce(Reduce),
    Cat {
        dim: usize,
    },
    Reshape,
    Permute(Permute),
    Flip(Flip),
    Slice(Vec<Slice>),
    SliceAssign(Vec<Slice>),
    Select(Select),
    Expand,
    Repeat(Repeat),
    /// The second float argument where the mask holds, the first elsewhere. No layer, but part of
    /// activations that Burn computes in steps.
    MaskWhere,
    /// Likewise, with a number.
    MaskFill(f64),
    LayerNorm {
        epsilon: f64,
    },
    Interpolate(InterpolateOptions),
    CumulativeSum {
        dim: usize,
    },
    /// The elements at the places that the second argument holds.
    Gather {
        dim: usize,
    },
    /// The largest or smallest element along a dimension.
    Extremum {
        dim: usize,
        extremum: Extremum,
    },
    /// Any other operation that has no layer, by its method in Burn's backend traits.
    Unsupported(&'static str),
}

/// A pooling window, one entry per spatial dimension. Whether sizes are rounded up is not kept:
/// the recorded output has the size that counts.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) kernel: Vec<usize>,
    pub(crate) stride: Vec<usize>,
    pub(crate) padding: Vec<(usize, usize)>,
    pub(crate) dilation: Vec<usize>,
}

impl Op {
    pub(crate) fn conv<const N: usize>(options: &ConvOptions<N>) -> Self {
        Self::Conv(ConvGeometry {
            stride: options.stride.to_vec(),
            padding: options.padding.iter().map(|&size| (size, size)).collect(),
            dilation: options.dilation.to_vec(),
            groups: options.groups,
        })
    }

    pub(crate) fn conv_transpose<const N: usize>(options: &ConvTransposeOptions<N>) -> Self {
        Self::ConvTranspose(ConvTransposeGeometry {
            stride: options.stride.to_vec(),
            padding: options.padding.to_vec(),
            padding_out: options.padding_out.to_vec(),
            dilation: options.dilation.to_vec(),
            groups: options.groups,
        })
    }

    pub(crate) fn max_pool<const N: usize>(
        kernel: [usize; N],
        stride: [usize; N],
        padding: [usize; N],
        dilation: [usize; N],
    ) -> Self {
        Self::MaxPool(Window::new(kernel, stride, padding, dilation))
    }

    pub(crate) fn avg_pool<const N: usize>(
        kernel: [usize; N],
        stride: [usize; N],
        padding: [usize; N],
        count_include_pad: bool,
    ) -> Self {
        Self::AvgPool { window: Window::new(kernel, stride, padding, [1; N]), count_include_pad }
    }

    /// Two dimensions of a tensor of this rank exchanged.
    pub(crate) fn swap(rank: usize, first: usize, second: usize) -> Self {
        let mut axes: Vec<usize> = (0..rank).collect();
        axes.swap(first, second);
        Self::Permute(Permute::new(axes))
    }

    /// Name of the operation, for messages and nodes that have no better one.
    pub(crate) fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Input => "input",
            Self::Linear => "linear",
            Self::Conv(_) => "conv",
            Self::ConvTranspose(_) => "conv_transpose",
            Self::Activation(activation) => return activation_name(activation),
            Self::Elementwise(function) => function.name(),
            Self::CumulativeSum { .. } => "cumsum",
            Self::Gather { .. } => "gather",
            Self::Extremum { extremum: Extremum::Max, .. } => "max",
            Self::Extremum { extremum: Extremum::Min, .. } => "min",
            Self::Power => "pow",
            Self::PRelu => "prelu",
            Self::Softmax(softmax) => match softmax.form() {
                SoftmaxForm::Softmax => "softmax",
                SoftmaxForm::Softmin => "softmin",
                SoftmaxForm::LogSoftmax => "log_softmax",
                SoftmaxForm::Masked => "masked_softmax",
                SoftmaxForm::Quiet => "quiet_softmax",
            },
            Self::MaxPool(_) => "max_pool",
            Self::AvgPool { .. } => "avg_pool",
            Self::AdaptiveAvgPool => "adaptive_avg_pool",
            Self::Add | Self::AddScalar(_) => "add",
            Self::Sub | Self::SubScalar(_) => "sub",
            Self::Mul | Self::MulScalar(_) => "mul",
            Self::Div | Self::DivScalar(_) => "div",
            Self::Neg => "neg",
            Self::Detach => "detach",
            Self::Matmul => "matmul",
            Self::Reduce(reduce) if reduce.is_mean() => "mean",
            Self::Reduce(_) => "sum",
            Self::Cat { .. } => "concat",
            Self::Reshape => "reshape",
            Self::Permute(_) => "permute",
            Self::Flip(_) => "flip",
            Self::Slice(_) => "slice",
            Self::SliceAssign(_) => "slice_assign",
            Self::Select(_) => "select",
            Self::Expand => "expand",
            Self::Repeat(_) => "repeat",
            Self::MaskWhere => "mask_where",
            Self::MaskFill(_) => "mask_fill",
            Self::LayerNorm { .. } => "layer_norm",
            Self::Interpolate(_) => "interpolate",
            Self::Unsupported(method) => method.strip_prefix("float_").unwrap_or(method),
        })
    }
}

/// An activation's name, in the style of node names.
pub(crate) fn activation_name(activation: &Activation) -> Cow<'static, str> {
    let name = activation.name();
    if name.contains('-') { Cow::Owned(name.replace('-', "_")) } else { Cow::Borrowed(name) }
}

impl Window {
    fn new<const N: usize>(
        kernel: [usize; N],
        stride: [usize; N],
        padding: [usize; N],
        dilation: [usize; N],
    ) -> Self {
        Self {
            kernel: kernel.to_vec(),
            stride: stride.to_vec(),
            padding: padding.iter().map(|&size| (size, size)).collect(),
            dilation: dilation.to_vec(),
        }
    }
}
