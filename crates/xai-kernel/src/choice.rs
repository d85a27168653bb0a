//! Which kernel serves which backend and shape: the only place that decides.
//!
//! The choices rest on two measurements, both of which can be repeated: the conformance table of
//! `xai-testkit` (which of Burn's kernels are right), and `benches/kernels.rs` and
//! `benches/pooling.rs` (which are fast).
//!
//! | backend | convolution adjoint, stride 1 | stride > 1 | depthwise (forward too: a loop, or Burn) | 2-d and 1-d pools | TakesMost |
//! |---|---|---|---|---|---|
//! | flex | patches (forward too); product for one kernel element | patches (forward too) | loop | Burn | loop |
//! | ndarray | subpixel | subpixel | loop | Burn | loop |
//! | libtorch | Burn | Burn | as before | Burn | tensors |
//! | cubecl | Burn | Burn, subpixel with gaps | as before | ours | tensors |
//! | any other | subpixel | subpixel | as before | ours | tensors |
//!
//! Gaps are between the windows: where a stride is larger than the kernel times its dilation, Burn's
//! transposed convolution on cubecl gives zeros everywhere.
//!
//! Burn's pools serve only geometries on which they are right; [`burn_pool`] says which.

use burn_backend::Backend;

use crate::capability::{Capability, Family};
use crate::conv_geometry::ConvGeometry;
use crate::window::Windows;

/// A way to compute the adjoint of a convolution. All are exact; they differ in speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvAdjoint {
    /// Burn's gradient with respect to the input.
    Burn,
    /// One stride-1 convolution with flipped kernels that computes every phase of the stride as
    /// channels of its own, followed by a shuffle of the phases into place.
    Subpixel,
    /// A product with the transposed weight, for kernels of one element at stride 1;
    /// [`Subpixel`](Self::Subpixel) for others.
    Product,
    /// A product on the host that gives what is added to each patch of the input; [`Subpixel`](Self::Subpixel)
    /// where values cannot be read.
    Patches,
    /// A loop on the host, for depthwise convolutions; [`Subpixel`](Self::Subpixel) for others.
    Loop,
}

/// Whether a loop on the host serves a convolution with this weight shape best on this backend.
pub(crate) fn conv_loops<B: Backend>(weight: &[usize], geometry: &ConvGeometry) -> bool {
    is_depthwise(weight, geometry) && Capability::of::<B>().loops_on_host()
}

/// Whether products over patches on the host serve a convolution with this weight shape best on this backend.
pub(crate) fn conv_unfolds<B: Backend>(weight: &[usize], geometry: &ConvGeometry) -> bool {
    let capability = Capability::of::<B>();
    capability.family == Family::Flex && capability.loops_on_host() && !geometry.is_pointwise(weight)
}

fn is_depthwise(weight: &[usize], geometry: &ConvGeometry) -> bool {
    geometry.groups > 1 && weight[1] == 1
}

/// The adjoint that serves a convolution with this weight shape best on this backend.
pub(crate) fn conv_adjoint<B: Backend>(weight: &[usize], geometry: &ConvGeometry) -> ConvAdjoint {
    let strided = geometry.stride.iter().any(|&s| s > 1);
    let mut axes = geometry.stride.iter().zip(&geometry.dilation).zip(&weight[2..]);
    let gaps = axes.any(|((stride, dilation), kernel)| *stride > kernel * dilation);
    match Capability::of::<B>().family {
        Family::CubeCl if gaps => ConvAdjoint::Subpixel,
        Family::LibTorch | Family::CubeCl => ConvAdjoint::Burn,
        _ if conv_loops::<B>(weight, geometry) => ConvAdjoint::Loop,
        _ if conv_unfolds::<B>(weight, geometry) => ConvAdjoint::Patches,
        Family::Flex if strided => ConvAdjoint::Burn,
        Family::Flex if geometry.is_pointwise(weight) => ConvAdjoint::Product,
        Family::NdArray if strided && is_depthwise(weight, geometry) => ConvAdjoint::Burn,
        Family::Flex | Family::NdArray | Family::Unknown => ConvAdjoint::Subpixel,
    }
}

/// What is asked of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PoolTask {
    /// Max or min, forward or adjoint.
    Extremum,
    Average,
    AverageAdjoint {
        count_include_pad: bool,
    },
}

/// The `ceil_mode` with which Burn's kernel serves this pool on this backend, or `None` where ours
/// must: padding that differs between sides, more than two spatial dimensions, windows of unequal
/// size or without any element (which Burn's ndarray pools divide by zero or send to the wrong
/// element), and an output of neither size that Burn would compute.
pub(crate) fn burn_pool<B: Backend>(windows: &[Windows], task: PoolTask) -> Option<bool> {
    let family = Capability::of::<B>().family;
    if !matches!(family, Family::Flex | Family::NdArray | Family::LibTorch) || windows.len() > 2 {
        return None;
    }
    let served = |w: &Windows| match *w {
        Windows::Sliding { begin, end, dilation, kernel, .. } => {
            let dilated = dilation > 1 && kernel > 1;
            // LibTorch refuses padding beyond half of the window.
            let excessive = family == Family::LibTorch && begin > kernel / 2;
            begin == end && !excessive && (task == PoolTask::Extremum || !dilated)
        }
        Windows::Spans { .. } => false,
    };
    if !windows.iter().all(|w| served(w) && w.counts(false).iter().all(|&count| count > 0)) {
        return None;
    }
    if windows.iter().all(|w| w.output() == w.output_floor()) {
        return Some(false);
    }
    // With padding counted, Flex divides partial windows by the full kernel in the adjoint.
    if family == Family::Flex && matches!(task, PoolTask::AverageAdjoint { count_include_pad: true }) {
        return None;
    }
    // LibTorch drops a last window that would start in the padding; Burn's other backends keep it.
    // Here no window is empty, so none starts there, and both rules agree.
    windows.iter().all(|w| w.output() == w.output_ceil()).then_some(true)
}
