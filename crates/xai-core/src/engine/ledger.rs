//! The ledger: where relevance went, node by node and sample by sample.

use std::fmt;

use burn_backend::Backend;

use super::forward::read;
use crate::Value;
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::layer::Account;

/// What became of the relevance that arrived at one node, for each sample of the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct LedgerRow {
    /// Name of the node.
    pub node: String,
    /// Relevance that arrived at the node's output.
    pub arrived: Vec<f64>,
    /// Relevance passed on to the node's inputs.
    pub passed: Vec<f64>,
    /// The bias's share.
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
/// has its own formula, none is computed as a remainder.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ledger {
    rows: Vec<LedgerRow>,
}

impl Ledger {
    /// One row per node, from the output to the inputs.
    pub fn rows(&self) -> &[LedgerRow] {
        &self.rows
    }

    /// Sum of a column over all nodes, for each sample: `ledger.total(|row| row.bias.clone())`.
    pub fn total(&self, column: impl Fn(&LedgerRow) -> Vec<f64>) -> Vec<f64> {
        let columns = self.rows.iter().map(column);
        columns
            .reduce(|total, column| total.iter().zip(column).map(|(a, b)| a + b).collect())
            .unwrap_or_default()
    }
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

/// Collects per-sample sums on the device; they are read once, at the end.
pub(crate) struct Bookkeeper<B: Backend> {
    entries: Vec<Sums<B>>,
}

/// Per-sample sums of one node.
struct Sums<B: Backend> {
    node: usize,
    arrived: Value<B>,
    passed: Option<Value<B>>,
    account: Account<B>,
}

impl<B: Backend> Bookkeeper<B> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub(crate) fn book(&mut self, node: usize, arrived: Value<B>, passed: &[Value<B>], account: Account<B>) {
        let sums = passed.iter().map(|passed| passed.clone().sum_per_sample());
        let (arrived, passed) = (arrived.sum_per_sample(), sums.reduce(|a, b| a + b));
        self.entries.push(Sums { node, arrived, passed, account });
    }

    pub(crate) fn close(self, graph: &Graph<B>) -> Result<Ledger, ExplainError> {
        let mut rows = Vec::with_capacity(self.entries.len());
        for Sums { node, arrived, passed, account: Account([bias, stabilizer, dropped]) } in self.entries {
            let arrived = read(&arrived)?;
            let column = |sums: Option<Value<B>>| match sums {
                Some(sums) => read(&sums),
                None => Ok(vec![0.0; arrived.len()]),
            };
            rows.push(LedgerRow {
                node: graph.nodes()[node].name().to_owned(),
                passed: column(passed)?,
                bias: column(bias)?,
                stabilizer: column(stabilizer)?,
                dropped: column(dropped)?,
                arrived,
            });
        }
        Ok(Ledger { rows })
    }
}
