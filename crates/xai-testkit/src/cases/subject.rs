//! Layers under test, each with the same layer as plain loops.

use burn::tensor::backend::Backend;
use xai_core::kernel::{ConvGeometry, Extremum, PoolGeometry, PoolOutput};
use xai_core::layer::{Activation, Add, BatchNorm, Conv, Layer, Linear, Pool, Reshape};

use super::host::{Numbers, value};
use super::matrix::Plain;
use crate::reference::{self, Array};

/// A layer with an independent form of itself.
pub(super) struct Subject<B: Backend> {
    pub(super) name: String,
    pub(super) layer: Layer<B>,
    /// Shapes of the inputs, a batch each.
    pub(super) inputs: Vec<Vec<usize>>,
    pub(super) plain: Plain,
    /// The layer with all weights 1, and with all weights squared, both without bias; for a layer
    /// without weights the layer itself, but for max and min pools the average over their windows.
    pub(super) ones: Plain,
    pub(super) squared: Plain,
    /// Whether `plain` is affine, so that one matrix serves every sample.
    pub(super) affine: bool,
    pub(super) has_bias: bool,
}

impl<B: Backend> Subject<B> {
    fn weightless(
        name: impl Into<String>,
        layer: impl Into<Layer<B>>,
        inputs: &[&[usize]],
        affine: bool,
        plain: impl Fn(&[Array]) -> Array + Clone + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            layer: layer.into(),
            inputs: inputs.iter().map(|dims| dims.to_vec()).collect(),
            ones: Box::new(plain.clone()),
            squared: Box::new(plain.clone()),
            plain: Box::new(plain),
            affine,
            has_bias: false,
        }
    }

    /// A layer with a weight; `plain` takes input, weight and bias.
    fn weighted(
        name: impl Into<String>,
        layer: impl Into<Layer<B>>,
        input: &[usize],
        weight: &Array,
        bias: Option<&Array>,
        plain: impl Fn(&Array, &Array, Option<&Array>) -> Array + Clone + 'static,
    ) -> Self {
        let with = |f: fn(f64) -> f64, bias: Option<&Array>| -> Plain {
            let weight = Array::from_fn(&weight.dims, |i| f(weight.data[i]));
            let (plain, bias) = (plain.clone(), bias.cloned());
            Box::new(move |x: &[Array]| plain(&x[0], &weight, bias.as_ref()))
        };
        Self {
            name: name.into(),
            layer: layer.into(),
            inputs: vec![input.to_vec()],
            plain: with(|w| w, bias),
            ones: with(|_| 1.0, None),
            squared: with(|w| w * w, None),
            affine: true,
            has_bias: bias.is_some(),
        }
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
        let name = format!("linear of {input:?}, bias {with_bias}");
        subjects.push(Subject::weighted(
            name,
            layer.unwrap(),
            input,
            &weight,
            bias.as_ref(),
            reference::linear,
        ));
    }
    subjects
}

/// Input, weight, stride, padding, dilation and groups.
type ConvShape = (
    &'static [usize],
    &'static [usize],
    &'static [usize],
    &'static [(usize, usize)],
    &'static [usize],
    usize,
);

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
    for (i, (input, weight, stride, padding, dilation, groups)) in CONVOLUTIONS.iter().enumerate() {
        let geometry = ConvGeometry {
            stride: stride.to_vec(),
            padding: padding.to_vec(),
            dilation: dilation.to_vec(),
            groups: *groups,
        };
        let name = format!("convolution of {input:?} by {weight:?}, {geometry:?}, bias {}", i % 2 == 1);
        let weight = numbers.array(weight);
        let bias = (i % 2 == 1).then(|| numbers.array(&weight.dims[..1]));
        let values = (value(&weight, device), bias.as_ref().map(|bias| value(bias, device)));
        let layer = Conv::new(values.0, values.1, geometry.clone()).unwrap();
        subjects.push(Subject::weighted(
            name,
            layer,
            input,
            &weight,
            bias.as_ref(),
            move |x, weight, bias| reference::conv(x, weight, bias, &geometry),
        ));
    }
    subjects
}

/// Windows with gaps, overlap, padding, a partial last window, and windows of unequal size.
fn windows() -> Vec<PoolGeometry> {
    let sliding =
        |kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2], output| PoolGeometry::Sliding {
            kernel: kernel.to_vec(),
            stride: stride.to_vec(),
            padding: padding.map(|size| (size, size)).to_vec(),
            dilation: vec![1, 1],
            output,
        };
    vec![
        PoolGeometry::tiles(&[2, 2]),
        sliding([3, 3], [2, 2], [1, 1], PoolOutput::Floor),
        sliding([2, 3], [3, 1], [0, 1], PoolOutput::Floor),
        sliding([3, 2], [2, 2], [0, 0], PoolOutput::Ceil),
        PoolGeometry::Adaptive { output: vec![2, 3] },
        PoolGeometry::global(2),
    ]
}

const POOLED: &[usize] = &[2, 2, 6, 7];

/// Average pools.
pub(super) fn average_pools<B: Backend>() -> Vec<Subject<B>> {
    let choices = windows().into_iter().flat_map(|windows| [(windows.clone(), true), (windows, false)]);
    choices
        .map(|(windows, count_include_pad)| {
            let name = format!("average pool {windows:?}, count_include_pad {count_include_pad}");
            let layer = Pool::average(windows.clone(), count_include_pad);
            Subject::weightless(name, layer, &[POOLED], true, move |x| {
                reference::average_pool(&x[0], &windows, count_include_pad)
            })
        })
        .collect()
}

/// Max and min pools.
pub(super) fn extremum_pools<B: Backend>() -> Vec<Subject<B>> {
    let choices = windows()
        .into_iter()
        .flat_map(|windows| [Extremum::Max, Extremum::Min].map(|e| (windows.clone(), e)));
    choices
        .map(|(windows, extremum)| {
            let name = format!("{extremum:?} pool {windows:?}");
            let layer = match extremum {
                Extremum::Max => Pool::max(windows.clone()),
                Extremum::Min => Pool::min(windows.clone()),
            };
            let members = windows.clone();
            let pool = move |x: &[Array]| reference::extremum_pool(&x[0], extremum, &windows, 0.0);
            Subject {
                ones: Box::new(move |x| reference::average_pool(&x[0], &members, false)),
                ..Subject::weightless(name, layer, &[POOLED], false, pool)
            }
        })
        .collect()
}

/// Sums of two and of three inputs.
pub(super) fn sums<B: Backend>() -> Vec<Subject<B>> {
    let sum = |x: &[Array]| Array::from_fn(&x[0].dims, |i| x.iter().map(|x| x.data[i]).sum());
    let (two, three): ([&[usize]; 2], [&[usize]; 3]) = ([&[3, 2, 4]; 2], [&[2, 5]; 3]);
    vec![
        Subject::weightless("sum of two", Add, &two, true, sum),
        Subject::weightless("sum of three", Add, &three, true, sum),
    ]
}

/// ReLU.
pub(super) fn relus<B: Backend>() -> Vec<Subject<B>> {
    let relu = |x: &[Array]| Array::from_fn(&x[0].dims, |i| x[0].data[i].max(0.0));
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
        let plain = move |x: &[Array]| {
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
pub(super) fn reshapes<B: Backend>() -> Vec<Subject<B>> {
    let flat = |x: &[Array]| {
        let dims = [x[0].dims[0], x[0].dims[1..].iter().product()];
        Array { dims: dims.to_vec(), data: x[0].data.clone() }
    };
    let folded = |x: &[Array]| Array { dims: vec![x[0].dims[0], 3, 4], data: x[0].data.clone() };
    vec![
        Subject::weightless("flatten", Reshape::flatten(), &[&[2, 3, 2, 2]], true, flat),
        Subject::weightless("fold", Reshape::new([0, 3, -1]), &[&[2, 2, 6]], true, folded),
    ]
}

/// All layers under test.
pub(super) fn all<B: Backend>(device: &B::Device) -> Vec<Subject<B>> {
    let mut all = linears(device);
    all.extend(convolutions(device));
    all.extend(average_pools());
    all.extend(extremum_pools());
    all.extend(sums());
    all.extend(relus());
    all.extend(batch_norms(device));
    all.extend(reshapes());
    all
}
