//! The adjoint of a convolution, and the ways to compute it.

use burn_backend::Backend;

use crate::Value;
use crate::choice::{self, ConvAdjoint};
use crate::conv::conv;
use crate::conv_geometry::ConvGeometry;
use crate::conv_patches;
use crate::depthwise;
use crate::layout::{interleave_zeros, narrow, pad};

/// Transpose of [`conv`] without bias, its vector-Jacobian product with respect to x:
/// `c[b, i, p] = sum over all o, j, t with j * stride + t * dilation - padding = p of
/// weight[o, i, t] * r[b, o, j]`.
///
/// r has the output's shape, the result is `input_dims` = `[batch, channels_in, in...]`; input
/// elements that no window reaches get 0. Linear in r and in the weight.
pub fn conv_adjoint<B: Backend>(
    r: &Value<B>,
    weight: &Value<B>,
    input_dims: &[usize],
    geometry: &ConvGeometry,
) -> Value<B> {
    let way = choice::conv_adjoint::<B>(&weight.dims(), geometry);
    conv_adjoint_by(way, r, weight, input_dims, geometry)
}

/// [`conv_adjoint`] by a given way, for measurements and tests.
pub fn conv_adjoint_by<B: Backend>(
    way: ConvAdjoint,
    r: &Value<B>,
    weight: &Value<B>,
    input_dims: &[usize],
    geometry: &ConvGeometry,
) -> Value<B> {
    match way {
        ConvAdjoint::Burn => by_burn(r, weight, input_dims, geometry),
        ConvAdjoint::Subpixel => by_subpixel(r, weight, input_dims, geometry),
        ConvAdjoint::Product if geometry.is_pointwise(&weight.dims()) => by_product(r, weight, input_dims),
        ConvAdjoint::Product => by_subpixel(r, weight, input_dims, geometry),
        ConvAdjoint::Patches => conv_patches::adjoint(r, weight, input_dims, geometry)
            .unwrap_or_else(|| by_subpixel(r, weight, input_dims, geometry)),
        ConvAdjoint::Loop => depthwise::adjoint(r, weight, input_dims, geometry)
            .unwrap_or_else(|| by_subpixel(r, weight, input_dims, geometry)),
    }
}

/// Burn's own gradient, on the input as it is after explicit padding.
fn by_burn<B: Backend>(
    r: &Value<B>,
    weight: &Value<B>,
    input_dims: &[usize],
    geometry: &ConvGeometry,
) -> Value<B> {
    let spatial = geometry.stride.len();
    let mut padded = input_dims.to_vec();
    for axis in 0..spatial {
        let (begin, end) = geometry.excess(axis);
        padded[axis + 2] += begin + end;
    }
    // Only the shape of x matters to a linear map's gradient: one zero, seen as the whole input.
    let x = r.full_like(&vec![1; padded.len()], 0.0).expand(&padded).into_primitive();
    let (weight, r) = (weight.clone().into_primitive(), r.clone().into_primitive());
    let grad = Value::from_primitive(match spatial {
        1 => B::conv1d_x_backward(x, weight, r, geometry.options()),
        2 => B::conv2d_x_backward(x, weight, r, geometry.options()),
        _ => B::conv3d_x_backward(x, weight, r, geometry.options()),
    });
    (0..spatial)
        .fold(grad, |grad, axis| narrow(&grad, axis + 2, geometry.excess(axis).0, input_dims[axis + 2]))
}

/// One matrix product, for kernels of one element at stride 1 without padding: backends read a
/// transposed weight as it lies, where a convolution with transposed kernels copies it first.
fn by_product<B: Backend>(r: &Value<B>, weight: &Value<B>, input_dims: &[usize]) -> Value<B> {
    let dims = r.dims();
    let (batch, outputs, inputs) = (dims[0], dims[1], input_dims[1]);
    let places = dims[2..].iter().product();
    // A batch of one as plain matrices, which backends spread over threads best.
    let product = match batch {
        1 => {
            let weight = weight.clone().reshape(&[outputs, inputs]).permute(&[1, 0]);
            weight.matmul(r.clone().reshape(&[outputs, places]))
        }
        _ => {
            let weight = weight.clone().reshape(&[1, outputs, inputs]).permute(&[0, 2, 1]);
            weight.matmul(r.clone().reshape(&[batch, outputs, places]))
        }
    };
    product.reshape(input_dims)
}

/// How one spatial dimension of the adjoint becomes a stride-1 convolution of `r`.
///
/// Padded input position `stride * u + phase` receives `weight[tap * stride + phase] * r[u - tap]`:
/// for each phase a stride-1 convolution with every `stride`-th kernel element. Phases that no
/// kernel element falls on are left out and filled with zeros afterwards.
struct Axis {
    stride: usize,
    dilation: usize,
    phases: usize,
    taps: usize,
    /// Values of `u` that cover the input.
    first: usize,
    last: usize,
    /// Padded position of the first input element.
    offset: usize,
    input: usize,
}

impl Axis {
    fn new(kernel: usize, stride: usize, dilation: usize, offset: usize, input: usize) -> Self {
        let dilation = if kernel == 1 { 1 } else { dilation };
        Self {
            stride,
            dilation,
            phases: kernel.min(stride),
            taps: kernel.div_ceil(stride),
            first: offset / stride,
            last: (offset + input).div_ceil(stride),
            offset,
            input,
        }
    }
}

/// One stride-1 convolution with flipped, transposed kernels; the phases of the stride are channels
/// of their own and are shuffled into place.
fn by_subpixel<B: Backend>(
    r: &Value<B>,
    weight: &Value<B>,
    input_dims: &[usize],
    geometry: &ConvGeometry,
) -> Value<B> {
    let kernel = weight.dims()[2..].to_vec();
    let spatial = kernel.len();
    let mut r = r.clone();
    let mut axes = Vec::with_capacity(spatial);
    for axis in 0..spatial {
        let (mut stride, dilation) = (geometry.stride[axis], geometry.dilation[axis]);
        if stride > 1 && dilation > 1 && kernel[axis] > 1 {
            // Dilated elements fall on phases irregularly; spreading r makes the stride 1.
            r = interleave_zeros(&r, axis + 2, stride);
            stride = 1;
        }
        axes.push(Axis::new(kernel[axis], stride, dilation, geometry.padding[axis].0, input_dims[axis + 2]));
    }
    let mut full = ConvGeometry { groups: geometry.groups, ..ConvGeometry::new(spatial) };
    for (i, axis) in axes.iter().enumerate() {
        let begin = ((axis.taps - 1) * axis.dilation) as isize - axis.first as isize;
        let end = axis.last as isize - r.dims()[i + 2] as isize;
        if begin < 0 || end < 0 {
            // Some of r lies in the padding alone; perhaps all of it, so pad in the same step.
            r = pad(&r, i + 2, begin, end, 0.0);
        } else {
            full.padding[i] = (begin.unsigned_abs(), end.unsigned_abs());
        }
        full.dilation[i] = axis.dilation;
    }
    let phases = conv(&r, &phase_kernels(weight, &axes, geometry.groups), None, &full);
    shuffle(phases, &axes, input_dims)
}

/// `[out, in / groups, kernel...]` to `[in * phases, out / groups, taps...]`, taps reversed.
///
/// One axis at a time, because some backends stop at six dimensions.
fn phase_kernels<B: Backend>(weight: &Value<B>, axes: &[Axis], groups: usize) -> Value<B> {
    let dims = weight.dims();
    let (channels_out, per_in) = (dims[0], dims[1]);
    let mut kernels = weight.clone();
    for (i, axis) in axes.iter().enumerate() {
        let missing = axis.taps * axis.phases - dims[i + 2];
        kernels = pad(&kernels, i + 2, 0, missing as isize, 0.0);
    }
    let mut sizes: Vec<usize> = axes.iter().map(|axis| axis.taps * axis.phases).collect();
    let mut per_in_and_phase = per_in;
    for (i, axis) in axes.iter().enumerate().filter(|(_, axis)| axis.phases > 1) {
        let (before, after) = (sizes[..i].iter().product(), sizes[i + 1..].iter().product());
        let split = [channels_out, per_in_and_phase, before, axis.taps, axis.phases, after];
        kernels = kernels.reshape(&split).permute(&[0, 1, 4, 2, 3, 5]);
        sizes[i] = axis.taps;
        per_in_and_phase *= axis.phases;
        kernels = kernels.reshape(&[channels_out, per_in_and_phase, sizes.iter().product()]);
    }
    let per_out = channels_out / groups;
    let taps = sizes.iter().product();
    let mut joined = vec![groups * per_in_and_phase, per_out];
    joined.extend(sizes);
    let kernels =
        kernels.reshape(&[groups, per_out, per_in_and_phase, taps]).permute(&[0, 2, 1, 3]).reshape(&joined);
    let flipped: Vec<usize> = (0..axes.len()).filter(|&i| axes[i].taps > 1).map(|i| i + 2).collect();
    if flipped.is_empty() { kernels } else { kernels.flip(&flipped) }
}

/// `[batch, in * phases, u...]` to `[batch, in, u * stride + phase...]`, cut to the input.
fn shuffle<B: Backend>(phases: Value<B>, axes: &[Axis], input_dims: &[usize]) -> Value<B> {
    let mut value = phases;
    let mut sizes: Vec<usize> = axes.iter().map(|axis| axis.last - axis.first).collect();
    for (i, axis) in axes.iter().enumerate().rev().filter(|(_, axis)| axis.stride > 1) {
        let (before, after): (usize, usize) = (sizes[..i].iter().product(), sizes[i + 1..].iter().product());
        let channels = value.dims().iter().product::<usize>() / (axis.phases * before * sizes[i] * after);
        let split = [channels, axis.phases, before, sizes[i], after];
        value = value.reshape(&split).permute(&[0, 2, 3, 1, 4]);
        value = pad(&value, 3, 0, (axis.stride - axis.phases) as isize, 0.0);
        sizes[i] *= axis.stride;
        value = value.reshape(&[channels, before * sizes[i] * after]);
    }
    let joined: Vec<usize> = input_dims[..2].iter().copied().chain(sizes).collect();
    let value = if value.dims() == joined { value } else { value.reshape(&joined) };
    axes.iter().enumerate().fold(value, |value, (i, axis)| {
        narrow(&value, i + 2, axis.offset - axis.first * axis.stride, axis.input)
    })
}
