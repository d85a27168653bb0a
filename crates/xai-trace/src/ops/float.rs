//! Float tensor operations.
#![deny(clippy::missing_trait_methods)]

use burn_backend::ops::{FloatTensorOps, GridSampleOptions};
use burn_backend::tensor::{BoolTensor as Bool, Device, IndexingUpdateOp, IntTensor as Int};
use burn_backend::{
    Backend, BoolDType, Distribution, ExecutionError, FloatDType, IntDType, Scalar, Shape, Slice, TensorData,
};

use super::{delegate, method};
use crate::backend::Traced;
use crate::op::Op;
use crate::tensor::{Argument, Call, TracedTensor};

impl<B: Backend> FloatTensorOps<Self> for Traced<B> {
    delegate! {
        (data: TensorData, device: &Device<B>) -> F { float_from_data }
        (shape: Shape, distribution: Distribution, device: &Device<B>, dtype: FloatDType) -> F { float_random }
        (shape: Shape, device: &Device<B>, dtype: FloatDType) -> F { float_zeros, float_ones, float_empty }
        (shape: Shape, fill_value: Scalar, device: &Device<B>, dtype: FloatDType) -> F { float_full }
        (tensor: F) -> impl Future<Output = Result<TensorData, ExecutionError>> + Send { float_into_data }
        (tensor: RF) -> Device<B> { float_device }
        (tensor: F, out_dtype: IntDType) -> Int<B> { float_into_int }
        (tensor: F, dim: usize, times: usize) -> F { float_repeat_dim, float_swap_dims, float_topk }
        (lhs: F, rhs: F) -> F { float_add = Op::Add, float_sub = Op::Sub, float_mul = Op::Mul, float_div = Op::Div, float_remainder, float_matmul, float_powf, float_atan2 }
        (lhs: F, rhs: Scalar) -> F { float_add_scalar, float_clamp_min, float_clamp_max, float_sub_scalar, float_mul_scalar, float_div_scalar, float_remainder_scalar, float_powi_scalar, float_powi_scalar_impl, float_powf_scalar, float_powf_scalar_impl }
        (tensor: F, min: Scalar, max: Scalar) -> F { float_clamp }
        (lhs: F, rhs: F, dim: usize) -> F { float_cross }
        (tensor: F) -> F { float_neg, float_recip, float_transpose, float_sum, float_prod, float_mean, float_exp, float_log, float_log1p, float_sqrt, float_abs, float_cos, float_sin, float_tan, float_cosh, float_sinh, float_tanh, float_acos, float_acosh, float_asin, float_asinh, float_atan, float_atanh, float_round, float_floor, float_ceil, float_trunc, float_erf, float_max, float_min, float_max_abs, float_sign }
        (tensor: F, axes: &[usize]) -> F { float_permute, float_flip }
        (tensor: F, shape: Shape) -> F { float_reshape = Op::Reshape, float_expand }
        (dim: usize, tensor: F, indices: Int<B>) -> F { float_gather }
        (dim: usize, tensor: F, indices: Int<B>, value: F) -> F { float_scatter_add }
        (data: F, indices: Int<B>, values: F, reduction: IndexingUpdateOp) -> F { float_scatter_nd }
        (data: F, indices: Int<B>) -> F { float_gather_nd, float_powi }
        (tensor: F, dim: usize, indices: Int<B>) -> F { float_select }
        (tensor: F, dim: usize, indices: Int<B>, value: F) -> F { float_select_add }
        (tensor: F, slices: &[Slice]) -> F { float_slice }
        (tensor: F, slices: &[Slice], value: F) -> F { float_slice_assign }
        (tensor: F, mask: Bool<B>, value: F) -> F { float_mask_where }
        (tensor: F, mask: Bool<B>, value: Scalar) -> F { float_mask_fill }
        (lhs: F, rhs: F, out_dtype: BoolDType) -> Bool<B> { float_equal, float_not_equal, float_greater, float_greater_equal, float_lower, float_lower_equal }
        (lhs: F, rhs: Scalar, out_dtype: BoolDType) -> Bool<B> { float_equal_elem, float_not_equal_elem, float_greater_elem, float_greater_equal_elem, float_lower_elem, float_lower_equal_elem }
        (tensor: RF) -> bool { float_is_require_grad }
        (tensor: F, dim: usize) -> F { float_sum_dim, float_prod_dim, float_mean_dim, float_cumsum, float_cumprod, float_cummin, float_cummax, float_max_dim, float_min_dim, float_max_abs_dim }
        (tensor: F, dtype: FloatDType) -> F { float_cast }
        (tensors: VF, dim: usize) -> F { float_cat }
        (tensor: F, dim: usize, out_dtype: IntDType) -> Int<B> { float_argmax, float_argmin }
        (tensor: F, dim: usize, k: usize, out_dtype: IntDType) -> Int<B> { float_argtopk }
        (tensor: F, dim: usize, indices_dtype: IntDType) -> (F, Int<B>) { float_max_dim_with_indices, float_min_dim_with_indices }
        (tensor: F, out_dtype: BoolDType) -> Bool<B> { float_any, float_all, float_is_nan, float_is_inf }
        (tensor: F, dim: usize, out_dtype: BoolDType) -> Bool<B> { float_any_dim, float_all_dim }
        (tensor: F, dim: usize, descending: bool) -> F { float_sort }
        (tensor: F, dim: usize, descending: bool, indices_dtype: IntDType) -> (F, Int<B>) { float_sort_with_indices }
        (tensor: F, dim: usize, descending: bool, out_dtype: IntDType) -> Int<B> { float_argsort }
        (tensor: F, grid: F, options: GridSampleOptions) -> F { float_grid_sample_2d }
        (tensor: F, dim: usize, size: usize, step: usize) -> F { float_unfold }
    }

    fn float_to_device(tensor: TracedTensor<B>, device: &Device<B>) -> TracedTensor<B> {
        tensor.moved(|t| B::float_to_device(t, device))
    }

    // Relevance is defined through a detached value as well: only gradients stop there.
    fn float_detach(tensor: TracedTensor<B>) -> TracedTensor<B> {
        tensor.moved(B::float_detach)
    }

    fn float_set_require_grad(tensor: TracedTensor<B>, require_grad: bool) -> TracedTensor<B> {
        tensor.moved(|t| B::float_set_require_grad(t, require_grad))
    }
}
