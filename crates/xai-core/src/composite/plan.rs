//! A composite applied to a graph: every node has its rule before anything runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use burn_backend::Backend;

use super::Composite;
use crate::error::{NodeGroup, PlanError, RuleError, caught};
use crate::graph::{Graph, GraphFacts, NodeId, NodeView};
use crate::layer::{Layer, LayerKind};
use crate::rule::{BoundRule, PropagationRule, Rule, Support};

/// Rules of the user's own, by the name under which a composite finds them.
pub type CustomRules<B> = HashMap<String, Arc<dyn PropagationRule<B>>>;

/// A rule for every node of a graph.
#[derive(Debug)]
pub struct Plan<B: Backend> {
    rows: Vec<PlanRow>,
    bound: Vec<Option<BoundRule<B>>>,
    rectifiers: Vec<Option<usize>>,
}

/// Why a node has its rule.
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
    /// [`PlanError`]: for all operations that have no layer, for a matcher that cannot mean anything
    /// on this graph, for all kinds that no entry matches, or for the first rule that does not apply
    /// to its node.
    pub fn new(graph: &Graph<B>, composite: &Composite, custom: &CustomRules<B>) -> Result<Self, PlanError> {
        let matches: Vec<_> = composite.entries().iter().map(|entry| entry.matcher.matches(graph)).collect();
        let entry_of = |index: usize| {
            let mut entries = matches.iter().zip(composite.entries());
            entries.find(|(matches, _)| matches[index]).map(|(_, entry)| entry)
        };
        let unserved = graph.iter().filter_map(|(id, node)| match node.layer() {
            Layer::Unsupported(layer) if !layer.has_derivative() || entry_of(id.index()).is_none() => {
                Some((layer.operation().to_owned(), node.name()))
            }
            _ => None,
        });
        let operations = NodeGroup::collect(unserved);
        if !operations.is_empty() {
            return Err(PlanError::UnsupportedOperations { operations });
        }
        composite.entries().iter().try_for_each(|entry| entry.matcher.check(graph))?;
        let unmatched = graph
            .iter()
            .filter(|(id, node)| node.layer().kind() != LayerKind::Input && entry_of(id.index()).is_none());
        let what = |layer: &Layer<B>| match layer.activation() {
            Some(name) => format!("{} {name}", layer.kind()),
            None => layer.kind().to_string(),
        };
        let kinds = NodeGroup::collect(unmatched.map(|(_, node)| (what(node.layer()), node.name())));
        if !kinds.is_empty() {
            return Err(PlanError::Unmatched { kinds, composite: composite.name().to_owned() });
        }
        let rows = graph.iter().map(|(id, node)| {
            let entry = entry_of(id.index()).filter(|_| node.layer().kind() != LayerKind::Input);
            PlanRow {
                node: node.name().to_owned(),
                kind: node.layer().kind(),
                rule: entry.map(|entry| entry.rule.clone()),
                matched: entry.map_or_else(|| "graph input".to_owned(), |entry| entry.matcher.to_string()),
            }
        });
        let mut plan = Self { rows: rows.collect(), bound: Vec::new(), rectifiers: Vec::new() };
        plan.bind(graph, custom)?;
        Ok(plan)
    }

    /// Binds the rules from the output to the inputs: what is known of the relevance that arrives at a node
    /// depends on the rules behind it.
    fn bind(&mut self, graph: &Graph<B>, custom: &CustomRules<B>) -> Result<(), PlanError> {
        let (facts, consumers) = (GraphFacts::of(graph), graph.consumers());
        let mut bound: Vec<Option<BoundRule<B>>> = graph.nodes().iter().map(|_| None).collect();
        let mut rectifiers = vec![None; bound.len()];
        // Whether relevance arrives at no element that is 0.
        let mut is_sparse = vec![false; bound.len()];
        let mut refusal = None;
        for (id, node) in graph.iter().rev() {
            let index = id.index();
            let keeps_zeros = |reader: &NodeId| match bound[reader.index()].as_ref().map(BoundRule::support) {
                Some(Support::Nonzero) => true,
                Some(Support::AsArrived) => is_sparse[reader.index()],
                Some(Support::Anywhere) | None => false,
            };
            is_sparse[index] = id != graph.output() && consumers[index].iter().all(keeps_zeros);
            let rectifier = match consumers[index].as_slice() {
                [reader] if is_sparse[index] => Some(reader.index()),
                _ => None,
            };
            let is_relu = |reader: &usize| graph.nodes()[*reader].layer().activation() == Some("relu");
            let rectifier = rectifier.filter(is_relu);
            let (Some(rule), Some(view)) = (&self.rows[index].rule, NodeView::of(graph, &facts, id)) else {
                continue;
            };
            let view = view.with_rectified(rectifier.is_some());
            let of_node = caught(|| match (rule.propagation::<B>(), custom.get(rule.name())) {
                (Some(rule), _) => rule.bind(&view),
                (None, Some(rule)) => rule.bind(&view),
                (None, None) => Err(RuleError::NotRegistered),
            });
            match of_node.unwrap_or_else(|message| Err(RuleError::Panicked { message })) {
                Ok(rule) => {
                    rectifiers[index] = rectifier.filter(|_| rule.saved().rectified);
                    bound[index] = Some(rule);
                }
                // The first in the graph's order is the last that is found.
                Err(source) => {
                    let (node, rule) = (node.name().to_owned(), rule.name().to_owned());
                    refusal = Some(PlanError::Rule { node, rule, source });
                }
            }
        }
        (self.bound, self.rectifiers) = (bound, rectifiers);
        refusal.map_or(Ok(()), Err)
    }

    /// The first node whose rule reads values of a reference pass, as an error.
    pub(crate) fn check_without_reference(&self) -> Result<(), PlanError> {
        let reads = |bound: &Option<BoundRule<B>>| bound.as_ref().is_some_and(|rule| rule.saved().reference);
        match self.bound.iter().zip(&self.rows).find(|(bound, _)| reads(bound)) {
            None => Ok(()),
            Some((_, row)) => Err(PlanError::Rule {
                node: row.node.clone(),
                rule: row.rule.as_ref().map_or_else(String::new, |rule| rule.name().to_owned()),
                source: RuleError::NoReference,
            }),
        }
    }

    /// Name of the rule of a node; empty at graph inputs.
    pub(crate) fn rule_name(&self, index: usize) -> &str {
        self.rows[index].rule.as_ref().map_or("", Rule::name)
    }

    /// One row per node, in the graph's order.
    pub fn rows(&self) -> &[PlanRow] {
        &self.rows
    }

    /// The ReLU whose output the rule of a node reads in place of the node's own.
    pub(crate) fn rectifier(&self, index: usize) -> Option<usize> {
        self.rectifiers[index]
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
    use crate::layer::{Activation, Arithmetic, Conv, Linear, Reshape, Softmax, SoftmaxForm, Unsupported};
    use crate::rule::Pass;

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
        assert_eq!(
            trimmed[3],
            ["conv.relu", "activation", "pass", "kind activation or elementwise or batch-norm or scale"]
        );
        assert_eq!(trimmed[5], ["head", "linear", "epsilon(epsilon=1e-6)", "kind linear"]);
    }

    #[test]
    fn all_kinds_that_nothing_matches_are_named_at_once() {
        let mut builder = GraphBuilder::<Flex>::new();
        let x = builder.input("x", &[1, 4]).unwrap();
        let softmax = builder.push("softmax", Softmax::new(SoftmaxForm::Softmax, 1), &[x]).unwrap();
        let ratio = builder.push("ratio", Arithmetic::Div, &[softmax, softmax]).unwrap();
        let graph = builder.finish(ratio).unwrap();
        let composite = Composite::new("epsilon-plus-flat").append(LayerKind::Conv, Pass);
        let error = Plan::new(&graph, &composite, &CustomRules::new()).unwrap_err();
        let group = |what: &str, first: &str| NodeGroup { what: what.into(), count: 1, first: first.into() };
        let kinds = vec![group("softmax", "softmax"), group("div", "ratio")];
        let expected = PlanError::Unmatched { kinds, composite: "epsilon-plus-flat".into() };
        assert_eq!(error, expected);
    }

    #[test]
    fn all_unsupported_operations_are_named_at_once_and_first() {
        let mut builder = GraphBuilder::<Flex>::new();
        let mut last = builder.input("x", &[1, 4]).unwrap();
        for (name, operation) in [("a", "cumsum"), ("b", "sort"), ("c", "cumsum")] {
            last = builder.push(name, Unsupported::new(operation, vec![1, 4]), &[last]).unwrap();
        }
        let graph = builder.finish(last).unwrap();
        let composite = epsilon_plus_flat().prepend(Matcher::name("nowhere"), Pass);
        let error = Plan::new(&graph, &composite, &CustomRules::new()).unwrap_err().to_string();
        assert!(error.contains("`cumsum` (2 nodes, the first is `a`), `sort` (node `b`)"), "{error}");
    }

    fn planned(matcher: Matcher) -> Result<(), PlanError> {
        let composite = epsilon_plus_flat().prepend(Matcher::All(vec![matcher]), Pass);
        Plan::new(&graph(), &composite, &CustomRules::new()).map(|_| ())
    }

    #[test]
    fn a_name_that_no_activation_has_is_an_error() {
        assert_eq!(planned(Matcher::activations(["gelu", "relu"])), Ok(()));
        let error = planned(Matcher::activations(["ReLU6"])).unwrap_err().to_string();
        assert!(error.contains("`ReLU6`") && error.contains("`relu6`"), "{error}");
    }

    #[test]
    fn a_name_that_no_node_has_is_an_error() {
        assert_eq!(planned(Matcher::name("conv.*")), Ok(()));
        for (pattern, meant) in [("haed", "head"), ("convv*", "conv")] {
            let Err(PlanError::NoSuchNode { nearest, .. }) = planned(Matcher::name(pattern)) else {
                panic!("{pattern}")
            };
            assert!(nearest.starts_with(&format!("`{meant}`")), "{nearest}");
        }
    }

    #[test]
    fn a_kind_that_nothing_has_is_an_error() {
        let misspelt = LayerKind::custom("convolution");
        let error = planned(Matcher::first([misspelt])).unwrap_err().to_string();
        assert!(error.contains("`convolution`") && error.contains("`conv`"), "{error}");
    }

    #[test]
    fn a_range_without_nodes_is_an_error() {
        let range = |start, end| Matcher::Range { kinds: vec![LayerKind::Activation], start, end };
        assert_eq!(planned(range(0, None)), Ok(()));
        for (start, end) in [(1, None), (1, Some(0))] {
            let error = planned(range(start, end)).unwrap_err();
            assert!(matches!(error, PlanError::EmptyRange { count: 1, .. }), "{error}");
        }
    }
}
