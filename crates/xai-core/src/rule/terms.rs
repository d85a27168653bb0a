//! The form that all rules on linear layers share.
//!
//! Such a rule replaces the product `x W` by one or more terms `x_k W_k`, parts or stand-ins of
//! input and weight, and shares relevance out in proportion to them:
//!
//! ```text
//! z    = sum_k A_{W_k} x_k + b
//! s    = R / st(z)
//! R_in = sum_k x_k A_{W_k}^T s
//! ```

use burn_backend::Backend;

use super::linear_map;
use super::stabilizer::{Sign, Stabilizer};
use crate::Value;
use crate::error::LayerError;
use crate::layer::{BackwardContext, LedgerTerm};

/// One product of a rule: an input and the weight it meets (`None` for a map without weight).
pub(super) struct Term<'a, B: Backend> {
    pub(super) x: Value<B>,
    pub(super) weight: Option<&'a Value<B>>,
}

/// Shares `relevance` out by `terms`, with `bias` in the denominator, whose sign is `sign`.
pub(super) fn share_out<B: Backend>(
    context: &BackwardContext<'_, B>,
    terms: Vec<Term<'_, B>>,
    bias: Option<Value<B>>,
    (st, sign): (&Stabilizer, Sign),
    relevance: Value<B>,
) -> Result<Value<B>, LayerError> {
    let map = linear_map(context)?;
    let z = terms.iter().map(|term| map.apply(&term.x, term.weight)).reduce(|z, term| z + term);
    let z = z.ok_or(LayerError::NotSaved { what: "any term of the rule" })?;
    let (s, dims) = (divide_by_sum(context, relevance, z, bias, (st, sign)), context.dims()?);
    let shares = terms.into_iter().map(|term| term.x * map.adjoint(s.clone(), term.weight, dims));
    shares.reduce(|sum, share| sum + share).ok_or(LayerError::NotSaved { what: "any term of the rule" })
}

/// `s = R / st(z)`; books the shares of bias and stabilizer. An output whose denominator stays 0 has no
/// contributions: it passes nothing on, and its relevance is booked as dropped.
pub(super) fn divide<B: Backend>(
    context: &BackwardContext<'_, B>,
    relevance: Value<B>,
    z: Value<B>,
    bias: Option<Value<B>>,
    (st, sign): (&Stabilizer, Sign),
) -> Value<B> {
    // A value without another owner is worked on in place, so it is kept for a ledger only.
    let kept = context.keeps_ledger().then(|| z.clone());
    let s = if st.leaves_zero() {
        drop_at_zero(context, &relevance, &z);
        st.quotient(relevance, &z)
    } else {
        relevance / st.apply_to(z, sign)
    };
    if let Some(bias) = bias {
        // A constant of minus infinity, which masks an element, has no share where it has no effect.
        context.absorb(LedgerTerm::Bias, || (&s * bias).where_nonzero(&s));
    }
    if let Some(z) = kept {
        context.absorb(LedgerTerm::Stabilizer, || &s * st.share(&z, sign));
    }
    s
}

/// The same for denominators `z + b` that have no bias yet.
pub(super) fn divide_by_sum<B: Backend>(
    context: &BackwardContext<'_, B>,
    relevance: Value<B>,
    z: Value<B>,
    bias: Option<Value<B>>,
    (st, sign): (&Stabilizer, Sign),
) -> Value<B> {
    let (Some(bias), Some(epsilon), false) = (&bias, st.addend(sign), st.leaves_zero()) else {
        let z = bias.iter().fold(z, |z, bias| z + bias);
        return divide(context, relevance, z, bias, (st, sign));
    };
    // One pass over the outputs adds both.
    let s = relevance / (z + (bias.clone() + epsilon));
    context.absorb(LedgerTerm::Bias, || &s * bias);
    context.absorb(LedgerTerm::Stabilizer, || s.clone() * epsilon);
    s
}

/// Books the relevance of outputs where `z` is exactly 0.
pub(super) fn drop_at_zero<B: Backend>(context: &BackwardContext<'_, B>, relevance: &Value<B>, z: &Value<B>) {
    context.absorb(LedgerTerm::Dropped, || relevance - relevance.clone().where_nonzero(z));
}
