//! Functions of values that only layers need, element by element.

use burn_backend::{Backend, DType, Scalar, get_device_settings};

use crate::Value;

macro_rules! unary {
    ($($name:ident = $op:ident),*) => {$(
        pub(super) fn $name<B: Backend>(x: Value<B>) -> Value<B> {
            Value::from_primitive(B::$op(x.into_primitive()))
        }
    )*};
}
unary!(
    exp = float_exp,
    sin = float_sin,
    cos = float_cos,
    sinh = float_sinh,
    cosh = float_cosh,
    recip = float_recip,
    log1p = float_log1p,
    tanh = float_tanh,
    erf = float_erf,
    neg = float_neg
);

/// `1 / sqrt(x)`.
pub(super) fn sqrt_inverse<B: Backend>(x: Value<B>) -> Value<B> {
    recip(x.sqrt())
}

/// `1 / (1 + exp(-x))` in the value's own precision: some backends' own computes in f32 always.
pub(super) fn sigmoid<B: Backend>(x: Value<B>) -> Value<B> {
    match x.dtype() {
        DType::F64 => recip(exp(neg(x)) + 1.0),
        _ => x.sigmoid(),
    }
}

/// `log(1 + exp(x))`, for large x too.
pub(super) fn softplus<B: Backend>(x: &Value<B>) -> Value<B> {
    x.positive() + log1p(exp(x.abs() * -1.0))
}

/// `x` limited to `[min, max]`.
pub(super) fn clamp<B: Backend>(x: Value<B>, min: Option<f64>, max: Option<f64>) -> Value<B> {
    let x = x.into_primitive();
    Value::from_primitive(match (min, max) {
        (Some(min), Some(max)) => B::float_clamp(x, Scalar::Float(min), Scalar::Float(max)),
        (Some(min), None) => B::float_clamp_min(x, Scalar::Float(min)),
        (None, Some(max)) => B::float_clamp_max(x, Scalar::Float(max)),
        (None, None) => x,
    })
}

/// `yes` where `x < bound`, `no` elsewhere.
pub(super) fn where_below<B: Backend>(x: &Value<B>, bound: f64, yes: Value<B>, no: Value<B>) -> Value<B> {
    let bool_dtype = get_device_settings::<B>(&x.device()).bool_dtype;
    let mask = B::float_lower_elem(x.clone().into_primitive(), Scalar::Float(bound), bool_dtype);
    Value::from_primitive(B::float_mask_where(no.into_primitive(), mask, yes.into_primitive()))
}

/// `yes` where `x <= bound`, `no` elsewhere.
pub(super) fn where_at_most<B: Backend>(x: &Value<B>, bound: f64, yes: Value<B>, no: Value<B>) -> Value<B> {
    let bool_dtype = get_device_settings::<B>(&x.device()).bool_dtype;
    let mask = B::float_lower_equal_elem(x.clone().into_primitive(), Scalar::Float(bound), bool_dtype);
    Value::from_primitive(B::float_mask_where(no.into_primitive(), mask, yes.into_primitive()))
}

/// 0 where `x < min` or `x > max`, `value` elsewhere; bounds count as inside.
pub(super) fn keep_within<B: Backend>(
    value: Value<B>,
    x: &Value<B>,
    min: Option<f64>,
    max: Option<f64>,
) -> Value<B> {
    let bool_dtype = get_device_settings::<B>(&x.device()).bool_dtype;
    let x = x.clone().into_primitive();
    let mut value = value.into_primitive();
    if let Some(min) = min {
        let below = B::float_lower_elem(x.clone(), Scalar::Float(min), bool_dtype);
        value = B::float_mask_fill(value, below, Scalar::Float(0.0));
    }
    if let Some(max) = max {
        let above = B::float_greater_elem(x, Scalar::Float(max), bool_dtype);
        value = B::float_mask_fill(value, above, Scalar::Float(0.0));
    }
    Value::from_primitive(value)
}
