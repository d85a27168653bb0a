//! What layers compute, element by element, and their derivatives.

use burn_xai::layer::{Activation, Elementwise, SoftmaxForm};

use super::layer::{Layer, Row, Rows, Term};
use super::num::{Num, Nums, places};
use super::rows::{factors, pooled_dims, product_dims, window};

impl Layer {
    /// The output; `rows` are those of an affine layer.
    pub(crate) fn forward(&self, rows: Option<&Rows>, inputs: &[&Nums]) -> Nums {
        if let Some(Rows { dims, rows }) = rows {
            let value = |row: &Row| {
                let terms =
                    row.terms.iter().map(|term| term.coefficient * inputs[term.input].data[term.element]);
                Num::sum(terms.chain([row.constant]))
            };
            return Nums { dims: dims.clone(), data: rows.iter().map(value).collect() };
        }
        let x = inputs[0];
        let each = |f: &dyn Fn(usize, Num) -> Num| Nums {
            dims: x.dims.clone(),
            data: x.data.iter().enumerate().map(|(i, &x)| f(i, x)).collect(),
        };
        match self {
            Self::Activation(function) => each(&|_, x| activation(*function, x).0),
            Self::PRelu { slope } => each(&|i, x| leaky(x, channel_of(i, &x_dims(inputs), &slope.data)).0),
            Self::Elementwise(function) => each(&|_, x| elementwise(*function, x).0),
            Self::LayerNorm { scale, shift, epsilon } => each(&|i, _| {
                let (normal, _) = normalised(x, i, *epsilon);
                let feature = i % scale.data.len();
                let shift = shift.as_ref().map_or(0.0, |shift| shift.data[feature]);
                normal * scale.data[feature] + Num::from(shift)
            }),
            Self::Mul => each(&|i, x| x * inputs[1].data[i]),
            Self::Div => each(&|i, x| x / inputs[1].data[i]),
            Self::Softmax { form, dim } => each(&|i, x_i| {
                let x_i = if *form == SoftmaxForm::Softmin { -x_i } else { x_i };
                let sum = Num::sum(line(i, &x.dims, *dim).map(|k| match form {
                    SoftmaxForm::Softmin => (-x.data[k]).exp(),
                    _ => x.data[k].exp(),
                }));
                match form {
                    SoftmaxForm::LogSoftmax => x_i - sum.ln(),
                    SoftmaxForm::Quiet => x_i.exp() / (sum + Num::ONE),
                    _ => x_i.exp() / sum,
                }
            }),
            Self::Matmul => {
                let (a, b) = (inputs[0], inputs[1]);
                let dims = product_dims(&a.dims, &b.dims);
                let sum = |place: Vec<usize>| {
                    Num::sum((0..a.dims[a.dims.len() - 1]).map(|k| {
                        let (left, right) = factors(&place, &a.dims, &b.dims, k);
                        a.data[left] * b.data[right]
                    }))
                };
                Nums { data: places(&dims).into_iter().map(sum).collect(), dims }
            }
            Self::Extremum { windows, largest } => {
                let dims = pooled_dims(windows, &x.dims);
                let value = |place: Vec<usize>| {
                    let elements = window(windows, &x.dims, &place).0.into_iter().map(|i| x.data[i]);
                    let best = if *largest { elements.reduce(Num::max) } else { elements.reduce(Num::min) };
                    // A window without elements has no value that later layers could use.
                    best.unwrap_or(Num::UNKNOWN)
                };
                Nums { data: places(&dims).into_iter().map(value).collect(), dims }
            }
            _ => unreachable!("{self:?} has rows"),
        }
    }

    /// The derivatives of each output element by the input elements that it depends on.
    pub(crate) fn jacobian(&self, rows: Option<&Rows>, inputs: &[&Nums], output: &Nums) -> Vec<Vec<Term>> {
        if let Self::Detach = self {
            return vec![Vec::new(); output.data.len()];
        }
        if let Some(Rows { rows, .. }) = rows {
            return rows.iter().map(|row| row.terms.clone()).collect();
        }
        let x = inputs[0];
        let each = |f: &dyn Fn(usize) -> Vec<(usize, usize, Num)>| {
            let term = |(input, element, coefficient)| Term { input, element, coefficient };
            (0..output.data.len()).map(|i| f(i).into_iter().map(term).collect()).collect()
        };
        let y = &output.data;
        match self {
            Self::Activation(function) => each(&|i| vec![(0, i, activation(*function, x.data[i]).1())]),
            Self::PRelu { slope } => {
                each(&|i| vec![(0, i, leaky(x.data[i], channel_of(i, &x.dims, &slope.data)).1())])
            }
            Self::Elementwise(function) => each(&|i| vec![(0, i, elementwise(*function, x.data[i]).1())]),
            Self::LayerNorm { scale, epsilon, .. } => each(&|i| {
                let (own, std) = normalised(x, i, *epsilon);
                let features = scale.data.len();
                let by = |k: usize| {
                    let along = own * normalised(x, k, *epsilon).0 / Num::from(features as f64);
                    (0, k, (centring(i, k, features) - along) / std * scale.data[i % features])
                };
                line(i, &x.dims, x.dims.len() - 1).map(by).collect()
            }),
            Self::Mul => each(&|i| vec![(0, i, inputs[1].data[i]), (1, i, x.data[i])]),
            Self::Div => each(&|i| {
                let b = inputs[1].data[i];
                vec![(0, i, Num::ONE / b), (1, i, -(x.data[i] / b / b))]
            }),
            Self::Softmax { form, dim } => each(&|i| {
                let by = |k: usize| {
                    let same = if i == k { Num::ONE } else { Num::ZERO };
                    (
                        0,
                        k,
                        match form {
                            SoftmaxForm::Softmin => y[i] * (y[k] - same),
                            SoftmaxForm::LogSoftmax => same - y[k].exp(),
                            _ => y[i] * (same - y[k]),
                        },
                    )
                };
                line(i, &x.dims, *dim).map(by).collect()
            }),
            Self::Matmul => {
                let (a, b) = (inputs[0], inputs[1]);
                let terms = |place: Vec<usize>| {
                    let both = |k: usize| {
                        let (left, right) = factors(&place, &a.dims, &b.dims, k);
                        [
                            Term { input: 0, element: left, coefficient: b.data[right] },
                            Term { input: 1, element: right, coefficient: a.data[left] },
                        ]
                    };
                    (0..a.dims[a.dims.len() - 1]).flat_map(both).collect()
                };
                places(&output.dims).into_iter().map(terms).collect()
            }
            Self::Extremum { windows, largest } => {
                let winner = |place: Vec<usize>| {
                    let winner = winner(&window(windows, &x.dims, &place).0, x, *largest);
                    winner.map(|element| Term::new(0, element, 1.0)).into_iter().collect()
                };
                places(&output.dims).into_iter().map(winner).collect()
            }
            _ => unreachable!("{self:?} has rows"),
        }
    }
}

fn x_dims(inputs: &[&Nums]) -> Vec<usize> {
    inputs[0].dims.clone()
}

/// The first of the largest or smallest elements.
pub(crate) fn winner(elements: &[usize], x: &Nums, largest: bool) -> Option<usize> {
    elements.iter().copied().reduce(|best, other| {
        let order = x.data[other].compare(x.data[best]);
        if (largest && order.is_gt()) || (!largest && order.is_lt()) { other } else { best }
    })
}

/// The elements of the line through element `i` along a dimension.
pub(crate) fn line(i: usize, dims: &[usize], dim: usize) -> impl Iterator<Item = usize> {
    let (size, step) = (dims[dim], dims[dim + 1..].iter().product::<usize>());
    let first = i - i / step % size * step;
    (0..size).map(move |k| first + k * step)
}

/// `(x_i - mean) / std` over the last dimension, and the standard deviation.
pub(crate) fn normalised(x: &Nums, i: usize, epsilon: f64) -> (Num, Num) {
    let last = x.dims.len() - 1;
    let features = Num::from(x.dims[last] as f64);
    let mean = Num::sum(line(i, &x.dims, last).map(|k| x.data[k])) / features;
    let squares = line(i, &x.dims, last).map(|k| (x.data[k] - mean) * (x.data[k] - mean));
    let std = (Num::sum(squares) / features + Num::from(epsilon)).sqrt();
    ((x.data[i] - mean) / std, std)
}

/// The derivative of `x_i - mean` by `x_k`.
pub(crate) fn centring(i: usize, k: usize, features: usize) -> Num {
    let same = if i == k { Num::ONE } else { Num::ZERO };
    same - Num::ONE / Num::from(features as f64)
}

/// The parameter of the element's channel, or the only one.
fn channel_of(i: usize, dims: &[usize], parameters: &[f64]) -> f64 {
    match parameters {
        [only] => *only,
        _ => parameters[i / dims[2..].iter().product::<usize>() % dims[1]],
    }
}

/// Value, and derivative when it is asked for: at kinks it jumps.
type Pair<'a> = (Num, Box<dyn Fn() -> Num + 'a>);

fn constant(value: f64) -> Num {
    value.into()
}

/// `x` for `x >= 0`, else `slope x`.
fn leaky<'a>(x: Num, slope: f64) -> Pair<'a> {
    let value = if x.value >= 0.0 { x } else { x * slope };
    // The errors of both sides, since rounding may choose the other.
    let value = Num { value: value.value, error: x.error.map(|error| error * slope.abs().max(1.0)) };
    let value = value.function(value.value, 1.0, if x.value >= 0.0 { 0.0 } else { value.value });
    (value, Box::new(move || if x.compare(0.0).is_lt() { constant(slope) } else { Num::ONE }))
}

fn softplus(x: Num) -> Num {
    let value = x.value.max(0.0) + (-x.value.abs()).exp().ln_1p();
    x.function(value, x.sigmoid().value, value)
}

fn activation<'a>(function: Activation, x: Num) -> Pair<'a> {
    let one = |inside: bool| if inside { Num::ONE } else { Num::ZERO };
    let exp_branch = move |alpha: f64, scale: f64, width: f64| {
        let below = (Num::exp(x / constant(width)) - Num::ONE) * (alpha * scale);
        if x.value > 0.0 { x * scale } else { below }
    };
    match function {
        Activation::Relu => (x.positive(), Box::new(move || one(x.is_positive()))),
        Activation::Relu6 => {
            let inside = move || one(x.is_positive() && x.compare(6.0).is_lt());
            (x.positive().min(constant(6.0)), Box::new(inside))
        }
        Activation::Clamp { min, max } => {
            let low = min.map_or(x, |min| x.max(constant(min)));
            let value = max.map_or(low, |max| low.min(constant(max)));
            let inside = move || {
                let above = min.is_none_or(|min| x.compare(min).is_ge());
                one(above && max.is_none_or(|max| x.compare(max).is_le()))
            };
            (Num { error: x.error, ..value }, Box::new(inside))
        }
        Activation::LeakyRelu { slope } => leaky(x, slope),
        Activation::Elu { alpha } => {
            let slope = move || if x.is_positive() { Num::ONE } else { x.exp() * alpha };
            (exp_branch(alpha, 1.0, 1.0), Box::new(slope))
        }
        Activation::Celu { alpha } => {
            let slope = move || if x.is_positive() { Num::ONE } else { (x / constant(alpha)).exp() };
            (exp_branch(alpha, 1.0, alpha), Box::new(slope))
        }
        Activation::Selu => {
            // Klambauer et al., 2017.
            let (scale, alpha) = (1.050_700_987_355_480_5, 1.673_263_242_354_377_2);
            let slope =
                move || if x.compare(0.0).is_ge() { constant(scale) } else { x.exp() * (alpha * scale) };
            (exp_branch(alpha, scale, 1.0), Box::new(slope))
        }
        Activation::Gelu => {
            let cumulative = x.function(normal(x.value), density(x.value), 1.0);
            let slope = move || cumulative + x.function(x.value * density(x.value), 1.0, 1.0);
            (x * cumulative, Box::new(slope))
        }
        Activation::GeluTanh => {
            let root = constant((2.0 / std::f64::consts::PI).sqrt());
            let t = (root * (x + x * x * x * 0.044715)).tanh();
            let inner = root * (x * x * (3.0 * 0.044715) + 1.0);
            let slope = move || (t + 1.0) * 0.5 + x * (Num::ONE - t * t) * inner * 0.5;
            (x * (t + 1.0) * 0.5, Box::new(slope))
        }
        Activation::Silu => {
            let s = x.sigmoid();
            (x * s, Box::new(move || s + x * s * (Num::ONE - s)))
        }
        Activation::Sigmoid => {
            let s = x.sigmoid();
            (s, Box::new(move || s * (Num::ONE - s)))
        }
        Activation::Tanh => {
            let t = x.tanh();
            (t, Box::new(move || Num::ONE - t * t))
        }
        Activation::Softplus { beta } => {
            (softplus(x * beta) / constant(beta), Box::new(move || (x * beta).sigmoid()))
        }
        Activation::HardSigmoid { alpha, beta } => {
            let inner = x * alpha + beta;
            let inside = move || {
                let inside = inner.compare(0.0).is_ge() && inner.compare(1.0).is_le();
                if inside { constant(alpha) } else { Num::ZERO }
            };
            (Num { error: inner.error, ..inner.positive().min(Num::ONE) }, Box::new(inside))
        }
        Activation::HardSwish => {
            let inner = x / constant(6.0) + 0.5;
            let gate = Num { error: inner.error, ..inner.positive().min(Num::ONE) };
            let slope = move || {
                let inside = inner.compare(0.0).is_ge() && inner.compare(1.0).is_le();
                gate + if inside { x / constant(6.0) } else { Num::ZERO }
            };
            (x * gate, Box::new(slope))
        }
        Activation::Mish => {
            let t = softplus(x).tanh();
            (x * t, Box::new(move || t + x * (Num::ONE - t * t) * x.sigmoid()))
        }
        Activation::LogSigmoid => (-softplus(-x), Box::new(move || (-x).sigmoid())),
        Activation::Softsign => {
            let width = x.abs() + 1.0;
            (x / width, Box::new(move || Num::ONE / (width * width)))
        }
        Activation::ThresholdedRelu { threshold } => {
            let above = x.compare(threshold).is_gt();
            (if above { x } else { Num::ZERO }, Box::new(move || one(above)))
        }
        Activation::Shrink { lambda, bias } => {
            let outside = x.abs().compare(lambda).is_gt();
            let shrunk = if x.value > 0.0 { x + -bias } else { x + bias };
            (if outside { shrunk } else { Num::ZERO }, Box::new(move || one(outside)))
        }
        other => unreachable!("{other:?} is not drawn"),
    }
}

/// The normal density.
fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The normal distribution: `1/2 + density(x) (x + x^3 / 3 + x^5 / (3 5) + ...)`.
fn normal(x: f64) -> f64 {
    if x.abs() > 9.0 {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum) = (x, x);
    for k in 1..300 {
        term *= x * x / (2 * k + 1) as f64;
        sum += term;
    }
    0.5 + density(x) * sum
}

fn elementwise<'a>(function: Elementwise, x: Num) -> Pair<'a> {
    match function {
        Elementwise::Power(p) => {
            let power = move |p: f64| {
                let value = x.value.powf(p);
                x.function(value, p * x.value.powf(p - 1.0), value)
            };
            (power(p), Box::new(move || power(p - 1.0) * p))
        }
        Elementwise::Sqrt => {
            let root = x.sqrt();
            (root, Box::new(move || if x.is_positive() { constant(0.5) / root } else { Num::ZERO }))
        }
        Elementwise::Exp => (x.exp(), Box::new(move || x.exp())),
        Elementwise::Log => (x.ln(), Box::new(move || Num::ONE / x)),
        Elementwise::Abs => {
            (x.abs(), Box::new(move || if x.compare(0.0).is_lt() { -Num::ONE } else { Num::ONE }))
        }
        Elementwise::Recip => (Num::ONE / x, Box::new(move || -(Num::ONE / x / x))),
        other => unreachable!("{other:?} is not drawn"),
    }
}
