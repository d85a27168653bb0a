//! Which nodes an entry is for.

use std::fmt;

use burn_backend::Backend;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::graph::{Graph, Node};
use crate::layer::LayerKind;

/// Decides whether an entry is for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Matcher {
    /// Every node.
    Any,
    /// Nodes of one kind.
    Kind(LayerKind),
    /// Nodes of one of these kinds before which, along the flow of data, no node of these kinds
    /// comes. A model with two input branches has a first layer in each.
    First(Vec<LayerKind>),
    /// Nodes by name, or by the name of a node merged into them. `*` stands for any characters,
    /// `?` for one: `features.*`.
    Name(String),
}

impl Matcher {
    /// For each node of `graph`, whether the matcher accepts it.
    pub fn matches<B: Backend>(&self, graph: &Graph<B>) -> Vec<bool> {
        let each = |accepts: &dyn Fn(&Node<B>) -> bool| graph.nodes().iter().map(accepts).collect();
        match self {
            Self::Any => each(&|_| true),
            Self::Kind(kind) => each(&|node| node.layer().kind() == *kind),
            Self::First(kinds) => first(graph, kinds),
            Self::Name(pattern) => {
                let pattern = WildMatch::new(pattern);
                each(&|node| {
                    pattern.matches(node.name()) || node.aliases().iter().any(|alias| pattern.matches(alias))
                })
            }
        }
    }
}

fn first<B: Backend>(graph: &Graph<B>, kinds: &[LayerKind]) -> Vec<bool> {
    let is_one: Vec<bool> = graph.nodes().iter().map(|node| kinds.contains(&node.layer().kind())).collect();
    let mut behind_one: Vec<bool> = Vec::with_capacity(is_one.len());
    for node in graph.nodes() {
        let behind = node.inputs().iter().any(|input| is_one[input.index()] || behind_one[input.index()]);
        behind_one.push(behind);
    }
    is_one.iter().zip(&behind_one).map(|(is_one, behind)| *is_one && !behind).collect()
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any node"),
            Self::Kind(kind) => write!(f, "kind {kind}"),
            Self::First(kinds) => {
                let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
                write!(f, "first {}", kinds.join(" or "))
            }
            Self::Name(pattern) => write!(f, "name {pattern}"),
        }
    }
}
