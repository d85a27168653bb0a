//! What a backend is, found from its type.

use std::any::type_name;

use burn_backend::{Backend, DType};

/// The backends whose kernels were measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Flex,
    NdArray,
    LibTorch,
    CubeCl,
    Unknown,
}

/// What the choice between Burn's kernels and ours rests on. Every choice is exact: a backend that is
/// not recognised is slower at worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Capability {
    pub(crate) family: Family,
    /// Whether a backend around it records gradients.
    differentiates: bool,
}

impl Capability {
    /// The capability of `B`.
    ///
    /// It is read off the crates that the type and the types around it come from, and not off
    /// [`Backend::name`], which holds addresses of remote hosts: a host may be called `flex-1`.
    pub(crate) fn of<B: Backend>() -> Self {
        Self::of_type(type_name::<B>())
    }

    /// `path` is the full path of a type, such as `burn_fusion::backend::Fusion<burn_cubecl::...>`.
    fn of_type(path: &str) -> Self {
        let (outer, inner) = path.split_once('<').unwrap_or((path, ""));
        let family = match outer.split("::").next() {
            Some("burn_flex") => Family::Flex,
            Some("burn_ndarray") => Family::NdArray,
            Some("burn_tch") => Family::LibTorch,
            Some("burn_cubecl") => Family::CubeCl,
            Some("burn_fusion") => return Self::of_type(inner),
            Some("burn_autodiff") => return Self { differentiates: true, ..Self::of_type(inner) },
            _ => Family::Unknown,
        };
        Self { family, differentiates: false }
    }

    /// Whether a plain loop may serve, rather than tensor operations: where tensors lie in host memory
    /// and nothing differentiates through them.
    pub(crate) fn loops_on_host(self) -> bool {
        matches!(self.family, Family::Flex | Family::NdArray) && !self.differentiates
    }

    /// Whether a sum over dimensions reads an expanded value right: Flex reads past the end of its storage.
    pub(crate) fn sums_repeated_elements(self) -> bool {
        self.family != Family::Flex
    }

    /// Whether `abs` is known to take the elements of permuted and flipped tensors in their order: NdArray mixes
    /// them up.
    pub(crate) fn has_exact_abs(self) -> bool {
        matches!(self.family, Family::Flex | Family::LibTorch)
    }

    /// Whether the backend's own `sign` is faster than a comparison and a fill.
    pub(crate) fn has_fast_sign(self) -> bool {
        matches!(self.family, Family::Flex | Family::LibTorch)
    }

    /// Whether arithmetic with a value that repeats is fast only where whole rows or columns repeat, as
    /// `benches/kernels.rs` shows for Flex.
    pub(crate) fn broadcasts_in_rows(self, dtype: DType) -> bool {
        dtype == DType::F32 && self.family == Family::Flex
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn backends_are_found_by_their_type() {
        let flex = Capability::of::<Flex>();
        assert_eq!(flex.family, Family::Flex);
        assert!(flex.loops_on_host() && flex.broadcasts_in_rows(DType::F32));
    }

    #[test]
    fn wrappers_are_looked_through() {
        let of = |path: &str| Capability::of_type(path);
        let fused =
            "burn_fusion::backend::Fusion<burn_cubecl::backend::CubeBackend<x::Runtime, f32, i32, u32>>";
        assert_eq!(of(fused).family, Family::CubeCl);
        assert_eq!(of("burn_tch::backend::LibTorch").family, Family::LibTorch);
        let recorded = of("burn_autodiff::backend::Autodiff<burn_flex::backend::Flex>");
        assert_eq!(recorded.family, Family::Flex);
        assert!(!recorded.loops_on_host());
    }

    #[test]
    fn a_name_does_not_make_a_backend() {
        for path in ["remote::Host<flex_1::Flex>", "my_burn_flex::Flex", "traced::Traced<burn_flex::Flex>"] {
            assert_eq!(Capability::of_type(path).family, Family::Unknown, "{path}");
        }
    }
}
