//! The golden data: cases that reference systems computed, and everything needed to run them.
//!
//! The data lies in `fixtures/golden`, with a README on its format and formulas; the environment
//! variable `XAI_GOLDEN_DIR` names another folder of the same layout. Which cases exist is read
//! from its `manifest.json` alone: [`run_cases`] runs every case that no [`Exclusion`] lists, so a
//! case cannot be forgotten.

mod attributor;
mod compare;
mod composite;
mod data;
mod error;
mod excluded;
mod kmeans;
mod layer;
mod manifest;
mod module;
mod network;
mod recorded;
mod recorded_layer;
mod registry;
mod rule;
mod single;
mod weights;

use burn::tensor::DType;
use burn::tensor::backend::Backend;

pub use compare::{Deviation, elements, relative_error};
pub use data::{Golden, HostTensor};
pub use error::GoldenError;
pub use excluded::{NEVER, NOT_RECORDED};
pub use manifest::{
    ArchNode, BoundSpec, Case, ClusterPoolSpec, ClusterRuleSpec, Detail, LayerSpec, Manifest, Network,
    RuleSpec, Sizes, StabilizerSpec,
};
pub use network::graph;
pub use recorded::Agreement;
pub use registry::{Exclusion, FolderCount, Report, run_cases};
pub use weights::Weights;

/// Runs the golden cases on graphs built layer by layer, in the element type `dtype`.
pub fn built_by_hand<B: Backend>(dtype: DType, device: &B::Device) -> Report {
    let golden = Golden::open().unwrap_or_else(|error| panic!("{error}"));
    run_cases(&golden, NEVER, |case| match case.detail {
        Detail::Composite { .. } => composite::built_by_hand::<B>(&golden, case, dtype, device),
        Detail::KmeansCanonize {} | Detail::KmeansAttribution { .. } | Detail::DeepKmeans { .. } => {
            kmeans::built_by_hand::<B>(&golden, case, dtype, device)
        }
        _ => single::built_by_hand::<B>(&golden, case, dtype, device),
    })
}

/// Runs the golden cases on Burn's layers and on the networks of [`models`](crate::models),
/// recorded; also says how well recorded and hand-built graphs agree.
pub fn recorded<B: Backend>(dtype: DType, device: &B::Device) -> (Report, Agreement) {
    let golden = Golden::open().unwrap_or_else(|error| panic!("{error}"));
    let listed = [NEVER, NOT_RECORDED].concat();
    let mut agreement = Agreement::default();
    let report = run_cases(&golden, &listed, |case| match case.detail {
        Detail::Composite { .. } => recorded::recorded::<B>(&golden, case, dtype, device, &mut agreement),
        _ => recorded_layer::recorded::<B>(&golden, case, dtype, device, &mut agreement),
    });
    (report, agreement)
}
