//! Rank-erased float tensors, with the few operations that rules and layers need.
//!
//! A relevance graph mixes tensors of every rank, and a rule does not care about rank: it reads
//! `x * layer.adjoint(r / stabilize(z))` whether `x` is `[batch, features]` or
//! `[batch, channels, height, width]`. [`Value`] is the backend's float primitive with operators;
//! const-generic ranks appear only where a user hands tensors in and takes them out.

use std::ops::{Add, Div, Mul, Sub};

use burn::tensor::{Tensor, TensorPrimitive};
use burn_backend::tensor::{Device, FloatTensor};
use burn_backend::{
    Backend, DType, ExecutionError, FloatDType, Scalar, Shape, Slice, TensorData, TensorMetadata,
    get_device_settings,
};

use crate::broadcast::{broadcast, broadcast_into_second};
use crate::capability::Capability;

/// A float tensor of any rank on backend `B`.
///
/// Arithmetic broadcasts dimensions of size 1 between values of equal rank, as Burn's own
/// operators do. Like them it panics when shapes do not match: library code checks shapes first,
/// and so should a rule of your own.
#[derive(Debug, Clone)]
pub struct Value<B: Backend>(FloatTensor<B>);

impl<B: Backend> Value<B> {
    /// Wraps a backend primitive.
    pub fn from_primitive(primitive: FloatTensor<B>) -> Self {
        Self(primitive)
    }

    /// The backend primitive.
    pub fn into_primitive(self) -> FloatTensor<B> {
        self.0
    }

    /// Reads a value from host data, with the data's own float type.
    pub fn from_data(data: TensorData, device: &Device<B>) -> Self {
        Self(B::float_from_data(data, device))
    }

    /// Copies the value to the host.
    ///
    /// # Errors
    /// The backend's own error when the computation or the read failed.
    pub fn to_data(&self) -> Result<TensorData, ExecutionError> {
        burn_backend::read_sync(B::float_into_data(self.0.clone()))
    }

    /// The value as a tensor of rank `D`, or `None` when it has another rank.
    pub fn into_tensor<const D: usize>(self) -> Option<Tensor<B, D>> {
        (self.rank() == D).then(|| Tensor::from_primitive(TensorPrimitive::Float(self.0)))
    }

    /// Sizes of all dimensions.
    pub fn dims(&self) -> Vec<usize> {
        self.0.shape().as_slice().to_vec()
    }

    /// Number of dimensions.
    pub fn rank(&self) -> usize {
        self.0.rank()
    }

    /// Element type.
    pub fn dtype(&self) -> DType {
        self.0.dtype()
    }

    /// Device that holds the value.
    pub fn device(&self) -> Device<B> {
        B::float_device(&self.0)
    }

    /// A value of `dims` filled with `fill`, of this value's element type and device.
    pub fn full_like(&self, dims: &[usize], fill: f64) -> Self {
        let dtype = FloatDType::from(self.dtype());
        Self(B::float_full(Shape::from(dims.to_vec()), Scalar::Float(fill), &self.device(), dtype))
    }

    /// The same elements under another shape, in row-major order.
    pub fn reshape(self, dims: &[usize]) -> Self {
        Self(B::float_reshape(self.0, Shape::from(dims.to_vec())))
    }

    /// Dimensions reordered: output dimension `i` is input dimension `axes[i]`.
    pub fn permute(self, axes: &[usize]) -> Self {
        Self(B::float_permute(self.0, axes))
    }

    /// Elements in reverse order along `axes`.
    pub fn flip(self, axes: &[usize]) -> Self {
        Self(B::float_flip(self.0, axes))
    }

    /// Dimensions of size 1 repeated to `dims`.
    pub fn expand(self, dims: &[usize]) -> Self {
        Self(B::float_expand(self.0, Shape::from(dims.to_vec()))).laid_out()
    }

    /// The same value with every element stored, on a backend that needs it.
    pub fn laid_out(self) -> Self {
        match Capability::of::<B>().sums_repeated_elements() {
            true => self,
            false => Self(B::float_mul_scalar(self.0, Scalar::Float(1.0))),
        }
    }

    /// One range per dimension.
    pub fn slice(self, ranges: &[Slice]) -> Self {
        Self(B::float_slice(self.0, ranges))
    }

    /// Values joined along `dim`. At least one value.
    pub fn cat(values: Vec<Self>, dim: usize) -> Self {
        Self(B::float_cat(values.into_iter().map(|v| v.0).collect(), dim))
    }

    /// Matrix product over the last two dimensions.
    pub fn matmul(self, rhs: Self) -> Self {
        Self(B::float_matmul(self.0, rhs.0))
    }

    /// `max(x, 0)`, the positive part.
    pub fn positive(&self) -> Self {
        Self(B::float_clamp_min(self.0.clone(), Scalar::Float(0.0)))
    }

    /// `min(x, 0)`, the negative part.
    pub fn negative(&self) -> Self {
        Self(B::float_clamp_max(self.0.clone(), Scalar::Float(0.0)))
    }

    /// `|x|`.
    pub fn abs(&self) -> Self {
        match Capability::of::<B>().has_exact_abs() {
            true => Self(B::float_abs(self.0.clone())),
            false => self.positive() - self.negative(),
        }
    }

    /// `sqrt(x)`.
    pub fn sqrt(self) -> Self {
        Self(B::float_sqrt(self.0))
    }

    /// `1 / (1 + exp(-x))`.
    pub fn sigmoid(self) -> Self {
        if self.dtype() != DType::F64 {
            return Self(B::sigmoid(self.0));
        }
        // Burn's own computes in f32 on the backends that do not bring one.
        let one_more = B::float_add_scalar(B::float_exp(B::float_neg(self.0)), Scalar::Float(1.0));
        Self(B::float_recip(one_more))
    }

    /// Elementwise `max(x, floor)`.
    pub fn at_least(self, floor: f64) -> Self {
        Self(B::float_clamp_min(self.0, Scalar::Float(floor)))
    }

    /// `+1` where `x >= 0` (both zeros too), `-1` elsewhere.
    pub fn sign(&self) -> Self {
        self.signed(1.0)
    }

    /// `magnitude` with the [`sign`](Self::sign) of `x`.
    pub fn signed(&self, magnitude: f64) -> Self {
        if Capability::of::<B>().has_fast_sign() {
            // Half a step up, so that 0 counts as positive.
            let sign = B::float_add_scalar(B::float_sign(self.0.clone()), Scalar::Float(0.5));
            return Self(B::float_mul_scalar(B::float_sign(sign), Scalar::Float(magnitude)));
        }
        let bool_dtype = get_device_settings::<B>(&self.device()).bool_dtype;
        let below = B::float_lower_elem(self.0.clone(), Scalar::Float(0.0), bool_dtype);
        let above = self.full_like(&self.dims(), magnitude);
        Self(B::float_mask_fill(above.0, below, Scalar::Float(-magnitude)))
    }

    /// `x` where `mask > 0`, 0 elsewhere.
    pub fn where_positive(self, mask: &Self) -> Self {
        let bool_dtype = get_device_settings::<B>(&self.device()).bool_dtype;
        let off = B::float_lower_equal_elem(mask.0.clone(), Scalar::Float(0.0), bool_dtype);
        Self(B::float_mask_fill(self.0, off, Scalar::Float(0.0)))
    }

    /// Whether no element is NaN or infinite; reads one truth value from the device.
    ///
    /// # Errors
    /// The backend's own error when the computation or the read failed.
    pub fn all_finite(&self) -> Result<bool, ExecutionError> {
        // Not `0 * x`, which is cheaper and NaN for such elements: compilers of shaders fold it to 0.
        let bool_dtype = get_device_settings::<B>(&self.device()).bool_dtype;
        let nan = B::float_is_nan(self.0.clone(), bool_dtype);
        let infinite = B::float_is_inf(self.0.clone(), bool_dtype);
        let any = B::bool_any(B::bool_or(nan, infinite));
        Ok(!burn_backend::read_sync(B::bool_into_data(any))?.iter::<bool>().any(|bad| bad))
    }

    /// `x` where `mask` is not 0, 0 elsewhere; dimensions of size 1 of the mask are repeated.
    pub fn where_nonzero(self, mask: &Self) -> Self {
        let dims = self.dims();
        let wide = (mask.dims() != dims).then(|| mask.clone().expand(&dims));
        let mask = wide.as_ref().unwrap_or(mask);
        let bool_dtype = get_device_settings::<B>(&self.device()).bool_dtype;
        let off = B::float_equal_elem(mask.0.clone(), Scalar::Float(0.0), bool_dtype);
        Self(B::float_mask_fill(self.0, off, Scalar::Float(0.0)))
    }

    /// Sum over `dim`, kept with size 1.
    pub fn sum_dim(self, dim: usize) -> Self {
        Self(B::float_sum_dim(self.0, dim))
    }

    /// Sum of each sample: `[batch, ...]` to `[batch]`.
    pub fn sum_per_sample(self) -> Self {
        let batch = self.dims()[0];
        let width = self.dims()[1..].iter().product();
        self.reshape(&[batch, width]).sum_dim(1).reshape(&[batch])
    }

    /// Broadcast dimensions summed, back to `dims`.
    pub fn sum_to(self, dims: &[usize]) -> Self {
        dims.iter().enumerate().fold(
            self,
            |v, (d, &size)| {
                if size == 1 && v.dims()[d] != 1 { v.sum_dim(d) } else { v }
            },
        )
    }
}

impl<B: Backend, const D: usize> From<Tensor<B, D>> for Value<B> {
    fn from(tensor: Tensor<B, D>) -> Self {
        Self(tensor.into_primitive().tensor())
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident $op:ident $op_scalar:ident $order:ident),*) => {$(
        impl<B: Backend> $trait for Value<B> {
            type Output = Value<B>;
            fn $method(self, rhs: Value<B>) -> Value<B> {
                Value(broadcast::<B>(self.0, rhs.0, B::$op))
            }
        }
        impl<B: Backend> $trait<&Value<B>> for Value<B> {
            type Output = Value<B>;
            fn $method(self, rhs: &Value<B>) -> Value<B> {
                Value(broadcast::<B>(self.0, rhs.0.clone(), B::$op))
            }
        }
        impl<B: Backend> $trait<Value<B>> for &Value<B> {
            type Output = Value<B>;
            fn $method(self, rhs: Value<B>) -> Value<B> {
                Value($order::<B>(self.0.clone(), rhs.0, B::$op))
            }
        }
        impl<B: Backend> $trait for &Value<B> {
            type Output = Value<B>;
            fn $method(self, rhs: &Value<B>) -> Value<B> {
                Value(broadcast::<B>(self.0.clone(), rhs.0.clone(), B::$op))
            }
        }
        impl<B: Backend> $trait<f64> for Value<B> {
            type Output = Value<B>;
            fn $method(self, rhs: f64) -> Value<B> {
                Value(B::$op_scalar(self.0, Scalar::Float(rhs)))
            }
        }
    )*};
}
operators!(
    Add add float_add float_add_scalar broadcast_into_second,
    Sub sub float_sub float_sub_scalar broadcast,
    Mul mul float_mul float_mul_scalar broadcast_into_second,
    Div div float_div float_div_scalar broadcast
);

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    fn value(data: &[f32], dims: &[usize]) -> Value<Flex> {
        Value::from_data(TensorData::new(data.to_vec(), dims.to_vec()), &Default::default())
    }

    fn read(value: &Value<Flex>) -> Vec<f32> {
        value.to_data().unwrap().to_vec().unwrap()
    }

    #[test]
    fn sign_of_both_zeros_is_plus_one() {
        assert_eq!(read(&value(&[-2.0, -0.0, 0.0, 3.0], &[4]).sign()), [-1.0, 1.0, 1.0, 1.0]);
    }

    #[test]
    fn where_positive_keeps_only_positive_masks() {
        let kept = value(&[1.0, 2.0, 3.0], &[3]).where_positive(&value(&[-1.0, 0.0, 0.5], &[3]));
        assert_eq!(read(&kept), [0.0, 0.0, 3.0]);
    }

    #[test]
    fn where_nonzero_drops_both_zeros() {
        let kept = value(&[1.0, 2.0, 3.0], &[3]).where_nonzero(&value(&[-1.0, -0.0, 0.0], &[3]));
        assert_eq!(read(&kept), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn sum_to_undoes_broadcasting() {
        let summed = value(&[1.0, 2.0, 3.0, 4.0], &[2, 2]).sum_to(&[1, 2]);
        assert_eq!((summed.dims(), read(&summed)), (vec![1, 2], vec![4.0, 6.0]));
    }

    #[test]
    fn sum_per_sample_sums_all_but_the_batch() {
        let summed = value(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], &[2, 2, 2]).sum_per_sample();
        assert_eq!((summed.dims(), read(&summed)), (vec![2], vec![10.0, 26.0]));
    }

    #[test]
    fn a_tensor_of_another_rank_is_refused() {
        assert!(value(&[1.0], &[1]).into_tensor::<2>().is_none());
    }
}
