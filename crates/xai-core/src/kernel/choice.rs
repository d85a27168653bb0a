//! Which kernel serves which backend and shape: the only place that decides.

use burn_backend::Backend;
use burn_backend::tensor::Device;

use super::ConvGeometry;

/// A way to compute the adjoint of a convolution. All are exact; they differ in speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvAdjoint {
    /// Burn's gradient with respect to the input.
    Burn,
    /// One stride-1 convolution with flipped kernels that computes every phase of the stride as
    /// channels of its own, followed by a shuffle of the phases into place.
    Subpixel,
    /// A matrix product. Serves kernels of one element, stride 1, no padding and one group.
    Matmul,
}

/// What `B::name` says about a backend, wrappers (`fusion<...>`) included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Flex,
    NdArray,
    LibTorch,
    CubeCl,
    Unknown,
}

fn family(name: &str) -> Family {
    let names = [
        ("flex", Family::Flex),
        ("ndarray", Family::NdArray),
        ("libtorch", Family::LibTorch),
        ("cubecl", Family::CubeCl),
    ];
    names.iter().find(|(text, _)| name.contains(text)).map_or(Family::Unknown, |&(_, family)| family)
}

/// Whether the adjoint of this convolution is a plain matrix product.
pub(super) fn is_pointwise(weight: &[usize], geometry: &ConvGeometry) -> bool {
    weight[2..].iter().all(|&k| k == 1)
        && geometry.stride.iter().all(|&s| s == 1)
        && geometry.padding.iter().all(|&p| p == (0, 0))
        && geometry.groups == 1
}

/// The adjoint that serves a convolution with this weight shape best on this device.
pub(super) fn conv_adjoint<B: Backend>(
    device: &Device<B>,
    weight: &[usize],
    geometry: &ConvGeometry,
) -> ConvAdjoint {
    let pointwise = is_pointwise(weight, geometry);
    match family(&B::name(device)) {
        Family::LibTorch | Family::CubeCl => ConvAdjoint::Burn,
        Family::Flex | Family::NdArray | Family::Unknown if pointwise => ConvAdjoint::Matmul,
        Family::Flex | Family::NdArray | Family::Unknown => ConvAdjoint::Subpixel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_found_inside_wrappers() {
        assert_eq!(family("fusion<cubecl<wgpu<wgsl>>>"), Family::CubeCl);
        assert_eq!(family("libtorch<cpu>"), Family::LibTorch);
        assert_eq!(family("something new"), Family::Unknown);
    }
}
