//! Convolutions in one, two and three spatial dimensions.

use burn_backend::Backend;

use crate::Value;
use crate::choice;
use crate::conv_geometry::ConvGeometry;
use crate::conv_patches;
use crate::depthwise;
use crate::layout::pad;

/// Convolution (cross-correlation, as every deep-learning framework means it):
/// `y[b, o, j] = bias[o] + sum over c, t of weight[o, c, t] * x[b, c, j * stride + t * dilation - padding]`.
///
/// x `[batch, channels_in, in...]`, weight `[channels_out, channels_in / groups, kernel...]`, bias
/// `[channels_out]`, y as [`ConvGeometry::output_dims`] says.
pub fn conv<B: Backend>(
    x: &Value<B>,
    weight: &Value<B>,
    bias: Option<&Value<B>>,
    geometry: &ConvGeometry,
) -> Value<B> {
    if choice::conv_loops::<B>(&weight.dims(), geometry)
        && let Ok(dims) = geometry.output_dims(&x.dims(), &weight.dims())
        && let Some(y) = depthwise::forward(x, weight, &dims, geometry)
    {
        return with_bias(y, bias);
    }
    if choice::conv_unfolds::<B>(&weight.dims(), geometry)
        && let Ok(dims) = geometry.output_dims(&x.dims(), &weight.dims())
        && let Some(y) = conv_patches::forward(x, weight, &dims, geometry)
    {
        return with_bias(y, bias);
    }
    let x = (0..geometry.stride.len()).fold(x.clone(), |x, axis| {
        let (begin, end) = geometry.excess(axis);
        pad(&x, axis + 2, begin as isize, end as isize, 0.0)
    });
    let (x, weight) = (x.into_primitive(), weight.clone().into_primitive());
    let bias = bias.map(|bias| bias.clone().into_primitive());
    Value::from_primitive(match geometry.stride.len() {
        1 => B::conv1d(x, weight, bias, geometry.options()),
        2 => B::conv2d(x, weight, bias, geometry.options()),
        _ => B::conv3d(x, weight, bias, geometry.options()),
    })
}

fn with_bias<B: Backend>(y: Value<B>, bias: Option<&Value<B>>) -> Value<B> {
    let mut per_channel = vec![1; y.rank()];
    per_channel[1] = y.dims()[1];
    bias.iter().fold(y, |y, bias| y + (*bias).clone().reshape(&per_channel))
}
