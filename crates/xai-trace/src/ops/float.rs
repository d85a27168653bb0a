//! Float tensor operations.
#![deny(clippy::missing_trait_methods)]

use burn_backend::ops::{FloatTensorOps, GridSampleOptions};
use burn_backend::tensor::{Device, IndexingUpdateOp, IntTensor};
use burn_backend::{
    Backend, BoolDType, Distribution, ExecutionError, FloatDType, IntDType, Scalar, Shape, Slice, TensorData,
    TensorMetadata, read_sync,
};
use xai_core::layer::{Activation, Elementwise, Flip, Permute, Reduce, Repeat, Select};

use super::{delegate, method};
use crate::backend::Traced;
use crate::ids::TracedInt;
use crate::mask::TracedMask;
use crate::op::Op;
use crate::tensor::{Argument, Call, MaskSource, Relation, TracedTensor};

impl<B: Backend> FloatTensorOps<Self> for Traced<B> {
    delegate! {
        (data: TensorData, device: &Device<B>) -> F { float_from_data }
        (shape: Shape, device: &Device<B>, dtype: FloatDType) -> F { float_zeros, float_ones, float_empty }
        (shape: Shape, fill_value: Scalar, device: &Device<B>, dtype: FloatDType) -> F { float_full }
        (tensor: F) -> impl Future<Output = Result<TensorData, ExecutionError>> + Send { float_into_data }
        (tensor: RF) -> Device<B> { float_device }
        (tensor: F, out_dtype: IntDType) -> I { float_into_int }
        (tensor: F, dim: usize, times: usize) -> F { float_repeat_dim = Op::Repeat(Repeat::new(dim, times)), float_topk }
        (tensor: F, dim1: usize, dim2: usize) -> F { float_swap_dims = Op::swap(tensor.rank(), dim1, dim2) }
        (lhs: F, rhs: F) -> F { float_add = Op::Add, float_sub = Op::Sub, float_mul = Op::Mul, float_div = Op::Div, float_remainder, float_matmul = Op::Matmul, float_powf = Op::Power, float_atan2 }
        (lhs: F, rhs: Scalar) -> F { float_add_scalar = Op::AddScalar(rhs.elem()), float_sub_scalar = Op::SubScalar(rhs.elem()), float_mul_scalar = Op::MulScalar(rhs.elem()), float_div_scalar = Op::DivScalar(rhs.elem()), float_remainder_scalar }
        (lhs: F, rhs: Scalar) -> F { float_clamp_min = Op::Activation(Activation::clamp(Some(rhs.elem()), None)), float_clamp_max = Op::Activation(Activation::clamp(None, Some(rhs.elem()))) }
        (lhs: F, rhs: Scalar) -> F { float_powi_scalar = powi(rhs), float_powi_scalar_impl = powi(rhs), float_powf_scalar = power(rhs.elem()), float_powf_scalar_impl = power(rhs.elem()) }
        (tensor: F, min: Scalar, max: Scalar) -> F { float_clamp = Op::Activation(Activation::clamp(Some(min.elem()), Some(max.elem()))) }
        (lhs: F, rhs: F, dim: usize) -> F { float_cross }
        (tensor: F) -> F { float_detach = Op::Detach, float_neg = Op::Neg, float_recip = Op::Elementwise(Elementwise::Recip), float_transpose = Op::swap(tensor.rank(), tensor.rank() - 2, tensor.rank() - 1), float_sum = Op::Reduce(Reduce::sum_all()), float_prod, float_mean = Op::Reduce(Reduce::mean_all()), float_exp = Op::Elementwise(Elementwise::Exp), float_log = Op::Elementwise(Elementwise::Log), float_log1p, float_sqrt = Op::Elementwise(Elementwise::Sqrt), float_abs = Op::Elementwise(Elementwise::Abs), float_cos, float_sin, float_tan, float_cosh, float_sinh, float_tanh = Op::Activation(Activation::Tanh), float_acos, float_acosh, float_asin, float_asinh, float_atan, float_atanh, float_round, float_floor, float_ceil, float_trunc, float_erf, float_max, float_min, float_max_abs, float_sign }
        (tensor: F, axes: &[usize]) -> F { float_permute = Op::Permute(Permute::new(axes.to_vec())), float_flip = Op::Flip(Flip::new(axes.to_vec())) }
        (tensor: F, shape: Shape) -> F { float_reshape = Op::Reshape, float_expand = Op::Expand }
        (dim: usize, tensor: F, indices: I) -> F { float_gather }
        (dim: usize, tensor: F, indices: I, value: F) -> F { float_scatter_add }
        (data: F, indices: I, values: F, reduction: IndexingUpdateOp) -> F { float_scatter_nd }
        (data: F, indices: I) -> F { float_gather_nd, float_powi }
        (tensor: F, dim: usize, indices: I, value: F) -> F { float_select_add }
        (tensor: F, slices: &[Slice]) -> F { float_slice = Op::Slice(slices.to_vec()) }
        (tensor: F, slices: &[Slice], value: F) -> F { float_slice_assign = Op::SliceAssign(slices.to_vec()) }
        (tensor: F, mask: M, value: F) -> F { float_mask_where = Op::MaskWhere }
        (tensor: F, mask: M, value: Scalar) -> F { float_mask_fill = Op::MaskFill(value.elem()) }
        (lhs: F, rhs: F, out_dtype: BoolDType) -> M { float_equal, float_not_equal, float_greater, float_greater_equal, float_lower, float_lower_equal }
        (lhs: F, rhs: Scalar, out_dtype: BoolDType) -> M { float_equal_elem, float_not_equal_elem, float_greater_elem = (Relation::Greater, rhs), float_greater_equal_elem = (Relation::GreaterEqual, rhs), float_lower_elem = (Relation::Lower, rhs), float_lower_equal_elem = (Relation::LowerEqual, rhs) }
        (tensor: RF) -> bool { float_is_require_grad }
        (tensor: F, dim: usize) -> F { float_sum_dim = Op::Reduce(Reduce::sum([dim])), float_prod_dim, float_mean_dim = Op::Reduce(Reduce::mean([dim])), float_cumsum, float_cumprod, float_cummin, float_cummax, float_max_dim, float_min_dim, float_max_abs_dim }
        (tensor: F, dtype: FloatDType) -> F { float_cast }
        (tensors: VF, dim: usize) -> F { float_cat = Op::Cat { dim } }
        (tensor: F, dim: usize, out_dtype: IntDType) -> I { float_argmax, float_argmin }
        (tensor: F, dim: usize, k: usize, out_dtype: IntDType) -> I { float_argtopk }
        (tensor: F, dim: usize, indices_dtype: IntDType) -> (F, I) { float_max_dim_with_indices, float_min_dim_with_indices }
        (tensor: F, out_dtype: BoolDType) -> M { float_any, float_all, float_is_nan, float_is_inf }
        (tensor: F, dim: usize, out_dtype: BoolDType) -> M { float_any_dim, float_all_dim }
        (tensor: F, dim: usize, descending: bool) -> F { float_sort }
        (tensor: F, dim: usize, descending: bool, indices_dtype: IntDType) -> (F, I) { float_sort_with_indices }
        (tensor: F, dim: usize, descending: bool, out_dtype: IntDType) -> I { float_argsort }
        (tensor: F, grid: F, options: GridSampleOptions) -> F { float_grid_sample_2d }
        (tensor: F, dim: usize, size: usize, step: usize) -> F { float_unfold }
    }

    fn float_select(tensor: TracedTensor<B>, dim: usize, indices: TracedInt<B>) -> TracedTensor<B> {
        let selected = B::float_select(tensor.primitive.clone(), dim, indices.primitive.clone());
        if dim == 0
            && let Some(rows) = indices.look_up(&tensor, selected.clone())
        {
            return rows;
        }
        let call = Call::new(&[tensor.is_tracked()]).arg(&tensor);
        let indices = indices.inner();
        let op = call.op(|| select::<B>(dim, indices));
        call.finish(op, selected)
    }

    fn float_to_device(tensor: TracedTensor<B>, device: &Device<B>) -> TracedTensor<B> {
        tensor.moved(|t| B::float_to_device(t, device))
    }

    // A draw is a constant of this recording only.
    fn float_random(
        shape: Shape,
        distribution: Distribution,
        device: &Device<B>,
        dtype: FloatDType,
    ) -> TracedTensor<B> {
        crate::reads::note(&[true]);
        TracedTensor::constant(B::float_random(shape, distribution, device, dtype))
    }

    fn float_set_require_grad(tensor: TracedTensor<B>, require_grad: bool) -> TracedTensor<B> {
        tensor.moved(|t| B::float_set_require_grad(t, require_grad))
    }
}

fn power(exponent: f64) -> Op {
    Op::Elementwise(Elementwise::Power(exponent))
}

/// Burn's whole powers cut some exponents off and take others as they are.
fn powi(exponent: Scalar) -> Op {
    let exponent: f64 = exponent.elem();
    if exponent.fract() == 0.0 { power(exponent) } else { Op::Unsupported("float_powi_scalar") }
}

/// The places are constants of the graph, wherever they come from: they are read here and now.
fn select<B: Backend>(dim: usize, indices: IntTensor<B>) -> Op {
    match read_sync(B::int_into_data(indices)) {
        Ok(data) => Op::Select(Select::new(dim, data.iter::<i64>().map(|place| place as usize))),
        Err(_) => Op::Unsupported("float_select"),
    }
}
