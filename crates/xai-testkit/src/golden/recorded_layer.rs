//! Cases of one rule on one layer, on Burn's layer, recorded.

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use xai_core::layer::LayerKind;
use xai_trace::Recorded;

use super::compare::{Deviation, elements};
use super::data::Golden;
use super::error::GoldenError;
use super::layer::Place;
use super::manifest::Case;
use super::module::{recorded_add, recorded_sum};
use super::recorded::Agreement;
use super::single::{Single, Subject};
use super::weights::Weights;

/// Runs a case with all its rules on Burn's layer, and compares with the graph built by hand.
pub(super) fn recorded<B: Backend>(
    golden: &Golden,
    case: &Case,
    dtype: DType,
    device: &B::Device,
    agreement: &mut Agreement,
) -> Result<Vec<Deviation>, GoldenError> {
    let single = Single::<B>::of(golden, case, dtype, device)?;
    let inputs = [single.input.value::<B>(dtype, device)];
    let mut deviations = Vec::new();
    for (subject, source) in sources(golden, &single, case, dtype, device)? {
        let graph = source.record(inputs[0].clone());
        let graph = graph.map_err(|source| GoldenError::Record { case: case.name.clone(), source })?;
        let kinds = graph.nodes().iter().skip(1).map(|node| node.layer().kind());
        let at_work: Vec<_> = kinds.filter(|kind| !LayerKind::ROUTES.contains(kind)).collect();
        if at_work != [subject.kind] {
            let what = format!("recorded, it is not one {} layer:\n{graph}", subject.kind);
            return Err(GoldenError::Inconsistent { case: case.name.clone(), what });
        }
        for rule in &single.rules {
            let recorded = single.explain(graph.clone(), &inputs, subject.kind, rule)?;
            let by_hand = single.explain(subject.graph.clone(), &subject.inputs, subject.kind, rule)?;
            let pairs = single.results(&recorded)?.into_iter().zip(single.results(&by_hand)?);
            for (name, (recorded, by_hand)) in ["output", "relevance_in"].into_iter().zip(pairs) {
                agreement.note(case, name, &elements(&recorded), &elements(&by_hand))?;
            }
            deviations.extend(single.deviations(&recorded, &format!(", rule {}", rule.name()))?);
        }
    }
    Ok(deviations)
}

/// The graphs of a case that Burn can compute too, each with Burn's recording.
#[expect(clippy::type_complexity, reason = "a list of pairs")]
fn sources<'s, B: Backend>(
    golden: &Golden,
    single: &'s Single<'_, B>,
    case: &Case,
    dtype: DType,
    device: &B::Device,
) -> Result<Vec<(&'s Subject<B>, Recorded<B>)>, GoldenError> {
    let weights = Weights::<B>::of_layer(golden, case, dtype, device);
    let place = Place { weights: &weights, node: None, spec: single.layer };
    let rank = single.input.dims.len();
    if single.layer.op != "Sum" {
        // Behind a ReLU, the same layer would be recorded once more.
        return single.subjects.iter().take(1).map(|subject| Ok((subject, place.recorded(rank)?))).collect();
    }
    let recorded = |subject: &'s Subject<B>| {
        let source = match subject.kind {
            LayerKind::Add => recorded_add(rank),
            _ => recorded_sum(rank, single.output.dims.len()),
        };
        source.map(|source| (subject, source)).ok_or_else(|| place.unsupported("of an unknown rank"))
    };
    single.subjects.iter().map(recorded).collect()
}
