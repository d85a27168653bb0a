//! What a recorded node did.

use burn_backend::ops::ConvOptions;
use xai_core::kernel::ConvGeometry;

/// Recorded operations: those that can be lifted, with the settings that cannot be read off the
/// shapes, and all the others by name.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Input,
    Linear,
    Conv(ConvGeometry),
    Relu,
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
    Reshape,
    /// An operation that has no layer, by its method in Burn's backend traits.
    Barrier(&'static str),
}

/// A pooling window, one entry per spatial dimension. Whether sizes are rounded up is not kept:
/// the recorded output has the size that counts.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) kernel: Vec<usize>,
    pub(crate) stride: Vec<usize>,
    pub(crate) padding: Vec<usize>,
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

    /// Name of the operation, for messages and nodes that have no better one.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Linear => "linear",
            Self::Conv(_) => "conv",
            Self::Relu => "relu",
            Self::MaxPool(_) => "max_pool",
            Self::AvgPool { .. } => "avg_pool",
            Self::AdaptiveAvgPool => "adaptive_avg_pool",
            Self::Add => "add",
            Self::Sub => "sub",
            Self::Mul => "mul",
            Self::Div => "div",
            Self::Reshape => "reshape",
            Self::Barrier(method) => method.strip_prefix("float_").unwrap_or(method),
        }
    }
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
            padding: padding.to_vec(),
            dilation: dilation.to_vec(),
        }
    }
}
