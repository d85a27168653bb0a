//! The LibTorch backend for burn-xai: PyTorch's kernels on the CPU, and on CUDA where LibTorch has it.
//!
//! ```no_run
//! let device = xai_tch::device();
//! # let _ = device;
//! ```
//!
//! # What it needs
//!
//! LibTorch 2.9.0, to build and to run, and a C++ compiler to build (Debian: `g++`):
//!
//! * Linux on x86_64, CPU: `eval "$(scripts/setup-libtorch.sh)"` in the repository installs it into the
//!   user's cache folder, from the wheels of the Python package index, and sets the two variables below.
//! * Any other: unpack a LibTorch 2.9.0 and set `LIBTORCH` to its folder and `LD_LIBRARY_PATH`
//!   (`DYLD_LIBRARY_PATH` on macOS, `PATH` on Windows) to the `lib` folder in it. Without `LIBTORCH` the
//!   build tries to download one from PyTorch's own site.
//!
//! A missing LibTorch is an error of the build or of the program loader, before any code of this crate
//! runs. The feature `doc-only` compiles without one, for documentation and lints; what it builds does not
//! link.
//!
//! # What was run
//!
//! The whole shared suite, the golden data and the kernels, in `f32` and `f64`, on the CPU. No case is
//! skipped. CUDA and Metal are the same code with another LibTorch, and have not been run.
//!
//! # Notes
//!
//! * **Choosing a device.** [`device`] is the first CUDA device where there is one and the CPU otherwise;
//!   `CUDA_VISIBLE_DEVICES` says which CUDA devices there are, an empty one that there are none. In code, choose another [`LibTorchDevice`] and [`check`] it: Burn panics on one that is not there.
//! * **Numbers.** `LibTorch<f64>` works too. On CUDA, cuDNN may run `f32` convolutions in TF32 (10 bits of
//!   mantissa); `NVIDIA_TF32_OVERRIDE=0` in the environment forbids that.
//! * **Threads.** LibTorch starts one thread per core; `OMP_NUM_THREADS` says otherwise. Tests that run
//!   side by side share them.
//! * **Speed.** The fastest of the CPU backends for convolutions and their adjoints. Assigning to a slice
//!   with a step above 1 is slow: it goes through an index tensor of all elements.
//! * **Licence.** The CPU part of the wheel loads two CUDA libraries (runtime and CUPTI) under NVIDIA's
//!   licence; they do nothing without a CUDA device.

mod device;

pub use burn_tch::LibTorchDevice;
pub use device::{DeviceError, check, device};

/// The LibTorch backend, with `f32` floats unless told otherwise.
pub type LibTorch<E = f32> = burn_tch::LibTorch<E>;
