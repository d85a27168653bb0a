//! Rules: how relevance passes a node.
//!
//! [`Rule`] is data: it has no backend, compares, prints and serialises. [`PropagationRule`] is
//! behaviour: it binds a rule to a node of some graph, once, and gives back the function that the
//! engine calls. Notation in this module, after the papers: `x` input, `W`
//! weight, `b` bias, `z = W x + b`, `R` arriving relevance, `st` the [`Stabilizer`],
//! `a+ = max(a, 0)`, `a- = min(a, 0)`.

mod alpha_beta;
mod bound;
mod epsilon;
mod fixed;
// For the rules of this workspace's other crates.
#[doc(hidden)]
pub mod form;
mod frozen_std;
mod gamma;
mod passing;
mod plain;
mod product;
mod relu;
mod rescale;
mod reveal_cancel;
mod split;
mod stabilizer;
mod takes_most;
mod terms;
mod z_box;
mod z_plus;

use std::fmt;

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

pub use alpha_beta::AlphaBeta;
pub use bound::{BoundRule, Passed, Support};
pub use epsilon::Epsilon;
pub use fixed::{Flat, WSquare};
pub use frozen_std::FrozenStd;
pub use gamma::Gamma;
pub use passing::{Gradient, Norm, Pass, WinnerTakesAll};
pub use product::{SignalTakesAll, Uniform};
pub use relu::{ReluBetaSmooth, ReluDeconvNet, ReluGuidedBackprop};
pub use rescale::Rescale;
pub use reveal_cancel::RevealCancel;
pub use stabilizer::Stabilizer;
pub use takes_most::TakesMost;
pub use z_box::{Bound, ZBox};
pub use z_plus::ZPlus;

use crate::error::{LayerError, RuleError};
use crate::graph::NodeView;
use crate::layer::{BackwardContext, LinearMap};

/// From one row per rule, `Variant = "name"`: the enum [`Rule`], the names, the conversions and the
/// dispatch.
macro_rules! rules {
    ($($rule:ident = $name:literal),* $(,)?) => {
        /// A rule as data. Its serialised form is a table with the rule's name under `rule` and its
        /// parameters beside it; parameters left out have their defaults.
        ///
        /// ```
        /// # use xai_core::rule::{Epsilon, Rule};
        /// let rule: Rule = serde_json::from_str(r#"{ "rule": "epsilon", "epsilon": 0.25 }"#)?;
        /// assert_eq!(rule, Epsilon::new(0.25).into());
        /// # Ok::<(), serde_json::Error>(())
        /// ```
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "rule", deny_unknown_fields)]
        #[non_exhaustive]
        pub enum Rule {
            $(
                #[doc = concat!("[`", stringify!($rule), "`], `", $name, "`.")]
                #[serde(rename = $name)]
                $rule($rule),
            )*
            /// A rule of the user's own, `custom`, found by name among those registered with
            /// [`Lrp::with_rule`](crate::attributor::Lrp::with_rule). Only the name is data, so a
            /// composite that uses it still serialises.
            #[serde(rename = "custom")]
            Custom {
                /// Name it is registered under.
                name: String,
            },
        }

        impl Rule {
            /// The rule's stable name.
            pub fn name(&self) -> &str {
                match self {
                    $(Self::$rule(_) => $name,)*
                    Self::Custom { name } => name,
                }
            }

            /// The rule's behaviour on backend `B`; `None` for [`Rule::Custom`].
            pub fn propagation<B: Backend>(&self) -> Option<&dyn PropagationRule<B>> {
                match self {
                    $(Self::$rule(rule) => Some(rule),)*
                    Self::Custom { .. } => None,
                }
            }
        }

        $(impl From<$rule> for Rule {
            fn from(rule: $rule) -> Self {
                Self::$rule(rule)
            }
        })*
    };
}

rules! {
    Epsilon = "epsilon",
    ZPlus = "z-plus",
    AlphaBeta = "alpha-beta",
    Gamma = "gamma",
    ZBox = "z-box",
    WSquare = "w-square",
    Flat = "flat",
    Norm = "norm",
    Pass = "pass",
    WinnerTakesAll = "winner-takes-all",
    TakesMost = "takes-most",
    Uniform = "uniform",
    SignalTakesAll = "signal-takes-all",
    FrozenStd = "frozen-std",
    Gradient = "gradient",
    ReluDeconvNet = "relu-deconv-net",
    ReluGuidedBackprop = "relu-guided-backprop",
    ReluBetaSmooth = "relu-beta-smooth",
    Rescale = "rescale",
    RevealCancel = "reveal-cancel",
}

impl Rule {
    /// The rule of the user's own that is registered under `name`.
    pub fn custom(name: impl Into<String>) -> Self {
        Self::Custom { name: name.into() }
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

/// A rule's behaviour.
///
/// Implement it for a rule of your own, register it by
/// [`Lrp::with_rule`](crate::attributor::Lrp::with_rule) under a name, and use it in a composite as
/// [`Rule::custom`].
pub trait PropagationRule<B: Backend>: fmt::Debug + Send + Sync {
    /// Binds the rule to a node: checks that it applies to its layer, and computes once what does not
    /// depend on the input, such as the positive part of a weight.
    ///
    /// # Errors
    /// [`RuleError`] when the layer lacks an ability or a parameter is out of range.
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError>;
}

/// The layer's linear map, or the error that planning reports.
fn require_linear<'a, B: Backend>(node: &NodeView<'a, B>) -> Result<&'a dyn LinearMap<B>, RuleError> {
    node.layer().ops().linear_map().ok_or(RuleError::Ability {
        needs: "a linear map of one input (linear, convolution or average pooling)",
        kind: node.layer().kind(),
    })
}

/// The node's linear map. Binding has checked that there is one.
fn linear_map<'a, B: Backend>(context: &BackwardContext<'a, B>) -> Result<&'a dyn LinearMap<B>, LayerError> {
    context.layer().ops().linear_map().ok_or(LayerError::NotSaved { what: "the linear map" })
}

/// A number that the layer's element type holds: finite and, unless it is 0, not 0 there.
///
/// # Errors
/// [`RuleError::Parameter`] for others, and for those that do not lie `in_range`.
fn check_number<B: Backend>(
    node: &NodeView<'_, B>,
    parameter: &'static str,
    value: f64,
    range: &'static str,
    in_range: impl Fn(f64) -> bool,
) -> Result<f64, RuleError> {
    if !value.is_finite() || !in_range(value) {
        return Err(RuleError::Parameter { parameter, value, range });
    }
    let rounded = node.rounded(value);
    if !rounded.is_finite() || (rounded == 0.0 && value != 0.0) {
        let range = "within the range of the layer's element type";
        return Err(RuleError::Parameter { parameter, value, range });
    }
    Ok(value)
}

#[cfg(test)]
mod tests;
