//! Depthwise convolutions and their adjoints as plain loops, for tensors that lie in host memory.
//!
//! Such a convolution has little to compute and much to move. Here a channel is first laid out in
//! planes with room for the padding, one for each phase of the stride; then every kernel element
//! meets its plane at one offset, so all sums run along contiguous elements, row ends included, and
//! kernel elements that are 0, as in the positive part of a weight, cost nothing. (They hide an
//! infinite value: the sum has 0 where the product would be NaN.)

use std::ops::Range;

use burn_backend::{Backend, DType, TensorData};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::Value;
use crate::conv_axis::Axis;
use crate::conv_geometry::ConvGeometry;
use crate::host::{ELEMENTS_PER_THREAD, Real, read};

/// Elements whose sums are completed before the next are begun: few enough to stay in the cache.
const BLOCK: usize = 4096;

/// [`conv`](super::conv) without bias where every group has one input channel; `None` where the
/// groups have more, or the values cannot be read.
pub(crate) fn forward<B: Backend>(
    x: &Value<B>,
    weight: &Value<B>,
    output_dims: &[usize],
    geometry: &ConvGeometry,
) -> Option<Value<B>> {
    let axes = depthwise_axes(output_dims, &weight.dims(), &x.dims(), geometry)?;
    let multiplier = weight.dims()[0] / x.dims()[1];
    Sweep::forward(&axes, multiplier).run_on(x, weight, output_dims)
}

/// [`conv_adjoint`](super::conv_adjoint) where every group has one input channel; `None` where the
/// groups have more, or the values cannot be read.
pub(crate) fn adjoint<B: Backend>(
    r: &Value<B>,
    weight: &Value<B>,
    input_dims: &[usize],
    geometry: &ConvGeometry,
) -> Option<Value<B>> {
    let axes = depthwise_axes(&r.dims(), &weight.dims(), input_dims, geometry)?;
    let multiplier = weight.dims()[0] / input_dims[1];
    Sweep::adjoint(&axes, multiplier).run_on(r, weight, input_dims)
}

/// The axes, where every group has one input channel.
fn depthwise_axes(
    output: &[usize],
    weight: &[usize],
    input: &[usize],
    geometry: &ConvGeometry,
) -> Option<[Axis; 3]> {
    Axis::all(output, weight, input, geometry).filter(|_| weight[1] == 1)
}

/// Where the elements of a line come from or go to: element `i` is number
/// `(i + shift) * step + phase` of `count`, if there is such a number.
#[derive(Clone, Copy)]
struct Line {
    shift: isize,
    step: usize,
    phase: usize,
    count: usize,
}

impl Line {
    fn number(&self, i: usize) -> Option<usize> {
        let place = (i as isize + self.shift).checked_mul(self.step as isize)? + self.phase as isize;
        usize::try_from(place).ok().filter(|&number| number < self.count)
    }

    /// Those of the first `length` elements that have a number, and the number of the first of them.
    fn numbers(&self, length: usize) -> (Range<usize>, usize) {
        let first = (-self.shift).max(0).unsigned_abs().min(length);
        let inside = self.count.saturating_sub(self.phase).div_ceil(self.step) as isize - self.shift;
        let elements = first..inside.clamp(first as isize, length as isize).unsigned_abs();
        (elements, self.number(first).unwrap_or_default())
    }
}

/// A channel's plane, or one phase of it: where it starts among the channel's elements, and the
/// lines along each axis.
struct Plane {
    start: usize,
    lines: [Line; 3],
}

impl Plane {
    /// Calls `each` for every row of a padded plane that has elements of this one: with the range of
    /// these elements in the padded plane, and the number of the first of them in the channel.
    fn rows(&self, sizes: [usize; 3], padded: [usize; 3], mut each: impl FnMut(Range<usize>, usize)) {
        let [depths, heights, widths] = self.lines;
        let (elements, first) = widths.numbers(sizes[2]);
        for (d, depth) in (0..sizes[0]).filter_map(|d| Some((d, depths.number(d)?))) {
            for (h, height) in (0..sizes[1]).filter_map(|h| Some((h, heights.number(h)?))) {
                let row = (d * padded[1] + h) * padded[2];
                let number = self.start + (depth * heights.count + height) * widths.count + first;
                each(row + elements.start..row + elements.end, number);
            }
        }
    }

    fn step(&self) -> usize {
        self.lines[2].step
    }
}

/// A kernel element: the padded plane it reads, from which element on, and its number.
struct Tap {
    plane: usize,
    offset: usize,
    number: usize,
}

/// A convolution of a channel, or its adjoint, as sums of padded planes, each read from an offset on.
struct Sweep {
    /// What the padded planes hold.
    sources: Vec<Plane>,
    /// Where the sums go, and what they are made of.
    targets: Vec<(Plane, Vec<Tap>)>,
    /// Sizes of the sums.
    sizes: [usize; 3],
    /// Sizes of the padded planes.
    padded: [usize; 3],
    /// Elements that a channel is computed from, and elements of the result.
    elements: [usize; 2],
    /// Kernel elements of a channel.
    kernel: usize,
}

impl Sweep {
    /// From the phases of a channel to its `multiplier` outputs.
    fn forward(axes: &[Axis; 3], multiplier: usize) -> Self {
        let taps = kernel_elements(axes);
        let mut phases: Vec<[usize; 3]> = taps.iter().map(|(phases, _)| *phases).collect();
        phases.sort_unstable();
        phases.dedup();
        let lines = |phases: &[usize; 3]| {
            std::array::from_fn(|i| {
                let Axis { input, stride, .. } = axes[i];
                Line { shift: axes[i].shifts().0, step: stride, phase: phases[i], count: input }
            })
        };
        let sizes = axes.map(|axis| axis.output);
        let padded = padded(axes, sizes);
        let plane: usize = sizes.iter().product();
        let targets = (0..multiplier).map(|output| {
            let taps = taps.iter().enumerate().map(|(number, (of, shifts))| Tap {
                plane: phases.partition_point(|phases| phases < of),
                offset: offset(padded, |i| shifts[i] - axes[i].shifts().0),
                number: output * taps.len() + number,
            });
            let lines = sizes.map(|count| Line { shift: 0, step: 1, phase: 0, count });
            (Plane { start: output * plane, lines }, taps.collect())
        });
        Self {
            targets: targets.collect(),
            sources: phases.iter().map(|phases| Plane { start: 0, lines: lines(phases) }).collect(),
            sizes,
            padded,
            elements: [axes.iter().map(|axis| axis.input).product(), multiplier * plane],
            kernel: multiplier * taps.len(),
        }
    }

    /// From the `multiplier` outputs of a channel to its phases.
    fn adjoint(axes: &[Axis; 3], multiplier: usize) -> Self {
        let taps = kernel_elements(axes);
        let sizes = axes.map(|axis| axis.per_phase());
        let padded = padded(axes, sizes);
        let lines = std::array::from_fn(|i| {
            let Axis { output, .. } = axes[i];
            Line { shift: -axes[i].shifts().1, step: 1, phase: 0, count: output }
        });
        let plane: usize = axes.iter().map(|axis| axis.output).product();
        let [depths, heights, widths] = axes.map(|axis| 0..axis.stride.min(axis.input));
        let phases = depths.flat_map(|d| {
            let widths = widths.clone();
            heights.clone().flat_map(move |h| widths.clone().map(move |w| [d, h, w]))
        });
        let targets = phases.map(|phases| {
            let of_output = |output: usize| {
                let of_phase = taps.iter().enumerate().filter(|(_, (of, _))| *of == phases);
                let count = taps.len();
                of_phase.map(move |(number, (_, shifts))| Tap {
                    plane: output,
                    offset: offset(padded, |i| axes[i].shifts().1 - shifts[i]),
                    number: output * count + number,
                })
            };
            let lines = std::array::from_fn(|i| {
                let Axis { input, stride, .. } = axes[i];
                Line { shift: 0, step: stride, phase: phases[i], count: input }
            });
            (Plane { start: 0, lines }, (0..multiplier).flat_map(of_output).collect())
        });
        Self {
            targets: targets.collect(),
            sources: (0..multiplier).map(|output| Plane { start: output * plane, lines }).collect(),
            sizes,
            padded,
            elements: [multiplier * plane, axes.iter().map(|axis| axis.input).product()],
            kernel: multiplier * taps.len(),
        }
    }

    fn run_on<B: Backend>(&self, x: &Value<B>, weight: &Value<B>, dims: &[usize]) -> Option<Value<B>> {
        let (source, weights) = (read(x)?, read(weight)?);
        let sums = match x.dtype() {
            DType::F64 => TensorData::new(self.run::<f64>(source, weights)?, dims.to_vec()),
            _ => TensorData::new(self.run::<f32>(source, weights)?, dims.to_vec()),
        };
        Some(Value::from_data(sums.convert_dtype(x.dtype()), &x.device()))
    }

    /// The results of all channels of all samples.
    fn run<T: Real>(&self, source: TensorData, weights: TensorData) -> Option<Vec<T>> {
        let (source, weights) = (source.convert::<T>(), weights.convert::<T>());
        let (source, weights) = (source.as_slice::<T>().ok()?, weights.as_slice::<T>().ok()?);
        let ([from, to], channels) = (self.elements, weights.len() / self.kernel);
        let mut results = vec![T::of(0.0); source.len() / from * to];
        let arch = Arch::new();
        results
            .par_chunks_mut(to)
            .zip(source.par_chunks(from))
            .enumerate()
            .with_min_len(ELEMENTS_PER_THREAD.div_ceil(from.max(to)))
            .for_each_init(
                || Room::new(self),
                |room, (plane, (result, source))| {
                    let weights = &weights[plane % channels * self.kernel..][..self.kernel];
                    self.channel(arch, weights, source, result, room);
                },
            );
        Some(results)
    }

    /// The result of one channel.
    fn channel<T: Real>(
        &self,
        arch: Arch,
        weights: &[T],
        source: &[T],
        result: &mut [T],
        room: &mut Room<T>,
    ) {
        let Room { padded, sums, terms } = room;
        let size = self.padded.iter().product();
        for (plane, padded) in self.sources.iter().zip(padded.chunks_mut(size)) {
            plane.rows(self.padded, self.padded, |row, number| {
                let (row, source) = (&mut padded[row], &source[number..]);
                match plane.step() {
                    1 => row.copy_from_slice(&source[..row.len()]),
                    step => {
                        row.iter_mut().zip(source.iter().step_by(step)).for_each(|(to, from)| *to = *from)
                    }
                }
            });
        }
        for (plane, taps) in &self.targets {
            let each = taps.iter().map(|tap| (weights[tap.number], tap.plane * size + tap.offset));
            terms.clear();
            terms.extend(each.filter(|(weight, _)| *weight != T::of(0.0)));
            arch.dispatch(Sum { sums: &mut *sums, padded, terms });
            plane.rows(self.sizes, self.padded, |row, number| {
                let (row, result) = (&sums[row], &mut result[number..]);
                match plane.step() {
                    1 => result[..row.len()].copy_from_slice(row),
                    step => {
                        row.iter().zip(result.iter_mut().step_by(step)).for_each(|(from, to)| *to = *from)
                    }
                }
            });
        }
    }
}

/// Phases and shifts of the kernel's elements.
fn kernel_elements(axes: &[Axis; 3]) -> Vec<([usize; 3], [isize; 3])> {
    let [depths, heights, widths] = axes.map(|axis| (0..axis.kernel).map(move |tap| axis.tap(tap)));
    let elements = depths.flat_map(|d| {
        let widths = widths.clone();
        heights.clone().flat_map(move |h| widths.clone().map(move |w| ([d.0, h.0, w.0], [d.1, h.1, w.1])))
    });
    elements.collect()
}

/// Sizes with room for all shifts.
fn padded(axes: &[Axis; 3], sizes: [usize; 3]) -> [usize; 3] {
    std::array::from_fn(|i| {
        let (first, last) = axes[i].shifts();
        sizes[i] + (last - first).unsigned_abs()
    })
}

/// The element of a padded plane that is `along` each axis from its first.
fn offset(padded: [usize; 3], along: impl Fn(usize) -> isize) -> usize {
    (0..3).fold(0, |offset, axis| offset * padded[axis] + along(axis).unsigned_abs())
}

/// Room for one channel, kept from channel to channel.
struct Room<T> {
    /// The padded planes; what is between their rows stays 0.
    padded: Vec<T>,
    sums: Vec<T>,
    /// Weights, and the element of `padded` that the first sum meets each of them with.
    terms: Vec<(T, usize)>,
}

impl<T: Real> Room<T> {
    fn new(sweep: &Sweep) -> Self {
        let Sweep { sources, sizes, padded, .. } = sweep;
        let last = offset(*padded, |axis| sizes[axis] as isize - 1);
        let elements = sources.len() * padded.iter().product::<usize>();
        let zeros = |count| vec![T::of(0.0); count];
        Self { padded: zeros(elements), sums: zeros(last + 1), terms: Vec::new() }
    }
}

/// `sums[i] = sum of weight * padded[first + i]` over all `(weight, first)` of `terms`.
struct Sum<'a, T> {
    sums: &'a mut [T],
    padded: &'a [T],
    terms: &'a [(T, usize)],
}

impl<T: Real> WithSimd for Sum<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { sums, padded, terms } = self;
        for (block, sums) in sums.chunks_mut(BLOCK).enumerate() {
            let of_block = |&(weight, first): &(T, usize)| (weight, &padded[first + block * BLOCK..]);
            sums.fill(T::of(0.0));
            // Four at a time, so that the sums are read and written a quarter as often.
            let (fours, rest) = terms.as_chunks::<4>();
            for [a, b, c, d] in fours {
                let ((u, a), (v, b), (w, c), (x, d)) = (of_block(a), of_block(b), of_block(c), of_block(d));
                for ((((sum, &a), &b), &c), &d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                    *sum += (u * a + v * b) + (w * c + x * d);
                }
            }
            for (weight, elements) in rest.iter().map(of_block) {
                sums.iter_mut().zip(elements).for_each(|(sum, &element)| *sum += weight * element);
            }
        }
    }
}
