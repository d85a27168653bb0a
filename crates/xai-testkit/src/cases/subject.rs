//! Layers under test, each with the same layer as plain loops.

use burn::tensor::backend::Backend;
use xai_core::kernel::{Extremum, PoolGeometry, PoolOutput};
use xai_core::layer::{Activation, Add, BatchNorm, Conv, Layer, Linear, Pool, Reshape};

use super::host::value;
use crate::conformance::{ConvShape, conv_geometry, sliding};
use crate::host::{Array, Numbers};
use crate::reference;

/// Which weights a layer has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Weights {
    /// Its own, and its bias.
    Own,
    /// All 1, without bias; max and min pools become the average over their windows.
    Ones,
    /// All squared, without bias.
    Squared,
}

/// A layer as a loop over one batch of each input.
type Plain = dyn Fn(&[Array], Weights) -> Array;

/// A layer with an independent form of itself.
pub(super) struct Subject<B: Backend> {
    pub(super) name: String,
    pub(super) layer: Layer<B>,
    /// Shapes of the inputs, a batch each.
    pub(super) inputs: Vec<Vec<usize>>,
    pub(super) plain: Box<Plain>,
    /// Whether it is affine, so that one matrix serves every sample.
    pub(super) affine: bool,
    pub(super) has_bias: bool,
}

impl<B: Backend> Subject<B> {
    /// A layer without weights.
    fn weightless(
        name: impl Into<String>,
        layer: impl Into<Layer<B>>,
        inputs: &[&[usize]],
        affine: bool,
        plain: impl Fn(&[Array], Weights) -> Array + 'static,
    ) -> Self {
        let (name, layer, plain) = (name.into(), layer.into(), Box::new(plain));
        let inputs = inputs.iter().map(|dims| dims.to_vec()).collect();
        Self { name, layer, inputs, plain, affine, has_bias: false }
    }

    /// A layer with a weight; `plain` takes input, weight and bias.
    fn weighted(
        name: String,
        layer: impl Into<Layer<B>>,
        input: &[usize],
        weight: Array,
        bias: Option<Array>,
        plain: impl Fn(&Array, &Array, Option<&Array>) -> Array + 'static,
    ) -> Self {
        let has_bias = bias.is_some();
        let plain = move |x: &[Array], weights| match weights {
            Weights::Own => plain(&x[0], &weight, bias.as_ref()),
            Weights::Ones => plain(&x[0], &weight.map(|_| 1.0), None),
            Weights::Squared => plain(&x[0], &weight.map(|w| w * w), None),
        };
        Self { has_bias, ..Self::weightless(name, layer, &[input], true, plain) }
    }
}

/// Linear layers, with and without bias, of features and of tokens.
pub(super) fn linears<B: Backend>(device: &B::Device) -> Vec<Subject<B>> {
    let shapes: [&[usize]; 2] = [&[3, 6], &[2, 3, 6]];
    let mut numbers = Numbers::seeded(1);
    let mut subjects = Vec::new();
    for (input, with_bias) in shapes.into_iter().flat_map(|input| [(input, true), (input, false)]) {
        let weight = numbers.array(&[6, 5]);
        let bias = with_bias.then(|| numbers.array(&[5]));
        let layer = Linear::new(value(&weight, device), bias.as_ref().map(|bias| value(bias, device)));
        let (name, layer) = (format!("linear of {input:?}, bias {with_bias}"), layer.unwrap());
        subjects.push(Subject::weighted(name, layer, input, weight, bias, reference::linear));
    }
    subjects
}

const CONVOLUTIONS: &[ConvShape] = &[
    (&[2, 2, 9], &[4, 2, 3], &[1], &[(1, 1)], &[1], 1),
    (&[2, 3, 5, 6], &[4, 3, 3, 3], &[1, 1], &[(1, 1), (1, 1)], &[1, 1], 1),
    (&[2, 3, 7, 6], &[2, 3, 3, 2], &[2, 3], &[(1, 0), (1, 1)], &[1, 1], 1),
    (&[2, 2, 7, 7], &[3, 2, 2, 3], &[1, 2], &[(0, 0), (2, 2)], &[3, 2], 1),
    (&[2, 4, 5, 5], &[6, 2, 3, 3], &[1, 1], &[(1, 1), (0, 0)], &[1, 1], 2),
    (&[2, 4, 5, 5], &[4, 1, 3, 3], &[2, 2], &[(1, 1), (1, 1)], &[1, 1], 4),
    (&[2, 4, 4, 4], &[3, 4, 1, 1], &[1, 1], &[(0, 0), (0, 0)], &[1, 1], 1),
    (&[2, 2, 3, 4, 3], &[2, 2, 2, 2, 2], &[1, 2, 1], &[(0, 0), (1, 1), (0, 0)], &[1, 1, 1], 1),
];

/// Convolutions in one, two and three dimensions, with and without bias.
pub(super) fn convolutions<B: Backend>(device: &B::Device) -> Vec<Subject<B>> {
    let mut numbers = Numbers::seeded(2);
    let mut subjects = Vec::new();
    for (i, shape) in CONVOLUTIONS.iter().enumerate() {
        let (&(input, weight, ..), geometry) = (shape, conv_geometry(shape));
        let name = format!("convolution of {input:?} by {weight:?}, {geometry:?}, bias {}", i % 2 == 1);
        let weight = numbers.array(weight);
        let bias = (i % 2 == 1).then(|| numbers.array(&weight.dims[..1]));
        let values = (value(&weight, device), bias.as_ref().map(|bias| value(bias, device)));
        let layer = Conv::new(values.0, values.1, geometry.clone()).unwrap();
        let plain = move |x: &_, w: &_, b: Option<&_>| reference::conv(x, w, b, &geometry);
        subjects.push(Subject::weighted(name, layer, input, weight, bias, plain));
    }
    subjects
}

/// Windows with gaps, overlap, padding, a partial last window, and windows of unequal size.
fn windows() -> Vec<PoolGeometry> {
    vec![
        PoolGeometry::tiles(&[2, 2]),
        sliding(&[3, 3], &[2, 2], &[1, 1], PoolOutput::Floor),
        sliding(&[2, 3], &[3, 1], &[0, 1], PoolOutput::Floor),
        sliding(&[3, 2], &[2, 2], &[0, 0], PoolOutput::Ceil),
        PoolGeometry::Adaptive { output: vec![2, 3] },
        PoolGeometry::global(2),
    ]
}

const POOLED: &[usize] = &[2, 2, 6, 7];

/// Average pools.
pub(super) fn average_pools<B: Backend>(_: &B::Device) -> Vec<Subject<B>> {
    let both = |windows: PoolGeometry| [(windows.clone(), true), (windows, false)];
    windows()
        .into_iter()
        .flat_map(both)
        .map(|(windows, count_include_pad)| {
            let name = format!("average pool {windows:?}, count_include_pad {count_include_pad}");
            let layer = Pool::average(windows.clone(), count_include_pad);
            let plain = move |x: &[Array], _| reference::average_pool(&x[0], &windows, count_include_pad);
            Subject::weightless(name, layer, &[POOLED], true, plain)
        })
        .collect()
}

/// Max and min pools.
pub(super) fn extremum_pools<B: Backend>(_: &B::Device) -> Vec<Subject<B>> {
    let both = |windows: PoolGeometry| {
        [(Extremum::Max, Pool::max(windows.clone())), (Extremum::Min, Pool::min(windows))]
    };
    windows()
        .into_iter()
        .flat_map(both)
        .map(|(extremum, layer)| {
            let windows = layer.geometry().clone();
            let name = format!("{extremum:?} pool {windows:?}");
            let plain = move |x: &[Array], weights| match weights {
                Weights::Ones => reference::average_pool(&x[0], &windows, false),
                _ => reference::extremum_pool(&x[0], extremum, &windows, 0.0),
            };
            Subject::weightless(name, layer, &[POOLED], false, plain)
        })
        .collect()
}

/// Sums of two and of three inputs.
pub(super) fn sums<B: Backend>(_: &B::Device) -> Vec<Subject<B>> {
    let sum = |x: &[Array], _| Array::from_fn(&x[0].dims, |i| x.iter().map(|x| x.data[i]).sum());
    let (two, three): ([&[usize]; 2], [&[usize]; 3]) = ([&[3, 2, 4]; 2], [&[2, 5]; 3]);
    vec![
        Subject::weightless("sum of two", Add, &two, true, sum),
        Subject::weightless("sum of three", Add, &three, true, sum),
    ]
}

/// ReLU.
pub(super) fn relus<B: Backend>(_: &B::Device) -> Vec<Subject<B>> {
    let relu = |x: &[Array], _| x[0].map(|x| x.max(0.0));
    vec![Subject::weightless("ReLU", Activation::Relu, &[&[3, 4, 5]], false, relu)]
}

/// Batch norms of features and of images.
pub(super) fn batch_norms<B: Backend>(device: &B::Device) -> Vec<Subject<B>> {
    let mut numbers = Numbers::seeded(3);
    let shapes: [&[usize]; 2] = [&[3, 4], &[2, 4, 3, 2]];
    let mut subject = |input: &'static [usize]| {
        let [mean, scale, shift] = std::array::from_fn(|_| numbers.array(&[4]));
        let std = numbers.positive(&[4]);
        let [a, b, c, d] = [&mean, &std, &scale, &shift].map(|vector| value(vector, device));
        let width: usize = input[2..].iter().product();
        let plain = move |x: &[Array], _| {
            Array::from_fn(&x[0].dims, |i| {
                let channel = i / width % 4;
                (x[0].data[i] - mean.data[channel]) / std.data[channel] * scale.data[channel]
                    + shift.data[channel]
            })
        };
        let layer = BatchNorm::new(a, b, c, d).unwrap();
        Subject::weightless(format!("batch norm of {input:?}"), layer, &[input], true, plain)
    };
    shapes.map(&mut subject).into_iter().collect()
}

/// Reshapes that keep the batch.
pub(super) fn reshapes<B: Backend>(_: &B::Device) -> Vec<Subject<B>> {
    let flat = |x: &[Array], _| {
        let dims = [x[0].dims[0], x[0].dims[1..].iter().product()];
        Array { dims: dims.to_vec(), data: x[0].data.clone() }
    };
    let folded = |x: &[Array], _| Array { dims: vec![x[0].dims[0], 3, 4], data: x[0].data.clone() };
    vec![
        Subject::weightless("flatten", Reshape::flatten(), &[&[2, 3, 2, 2]], true, flat),
        Subject::weightless("fold", Reshape::new([0, 3, -1]), &[&[2, 2, 6]], true, folded),
    ]
}

/// All layers under test.
pub(super) fn all<B: Backend>(device: &B::Device) -> Vec<Subject<B>> {
    let of_kinds = [linears, convolutions, average_pools, extremum_pools, sums, relus, batch_norms, reshapes];
    of_kinds.iter().flat_map(|of_kind| of_kind(device)).collect()
}
