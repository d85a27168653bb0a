//! Composites: which rule applies to which node.
//!
//! A [`Composite`] is an ordered list of entries, a [`Matcher`] and a [`Rule`] each; the first
//! entry that matches a node decides. It is data, free of any backend. [`Plan`] is a composite
//! applied to a graph: every node has its rule, or planning has failed with the node's name.

mod matcher;
mod plan;
mod presets;

use serde::{Deserialize, Serialize};

pub use matcher::Matcher;
pub use plan::{CustomRules, Plan, PlanRow};
pub use presets::{
    Presets, attn_lrp, beta_smooth, cp_lrp, deconv_net, epsilon_alpha2_beta1, epsilon_alpha2_beta1_flat,
    epsilon_gamma_box, epsilon_plus, epsilon_plus_flat, excitation_backprop, gradient, guided_backprop,
    lstm_lrp,
};

use crate::rule::Rule;

/// One line of a composite: `rule` applies to the nodes that `matcher` accepts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Which nodes.
    #[serde(rename = "match")]
    pub matcher: Matcher,
    /// Which rule.
    #[serde(flatten)]
    pub rule: Rule,
}

/// An ordered list of entries; the first that matches a node decides which rule applies to it.
///
/// ```
/// use xai_core::composite::{Matcher, epsilon_plus_flat};
/// use xai_core::rule::Epsilon;
///
/// // A preset, with an entry of your own that decides before the preset's.
/// let composite = epsilon_plus_flat().prepend(Matcher::name("head.*"), Epsilon::new(0.25));
/// assert_eq!(composite.entries()[0].rule.name(), "epsilon");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Composite {
    name: String,
    entries: Vec<Entry>,
}

impl Composite {
    /// A composite without entries.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), entries: Vec::new() }
    }

    /// The same entries under another name.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The composite's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its entries, in the order in which they are tried.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Adds an entry before all others: it decides first.
    pub fn prepend(mut self, matcher: impl Into<Matcher>, rule: impl Into<Rule>) -> Self {
        self.entries.insert(0, Entry { matcher: matcher.into(), rule: rule.into() });
        self
    }

    /// Adds an entry after all others: it decides about what they do not match.
    pub fn append(mut self, matcher: impl Into<Matcher>, rule: impl Into<Rule>) -> Self {
        self.entries.push(Entry { matcher: matcher.into(), rule: rule.into() });
        self
    }

    /// Adds the entries of `other` after all others.
    pub fn append_all(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
    }
}
