//! The ledger: where relevance went, node by node and sample by sample.

use std::fmt;

use burn_backend::Backend;

use super::host::read;
use crate::Value;
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::layer::LedgerTerms;

/// What became of the relevance that arrived at one node, for each sample of the batch: for each
/// index of dimension 0. At a node that changes that dimension, one number for the whole batch.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    /// Name of the node.
    pub node: String,
    /// Relevance that arrived at the node's output.
    pub arrived: Vec<f64>,
    /// Relevance passed on to the node's inputs.
    pub passed: Vec<f64>,
    /// The share of the bias and of other constants.
    pub bias: Vec<f64>,
    /// The stabilizer's share.
    pub stabilizer: Vec<f64>,
    /// Relevance that met an output of exactly 0, or an empty pooling window.
    pub dropped: Vec<f64>,
}

impl LedgerRow {
    /// What the other columns do not explain: rounding, for rules that conserve relevance up to
    /// what bias and stabilizer absorb. Gradient rules do not conserve, so theirs shows here.
    pub fn unexplained(&self) -> Vec<f64> {
        let columns = self.passed.iter().zip(&self.bias).zip(&self.stabilizer).zip(&self.dropped);
        let explained =
            columns.map(|(((passed, bias), stabilizer), dropped)| passed + bias + stabilizer + dropped);
        self.arrived.iter().zip(explained).map(|(arrived, explained)| arrived - explained).collect()
    }
}

/// Where relevance went: one [`LedgerRow`] per node, from the output to the inputs. Each column
/// has its own formula, none is defined as what the others leave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    rows: Vec<LedgerRow>,
}

impl Ledger {
    /// One row per node, from the output to the inputs.
    pub fn rows(&self) -> &[LedgerRow] {
        &self.rows
    }

    /// Relevance that the biases and other constants absorbed, for each sample, summed over all nodes. If some node has one
    /// number for the whole batch, so has the sum.
    pub fn bias(&self) -> Vec<f64> {
        self.total(|row| row.bias.clone())
    }

    /// Relevance that the stabilizers absorbed, likewise.
    pub fn stabilizer(&self) -> Vec<f64> {
        self.total(|row| row.stabilizer.clone())
    }

    /// Relevance that met an output of exactly 0 or an empty pooling window, likewise.
    pub fn dropped(&self) -> Vec<f64> {
        self.total(|row| row.dropped.clone())
    }

    /// What the other columns do not explain, likewise.
    pub fn unexplained(&self) -> Vec<f64> {
        self.total(LedgerRow::unexplained)
    }

    fn total(&self, column: impl Fn(&LedgerRow) -> Vec<f64>) -> Vec<f64> {
        total(self.rows.iter().map(column).collect())
    }
}

/// The sum of columns with a number for each sample: one number for the whole batch, if they differ in
/// length and so have no samples in common.
pub(crate) fn total(columns: Vec<Vec<f64>>) -> Vec<f64> {
    let per_sample = columns.iter().all(|column| Some(column.len()) == columns.first().map(Vec::len));
    let whole = |column: Vec<f64>| if per_sample { column } else { vec![column.iter().sum()] };
    columns.into_iter().map(whole).reduce(add).unwrap_or_default()
}

/// The first sample's rows as a table.
impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.node.chars().count()).max().unwrap_or(0).max(4);
        let title = ["arrived", "passed", "bias", "stabilizer", "dropped", "unexplained"];
        write!(f, "{:width$}", "node")?;
        title.iter().try_for_each(|title| write!(f, "  {title:>12}"))?;
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:width$}", row.node)?;
            let unexplained = row.unexplained();
            for column in [&row.arrived, &row.passed, &row.bias, &row.stabilizer, &row.dropped, &unexplained]
            {
                write!(f, "  {:>12.6}", column.first().copied().unwrap_or(f64::NAN))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Collects sums over each index of dimension 0 on the device; they are read once, at the end.
pub(crate) struct LedgerBuilder<B: Backend> {
    entries: Vec<Sums<B>>,
}

/// Sums of one node.
struct Sums<B: Backend> {
    node: usize,
    arrived: Value<B>,
    passed: Vec<Value<B>>,
    terms: LedgerTerms<B>,
}

impl<B: Backend> LedgerBuilder<B> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub(crate) fn add(&mut self, node: usize, arrived: Value<B>, passed: &[Value<B>], terms: LedgerTerms<B>) {
        let passed = passed.iter().map(|passed| passed.clone().sum_per_sample()).collect();
        self.entries.push(Sums { node, arrived: arrived.sum_per_sample(), passed, terms });
    }

    pub(crate) fn close(self, graph: &Graph<B>) -> Result<Ledger, ExplainError> {
        let mut rows = Vec::with_capacity(self.entries.len());
        let batch = graph.batch_dims();
        for Sums { node, arrived, passed, terms } in self.entries {
            let arrived = read(&arrived)?;
            let passed = passed.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            let absorbed: Vec<Option<Vec<f64>>> =
                terms.iter().map(|sums| sums.as_ref().map(read).transpose()).collect::<Result<_, _>>()?;
            let mut all = passed.iter().chain(absorbed.iter().flatten());
            // Where dimension 0 is not the batch, only the whole can be balanced.
            let around = graph.nodes()[node].inputs().iter().map(|input| input.index()).chain([node]);
            let per_sample = around.into_iter().all(|node| batch[node] == Some(0))
                && all.all(|sums| sums.len() == arrived.len());
            let column = |sums: Option<&Vec<f64>>| match sums {
                Some(sums) if per_sample => sums.clone(),
                Some(sums) => vec![sums.iter().sum()],
                None => vec![0.0; if per_sample { arrived.len() } else { 1 }],
            };
            let added =
                passed.iter().map(|sums| column(Some(sums))).reduce(add).unwrap_or_else(|| column(None));
            rows.push(LedgerRow {
                node: graph.nodes()[node].name().to_owned(),
                passed: added,
                bias: column(absorbed[0].as_ref()),
                stabilizer: column(absorbed[1].as_ref()),
                dropped: column(absorbed[2].as_ref()),
                arrived: column(Some(&arrived)),
            });
        }
        Ok(Ledger { rows })
    }
}

fn add(a: Vec<f64>, b: Vec<f64>) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}
