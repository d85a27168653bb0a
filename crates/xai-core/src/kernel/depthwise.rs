//! Strided depthwise convolutions and their adjoints as plain loops, for tensors that lie in host memory.
//!
//! Such a convolution has little to compute and much to move. Burn's CPU backends gather its windows
//! element by element, write every product of its adjoint to memory before they add any, and do not
//! serve a convolution with one output per phase of the stride well. Here a row is split into the
//! phases of the stride first, so that all sums run along contiguous elements.

use std::ops::Range;
use std::thread;

use burn_backend::{Backend, DType, TensorData};

use super::ConvGeometry;
use super::host::{ELEMENTS_PER_THREAD, Real, read};
use crate::Value;

/// [`conv`](super::conv) without bias where every group has one input channel; `None` where the
/// groups have more, or the values cannot be read.
pub(super) fn forward<B: Backend>(
    x: &Value<B>,
    weight: &Value<B>,
    output_dims: &[usize],
    geometry: &ConvGeometry,
) -> Option<Value<B>> {
    let (input, weights) = (x.dims(), weight.dims());
    let depthwise = Depthwise::new(output_dims, &weights, &input, geometry)?;
    let (elements, weights) = (read(x)?, read(weight)?);
    let sums = match x.dtype() {
        DType::F64 => TensorData::new(depthwise.gather::<f64>(elements, weights)?, output_dims.to_vec()),
        _ => TensorData::new(depthwise.gather::<f32>(elements, weights)?, output_dims.to_vec()),
    };
    Some(Value::from_data(sums.convert_dtype(x.dtype()), &x.device()))
}

/// [`conv_adjoint`](super::conv_adjoint) where every group has one input channel; `None` where the
/// groups have more, or the values cannot be read.
pub(super) fn adjoint<B: Backend>(
    r: &Value<B>,
    weight: &Value<B>,
    input_dims: &[usize],
    geometry: &ConvGeometry,
) -> Option<Value<B>> {
    let depthwise = Depthwise::new(&r.dims(), &weight.dims(), input_dims, geometry)?;
    let (relevance, weights) = (read(r)?, read(weight)?);
    let sums = match r.dtype() {
        DType::F64 => TensorData::new(depthwise.scatter::<f64>(relevance, weights)?, input_dims.to_vec()),
        _ => TensorData::new(depthwise.scatter::<f32>(relevance, weights)?, input_dims.to_vec()),
    };
    Some(Value::from_data(sums.convert_dtype(r.dtype()), &r.device()))
}

/// One spatial axis of a convolution.
#[derive(Clone, Copy)]
struct Axis {
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    dilation: usize,
    padding: usize,
}

impl Axis {
    /// Of an axis that the convolution does not have.
    const NONE: Self = Self { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, padding: 0 };

    /// The input element that output `output` meets with kernel element `tap`.
    fn input_at(&self, output: usize, tap: usize) -> Option<usize> {
        let place = (output * self.stride + tap * self.dilation).checked_sub(self.padding)?;
        (place < self.input).then_some(place)
    }

    /// The output that meets input element `place` with kernel element `tap`.
    fn output_at(&self, place: usize, tap: usize) -> Option<usize> {
        let distance = (place + self.padding).checked_sub(tap * self.dilation)?;
        let output = distance / self.stride;
        (distance % self.stride == 0 && output < self.output).then_some(output)
    }

    /// Where the products of kernel element `tap` go.
    fn tap(&self, tap: usize) -> Tap {
        let (offset, stride) = ((tap * self.dilation) as isize - self.padding as isize, self.stride as isize);
        let (phase, shift) = (offset.rem_euclid(stride).unsigned_abs(), offset.div_euclid(stride));
        // Input elements of this phase, of which the first `shift` or the last ones are out of reach.
        let count = self.input.saturating_sub(phase).div_ceil(self.stride);
        let first = shift.min(0).unsigned_abs().min(self.output);
        let skipped = shift.max(0).unsigned_abs().min(count);
        let length = (self.output - first).min(count - skipped);
        Tap { phase, outputs: first..first + length, places: skipped..skipped + length }
    }
}

/// A kernel element along the last axis: output `outputs[i]` reaches the input element
/// `places[i] * stride + phase`.
struct Tap {
    phase: usize,
    outputs: Range<usize>,
    places: Range<usize>,
}

/// The geometry of one channel in three dimensions, of which the first ones may have size 1.
struct Depthwise {
    axes: [Axis; 3],
    taps: Vec<Tap>,
    channels: usize,
    /// Outputs per input channel.
    multiplier: usize,
}

impl Depthwise {
    fn new(output: &[usize], weight: &[usize], input: &[usize], geometry: &ConvGeometry) -> Option<Self> {
        if weight[1] != 1 {
            return None;
        }
        let spatial = geometry.stride.len();
        let first = 3usize.checked_sub(spatial)?;
        let mut axes = [Axis::NONE; 3];
        for i in 0..spatial {
            axes[first + i] = Axis {
                input: input[i + 2],
                output: output[i + 2],
                kernel: weight[i + 2],
                stride: geometry.stride[i],
                dilation: geometry.dilation[i],
                padding: geometry.padding[i].0,
            };
        }
        let taps = (0..axes[2].kernel).map(|tap| axes[2].tap(tap)).collect();
        Some(Self { axes, taps, channels: input[1], multiplier: weight[0] / input[1] })
    }

    fn size(&self, of: fn(&Axis) -> usize) -> usize {
        self.axes.iter().map(of).product()
    }

    /// Elements of one input channel.
    fn inside(&self) -> usize {
        self.size(|axis| axis.input)
    }

    /// Elements of all outputs of one input channel.
    fn outside(&self) -> usize {
        self.multiplier * self.size(|axis| axis.output)
    }

    /// The convolution of all channels of all samples.
    fn gather<T: Real>(&self, x: TensorData, weight: TensorData) -> Option<Vec<T>> {
        let (x, weight) = (x.convert::<T>(), weight.convert::<T>());
        let (x, weight) = (x.as_slice::<T>().ok()?, weight.as_slice::<T>().ok()?);
        let add = |channel: usize, sums: &mut [T], x: &[T]| self.gather_plane(channel, sums, x, weight);
        Some(over_planes(x, [self.inside(), self.outside()], self.channels, add))
    }

    /// The adjoint of all channels of all samples.
    fn scatter<T: Real>(&self, r: TensorData, weight: TensorData) -> Option<Vec<T>> {
        let (r, weight) = (r.convert::<T>(), weight.convert::<T>());
        let (r, weight) = (r.as_slice::<T>().ok()?, weight.as_slice::<T>().ok()?);
        let add = |channel: usize, sums: &mut [T], r: &[T]| self.scatter_plane(channel, sums, r, weight);
        Some(over_planes(r, [self.outside(), self.inside()], self.channels, add))
    }

    /// Length of one phase of an input row.
    fn phase_length(&self) -> usize {
        let [_, _, width] = self.axes;
        width.input.div_ceil(width.stride)
    }

    /// Computes the outputs of one input channel.
    fn gather_plane<T: Real>(&self, channel: usize, sums: &mut [T], x: &[T], weight: &[T]) {
        let [depth, height, width] = self.axes;
        let taps = depth.kernel * height.kernel * width.kernel;
        let length = self.phase_length();
        let split = length * width.stride;
        let mut phases = vec![T::of(0.0); depth.input * height.input * split];
        for (row, phases) in x.chunks(width.input).zip(phases.chunks_mut(split)) {
            for (phase, values) in phases.chunks_mut(length).enumerate() {
                let places = row.iter().skip(phase).step_by(width.stride);
                values.iter_mut().zip(places).for_each(|(value, &place)| *value = place);
            }
        }
        let rows = depth.output * height.output;
        for (row, sums) in sums.chunks_mut(width.output).enumerate() {
            let (output, row) = (row / rows, row % rows);
            let (d, h) = (row / height.output, row % height.output);
            let weight = &weight[(channel * self.multiplier + output) * taps..][..taps];
            for (kd, id) in (0..depth.kernel).filter_map(|k| Some((k, depth.input_at(d, k)?))) {
                for (kh, ih) in (0..height.kernel).filter_map(|k| Some((k, height.input_at(h, k)?))) {
                    let weight = &weight[(kd * height.kernel + kh) * width.kernel..][..width.kernel];
                    let phases = &phases[(id * height.input + ih) * split..][..split];
                    for (tap, &weight) in self.taps.iter().zip(weight) {
                        let places = &phases[tap.phase * length..][tap.places.clone()];
                        for (sum, &x) in sums[tap.outputs.clone()].iter_mut().zip(places) {
                            *sum += weight * x;
                        }
                    }
                }
            }
        }
    }

    /// Computes one channel of the adjoint from the relevance of its outputs.
    fn scatter_plane<T: Real>(&self, channel: usize, sums: &mut [T], r: &[T], weight: &[T]) {
        let [depth, height, width] = self.axes;
        let taps = depth.kernel * height.kernel * width.kernel;
        let outputs = depth.output * height.output * width.output;
        // One row of the input, phase by phase, so that the sums run along contiguous elements.
        let length = self.phase_length();
        let mut phases = vec![T::of(0.0); length * width.stride];
        for (row, sums) in sums.chunks_mut(width.input).enumerate() {
            phases.fill(T::of(0.0));
            let (d, h) = (row / height.input, row % height.input);
            for output in 0..self.multiplier {
                let weight = &weight[(channel * self.multiplier + output) * taps..][..taps];
                let r = &r[output * outputs..][..outputs];
                for (kd, od) in (0..depth.kernel).filter_map(|k| Some((k, depth.output_at(d, k)?))) {
                    for (kh, oh) in (0..height.kernel).filter_map(|k| Some((k, height.output_at(h, k)?))) {
                        let weight = &weight[(kd * height.kernel + kh) * width.kernel..][..width.kernel];
                        let r = &r[(od * height.output + oh) * width.output..][..width.output];
                        for (tap, &weight) in self.taps.iter().zip(weight) {
                            let places = &mut phases[tap.phase * length..][tap.places.clone()];
                            for (sum, &r) in places.iter_mut().zip(&r[tap.outputs.clone()]) {
                                *sum += weight * r;
                            }
                        }
                    }
                }
            }
            for (phase, values) in phases.chunks(length).enumerate() {
                let places = sums.iter_mut().skip(phase).step_by(width.stride);
                places.zip(values).for_each(|(sum, &value)| *sum = value);
            }
        }
    }
}

/// Computes planes of `to` elements from planes of `from` elements, each of which belongs to one of
/// `channels` that come one after the other.
fn over_planes<T: Real>(
    source: &[T],
    [from, to]: [usize; 2],
    channels: usize,
    compute: impl Fn(usize, &mut [T], &[T]) + Sync,
) -> Vec<T> {
    let planes = source.len() / from;
    let mut results = vec![T::of(0.0); planes * to];
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(source.len().max(results.len()) / ELEMENTS_PER_THREAD).clamp(1, planes.max(1));
    let each = planes.div_ceil(threads).max(1);
    let parts = results.chunks_mut(each * to).zip(source.chunks(each * from)).enumerate();
    let compute = |part: usize, results: &mut [T], source: &[T]| {
        for (plane, (result, source)) in results.chunks_mut(to).zip(source.chunks(from)).enumerate() {
            // As in `host`: written before it is read.
            result.fill(T::of(0.0));
            compute((part * each + plane) % channels, result, source);
        }
    };
    if threads == 1 {
        parts.for_each(|(part, (results, source))| compute(part, results, source));
    } else {
        let compute = &compute;
        thread::scope(|scope| {
            for (part, (results, source)) in parts {
                scope.spawn(move || compute(part, results, source));
            }
        });
    }
    results
}
