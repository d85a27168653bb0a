//! What all cases do: explain, and compare with numbers on the host.

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Element};
use xai_core::Value;
use xai_core::attributor::{Attribution, Attributor, Lrp};
use xai_core::composite::{Composite, Matcher};
use xai_core::error::ExplainError;
use xai_core::graph::Graph;
use xai_core::model::{Model, Target};
use xai_core::rule::Rule;

use crate::host::Array;

/// The float type that the backend is named with.
///
/// Not the type of a new tensor: that is a setting of the device, which `NdArray` and `NdArray<f64>` share in
/// one process.
pub(super) fn dtype<B: Backend>() -> DType {
    <B::FloatElem as Element>::dtype()
}

/// An array on a device, in the backend's float type.
pub(super) fn value<B: Backend>(array: &Array, device: &B::Device) -> Value<B> {
    array.value(dtype::<B>(), device)
}

/// Sum of each sample, over some batches.
pub(super) fn sums<'a>(batches: impl IntoIterator<Item = &'a Array>) -> Vec<f64> {
    let mut sums = Vec::new();
    for batch in batches {
        sums.resize(batch.dims[0], 0.0);
        sums.iter_mut().enumerate().for_each(|(n, sum)| *sum += batch.sample(n).data.iter().sum::<f64>());
    }
    sums
}

/// Sum of the absolute values of each sample, over some batches.
pub(super) fn magnitudes<'a>(batches: impl IntoIterator<Item = &'a Array>) -> Vec<f64> {
    let absolute: Vec<Array> = batches.into_iter().map(|batch| batch.map(f64::abs)).collect();
    sums(&absolute)
}

/// Largest error relative to the largest element. The f64 references are exact to 1e-10 at worst;
/// in f32 a few dozen roundings add up, and a denominator near 0 multiplies them.
fn tolerance(dtype: DType) -> f64 {
    if dtype == DType::F64 { 1e-9 } else { 2e-5 }
}

/// Panics unless `got` is `want`.
pub(super) fn assert_close<B: Backend>(what: &str, got: &Value<B>, want: &Array) {
    let error = want.relative_error(&Array::of(got));
    let tolerance = tolerance(got.dtype());
    assert!(error <= tolerance, "{what}: off by {error:.2e} (tolerance {tolerance:.0e})\n{got:?}\n{want:?}");
}

/// Panics unless two lists of per-sample sums agree up to 1e-5 of `scale`, the project's bound on
/// relevance that nothing explains.
pub(super) fn assert_conserved(what: &str, got: &[f64], want: &[f64], scale: &[f64]) {
    assert_eq!(got.len(), want.len(), "{what}");
    for ((got, want), scale) in got.iter().zip(want).zip(scale) {
        let gap = (got - want).abs();
        assert!(gap <= 1e-5 * scale, "{what}: {got} instead of {want}, which is {gap:.2e} of {scale}");
    }
}

/// Explains `graph`, as it is, by one rule everywhere.
pub(super) fn explain<B: Backend>(
    graph: &Graph<B>,
    rule: &Rule,
    inputs: &[Value<B>],
    relevance: &Value<B>,
) -> Result<Attribution<B>, ExplainError> {
    let composite = Composite::new("one rule").append(Matcher::Any, rule.clone());
    explain_by(graph, composite, inputs, relevance)
}

/// Explains `graph`, as it is.
pub(super) fn explain_by<B: Backend>(
    graph: &Graph<B>,
    composite: Composite,
    inputs: &[Value<B>],
    relevance: &Value<B>,
) -> Result<Attribution<B>, ExplainError> {
    let model = Model::from(graph.clone()).with_canonizers(Vec::new());
    Lrp::new(&model, composite).with_ledger().attribute(inputs, Target::relevance(relevance.clone()))
}
