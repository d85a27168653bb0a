//! What most programs need: `use burn_xai::prelude::*;`.

pub use crate::heatmap::{Cell, Colormap, Grid, Normalization, RelevanceMap, maps, render};
pub use xai_core::Value;
// The attributor `Gradient` is left to its module: in a list of rules the name means the rule.
pub use xai_core::attributor::{
    self, Attributor, InputXGradient, IntegratedGradients, Occlusion, Quadrature, SmoothGrad,
};
pub use xai_core::composite::{Composite, Matcher, epsilon_plus_flat, gradient};
pub use xai_core::error::ExplainError;
pub use xai_core::explain::{Attribution, Explainer, Seed, Target};
pub use xai_core::layer::LayerKind;
pub use xai_core::rule::{Epsilon, Flat, Gradient, Norm, Pass, Rule, WinnerTakesAll, ZPlus};
pub use xai_trace::Recorded;
