//! Where relevance went, in a few lines.

use std::fmt;

use burn_backend::Backend;

use super::Attribution;
use crate::engine::Ledger;
use crate::error::ExplainError;
use crate::model::Target;

/// How much of the score reached the inputs and what took the rest. Its `Display` is a few lines of text.
///
/// Amounts are sums over the batch; shares are sums of magnitudes over the samples, divided by that of the
/// scores.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    samples: usize,
    score: f64,
    columns: Vec<Column>,
    losses: Vec<(String, f64)>,
    notes: Vec<String>,
    limit: f64,
}

/// What took a part of the relevance.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    name: &'static str,
    amount: f64,
    share: f64,
    /// What to do where it took much; nothing for the inputs.
    advice: Option<&'static str>,
}

/// The sum of magnitudes.
fn magnitude(amounts: &[f64]) -> f64 {
    amounts.iter().map(|amount| amount.abs()).sum()
}

impl Summary {
    /// The share from which on a loss is warned of, unless told otherwise.
    const LIMIT: f64 = 0.1;
    /// How many nodes are named.
    const NODES: usize = 3;

    fn new(scores: &[f64], reached: &[f64], ledger: Option<&Ledger>, notes: Vec<String>) -> Self {
        let whole = magnitude(scores);
        let share = |amounts: &[f64]| if whole > 0.0 { magnitude(amounts) / whole } else { 0.0 };
        let column = |name, amounts: &[f64], advice| Column {
            name,
            amount: amounts.iter().sum(),
            share: share(amounts),
            advice,
        };
        let mut columns = vec![column("inputs", reached, None)];
        let mut losses = Vec::new();
        if let Some(ledger) = ledger {
            columns.extend([
                column("biases and constants", &ledger.bias(), Some("see `zero_bias` of the rules")),
                column("stabilizers", &ledger.stabilizer(), Some("take smaller ones, or another rule there")),
                column(
                    "dropped",
                    &ledger.dropped(),
                    Some("outputs of exactly 0 had relevance, or conditions let it not pass"),
                ),
                column("unexplained", &ledger.unexplained(), Some("some rule does not conserve relevance")),
            ]);
            let lost = |row: &crate::engine::LedgerRow| {
                let unexplained = row.unexplained();
                let columns = [&row.bias, &row.stabilizer, &row.dropped, &unexplained];
                (row.node.clone(), columns.map(|column| share(column)).iter().sum())
            };
            losses = ledger.rows().iter().map(lost).filter(|(_, share)| *share >= 0.001).collect();
            losses.sort_by(|(_, a): &(_, f64), (_, b)| b.total_cmp(a));
            losses.truncate(Self::NODES);
        }
        let (samples, score) = (scores.len(), scores.iter().sum());
        Self { samples, score, columns, losses, notes, limit: Self::LIMIT }
    }

    /// The same, warning of losses from this share of the score on; 0.1 unless told otherwise.
    pub fn with_limit(self, share: f64) -> Self {
        Self { limit: share, ..self }
    }

    /// The share of the score that reached the inputs, 1 for all of it.
    pub fn reached(&self) -> f64 {
        self.columns[0].share
    }

    /// The nodes at which most was lost, at most three, with the share of the score that was.
    pub fn losses(&self) -> &[(String, f64)] {
        &self.losses
    }

    /// One sentence for each loss beyond the limit, and for what else makes relevance doubtful; empty if all is well.
    pub fn warnings(&self) -> Vec<String> {
        let beyond = self.columns.iter().filter(|column| column.share > self.limit);
        let losses = beyond.filter_map(|column| {
            let Column { name, share, advice, .. } = column;
            Some(format!("{name}: {:.1} % of the score; {}", share * 100.0, (*advice)?))
        });
        losses.chain(self.notes.iter().cloned()).collect()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "score {:.6} ({} sample(s))", self.score, self.samples)?;
        for Column { name, amount, share, .. } in &self.columns {
            writeln!(f, "  {name:<22} {amount:>14.6}  {:>6.1} %", share * 100.0)?;
        }
        if self.columns.len() == 1 {
            writeln!(f, "  the rest is not known: no ledger was kept")?;
        }
        for (node, share) in &self.losses {
            writeln!(f, "  lost at `{node}`: {:.1} %", share * 100.0)?;
        }
        self.warnings().iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

impl<B: Backend> Attribution<B> {
    /// What makes the relevance doubtful, a sentence each.
    fn notes(&self) -> Vec<String> {
        let values = self.reads_values.then(|| {
            "the model computes with values that it read out of a float input or drew at random; \
             relevance of what comes from there is under the constants"
                .to_owned()
        });
        let saturated = self.saturated().map(|node| {
            let advice = match node {
                Target::<B>::SOFTMAX => "explain the logit: leave `with_softmax` out",
                _ => "explain the logit: let the forward function return what goes into that layer",
            };
            format!("the output of `{node}` is so close to the end of its range that rounding took its gradient; {advice}")
        });
        values.into_iter().chain(saturated).collect()
    }

    /// How much of the score reached the inputs, and what took the rest if a
    /// [ledger](super::Lrp::with_ledger) was kept.
    ///
    /// ```
    /// # use burn::tensor::Tensor;
    /// # use burn_flex::Flex;
    /// # use xai_core::graph::GraphBuilder;
    /// # use xai_core::layer::Activation;
    /// use xai_core::attributor::{Attributor, Lrp};
    /// use xai_core::composite::epsilon_plus;
    /// use xai_core::model::{Model, Target};
    ///
    /// # let mut builder = GraphBuilder::new();
    /// # let x = builder.input("x", &[1, 2])?;
    /// # let y = builder.push("relu", Activation::Relu, &[x])?;
    /// # let model = Model::from(builder.finish(y)?);
    /// # let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0]], &Default::default());
    /// let attribution = Lrp::new(&model, epsilon_plus()).with_ledger().attribute(x, Target::argmax())?;
    /// let summary = attribution.summary()?;
    /// println!("{summary}");
    /// assert_eq!(summary.reached(), 1.0);
    /// assert!(summary.warnings().is_empty());
    /// # Ok::<(), xai_core::error::ExplainError>(())
    /// ```
    ///
    /// # Errors
    /// [`ExplainError::Backend`] when the backend cannot be read.
    pub fn summary(&self) -> Result<Summary, ExplainError> {
        Ok(Summary::new(&self.scores()?, &self.relevance_sums()?, self.ledger(), self.notes()))
    }
}
