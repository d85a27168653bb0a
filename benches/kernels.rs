//! Candidate kernels side by side: what `xai_core::kernel`'s choice between them rests on.
//!
//! Times are medians in milliseconds, and ratios are relative to the first candidate of each case.
//! A candidate whose first run takes seconds is not run again.
//!
//! Run with `cargo bench -p benches --bench kernels`, or `... -- depthwise` for the rows that contain a word.

mod timing;

use burn::tensor::backend::Backend;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Distribution, Tensor};
use burn_xai::Value;
use burn_xai::kernel::{
    ConvAdjoint, ConvGeometry, Extremum, PoolGeometry, PoolOutput, conv, conv_adjoint_by, windowed,
};

use timing::Table;

/// A convolution: name, input, weight, stride, padding, groups.
type Convolution = (&'static str, [usize; 4], [usize; 4], usize, usize, usize);

const CONVOLUTIONS: &[Convolution] = &[
    ("3x3 4x64x112x112 to 64", [4, 64, 112, 112], [64, 64, 3, 3], 1, 1, 1),
    ("3x3 4x256x28x28 to 256", [4, 256, 28, 28], [256, 256, 3, 3], 1, 1, 1),
    ("1x1 8x256x56x56 to 64", [8, 256, 56, 56], [64, 256, 1, 1], 1, 0, 1),
    ("3x3 depthwise 4x96x56x56", [4, 96, 56, 56], [96, 1, 3, 3], 1, 1, 96),
    ("3x3 depthwise s2 4x96x56x56", [4, 96, 56, 56], [96, 1, 3, 3], 2, 1, 96),
    ("5x5 depthwise s2 1x144x56x56", [1, 144, 56, 56], [144, 1, 5, 5], 2, 2, 144),
    ("1x1 1x1152x7x7 to 320", [1, 1152, 7, 7], [320, 1152, 1, 1], 1, 0, 1),
    ("3x3 s2 4x128x56x56 to 128", [4, 128, 56, 56], [128, 128, 3, 3], 2, 1, 1),
    ("1x1 s2 4x256x56x56 to 512", [4, 256, 56, 56], [512, 256, 1, 1], 2, 0, 1),
    ("7x7 s2 stem 4x3x224x224 to 64", [4, 3, 224, 224], [64, 3, 7, 7], 2, 3, 1),
    ("16x16 s16 patches 4x3x224x224 to 192", [4, 3, 224, 224], [192, 3, 16, 16], 16, 0, 1),
];

/// A pool: name, input, kernel, stride, padding.
const POOLS: &[(&str, [usize; 4], usize, usize, usize)] = &[
    ("2/2 8x64x112x112", [8, 64, 112, 112], 2, 2, 0),
    ("3/2 pad 1 8x64x112x112", [8, 64, 112, 112], 3, 2, 1),
    ("3/1 pad 1 8x64x56x56", [8, 64, 56, 56], 3, 1, 1),
    ("7/7 8x512x7x7", [8, 512, 7, 7], 7, 7, 0),
    ("56/56 8x64x56x56", [8, 64, 56, 56], 56, 56, 0),
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
    CONVOLUTIONS.iter().for_each(|case| convolution::<B>(&table, &device, *case));
    per_channel::<B>(&table, &device);
    POOLS.iter().for_each(|&(name, input, kernel, stride, padding)| {
        let sizes = ([kernel; 2], [stride; 2], [padding; 2]);
        max_pool::<B>(&table, &device, &format!("max {name}"), input, sizes);
        average::<B>(&table, &device, &format!("average {name}"), input, sizes);
    });
}

fn random<B: Backend>(dims: [usize; 4], device: &B::Device) -> Value<B> {
    Tensor::<B, 4>::random(dims, Distribution::Uniform(-1.0, 1.0), device).into()
}

fn convolution<B: Backend>(table: &Table, device: &B::Device, case: Convolution) {
    let (name, input, weight_dims, stride, padding, groups) = case;
    let geometry = ConvGeometry {
        stride: vec![stride; 2],
        padding: vec![(padding, padding); 2],
        groups,
        ..ConvGeometry::new(2)
    };
    let (x, weight) = (random::<B>(input, device), random::<B>(weight_dims, device));
    let r = conv(&x, &weight, None, &geometry);
    let by = |way| conv_adjoint_by(way, &r, &weight, &input, &geometry);
    let options = || ConvOptions::new([stride; 2], [padding; 2], [1; 2], groups);
    let primitive = |value: &Value<B>| value.clone().into_primitive();
    table.row::<B>(
        name,
        &[
            ("forward: Burn", &|| {
                Value::from_primitive(B::conv2d(primitive(&x), primitive(&weight), None, options()))
            }),
            ("forward: chosen", &|| conv(&x, &weight, None, &geometry)),
            ("adjoint: subpixel", &|| by(ConvAdjoint::Subpixel)),
            ("adjoint: Burn", &|| by(ConvAdjoint::Burn)),
            ("adjoint: patches", &|| by(ConvAdjoint::Patches)),
            ("adjoint: product or loop", &|| {
                by(if groups > 1 { ConvAdjoint::Loop } else { ConvAdjoint::Product })
            }),
        ],
    );
}

/// One number for each channel of a batch of images.
fn per_channel<B: Backend>(table: &Table, device: &B::Device) {
    let (x, bias) = (random::<B>([8, 32, 64, 64], device), random::<B>([1, 32, 1, 1], device));
    let primitive = |value: &Value<B>| value.clone().into_primitive();
    table.row::<B>(
        "8x32x64x64 + 1x32x1x1",
        &[
            ("Burn", &|| Value::from_primitive(B::float_add(primitive(&x), primitive(&bias)))),
            ("ours", &|| &x + &bias),
        ],
    );
}

type Sizes = ([usize; 2], [usize; 2], [usize; 2]);

fn geometry((kernel, stride, padding): Sizes) -> PoolGeometry {
    PoolGeometry::Sliding {
        kernel: kernel.to_vec(),
        stride: stride.to_vec(),
        padding: padding.iter().map(|&p| (p, p)).collect(),
        dilation: vec![1; 2],
        output: PoolOutput::Floor,
    }
}

fn max_pool<B: Backend>(table: &Table, device: &B::Device, name: &str, input: [usize; 4], sizes: Sizes) {
    let (kernel, stride, padding) = sizes;
    let geometry = geometry(sizes);
    let x = random::<B>(input, device);
    let r = windowed::extremum_pool(&x, Extremum::Max, &geometry);
    let primitive = || x.clone().into_primitive();
    table.row::<B>(
        name,
        &[
            ("forward: Burn", &|| {
                Value::from_primitive(B::max_pool2d(primitive(), kernel, stride, padding, [1, 1], false))
            }),
            ("forward: ours", &|| windowed::extremum_pool(&x, Extremum::Max, &geometry)),
            ("adjoint: Burn", &|| {
                let indices =
                    B::max_pool2d_with_indices(primitive(), kernel, stride, padding, [1, 1], false).indices;
                let r = r.clone().into_primitive();
                let grad = B::max_pool2d_with_indices_backward(
                    primitive(),
                    kernel,
                    stride,
                    padding,
                    [1, 1],
                    false,
                    r,
                    indices,
                );
                Value::from_primitive(grad.x_grad)
            }),
            ("adjoint: ours", &|| windowed::extremum_pool_adjoint(&x, &r, Extremum::Max, &geometry)),
        ],
    );
}

fn average<B: Backend>(table: &Table, device: &B::Device, name: &str, input: [usize; 4], sizes: Sizes) {
    let (kernel, stride, padding) = sizes;
    let geometry = geometry(sizes);
    let x = random::<B>(input, device);
    let r = windowed::average_pool(&x, &geometry, true);
    let primitive = || x.clone().into_primitive();
    table.row::<B>(
        name,
        &[
            ("forward: Burn", &|| {
                Value::from_primitive(B::avg_pool2d(primitive(), kernel, stride, padding, true, false))
            }),
            ("forward: ours", &|| windowed::average_pool(&x, &geometry, true)),
            ("adjoint: Burn", &|| {
                let r = r.clone().into_primitive();
                Value::from_primitive(B::avg_pool2d_backward(
                    primitive(),
                    r,
                    kernel,
                    stride,
                    padding,
                    true,
                    false,
                ))
            }),
            ("adjoint: ours", &|| windowed::average_pool_adjoint(&r, &input, &geometry, true)),
        ],
    );
}
