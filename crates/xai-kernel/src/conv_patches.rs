//! Convolutions and their adjoints as matrix products over patches of the input, for tensors that lie in host
//! memory.
//!
//! The patches of some output rows are the columns of a matrix `[channels * kernel, columns]`, small enough for the
//! cache: the weight times it is the output, and the transposed weight times relevance is what is to be added to each
//! patch. So the adjoint needs no transposed kernels, and no stride is a case of its own.

use std::ops::Range;

use burn_backend::{Backend, DType, TensorData};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, LinalgScalar, ShapeBuilder, Slice};
use rayon::prelude::*;

use crate::Value;
use crate::conv_axis::Axis;
use crate::conv_geometry::ConvGeometry;
use crate::host::{Real, read};

/// Columns of a product, at least, where there are so many.
const COLUMNS: usize = 256;
/// Elements of a matrix of patches, at most, where one channel has no more.
const PATCHES: usize = 1 << 18;
/// Elements of the patches of one row and channel beyond which memory is not worth it: a long kernel on a long line.
const LARGEST_ROW: usize = 1 << 22;

/// [`conv`](super::conv) without bias; `None` where the values cannot be read.
pub(crate) fn forward<B: Backend>(
    x: &Value<B>,
    weight: &Value<B>,
    output_dims: &[usize],
    geometry: &ConvGeometry,
) -> Option<Value<B>> {
    let patches = Patches::new(&x.dims(), &weight.dims(), output_dims, geometry)?;
    let (x, weight, device, dtype) = (read(x)?, read(weight)?, x.device(), x.dtype());
    let data = match dtype {
        DType::F64 => TensorData::new(patches.forward::<f64>(x, weight)?, output_dims.to_vec()),
        _ => TensorData::new(patches.forward::<f32>(x, weight)?, output_dims.to_vec()),
    };
    Some(Value::from_data(data.convert_dtype(dtype), &device))
}

/// [`conv_adjoint`](super::conv_adjoint); `None` where the values cannot be read.
pub(crate) fn adjoint<B: Backend>(
    r: &Value<B>,
    weight: &Value<B>,
    input_dims: &[usize],
    geometry: &ConvGeometry,
) -> Option<Value<B>> {
    let patches = Patches::new(input_dims, &weight.dims(), &r.dims(), geometry)?;
    let (r, weight, device, dtype) = (read(r)?, read(weight)?, r.device(), r.dtype());
    let data = match dtype {
        DType::F64 => TensorData::new(patches.adjoint::<f64>(r, weight)?, input_dims.to_vec()),
        _ => TensorData::new(patches.adjoint::<f32>(r, weight)?, input_dims.to_vec()),
    };
    Some(Value::from_data(data.convert_dtype(dtype), &device))
}

/// A float type of the host with fast matrix products.
trait Scalar: Real + LinalgScalar {}
impl<T: Real + LinalgScalar> Scalar for T {}

/// The sizes of a convolution, with three spatial dimensions, of which the first ones may have size 1.
struct Patches {
    samples: usize,
    groups: usize,
    /// Channels of one group.
    inputs: usize,
    outputs: usize,
    axes: [Axis; 3],
    /// The rows of an output plane that kernel element `tap` reads, for all elements; see [`Axis::inside`].
    taps: Vec<[(Range<usize>, usize); 3]>,
}

/// The part of a result that one thread computes: some channels of a group, for some samples.
struct Part<'a, T> {
    samples: Range<usize>,
    group: usize,
    /// Within the group.
    channels: Range<usize>,
    /// The planes of the result, sample by sample.
    planes: Vec<&'a mut [T]>,
}

impl Patches {
    fn new(input: &[usize], weight: &[usize], output: &[usize], geometry: &ConvGeometry) -> Option<Self> {
        let axes = Axis::all(output, weight, input, geometry)?;
        let [depths, heights, widths] =
            axes.map(|axis| (0..axis.kernel).map(|tap| axis.inside(tap)).collect::<Vec<_>>());
        let mut taps = Vec::with_capacity(depths.len() * heights.len() * widths.len());
        for depth in &depths {
            for height in &heights {
                taps.extend(widths.iter().map(|width| [depth.clone(), height.clone(), width.clone()]));
            }
        }
        if taps.len() * axes[2].output > LARGEST_ROW {
            return None;
        }
        let groups = geometry.groups;
        let (inputs, outputs) = (weight[1], weight[0] / groups);
        Some(Self { samples: input[0], groups, inputs, outputs, axes, taps })
    }

    fn input_plane(&self) -> usize {
        self.axes.iter().map(|axis| axis.input).product()
    }

    fn output_plane(&self) -> usize {
        self.axes.iter().map(|axis| axis.output).product()
    }

    /// Rows of one sample's output plane.
    fn rows(&self) -> usize {
        self.axes[0].output * self.axes[1].output
    }

    /// `result`, of planes of this size, in parts of about equal work: by samples as far as there are enough, since
    /// parts of the same samples each make the same patches.
    fn parts<'a, T>(&self, result: &'a mut [T], plane: usize, channels: usize) -> Vec<Part<'a, T>> {
        let together = COLUMNS.div_ceil(self.output_plane()).min(self.samples);
        let by_sample = self.samples.div_ceil(together);
        let blocks = rayon::current_num_threads().div_ceil(by_sample * self.groups).min(channels);
        let block = channels.div_ceil(blocks);
        let mut parts: Vec<Part<'a, T>> = Vec::new();
        let of_sample = self.groups * channels.div_ceil(block);
        for first in (0..self.samples).step_by(together) {
            for group in 0..self.groups {
                for channel in (0..channels).step_by(block) {
                    parts.push(Part {
                        samples: first..self.samples.min(first + together),
                        group,
                        channels: channel..channels.min(channel + block),
                        planes: Vec::new(),
                    });
                }
            }
        }
        for (place, plane) in result.chunks_mut(plane).enumerate() {
            let (sample, channel) = (place / (self.groups * channels), place % (self.groups * channels));
            let block = channel / channels * channels.div_ceil(block) + channel % channels / block;
            parts[sample / together * of_sample + block].planes.push(plane);
        }
        parts
    }

    /// Runs of rows, those of several samples one after the other, that make up the columns of one product.
    fn columns(&self, samples: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        let (first, last) = (samples.start * self.rows(), samples.end * self.rows());
        let step = COLUMNS.div_ceil(self.axes[2].output);
        (first..last).step_by(step).map(move |row| row..last.min(row + step))
    }

    /// Runs of channels whose patches fit the cache.
    fn blocks(&self, channels: Range<usize>, columns: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let step = (PATCHES / (self.taps.len() * columns)).max(1);
        channels.clone().step_by(step).map(move |first| first..channels.end.min(first + step))
    }

    /// Calls `each` for every run of elements of the patches of these rows in a channel's plane: with the place in the
    /// line of that kernel element, the element of the plane, and the length. Elements are a stride apart there.
    fn lines(&self, rows: &Range<usize>, tap: usize, mut each: impl FnMut(usize, usize, usize, usize)) {
        let [depths, heights, widths] = &self.taps[tap];
        let [depth, height, width] = &self.axes;
        let length = widths.0.len();
        for row in rows.clone() {
            let (sample, row_in) = (row / self.rows(), row % self.rows());
            let (d, h) = (row_in / height.output, row_in % height.output);
            if depths.0.contains(&d) && heights.0.contains(&h) && length > 0 {
                let d = depths.1 + (d - depths.0.start) * depth.stride;
                let h = heights.1 + (h - heights.0.start) * height.stride;
                let place = (row - rows.start) * width.output + widths.0.start;
                each(sample, place, (d * height.input + h) * width.input + widths.1, length);
            }
        }
    }

    fn forward<T: Scalar>(&self, x: TensorData, weight: TensorData) -> Option<Vec<T>> {
        let (x, weight) = (x.convert::<T>(), weight.convert::<T>());
        let (x, weight) = (x.as_slice::<T>().ok()?, weight.as_slice::<T>().ok()?);
        let (plane, kernel) = (self.input_plane(), self.taps.len());
        let mut result = vec![T::of(0.0); self.samples * self.groups * self.outputs * self.output_plane()];
        let parts = self.parts(&mut result, self.output_plane(), self.outputs);
        parts.into_par_iter().try_for_each_init(
            || [Vec::new(), Vec::new()],
            |[patches, sums], mut part| {
                let of_group = self.inputs * kernel;
                let weight = &weight[(part.group * self.outputs + part.channels.start) * of_group..];
                let weight = matrix(weight, [part.channels.len(), of_group])?;
                for rows in self.columns(&part.samples) {
                    let columns = rows.len() * self.axes[2].output;
                    sums.resize(part.channels.len() * columns, T::of(0.0));
                    for block in self.blocks(0..self.inputs, columns) {
                        let lines = block.start * kernel..block.end * kernel;
                        patches.clear();
                        patches.resize(lines.len() * columns, T::of(0.0));
                        for (line, patches) in lines.clone().zip(patches.chunks_mut(columns)) {
                            let channel = part.group * self.inputs + line / kernel;
                            self.lines(&rows, line % kernel, |sample, place, from, length| {
                                let plane = &x[(sample * self.groups * self.inputs + channel) * plane..];
                                let (to, from) = (&mut patches[place..place + length], &plane[from..]);
                                match self.axes[2].stride {
                                    1 => to.copy_from_slice(&from[..length]),
                                    step => copy_steps(to, from.iter().step_by(step)),
                                }
                            });
                        }
                        let sum = if block.start == 0 { T::of(0.0) } else { T::of(1.0) };
                        let weight = weight.slice_axis(ndarray::Axis(1), Slice::from(lines.clone()));
                        let patches = matrix(patches, [lines.len(), columns])?;
                        let mut sums = matrix_mut(sums, [part.channels.len(), columns])?;
                        general_mat_mul(T::of(1.0), &weight, &patches, sum, &mut sums);
                    }
                    self.each_sample(&part.samples, &rows, columns, |sample, in_plane, in_columns| {
                        let planes = part.planes[sample * part.channels.len()..].iter_mut();
                        for (plane, sums) in planes.zip(sums.chunks(columns)) {
                            plane[in_plane.clone()].copy_from_slice(&sums[in_columns.clone()]);
                        }
                    });
                }
                Some(())
            },
        )?;
        Some(result)
    }

    fn adjoint<T: Scalar>(&self, r: TensorData, weight: TensorData) -> Option<Vec<T>> {
        let (r, weight) = (r.convert::<T>(), weight.convert::<T>());
        let (r, weight) = (r.as_slice::<T>().ok()?, weight.as_slice::<T>().ok()?);
        let (plane, kernel) = (self.output_plane(), self.taps.len());
        let mut result = vec![T::of(0.0); self.samples * self.groups * self.inputs * self.input_plane()];
        let parts = self.parts(&mut result, self.input_plane(), self.inputs);
        parts.into_par_iter().try_for_each_init(
            || [Vec::new(), Vec::new()],
            |[patches, relevance], mut part| {
                let of_group = self.outputs * self.inputs * kernel;
                let weight = matrix(&weight[part.group * of_group..], [self.outputs, self.inputs * kernel])?;
                // Fresh memory is to be written before it is read: a page that is read first is mapped twice.
                part.planes.iter_mut().for_each(|plane| plane.fill(T::of(0.0)));
                for rows in self.columns(&part.samples) {
                    let columns = rows.len() * self.axes[2].output;
                    relevance.resize(self.outputs * columns, T::of(0.0));
                    self.each_sample(&part.samples, &rows, columns, |sample, in_plane, in_columns| {
                        let first = (part.samples.start + sample) * self.groups + part.group;
                        let planes = r[first * self.outputs * plane..].chunks(plane);
                        for (relevance, plane) in relevance.chunks_mut(columns).zip(planes) {
                            relevance[in_columns.clone()].copy_from_slice(&plane[in_plane.clone()]);
                        }
                    });
                    for block in self.blocks(part.channels.clone(), columns) {
                        let lines = block.start * kernel..block.end * kernel;
                        patches.resize(lines.len() * columns, T::of(0.0));
                        let weight = weight.slice_axis(ndarray::Axis(1), Slice::from(lines.clone()));
                        let relevance = matrix(relevance, [self.outputs, columns])?;
                        let mut product = matrix_mut(patches, [lines.len(), columns])?;
                        general_mat_mul(T::of(1.0), &weight.t(), &relevance, T::of(0.0), &mut product);
                        for (line, patches) in lines.zip(patches.chunks(columns)) {
                            let channel = line / kernel - part.channels.start;
                            self.lines(&rows, line % kernel, |sample, place, to, length| {
                                let sample = sample - part.samples.start;
                                let plane = &mut part.planes[sample * part.channels.len() + channel];
                                let from = patches[place..place + length].iter();
                                match self.axes[2].stride {
                                    1 => add(plane[to..to + length].iter_mut(), from),
                                    step => add(plane[to..].iter_mut().step_by(step), from),
                                }
                            });
                        }
                    }
                }
                Some(())
            },
        )?;
        Some(result)
    }

    /// Calls `each` for every sample that has some of these rows: with its number among the `samples`, and the elements
    /// of its output plane and of the columns that are the same.
    fn each_sample(
        &self,
        samples: &Range<usize>,
        rows: &Range<usize>,
        columns: usize,
        mut each: impl FnMut(usize, Range<usize>, Range<usize>),
    ) {
        let (width, of_sample) = (columns / rows.len(), self.rows());
        for sample in samples.clone() {
            let own = sample * of_sample..(sample + 1) * of_sample;
            let shared = rows.start.max(own.start)..rows.end.min(own.end);
            if !shared.is_empty() {
                let from = |start: usize| (shared.start - start) * width..(shared.end - start) * width;
                each(sample - samples.start, from(own.start), from(rows.start));
            }
        }
    }
}

fn copy_steps<'a, T: Copy + 'a>(to: &mut [T], from: impl Iterator<Item = &'a T>) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}

fn add<'a, T: Real + 'a>(to: impl Iterator<Item = &'a mut T>, from: impl Iterator<Item = &'a T>) {
    to.zip(from).for_each(|(to, from)| *to += *from);
}

/// The first elements as a matrix, in row-major order.
fn matrix<T>(elements: &[T], [rows, columns]: [usize; 2]) -> Option<ArrayView2<'_, T>> {
    ArrayView2::from_shape((rows, columns).strides((columns, 1)), elements).ok()
}

fn matrix_mut<T>(elements: &mut [T], [rows, columns]: [usize; 2]) -> Option<ArrayViewMut2<'_, T>> {
    ArrayViewMut2::from_shape((rows, columns).strides((columns, 1)), elements).ok()
}
