//! Which nodes an entry is for.

use std::fmt;

use burn_backend::Backend;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::graph::{Graph, Node};
use crate::layer::{Activation, Layer, LayerKind};

/// Decides whether an entry is for a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Matcher {
    /// Every node.
    Any,
    /// Nodes of one kind.
    Kind(LayerKind),
    /// Activations by their [name](Activation::name): `relu`, `leaky-relu`. A name that no activation
    /// has is a planning error.
    Activation(String),
    /// Nodes of one of these kinds before which, along the flow of data, no node of these kinds
    /// comes. A model with two input branches has a first layer in each.
    First(Vec<LayerKind>),
    /// Nodes by name, or by the name of a node merged into them. `*` stands for any characters,
    /// `?` for one: `features.*`. A pattern that no node of a graph has is a planning error.
    Name(String),
    /// The nodes of these kinds, counted in the graph's order, from `start` up to but not
    /// including `end` (to the last if there is none).
    Range {
        /// Which nodes count.
        kinds: Vec<LayerKind>,
        /// First that is meant, counted from 0.
        start: usize,
        /// First that is not meant any more.
        #[serde(default)]
        end: Option<usize>,
    },
    /// Nodes that all of these accept.
    All(Vec<Matcher>),
}

impl Matcher {
    /// For each node of `graph`, whether the matcher accepts it.
    pub fn matches<B: Backend>(&self, graph: &Graph<B>) -> Vec<bool> {
        let each = |accepts: &dyn Fn(&Node<B>) -> bool| graph.nodes().iter().map(accepts).collect();
        match self {
            Self::Any => each(&|_| true),
            Self::Kind(kind) => each(&|node| node.layer().kind() == *kind),
            Self::Activation(name) => each(
                &|node| matches!(node.layer(), Layer::Activation(activation) if activation.name() == name),
            ),
            Self::First(kinds) => first(graph, kinds),
            Self::Range { kinds, start, end } => {
                let mut count = 0;
                let mut counted = Vec::with_capacity(graph.nodes().len());
                for node in graph.nodes() {
                    let counts = kinds.contains(&node.layer().kind());
                    counted.push(counts && count >= *start && end.is_none_or(|end| count < end));
                    count += usize::from(counts);
                }
                counted
            }
            Self::All(matchers) => {
                let all = matchers.iter().map(|matcher| matcher.matches(graph));
                let both = |a: Vec<bool>, b: Vec<bool>| a.iter().zip(b).map(|(a, b)| *a && b).collect();
                all.fold(each(&|_| true), both)
            }
            Self::Name(pattern) => named(graph, pattern),
        }
    }

    /// The first name in it that no activation has: a mistake.
    pub(super) fn unknown_activation(&self) -> Option<&str> {
        match self {
            Self::Activation(name) => (!Activation::NAMES.contains(&name.as_str())).then_some(name),
            Self::All(matchers) => matchers.iter().find_map(Self::unknown_activation),
            _ => None,
        }
    }

    /// The first name pattern in it that no node of `graph` has: most likely a mistake.
    pub(super) fn unknown_name<B: Backend>(&self, graph: &Graph<B>) -> Option<&str> {
        match self {
            Self::Name(pattern) => (!named(graph, pattern).contains(&true)).then_some(pattern),
            Self::All(matchers) => matchers.iter().find_map(|matcher| matcher.unknown_name(graph)),
            _ => None,
        }
    }
}

fn named<B: Backend>(graph: &Graph<B>, pattern: &str) -> Vec<bool> {
    let pattern = WildMatch::new(pattern);
    let has = |node: &Node<B>| {
        pattern.matches(node.name()) || node.aliases().iter().any(|alias| pattern.matches(alias))
    };
    graph.nodes().iter().map(has).collect()
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

fn names(kinds: &[LayerKind]) -> String {
    kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ")
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any node"),
            Self::Kind(kind) => write!(f, "kind {kind}"),
            Self::Activation(name) => write!(f, "activation {name}"),
            Self::First(kinds) => write!(f, "first {}", names(kinds)),
            Self::Range { kinds, start, end } => match end {
                Some(end) => write!(f, "{} number {start}..{end}", names(kinds)),
                None => write!(f, "{} number {start}..", names(kinds)),
            },
            Self::All(matchers) => {
                let matchers: Vec<_> = matchers.iter().map(Self::to_string).collect();
                write!(f, "{}", matchers.join(" and "))
            }
            Self::Name(pattern) => write!(f, "name {pattern}"),
        }
    }
}
