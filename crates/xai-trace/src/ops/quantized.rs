//! Quantized tensor operations.
#![deny(clippy::missing_trait_methods)]

use burn_backend::ops::QTensorOps;
use burn_backend::quantization::{QuantScheme, QuantizationParametersPrimitive};
use burn_backend::tensor::{Device, QuantizedTensor, QuantizedTensor as Quant};
use burn_backend::{
    Backend, BoolDType, ExecutionError, FloatDType, IntDType, Scalar, Shape, Slice, TensorData,
    TensorPrimitive,
};

use super::{delegate, method};
use crate::backend::Traced;
use crate::ids::TracedInt;
use crate::mask::TracedMask;
use crate::op::Op;
use crate::tensor::{Argument, Call, TracedTensor};

impl<B: Backend> QTensorOps<Self> for Traced<B> {
    delegate! {
        (data: TensorData, device: &Device<B>) -> Quant<B> { q_from_data }
        (tensor: F, scheme: &QuantScheme) -> Quant<B> { quantize_dynamic }
        (tensor: Quant<B>, dtype: FloatDType) -> F { dequantize }
        (tensor: &Quant<B>) -> Device<B> { q_device }
        (tensor: Quant<B>, device: &Device<B>) -> Quant<B> { q_to_device }
        (tensor: Quant<B>, shape: Shape) -> Quant<B> { q_reshape, q_expand }
        (tensor: Quant<B>) -> impl Future<Output = Result<TensorData, ExecutionError>> + Send { q_into_data }
        (tensor: Quant<B>) -> Quant<B> { q_detach, q_transpose, q_abs, q_max, q_min, q_max_abs }
        (tensor: Quant<B>, require_grad: bool) -> Quant<B> { q_set_require_grad }
        (tensor: &Quant<B>) -> bool { q_is_require_grad }
        (tensor: Quant<B>, dim1: usize, dim2: usize) -> Quant<B> { q_swap_dims, q_repeat_dim, q_topk }
        (tensor: Quant<B>, axes: &[usize]) -> Quant<B> { q_permute, q_flip }
        (tensor: Quant<B>, dim: usize, indices: I) -> Quant<B> { q_select }
        (tensor: Quant<B>, slices: &[Slice]) -> Quant<B> { q_slice }
        (dim: usize, tensor: Quant<B>, indices: I) -> Quant<B> { q_gather }
        (lhs: Quant<B>, rhs: Quant<B>) -> TP { q_add, q_sub, q_mul, q_div, q_powf }
        (lhs: Quant<B>, rhs: Scalar) -> TP { q_add_scalar, q_clamp_min, q_clamp_max, q_sub_scalar, q_mul_scalar, q_div_scalar, q_powi_scalar, q_powf_scalar }
        (tensor: Quant<B>, min: Scalar, max: Scalar) -> TP { q_clamp }
        (lhs: TP, rhs: TP) -> TP { q_matmul }
        (tensor: Quant<B>) -> TP { q_neg, q_recip, q_sum, q_prod, q_mean, q_exp, q_log, q_log1p, q_sqrt, q_cos, q_sin, q_tan, q_cosh, q_sinh, q_tanh, q_erf }
        (tensor: Quant<B>, dim: usize) -> TP { q_sum_dim, q_prod_dim, q_mean_dim, q_cumsum, q_cumprod, q_cummin, q_cummax }
        (lhs: Quant<B>, rhs: I) -> TP { q_powi }
        (tensors: Vec<Quant<B>>, dim: usize) -> Quant<B> { q_cat }
        (tensor: Quant<B>, dim: usize, out_dtype: IntDType) -> I { q_argmax, q_argmin }
        (tensor: Quant<B>, dim: usize, k: usize, out_dtype: IntDType) -> I { q_argtopk }
        (tensor: Quant<B>, dim: usize) -> Quant<B> { q_max_dim, q_min_dim, q_max_abs_dim }
        (tensor: Quant<B>, dim: usize, out_dtype: IntDType) -> (Q, I) { q_max_dim_with_indices, q_min_dim_with_indices }
        (tensor: Quant<B>, out_dtype: BoolDType) -> M { q_any, q_all }
        (tensor: Quant<B>, dim: usize, out_dtype: BoolDType) -> M { q_any_dim, q_all_dim }
        (tensor: Quant<B>, dim: usize, descending: bool) -> Quant<B> { q_sort }
        (tensor: Quant<B>, dim: usize, descending: bool, out_dtype: IntDType) -> (Q, I) { q_sort_with_indices }
        (tensor: Quant<B>, dim: usize, descending: bool, out_dtype: IntDType) -> I { q_argsort }
    }

    fn quantize(
        tensor: TracedTensor<B>,
        scheme: &QuantScheme,
        qparams: QuantizationParametersPrimitive<Self>,
    ) -> Quant<B> {
        let qparams = QuantizationParametersPrimitive { scales: qparams.scales.inner() };
        B::quantize(tensor.inner(), scheme, qparams)
    }
}
