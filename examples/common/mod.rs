//! What the examples share: the choice of a backend among those that are compiled in.
//!
//! An example writes its work as a generic function whose last argument is the device, and calls it through
//! [`on_backend!`]:
//!
//! ```text
//! #[macro_use]
//! mod common;
//!
//! #[derive(Parser)]
//! struct Args {
//!     #[command(flatten)]
//!     backend: common::BackendArgs,
//! }
//!
//! fn main() -> Result<()> {
//!     let args = Args::parse();
//!     on_backend!(args.backend, run(&args))
//! }
//!
//! fn run<B: Backend>(args: &Args, device: &B::Device) -> Result<()> { ... }
//! ```

#[cfg(not(any(feature = "cuda", feature = "wgpu", feature = "tch", feature = "ndarray", feature = "flex")))]
compile_error!(
    "the examples need a backend: leave the default features on, or build with one of \
     `--features flex`, `ndarray`, `wgpu`, `tch`, `cuda`"
);

use clap::{Args, ValueEnum};

/// The backends that are compiled in, in the order of `burn_xai::backend::Default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Compiled {
    /// Burn's kernels on an NVIDIA GPU.
    #[cfg(feature = "cuda")]
    Cuda,
    /// Compute shaders on any GPU, or on the CPU by software Vulkan.
    #[cfg(feature = "wgpu")]
    Wgpu,
    /// LibTorch, on its first CUDA device or on the CPU.
    #[cfg(feature = "tch")]
    Tch,
    /// NdArray, on the CPU.
    #[cfg(feature = "ndarray")]
    Ndarray,
    /// Flex, on the CPU.
    #[cfg(feature = "flex")]
    Flex,
}

/// The option by which every example chooses its backend.
#[derive(Debug, Clone, Args)]
pub(crate) struct BackendArgs {
    /// Backend to run on; cargo features say which are compiled in.
    #[arg(long, value_enum, default_value_t = Compiled::value_variants()[0])]
    pub(crate) backend: Compiled,
}

/// Calls a function that is generic over the backend, with the device as an additional last argument.
macro_rules! on_backend {
    ($choice:expr, $run:ident($($argument:expr),* $(,)?)) => {{
        use burn_xai::backend as compiled;
        match $choice.backend {
            #[cfg(feature = "cuda")]
            common::Compiled::Cuda => $run::<compiled::cuda::Cuda>($($argument,)* &compiled::cuda::device()?),
            #[cfg(feature = "wgpu")]
            common::Compiled::Wgpu => $run::<compiled::wgpu::Wgpu>($($argument,)* &compiled::wgpu::device()?),
            #[cfg(feature = "tch")]
            common::Compiled::Tch => $run::<compiled::tch::LibTorch>($($argument,)* &compiled::tch::device()),
            #[cfg(feature = "ndarray")]
            common::Compiled::Ndarray => {
                $run::<compiled::ndarray::NdArray>($($argument,)* &compiled::ndarray::device())
            }
            #[cfg(feature = "flex")]
            common::Compiled::Flex => $run::<compiled::flex::Flex>($($argument,)* &compiled::flex::device()),
        }
    }};
}
