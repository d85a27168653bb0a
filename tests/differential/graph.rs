//! A graph and its explanation by the reference.

use std::fmt;

use xai_testkit::host::Array;

use super::layer::{Layer, Rows};
use super::num::{Num, Nums, doubtful, reset_doubts};
use super::rule::{At, Passed, Recipe};

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// `None` for a graph input.
    pub(crate) layer: Option<(Layer, Recipe)>,
    pub(crate) inputs: Vec<usize>,
    pub(crate) rows: Option<Rows>,
    pub(crate) value: Nums,
}

#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) relevance: Array,
    /// Whether no decision of the forward pass hung on rounding, in `f64` and `f32`.
    pub(crate) sure: [bool; 2],
}

/// What the reference says of one node.
pub(crate) struct Explained {
    pub(crate) relevance: Nums,
    /// Whether no decision hung on rounding up to here, in `f64` and `f32`.
    pub(crate) sure: [bool; 2],
    /// `None` for graph inputs.
    pub(crate) ledger: Option<Columns>,
}

/// Arrived, passed, bias, stabilizer, dropped: for each sample, or for the whole batch.
pub(crate) struct Columns {
    pub(crate) sums: [Vec<Num>; 5],
    /// Whether no decision hung on rounding in the node itself either.
    pub(crate) sure: [bool; 2],
    /// The sum of all magnitudes.
    pub(crate) scale: f64,
}

impl Graph {
    /// Which nodes lead to the output, the last one; graph inputs are kept in any case.
    pub(crate) fn kept(&self) -> Vec<bool> {
        let mut kept: Vec<bool> = self.nodes.iter().map(|node| node.layer.is_none()).collect();
        kept[self.nodes.len() - 1] = true;
        for (index, node) in self.nodes.iter().enumerate().rev() {
            if kept[index] {
                node.inputs.iter().for_each(|&input| kept[input] = true);
            }
        }
        kept
    }

    /// The output for other inputs, `None` where a layer is not defined.
    pub(crate) fn run(&self, inputs: &[Nums]) -> Option<Nums> {
        let mut inputs = inputs.iter();
        let mut values: Vec<Nums> = Vec::new();
        for node in &self.nodes {
            values.push(match &node.layer {
                None => inputs.next().unwrap().clone(),
                Some((layer, _)) => {
                    let read: Vec<&Nums> = node.inputs.iter().map(|&input| &values[input]).collect();
                    layer.forward(node.rows.as_ref(), &read)
                }
            });
        }
        let defined = |value: &Nums| value.data.iter().all(|x| x.value.is_finite() && x.error[0].is_finite());
        values.iter().all(defined).then(|| values.pop())?
    }

    fn sure_so_far(&self) -> [bool; 2] {
        let doubtful = doubtful();
        [self.sure[0] && !doubtful[0], self.sure[1] && !doubtful[1]]
    }

    /// The relevance of every kept node.
    pub(crate) fn explain(&self) -> Vec<Option<Explained>> {
        reset_doubts();
        let mut parts: Vec<Vec<Vec<Num>>> =
            self.nodes.iter().map(|node| vec![Vec::new(); node.value.data.len()]).collect();
        if let Some(last) = parts.last_mut() {
            *last = self.relevance.data.iter().map(|&relevance| vec![relevance.into()]).collect();
        }
        let kept = self.kept();
        let mut explained: Vec<Option<Explained>> = self.nodes.iter().map(|_| None).collect();
        for (index, node) in self.nodes.iter().enumerate().rev().filter(|(index, _)| kept[*index]) {
            let data = parts[index].iter().map(|parts| Num::sum(parts.iter().copied())).collect();
            let relevance = Nums { dims: node.value.dims.clone(), data };
            let sure = self.sure_so_far();
            let Some((layer, recipe)) = &node.layer else {
                explained[index] = Some(Explained { relevance, sure, ledger: None });
                continue;
            };
            let inputs: Vec<&Nums> = node.inputs.iter().map(|&input| &self.nodes[input].value).collect();
            let at = At { layer, rows: node.rows.as_ref(), inputs: &inputs, output: &node.value };
            let passed = recipe.propagate(&at, &relevance.data);
            let ledger = Some(columns(&relevance, &inputs, &passed, self.sure_so_far()));
            for (&input, given) in node.inputs.iter().zip(passed.parts) {
                parts[input].iter_mut().zip(given).for_each(|(all, given)| all.extend(given));
            }
            explained[index] = Some(Explained { relevance, sure, ledger });
        }
        explained
    }
}

fn columns(relevance: &Nums, inputs: &[&Nums], passed: &Passed, sure: [bool; 2]) -> Columns {
    // Where dimension 0 changes, it is not the batch, and only the whole can be balanced.
    let batch = relevance.dims[0];
    let samples = if inputs.iter().all(|input| input.dims[0] == batch) { batch } else { 1 };
    let sums = |elements: &mut dyn Iterator<Item = (usize, usize, Num)>| {
        let mut terms = vec![Vec::new(); samples];
        elements.for_each(|(element, of, amount)| terms[element * samples / of].push(amount));
        terms.into_iter().map(Num::sum).collect::<Vec<_>>()
    };
    let each = |parts: &[Vec<Num>]| -> Vec<(usize, usize, Num)> {
        let of = parts.len();
        let amounts = parts.iter().enumerate();
        amounts.flat_map(|(element, parts)| parts.iter().map(move |&part| (element, of, part))).collect()
    };
    let of = relevance.data.len();
    let arrived: Vec<_> =
        relevance.data.iter().enumerate().map(|(element, &amount)| (element, of, amount)).collect();
    let given: Vec<_> = passed.parts.iter().flat_map(|parts| each(parts)).collect();
    let absorbed = passed.absorbed.each_ref().map(|amounts| each(amounts));
    let all = [&arrived, &given, &absorbed[0], &absorbed[1], &absorbed[2]];
    Columns {
        sums: all.map(|amounts| sums(&mut amounts.iter().copied())),
        sure,
        scale: all.iter().flat_map(|amounts| amounts.iter()).map(|(.., amount)| amount.value.abs()).sum(),
    }
}

/// The whole graph, for a failure: one line a node.
impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        for (node, _) in self.nodes.iter().zip(kept).filter(|(_, kept)| *kept) {
            write!(f, "  {} {:?}", node.name, node.value.dims)?;
            match &node.layer {
                None => {
                    let values: Vec<f64> = node.value.data.iter().map(|x| x.value).collect();
                    writeln!(f, " input {values:?}")?;
                }
                Some((layer, recipe)) => {
                    let inputs: Vec<&str> =
                        node.inputs.iter().map(|&i| self.nodes[i].name.as_str()).collect();
                    writeln!(f, " of {inputs:?}\n    {layer:?}\n    {recipe:?}")?;
                }
            }
        }
        writeln!(f, "  relevance {:?}", self.relevance.data)
    }
}
