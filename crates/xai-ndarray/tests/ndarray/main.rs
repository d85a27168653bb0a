//! The shared cases, the kernels and the golden cases, on NdArray. One program, so that what the backend
//! needs is compiled once.

mod conformance;
mod golden;

mod f32 {
    xai_testkit::backend_suite!(burn_ndarray::NdArray, Default::default(), skip: {
        engine::half_precision_is_refused => "NdArray has no f16 tensors: Burn panics when it makes one"
    });
}

mod f64 {
    xai_testkit::backend_suite!(burn_ndarray::NdArray<f64>, Default::default(), skip: {
        engine::half_precision_is_refused => "NdArray has no f16 tensors: Burn panics when it makes one"
    });
}
