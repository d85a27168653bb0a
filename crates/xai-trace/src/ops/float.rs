//! Float tensor operations.
#![deny(clippy::missing_trait_methods)]

use burn_autodiff::Autodiff;
use burn_backend::ops::{FloatTensorOps, GridSampleOptions};
use burn_backend::tensor::{Device, IndexingUpdateOp, IntTensor};
use burn_backend::{
    Backend, BoolDType, Distribution, ExecutionError, FloatDType, IntDType, Scalar, Shape, Slice, TensorData,
    TensorMetadata, get_device_settings, read_sync,
};
use xai_core::kernel::Extremum;
use xai_core::layer::{Activation, Elementwise, Flip, Permute, Reduce, Repeat, Select};

use super::steps::{product, windows};
use super::{argument, delegate, derived, method};
use crate::backend::Traced;
use crate::derivative::derivative;
use crate::ids::{HasOrigin, TracedInt};
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
        (tensor: F, dim: usize, times: usize) -> F { float_repeat_dim = Op::Repeat(Repeat::new(dim, times)) }
        (tensor: F, dim1: usize, dim2: usize) -> F { float_swap_dims = Op::swap(tensor.rank(), dim1, dim2) }
        (lhs: F, rhs: F) -> F { float_add = Op::Add, float_sub = Op::Sub, float_mul = Op::Mul, float_div = Op::Div, float_matmul = Op::Matmul }
        (lhs: F, rhs: Scalar) -> F { float_add_scalar = Op::AddScalar(rhs.elem()), float_sub_scalar = Op::SubScalar(rhs.elem()), float_mul_scalar = Op::MulScalar(rhs.elem()), float_div_scalar = Op::DivScalar(rhs.elem()) }
        (lhs: F, rhs: Scalar) -> F { float_clamp_min = Op::Activation(Activation::clamp(Some(rhs.elem()), None)), float_clamp_max = Op::Activation(Activation::clamp(None, Some(rhs.elem()))) }
        (lhs: F, rhs: Scalar) -> F { float_powi_scalar = powi(rhs), float_powi_scalar_impl = powi(rhs), float_powf_scalar = power(rhs.elem()), float_powf_scalar_impl = power(rhs.elem()) }
        (tensor: F, min: Scalar, max: Scalar) -> F { float_clamp = Op::Activation(Activation::clamp(Some(min.elem()), Some(max.elem()))) }
        (tensor: F) -> F { float_detach = Op::Detach, float_neg = Op::Neg, float_recip = Op::Elementwise(Elementwise::Recip), float_transpose = Op::swap(tensor.rank(), tensor.rank() - 2, tensor.rank() - 1), float_sum = Op::Reduce(Reduce::sum_all()), float_mean = Op::Reduce(Reduce::mean_all()), float_exp = Op::Elementwise(Elementwise::Exp), float_log = Op::Elementwise(Elementwise::Log), float_log1p = Op::Elementwise(Elementwise::Log1p), float_sqrt = Op::Elementwise(Elementwise::Sqrt), float_abs = Op::Elementwise(Elementwise::Abs), float_cos = Op::Elementwise(Elementwise::Cos), float_sin = Op::Elementwise(Elementwise::Sin), float_tan = Op::Elementwise(Elementwise::Tan), float_cosh = Op::Elementwise(Elementwise::Cosh), float_sinh = Op::Elementwise(Elementwise::Sinh), float_tanh = Op::Activation(Activation::Tanh), float_acos = Op::Elementwise(Elementwise::Acos), float_acosh = Op::Elementwise(Elementwise::Acosh), float_asin = Op::Elementwise(Elementwise::Asin), float_asinh = Op::Elementwise(Elementwise::Asinh), float_atan = Op::Elementwise(Elementwise::Atan), float_atanh = Op::Elementwise(Elementwise::Atanh), float_round = Op::Elementwise(Elementwise::Round), float_floor = Op::Elementwise(Elementwise::Floor), float_ceil = Op::Elementwise(Elementwise::Ceil), float_trunc = Op::Elementwise(Elementwise::Trunc), float_erf = Op::Elementwise(Elementwise::Erf), float_sign = Op::Elementwise(Elementwise::Sign) }
        (tensor: F, axes: &[usize]) -> F { float_permute = Op::Permute(Permute::new(axes.to_vec())), float_flip = Op::Flip(Flip::new(axes.to_vec())) }
        (tensor: F, shape: Shape) -> F { float_reshape = Op::Reshape, float_expand = Op::Expand }
        (data: F, indices: I, values: F, reduction: IndexingUpdateOp) -> F { float_scatter_nd }
        (tensor: F, slices: &[Slice]) -> F { float_slice = Op::Slice(slices.to_vec()) }
        (tensor: F, slices: &[Slice], value: F) -> F { float_slice_assign = Op::SliceAssign(slices.to_vec()) }
        (lhs: F, rhs: F, out_dtype: BoolDType) -> M { float_equal, float_not_equal, float_greater, float_greater_equal, float_lower, float_lower_equal }
        (lhs: F, rhs: Scalar, out_dtype: BoolDType) -> M { float_equal_elem, float_not_equal_elem, float_greater_elem = (Relation::Greater, rhs), float_greater_equal_elem = (Relation::GreaterEqual, rhs), float_lower_elem = (Relation::Lower, rhs), float_lower_equal_elem = (Relation::LowerEqual, rhs) }
        (tensor: RF) -> bool { float_is_require_grad }
        (tensor: F, dim: usize) -> F { float_sum_dim = Op::Reduce(Reduce::sum([dim])), float_mean_dim = Op::Reduce(Reduce::mean([dim])), float_cumsum = Op::CumulativeSum { dim }, float_cummin, float_cummax, float_max_dim = extremum(dim, Extremum::Max), float_min_dim = extremum(dim, Extremum::Min) }
        (tensors: VF, dim: usize) -> F { float_cat = Op::Cat { dim } }
        (tensor: F, dim: usize, out_dtype: IntDType) -> I { float_argmax, float_argmin }
        (tensor: F, dim: usize, k: usize, out_dtype: IntDType) -> I { float_argtopk }
        (tensor: F, out_dtype: BoolDType) -> M { float_any, float_all, float_is_nan, float_is_inf }
        (tensor: F, dim: usize, out_dtype: BoolDType) -> M { float_any_dim, float_all_dim }
        (tensor: F, dim: usize, descending: bool, out_dtype: IntDType) -> I { float_argsort }
    }

    derived! {
        float_remainder(lhs: F, rhs: F) = Op::Unsupported("float_remainder");
        float_remainder_scalar(lhs: F, rhs: [Scalar]) = Op::Unsupported("float_remainder_scalar");
        float_powf(lhs: F, rhs: F) = Op::Power;
        float_powi(lhs: F, rhs: I) = Op::Unsupported("float_powi");
        float_atan2(lhs: F, rhs: F) = Op::Unsupported("float_atan2");
        float_cross(lhs: F, rhs: F, dim: [usize]) = Op::Unsupported("float_cross");
        float_cumprod(tensor: F, dim: [usize]) = Op::Unsupported("float_cumprod");
        float_gather_nd(data: F, indices: I) = Op::Unsupported("float_gather_nd");
        float_scatter_add(dim: [usize], tensor: F, indices: I, value: F) = Op::Unsupported("float_scatter_add");
        float_select_add(tensor: F, dim: [usize], indices: I, value: F) = Op::Unsupported("float_select_add");
        float_grid_sample_2d(tensor: F, grid: F, options: [GridSampleOptions]) =
            Op::Unsupported("float_grid_sample_2d");
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

    fn float_gather(dim: usize, tensor: TracedTensor<B>, indices: TracedInt<B>) -> TracedTensor<B> {
        let indices = indices.inner();
        let call = Call::new(&[tensor.is_tracked()]).arg(&tensor).places(&indices);
        let op = call.op(|| Op::Gather { dim });
        call.finish(op, B::float_gather(dim, tensor.inner(), indices))
    }

    fn float_prod(tensor: TracedTensor<B>) -> TracedTensor<B> {
        Self::float_prod_dim(flat(tensor), 0)
    }

    fn float_prod_dim(tensor: TracedTensor<B>, dim: usize) -> TracedTensor<B> {
        if tensor.is_tracked() {
            return product(tensor, dim);
        }
        Call::new(&[false]).arg(&tensor).finish(None, B::float_prod_dim(tensor.inner(), dim))
    }

    fn float_max(tensor: TracedTensor<B>) -> TracedTensor<B> {
        Self::float_max_dim(flat(tensor), 0)
    }

    fn float_min(tensor: TracedTensor<B>) -> TracedTensor<B> {
        Self::float_min_dim(flat(tensor), 0)
    }

    fn float_max_abs(tensor: TracedTensor<B>) -> TracedTensor<B> {
        Self::float_max(Self::float_abs(tensor))
    }

    fn float_max_abs_dim(tensor: TracedTensor<B>, dim: usize) -> TracedTensor<B> {
        Self::float_max_dim(Self::float_abs(tensor), dim)
    }

    fn float_max_dim_with_indices(
        tensor: TracedTensor<B>,
        dim: usize,
        indices_dtype: IntDType,
    ) -> (TracedTensor<B>, TracedInt<B>) {
        let indices = Self::float_argmax(tensor.clone(), dim, indices_dtype);
        (Self::float_max_dim(tensor, dim), indices)
    }

    fn float_min_dim_with_indices(
        tensor: TracedTensor<B>,
        dim: usize,
        indices_dtype: IntDType,
    ) -> (TracedTensor<B>, TracedInt<B>) {
        let indices = Self::float_argmin(tensor.clone(), dim, indices_dtype);
        (Self::float_min_dim(tensor, dim), indices)
    }

    fn float_sort(tensor: TracedTensor<B>, dim: usize, descending: bool) -> TracedTensor<B> {
        let dtype = get_device_settings::<B>(&Self::float_device(&tensor)).int_dtype;
        Self::float_sort_with_indices(tensor, dim, descending, dtype).0
    }

    /// Sorted elements are picked at the places that this recording found.
    fn float_sort_with_indices(
        tensor: TracedTensor<B>,
        dim: usize,
        descending: bool,
        indices_dtype: IntDType,
    ) -> (TracedTensor<B>, TracedInt<B>) {
        let indices = Self::float_argsort(tensor.clone(), dim, descending, indices_dtype);
        (Self::float_gather(dim, tensor, indices.clone()), indices)
    }

    fn float_topk(tensor: TracedTensor<B>, dim: usize, k: usize) -> TracedTensor<B> {
        let mut ranges: Vec<Slice> = tensor.shape().as_slice().iter().map(|&size| (0..size).into()).collect();
        ranges[dim] = (0..k).into();
        Self::float_slice(Self::float_sort(tensor, dim, true), &ranges)
    }

    fn float_unfold(tensor: TracedTensor<B>, dim: usize, size: usize, step: usize) -> TracedTensor<B> {
        if tensor.is_tracked() {
            return windows(tensor, dim, size, step);
        }
        Call::new(&[false]).arg(&tensor).finish(None, B::float_unfold(tensor.inner(), dim, size, step))
    }

    fn float_mask_where(
        tensor: TracedTensor<B>,
        mask: TracedMask<B>,
        value: TracedTensor<B>,
    ) -> TracedTensor<B> {
        let tracked = tensor.is_tracked() || value.is_tracked();
        crate::reads::note(&[!tracked && mask.is_tracked()]);
        let call = Call::new(&[tracked]).arg(&tensor).arg(&mask).arg(&value);
        let op = call.op(|| Op::MaskWhere);
        call.finish(op, B::float_mask_where(tensor.inner(), mask.inner(), value.inner()))
    }

    fn float_mask_fill(tensor: TracedTensor<B>, mask: TracedMask<B>, value: Scalar) -> TracedTensor<B> {
        let tracked = tensor.is_tracked();
        crate::reads::note(&[!tracked && mask.is_tracked()]);
        let call = Call::new(&[tracked]).arg(&tensor).arg(&mask);
        let op = call.op(|| Op::MaskFill(value.elem()));
        call.finish(op, B::float_mask_fill(tensor.inner(), mask.inner(), value))
    }

    /// A graph has one element type.
    fn float_cast(tensor: TracedTensor<B>, dtype: FloatDType) -> TracedTensor<B> {
        tensor.moved(|t| B::float_cast(t, dtype))
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

/// All elements in one dimension.
fn flat<B: Backend>(tensor: TracedTensor<B>) -> TracedTensor<B> {
    let elements = tensor.shape().num_elements();
    Traced::<B>::float_reshape(tensor, Shape::new([elements]))
}

fn extremum(dim: usize, extremum: Extremum) -> Op {
    Op::Extremum { dim, extremum }
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
