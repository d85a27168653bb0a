//! Int and bool tensor operations: nothing to record, for relevance does not flow through them.
#![deny(clippy::missing_trait_methods)]

use std::ops::Range;

use burn_backend::ops::{BoolTensorOps, IntTensorOps};
use burn_backend::tensor::{Device, IndexingUpdateOp, IntTensor as Int};
use burn_backend::{
    Backend, BoolDType, Distribution, ExecutionError, FloatDType, IntDType, Scalar, Shape, Slice, TensorData,
};

use super::{delegate, method};
use crate::backend::Traced;
use crate::mask::TracedMask;
use crate::op::Op;
use crate::tensor::{Argument, Call, TracedTensor};

impl<B: Backend> IntTensorOps<Self> for Traced<B> {
    delegate! {
        (shape: Shape, device: &Device<B>, dtype: IntDType) -> Int<B> { int_empty, int_zeros, int_ones }
        (tensor: Int<B>) -> impl Future<Output = Result<TensorData, ExecutionError>> + Send { int_into_data }
        (data: TensorData, device: &Device<B>) -> Int<B> { int_from_data }
        (tensor: &Int<B>) -> Device<B> { int_device }
        (tensor: Int<B>, device: &Device<B>) -> Int<B> { int_to_device }
        (tensor: Int<B>, shape: Shape) -> Int<B> { int_reshape, int_expand }
        (tensor: Int<B>, slices: &[Slice]) -> Int<B> { int_slice }
        (tensor: Int<B>, slices: &[Slice], value: Int<B>) -> Int<B> { int_slice_assign }
        (tensor: Int<B>, out_dtype: FloatDType) -> F { int_into_float }
        (tensor: Int<B>, mask: M, value: Int<B>) -> Int<B> { int_mask_where }
        (tensor: Int<B>, mask: M, value: Scalar) -> Int<B> { int_mask_fill }
        (dim: usize, tensor: Int<B>, indices: Int<B>) -> Int<B> { int_gather }
        (dim: usize, tensor: Int<B>, indices: Int<B>, value: Int<B>) -> Int<B> { int_scatter_add }
        (data: Int<B>, indices: Int<B>, values: Int<B>, reduction: IndexingUpdateOp) -> Int<B> { int_scatter_nd }
        (data: Int<B>, indices: Int<B>) -> Int<B> { int_gather_nd, int_add, int_powi, int_sub, int_mul, int_div, int_remainder, int_matmul, bitwise_and, bitwise_or, bitwise_xor, bitwise_left_shift, bitwise_right_shift }
        (tensor: Int<B>, dim: usize, indices: Int<B>) -> Int<B> { int_select }
        (tensor: Int<B>, dim: usize, indices: Int<B>, value: Int<B>) -> Int<B> { int_select_add }
        (tensor: Int<B>, dim: usize, times: usize) -> Int<B> { int_repeat_dim, int_argtopk, int_topk, int_swap_dims }
        (tensors: Vec<Int<B>>, dim: usize) -> Int<B> { int_cat }
        (lhs: Int<B>, rhs: Int<B>, out_dtype: BoolDType) -> M { int_equal, int_not_equal, int_greater, int_greater_equal, int_lower, int_lower_equal }
        (lhs: Int<B>, rhs: Scalar, out_dtype: BoolDType) -> M { int_equal_elem, int_not_equal_elem, int_greater_elem, int_greater_equal_elem, int_lower_elem, int_lower_equal_elem }
        (lhs: Int<B>, rhs: Scalar) -> Int<B> { int_add_scalar, int_powi_scalar, int_powi_scalar_impl, int_clamp_min, int_clamp_max, int_sub_scalar, int_mul_scalar, int_div_scalar, int_remainder_scalar, bitwise_and_scalar, bitwise_or_scalar, bitwise_xor_scalar, bitwise_left_shift_scalar, bitwise_right_shift_scalar }
        (tensor: Int<B>, min: Scalar, max: Scalar) -> Int<B> { int_clamp }
        (tensor: Int<B>) -> Int<B> { int_neg, int_sum, int_prod, int_mean, int_max, int_max_abs, int_min, int_abs, int_transpose, int_sign, bitwise_not }
        (shape: Shape, fill_value: Scalar, device: &Device<B>, dtype: IntDType) -> Int<B> { int_full }
        (tensor: Int<B>, dim: usize) -> Int<B> { int_sum_dim, int_prod_dim, int_mean_dim, int_cumsum, int_cumprod, int_cummin, int_cummax, int_argmax, int_argmin, int_max_dim, int_max_abs_dim, int_min_dim }
        (tensor: Int<B>, dim: usize) -> (Int<B>, Int<B>) { int_max_dim_with_indices, int_min_dim_with_indices }
        (tensor: Int<B>, axes: &[usize]) -> Int<B> { int_permute, int_flip }
        (shape: Shape, distribution: Distribution, device: &Device<B>, dtype: IntDType) -> Int<B> { int_random }
        (range: Range<i64>, step: usize, device: &Device<B>, dtype: IntDType) -> Int<B> { int_arange_step }
        (range: Range<i64>, device: &Device<B>, dtype: IntDType) -> Int<B> { int_arange }
        (tensor: Int<B>, out_dtype: BoolDType) -> M { int_any, int_all }
        (tensor: Int<B>, dim: usize, out_dtype: BoolDType) -> M { int_any_dim, int_all_dim }
        (tensor: Int<B>, dim: usize, descending: bool) -> Int<B> { int_sort, int_argsort }
        (tensor: Int<B>, dim: usize, descending: bool) -> (Int<B>, Int<B>) { int_sort_with_indices }
        (tensor: Int<B>, dtype: IntDType) -> Int<B> { int_cast }
        (tensor: Int<B>, dim: usize, size: usize, step: usize) -> Int<B> { int_unfold }
    }
}

impl<B: Backend> BoolTensorOps<Self> for Traced<B> {
    delegate! {
        (shape: Shape, device: &Device<B>, dtype: BoolDType) -> M { bool_empty, bool_zeros, bool_ones }
        (tensor: M) -> impl Future<Output = Result<TensorData, ExecutionError>> + Send { bool_into_data }
        (data: TensorData, device: &Device<B>) -> M { bool_from_data }
        (tensor: M, out_dtype: IntDType) -> Int<B> { bool_into_int }
        (tensor: M, out_dtype: FloatDType) -> F { bool_into_float }
        (tensor: RM) -> Device<B> { bool_device }
        (tensor: M, device: &Device<B>) -> M { bool_to_device }
        (tensor: M, shape: Shape) -> M { bool_reshape, bool_expand }
        (tensor: M, slices: &[Slice]) -> M { bool_slice }
        (tensor: M, slices: &[Slice], value: M) -> M { bool_slice_assign }
        (tensor: M, mask: M, value: M) -> M { bool_mask_where }
        (tensor: M, mask: M, value: Scalar) -> M { bool_mask_fill }
        (dim: usize, tensor: M, indices: Int<B>) -> M { bool_gather }
        (dim: usize, tensor: M, indices: Int<B>, value: M) -> M { bool_scatter_or }
        (tensor: M, dim: usize, indices: Int<B>) -> M { bool_select }
        (tensor: M, dim: usize, indices: Int<B>, value: M) -> M { bool_select_or }
        (tensor: M, dim: usize, times: usize) -> M { bool_repeat_dim, bool_swap_dims }
        (tensors: VM, dim: usize) -> M { bool_cat }
        (lhs: M, rhs: M) -> M { bool_equal, bool_not_equal, bool_and, bool_or, bool_xor }
        (lhs: M, rhs: Scalar) -> M { bool_equal_elem, bool_not_equal_elem }
        (tensor: M) -> M { bool_not, bool_transpose, bool_any, bool_all }
        (tensor: M, axes: &[usize]) -> M { bool_permute, bool_flip }
        (tensor: M, dim: usize) -> M { bool_any_dim, bool_all_dim }
        (tensor: M, out_dtype: IntDType) -> impl Future<Output = Int<B>> + 'static + Send { bool_argwhere }
        (tensor: M, dim: usize, size: usize, step: usize) -> M { bool_unfold }
    }
}
