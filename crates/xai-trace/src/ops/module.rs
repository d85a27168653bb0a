//! Neural network operations, activations and transactions.
//!
//! An `embedding` of ids that the model was given is an input of the graph: relevance ends at its rows. One of
//! other indices, as of positions, is a constant.
#![deny(clippy::missing_trait_methods)]

use burn_autodiff::Autodiff;
use burn_backend::ops::{
    ActivationOps, AttentionModuleOptions, ConvOptions, ConvTransposeOptions, DeformConv2dBackward,
    DeformConvOptions, FloatTensorOps, IntTensorOps, InterpolateOptions, MaxPool1dBackward,
    MaxPool1dWithIndices, MaxPool2dBackward, MaxPool2dWithIndices, ModuleOps, TransactionOps,
    TransactionPrimitive, TransactionPrimitiveData, UnfoldOptions, attention::attention_fallback,
};
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, ExecutionError, Scalar, Shape, TensorMetadata};
use xai_core::layer::{Activation, Softmax, SoftmaxForm};

use super::steps::patches;
use super::{argument, delegate, derived, method};
use crate::backend::Traced;
use crate::derivative::derivative;
use crate::ids::TracedInt;
use crate::mask::TracedMask;
use crate::op::Op;
use crate::tensor::{Argument, Call, TracedTensor};

impl<B: Backend> ModuleOps<Self> for Traced<B> {
    delegate! {
        (weights: F, output_grad: F, indices: I) -> F { embedding_backward }
        (weight: F, output_grad: F) -> F { linear_x_backward, linear_weight_backward, adaptive_avg_pool2d_backward, adaptive_avg_pool1d_backward }
        (output_grad: F) -> F { linear_bias_backward }
        (x: F, weight: F, bias: OF, options: ConvOptions<1>) -> F { conv1d = Op::conv(&options) }
        (x: F, weight: F, output_grad: F, options: ConvOptions<1>) -> F { conv1d_x_backward, conv1d_weight_backward }
        (x: F, bias: F, output_grad: F) -> F { conv1d_bias_backward, conv2d_bias_backward, conv3d_bias_backward, conv_transpose1d_bias_backward, conv_transpose2d_bias_backward, conv_transpose3d_bias_backward }
        (x: F, weight: F, bias: OF, options: ConvOptions<2>) -> F { conv2d = Op::conv(&options) }
        (x: F, weight: F, output_grad: F, options: ConvOptions<2>) -> F { conv2d_x_backward, conv2d_weight_backward }
        (x: F, weight: F, bias: OF, options: ConvOptions<3>) -> F { conv3d = Op::conv(&options) }
        (x: F, weight: F, output_grad: F, options: ConvOptions<3>) -> F { conv3d_x_backward, conv3d_weight_backward }
        (x: F, weight: F, bias: OF, options: ConvTransposeOptions<1>) -> F { conv_transpose1d = Op::conv_transpose(&options) }
        (weight: F, output_grad: F, options: ConvTransposeOptions<1>) -> F { conv_transpose1d_x_backward }
        (x: F, weight: F, output_grad: F, options: ConvTransposeOptions<1>) -> F { conv_transpose1d_weight_backward }
        (x: F, weight: F, bias: OF, options: ConvTransposeOptions<2>) -> F { conv_transpose2d = Op::conv_transpose(&options) }
        (weight: F, output_grad: F, options: ConvTransposeOptions<2>) -> F { conv_transpose2d_x_backward }
        (x: F, weight: F, output_grad: F, options: ConvTransposeOptions<2>) -> F { conv_transpose2d_weight_backward }
        (x: F, weight: F, bias: OF, options: ConvTransposeOptions<3>) -> F { conv_transpose3d = Op::conv_transpose(&options) }
        (weight: F, output_grad: F, options: ConvTransposeOptions<3>) -> F { conv_transpose3d_x_backward }
        (x: F, weight: F, output_grad: F, options: ConvTransposeOptions<3>) -> F { conv_transpose3d_weight_backward }
        (x: F, kernel_size: usize, stride: usize, padding: usize, count_include_pad: bool, ceil_mode: bool) -> F { avg_pool1d = Op::avg_pool([kernel_size], [stride], [padding], count_include_pad) }
        (x: F, grad: F, kernel_size: usize, stride: usize, padding: usize, count_include_pad: bool, ceil_mode: bool) -> F { avg_pool1d_backward }
        (x: F, kernel_size: [usize; 2], stride: [usize; 2], padding: [usize; 2], count_include_pad: bool, ceil_mode: bool) -> F { avg_pool2d = Op::avg_pool(kernel_size, stride, padding, count_include_pad) }
        (x: F, grad: F, kernel_size: [usize; 2], stride: [usize; 2], padding: [usize; 2], count_include_pad: bool, ceil_mode: bool) -> F { avg_pool2d_backward }
        (x: F, output_size: [usize; 2]) -> F { adaptive_avg_pool2d = Op::AdaptiveAvgPool }
        (x: F, output_size: usize) -> F { adaptive_avg_pool1d = Op::AdaptiveAvgPool }
        (x: F, kernel_size: usize, stride: usize, padding: usize, dilation: usize, ceil_mode: bool) -> F { max_pool1d = Op::max_pool([kernel_size], [stride], [padding], [dilation]) }
        (x: F, kernel_size: [usize; 2], stride: [usize; 2], padding: [usize; 2], dilation: [usize; 2], ceil_mode: bool) -> F { max_pool2d = Op::max_pool(kernel_size, stride, padding, dilation) }
        (x: F, output_size: [usize; 2], options: InterpolateOptions) -> F { interpolate = Op::Interpolate(options.clone()) }
        (x: F, grad: F, output_size: [usize; 2], options: InterpolateOptions) -> F { interpolate_backward }
        (tensor: F, gamma: F, beta: OF, epsilon: f64) -> F { layer_norm = Op::LayerNorm { epsilon } }
        () -> bool { has_ctc_loss_backward }
        (log_probs: F, targets: I, input_lengths: I, target_lengths: I, grad_loss: F, blank: usize) -> F { ctc_loss_backward }
        (spectrum_re: F, spectrum_im: F, dim: usize, n: Option<usize>) -> F { irfft }
    }

    derived! {
        linear(x: F, weight: F, bias: OF) = Op::Linear;
        deform_conv2d(x: F, offset: F, weight: F, mask: OF, bias: OF, options: [DeformConvOptions<2>]) =
            Op::Unsupported("deform_conv2d");
        ctc_loss(log_probs: F, targets: I, input_lengths: I, target_lengths: I, blank: [usize]) =
            Op::Unsupported("ctc_loss");
    }

    fn embedding(weights: TracedTensor<B>, indices: TracedInt<B>) -> TracedTensor<B> {
        if !weights.is_tracked() {
            let rows = B::embedding(weights.primitive.clone(), indices.primitive.clone());
            if let Some(rows) = indices.look_up(&weights, rows.clone()) {
                return rows;
            }
            indices.inner();
            return Call::new(&[false]).arg(&weights).finish(None, rows);
        }
        let (ids, features) = (indices.shape(), weights.shape()[1]);
        let flat = Self::int_reshape(indices, Shape::new([ids.num_elements()]));
        let rows = Self::float_select(weights, 0, flat);
        Self::float_reshape(rows, Shape::from([ids.as_slice(), &[features]].concat()))
    }

    fn unfold4d(x: TracedTensor<B>, kernel: [usize; 2], options: UnfoldOptions) -> TracedTensor<B> {
        if x.is_tracked() {
            return patches(x, kernel, options);
        }
        Call::new(&[false]).arg(&x).finish(None, B::unfold4d(x.inner(), kernel, options))
    }

    /// In the steps of Burn's own plain form.
    fn attention(
        query: TracedTensor<B>,
        key: TracedTensor<B>,
        value: TracedTensor<B>,
        mask: Option<TracedMask<B>>,
        attn_bias: Option<TracedTensor<B>>,
        options: AttentionModuleOptions,
    ) -> TracedTensor<B> {
        attention_fallback::<Self>(query, key, value, mask, attn_bias, options)
    }

    fn max_pool1d_with_indices(
        x: TracedTensor<B>,
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
        ceil: bool,
    ) -> MaxPool1dWithIndices<Self> {
        let call = Call::new(&[x.is_tracked()]).arg(&x);
        let op = call.op(|| Op::max_pool([kernel], [stride], [padding], [dilation]));
        let out = B::max_pool1d_with_indices(x.inner(), kernel, stride, padding, dilation, ceil);
        MaxPool1dWithIndices::new(call.finish(op, out.output), TracedInt::constant(out.indices))
    }

    fn max_pool1d_with_indices_backward(
        x: TracedTensor<B>,
        kernel: usize,
        stride: usize,
        padding: usize,
        dilation: usize,
        ceil: bool,
        grad: TracedTensor<B>,
        indices: TracedInt<B>,
    ) -> MaxPool1dBackward<Self> {
        let call = Call::new(&[x.is_tracked(), grad.is_tracked()]).arg(&x).arg(&grad);
        let traced = unsupported("max_pool1d_with_indices_backward", call);
        let (x, grad, indices) = (x.inner(), grad.inner(), indices.inner());
        let out =
            B::max_pool1d_with_indices_backward(x, kernel, stride, padding, dilation, ceil, grad, indices);
        MaxPool1dBackward::new(traced(out.x_grad))
    }

    fn max_pool2d_with_indices(
        x: TracedTensor<B>,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        ceil: bool,
    ) -> MaxPool2dWithIndices<Self> {
        let call = Call::new(&[x.is_tracked()]).arg(&x);
        let op = call.op(|| Op::max_pool(kernel, stride, padding, dilation));
        let out = B::max_pool2d_with_indices(x.inner(), kernel, stride, padding, dilation, ceil);
        MaxPool2dWithIndices::new(call.finish(op, out.output), TracedInt::constant(out.indices))
    }

    fn max_pool2d_with_indices_backward(
        x: TracedTensor<B>,
        kernel: [usize; 2],
        stride: [usize; 2],
        padding: [usize; 2],
        dilation: [usize; 2],
        ceil: bool,
        grad: TracedTensor<B>,
        indices: TracedInt<B>,
    ) -> MaxPool2dBackward<Self> {
        let call = Call::new(&[x.is_tracked(), grad.is_tracked()]).arg(&x).arg(&grad);
        let traced = unsupported("max_pool2d_with_indices_backward", call);
        let (x, grad, indices) = (x.inner(), grad.inner(), indices.inner());
        let out =
            B::max_pool2d_with_indices_backward(x, kernel, stride, padding, dilation, ceil, grad, indices);
        MaxPool2dBackward::new(traced(out.x_grad))
    }

    fn deform_conv2d_backward(
        x: TracedTensor<B>,
        offset: TracedTensor<B>,
        weight: TracedTensor<B>,
        mask: Option<TracedTensor<B>>,
        bias: Option<TracedTensor<B>>,
        grad: TracedTensor<B>,
        options: DeformConvOptions<2>,
    ) -> DeformConv2dBackward<Self> {
        let tracked = [&x, &offset, &weight, &grad].iter().any(|t| t.is_tracked());
        let call = Call::new(&[tracked, mask.is_tracked(), bias.is_tracked()]);
        let call = call.arg(&x).arg(&offset).arg(&weight).arg(&mask).arg(&bias).arg(&grad);
        let traced = unsupported("deform_conv2d_backward", call);
        let (mask, bias) = (mask.inner(), bias.inner());
        let (x, offset, weight, grad) = (x.inner(), offset.inner(), weight.inner(), grad.inner());
        let out = B::deform_conv2d_backward(x, offset, weight, mask, bias, grad, options);
        DeformConv2dBackward::new(
            traced(out.x_grad),
            traced(out.offset_grad),
            traced(out.weight_grad),
            out.mask_grad.map(&traced),
            out.bias_grad.map(&traced),
        )
    }

    fn rfft(x: TracedTensor<B>, dim: usize, n: Option<usize>) -> (TracedTensor<B>, TracedTensor<B>) {
        let traced = unsupported("rfft", Call::new(&[x.is_tracked()]).arg(&x));
        let (real, imaginary) = B::rfft(x.inner(), dim, n);
        (traced(real), traced(imaginary))
    }
}

/// Traces each result of a call that has several.
fn unsupported<B: Backend>(name: &'static str, call: Call<B>) -> impl Fn(FloatTensor<B>) -> TracedTensor<B> {
    move |primitive| {
        let call = call.clone();
        let op = call.op(|| Op::Unsupported(name));
        call.finish(op, primitive)
    }
}

fn softmax(form: SoftmaxForm, dim: usize) -> Op {
    Op::Softmax(Softmax::new(form, dim))
}

impl<B: Backend> ActivationOps<Self> for Traced<B> {
    delegate! {
        (tensor: F, negative_slope: Scalar) -> F { leaky_relu = Op::Activation(Activation::LeakyRelu { slope: negative_slope.elem() }) }
        (tensor: F) -> F { relu = Op::Activation(Activation::Relu), gelu = Op::Activation(Activation::Gelu), sigmoid = Op::Activation(Activation::Sigmoid), log_sigmoid = Op::Activation(Activation::LogSigmoid) }
        (tensor: F, alpha: F) -> F { prelu = Op::PRelu }
        (output: F, grad: F) -> F { relu_backward, gelu_backward, sigmoid_backward, log_sigmoid_backward }
        (tensor: F, alpha: Scalar, beta: Scalar) -> F { hard_sigmoid = Op::Activation(Activation::HardSigmoid { alpha: alpha.elem(), beta: beta.elem() }) }
        (tensor: F, dim: usize) -> F { softmax = softmax(SoftmaxForm::Softmax, dim), log_softmax = softmax(SoftmaxForm::LogSoftmax, dim), softmin = softmax(SoftmaxForm::Softmin, dim) }
    }
}

impl<B: Backend> TransactionOps<Self> for Traced<B> {
    fn tr_execute(
        transaction: TransactionPrimitive<Self>,
    ) -> impl Future<Output = Result<TransactionPrimitiveData, ExecutionError>> + Send {
        B::tr_execute(TransactionPrimitive::new(
            transaction.read_floats.inner(),
            transaction.read_qfloats,
            transaction.read_ints.inner(),
            transaction.read_bools.inner(),
        ))
    }
}
