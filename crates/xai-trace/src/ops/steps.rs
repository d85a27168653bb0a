//! Operations in steps that have layers.

use burn_backend::ops::{FloatTensorOps, UnfoldOptions};
use burn_backend::{Backend, Shape, Slice, TensorMetadata};

use crate::backend::Traced;
use crate::tensor::TracedTensor;

fn all(size: usize) -> Slice {
    (0..size).into()
}

/// `count` elements from `start` on, `step` apart.
fn strided(start: usize, count: usize, step: usize) -> Slice {
    Slice::new(start as isize, Some((start + (count - 1) * step + 1) as isize), step as isize)
}

/// The product along `dim`, by products of halves.
pub(super) fn product<B: Backend>(mut x: TracedTensor<B>, dim: usize) -> TracedTensor<B> {
    loop {
        let dims = x.shape().as_slice().to_vec();
        let (size, half) = (dims[dim], dims[dim] / 2);
        if half == 0 {
            return x;
        }
        let part = |range: std::ops::Range<usize>| {
            let mut ranges: Vec<Slice> = dims.iter().map(|&size| all(size)).collect();
            ranges[dim] = range.into();
            Traced::<B>::float_slice(x.clone(), &ranges)
        };
        let halves = Traced::<B>::float_mul(part(0..half), part(half..2 * half));
        x = match size % 2 {
            0 => halves,
            _ => Traced::<B>::float_cat(vec![halves, part(size - 1..size)], dim),
        };
    }
}

/// Windows of `size` along `dim`, `step` apart, with their elements in a new last dimension: a
/// strided slice for each place within a window.
pub(super) fn windows<B: Backend>(
    tensor: TracedTensor<B>,
    dim: usize,
    size: usize,
    step: usize,
) -> TracedTensor<B> {
    let mut dims = tensor.shape().as_slice().to_vec();
    let full: Vec<Slice> = dims.iter().map(|&size| all(size)).collect();
    let rank = dims.len();
    dims[dim] = (dims[dim] - size) / step + 1;
    let count = dims[dim];
    dims.push(1);
    let places = (0..size).map(|place| {
        let mut ranges = full.clone();
        ranges[dim] = strided(place, count, step);
        let elements = Traced::<B>::float_slice(tensor.clone(), &ranges);
        Traced::<B>::float_reshape(elements, Shape::from(dims.clone()))
    });
    Traced::<B>::float_cat(places.collect(), rank)
}

/// Patches of an image as `[batch, channels * height * width, patches]`.
pub(super) fn patches<B: Backend>(
    x: TracedTensor<B>,
    kernel: [usize; 2],
    UnfoldOptions { stride, padding, dilation }: UnfoldOptions,
) -> TracedTensor<B> {
    let [batch, channels, height, width] = x.shape().dims();
    let [top, left] = padding;
    let padded = [height + 2 * top, width + 2 * left];
    let x = match padding {
        [0, 0] => x,
        _ => {
            let dims = Shape::new([batch, channels, padded[0], padded[1]]);
            let border = Traced::<B>::float_zeros(dims, &Traced::<B>::float_device(&x), x.dtype().into());
            let inside = [0..batch, 0..channels, top..top + height, left..left + width];
            Traced::<B>::float_slice_assign(border, &inside.map(Slice::from), x)
        }
    };
    let counts =
        [0, 1].map(|axis| (padded[axis] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1);
    let range = |axis: usize, place: usize| strided(place * dilation[axis], counts[axis], stride[axis]);
    let places = (0..kernel[0]).flat_map(|row| (0..kernel[1]).map(move |column| (row, column)));
    let elements = places.map(|(row, column)| {
        let ranges = [all(batch), all(channels), range(0, row), range(1, column)];
        let dims = Shape::new([batch, channels, 1, counts[0] * counts[1]]);
        Traced::<B>::float_reshape(Traced::<B>::float_slice(x.clone(), &ranges), dims)
    });
    let dims = Shape::new([batch, channels * kernel[0] * kernel[1], counts[0] * counts[1]]);
    Traced::<B>::float_reshape(Traced::<B>::float_cat(elements.collect(), 2), dims)
}
