//! The library's own pools, on every backend and for every geometry.
//!
//! The [crate](super)'s pools choose between these and Burn's; tests and measurements call them here
//! directly.

use burn_backend::{Backend, DType, FloatDType, Scalar, Shape, TensorData, get_device_settings};

use crate::Value;
use crate::pool_geometry::{Extremum, PoolGeometry};
use crate::window::{Sink, Source, Windows};

/// [`extremum_pool`](super::extremum_pool).
pub fn extremum_pool<B: Backend>(x: &Value<B>, extremum: Extremum, geometry: &PoolGeometry) -> Value<B> {
    along_axes(x, &geometry.windows(&x.dims()), |x, windows| extremum_along(x, extremum, windows))
}

/// [`extremum_pool_adjoint`](super::extremum_pool_adjoint).
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

/// [`takes_most`](super::takes_most).
///
/// The softmax over a box is that over a row, times that over the rows: the extremum `m` and the
/// sum `s` of `exp(slope * (x - m))` are carried from axis to axis as a pair, so that nothing is
/// lost in a logarithm.
pub fn takes_most<B: Backend>(
    x: &Value<B>,
    r: &Value<B>,
    beta: f64,
    extremum: Extremum,
    geometry: &PoolGeometry,
) -> Value<B> {
    let all = geometry.windows(&x.dims());
    let leading = x.rank() - all.len();
    let slope = match extremum {
        Extremum::Max => beta,
        Extremum::Min => -beta,
    };
    let mut levels = Vec::with_capacity(all.len());
    let mut value = x.clone();
    let mut sum: Option<Value<B>> = None;
    for (i, windows) in all.iter().enumerate().rev().filter(|(_, windows)| windows.tile() != Some(1)) {
        let axis = leading + i;
        let level = Level::new(&flatten(&value, axis), windows, extremum, slope);
        let sums = level.sum(sum.map(|sum| flatten(&sum, axis)));
        let mut dims = value.dims();
        dims[axis] = windows.output();
        value = level.best.clone().reshape(&dims);
        sum = Some(sums.reshape(&dims));
        levels.push((axis, level));
    }
    let Some(sum) = sum else { return r.clone() };
    // A row's own sum is a factor of its share among the rows and a divisor of its elements'
    // shares, so only the sum of the whole window is left.
    let shares = r.clone() / sum;
    levels.iter().rev().fold(shares, |shares, (axis, level)| around(&shares, *axis, |q| level.share_out(q)))
}

/// A softmax along one axis.
struct Level<'w, B: Backend> {
    windows: &'w Windows,
    slope: f64,
    elements: Elements<'w, B>,
    /// Extremum of each window, `[outer, output, 1, inner]`.
    best: Value<B>,
}

/// How the elements of the windows are read.
enum Elements<'w, B: Backend> {
    /// Windows side by side: all weights at once, `[outer, output, size, inner]`.
    Tiles(Value<B>),
    Offsets(Source<'w, B>),
}

impl<'w, B: Backend> Level<'w, B> {
    /// x `[outer, input, inner]`.
    fn new(x: &Value<B>, windows: &'w Windows, extremum: Extremum, slope: f64) -> Self {
        if let Some(tiles) = tiles(x, windows) {
            let best = extremum_dim(&tiles, extremum, 2);
            let elements = Elements::Tiles(weights(tiles, &best, slope));
            return Self { windows, slope, elements, best };
        }
        // Half of the worst, so that its distance to any element is finite.
        let source = Source::new(windows, x, worst(x, extremum) / 2.0);
        let best = best_of(&source, windows, extremum);
        Self { windows, slope, elements: Elements::Offsets(source), best }
    }

    /// Weight of element `offset` of every window. It is computed anew in each direction: keeping
    /// all of them would take as many copies of the input as a window has elements.
    fn weight(&self, source: &Source<'w, B>, offset: usize) -> Value<B> {
        weights(source.at(offset), &self.best, self.slope)
    }

    /// Sum of each window's weights times `factors` `[outer, input, inner]`: what those rows, which
    /// are elements here, hold. `[outer, output, 1, inner]`.
    fn sum(&self, factors: Option<Value<B>>) -> Value<B> {
        let source = match &self.elements {
            Elements::Tiles(weights) => {
                let weights = weights.clone();
                let tiles = factors.and_then(|factors| tiles(&factors, self.windows));
                return tiles.map_or(weights.clone(), |factors| weights * factors).sum_dim(2);
            }
            Elements::Offsets(source) => source,
        };
        // What lies outside of the input has the factor 0, whatever its weight.
        let inside = || self.best.full_like(&[1, self.windows.input(), 1], 1.0);
        let factors = factors.or_else(|| self.windows.reach_outside().then(inside));
        let factors = factors.map(|factors| Source::new(self.windows, &factors, 0.0));
        let term = |offset: usize| {
            let weight = self.weight(source, offset);
            match &factors {
                Some(factors) => weight * factors.at(offset),
                None => weight,
            }
        };
        (1..self.windows.offsets()).fold(term(0), |sum, offset| sum + term(offset))
    }

    /// Shares `q` `[outer, output, inner]` out to the elements, `[outer, input, inner]`.
    fn share_out(&self, q: &Value<B>) -> Value<B> {
        let dims = q.dims();
        let part = q.clone().reshape(&[dims[0], dims[1], 1, dims[2]]);
        match &self.elements {
            Elements::Tiles(weights) => {
                (weights.clone() * part).reshape(&[dims[0], self.windows.input(), dims[2]])
            }
            Elements::Offsets(source) => {
                let mut sink = Sink::new(self.windows, q);
                for offset in 0..self.windows.offsets() {
                    sink.add(offset, self.weight(source, offset) * &part);
                }
                sink.finish()
            }
        }
    }
}

/// `exp(slope * (x - best))`: exact however large `x` is, unlike a difference of products.
fn weights<B: Backend>(x: Value<B>, best: &Value<B>, slope: f64) -> Value<B> {
    let distance = x - best;
    let exponent = if slope == 1.0 { distance } else { distance * slope };
    Value::from_primitive(B::float_exp(exponent.into_primitive()))
}

/// [`average_pool`](super::average_pool).
pub fn average_pool<B: Backend>(x: &Value<B>, geometry: &PoolGeometry, count_include_pad: bool) -> Value<B> {
    along_axes(x, &geometry.windows(&x.dims()), |x, windows| {
        let sum = match tiles(x, windows) {
            Some(tiles) => tiles.sum_dim(2),
            None => {
                let source = Source::new(windows, x, 0.0);
                (1..windows.offsets()).fold(source.at(0), |sum, offset| sum + source.at(offset))
            }
        };
        share(sum, windows, count_include_pad)
    })
}

/// [`average_pool_adjoint`](super::average_pool_adjoint).
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

/// `[outer, input, inner]` as `[outer, output, size, inner]`, if the windows lie side by side. One
/// step then serves windows of any size.
fn tiles<B: Backend>(x: &Value<B>, windows: &Windows) -> Option<Value<B>> {
    let size = windows.tile()?;
    let dims = x.dims();
    Some(x.clone().reshape(&[dims[0], windows.output(), size, dims[2]]))
}

fn extremum_dim<B: Backend>(x: &Value<B>, extremum: Extremum, dim: usize) -> Value<B> {
    let x = x.clone().into_primitive();
    Value::from_primitive(match extremum {
        Extremum::Max => B::float_max_dim(x, dim),
        Extremum::Min => B::float_min_dim(x, dim),
    })
}

fn best_of<B: Backend>(source: &Source<'_, B>, windows: &Windows, extremum: Extremum) -> Value<B> {
    (1..windows.offsets()).fold(source.at(0), |best, offset| better(extremum, best, source.at(offset)))
}

fn extremum_along<B: Backend>(x: &Value<B>, extremum: Extremum, windows: &Windows) -> Value<B> {
    match tiles(x, windows) {
        Some(tiles) => extremum_dim(&tiles, extremum, 2),
        None => best_of(&Source::new(windows, x, worst(x, extremum)), windows, extremum),
    }
}

/// x `[outer, input, inner]`, r `[outer, output, inner]`: relevance of x.
fn winners_along<B: Backend>(x: &Value<B>, r: &Value<B>, extremum: Extremum, windows: &Windows) -> Value<B> {
    let dims = r.dims();
    let mut left = r.clone().reshape(&[dims[0], dims[1], 1, dims[2]]);
    if let Some(tiles) = tiles(x, windows) {
        return winners_of_tiles(&tiles, left, extremum).reshape(&x.dims());
    }
    let source = Source::new(windows, x, worst(x, extremum));
    let best = best_of(&source, windows, extremum);
    let mut sink = Sink::new(windows, r);
    for offset in 0..windows.offsets() {
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

/// x `[outer, output, size, inner]`, r `[outer, output, 1, inner]`: relevance of x.
fn winners_of_tiles<B: Backend>(x: &Value<B>, r: Value<B>, extremum: Extremum) -> Value<B> {
    let dims = x.dims();
    let settings = get_device_settings::<B>(&x.device());
    let all = |value: Value<B>| value.expand(&dims).into_primitive();
    let best = all(extremum_dim(x, extremum, 2));
    let lost = B::float_not_equal(x.clone().into_primitive(), best, settings.bool_dtype);
    // Backends differ in which of several equal elements their `argmax` finds; the smallest place
    // of a winner is the first everywhere.
    let places = B::int_arange(0..dims[2] as i64, &x.device(), settings.int_dtype);
    let places =
        B::int_expand(B::int_reshape(places, Shape::from([1, 1, dims[2], 1])), Shape::from(dims.clone()));
    let winners = B::int_mask_fill(places.clone(), lost, Scalar::Int(dims[2] as i64));
    let first = B::int_expand(B::int_min_dim(winners, 2), Shape::from(dims.clone()));
    let others = B::int_not_equal(places, first, settings.bool_dtype);
    Value::from_primitive(B::float_mask_fill(all(r), others, Scalar::Float(0.0)))
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
