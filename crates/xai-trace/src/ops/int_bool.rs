//! Int and bool tensor operations: nothing to record, for relevance does not flow through them. An int tensor
//! only knows whether it is an input of the model, for lookups in tables.
#![deny(clippy::missing_trait_methods)]

use std::ops::Range;

use burn_backend::ops::{BoolTensorOps, IntTensorOps};
use burn_backend::tensor::{Device, IndexingUpdateOp};
use burn_backend::{
    Backend, BoolDType, Distribution, ExecutionError, FloatDType, IntDType, Scalar, Shape, Slice, TensorData,
};

use super::{delegate, method};
use crate::backend::Traced;
use crate::ids::{HasOrigin, Origin, TracedInt, cat};
use crate::mask::TracedMask;
use crate::op::Op;
use crate::tensor::{Argument, Call, TracedTensor};

/// Methods that pick elements of their first argument.
macro_rules! picks {
    ($($name:ident($($arg:ident: $type:ty),*)),* $(,)?) => {$(
        fn $name(tensor: TracedInt<B>, $($arg: $type),*) -> TracedInt<B> {
            tensor.picked(|ints| B::$name(ints, $($arg.clone()),*))
        }
    )*};
}

/// Methods that compute each element from that of their first argument.
macro_rules! maps {
    ($($name:ident($($arg:ident: $type:ty),*)),* $(,)?) => {$(
        fn $name(tensor: TracedInt<B>, $($arg: $type),*) -> TracedInt<B> {
            tensor.mapped(|ints| B::$name(ints, $($arg),*))
        }
    )*};
}

impl<B: Backend> IntTensorOps<Self> for Traced<B> {
    delegate! {
        (shape: Shape, device: &Device<B>, dtype: IntDType) -> I { int_empty, int_zeros, int_ones }
        (tensor: I) -> impl Future<Output = Result<TensorData, ExecutionError>> + Send { int_into_data }
        (data: TensorData, device: &Device<B>) -> I { int_from_data }
        (tensor: RI) -> Device<B> { int_device }
        (tensor: I, slices: &[Slice], value: I) -> I { int_slice_assign }
        (tensor: I, out_dtype: FloatDType) -> F { int_into_float }
        (tensor: I, mask: M, value: I) -> I { int_mask_where }
        (tensor: I, mask: M, value: Scalar) -> I { int_mask_fill }
        (dim: usize, tensor: I, indices: I) -> I { int_gather }
        (dim: usize, tensor: I, indices: I, value: I) -> I { int_scatter_add }
        (data: I, indices: I, values: I, reduction: IndexingUpdateOp) -> I { int_scatter_nd }
        (data: I, indices: I) -> I { int_gather_nd, int_powi, int_sub, int_mul, int_div, int_remainder, int_matmul, bitwise_and, bitwise_or, bitwise_xor, bitwise_left_shift, bitwise_right_shift }
        (tensor: I, dim: usize, indices: I, value: I) -> I { int_select_add }
        (tensor: I, dim: usize, times: usize) -> I { int_argtopk, int_topk }
        (lhs: I, rhs: I, out_dtype: BoolDType) -> M { int_equal, int_not_equal, int_greater, int_greater_equal, int_lower, int_lower_equal }
        (lhs: I, rhs: Scalar, out_dtype: BoolDType) -> M { int_equal_elem, int_not_equal_elem, int_greater_elem, int_greater_equal_elem, int_lower_elem, int_lower_equal_elem }
        (lhs: I, rhs: Scalar) -> I { int_powi_scalar, int_powi_scalar_impl, bitwise_and_scalar, bitwise_or_scalar, bitwise_xor_scalar, bitwise_left_shift_scalar, bitwise_right_shift_scalar }
        (tensor: I) -> I { int_neg, int_sum, int_prod, int_mean, int_max, int_max_abs, int_min, int_abs, int_sign, bitwise_not }
        (shape: Shape, fill_value: Scalar, device: &Device<B>, dtype: IntDType) -> I { int_full }
        (tensor: I, dim: usize) -> I { int_sum_dim, int_prod_dim, int_mean_dim, int_cumsum, int_cumprod, int_cummin, int_cummax, int_argmax, int_argmin, int_max_dim, int_max_abs_dim, int_min_dim }
        (tensor: I, dim: usize) -> (I, I) { int_max_dim_with_indices, int_min_dim_with_indices }
        (shape: Shape, distribution: Distribution, device: &Device<B>, dtype: IntDType) -> I { int_random }
        (range: Range<i64>, step: usize, device: &Device<B>, dtype: IntDType) -> I { int_arange_step }
        (range: Range<i64>, device: &Device<B>, dtype: IntDType) -> I { int_arange }
        (tensor: I, out_dtype: BoolDType) -> M { int_any, int_all }
        (tensor: I, dim: usize, out_dtype: BoolDType) -> M { int_any_dim, int_all_dim }
        (tensor: I, dim: usize, descending: bool) -> I { int_sort, int_argsort }
        (tensor: I, dim: usize, descending: bool) -> (I, I) { int_sort_with_indices }
        (tensor: I, dtype: IntDType) -> I { int_cast }
        (tensor: I, dim: usize, size: usize, step: usize) -> I { int_unfold }
    }

    picks! {
        int_reshape(shape: Shape),
        int_expand(shape: Shape),
        int_slice(slices: &[Slice]),
        int_repeat_dim(dim: usize, times: usize),
        int_swap_dims(dim1: usize, dim2: usize),
        int_permute(axes: &[usize]),
        int_flip(axes: &[usize]),
        int_transpose(),
    }

    maps! {
        int_add_scalar(rhs: Scalar),
        int_sub_scalar(rhs: Scalar),
        int_mul_scalar(rhs: Scalar),
        int_div_scalar(rhs: Scalar),
        int_remainder_scalar(rhs: Scalar),
        int_clamp_min(min: Scalar),
        int_clamp_max(max: Scalar),
        int_clamp(min: Scalar, max: Scalar),
    }

    /// Offsets of ids, most often.
    fn int_add(lhs: TracedInt<B>, rhs: TracedInt<B>) -> TracedInt<B> {
        match (lhs.origin(), rhs.origin()) {
            (Origin::Constant, _) => rhs.mapped(|rhs| B::int_add(lhs.inner(), rhs)),
            (_, Origin::Constant) => lhs.mapped(|lhs| B::int_add(lhs, rhs.inner())),
            origins => TracedInt::computed(origins.into(), B::int_add(lhs.inner(), rhs.inner())),
        }
    }

    fn int_select(tensor: TracedInt<B>, dim: usize, indices: TracedInt<B>) -> TracedInt<B> {
        let indices = indices.inner();
        tensor.picked(|ints| B::int_select(ints, dim, indices.clone()))
    }

    fn int_cat(tensors: Vec<TracedInt<B>>, dim: usize) -> TracedInt<B> {
        cat(tensors, dim)
    }

    fn int_to_device(tensor: TracedInt<B>, device: &Device<B>) -> TracedInt<B> {
        tensor.moved(|ids| B::int_to_device(ids, device))
    }
}

impl<B: Backend> BoolTensorOps<Self> for Traced<B> {
    delegate! {
        (shape: Shape, device: &Device<B>, dtype: BoolDType) -> M { bool_empty, bool_zeros, bool_ones }
        (tensor: M) -> impl Future<Output = Result<TensorData, ExecutionError>> + Send { bool_into_data }
        (data: TensorData, device: &Device<B>) -> M { bool_from_data }
        (tensor: M, out_dtype: IntDType) -> I { bool_into_int }
        (tensor: RM) -> Device<B> { bool_device }
        (tensor: M, device: &Device<B>) -> M { bool_to_device }
        (tensor: M, shape: Shape) -> M { bool_reshape, bool_expand }
        (tensor: M, slices: &[Slice]) -> M { bool_slice }
        (tensor: M, slices: &[Slice], value: M) -> M { bool_slice_assign }
        (tensor: M, mask: M, value: M) -> M { bool_mask_where }
        (tensor: M, mask: M, value: Scalar) -> M { bool_mask_fill }
        (dim: usize, tensor: M, indices: I) -> M { bool_gather }
        (dim: usize, tensor: M, indices: I, value: M) -> M { bool_scatter_or }
        (tensor: M, dim: usize, indices: I) -> M { bool_select }
        (tensor: M, dim: usize, indices: I, value: M) -> M { bool_select_or }
        (tensor: M, dim: usize, times: usize) -> M { bool_repeat_dim, bool_swap_dims }
        (tensors: VM, dim: usize) -> M { bool_cat }
        (lhs: M, rhs: M) -> M { bool_equal, bool_not_equal, bool_and, bool_or, bool_xor }
        (lhs: M, rhs: Scalar) -> M { bool_equal_elem, bool_not_equal_elem }
        (tensor: M) -> M { bool_not, bool_transpose, bool_any, bool_all }
        (tensor: M, axes: &[usize]) -> M { bool_permute, bool_flip }
        (tensor: M, dim: usize) -> M { bool_any_dim, bool_all_dim }
        (tensor: M, dim: usize, size: usize, step: usize) -> M { bool_unfold }
    }

    /// Truth values as numbers do not change with the input, but for jumps.
    fn bool_into_float(tensor: TracedMask<B>, out_dtype: FloatDType) -> TracedTensor<B> {
        crate::reads::note(&[tensor.is_tracked()]);
        TracedTensor::constant(B::bool_into_float(tensor.inner(), out_dtype))
    }

    fn bool_argwhere(
        tensor: TracedMask<B>,
        out_dtype: IntDType,
    ) -> impl Future<Output = TracedInt<B>> + 'static + Send {
        crate::reads::note(&[tensor.is_tracked()]);
        let places = B::bool_argwhere(tensor.inner(), out_dtype);
        async { TracedInt::constant(places.await) }
    }
}
