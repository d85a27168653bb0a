//! TakesMost as a plain loop over the windows, for tensors that lie in host memory.
//!
//! Tensor operations read and write the whole input once per step, and there are several steps per
//! offset within a window. A loop visits each window once.

use std::ops::{Add, AddAssign, Mul, Sub};

use burn_backend::{Backend, DType, Element, TensorData, read_sync};
use rayon::prelude::*;

use crate::Value;
use crate::pool_geometry::{Extremum, PoolGeometry};
use crate::window::{Line, Windows};

/// Elements below which another thread costs more than it saves.
pub(crate) const ELEMENTS_PER_THREAD: usize = 1 << 16;

/// [`takes_most`](super::takes_most); `None` where the values cannot be read, or have more
/// than three spatial dimensions.
pub(crate) fn takes_most<B: Backend>(
    x: &Value<B>,
    r: &Value<B>,
    beta: f64,
    extremum: Extremum,
    geometry: &PoolGeometry,
) -> Option<Value<B>> {
    let boxes = Boxes::new(&geometry.windows(&x.dims()))?;
    let (elements, relevance) = (read(x)?, read(r)?);
    let shared = match x.dtype() {
        DType::F64 => shared_out::<f64>(elements, relevance, beta, extremum, &boxes),
        _ => shared_out::<f32>(elements, relevance, beta, extremum, &boxes),
    };
    Some(Value::from_data(shared?.convert_dtype(x.dtype()), &x.device()))
}

/// The value's elements. A tensor that is shared is copied by an operation first: what is left to
/// one owner is handed over as it is, whereas some backends copy the rest element by element.
pub(crate) fn read<B: Backend>(value: &Value<B>) -> Option<TensorData> {
    let own = (value.clone() * 1.0).into_primitive();
    read_sync(B::float_into_data(own)).ok()
}

fn shared_out<T: Real>(
    x: TensorData,
    r: TensorData,
    beta: f64,
    extremum: Extremum,
    boxes: &Boxes,
) -> Option<TensorData> {
    let (x, r) = (x.convert::<T>(), r.convert::<T>());
    let (elements, relevance) = (x.as_slice::<T>().ok()?, r.as_slice::<T>().ok()?);
    let slope = T::of(match extremum {
        Extremum::Max => beta,
        Extremum::Min => -beta,
    });
    let mut shared = vec![T::of(0.0); elements.len()];
    let (plane, windows) = (boxes.elements(), boxes.windows());
    shared
        .par_chunks_mut(plane)
        .zip(elements.par_chunks(plane))
        .zip(relevance.par_chunks(windows))
        .with_min_len(ELEMENTS_PER_THREAD.div_ceil(plane))
        .for_each_init(Room::default, |room, ((shared, x), r)| {
            // Fresh memory is to be written before it is read: a page that is read first is mapped
            // twice, and the second time interrupts the other threads.
            shared.fill(T::of(0.0));
            match extremum {
                Extremum::Max => boxes.share_out(x, r, slope, |a, b| a > b, shared, room),
                Extremum::Min => boxes.share_out(x, r, slope, |a, b| a < b, shared, room),
            }
        });
    Some(TensorData::new(shared, x.shape.clone()))
}

/// Room for one window, kept from channel to channel.
#[derive(Default)]
struct Room<T> {
    /// Where its rows start.
    rows: Vec<usize>,
    /// Its elements, then their weights.
    weights: Vec<T>,
}

/// The windows of one channel: boxes in three dimensions, of which the first ones may have size 1.
struct Boxes {
    input: [usize; 3],
    lines: [Vec<Line>; 3],
}

impl Boxes {
    fn new(windows: &[Windows]) -> Option<Self> {
        let first = 3usize.checked_sub(windows.len())?;
        let mut boxes =
            Self { input: [1; 3], lines: [(); 3].map(|()| vec![Line { start: 0, step: 1, count: 1 }]) };
        for (axis, windows) in windows.iter().enumerate() {
            boxes.input[first + axis] = windows.input();
            boxes.lines[first + axis] = windows.lines();
        }
        Some(boxes)
    }

    fn elements(&self) -> usize {
        self.input.iter().product()
    }

    fn windows(&self) -> usize {
        self.lines.iter().map(Vec::len).product()
    }

    /// Adds each window's relevance, shared out by `exp(slope * (x - best))`, to `shared`.
    fn share_out<T: Real>(
        &self,
        x: &[T],
        r: &[T],
        slope: T,
        better: impl Fn(T, T) -> bool,
        shared: &mut [T],
        Room { rows, weights }: &mut Room<T>,
    ) {
        let [_, height, width] = self.input;
        let [depths, heights, widths] = &self.lines;
        let mut relevance = r.iter();
        for depth in depths {
            for high in heights {
                rows.clear();
                rows.extend(
                    depth.positions().flat_map(|d| high.positions().map(move |h| (d * height + h) * width)),
                );
                for (wide, &r) in widths.iter().zip(relevance.by_ref()) {
                    let Line { start, step, count } = *wide;
                    if rows.is_empty() || count == 0 {
                        continue;
                    }
                    // The window in one piece: runs of neighbours are copied, which a step prevents.
                    weights.clear();
                    for row in rows.iter() {
                        let first = row + start;
                        match step {
                            1 => weights.extend_from_slice(&x[first..first + count]),
                            _ => weights.extend(x[first..].iter().step_by(step).take(count)),
                        }
                    }
                    let best = weights[1..].iter().fold(weights[0], |best, &element| {
                        if better(element, best) { element } else { best }
                    });
                    let mut sum = 0.0;
                    for weight in weights.iter_mut() {
                        *weight = (slope * (*weight - best)).exp();
                        sum += (*weight).into();
                    }
                    let part = T::of(r.into() / sum);
                    for (row, weights) in rows.iter().zip(weights.chunks(count)) {
                        let first = row + start;
                        match step {
                            1 => add(&mut shared[first..first + count], weights, part),
                            _ => add(shared[first..].iter_mut().step_by(step), weights, part),
                        }
                    }
                }
            }
        }
    }
}

/// Adds `part * weights` to elements.
fn add<'a, T: Real + 'a>(elements: impl IntoIterator<Item = &'a mut T>, weights: &[T], part: T) {
    elements.into_iter().zip(weights).for_each(|(element, &weight)| *element += weight * part);
}

/// A float type of the host. Sums are kept in f64, so that they are exact for the largest windows.
pub(crate) trait Real:
    Element
    + Into<f64>
    + PartialOrd
    + Add<Output = Self>
    + AddAssign
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Send
    + Sync
{
    fn of(number: f64) -> Self;
    fn exp(self) -> Self;
}

impl Real for f32 {
    fn of(number: f64) -> Self {
        number as f32
    }
    fn exp(self) -> Self {
        self.exp()
    }
}

impl Real for f64 {
    fn of(number: f64) -> Self {
        number
    }
    fn exp(self) -> Self {
        self.exp()
    }
}
