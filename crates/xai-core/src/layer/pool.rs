//! Max, min and average pooling.

use burn::nn::pool::{AdaptiveAvgPool1d, AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d};
use burn_backend::Backend;

use super::conv::{padding_1d, padding_2d};
use super::{BackwardContext, Interval, Layer, LayerKind, LayerOps, LinearMap, Saved, one_input, only};
use crate::Value;
use crate::error::LayerError;
use crate::kernel::{self, Extremum, PoolGeometry, PoolOutput};

/// A pool over the last dimensions: `[batch, channels, in...]` to `[batch, channels, out...]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    reduction: Reduction,
    geometry: PoolGeometry,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reduction {
    Extremum(Extremum),
    Average { count_include_pad: bool },
}

impl Pool {
    /// The largest element of each window.
    pub fn max(geometry: PoolGeometry) -> Self {
        Self { reduction: Reduction::Extremum(Extremum::Max), geometry }
    }

    /// The smallest element of each window.
    pub fn min(geometry: PoolGeometry) -> Self {
        Self { reduction: Reduction::Extremum(Extremum::Min), geometry }
    }

    /// The mean of each window; padding counts as zeros if `count_include_pad`, else not at all.
    pub fn average(geometry: PoolGeometry, count_include_pad: bool) -> Self {
        Self { reduction: Reduction::Average { count_include_pad }, geometry }
    }

    /// The windows.
    pub fn geometry(&self) -> &PoolGeometry {
        &self.geometry
    }

    /// Whether the pool takes the maximum or the minimum; `None` for averages.
    pub fn extremum(&self) -> Option<Extremum> {
        match self.reduction {
            Reduction::Extremum(extremum) => Some(extremum),
            Reduction::Average { .. } => None,
        }
    }
}

impl<B: Backend> LayerOps<B> for Pool {
    fn kind(&self) -> LayerKind {
        match self.reduction {
            Reduction::Extremum(Extremum::Max) => LayerKind::MaxPool,
            Reduction::Extremum(Extremum::Min) => LayerKind::MinPool,
            Reduction::Average { .. } => LayerKind::AvgPool,
        }
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        Ok(self.geometry.output_dims(one_input(inputs)?)?)
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        let x = &only(inputs)?;
        Ok(match self.reduction {
            Reduction::Extremum(extremum) => kernel::extremum_pool(x, extremum, &self.geometry),
            Reduction::Average { count_include_pad } => {
                kernel::average_pool(x, &self.geometry, count_include_pad)
            }
        })
    }

    fn vjp_saved(&self) -> Saved {
        match self.reduction {
            Reduction::Extremum(_) => Saved::INPUTS,
            Reduction::Average { .. } => Saved::NOTHING,
        }
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![match self.reduction {
            Reduction::Extremum(extremum) => {
                kernel::extremum_pool_adjoint(context.input(0)?, &gradient, extremum, &self.geometry)
            }
            Reduction::Average { count_include_pad } => {
                kernel::average_pool_adjoint(&gradient, context.dims()?, &self.geometry, count_include_pad)
            }
        }])
    }

    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        match self.reduction {
            Reduction::Extremum(_) => None,
            Reduction::Average { .. } => Some(self),
        }
    }

    fn pooling(&self) -> Option<(Extremum, &PoolGeometry)> {
        Some((self.extremum()?, &self.geometry))
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        match self.reduction {
            // A window without an element gives the least or the greatest number there is.
            Reduction::Extremum(_) if self.geometry.may_miss_the_input() => Interval::ANY,
            Reduction::Extremum(_) => Interval::hull(inputs.iter().copied()),
            // A window without an element, and padding that counts, give 0.
            Reduction::Average { .. } => {
                Interval::hull(inputs.iter().copied().chain([Interval::new(0.0, 0.0)]))
            }
        }
    }
}

/// Only average pools are asked for it, see [`LayerOps::linear_map`].
impl<B: Backend> LinearMap<B> for Pool {
    fn weight(&self) -> Option<&Value<B>> {
        None
    }

    fn bias(&self, _: usize) -> Option<Value<B>> {
        None
    }

    fn apply(&self, x: &Value<B>, _: Option<&Value<B>>) -> Value<B> {
        let count_include_pad = self.reduction == Reduction::Average { count_include_pad: true };
        kernel::average_pool(x, &self.geometry, count_include_pad)
    }

    fn adjoint(&self, r: Value<B>, _: Option<&Value<B>>, input_dims: &[usize]) -> Value<B> {
        let count_include_pad = self.reduction == Reduction::Average { count_include_pad: true };
        kernel::average_pool_adjoint(&r, input_dims, &self.geometry, count_include_pad)
    }
}

fn output(ceil_mode: bool) -> PoolOutput {
    if ceil_mode { PoolOutput::Ceil } else { PoolOutput::Floor }
}

impl<B: Backend> TryFrom<&MaxPool1d> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &MaxPool1d) -> Result<Self, LayerError> {
        Ok(Pool::max(PoolGeometry::Sliding {
            kernel: vec![module.kernel_size],
            stride: vec![module.stride],
            padding: padding_1d(&module.padding, module.kernel_size, module.stride)?,
            dilation: vec![module.dilation],
            output: output(module.ceil_mode),
        })
        .into())
    }
}

impl<B: Backend> TryFrom<&MaxPool2d> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &MaxPool2d) -> Result<Self, LayerError> {
        Ok(Pool::max(PoolGeometry::Sliding {
            kernel: module.kernel_size.to_vec(),
            stride: module.stride.to_vec(),
            padding: padding_2d(&module.padding, module.kernel_size, module.stride)?,
            dilation: module.dilation.to_vec(),
            output: output(module.ceil_mode),
        })
        .into())
    }
}

impl<B: Backend> TryFrom<&AvgPool1d> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &AvgPool1d) -> Result<Self, LayerError> {
        let padding = padding_1d(&module.padding, module.kernel_size, module.stride)?;
        let count_include_pad = counts_padding(&padding, module.count_include_pad);
        let geometry = PoolGeometry::Sliding {
            kernel: vec![module.kernel_size],
            stride: vec![module.stride],
            padding,
            dilation: vec![1],
            output: output(module.ceil_mode),
        };
        Ok(Pool::average(geometry, count_include_pad).into())
    }
}

impl<B: Backend> TryFrom<&AvgPool2d> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &AvgPool2d) -> Result<Self, LayerError> {
        let padding = padding_2d(&module.padding, module.kernel_size, module.stride)?;
        let count_include_pad = counts_padding(&padding, module.count_include_pad);
        let geometry = PoolGeometry::Sliding {
            kernel: module.kernel_size.to_vec(),
            stride: module.stride.to_vec(),
            padding,
            dilation: vec![1; 2],
            output: output(module.ceil_mode),
        };
        Ok(Pool::average(geometry, count_include_pad).into())
    }
}

/// Whether Burn's module counts padding: where its sides differ, it pads the input by zeros
/// itself, and those always count.
fn counts_padding(padding: &[(usize, usize)], asked: bool) -> bool {
    asked || padding.iter().any(|(begin, end)| begin != end)
}

impl<B: Backend> From<&AdaptiveAvgPool1d> for Layer<B> {
    fn from(module: &AdaptiveAvgPool1d) -> Self {
        Pool::average(PoolGeometry::Adaptive { output: vec![module.output_size] }, false).into()
    }
}

impl<B: Backend> From<&AdaptiveAvgPool2d> for Layer<B> {
    fn from(module: &AdaptiveAvgPool2d) -> Self {
        Pool::average(PoolGeometry::Adaptive { output: module.output_size.to_vec() }, false).into()
    }
}
