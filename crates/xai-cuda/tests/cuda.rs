//! What a machine without a driver is told, and the shared suite where there is a GPU (feature `gpu`).

use xai_cuda::{CudaDevice, DeviceError, check, device};

/// The errors of a machine without CUDA, or the device of one that has it: never a panic.
#[test]
fn a_machine_without_a_driver_is_an_error_that_says_what_to_do() {
    match device() {
        Ok(device) => println!("running on {device:?}"),
        Err(error) => {
            println!("{error}");
            assert!(
                !matches!(error, DeviceError::NoDevice { .. }) || error.to_string().contains("CUDA_VISIBLE")
            );
            if error == DeviceError::NoDriver {
                assert!(error.to_string().contains("install the driver"), "{error}");
            }
        }
    }
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    check(&CudaDevice::new(1_000)).unwrap_err();
}
