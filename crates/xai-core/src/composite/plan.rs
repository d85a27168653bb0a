//! A composite applied to a graph: every node has its rule before anything runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use burn_backend::Backend;

use super::Composite;
use crate::error::{LayerError, PlanError, RuleError};
use crate::graph::Graph;
use crate::layer::{Layer, LayerKind};
use crate::rule::{BoundRule, Facts, PropagationRule, Rule};

/// Rules of the user's own, by the name under which a composite finds them.
pub type CustomRules<B> = HashMap<String, Arc<dyn PropagationRule<B>>>;

/// A rule for every node of a graph.
#[derive(Debug)]
pub struct Plan<B: Backend> {
    rows: Vec<PlanRow>,
    bound: Vec<Option<BoundRule<B>>>,
}

/// Why a node is served by its rule.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanRow {
    /// Name of the node.
    pub node: String,
    /// Its kind.
    pub kind: LayerKind,
    /// The rule; `None` at graph inputs, where relevance ends.
    pub rule: Option<Rule>,
    /// What the matching entry says: `first conv or linear`.
    pub matched: String,
}

impl<B: Backend> Plan<B> {
    /// Finds and binds a rule for every node.
    ///
    /// # Errors
    /// [`PlanError`] for the first node that is a barrier, that no entry matches, or that its rule
    /// cannot serve.
    pub fn new(graph: &Graph<B>, composite: &Composite, custom: &CustomRules<B>) -> Result<Self, PlanError> {
        let matches: Vec<_> = composite.entries().iter().map(|entry| entry.matcher.matches(graph)).collect();
        let non_negative = graph.non_negative();
        let mut plan = Self { rows: Vec::new(), bound: Vec::new() };
        for (id, node) in graph.iter() {
            let (name, kind) = (node.name().to_owned(), node.layer().kind());
            match node.layer() {
                Layer::Input => {
                    let matched = "graph input".to_owned();
                    plan.rows.push(PlanRow { node: name, kind, rule: None, matched });
                    plan.bound.push(None);
                    continue;
                }
                Layer::Barrier(barrier) => {
                    let source = LayerError::Barrier { op: barrier.op().to_owned() };
                    return Err(PlanError::Barrier { node: name, source });
                }
                _ => {}
            }
            let entry = matches.iter().zip(composite.entries()).find(|(matches, _)| matches[id.index()]);
            let Some((_, entry)) = entry else {
                return Err(PlanError::Unmatched {
                    node: name,
                    kind,
                    composite: composite.name().to_owned(),
                });
            };
            let inputs_non_negative = node.inputs().iter().all(|input| non_negative[input.index()]);
            let input_dims: Vec<_> =
                node.inputs().iter().map(|input| graph.nodes()[input.index()].dims()).collect();
            let facts = Facts { inputs_non_negative, input_dims: &input_dims, output_dims: node.dims() };
            let bound = match (entry.rule.propagation::<B>(), custom.get(entry.rule.name())) {
                (Some(rule), _) => rule.bind(node.layer(), &facts),
                (None, Some(rule)) => rule.bind(node.layer(), &facts),
                (None, None) => Err(RuleError::NotRegistered),
            };
            match bound {
                Ok(bound) => plan.bound.push(Some(bound)),
                Err(source) => {
                    return Err(PlanError::Rule { node: name, rule: entry.rule.name().to_owned(), source });
                }
            }
            let (rule, matched) = (Some(entry.rule.clone()), entry.matcher.to_string());
            plan.rows.push(PlanRow { node: name, kind, rule, matched });
        }
        Ok(plan)
    }

    /// One row per node, in the graph's order.
    pub fn rows(&self) -> &[PlanRow] {
        &self.rows
    }

    /// The bound rule of each node, in the graph's order.
    pub(crate) fn bound(&self) -> &[Option<BoundRule<B>>] {
        &self.bound
    }
}

/// The plan as a table: node, kind, rule, and the entry that matched.
impl<B: Backend> fmt::Display for Plan<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = |row: &PlanRow| row.rule.as_ref().map_or("-".to_owned(), |rule| rule.name().to_owned());
        let width = |cell: &dyn Fn(&PlanRow) -> usize, title: &str| {
            self.rows.iter().map(cell).max().unwrap_or(0).max(title.len())
        };
        let node_width = width(&|row| row.node.chars().count(), "node");
        let kind_width = width(&|row| row.kind.name().len(), "kind");
        let rule_width = width(&|row| rule(row).chars().count(), "rule");
        writeln!(f, "{:node_width$}  {:kind_width$}  {:rule_width$}  matched by", "node", "kind", "rule")?;
        for row in &self.rows {
            writeln!(
                f,
                "{:node_width$}  {:kind_width$}  {:rule_width$}  {}",
                row.node,
                row.kind,
                rule(row),
                row.matched
            )?;
        }
        Ok(())
    }
}
