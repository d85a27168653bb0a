//! Rules and composites that do not fit a graph.

use thiserror::Error;

use super::LayerError;
use crate::layer::LayerKind;

/// A rule that cannot serve a layer, or has unusable parameters.
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
    /// No rule of this name was registered.
    #[error("no custom rule is registered under this name; register it with `Explainer::with_rule`")]
    NotRegistered,
}

/// A composite that does not fit a graph. Found before anything runs.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A node that no entry matches.
    #[error(
        "node `{node}` (kind `{kind}`) is matched by no entry of composite `{composite}`; add an entry for \
         it{}", hint(*kind)
    )]
    Unmatched {
        /// Name of the node.
        node: String,
        /// Its kind.
        kind: LayerKind,
        /// Name of the composite.
        composite: String,
    },
    /// A rule that cannot serve the node it was matched to.
    #[error("node `{node}`: rule `{rule}` cannot be used: {source}")]
    Rule {
        /// Name of the node.
        node: String,
        /// Name of the rule.
        rule: String,
        /// Why.
        source: RuleError,
    },
    /// An operation that no layer stands for.
    #[error("node `{node}`: {source}")]
    Barrier {
        /// Name of the node.
        node: String,
        /// Which operation.
        source: LayerError,
    },
    /// A matcher for an activation that there is none of.
    #[error("no activation is called `{name}`; the activations are: {known}")]
    NoSuchActivation {
        /// The name.
        name: String,
        /// All names, comma separated.
        known: String,
    },
    /// A name pattern that cannot be used.
    #[error("the name pattern `{pattern}` matches no node; the nodes are: {known}")]
    NoSuchNode {
        /// The pattern.
        pattern: String,
        /// All node names, comma separated.
        known: String,
    },
}

/// What else to do about a node that no entry matches.
fn hint(kind: LayerKind) -> &'static str {
    match kind {
        LayerKind::Softmax => ", or explain the scores before the softmax",
        _ => "",
    }
}
