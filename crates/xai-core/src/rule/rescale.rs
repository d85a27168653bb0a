//! The rule of DeepLIFT: differences from a baseline in place of derivatives.

use burn_backend::{Backend, DType};
use serde::{Deserialize, Serialize};

use super::{BoundRule, NodeView, PropagationRule};
use crate::Value;
use crate::error::{LayerError, RuleError};
use crate::layer::{
    Arithmetic, BackwardContext, Layer, LayerKind, NodeValues, Normalize, Saved, Softmax, SoftmaxForm,
};

/// The multipliers of DeepLIFT, `m_in` from `m_out`, for a value `x` and a baseline `b`: chosen such that
/// `sum_i m_in,i (x_i - b_i) = sum_j m_out,j (f(x)_j - f(b)_j)` at every node.
///
/// | layer | multiplier |
/// | --- | --- |
/// | linear ones | the gradient |
/// | elementwise functions | `(f(x) - f(b)) / (x - b)`; where x and b are next to each other, `f'((x + b) / 2)` |
/// | max pool | what the winner at x gains over the baseline's output, and what the winner at b loses |
/// | product, matrix product | the gradient at `(x + b) / 2`: the Shapley values of two factors |
/// | quotient `a / c` | the same: `(1/c + 1/c_b) / 2`, and `-(a + a_b) / (2 c c_b)` |
/// | softmax, layer norm and their kin | those of their steps, one after the other |
/// | `detach` | 1: a value that counts, though it has no gradient |
///
/// Needs a [reference](crate::attributor::Lrp::with_reference), and refuses every other layer.
///
/// Shrikumar, Greenside, Kundaje, "Learning Important Features Through Propagating Activation Differences", ICML
/// 2017, arXiv 1704.02685 (the rescale rule); Lundberg, Lee, NeurIPS 2017, arXiv 1705.07874, for products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rescale;

/// How a layer is treated.
#[derive(Clone, Copy)]
enum Form {
    Linear,
    Pass,
    Elementwise,
    Pool,
    /// By the gradient in the middle.
    Product,
    Quotient,
    Softmax,
    Normalize,
}

/// Layers whose gradient is the same everywhere, with those that only move elements.
const LINEAR: [LayerKind; 13] = [
    LayerKind::Linear,
    LayerKind::Conv,
    LayerKind::ConvTranspose,
    LayerKind::BatchNorm,
    LayerKind::Add,
    LayerKind::Sub,
    LayerKind::Scale,
    LayerKind::Shift,
    LayerKind::Sum,
    LayerKind::Mean,
    LayerKind::AvgPool,
    LayerKind::Interpolate,
    LayerKind::Slice,
];

fn form_of<B: Backend>(layer: &Layer<B>) -> Option<Form> {
    let kind = layer.kind();
    Some(match layer {
        Layer::Activation(_) | Layer::PRelu(_) | Layer::Elementwise(_) => Form::Elementwise,
        Layer::Detach(_) => Form::Pass,
        Layer::Softmax(_) => Form::Softmax,
        Layer::Normalize(_) => Form::Normalize,
        Layer::Arithmetic(Arithmetic::Mul) => Form::Product,
        Layer::Arithmetic(Arithmetic::Div) => Form::Quotient,
        _ if layer.ops().linear_map().is_some() => Form::Linear,
        Layer::Matmul(_) => Form::Product,
        Layer::Custom(_) => return None,
        _ if LINEAR.contains(&kind) || LayerKind::ROUTES.contains(&kind) => Form::Linear,
        _ if layer.ops().pooling().is_some() => Form::Pool,
        _ => return None,
    })
}

impl<B: Backend> PropagationRule<B> for Rescale {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let layer = node.layer();
        let form = form_of(layer).ok_or_else(|| RuleError::Ability {
            needs: "a layer whose difference from a baseline divides between its inputs",
            kind: layer.kind(),
        })?;
        let saved = match form {
            Form::Pass => Saved::NOTHING,
            // Of the input, but for a few whose constants are the size of an input.
            Form::Linear => layer.ops().vjp_saved(),
            Form::Product | Form::Quotient | Form::Softmax | Form::Normalize => {
                Saved::INPUTS.with_reference()
            }
            Form::Elementwise | Form::Pool => Saved::ALL.with_reference(),
        };
        Ok(BoundRule::new(saved, move |context, m| match form {
            Form::Linear => context.layer().ops().vjp(context, m),
            Form::Pass => Ok(vec![m]),
            Form::Elementwise => Ok(vec![elementwise(context, m)?]),
            Form::Pool => Ok(vec![pool(context, m)?]),
            Form::Product => {
                let means = (0..context.arity()).map(|input| mean(context, input));
                vjp_at(context, &means.collect::<Result<Vec<_>, _>>()?, m)
            }
            Form::Quotient => {
                let (c, c0) = (context.input(1)?, context.reference_input(1)?);
                let m = m / (c * c0);
                Ok(vec![&m * mean(context, 1)?, m * mean(context, 0)? * -1.0])
            }
            Form::Softmax => Ok(vec![softmax(context, m)?]),
            Form::Normalize => Ok(vec![normalize(context, m)?]),
        }))
    }
}

/// `(x + b) / 2` of one input.
fn mean<B: Backend>(context: &BackwardContext<'_, B>, input: usize) -> Result<Value<B>, LayerError> {
    Ok((context.input(input)? + context.reference_input(input)?) / 2.0)
}

/// The layer's gradients at other inputs.
fn vjp_at<B: Backend>(
    context: &BackwardContext<'_, B>,
    inputs: &[Value<B>],
    m: Value<B>,
) -> Result<Vec<Value<B>>, LayerError> {
    vjp_of(context.layer(), inputs, m)
}

/// The gradients of a layer by itself.
pub(super) fn vjp_of<B: Backend>(
    layer: &Layer<B>,
    inputs: &[Value<B>],
    m: Value<B>,
) -> Result<Vec<Value<B>>, LayerError> {
    let (ops, dims) = (layer.ops(), inputs.iter().map(Value::dims).collect::<Vec<_>>());
    let output = ops.vjp_saved().output.then(|| ops.forward(inputs.to_vec())).transpose()?;
    let values =
        NodeValues { inputs: inputs.iter().map(Some).collect(), output: output.as_ref(), rectified: None };
    let there = BackwardContext {
        layer,
        input_dims: dims.iter().map(Vec::as_slice).collect(),
        values,
        reference: None,
        terms: None,
    };
    ops.vjp(&there, m)
}

/// `df / dx`, where `dx` is more than rounding; elsewhere `slope`, the derivative in the middle, which is then
/// right to the third order.
pub(super) fn secant<B: Backend>(df: Value<B>, x: &Value<B>, b: &Value<B>, slope: Value<B>) -> Value<B> {
    let dx = x - b;
    let close = match x.dtype() {
        DType::F64 => 1e-6,
        _ => 1e-4,
    };
    let apart = dx.abs() - (x.abs() + b.abs()) * close;
    // Filled in by masks, for either may be infinite where the other counts.
    let is_close = slope.full_like(&slope.dims(), 1.0).where_positive(&apart) * -1.0 + 1.0;
    (df / dx).where_positive(&apart) + slope.where_nonzero(&is_close)
}

fn elementwise<B: Backend>(context: &BackwardContext<'_, B>, m: Value<B>) -> Result<Value<B>, LayerError> {
    let (x, b) = (context.input(0)?, context.reference_input(0)?);
    let ones = m.full_like(&m.dims(), 1.0);
    let slope = vjp_at(context, &[mean(context, 0)?], ones)?.swap_remove(0);
    Ok(m * secant(context.output()? - context.reference_output()?, x, b, slope))
}

/// The output rises from the baseline's by what the winner at `x` gains over it, or falls by what the winner at `b`
/// loses; each change belongs to that winner.
fn pool<B: Backend>(context: &BackwardContext<'_, B>, m: Value<B>) -> Result<Value<B>, LayerError> {
    let (x, b) = (context.input(0)?.clone(), context.reference_input(0)?.clone());
    let (y, y0) = (context.output()?, context.reference_output()?);
    let is_max = context.layer().kind() == LayerKind::MaxPool;
    let (gain, loss) = if is_max {
        ((y - y0).positive(), (y - y0).negative())
    } else {
        ((y - y0).negative(), (y - y0).positive())
    };
    let gradient = vjp_at(context, std::slice::from_ref(&x), m.clone())?.swap_remove(0);
    let gained = vjp_at(context, std::slice::from_ref(&x), &m * gain)?.swap_remove(0);
    let lost = vjp_at(context, std::slice::from_ref(&b), m * loss)?.swap_remove(0);
    let dx = x - b;
    let changed = dx.abs();
    let multiplier = ((gained + lost) / dx).where_positive(&changed);
    Ok(multiplier + (&gradient - &gradient.clone().where_positive(&changed)))
}

/// By its steps: `exp(u)` of `u = x - log(sum_j exp(x_j))`. A quotient of exponentials would hold one of the input
/// against a sum of the baseline, which may be any number of times as large.
fn softmax<B: Backend>(context: &BackwardContext<'_, B>, m: Value<B>) -> Result<Value<B>, LayerError> {
    let Layer::Softmax(layer) = context.layer() else { return Err(LayerError::NoGradient) };
    let (dim, form) = (Softmax::dim(layer), Softmax::form(layer));
    let sign = if form == SoftmaxForm::Softmin { -1.0 } else { 1.0 };
    // An element of minus infinity is masked, at the baseline too. One shift for both passes changes neither.
    let finite = |x: &Value<B>| (x.clone() * sign).at_least(-1e30);
    let (x, b) = (finite(context.input(0)?), finite(context.reference_input(0)?));
    let top = |x: &Value<B>| {
        let top = Value::from_primitive(B::float_max_dim(x.clone().into_primitive(), dim));
        if form == SoftmaxForm::Quiet { top.at_least(0.0) } else { top }
    };
    let exp = |x: Value<B>| Value::<B>::from_primitive(B::float_exp(x.into_primitive()));
    let floor = if x.dtype() == DType::F64 { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) };
    // Of exponentials that were divided by that of `shift`.
    let sum = |e: &Value<B>, shift: &Value<B>| {
        let sum = e.clone().sum_dim(dim);
        let sum = if form == SoftmaxForm::Quiet { sum + exp(shift.clone() * -1.0) } else { sum };
        sum.at_least(floor)
    };
    let log = |s: Value<B>| Value::<B>::from_primitive(B::float_log(s.into_primitive()));
    let (top_x, top_b) = (top(&x), top(&b));
    let shift = &top_b + &(&top_x - &top_b).positive();
    // By each pass's own highest element: that of the other may leave nothing of its exponentials.
    let log_sum = |x: &Value<B>, top: &Value<B>| log(sum(&exp(x - top), top)) + (top - &shift);
    let (log_s, log_s0) = (log_sum(&x, &top_x), log_sum(&b, &top_b));
    let (x, b) = (x - &shift, b - &shift);
    let (e, e0, slope) = (exp(x.clone()), exp(b.clone()), exp((&x + &b) / 2.0));
    let of_exp = secant(&e - &e0, &x, &b, slope);
    let (s, s0) = (sum(&e, &shift), sum(&e0, &shift));
    let of_sum = secant(&log_s - &log_s0, &s, &s0, s.full_like(&s.dims(), 2.0) / (&s + &s0));
    let m = match form {
        SoftmaxForm::LogSoftmax => m,
        _ => {
            let (u, u0) = (x - log_s, b - log_s0);
            let slope = exp((&u + &u0) / 2.0);
            m * secant(exp(u.clone()) - exp(u0.clone()), &u, &u0, slope)
        }
    };
    let of_x = &m - &(m.clone().sum_dim(dim) * of_sum * of_exp);
    Ok(of_x * sign)
}

/// By its steps: mean square, `1 / sqrt`, a product.
fn normalize<B: Backend>(context: &BackwardContext<'_, B>, m: Value<B>) -> Result<Value<B>, LayerError> {
    let Layer::Normalize(layer) = context.layer() else { return Err(LayerError::NoGradient) };
    let (c, c0) = (layer.centred(context.input(0)?), layer.centred(context.reference_input(0)?));
    let (std, std0) = (layer.std(&c), layer.std(&c0));
    let (m, sum): (_, Value<B>) = (Normalize::scaled(layer, m), &c + &c0);
    let product = &std * &std0;
    // `1/std - 1/std0 = (v - v0) * of_variance` with the variances v.
    let of_variance = Value::full_like(&product, &product.dims(), -1.0) / (&product * (&std + &std0));
    let through_std = &sum * (layer.mean(&m * &sum) * of_variance / 2.0);
    let direct = m * (std + std0) / (product * 2.0);
    Ok(layer.centred(&(direct + through_std)))
}
