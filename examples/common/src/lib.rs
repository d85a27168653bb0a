//! What the examples share: the choice of a backend among those that are compiled in, reports, progress and colours.
//!
//! An example implements [`Job`], and runs it by [`BackendArgs::run`]:
//!
//! ```text
//! #[derive(Parser)]
//! struct Args {
//!     #[command(flatten)]
//!     backend: BackendArgs,
//! }
//!
//! impl Job for Args {
//!     fn run<B: Backend>(&self, device: &B::Device) -> Result<()> { ... }
//! }
//!
//! fn main() -> Result<(), Failure> {
//!     let args = Args::parse();
//!     args.backend.run(&args)
//! }
//! ```

mod output;
pub mod progress;
pub mod scale;

use std::error::Error;

use burn::tensor::backend::Backend;
use burn_xai::backend;
use clap::{Args, ValueEnum};

pub use output::{Failure, write_file, write_json};

#[cfg(not(any(feature = "cuda", feature = "wgpu", feature = "tch", feature = "ndarray", feature = "flex")))]
compile_error!(
    "the examples need a backend: leave the default features on, or build with one of \
     `--features flex`, `ndarray`, `wgpu`, `tch`, `cuda`"
);

/// The backends that are compiled in, in the order of `burn_xai::backend::Default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compiled {
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
pub struct BackendArgs {
    /// Backend to run on; cargo features say which are compiled in.
    #[arg(long, value_enum, default_value_t = Compiled::value_variants()[0])]
    pub backend: Compiled,
}

/// Work on a backend that is chosen when the program runs.
pub trait Job {
    /// Does the work.
    ///
    /// # Errors
    /// What the work fails with.
    fn run<B: Backend>(&self, device: &B::Device) -> Result<(), Box<dyn Error>>;
}

impl BackendArgs {
    /// Does a job on the chosen backend, on its first device.
    ///
    /// # Errors
    /// Where the backend finds no device, and what the job fails with.
    pub fn run(&self, job: &impl Job) -> Result<(), Failure> {
        match self.backend {
            #[cfg(feature = "cuda")]
            Compiled::Cuda => job.run::<backend::cuda::Cuda>(&backend::cuda::device()?)?,
            #[cfg(feature = "wgpu")]
            Compiled::Wgpu => job.run::<backend::wgpu::Wgpu>(&backend::wgpu::device()?)?,
            #[cfg(feature = "tch")]
            Compiled::Tch => job.run::<backend::tch::LibTorch>(&backend::tch::device())?,
            #[cfg(feature = "ndarray")]
            Compiled::Ndarray => job.run::<backend::ndarray::NdArray>(&backend::ndarray::device())?,
            #[cfg(feature = "flex")]
            Compiled::Flex => job.run::<backend::flex::Flex>(&backend::flex::device())?,
        }
        Ok(())
    }
}
