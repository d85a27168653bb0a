//! Numbers on the host, and their way to a backend and back.

use burn::tensor::backend::Backend;
use burn::tensor::{DType, Element, TensorData};
use xai_core::Value;
use xai_core::composite::{Composite, Matcher};
use xai_core::error::ExplainError;
use xai_core::explain::{Attribution, Explainer, Target};
use xai_core::graph::Graph;
use xai_core::rule::Rule;

use crate::reference::Array;

/// A reproducible stream of numbers, independent of any backend's generator.
pub(super) struct Numbers(u64);

impl Numbers {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Splitmix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number less than `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Numbers in (-1, 1) that are never 0, the same in f32 and f64.
    pub(super) fn array(&mut self, dims: &[usize]) -> Array {
        Array::from_fn(dims, |_| ((self.next() % 256) as f64 - 127.5) / 128.0)
    }

    /// Numbers in (0.25, 1.25).
    pub(super) fn positive(&mut self, dims: &[usize]) -> Array {
        Array::from_fn(dims, |_| 0.25 + ((self.next() % 256) as f64 + 0.5) / 256.0)
    }

    /// Numbers of which no two are equal and none is 0, so that every maximum is unique.
    pub(super) fn distinct(&mut self, dims: &[usize]) -> Array {
        let count: usize = dims.iter().product();
        let mut places: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            places.swap(i, (self.next() % (i as u64 + 1)) as usize);
        }
        Array::from_fn(dims, |i| (places[i] as f64 - count as f64 / 2.0 + 0.25) / 64.0)
    }
}

/// The float type that the backend is named with.
///
/// Not the type of a new tensor: that is a setting of the device, which `NdArray` and `NdArray<f64>` share in
/// one process.
pub(super) fn dtype<B: Backend>() -> DType {
    <B::FloatElem as Element>::dtype()
}

/// An array on a device, in the backend's float type.
pub(super) fn value<B: Backend>(array: &Array, device: &B::Device) -> Value<B> {
    let data = TensorData::new(array.data.clone(), array.dims.clone());
    Value::from_data(data.convert_dtype(dtype::<B>()), device)
}

/// A value on the host.
pub(super) fn array<B: Backend>(value: &Value<B>) -> Array {
    Array { dims: value.dims(), data: crate::golden::elements(value) }
}

/// Sample `n` of a batch, as a batch of one.
pub(super) fn sample(batch: &Array, n: usize) -> Array {
    let mut dims = batch.dims.clone();
    dims[0] = 1;
    let size: usize = dims.iter().product();
    Array { dims, data: batch.data[n * size..][..size].to_vec() }
}

/// Sum of each sample.
pub(super) fn sums(batch: &Array) -> Vec<f64> {
    (0..batch.dims[0]).map(|n| sample(batch, n).data.iter().sum()).collect()
}

/// Sum of the absolute values of each sample.
pub(super) fn magnitudes(batch: &Array) -> Vec<f64> {
    (0..batch.dims[0]).map(|n| sample(batch, n).data.iter().map(|v| v.abs()).sum()).collect()
}

/// Largest error relative to the largest element. The f64 references are exact to 1e-10 at worst;
/// in f32 a few dozen roundings add up, and a denominator near 0 multiplies them.
fn tolerance(dtype: DType) -> f64 {
    if dtype == DType::F64 { 1e-9 } else { 2e-5 }
}

/// Panics unless `got` is `want`.
pub(super) fn assert_close<B: Backend>(what: &str, got: &Value<B>, want: &Array) {
    let error = want.relative_error(&array(got));
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
    let composite = Composite::new("one rule").or(Matcher::Any, rule.clone());
    explain_by(graph, composite, inputs, relevance)
}

/// Explains `graph`, as it is.
pub(super) fn explain_by<B: Backend>(
    graph: &Graph<B>,
    composite: Composite,
    inputs: &[Value<B>],
    relevance: &Value<B>,
) -> Result<Attribution<B>, ExplainError> {
    let explainer = Explainer::new(graph.clone(), composite).with_canonizers(Vec::new()).with_ledger();
    explainer.explain_values(inputs, Target::relevance(relevance.clone()))
}
