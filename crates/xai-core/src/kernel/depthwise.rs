//! The adjoint of strided depthwise convolutions as a plain loop, for tensors that lie in host memory.
//!
//! Such a convolution has little to compute and much to move: Burn's CPU backends write every product
//! to memory before they add any, and a convolution with one output per phase of the stride is no
//! longer one that they serve well.

use std::ops::Range;
use std::thread;

use burn_backend::{Backend, DType, TensorData};

use super::ConvGeometry;
use super::host::{ELEMENTS_PER_THREAD, Real, read};
use crate::Value;

/// [`conv_adjoint`](super::conv_adjoint) where every group has one input channel; `None` where the
/// groups have more, or the values cannot be read.
pub(super) fn adjoint<B: Backend>(
    r: &Value<B>,
    weight: &Value<B>,
    input_dims: &[usize],
    geometry: &ConvGeometry,
) -> Option<Value<B>> {
    if weight.dims()[1] != 1 {
        return None;
    }
    let scatter = Scatter::new(&r.dims(), &weight.dims(), input_dims, geometry)?;
    let (relevance, weights) = (read(r)?, read(weight)?);
    let sums = match r.dtype() {
        DType::F64 => TensorData::new(scatter.run::<f64>(relevance, weights)?, input_dims.to_vec()),
        _ => TensorData::new(scatter.run::<f32>(relevance, weights)?, input_dims.to_vec()),
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
struct Scatter {
    axes: [Axis; 3],
    taps: Vec<Tap>,
    channels: usize,
    /// Outputs per input channel.
    multiplier: usize,
}

impl Scatter {
    fn new(output: &[usize], weight: &[usize], input: &[usize], geometry: &ConvGeometry) -> Option<Self> {
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

    /// The sums of all channels of all samples.
    fn run<T: Real>(&self, r: TensorData, weight: TensorData) -> Option<Vec<T>> {
        let (r, weight) = (r.convert::<T>(), weight.convert::<T>());
        let (r, weight) = (r.as_slice::<T>().ok()?, weight.as_slice::<T>().ok()?);
        let (inside, outside) =
            (self.size(|axis| axis.input), self.multiplier * self.size(|axis| axis.output));
        let planes = r.len() / outside;
        let mut sums = vec![T::of(0.0); planes * inside];
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let threads = threads.min(sums.len() / ELEMENTS_PER_THREAD).clamp(1, planes.max(1));
        let each = planes.div_ceil(threads).max(1);
        let parts = sums.chunks_mut(each * inside).zip(r.chunks(each * outside)).enumerate();
        let add = |part: usize, sums: &mut [T], r: &[T]| {
            let planes = sums.chunks_mut(inside).zip(r.chunks(outside)).enumerate();
            for (plane, (sums, r)) in planes {
                self.plane((part * each + plane) % self.channels, sums, r, weight);
            }
        };
        if threads == 1 {
            parts.for_each(|(part, (sums, r))| add(part, sums, r));
        } else {
            let add = &add;
            thread::scope(|scope| {
                for (part, (sums, r)) in parts {
                    scope.spawn(move || add(part, sums, r));
                }
            });
        }
        Some(sums)
    }

    /// Adds the products of one input channel.
    fn plane<T: Real>(&self, channel: usize, sums: &mut [T], r: &[T], weight: &[T]) {
        let [depth, height, width] = self.axes;
        let taps = depth.kernel * height.kernel * width.kernel;
        let outputs = depth.output * height.output * width.output;
        // One row of the input, phase by phase, so that the sums run along contiguous elements.
        let length = width.input.div_ceil(width.stride);
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
