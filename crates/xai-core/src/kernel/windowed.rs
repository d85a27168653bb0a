//! The library's own pools, on every backend and for every geometry.
//!
//! [`kernel`](super)'s pools choose between these and Burn's; tests and measurements call them here
//! directly.

use burn_backend::{Backend, DType, FloatDType, TensorData, get_device_settings};

use super::window::{Sink, Source, Windows};
use super::{Extremum, PoolGeometry};
use crate::Value;

/// [`kernel::extremum_pool`](super::extremum_pool).
pub fn extremum_pool<B: Backend>(x: &Value<B>, extremum: Extremum, geometry: &PoolGeometry) -> Value<B> {
    along_axes(x, &geometry.windows(&x.dims()), |x, windows| extremum_along(x, extremum, windows))
}

/// [`kernel::extremum_pool_adjoint`](super::extremum_pool_adjoint).
pub fn extremum_pool_adjoint<B: Backend>(
    x: &Value<B>,
    r: &Value<B>,
    extremum: Extremum,
    geometry: &PoolGeometry,
) -> Value<B> {
    let all = geometry.windows(&x.dims());
    let leading = x.rank() - all.len();
    // The pool runs along the last axis first, so that the first winner among rows, and then the
    // first within its row, is the first of the window in row-major order.
    let mut inputs = Vec::with_capacity(all.len());
    let mut value = x.clone();
    for (i, windows) in all.iter().enumerate().rev() {
        inputs.push(value.clone());
        if i > 0 {
            value = around(&value, leading + i, |x| extremum_along(x, extremum, windows));
        }
    }
    let mut r = r.clone();
    for ((i, windows), input) in all.iter().enumerate().zip(inputs.iter().rev()) {
        let x = flatten(input, leading + i);
        r = around(&r, leading + i, |r| winners_along(&x, r, extremum, windows));
    }
    r
}

/// [`kernel::average_pool`](super::average_pool).
pub fn average_pool<B: Backend>(x: &Value<B>, geometry: &PoolGeometry, count_include_pad: bool) -> Value<B> {
    along_axes(x, &geometry.windows(&x.dims()), |x, windows| {
        let sum = match windows.tile() {
            Some(size) => {
                let dims = x.dims();
                x.clone().reshape(&[dims[0], windows.output(), size, dims[2]]).sum_dim(2)
            }
            None => {
                let source = Source::new(windows, x, 0.0);
                (1..windows.offsets()).fold(source.at(0), |sum, offset| sum + source.at(offset))
            }
        };
        share(sum, windows, count_include_pad)
    })
}

/// [`kernel::average_pool_adjoint`](super::average_pool_adjoint).
pub fn average_pool_adjoint<B: Backend>(
    r: &Value<B>,
    input_dims: &[usize],
    geometry: &PoolGeometry,
    count_include_pad: bool,
) -> Value<B> {
    let all = geometry.windows(input_dims);
    let leading = input_dims.len() - all.len();
    all.iter().enumerate().fold(r.clone(), |r, (i, windows)| {
        around(&r, leading + i, |r| {
            let dims = r.dims();
            let part = share(r.clone().reshape(&[dims[0], dims[1], 1, dims[2]]), windows, count_include_pad);
            if let Some(size) = windows.tile() {
                let spread = part.expand(&[dims[0], dims[1], size, dims[2]]);
                return spread.reshape(&[dims[0], dims[1] * size, dims[2]]);
            }
            let mut sink = Sink::new(windows, r);
            (0..windows.offsets()).for_each(|offset| sink.add(offset, part.clone()));
            sink.finish()
        })
    })
}

/// What padding reads: never better than an element of the input. Finite, because infinities are
/// not portable to every GPU and turn into NaN where windows hold nothing else.
fn worst<B: Backend>(x: &Value<B>, extremum: Extremum) -> f64 {
    let dtype = match x.dtype() {
        // Stored as f32, whatever precision it is computed in.
        DType::Flex32 => FloatDType::F32,
        dtype => FloatDType::from(dtype),
    };
    match extremum {
        Extremum::Max => dtype.finfo().min,
        Extremum::Min => dtype.finfo().max,
    }
}

/// Elementwise the better of the two, the first where neither is.
fn better<B: Backend>(extremum: Extremum, first: Value<B>, second: Value<B>) -> Value<B> {
    let bool_dtype = get_device_settings::<B>(&first.device()).bool_dtype;
    let (first, second) = (first.into_primitive(), second.into_primitive());
    let is_better = match extremum {
        Extremum::Max => B::float_greater(second.clone(), first.clone(), bool_dtype),
        Extremum::Min => B::float_lower(second.clone(), first.clone(), bool_dtype),
    };
    Value::from_primitive(B::float_mask_where(first, is_better, second))
}

fn extremum_along<B: Backend>(x: &Value<B>, extremum: Extremum, windows: &Windows) -> Value<B> {
    let source = Source::new(windows, x, worst(x, extremum));
    (1..windows.offsets()).fold(source.at(0), |best, offset| better(extremum, best, source.at(offset)))
}

/// x `[outer, input, inner]`, r `[outer, output, inner]`: relevance of x.
fn winners_along<B: Backend>(x: &Value<B>, r: &Value<B>, extremum: Extremum, windows: &Windows) -> Value<B> {
    let source = Source::new(windows, x, worst(x, extremum));
    let offsets = windows.offsets();
    let best = (1..offsets).fold(source.at(0), |best, offset| better(extremum, best, source.at(offset)));
    let dims = r.dims();
    let mut left = r.clone().reshape(&[dims[0], dims[1], 1, dims[2]]);
    let mut sink = Sink::new(windows, r);
    for offset in 0..offsets {
        let bool_dtype = get_device_settings::<B>(&left.device()).bool_dtype;
        let (element, best) = (source.at(offset).into_primitive(), best.clone().into_primitive());
        let lost = B::float_not_equal(element, best, bool_dtype);
        let won = Value::from_primitive(B::float_mask_fill(left.clone().into_primitive(), lost, 0.0.into()));
        // Equal elements further on find nothing left: subtracting a value from itself is exact.
        left = left - &won;
        sink.add(offset, won);
    }
    sink.finish()
}

/// Divides `[outer, output, 1, inner]` by each window's count; 0 where a window holds nothing.
fn share<B: Backend>(value: Value<B>, windows: &Windows, count_include_pad: bool) -> Value<B> {
    let counts = windows.counts(count_include_pad);
    let inside = windows.counts(false);
    let weight = |j: usize| if inside[j] == 0 { 0.0 } else { 1.0 / counts[j] as f64 };
    let weights: Vec<f64> = (0..counts.len()).map(weight).collect();
    match weights.first() {
        Some(&first) if weights.iter().all(|&w| w == first) => value * first,
        _ => {
            let data = TensorData::new(weights, [1, counts.len(), 1, 1]);
            let weights = Value::from_data(data.convert_dtype(value.dtype()), &value.device());
            value * weights
        }
    }
}

/// Runs a pool along each spatial axis, the last one first.
fn along_axes<B: Backend>(
    x: &Value<B>,
    all: &[Windows],
    pool: impl Fn(&Value<B>, &Windows) -> Value<B>,
) -> Value<B> {
    let leading = x.rank() - all.len();
    all.iter()
        .enumerate()
        .rev()
        .fold(x.clone(), |x, (i, windows)| around(&x, leading + i, |x| pool(x, windows)))
}

/// `[..., size, ...]` as `[outer, size, inner]` around `axis`.
fn flatten<B: Backend>(x: &Value<B>, axis: usize) -> Value<B> {
    let dims = x.dims();
    x.clone().reshape(&[dims[..axis].iter().product(), dims[axis], dims[axis + 1..].iter().product()])
}

/// Applies `f` to `[outer, size, inner]` around `axis` and gives the result the shape of `x` again,
/// but for the size of that axis.
fn around<B: Backend>(x: &Value<B>, axis: usize, f: impl FnOnce(&Value<B>) -> Value<B>) -> Value<B> {
    let mut dims = x.dims();
    let y = f(&flatten(x, axis));
    dims[axis] = y.dims()[1];
    y.reshape(&dims)
}
