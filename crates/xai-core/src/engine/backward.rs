//! The backward pass: relevance from the output to the inputs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn_backend::Backend;

use super::forward::Forward;
use super::host::first_not_finite;
use super::ledger::LedgerBuilder;
use crate::Value;
use crate::composite::Plan;
use crate::error::{ExplainError, guarded};
use crate::graph::{Graph, Node};
use crate::layer::{BackwardContext, LedgerTerm, LedgerTerms, NodeValues};

/// What is noted while relevance passes.
pub(crate) struct Observer<B: Backend> {
    /// Relevance at the outputs of these nodes, filled in by the pass.
    pub(crate) relevance: BTreeMap<usize, Option<Value<B>>>,
    /// The ledger, if one is kept.
    pub(crate) ledger: Option<LedgerBuilder<B>>,
    /// Relevance that arrives at these nodes is multiplied with ones and zeros; the rest is dropped.
    pub(crate) masks: Vec<(usize, Value<B>)>,
    /// Whether relevance is checked after each node, to find the first one where it is not finite.
    pub(crate) checks_each_node: bool,
}

impl<B: Backend> Default for Observer<B> {
    fn default() -> Self {
        Self { relevance: BTreeMap::new(), ledger: None, masks: Vec::new(), checks_each_node: false }
    }
}

/// Lets `seed`, the relevance of the graph's output, flow to the graph's inputs, and returns the
/// relevance of each. Rules that compare with a baseline read `reference`, the forward pass on it.
pub(crate) fn backward<B: Backend>(
    graph: &Graph<B>,
    plan: &Plan<B>,
    forward: Forward<B>,
    reference: Option<Forward<B>>,
    seed: Value<B>,
    observer: &mut Observer<B>,
) -> Result<Vec<Value<B>>, ExplainError> {
    let Forward { mut values, dims, output } = forward;
    let mut reference = reference.map(|reference| reference.values);
    let blank = output;
    let mut relevance: Vec<Option<Value<B>>> = vec![None; graph.nodes().len()];
    relevance[graph.output().index()] = Some(seed);
    for (id, node) in graph.iter().rev() {
        let index = id.index();
        let Some(bound) = &plan.bound()[index] else { continue };
        let Some(entered) = relevance[index].take() else { continue };
        let masks = observer.masks.iter().filter(|(node, _)| *node == index);
        let arrived = masks.fold(entered.clone(), |arrived, (_, mask)| arrived * mask);
        if let Some(noted) = observer.relevance.get_mut(&index) {
            *noted = Some(arrived.clone());
        }
        let terms = observer.ledger.as_ref().map(|_| RefCell::new(LedgerTerms::default()));
        let context = BackwardContext {
            layer: node.layer(),
            input_dims: node.inputs().iter().map(|input| dims[input.index()].as_slice()).collect(),
            values: of_node(node, index, plan.rectifier(index), &values),
            reference: reference.as_ref().map(|values| of_node(node, index, None, values)),
            terms: terms.as_ref(),
        };
        if observer.masks.iter().any(|(node, _)| *node == index) {
            context.absorb(LedgerTerm::Dropped, || &entered - &arrived);
        }
        let entered = terms.as_ref().map(|_| entered);
        let passed = guarded(|| bound.propagate(&context, arrived))
            .map_err(|source| ExplainError::Layer { node: node.name().to_owned(), source })?;
        let fits = passed.len() == context.input_dims.len()
            && passed.iter().zip(&context.input_dims).all(|(passed, dims)| passed.dims() == *dims);
        if !fits {
            return Err(ExplainError::RuleShape {
                node: node.name().to_owned(),
                got: passed.iter().map(Value::dims).collect(),
                expected: context.input_dims.iter().map(|dims| dims.to_vec()).collect(),
            });
        }
        if observer.checks_each_node {
            check_passed(node, plan.rule_name(index), &passed)?;
        }
        if let (Some(ledger), Some(terms), Some(entered)) = (observer.ledger.as_mut(), terms, entered) {
            ledger.add(index, entered, &passed, terms.into_inner());
        }
        // Every reader of this node's output came before, so its value is not needed any more, but for that of
        // a ReLU, which the node before it may still read.
        if node.inputs().iter().all(|input| plan.rectifier(input.index()).is_none()) {
            values[index] = None;
        }
        if let Some(relu) = plan.rectifier(index) {
            values[relu] = None;
        }
        if let Some(reference) = &mut reference {
            reference[index] = None;
        }
        for (input, passed) in node.inputs().iter().zip(passed) {
            let sum = &mut relevance[input.index()];
            *sum = Some(match sum.take() {
                Some(sum) => sum + passed,
                None => passed,
            });
        }
    }
    let at_inputs = graph.inputs().iter().map(|id| {
        let index = id.index();
        // An input that nothing reads is irrelevant.
        relevance[index].take().unwrap_or_else(|| blank.full_like(&dims[index], 0.0))
    });
    let at_inputs: Vec<_> = at_inputs.collect();
    for (id, value) in graph.inputs().iter().zip(&at_inputs) {
        if let Some(noted) = observer.relevance.get_mut(&id.index()) {
            *noted = Some(value.clone());
        }
    }
    Ok(at_inputs)
}

/// The values of one node among those of all nodes.
fn of_node<'a, B: Backend>(
    node: &Node<B>,
    index: usize,
    rectifier: Option<usize>,
    values: &'a [Option<Value<B>>],
) -> NodeValues<'a, B> {
    NodeValues {
        inputs: node.inputs().iter().map(|input| values[input.index()].as_ref()).collect(),
        output: values[index].as_ref(),
        rectified: rectifier.and_then(|relu| values[relu].as_ref()),
    }
}

fn check_passed<B: Backend>(node: &Node<B>, rule: &str, passed: &[Value<B>]) -> Result<(), ExplainError> {
    for relevance in passed {
        if let Some((_, value)) = first_not_finite(relevance)? {
            let (node, rule) = (node.name().to_owned(), rule.to_owned());
            return Err(ExplainError::RelevanceNotFinite { node, rule, value });
        }
    }
    Ok(())
}
