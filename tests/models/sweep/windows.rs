//! Convolutions, pools and other windows.

use burn::module::Module;
use burn::nn::conv::*;
use burn::nn::interpolate::{Interpolate1dConfig, Interpolate2dConfig, InterpolateMode};
use burn::nn::pool::*;
use burn::nn::*;
use burn::tensor::{Tensor, TensorData, backend::Backend};

use crate::data::Given::Floats;
use crate::harness::{ALL, GRADIENT_ONLY};

use super::rows::sweep;

/// Offsets that move every patch by parts of a pixel.
fn offsets<B: Backend>(x: &Tensor<B, 4>) -> Tensor<B, 4> {
    let offsets: Vec<f32> = (0..8 * 9).map(|i| (i % 7) as f32 * 0.11 - 0.3).collect();
    Tensor::<B, 4>::from_data(TensorData::new(offsets, [1, 8, 3, 3]), &x.device()).repeat_dim(0, x.dims()[0])
}

sweep! {
    conv1d: Conv1d, on(device) Conv1dConfig::new(2, 3, 3).init::<Flex>(device), |net, x| net.forward(x),
        [Floats(&[2, 5])] => ["conv"], ALL;
    conv2d: Conv2d, on(device) Conv2dConfig::new([2, 3], [2, 2]).init::<Flex>(device), |net, x| net.forward(x),
        [Floats(&[2, 4, 4])] => ["conv"], ALL;
    conv3d: Conv3d, on(device) Conv3dConfig::new([2, 3], [2, 2, 2]).init::<Flex>(device), |net, x| net.forward(x),
        [Floats(&[2, 3, 3, 3])] => ["conv"], ALL;
    conv_transpose1d: ConvTranspose1d, on(device) ConvTranspose1dConfig::new([2, 3], 3).init::<Flex>(device),
        |net, x| net.forward(x), [Floats(&[2, 5])] => ["conv-transpose"], ALL;
    conv_transpose2d: ConvTranspose2d, on(device) ConvTranspose2dConfig::new([2, 3], [2, 2]).init::<Flex>(device),
        |net, x| net.forward(x), [Floats(&[2, 3, 3])] => ["conv-transpose"], ALL;
    conv_transpose3d: ConvTranspose3d,
        on(device) ConvTranspose3dConfig::new([2, 3], [2, 2, 2]).init::<Flex>(device),
        |net, x| net.forward(x), [Floats(&[2, 2, 2, 2])] => ["conv-transpose"], ALL;
    deform_conv2d: DeformConv2d, on(device) DeformConv2dConfig::new([2, 3], [2, 2]).init::<Flex>(device),
        |net, x| { let offsets = offsets(&x); net.forward(x, offsets, None) },
        [Floats(&[2, 4, 4])] => ["unsupported"], GRADIENT_ONLY;
    max_pool1d: MaxPool1d, plain MaxPool1dConfig::new(2).init(), |net, x| net.forward(x),
        [Floats(&[2, 6])] => ["max-pool"], ALL;
    max_pool2d: MaxPool2d, plain MaxPool2dConfig::new([2, 2]).init(), |net, x| net.forward(x),
        [Floats(&[2, 4, 4])] => ["max-pool"], ALL;
    avg_pool1d: AvgPool1d, plain AvgPool1dConfig::new(2).init(), |net, x| net.forward(x),
        [Floats(&[2, 6])] => ["avg-pool"], ALL;
    avg_pool2d: AvgPool2d, plain AvgPool2dConfig::new([2, 2]).init(), |net, x| net.forward(x),
        [Floats(&[2, 4, 4])] => ["avg-pool"], ALL;
    adaptive_avg_pool1d: AdaptiveAvgPool1d, plain AdaptiveAvgPool1dConfig::new(2).init(),
        |net, x| net.forward(x), [Floats(&[2, 5])] => ["avg-pool"], ALL;
    adaptive_avg_pool2d: AdaptiveAvgPool2d, plain AdaptiveAvgPool2dConfig::new([2, 3]).init(),
        |net, x| net.forward(x), [Floats(&[2, 4, 5])] => ["avg-pool"], ALL;
    interpolate1d: Interpolate1d,
        plain Interpolate1dConfig::new().with_output_size(Some(7)).with_mode(InterpolateMode::Linear).init(),
        |net, x| net.forward(x), [Floats(&[2, 4])] => ["2 reshape", "interpolate"], ALL;
    interpolate2d: Interpolate2d,
        plain {
            let config = Interpolate2dConfig::new().with_output_size(Some([5, 6]));
            config.with_mode(InterpolateMode::Cubic).init()
        },
        |net, x| net.forward(x), [Floats(&[2, 4, 4])] => ["interpolate"], ALL;
    unfold4d: Unfold4d, plain Unfold4dConfig::new([2, 1]).init(), |net, x| net.forward(x),
        [Floats(&[2, 3, 3])] => ["2 slice", "3 reshape", "concat"], ALL;
}
