//! The wgpu backend for burn-xai: compute shaders on any GPU, or on a CPU through software Vulkan.
//!
//! ```no_run
//! # fn main() -> Result<(), xai_wgpu::DeviceError> {
//! let device = xai_wgpu::device()?;
//! # let _ = device;
//! # Ok(())
//! # }
//! ```
//!
//! # What it needs
//!
//! * Linux: a Vulkan driver and the Vulkan loader. On Debian and Ubuntu `libvulkan1` with the driver of
//!   the graphics card, or with `mesa-vulkan-drivers`, whose *lavapipe* runs the shaders on the CPU.
//!   Burn asks for Vulkan and never falls back to OpenGL.
//! * macOS: nothing (Metal). Windows: a Vulkan driver.
//! * Browsers (WebGPU): not yet. Explaining reads from the device on its way, to refuse an input that is not
//!   finite for one, and a browser cannot wait for that.
//!
//! # What was run
//!
//! The whole shared suite with fusion ([`Wgpu`]) and without ([`Unfused`]), and the kernels, on Linux with
//! Mesa's lavapipe. No case is skipped; there is no `f64`. Not run: any GPU, Metal, Windows.
//!
//! Burn panics when it finds no adapter. [`device`] and [`check`] look first, with wgpu's own calls and in
//! the order in which Burn chooses, and return a [`DeviceError`] instead.
//!
//! # Notes
//!
//! * **Choosing a device.** `CUBECL_WGPU_DEFAULT_DEVICE=Cpu`, `DiscreteGpu(0)`, `IntegratedGpu(1)`, ...
//!   overrides the default device, for Burn and for [`device`] alike. In code, pass another
//!   [`WgpuDevice`] to [`check`].
//! * **First calls are slow.** Each new kernel compiles a shader, and for each new shape Burn times several
//!   kernels before it settles on one. `CUBECL_AUTOTUNE_LEVEL=minimal` keeps that short. The timings are kept
//!   in `target/autotune` beside the nearest `Cargo.toml` above the working directory, or in the user's cache
//!   folder. Explain a batch, not one sample at a time, and keep shapes the same.
//! * **Compile times.** All kernels are monomorphised into each final binary, test or example, which takes
//!   minutes with optimisation. What is compiled there only builds and launches shaders, so a package that
//!   holds such binaries loses next to nothing, and compiles several times faster, with
//!   `[profile.release.package.NAME] opt-level = 0`.
//! * **Numbers.** Matrix products and reductions add in another order than on the CPU, and operations are
//!   fused. Expect relevance to agree with other backends to about 1e-3 of its largest value, not bit for bit.
//! * **A bug of Burn 0.21.** Its transposed convolution gives zeros where a stride is larger than the kernel
//!   times its dilation, and with it the gradient of such a convolution: of a 1x1 convolution with stride 2,
//!   for example. Relevance is computed another way there (`xai_core::kernel`); a model that has such a
//!   transposed convolution, or is trained with such a convolution, is wrong by itself. The same holds on CUDA.
//! * **Laziness.** Operations are queued and run when a value is read: measure time around a read or
//!   a `sync`, and expect an out-of-memory error at the read, not at the operation that caused it.

mod device;

pub use burn_wgpu::WgpuDevice;
pub use device::{Adapter, DeviceError, check, device};

/// The wgpu backend, with `f32` floats and `i32` integers unless told otherwise.
pub type Wgpu<F = f32, I = i32> = burn_wgpu::Wgpu<F, I>;

/// The same kernels without fusion: each operation runs by itself. For comparison, and for a bug in fusion.
pub type Unfused<F = f32, I = i32> = burn_wgpu::CubeBackend<burn_wgpu::WgpuRuntime, F, I, u32>;
