//! The golden data: cases that reference systems computed, and everything needed to run them.
//!
//! The data lies in `fixtures/golden`, with a README on its format and formulas; the environment
//! variable `XAI_GOLDEN_DIR` names another folder of the same layout. Which cases exist is read
//! from its `manifest.json` alone: every case is run that no exclusion lists with a reason, so a
//! case cannot be forgotten.

mod arguments;
mod compare;
mod composite;
mod data;
mod error;
mod excluded;
mod kmeans;
mod layer;
mod manifest;
mod network;
mod reader;
mod registry;
mod rule;
mod single;
mod trial;

use burn::tensor::DType;
use burn::tensor::backend::Backend;

pub use compare::Agreement;
pub use data::Golden;
pub use error::{GoldenError, Place};
pub use manifest::{ArchNode, Case, ClusterRules, Detail, LayerSpec, RuleSpec};
pub use registry::{FolderCount, Report};

pub use crate::host::{elements, relative_error};
use excluded::{NEVER, NOT_RECORDED};
use registry::run_cases;
use trial::Trial;

/// Runs the golden cases on graphs built layer by layer, in the element type `dtype`.
pub fn built_by_hand<B: Backend>(golden: &Golden, dtype: DType, device: &B::Device) -> Report {
    run_cases(golden, NEVER, |case| {
        let trial = Trial::<B> { golden, case, dtype, device };
        match case.detail {
            Detail::Composite { .. } => composite::built_by_hand(&trial),
            Detail::KmeansCanonize {} | Detail::KmeansAttribution { .. } | Detail::DeepKmeans { .. } => {
                kmeans::built_by_hand(&trial)
            }
            _ => single::built_by_hand(&trial),
        }
    })
}

/// Runs the golden cases on Burn's layers and on networks of them, recorded, and compares with the
/// graphs built by hand.
pub fn recorded<B: Backend>(golden: &Golden, dtype: DType, device: &B::Device) -> Report {
    let listed = [NEVER, NOT_RECORDED].concat();
    let mut agreement = Agreement::default();
    let report = run_cases(golden, &listed, |case| {
        let trial = Trial::<B> { golden, case, dtype, device };
        match case.detail {
            Detail::Composite { .. } => composite::recorded(&trial, &mut agreement),
            _ => single::recorded(&trial, &mut agreement),
        }
    });
    Report { agreement, ..report }
}
