//! The shared cases, on NdArray in both of its float types.

mod f32 {
    xai_testkit::backend_suite!(burn_ndarray::NdArray, Default::default());
}

mod f64 {
    xai_testkit::backend_suite!(burn_ndarray::NdArray<f64>, Default::default());
}
