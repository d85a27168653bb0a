//! A composite applied to a graph: every node has its rule before anything runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use burn_backend::Backend;

use super::{Composite, Matcher};
use crate::error::{LayerError, PlanError, RuleError};
use crate::graph::Graph;
use crate::layer::{Activation, Layer, LayerKind};
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
    /// cannot serve, and for a name that no node has.
    pub fn new(graph: &Graph<B>, composite: &Composite, custom: &CustomRules<B>) -> Result<Self, PlanError> {
        let mut matchers = composite.entries().iter().map(|entry| &entry.matcher);
        if let Some(name) = matchers.clone().find_map(Matcher::unknown_activation) {
            return Err(PlanError::NoSuchActivation {
                name: name.to_owned(),
                known: Activation::NAMES.join(", "),
            });
        }
        if let Some(pattern) = matchers.find_map(|matcher| matcher.unknown_name(graph)) {
            return Err(PlanError::NoSuchNode { pattern: pattern.to_owned(), known: graph.names() });
        }
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
            let facts = Facts::new(&input_dims, node.dims()).non_negative(inputs_non_negative);
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

/// The plan as a table: node, kind, rule with its parameters, and the entry that matched.
impl<B: Backend> fmt::Display for Plan<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = ["node", "kind", "rule", "matched by"].map(str::to_owned);
        let rows = self.rows.iter().map(|row| {
            let rule = row.rule.as_ref().map_or("-".to_owned(), Rule::to_string);
            [row.node.clone(), row.kind.to_string(), rule, row.matched.clone()]
        });
        let lines: Vec<[String; 4]> = std::iter::once(title).chain(rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths = [0, 1, 2].map(width);
        for [node, kind, rule, matched] in &lines {
            writeln!(
                f,
                "{node:w0$}  {kind:w1$}  {rule:w2$}  {matched}",
                w0 = widths[0],
                w1 = widths[1],
                w2 = widths[2]
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;
    use crate::Value;
    use crate::composite::{Matcher, epsilon_gamma_box, epsilon_plus_flat};
    use crate::graph::GraphBuilder;
    use crate::layer::{Activation, Conv, Linear, Reshape, Softmax, SoftmaxForm};

    fn ones(dims: &[usize]) -> Value<Flex> {
        Value::from(burn::tensor::Tensor::<Flex, 1>::ones(
            [dims.iter().product::<usize>()],
            &Default::default(),
        ))
        .reshape(dims)
    }

    fn graph() -> Graph<Flex> {
        let mut builder = GraphBuilder::new();
        let geometry = crate::kernel::ConvGeometry::new(2);
        let x = builder.input("x", &[1, 1, 4, 4]).unwrap();
        let conv = Conv::new(ones(&[2, 1, 3, 3]), None, geometry).unwrap();
        let conv = builder.push("conv", conv, &[x]).unwrap();
        let relu = builder.push("conv.relu", Activation::Relu, &[conv]).unwrap();
        let flat = builder.push("flat", Reshape::flatten(), &[relu]).unwrap();
        let head = builder.push("head", Linear::new(ones(&[8, 3]), None).unwrap(), &[flat]).unwrap();
        builder.finish(head).unwrap()
    }

    #[test]
    fn the_table_says_which_entry_decided() {
        let table =
            Plan::new(&graph(), &epsilon_gamma_box(0.0, 1.0), &CustomRules::new()).unwrap().to_string();
        let lines: Vec<Vec<&str>> =
            table.lines().map(|line| line.split("  ").filter(|c| !c.is_empty()).collect()).collect();
        let trimmed: Vec<Vec<&str>> =
            lines.iter().map(|line| line.iter().map(|cell| cell.trim()).collect()).collect();
        assert_eq!(trimmed[0], ["node", "kind", "rule", "matched by"]);
        assert_eq!(trimmed[1], ["x", "input", "-", "graph input"]);
        let z_box = "z-box(high=1.0, low=0.0, stabilizer=1e-6)";
        assert_eq!(trimmed[2], ["conv", "conv", z_box, "first conv or conv-transpose"]);
        assert_eq!(trimmed[3], ["conv.relu", "activation", "pass", "kind activation"]);
        assert_eq!(trimmed[5], ["head", "linear", "epsilon(epsilon=1e-6)", "kind linear"]);
    }

    #[test]
    fn a_node_that_nothing_matches_is_an_error() {
        let mut builder = GraphBuilder::<Flex>::new();
        let x = builder.input("x", &[1, 4]).unwrap();
        let softmax = builder.push("softmax", Softmax::new(SoftmaxForm::Softmax, 1), &[x]).unwrap();
        let graph = builder.finish(softmax).unwrap();
        let error = Plan::new(&graph, &epsilon_plus_flat(), &CustomRules::new()).unwrap_err();
        let expected = PlanError::Unmatched {
            node: "softmax".into(),
            kind: LayerKind::Softmax,
            composite: "epsilon-plus-flat".into(),
        };
        assert_eq!(error, expected);
    }

    #[test]
    fn a_name_that_no_activation_has_is_an_error() {
        let planned = |name: &str| {
            let entry = Matcher::All(vec![Matcher::Activation(name.into())]);
            let composite = epsilon_plus_flat().with(entry, crate::rule::Pass {});
            Plan::new(&graph(), &composite, &CustomRules::new()).map(|_| ())
        };
        assert_eq!(planned("gelu"), Ok(()));
        let error = planned("ReLU").unwrap_err().to_string();
        assert!(error.contains("`ReLU`") && error.contains("relu, relu6"), "{error}");
    }

    #[test]
    fn a_name_that_no_node_has_is_an_error() {
        let name = |pattern: &str| Matcher::Name(pattern.into());
        let relu = Matcher::All(vec![Matcher::Kind(LayerKind::Activation), name("convv*")]);
        let planned = |matcher| {
            let composite = epsilon_plus_flat().with(matcher, crate::rule::Pass {});
            Plan::new(&graph(), &composite, &CustomRules::new()).map(|_| ())
        };
        assert_eq!(planned(name("conv.*")), Ok(()));
        for (matcher, unknown) in [(name("head.0"), "head.0"), (relu, "convv*")] {
            let Err(PlanError::NoSuchNode { pattern, known }) = planned(matcher) else { panic!("{unknown}") };
            assert_eq!(pattern, unknown);
            assert!(known.contains("conv.relu"), "{known}");
        }
    }
}
