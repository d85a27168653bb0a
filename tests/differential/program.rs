//! Random programs of Burn's tensor operations, generic over the backend.

use burn::tensor::backend::Backend;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions};
use burn::tensor::{DType, Int, Slice, Tensor, TensorData, activation as act, module};
use burn_xai::backend::flex::Flex;
use burn_xai::trace::{ForwardOutputs, Outputs, Traced};

use super::dice::Dice;

/// A tensor of one of the ranks that programs use.
#[derive(Debug, Clone)]
pub(crate) enum Any<B: Backend> {
    R1(Tensor<B, 1>),
    R2(Tensor<B, 2>),
    R3(Tensor<B, 3>),
    R4(Tensor<B, 4>),
}

/// The same for a tensor of any rank.
macro_rules! with {
    ($any:expr, $x:ident => $result:expr) => {
        match $any {
            Any::R1($x) => $result,
            Any::R2($x) => $result,
            Any::R3($x) => $result,
            Any::R4($x) => $result,
        }
    };
}

/// A tensor of the same rank.
macro_rules! map {
    ($any:expr, $x:ident => $result:expr) => {
        match $any {
            Any::R1($x) => Any::R1($result),
            Any::R2($x) => Any::R2($result),
            Any::R3($x) => Any::R3($result),
            Any::R4($x) => Any::R4($result),
        }
    };
}

/// Two tensors of one rank to one of the same.
macro_rules! both {
    ($a:expr, $b:expr, ($x:ident, $y:ident) => $result:expr) => {
        match ($a, $b) {
            (Any::R1($x), Any::R1($y)) => Some(Any::R1($result)),
            (Any::R2($x), Any::R2($y)) => Some(Any::R2($result)),
            (Any::R3($x), Any::R3($y)) => Some(Any::R3($result)),
            (Any::R4($x), Any::R4($y)) => Some(Any::R4($result)),
            _ => None,
        }
    };
}

impl<B: Backend> Any<B> {
    pub(crate) fn dims(&self) -> Vec<usize> {
        with!(self, x => x.dims().to_vec())
    }

    /// All elements in a row.
    pub(crate) fn flat(self) -> Tensor<B, 1> {
        let count = self.dims().iter().product::<usize>();
        with!(self, x => x.reshape([count]))
    }

    fn reshaped(self, dims: &[usize]) -> Self {
        match *dims {
            [a] => Self::R1(with!(self, x => x.reshape([a]))),
            [a, b] => Self::R2(with!(self, x => x.reshape([a, b]))),
            [a, b, c] => Self::R3(with!(self, x => x.reshape([a, b, c]))),
            [a, b, c, d] => Self::R4(with!(self, x => x.reshape([a, b, c, d]))),
            _ => unreachable!("rank {}", dims.len()),
        }
    }
}

impl ForwardOutputs<Flex> for Any<Traced<Flex>> {
    fn outputs(self) -> Result<Outputs<Flex>, String> {
        with!(self, x => x.outputs())
    }
}

/// A tensor of `f64`.
pub(crate) fn tensor<B: Backend, const D: usize>(data: &[f64], dims: [usize; D]) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(data.to_vec(), dims), (&B::Device::default(), DType::F64))
}

/// Numbers without ties, from -1.5 to 1.5.
pub(crate) fn numbers(dice: &mut Dice, count: usize) -> Vec<f64> {
    dice.times(count, |dice| (dice.below(1 << 30) as f64 + 0.5) / f64::from(1 << 30) * 3.0 - 1.5)
}

fn constant<B: Backend, const D: usize>(dice: &mut Dice, dims: [usize; D]) -> Tensor<B, D> {
    tensor(&numbers(dice, dims.iter().product()), dims)
}

/// Runs the program of a seed: the last value, and the names of its operations.
pub(crate) fn run<B: Backend>(seed: u64, inputs: Vec<Any<B>>) -> (Any<B>, Vec<String>) {
    let dice = &mut Dice::new(seed);
    let mut values = inputs;
    let mut names = Vec::new();
    for _ in 0..dice.within(2, 9) {
        let from = if dice.chance(70) { values.len() - 1 } else { dice.below(values.len()) };
        let other = dice.below(values.len());
        if let Some((name, value)) = step(dice, &values[from], &values[other]) {
            let dims = value.dims();
            if dims.iter().product::<usize>() <= 400 {
                names.push(format!("{name} of {from} (and {other}): {dims:?}"));
                values.push(value);
            }
        }
    }
    (values[values.len() - 1].clone(), names)
}

fn step<B: Backend>(dice: &mut Dice, x: &Any<B>, y: &Any<B>) -> Option<(&'static str, Any<B>)> {
    let x = x.clone();
    let dims = x.dims();
    let rank = dims.len();
    let axis = dice.below(rank);
    let named = |name: &'static str| move |value: Any<B>| (name, value);
    match dice.below(12) {
        0..3 => Some(function(dice, x)),
        3 => Some(activation(dice, x)),
        4 => with_constant(dice, x),
        5 | 6 => binary(dice, x, y.clone()),
        7 => Some(reduction(dice, x, axis)),
        8 | 9 => moved(dice, x, axis),
        10 => module(dice, x),
        // Composites that models have.
        _ => match dice.below(4) {
            0 => Some((
                "layer norm",
                map!(x, x => {
                    let centred = x.clone() - x.mean_dim(axis);
                    let variance = (centred.clone() * centred.clone()).mean_dim(axis);
                    centred / (variance + 1e-2).sqrt()
                }),
            )),
            1 => Some(("gate", map!(x, x => x.clone() * act::sigmoid(x.mean_dim(axis))))),
            2 => match x {
                Any::R3(x) => {
                    let scores = x.clone().matmul(x.clone().transpose()) / 2.0;
                    Some(("attention", Any::R3(act::softmax(scores, 2).matmul(x))))
                }
                _ => None,
            },
            _ => both!(x, y.clone(), (x, y) => {
                if x.dims() != y.dims() {
                    return None;
                }
                x.clone() * act::silu(y)
            })
            .map(named("swish gate")),
        },
    }
}

/// Smooth functions, kept where they are defined.
fn function<B: Backend>(dice: &mut Dice, x: Any<B>) -> (&'static str, Any<B>) {
    match dice.below(14) {
        0 => ("square", map!(x, x => x.square())),
        1 => ("power 3", map!(x, x => x.tanh().powi_scalar(3))),
        2 => ("power 1.5", map!(x, x => (x.abs() + 0.3).powf_scalar(1.5))),
        3 => ("power -2", map!(x, x => (x.abs() + 0.3).powf_scalar(-2.0))),
        4 => ("root", map!(x, x => (x.abs() + 0.3).sqrt())),
        5 => ("exp", map!(x, x => x.tanh().exp())),
        6 => ("log", map!(x, x => (x.abs() + 0.3).log())),
        7 => ("recip", map!(x, x => (x.square() + 0.3).recip())),
        8 => ("neg", map!(x, x => -x)),
        9 => ("add a number", map!(x, x => x + 0.7)),
        10 => ("subtract a number", map!(x, x => x - 0.7)),
        11 => ("times a number", map!(x, x => x * -1.3)),
        12 => ("by a number", map!(x, x => x / 1.7)),
        _ => ("abs", map!(x, x => x.abs())),
    }
}

fn activation<B: Backend>(dice: &mut Dice, x: Any<B>) -> (&'static str, Any<B>) {
    let dim = dice.below(x.dims().len());
    match dice.below(24) {
        0 | 1 => ("relu", map!(x, x => act::relu(x))),
        2 => ("sigmoid", map!(x, x => act::sigmoid(x))),
        3 => ("tanh", map!(x, x => act::tanh(x))),
        4 => ("gelu", map!(x, x => act::gelu(x))),
        5 => ("gelu approximate", map!(x, x => act::gelu_approximate(x))),
        6 => ("silu", map!(x, x => act::silu(x))),
        7 => ("softplus", map!(x, x => act::softplus(x, 1.0))),
        8 => ("softplus 2.5", map!(x, x => act::softplus(x, 2.5))),
        9 => ("leaky relu", map!(x, x => act::leaky_relu(x, 0.1))),
        10 => ("elu", map!(x, x => act::elu(x, 1.5))),
        11 => ("celu", map!(x, x => act::celu(x, 0.5))),
        12 => ("selu", map!(x, x => act::selu(x))),
        13 => ("hard swish", map!(x, x => act::hard_swish(x))),
        14 => ("hard sigmoid", map!(x, x => act::hard_sigmoid(x, 0.2, 0.5))),
        15 => ("mish", map!(x, x => act::mish(x))),
        16 => ("log sigmoid", map!(x, x => act::log_sigmoid(x))),
        17 => ("softsign", map!(x, x => act::softsign(x))),
        18 => ("hard shrink", map!(x, x => act::hard_shrink(x, 0.5))),
        19 => ("soft shrink", map!(x, x => act::soft_shrink(x, 0.5))),
        20 => ("clamp", map!(x, x => x.clamp(-0.6, 0.8))),
        21 => ("softmax", map!(x, x => act::softmax(x, dim))),
        22 => ("log softmax", map!(x, x => act::log_softmax(x, dim))),
        _ => ("softmin", map!(x, x => act::softmin(x, dim))),
    }
}

fn with_constant<B: Backend>(dice: &mut Dice, x: Any<B>) -> Option<(&'static str, Any<B>)> {
    let dims = x.dims();
    let how = dice.below(7);
    if how == 6 && dims.len() > 1 {
        let (last, outputs) = (dims[dims.len() - 1], dice.within(1, 4));
        let name = "matmul by a constant";
        return Some((
            name,
            match x {
                Any::R2(x) => {
                    Any::R2(x.matmul(constant(dice, [last, outputs])) + constant(dice, [1, outputs]))
                }
                Any::R3(x) => Any::R3(x.matmul(constant(dice, [1, last, outputs]))),
                Any::R4(x) => {
                    let constant = constant::<B, 4>(dice, [1, dims[1], dims[2], dims[2]]);
                    Any::R4(constant.matmul(x))
                }
                Any::R1(_) => return None,
            },
        ));
    }
    // Broadcast along some dimensions.
    let kept: Vec<usize> = dims.iter().map(|&size| if dice.chance(60) { size } else { 1 }).collect();
    let flat = Any::R1(constant::<B, 1>(dice, [kept.iter().product()])).reshaped(&kept);
    let (name, value) = match how {
        0 => ("plus a constant", both!(x, flat, (x, c) => x + c)),
        1 => ("less a constant", both!(x, flat, (x, c) => x - c)),
        2 => ("a constant less it", both!(x, flat, (x, c) => c - x)),
        3 => ("times a constant", both!(x, flat, (x, c) => c * x)),
        4 => ("by a constant", both!(x, flat, (x, c) => x / (c.abs() + 0.5))),
        _ => ("shifted twice", both!(x, flat, (x, c) => (x + c.clone()) * c)),
    };
    value.map(|value| (name, value))
}

fn binary<B: Backend>(dice: &mut Dice, x: Any<B>, y: Any<B>) -> Option<(&'static str, Any<B>)> {
    let (a, b) = (x.dims(), y.dims());
    let rank = a.len();
    if b.len() != rank {
        return None;
    }
    let broadcasts = a.iter().zip(&b).all(|(a, b)| a == b || *a == 1 || *b == 1);
    let how = dice.below(7);
    let axis = dice.below(rank);
    let alike = |free: usize| (0..rank).all(|other| other == free || a[other] == b[other]);
    let product = rank > 1
        && a[rank - 1] == b[rank - 2]
        && a[..rank - 2].iter().zip(&b).all(|(a, b)| a == b || *a == 1 || *b == 1);
    let (name, value) = match how {
        0 if broadcasts => ("plus", both!(x, y, (x, y) => x + y)),
        1 if broadcasts => ("minus", both!(x, y, (x, y) => x - y)),
        2 if broadcasts => ("times", both!(x, y, (x, y) => x * y)),
        3 if broadcasts => ("divided", both!(x, y, (x, y) => x / (y.square() + 0.4))),
        4 if alike(axis) => ("cat", both!(x, y, (x, y) => Tensor::cat(vec![x, y], axis))),
        _ if product => ("matmul", both!(x, y, (x, y) => x.matmul(y))),
        _ if broadcasts => ("plus", both!(x, y, (x, y) => y + x)),
        _ => return None,
    };
    value.map(|value| (name, value))
}

fn reduction<B: Backend>(dice: &mut Dice, x: Any<B>, axis: usize) -> (&'static str, Any<B>) {
    match dice.below(8) {
        0..3 => ("sum", map!(x, x => x.sum_dim(axis))),
        3..6 => ("mean", map!(x, x => x.mean_dim(axis))),
        6 => ("sum of all", Any::R1(with!(x, x => x.sum()))),
        _ => ("mean of all", Any::R1(with!(x, x => x.mean()))),
    }
}

fn moved<B: Backend>(dice: &mut Dice, x: Any<B>, axis: usize) -> Option<(&'static str, Any<B>)> {
    let dims = x.dims();
    let (rank, size) = (dims.len(), dims[axis]);
    let (start, other) = (dice.below(size), dice.below(rank));
    let end = dice.within(start + 1, size);
    let times = dice.within(1, 3);
    Some(match dice.below(11) {
        0 => ("swap", map!(x, x => x.swap_dims(axis, other))),
        1 => ("flip", map!(x, x => x.flip([axis as isize]))),
        2 => ("narrow", map!(x, x => x.narrow(axis, start, end - start))),
        3 => {
            let step = dice.pick(&[2, -1, -2]);
            (
                "slice with a step",
                map!(x, x => {
                    x.slice_dim(axis, Slice::new(start as isize, Some(end as isize), step))
                }),
            )
        }
        4 => ("repeat", map!(x, x => x.repeat_dim(axis, times))),
        5 => {
            let count = dice.within(1, 4);
            let places: Vec<i64> = dice.times(count, |dice| dice.below(size) as i64);
            (
                "select",
                map!(x, x => {
                    x.select(axis, Tensor::<B, 1, Int>::from_ints(places.as_slice(), &B::Device::default()))
                }),
            )
        }
        // Burn's own `pad` makes its border of f32, and Flex panics.
        6 => {
            let mut border = dims.clone();
            border[axis] = times;
            let border = Any::R1(constant::<B, 1>(dice, [border.iter().product()])).reshaped(&border);
            ("border", both!(x, border, (x, border) => Tensor::cat(vec![border.clone(), x, border], axis))?)
        }
        7 => (
            "expand",
            match x {
                Any::R2(x) => Any::R3(x.unsqueeze_dim::<3>(1).expand([dims[0], times, dims[1]])),
                Any::R3(x) => Any::R3(x.mean_dim(axis).expand([dims[0], dims[1], dims[2]])),
                _ => return None,
            },
        ),
        8 => {
            let (count, rest) = (dims[0], dims[1..].iter().product::<usize>());
            ("flatten", x.reshaped(&[count, rest]))
        }
        9 => {
            let all = dims.iter().product::<usize>();
            let first =
                (1..=all).rev().filter(|first| all.is_multiple_of(*first)).nth(start.min(2)).unwrap_or(1);
            let new = dice.pick(&[
                vec![first, all / first],
                vec![first, 1, all / first],
                vec![1, all / first, first],
            ]);
            ("reshape", x.reshaped(&new))
        }
        _ => (
            "last of a split",
            map!(x, x => {
                let parts = x.split(times, axis);
                parts[parts.len() - 1].clone()
            }),
        ),
    })
}

fn module<B: Backend>(dice: &mut Dice, x: Any<B>) -> Option<(&'static str, Any<B>)> {
    let dims = x.dims();
    let outputs = dice.within(1, 2);
    let (stride, pad) = (dice.within(1, 2), dice.below(2));
    match x {
        Any::R2(x) => {
            let bias = dice.chance(50).then(|| constant(dice, [outputs]));
            Some(("linear", Any::R2(module::linear(x, constant(dice, [dims[1], outputs]), bias))))
        }
        Any::R3(x) if dims[2] > 1 => {
            let bias = dice.chance(50).then(|| constant(dice, [outputs]));
            let (name, y) = match dice.below(5) {
                0 => {
                    let options = ConvOptions::new([stride], [pad], [1], 1);
                    ("conv1d", module::conv1d(x, constant(dice, [outputs, dims[1], 2]), bias, options))
                }
                1 => {
                    let options = ConvTransposeOptions::new([stride], [pad], [stride - 1], [1], 1);
                    let weight = constant(dice, [dims[1], outputs, 2]);
                    ("conv_transpose1d", module::conv_transpose1d(x, weight, bias, options))
                }
                2 => ("max_pool1d", module::max_pool1d(x, 2, stride, pad, 1, dice.chance(50))),
                3 => {
                    let (counts, ceil) = (dice.chance(50), dice.chance(50));
                    ("avg_pool1d", module::avg_pool1d(x, 2, stride, pad, counts, ceil))
                }
                _ => ("adaptive_avg_pool1d", module::adaptive_avg_pool1d(x, dice.within(1, dims[2]))),
            };
            Some((name, Any::R3(y)))
        }
        Any::R4(x) if dims[2] > 1 && dims[3] > 1 => {
            let groups = if dims[1] == 2 && dice.chance(50) { 2 } else { 1 };
            let channels = outputs * groups;
            let bias = dice.chance(50).then(|| constant(dice, [channels]));
            let (name, y) = match dice.below(6) {
                0 | 1 => {
                    let options = ConvOptions::new([stride, 1], [pad, 1], [1, dice.within(1, 2)], groups);
                    let weight = constant(dice, [channels, dims[1] / groups, 2, 2]);
                    ("conv2d", module::conv2d(x, weight, bias, options))
                }
                2 => {
                    let options = ConvTransposeOptions::new([stride, 2], [pad, 0], [0, 1], [1, 1], groups);
                    let weight = constant(dice, [dims[1], outputs, 2, 2]);
                    ("conv_transpose2d", module::conv_transpose2d(x, weight, bias, options))
                }
                3 => {
                    let ceil = dice.chance(50);
                    ("max_pool2d", module::max_pool2d(x, [2, 2], [stride, 1], [pad, 0], [1, 1], ceil))
                }
                4 => {
                    let (counts, ceil) = (dice.chance(50), dice.chance(50));
                    ("avg_pool2d", module::avg_pool2d(x, [2, 2], [stride, 2], [pad, 0], counts, ceil))
                }
                _ => {
                    let size = [dice.within(1, dims[2]), dice.within(1, dims[3])];
                    ("adaptive_avg_pool2d", module::adaptive_avg_pool2d(x, size))
                }
            };
            Some((name, Any::R4(y)))
        }
        _ => None,
    }
}
