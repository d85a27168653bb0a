//! Rules: how relevance passes a node.
//!
//! [`Rule`] is data: it has no backend, compares, prints and serialises. [`PropagationRule`] is
//! behaviour: it binds a rule to a layer of some backend, once per explainer, and gives back the
//! function that the engine calls. Notation in this module, after the papers: `x` input, `W`
//! weight, `b` bias, `z = W x + b`, `R` arriving relevance, `st` the [`Stabilizer`],
//! `a+ = max(a, 0)`, `a- = min(a, 0)`.

mod alpha_beta;
mod bound;
mod epsilon;
mod fixed;
mod gamma;
mod parts;
mod passing;
mod plain;
mod relu;
mod stabilizer;
mod takes_most;
mod terms;
mod z_box;
mod z_plus;

use std::fmt;

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

pub use alpha_beta::AlphaBeta;
pub use bound::{BoundRule, Passed};
pub use epsilon::Epsilon;
pub use fixed::{Flat, WSquare};
pub use gamma::Gamma;
pub use passing::{Gradient, Norm, Pass, WinnerTakesAll};
pub use plain::Plain;
pub use relu::{ReluBetaSmooth, ReluDeconvNet, ReluGuidedBackprop};
pub use stabilizer::Stabilizer;
pub use takes_most::TakesMost;
pub use z_box::{Bound, ZBox};
pub use z_plus::ZPlus;

use crate::error::{LayerError, RuleError};
use crate::layer::{Layer, LayerOps, LinearMap, Site};

/// A rule as data. Its serialised form is a table with the rule's name under `rule` and its
/// parameters beside it; parameters left out have their defaults.
///
/// ```
/// # use xai_core::rule::{Epsilon, Rule};
/// let rule: Rule = serde_json::from_str(r#"{ "rule": "epsilon", "epsilon": 0.25 }"#)?;
/// assert_eq!(rule, Rule::Epsilon(Epsilon { epsilon: 0.25.into(), ..Default::default() }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rule", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Rule {
    /// [`Epsilon`].
    Epsilon(Epsilon),
    /// [`ZPlus`].
    ZPlus(ZPlus),
    /// [`AlphaBeta`].
    AlphaBeta(AlphaBeta),
    /// [`Gamma`].
    Gamma(Gamma),
    /// [`ZBox`].
    ZBox(ZBox),
    /// [`WSquare`].
    WSquare(WSquare),
    /// [`Flat`].
    Flat(Flat),
    /// [`Norm`].
    Norm(Norm),
    /// [`Pass`].
    Pass(Pass),
    /// [`WinnerTakesAll`].
    WinnerTakesAll(WinnerTakesAll),
    /// [`TakesMost`].
    TakesMost(TakesMost),
    /// [`Gradient`].
    Gradient(Gradient),
    /// [`ReluDeconvNet`].
    ReluDeconvNet(ReluDeconvNet),
    /// [`ReluGuidedBackprop`].
    ReluGuidedBackprop(ReluGuidedBackprop),
    /// [`ReluBetaSmooth`].
    ReluBetaSmooth(ReluBetaSmooth),
    /// A rule of the user's own, found by name among those registered with the explainer. Only the
    /// name is data, so a composite that uses it still serialises.
    Custom {
        /// Name it is registered under.
        name: String,
    },
}

impl Rule {
    /// The rule's stable name.
    pub fn name(&self) -> &str {
        match self {
            Self::Epsilon(_) => "epsilon",
            Self::ZPlus(_) => "z-plus",
            Self::AlphaBeta(_) => "alpha-beta",
            Self::Gamma(_) => "gamma",
            Self::ZBox(_) => "z-box",
            Self::WSquare(_) => "w-square",
            Self::Flat(_) => "flat",
            Self::Norm(_) => "norm",
            Self::Pass(_) => "pass",
            Self::WinnerTakesAll(_) => "winner-takes-all",
            Self::TakesMost(_) => "takes-most",
            Self::Gradient(_) => "gradient",
            Self::ReluDeconvNet(_) => "relu-deconv-net",
            Self::ReluGuidedBackprop(_) => "relu-guided-backprop",
            Self::ReluBetaSmooth(_) => "relu-beta-smooth",
            Self::Custom { name } => name,
        }
    }

    /// The rule's behaviour on backend `B`; `None` for [`Rule::Custom`].
    pub fn propagation<B: Backend>(&self) -> Option<&dyn PropagationRule<B>> {
        Some(match self {
            Self::Epsilon(rule) => rule,
            Self::ZPlus(rule) => rule,
            Self::AlphaBeta(rule) => rule,
            Self::Gamma(rule) => rule,
            Self::ZBox(rule) => rule,
            Self::WSquare(rule) => rule,
            Self::Flat(rule) => rule,
            Self::Norm(rule) => rule,
            Self::Pass(rule) => rule,
            Self::WinnerTakesAll(rule) => rule,
            Self::TakesMost(rule) => rule,
            Self::Gradient(rule) => rule,
            Self::ReluDeconvNet(rule) => rule,
            Self::ReluGuidedBackprop(rule) => rule,
            Self::ReluBetaSmooth(rule) => rule,
            Self::Custom { .. } => return None,
        })
    }
}

/// Name and parameters, as they are serialised: `gamma(gamma=0.25, stabilizer=1e-6)`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serialised = serde_json::to_value(self).map_err(|_| fmt::Error)?;
        let parameters = serialised.as_object().into_iter().flatten();
        let parameters: Vec<_> = parameters
            // What is off says nothing.
            .filter(|(key, value)| {
                !["rule", "name"].contains(&key.as_str()) && value.as_bool() != Some(false)
            })
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        match parameters.is_empty() {
            true => f.pad(self.name()),
            false => f.pad(&format!("{}({})", self.name(), parameters.join(", "))),
        }
    }
}

macro_rules! into_rule {
    ($($rule:ident),*) => {$(
        impl From<$rule> for Rule {
            fn from(rule: $rule) -> Self {
                Self::$rule(rule)
            }
        }
    )*};
}
into_rule!(
    Epsilon,
    ZPlus,
    AlphaBeta,
    Gamma,
    ZBox,
    WSquare,
    Flat,
    Norm,
    Pass,
    WinnerTakesAll,
    TakesMost,
    Gradient,
    ReluDeconvNet,
    ReluGuidedBackprop,
    ReluBetaSmooth
);

/// What is known of a node before anything runs.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Facts<'a> {
    /// No input of the node can be negative, whatever the graph's inputs.
    pub inputs_non_negative: bool,
    /// Sizes of the node's inputs, for the graph inputs that it was prepared with.
    pub input_dims: &'a [&'a [usize]],
    /// Sizes of the node's output, likewise.
    pub output_dims: &'a [usize],
}

impl<'a> Facts<'a> {
    /// The sizes of a node whose inputs may be of any sign.
    pub fn new(input_dims: &'a [&'a [usize]], output_dims: &'a [usize]) -> Self {
        Self { inputs_non_negative: false, input_dims, output_dims }
    }

    /// The same with inputs that are never negative, if `never` is true.
    pub fn non_negative(self, never: bool) -> Self {
        Self { inputs_non_negative: never, ..self }
    }
}

/// A rule's behaviour.
///
/// Implement it for a rule of your own, register it with the explainer under a name, and use it in
/// a composite as [`Rule::Custom`].
pub trait PropagationRule<B: Backend>: fmt::Debug + Send + Sync {
    /// Binds the rule to a layer: checks that it can serve it, and computes once what does not
    /// depend on the input, such as the positive part of a weight.
    ///
    /// # Errors
    /// [`RuleError`] when the layer lacks an ability or a parameter is out of range.
    fn bind(&self, layer: &Layer<B>, facts: &Facts<'_>) -> Result<BoundRule<B>, RuleError>;
}

/// The layer's linear map, or the error that planning reports.
fn require_linear<B: Backend>(layer: &Layer<B>) -> Result<&dyn LinearMap<B>, RuleError> {
    layer.ops().linear_map().ok_or(RuleError::Ability {
        needs: "a linear map of one input (linear, convolution or average pooling)",
        kind: layer.kind(),
    })
}

/// The site's linear map. Binding has checked that there is one.
fn linear_map<'a, B: Backend>(site: &Site<'a, B>) -> Result<&'a dyn LinearMap<B>, LayerError> {
    let layer: &dyn LayerOps<B> = site.layer().ops();
    layer.linear_map().ok_or(LayerError::NotKept { what: "the linear map" })
}

#[cfg(test)]
mod tests;
