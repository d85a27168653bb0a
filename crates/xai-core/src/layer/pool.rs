//! Max, min and average pooling.

use burn::nn::pool::{AdaptiveAvgPool2d, AvgPool2d, MaxPool2d};
use burn_backend::Backend;

use super::conv::padding_2d;
use super::{Layer, LayerKind, LayerOps, LinearMap, Reads, Site, one_input};
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

    fn forward(&self, inputs: &[&Value<B>]) -> Result<Value<B>, LayerError> {
        let x = one_input(inputs)?;
        Ok(match self.reduction {
            Reduction::Extremum(extremum) => kernel::extremum_pool(x, extremum, &self.geometry),
            Reduction::Average { count_include_pad } => {
                kernel::average_pool(x, &self.geometry, count_include_pad)
            }
        })
    }

    fn vjp_reads(&self) -> Reads {
        match self.reduction {
            Reduction::Extremum(_) => Reads::INPUTS,
            Reduction::Average { .. } => Reads::NOTHING,
        }
    }

    fn vjp(&self, site: &Site<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        Ok(vec![match self.reduction {
            Reduction::Extremum(extremum) => {
                kernel::extremum_pool_adjoint(site.input(0)?, &gradient, extremum, &self.geometry)
            }
            Reduction::Average { count_include_pad } => {
                kernel::average_pool_adjoint(&gradient, site.dims()?, &self.geometry, count_include_pad)
            }
        }])
    }

    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        match self.reduction {
            Reduction::Extremum(_) => None,
            Reduction::Average { .. } => Some(self),
        }
    }

    fn pooling(&self) -> Option<&Pool> {
        Some(self)
    }

    fn keeps_non_negative(&self, inputs_non_negative: bool) -> bool {
        inputs_non_negative
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

impl<B: Backend> TryFrom<&AvgPool2d> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &AvgPool2d) -> Result<Self, LayerError> {
        let geometry = PoolGeometry::Sliding {
            kernel: module.kernel_size.to_vec(),
            stride: module.stride.to_vec(),
            padding: padding_2d(&module.padding, module.kernel_size, module.stride)?,
            dilation: vec![1; 2],
            output: output(module.ceil_mode),
        };
        Ok(Pool::average(geometry, module.count_include_pad).into())
    }
}

impl<B: Backend> From<&AdaptiveAvgPool2d> for Layer<B> {
    fn from(module: &AdaptiveAvgPool2d) -> Self {
        Pool::average(PoolGeometry::Adaptive { output: module.output_size.to_vec() }, false).into()
    }
}
