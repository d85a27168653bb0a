//! Rules and composites that do not fit a graph.

use std::fmt;

use thiserror::Error;

use crate::layer::LayerKind;

/// A rule that does not apply to a layer, or has parameters that cannot be used.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The layer lacks an ability.
    #[error("it needs {needs}, which a layer of kind `{kind}` is not")]
    Ability {
        /// What the rule needs.
        needs: &'static str,
        /// Kind of the layer.
        kind: LayerKind,
    },
    /// A parameter out of range.
    #[error("its parameter `{parameter}` is {value}, but must be {range}")]
    Parameter {
        /// Name of the parameter.
        parameter: &'static str,
        /// Value given.
        value: f64,
        /// Allowed values.
        range: &'static str,
    },
    /// A bound that does not fit the layer's input.
    #[error(
        "its bound `{bound}` has the shape {dims:?} with {values} values, which does not fit inputs of the shape \
         {input:?}; give one value per input (without the batch), and sizes of 1 where it does not vary"
    )]
    Bound {
        /// Which bound.
        bound: &'static str,
        /// Its sizes.
        dims: Vec<usize>,
        /// Its number of values.
        values: usize,
        /// Sizes of the layer's input, without the batch.
        input: Vec<usize>,
    },
    /// A rule that another one passes relevance on by.
    #[error("the rule `{rule}` within it cannot be used: {why}")]
    Within {
        /// Its name.
        rule: String,
        /// Why.
        why: String,
    },
    /// A rule that compares with a reference pass, where there is none.
    #[error("it compares the input with a baseline; give one with `Lrp::with_reference`")]
    NoReference,
    /// No rule of this name was registered.
    #[error("no custom rule is registered under this name; register it with `Lrp::with_rule`")]
    NotRegistered,
    /// The rule's code panicked.
    #[error("binding the rule panicked: {message}")]
    Panicked {
        /// Text of the panic, and where it happened.
        message: String,
    },
}

/// Nodes of one sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeGroup {
    /// What they have in common: an operation, or a kind.
    pub what: String,
    /// How many there are.
    pub count: usize,
    /// Name of the first one.
    pub first: String,
}

impl NodeGroup {
    /// Groups nodes by what they have in common, in the order in which these come up.
    pub(crate) fn collect<'a>(nodes: impl IntoIterator<Item = (String, &'a str)>) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        for (what, node) in nodes {
            match groups.iter_mut().find(|group| group.what == what) {
                Some(group) => group.count += 1,
                None => groups.push(Self { what, count: 1, first: node.to_owned() }),
            }
        }
        groups
    }
}

impl fmt::Display for NodeGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => write!(f, "`{}` (node `{}`)", self.what, self.first),
            count => write!(f, "`{}` ({count} nodes, the first is `{}`)", self.what, self.first),
        }
    }
}

fn list(groups: &[NodeGroup]) -> String {
    groups.iter().map(NodeGroup::to_string).collect::<Vec<_>>().join(", ")
}

/// A composite that does not fit a graph. Found before anything runs.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// Operations that no layer stands for: all of the graph's.
    #[error(
        "the model uses operations that have no layer, so no rule can pass relevance through them: {}. \
         Record only a part of the model that does without them, give each a layer of your own in a graph built by \
         hand (`Layer::custom`), use a gradient method, which takes what Burn differentiates, or one that only runs the \
         model (`Occlusion`)",
        list(operations)
    )]
    UnsupportedOperations {
        /// The operations.
        operations: Vec<NodeGroup>,
    },
    /// Kinds of nodes, or activations, that no entry matches: all of the graph's.
    #[error("composite `{composite}` has no entry for {}; add one for each kind", list(kinds))]
    Unmatched {
        /// The kinds.
        kinds: Vec<NodeGroup>,
        /// Name of the composite.
        composite: String,
    },
    /// A rule that does not apply to the node it was matched to.
    #[error("node `{node}`: rule `{rule}` cannot be used: {source}")]
    Rule {
        /// Name of the node.
        node: String,
        /// Name of the rule.
        rule: String,
        /// Why.
        source: RuleError,
    },
    /// A matcher for an activation that there is none of.
    #[error("no activation is called `{name}`; the nearest names are {nearest}")]
    NoSuchActivation {
        /// The name.
        name: String,
        /// The names most like it.
        nearest: String,
    },
    /// A matcher for a kind that neither the library nor the graph has.
    #[error("no layer kind is called `{name}`; the nearest names are {nearest}")]
    NoSuchKind {
        /// The name.
        name: String,
        /// The names most like it.
        nearest: String,
    },
    /// A name pattern that no node has.
    #[error("the name pattern `{pattern}` matches no node; the nearest names are {nearest}")]
    NoSuchNode {
        /// The pattern.
        pattern: String,
        /// The names most like it.
        nearest: String,
    },
    /// A range that no node lies in.
    #[error("{range} matches no node: the model has {count} of them, counted from 0")]
    EmptyRange {
        /// The matcher.
        range: String,
        /// Number of nodes that it counts.
        count: usize,
    },
}
