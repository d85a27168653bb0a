//! Finding an adapter without the panic that Burn answers a missing one with.

use std::fmt;

use burn_backend::try_read_sync;
use burn_wgpu::WgpuDevice;
use burn_wgpu::graphics::{AutoGraphicsApi, GraphicsApi};
use wgpu::{Backend, Backends, DeviceType, Instance, InstanceDescriptor, RequestAdapterOptions};

/// What overrides the default device in Burn's wgpu runtime, and so here.
const DEFAULT_DEVICE: &str = "CUBECL_WGPU_DEFAULT_DEVICE";

/// The hardware, or the software renderer, that a device stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Adapter {
    /// Its name, for example `llvmpipe (LLVM 15.0.6, 256 bits)`.
    pub name: String,
    /// The driver's name and version, empty where the driver tells neither.
    pub driver: String,
    /// Whether it runs shaders on the CPU (lavapipe, SwiftShader, WARP): right, but slow.
    pub is_software: bool,
}

impl Adapter {
    fn new(adapter: &wgpu::Adapter) -> Self {
        let info = adapter.get_info();
        Self {
            name: info.name,
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            is_software: info.device_type == DeviceType::Cpu,
        }
    }
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.driver.is_empty() {
            write!(f, " [{}]", self.driver)?;
        }
        Ok(())
    }
}

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No adapter of the wanted kind.
    #[error("no {api} adapter for {device:?} (found: {}); {}", list(found), advice(found))]
    NoAdapter {
        /// The device that was asked for, after the override by environment variable.
        device: WgpuDevice,
        /// The graphics API that was searched.
        api: &'static str,
        /// All adapters that this API has, of whatever kind.
        found: Vec<Adapter>,
    },
    /// The adapter is there, but its driver opens no device on it.
    #[error(
        "{adapter} is there, but opens no device: {reason}; check its driver and the access rights to it"
    )]
    Refused {
        /// The adapter.
        adapter: Adapter,
        /// What the driver says.
        reason: String,
    },
    /// This platform can wait for a GPU only asynchronously (a browser).
    #[error("this platform cannot wait for a GPU; set it up with `burn_wgpu::init_setup_async` first")]
    CannotWait,
}

fn list(found: &[Adapter]) -> String {
    if found.is_empty() {
        return "none".to_owned();
    }
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn advice(found: &[Adapter]) -> &'static str {
    if !found.is_empty() {
        "choose another device, or set CUBECL_WGPU_DEFAULT_DEVICE"
    } else if cfg!(target_os = "linux") {
        "install the Vulkan loader and a driver: `apt-get install libvulkan1` and the driver of the graphics \
         card, or `mesa-vulkan-drivers` for software Vulkan on the CPU"
    } else {
        "install a graphics driver that supports this API"
    }
}

/// The default device: the fastest kind of adapter that there is, or what `CUBECL_WGPU_DEFAULT_DEVICE` says.
///
/// # Errors
///
/// A [`DeviceError`] where Burn would panic on first use: no adapter, or one that cannot be opened.
pub fn device() -> Result<WgpuDevice, DeviceError> {
    let device = WgpuDevice::default();
    check(&device)?;
    Ok(device)
}

/// Opens and closes the adapter that Burn would use for `device`, and tells which one it is.
///
/// An [existing](WgpuDevice::Existing) device was set up by the caller and is beyond this function: it asks
/// for the default one in that case.
///
/// # Errors
///
/// As [`device`].
pub fn check(device: &WgpuDevice) -> Result<Adapter, DeviceError> {
    try_read_sync(probe(device, AutoGraphicsApi::backend())).unwrap_or(Err(DeviceError::CannotWait))
}

async fn probe(device: &WgpuDevice, api: Backend) -> Result<Adapter, DeviceError> {
    let device = overridden(device, std::env::var(DEFAULT_DEVICE).ok().as_deref());
    let instance = Instance::new(InstanceDescriptor {
        backends: Backends::from(api),
        ..InstanceDescriptor::new_without_display_handle()
    });
    let all = instance.enumerate_adapters(Backends::from(api)).await;
    let found = all.iter().map(Adapter::new).collect();
    let chosen = match wanted(&device) {
        Some((kind, index)) => pick(all, kind, index, |adapter| adapter.get_info().device_type),
        None => {
            let options = RequestAdapterOptions {
                power_preference: wgpu::PowerPreference::HighPerformance,
                ..RequestAdapterOptions::default()
            };
            instance.request_adapter(&options).await.ok()
        }
    };
    let adapter = chosen.ok_or(DeviceError::NoAdapter { device, api: api.to_str(), found })?;

    // Burn asks for all that the adapter has, so a limit that the driver fails to keep shows here.
    let wishes =
        wgpu::DeviceDescriptor { required_limits: adapter.limits(), ..wgpu::DeviceDescriptor::default() };
    match adapter.request_device(&wishes).await {
        Ok(_) => Ok(Adapter::new(&adapter)),
        Err(error) => {
            Err(DeviceError::Refused { adapter: Adapter::new(&adapter), reason: error.to_string() })
        }
    }
}

/// The device that Burn takes for `device` when the environment variable has this value.
fn overridden(device: &WgpuDevice, value: Option<&str>) -> WgpuDevice {
    if wanted(device).is_some() || matches!(device, WgpuDevice::Existing(_)) {
        return device.clone();
    }
    let indexed = |kind: &str| value?.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')')?.parse().ok();
    if let Some(index) = indexed("DiscreteGpu") {
        WgpuDevice::DiscreteGpu(index)
    } else if let Some(index) = indexed("IntegratedGpu") {
        WgpuDevice::IntegratedGpu(index)
    } else if let Some(index) = indexed("VirtualGpu") {
        WgpuDevice::VirtualGpu(index)
    } else if value == Some("Cpu") {
        WgpuDevice::Cpu
    } else {
        device.clone()
    }
}

/// The kind of adapter, and which of that kind, that `device` names; `None` leaves the choice to wgpu.
fn wanted(device: &WgpuDevice) -> Option<(DeviceType, usize)> {
    match *device {
        WgpuDevice::DiscreteGpu(index) => Some((DeviceType::DiscreteGpu, index)),
        WgpuDevice::IntegratedGpu(index) => Some((DeviceType::IntegratedGpu, index)),
        WgpuDevice::VirtualGpu(index) => Some((DeviceType::VirtualGpu, index)),
        WgpuDevice::Cpu => Some((DeviceType::Cpu, 0)),
        _ => None,
    }
}

/// The `index`-th of that kind, or of the adapters of unknown kind, which Burn falls back to.
fn pick<A>(all: Vec<A>, kind: DeviceType, index: usize, kind_of: impl Fn(&A) -> DeviceType) -> Option<A> {
    let (same, rest): (Vec<A>, Vec<A>) = all.into_iter().partition(|adapter| kind_of(adapter) == kind);
    let mut other = rest.into_iter().filter(|adapter| kind_of(adapter) == DeviceType::Other);
    same.into_iter().nth(index).or_else(|| other.nth(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_overrides_only_the_default_device() {
        let default = WgpuDevice::default();
        for (value, device) in [
            ("Cpu", WgpuDevice::Cpu),
            ("DiscreteGpu(0)", WgpuDevice::DiscreteGpu(0)),
            ("IntegratedGpu(1)", WgpuDevice::IntegratedGpu(1)),
            ("VirtualGpu(2)", WgpuDevice::VirtualGpu(2)),
            ("DiscreteGpu", default.clone()),
            ("DiscreteGpu(x)", default.clone()),
            ("cpu", default.clone()),
        ] {
            assert_eq!(overridden(&default, Some(value)), device, "{value}");
            assert_eq!(overridden(&WgpuDevice::VirtualGpu(7), Some(value)), WgpuDevice::VirtualGpu(7));
        }
        assert_eq!(overridden(&default, None), default);
    }

    #[test]
    fn picks_by_kind_and_falls_back_to_unknown_kinds() {
        use DeviceType::{Cpu, DiscreteGpu, IntegratedGpu, Other};
        let all = || vec![(0, Cpu), (1, DiscreteGpu), (2, Other), (3, DiscreteGpu)];
        let pick = |kind, index| pick(all(), kind, index, |&(_, kind)| kind).map(|(id, _)| id);
        assert_eq!(pick(DiscreteGpu, 1), Some(3));
        assert_eq!(pick(Cpu, 0), Some(0));
        assert_eq!(pick(IntegratedGpu, 0), Some(2));
        assert_eq!(pick(IntegratedGpu, 1), None);
    }

    #[test]
    fn a_device_that_is_not_there_is_an_error() {
        let device = WgpuDevice::DiscreteGpu(99);
        let error = check(&device).unwrap_err();
        assert!(
            matches!(&error, DeviceError::NoAdapter { device: asked, .. } if *asked == device),
            "{error}"
        );
    }

    /// Runs itself again in a process whose Vulkan loader is told of no driver.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_machine_without_drivers_is_an_error_that_says_what_to_install() {
        const CHILD: &str = "XAI_WGPU_TEST_WITHOUT_DRIVERS";
        if std::env::var_os(CHILD).is_some() {
            let message = device().unwrap_err().to_string();
            assert!(message.contains("found: none"), "{message}");
            assert!(message.contains("mesa-vulkan-drivers"), "{message}");
            return;
        }
        let name = "device::tests::a_machine_without_drivers_is_an_error_that_says_what_to_install";
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(CHILD, "1")
            .env("VK_DRIVER_FILES", "/nonexistent")
            .env("VK_ICD_FILENAMES", "/nonexistent")
            .output()
            .unwrap();
        let stdout = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success() && stdout.contains("1 passed"), "{stdout}");
    }
}
