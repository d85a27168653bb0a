//! What a machine without a driver is told, and the shared suite where there is a GPU (feature `gpu`).

use xai_cuda::{CudaDevice, DeviceError, check, device};

#[cfg(feature = "gpu")]
mod gpu {
    use burn::tensor::DType;
    use xai_cuda::{Cuda, device};
    use xai_testkit::conformance::{assert_own, conformance_table};

    xai_testkit::backend_suite!(Cuda, device().unwrap());

    #[test]
    fn kernels_match_plain_loops() {
        assert_own(&conformance_table::<Cuda>(&device().unwrap(), DType::F32));
    }
}

/// On a machine with CUDA there is nothing to see but that nothing panics.
#[test]
fn a_machine_without_a_driver_is_an_error_that_says_what_to_do() {
    match device() {
        Ok(device) => println!("running on {device:?}"),
        Err(DeviceError::NoDriver) => {
            let message = DeviceError::NoDriver.to_string();
            println!("{message}");
            assert!(message.contains("install the driver"), "{message}");
        }
        Err(other) => println!("{other}"),
    }
}

#[test]
fn a_device_that_is_not_there_is_an_error() {
    let error = check(&CudaDevice::new(1_000)).unwrap_err();
    assert!(!matches!(error, DeviceError::NoDevice { count: 1_000.., .. }), "{error}");
}
