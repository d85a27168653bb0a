//! Which nodes an entry is for.

use std::fmt;

use burn_backend::Backend;
use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::error::{PlanError, nearest};
use crate::graph::{Graph, Node};
use crate::layer::{Activation, LayerKind, PRelu};

/// Decides whether an entry is for a node.
///
/// A [`LayerKind`] and a list of them convert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Matcher {
    /// Every node.
    Any,
    /// Nodes of one of these kinds.
    Kinds(Vec<LayerKind>),
    /// Activations by their [names](Activation::name): `relu`, `leaky-relu`, and `prelu`. A name that no activation
    /// has is a planning error.
    Activations(Vec<String>),
    /// Nodes of one of these kinds before which, along the flow of data, no node of these kinds
    /// comes. A model with two input branches has a first layer in each.
    First(Vec<LayerKind>),
    /// Nodes that no node of these kinds comes before, along the flow of data, and that are of none of them.
    Before(Vec<LayerKind>),
    /// Nodes by name, or by the name of a node merged into them. `*` stands for any characters,
    /// `?` for one: `features.*`. A pattern that no node of a graph has is a planning error.
    Name(String),
    /// The nodes of these kinds, counted in the graph's order, from `start` to before `end` (to the
    /// last if there is none). A range that no node lies in is a planning error.
    Range {
        /// Which nodes count.
        kinds: Vec<LayerKind>,
        /// The first, counted from 0.
        start: usize,
        /// The end, exclusive.
        #[serde(default)]
        end: Option<usize>,
    },
    /// Nodes that all of these accept.
    All(Vec<Matcher>),
    /// Nodes that this does not accept.
    Not(Box<Matcher>),
}

impl Matcher {
    /// Nodes of one of these kinds.
    pub fn kinds(kinds: impl IntoIterator<Item = LayerKind>) -> Self {
        Self::Kinds(kinds.into_iter().collect())
    }

    /// Activations of one of these names.
    pub fn activations<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Activations(names.into_iter().map(str::to_owned).collect())
    }

    /// The first nodes of these kinds.
    pub fn first(kinds: impl IntoIterator<Item = LayerKind>) -> Self {
        Self::First(kinds.into_iter().collect())
    }

    /// The nodes before all of these kinds.
    pub fn before(kinds: impl IntoIterator<Item = LayerKind>) -> Self {
        Self::Before(kinds.into_iter().collect())
    }

    /// Nodes whose name has this pattern.
    pub fn name(pattern: impl Into<String>) -> Self {
        Self::Name(pattern.into())
    }

    /// For each node of `graph`, whether the matcher accepts it.
    pub fn matches<B: Backend>(&self, graph: &Graph<B>) -> Vec<bool> {
        let each = |accepts: &dyn Fn(&Node<B>) -> bool| graph.nodes().iter().map(accepts).collect();
        match self {
            Self::Any => each(&|_| true),
            Self::Kinds(kinds) => each(&|node| kinds.contains(&node.layer().kind())),
            Self::Activations(names) => each(&|node| {
                let activation = node.layer().activation();
                activation.is_some_and(|activation| names.iter().any(|name| name == activation))
            }),
            Self::First(kinds) => nothing_before(graph, kinds, true),
            Self::Before(kinds) => nothing_before(graph, kinds, false),
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
            Self::Not(matcher) => matcher.matches(graph).into_iter().map(|accepts| !accepts).collect(),
            Self::Name(pattern) => {
                let pattern = WildMatch::new(pattern);
                let has = |name: &String| pattern.matches(name);
                each(&|node| pattern.matches(node.name()) || node.aliases().iter().any(has))
            }
        }
    }

    /// Refuses what cannot mean anything on `graph`: most likely a mistake.
    pub(crate) fn check<B: Backend>(&self, graph: &Graph<B>) -> Result<(), PlanError> {
        match self {
            Self::Any => Ok(()),
            Self::Kinds(kinds) | Self::First(kinds) | Self::Before(kinds) => check_kinds(kinds, graph),
            Self::Activations(names) => {
                let known = || Activation::NAMES.iter().copied().chain([PRelu::<B>::NAME]);
                match names.iter().find(|name| !known().any(|known| known == *name)) {
                    None => Ok(()),
                    Some(name) => {
                        let nearest = nearest(name, known());
                        Err(PlanError::NoSuchActivation { name: name.clone(), nearest })
                    }
                }
            }
            Self::Name(_) if self.matches(graph).contains(&true) => Ok(()),
            Self::Name(pattern) => Err(PlanError::NoSuchNode {
                pattern: pattern.clone(),
                nearest: nearest(pattern, graph.names()),
            }),
            Self::Range { kinds, .. } => {
                check_kinds(kinds, graph)?;
                match self.matches(graph).contains(&true) {
                    true => Ok(()),
                    false => {
                        let counts = |node: &&Node<B>| kinds.contains(&node.layer().kind());
                        let count = graph.nodes().iter().filter(counts).count();
                        Err(PlanError::EmptyRange { range: self.to_string(), count })
                    }
                }
            }
            Self::All(matchers) => matchers.iter().try_for_each(|matcher| matcher.check(graph)),
            Self::Not(matcher) => matcher.check(graph),
        }
    }
}

/// Kinds of users' layers must be those of some node: everything else is misspelt.
fn check_kinds<B: Backend>(kinds: &[LayerKind], graph: &Graph<B>) -> Result<(), PlanError> {
    let is_unknown = |kind: &&LayerKind| {
        matches!(kind, LayerKind::Custom(_)) && graph.nodes().iter().all(|node| node.layer().kind() != **kind)
    };
    match kinds.iter().find(is_unknown) {
        None => Ok(()),
        Some(kind) => Err(PlanError::NoSuchKind {
            name: kind.to_string(),
            nearest: nearest(kind.name(), LayerKind::NAMES.iter().copied()),
        }),
    }
}

/// Nodes before which none of these kinds comes: those of these kinds, or those of others.
fn nothing_before<B: Backend>(graph: &Graph<B>, kinds: &[LayerKind], of_kinds: bool) -> Vec<bool> {
    let is_one: Vec<bool> = graph.nodes().iter().map(|node| kinds.contains(&node.layer().kind())).collect();
    let mut behind_one: Vec<bool> = Vec::with_capacity(is_one.len());
    for node in graph.nodes() {
        let behind = node.inputs().iter().any(|input| is_one[input.index()] || behind_one[input.index()]);
        behind_one.push(behind);
    }
    is_one.iter().zip(&behind_one).map(|(is_one, behind)| *is_one == of_kinds && !behind).collect()
}

impl From<LayerKind> for Matcher {
    fn from(kind: LayerKind) -> Self {
        Self::Kinds(vec![kind])
    }
}

impl<const N: usize> From<[LayerKind; N]> for Matcher {
    fn from(kinds: [LayerKind; N]) -> Self {
        Self::Kinds(kinds.into())
    }
}

fn either(names: impl IntoIterator<Item = impl ToString>) -> String {
    names.into_iter().map(|name| name.to_string()).collect::<Vec<_>>().join(" or ")
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any node"),
            Self::Kinds(kinds) => write!(f, "kind {}", either(kinds)),
            Self::Activations(names) => write!(f, "activation {}", either(names)),
            Self::First(kinds) => write!(f, "first {}", either(kinds)),
            Self::Before(kinds) => write!(f, "before any {}", either(kinds)),
            Self::Range { kinds, start, end } => match end {
                Some(end) => write!(f, "{} number {start}..{end}", either(kinds)),
                None => write!(f, "{} number {start}..", either(kinds)),
            },
            Self::All(matchers) => {
                write!(f, "{}", matchers.iter().map(Self::to_string).collect::<Vec<_>>().join(" and "))
            }
            Self::Not(matcher) => write!(f, "not {matcher}"),
            Self::Name(pattern) => write!(f, "name {pattern}"),
        }
    }
}
