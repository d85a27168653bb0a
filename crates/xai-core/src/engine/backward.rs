//! The backward pass: relevance from the output to the inputs.

use std::cell::RefCell;
use std::collections::BTreeMap;

use burn_backend::Backend;

use super::forward::Forward;
use super::ledger::Bookkeeper;
use crate::Value;
use crate::composite::Plan;
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::layer::{Account, Site};

/// What is to be noted while relevance passes.
pub(crate) struct Observer<B: Backend> {
    /// Relevance at the outputs of these nodes, filled in by the pass.
    pub(crate) relevance: BTreeMap<usize, Option<Value<B>>>,
    /// The ledger, if one is kept.
    pub(crate) bookkeeper: Option<Bookkeeper<B>>,
}

impl<B: Backend> Default for Observer<B> {
    fn default() -> Self {
        Self { relevance: BTreeMap::new(), bookkeeper: None }
    }
}

/// Lets `seed`, the relevance of the graph's output, flow to the graph's inputs, and returns the
/// relevance of each.
pub(crate) fn backward<B: Backend>(
    graph: &Graph<B>,
    plan: &Plan<B>,
    forward: Forward<B>,
    seed: Value<B>,
    observer: &mut Observer<B>,
) -> Result<Vec<Value<B>>, ExplainError> {
    let Forward { mut values, dims, output } = forward;
    let blank = output;
    let mut relevance: Vec<Option<Value<B>>> = vec![None; graph.nodes().len()];
    relevance[graph.output().index()] = Some(seed);
    for (id, node) in graph.iter().rev() {
        let index = id.index();
        let Some(bound) = &plan.bound()[index] else { continue };
        let Some(arrived) = relevance[index].take() else { continue };
        if let Some(noted) = observer.relevance.get_mut(&index) {
            *noted = Some(arrived.clone());
        }
        let account = observer.bookkeeper.as_ref().map(|_| RefCell::new(Account::default()));
        let booked = account.as_ref().map(|_| arrived.clone());
        let site = Site {
            layer: node.layer(),
            inputs: node.inputs().iter().map(|input| values[input.index()].as_ref()).collect(),
            input_dims: node.inputs().iter().map(|input| dims[input.index()].as_slice()).collect(),
            output: values[index].as_ref(),
            account: account.as_ref(),
        };
        let passed = bound
            .propagate(&site, arrived)
            .map_err(|source| ExplainError::Layer { node: node.name().to_owned(), source })?;
        let fits = passed.len() == site.input_dims.len()
            && passed.iter().zip(&site.input_dims).all(|(passed, dims)| passed.dims() == *dims);
        if !fits {
            return Err(ExplainError::RuleShape {
                node: node.name().to_owned(),
                got: passed.iter().map(Value::dims).collect(),
                expected: site.input_dims.iter().map(|dims| dims.to_vec()).collect(),
            });
        }
        if let (Some(bookkeeper), Some(account), Some(arrived)) =
            (observer.bookkeeper.as_mut(), account, booked)
        {
            bookkeeper.book(index, arrived, &passed, account.into_inner());
        }
        // Every reader of this node's output came before, so its value is not needed any more.
        values[index] = None;
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
