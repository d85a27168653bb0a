//! Functions of `burn::tensor::activation` and `burn::tensor::module`.

use burn::tensor::activation as act;
use burn::tensor::module as m;
use burn::tensor::ops::{
    ConvOptions, ConvTransposeOptions, DeformConvOptions, InterpolateMode, InterpolateOptions, UnfoldOptions,
};
use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

use crate::data::Given::Floats;
use crate::harness::{ALL, GRADIENT_ONLY, NO_RELU};

use super::rows::sweep;

/// The same numbers between -1 and 1 in each call.
fn weights<B: Backend, const D: usize, const E: usize>(
    dims: [usize; D],
    like: &Tensor<B, E>,
) -> Tensor<B, D> {
    let count = dims.iter().product::<usize>();
    let numbers: Vec<f32> = (0..count).map(|i| (i * 37 % 41) as f32 / 20.5 - 0.97).collect();
    Tensor::from_data(TensorData::new(numbers, dims), &like.device())
}

/// A one for each sample.
fn ones<B: Backend, const D: usize>(like: &Tensor<B, D>) -> Tensor<B, 1, Int> {
    Tensor::ones([samples(like)], &like.device())
}

fn samples<B: Backend, const D: usize>(x: &Tensor<B, D>) -> usize {
    x.dims()[0]
}

sweep! {
    relu: Function, plain (), |_net, x| act::relu::<2, _>(x), [Floats(&[4])] => ["activation"], ALL;
    leaky_relu: Function, plain (), |_net, x| act::leaky_relu::<2, _>(x, 0.1),
        [Floats(&[4])] => ["activation"], NO_RELU;
    gelu: Function, plain (), |_net, x| act::gelu::<2, _>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    gelu_approximate: Function, plain (), |_net, x| act::gelu_approximate::<2, _>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    prelu: Function, plain (),
        |_net, x| { let slopes = weights([4], &x); act::prelu::<2, _>(x, slopes) },
        [Floats(&[4])] => ["activation"], NO_RELU;
    softmax: Function, plain (), |_net, x| act::softmax::<2, _>(x, 1),
        [Floats(&[4])] => ["softmax"], ALL;
    softmin: Function, plain (), |_net, x| act::softmin::<2, _>(x, 1),
        [Floats(&[4])] => ["softmax"], ALL;
    softplus: Function, plain (), |_net, x| act::softplus::<2, _>(x, 1.5),
        [Floats(&[4])] => ["activation"], NO_RELU;
    quiet_softmax: Function, plain (), |_net, x| act::quiet_softmax::<2, _>(x, 1),
        [Floats(&[4])] => ["softmax"], ALL;
    log_softmax: Function, plain (), |_net, x| act::log_softmax::<2, _>(x, 1),
        [Floats(&[4])] => ["softmax"], ALL;
    sigmoid: Function, plain (), |_net, x| act::sigmoid::<2, _>(x),
        [Floats(&[4])] => ["activation"], ALL;
    hard_sigmoid: Function, plain (), |_net, x| act::hard_sigmoid::<2, _>(x, 0.2, 0.5),
        [Floats(&[4])] => ["activation"], ALL;
    log_sigmoid: Function, plain (), |_net, x| act::log_sigmoid::<2, _>(x),
        [Floats(&[4])] => ["activation"], ALL;
    silu: Function, plain (), |_net, x| act::silu::<2, _>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    hard_swish: Function, plain (), |_net, x| act::hard_swish::<2, _>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    mish: Function, plain (), |_net, x| act::mish::<2, _>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    tanh: Function, plain (), |_net, x| act::tanh::<2, _>(x), [Floats(&[4])] => ["activation"], ALL;
    elu: Function, plain (), |_net, x| act::elu::<2, _>(x, 1.2),
        [Floats(&[4])] => ["activation"], NO_RELU;
    celu: Function, plain (), |_net, x| act::celu::<2, _>(x, 1.2),
        [Floats(&[4])] => ["activation"], NO_RELU;
    selu: Function, plain (), |_net, x| act::selu::<2, _>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    thresholded_relu: Function, plain (), |_net, x| act::thresholded_relu::<2, _>(x, 0.2),
        [Floats(&[4])] => ["activation"], NO_RELU;
    glu: Function, plain (), |_net, x| act::glu::<2, _>(x, 1),
        [Floats(&[4])] => ["2 slice", "activation", "mul"], ALL;
    softsign: Function, plain (), |_net, x| act::softsign::<2, _>(x),
        [Floats(&[4])] => ["activation"], ALL;
    hard_shrink: Function, plain (), |_net, x| act::hard_shrink::<2, _>(x, 0.3),
        [Floats(&[4])] => ["activation"], NO_RELU;
    soft_shrink: Function, plain (), |_net, x| act::soft_shrink::<2, _>(x, 0.3),
        [Floats(&[4])] => ["activation"], NO_RELU;
    shrink: Function, plain (), |_net, x| act::shrink::<2, _>(x, 0.3, 0.1),
        [Floats(&[4])] => ["activation"], NO_RELU;
    ctc_loss: Function, plain (),
        |_net, x| {
            let one = ones(&x);
            let log_probs = act::log_softmax::<3, _>(x, 2).swap_dims(0, 1);
            m::ctc_loss(log_probs, one.clone().unsqueeze_dim(1), one.clone() * 4, one, 0)
        },
        [Floats(&[4, 3])] => ["softmax", "permute", "unsupported"], GRADIENT_ONLY;
    embedding: Function, plain (),
        |_net, x| {
            let places = (ones(&x).cumsum(0) - 1).unsqueeze_dim(1);
            m::embedding(x, places)
        },
        [Floats(&[4])] => ["slice", "reshape"], ALL;
    conv1d: Function, plain (),
        |_net, x| {
            let weight = weights([3, 2, 3], &x);
            m::conv1d(x, weight, None, ConvOptions::new([1], [1], [1], 1))
        },
        [Floats(&[2, 5])] => ["conv"], ALL;
    conv2d: Function, plain (),
        |_net, x| {
            let weight = weights([4, 1, 2, 2], &x);
            m::conv2d(x, weight, None, ConvOptions::new([2, 1], [1, 0], [1, 1], 2))
        },
        [Floats(&[2, 4, 4])] => ["conv"], ALL;
    conv3d: Function, plain (),
        |_net, x| {
            let weight = weights([2, 2, 2, 2, 2], &x);
            m::conv3d(x, weight, None, ConvOptions::new([1; 3], [0; 3], [1; 3], 1))
        },
        [Floats(&[2, 3, 3, 3])] => ["conv"], ALL;
    deform_conv2d: Function, plain (),
        |_net, x| {
            let offset = weights([1, 8, 3, 3], &x).repeat_dim(0, samples(&x)) * 0.3;
            let options = DeformConvOptions::new([1, 1], [0, 0], [1, 1], 1, 1);
            let weight = weights([3, 2, 2, 2], &x);
            m::deform_conv2d(x, offset, weight, None, None, options)
        },
        [Floats(&[2, 4, 4])] => ["unsupported"], GRADIENT_ONLY;
    conv_transpose1d: Function, plain (),
        |_net, x| {
            let weight = weights([2, 3, 3], &x);
            m::conv_transpose1d(x, weight, None, ConvTransposeOptions::new([2], [1], [1], [1], 1))
        },
        [Floats(&[2, 4])] => ["conv-transpose"], ALL;
    conv_transpose2d: Function, plain (),
        |_net, x| {
            let weight = weights([2, 3, 2, 2], &x);
            m::conv_transpose2d(x, weight, None, ConvTransposeOptions::new([1; 2], [0; 2], [0; 2], [1; 2], 1))
        },
        [Floats(&[2, 3, 3])] => ["conv-transpose"], ALL;
    conv_transpose3d: Function, plain (),
        |_net, x| {
            let weight = weights([2, 2, 2, 2, 2], &x);
            m::conv_transpose3d(x, weight, None, ConvTransposeOptions::new([1; 3], [0; 3], [0; 3], [1; 3], 1))
        },
        [Floats(&[2, 2, 2, 2])] => ["conv-transpose"], ALL;
    unfold4d: Function, plain (),
        |_net, x| m::unfold4d(x, [1, 2], UnfoldOptions::new([1, 2], [0, 1], [1, 1])),
        [Floats(&[2, 3, 3])] => ["pad", "2 slice", "3 reshape", "concat"], ALL;
    max_pool1d: Function, plain (), |_net, x| m::max_pool1d(x, 3, 2, 1, 1, true),
        [Floats(&[2, 6])] => ["max-pool"], ALL;
    max_pool2d: Function, plain (),
        |_net, x| m::max_pool2d(x, [2, 2], [2, 1], [0, 1], [1, 1], false),
        [Floats(&[2, 4, 4])] => ["max-pool"], ALL;
    avg_pool1d: Function, plain (), |_net, x| m::avg_pool1d(x, 2, 2, 0, true, false),
        [Floats(&[2, 6])] => ["avg-pool"], ALL;
    avg_pool2d: Function, plain (),
        |_net, x| m::avg_pool2d(x, [2, 2], [2, 2], [1, 1], false, false),
        [Floats(&[2, 4, 4])] => ["avg-pool"], ALL;
    adaptive_avg_pool1d: Function, plain (), |_net, x| m::adaptive_avg_pool1d(x, 2),
        [Floats(&[2, 5])] => ["avg-pool"], ALL;
    adaptive_avg_pool2d: Function, plain (), |_net, x| m::adaptive_avg_pool2d(x, [2, 3]),
        [Floats(&[2, 4, 5])] => ["avg-pool"], ALL;
    interpolate: Function, plain (),
        |_net, x| m::interpolate(x, [5, 6], InterpolateOptions::new(InterpolateMode::Bilinear)),
        [Floats(&[2, 4, 4])] => ["interpolate"], ALL;
    linear: Function, plain (),
        |_net, x| {
            let (weight, bias) = (weights([4, 2], &x), weights([2], &x));
            m::linear::<_, 3>(x, weight, Some(bias))
        },
        [Floats(&[3, 4])] => ["linear"], ALL;
    attention: Function, plain (),
        |_net, (query, key, value)| m::attention(query, key, value, None, None, Default::default()),
        [Floats(&[2, 3, 4]), Floats(&[2, 3, 4]), Floats(&[2, 3, 4])] => [
            "permute", "2 matmul", "scale", "softmax"
        ], ALL;
}
