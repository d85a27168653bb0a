use xai_core::kernel::ConvGeometry;

use super::{Array, indices, position};

/// Output shape by counting the windows that fit.
pub fn conv_output_dims(input: &[usize], weight: &[usize], geometry: &ConvGeometry) -> Vec<usize> {
    let mut dims = vec![input[0], weight[0]];
    for axis in 0..geometry.stride.len() {
        let (begin, end) = geometry.padding[axis];
        let last = (weight[axis + 2] - 1) * geometry.dilation[axis];
        let padded = begin + input[axis + 2] + end;
        dims.push((0..padded).step_by(geometry.stride[axis]).filter(|start| start + last < padded).count());
    }
    dims
}

/// Calls `f(output, weight, input)` with the flat positions of every product in the convolution.
fn for_each_product(
    input: &[usize],
    weight: &[usize],
    geometry: &ConvGeometry,
    mut f: impl FnMut(usize, usize, usize),
) {
    let output = conv_output_dims(input, weight, geometry);
    let outputs_per_group = weight[0] / geometry.groups;
    for out in indices(&output) {
        for tap in indices(&weight[1..]) {
            let channel = out[1] / outputs_per_group * weight[1] + tap[0];
            let mut at = vec![out[0], channel];
            for axis in 0..geometry.stride.len() {
                let padded = out[axis + 2] * geometry.stride[axis] + tap[axis + 1] * geometry.dilation[axis];
                match padded.checked_sub(geometry.padding[axis].0) {
                    Some(p) if p < input[axis + 2] => at.push(p),
                    _ => break,
                }
            }
            if at.len() == input.len() {
                let tap: Vec<usize> = [out[1]].into_iter().chain(tap).collect();
                f(position(&output, &out), position(weight, &tap), position(input, &at));
            }
        }
    }
}

/// Cross-correlation of `x` with `weight`, plus `bias`.
pub fn conv(x: &Array, weight: &Array, bias: Option<&Array>, geometry: &ConvGeometry) -> Array {
    let mut y = Array::zeros(&conv_output_dims(&x.dims, &weight.dims, geometry));
    for_each_product(&x.dims, &weight.dims, geometry, |o, w, i| y.data[o] += weight.data[w] * x.data[i]);
    if let Some(bias) = bias {
        let per_channel: usize = y.dims[2..].iter().product();
        for (i, value) in y.data.iter_mut().enumerate() {
            *value += bias.data[i / per_channel % bias.data.len()];
        }
    }
    y
}

/// The transpose of the convolution applied to `r`.
pub fn conv_adjoint(r: &Array, weight: &Array, input_dims: &[usize], geometry: &ConvGeometry) -> Array {
    let mut c = Array::zeros(input_dims);
    for_each_product(input_dims, &weight.dims, geometry, |o, w, i| c.data[i] += weight.data[w] * r.data[o]);
    c
}
