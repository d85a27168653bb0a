//! TakesMost beside a plain max pool, forward and backward, by Burn's own kernels.
//!
//! Times are medians in milliseconds, and ratios are relative to the plain pool of the same backend.
//! "tensor operations" is the form that serves backends whose tensors do not lie in host memory.
//!
//! Run with `cargo bench -p benches --bench pooling`, or `... -- 3/2` for the rows that contain a word.

mod timing;

use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor};
use burn_xai::Value;
use burn_xai::kernel::{Extremum, PoolGeometry, PoolOutput, extremum_pool, takes_most, windowed};

use timing::Table;

/// A pool: name, input, kernel, stride, padding.
type Pool = (&'static str, [usize; 4], [usize; 2], [usize; 2], [usize; 2]);

const POOLS: &[Pool] = &[
    ("2/2 8x64x112x112", [8, 64, 112, 112], [2; 2], [2; 2], [0; 2]),
    ("3/2 8x64x112x112", [8, 64, 112, 112], [3; 2], [2; 2], [0; 2]),
    ("3/2 pad 1 8x64x112x112", [8, 64, 112, 112], [3; 2], [2; 2], [1; 2]),
    ("9,999 clusters, batch 64", [64, 1, 1, 9_999], [1, 9_999], [1, 9_999], [0; 2]),
];

fn main() {
    Table::print_header();
    #[cfg(feature = "flex")]
    all::<burn_xai::backend::flex::Flex>();
    #[cfg(feature = "ndarray")]
    all::<burn_xai::backend::ndarray::NdArray>();
}

fn all<B: Backend>() {
    let device = B::Device::default();
    let table = Table::new(B::name(&device));
    POOLS.iter().for_each(|pool| compare::<B>(&table, &device, *pool));
}

fn compare<B: Backend>(table: &Table, device: &B::Device, (name, input, kernel, stride, padding): Pool) {
    let windows = PoolGeometry::Sliding {
        kernel: kernel.to_vec(),
        stride: stride.to_vec(),
        padding: padding.iter().map(|&p| (p, p)).collect(),
        dilation: vec![1; 2],
        output: PoolOutput::Floor,
    };
    let x: Value<B> = Tensor::<B, 4>::random(input, Distribution::Normal(0.0, 1.0), device).into();
    let r = extremum_pool(&x, Extremum::Max, &windows);
    table.row::<B>(
        name,
        &[
            ("max pool, forward + backward", &|| {
                let x = || x.clone().into_primitive();
                let found = B::max_pool2d_with_indices(x(), kernel, stride, padding, [1, 1], false);
                let r = r.clone().into_primitive();
                let grad = B::max_pool2d_with_indices_backward(
                    x(),
                    kernel,
                    stride,
                    padding,
                    [1, 1],
                    false,
                    r,
                    found.indices,
                );
                Value::from_primitive(grad.x_grad)
            }),
            ("TakesMost", &|| takes_most(&x, &r, 1.0, Extremum::Max, &windows)),
            ("TakesMost, tensor operations", &|| windowed::takes_most(&x, &r, 1.0, Extremum::Max, &windows)),
        ],
    );
}
