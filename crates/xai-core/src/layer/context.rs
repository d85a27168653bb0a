//! What a rule sees of its node while relevance passes.

use std::cell::RefCell;
use std::ops::BitOr;

use burn_backend::Backend;

use super::{Layer, one_input};
use crate::Value;
use crate::error::LayerError;

/// Which forward values of a node are read while relevance passes it. The engine keeps only these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saved {
    /// The node's inputs.
    pub inputs: bool,
    /// The node's output.
    pub output: bool,
    /// The output of the ReLU behind the node, of a [rectified](crate::graph::NodeView::is_rectified) one.
    pub rectified: bool,
    /// The same values of the reference pass too, which needs one: a rule that compares an input with
    /// a baseline.
    pub reference: bool,
}

impl Saved {
    /// Neither inputs nor output.
    pub const NOTHING: Self = Self { inputs: false, output: false, rectified: false, reference: false };
    /// The inputs.
    pub const INPUTS: Self = Self { inputs: true, ..Self::NOTHING };
    /// The output.
    pub const OUTPUT: Self = Self { output: true, ..Self::NOTHING };
    /// Inputs and output.
    pub const ALL: Self = Self { inputs: true, ..Self::OUTPUT };
    /// The inputs, and the output of the ReLU behind the node in place of the node's own.
    pub const RECTIFIED: Self = Self { rectified: true, ..Self::INPUTS };

    /// The same values, of the reference pass too.
    pub const fn with_reference(self) -> Self {
        Self { reference: true, ..self }
    }
}

impl BitOr for Saved {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self {
            inputs: self.inputs || rhs.inputs,
            output: self.output || rhs.output,
            rectified: self.rectified || rhs.rectified,
            reference: self.reference || rhs.reference,
        }
    }
}

/// Where relevance goes that does not reach the inputs of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LedgerTerm {
    /// The share of biases, `sum_j b_j s_j`, and of other constants: those that are added, those that lie
    /// between inputs, padding.
    Bias,
    /// The share of the stabilizer: `sum_j (st(z_j) - z_j) s_j`.
    Stabilizer,
    /// Relevance that met an output without contributions (of exactly 0), or an empty pooling window.
    Dropped,
}

impl LedgerTerm {
    /// All terms, in the order in which sums are kept.
    pub(crate) const ALL: [Self; 3] = [Self::Bias, Self::Stabilizer, Self::Dropped];
}

/// Per-sample sums of the relevance absorbed at one node, in the order of [`LedgerTerm::ALL`].
pub(crate) type LedgerTerms<B> = [Option<Value<B>>; 3];

/// The values of a node in one forward pass, as far as they were saved.
#[derive(Debug)]
pub(crate) struct NodeValues<'a, B: Backend> {
    pub(crate) inputs: Vec<Option<&'a Value<B>>>,
    pub(crate) output: Option<&'a Value<B>>,
    pub(crate) rectified: Option<&'a Value<B>>,
}

impl<'a, B: Backend> NodeValues<'a, B> {
    fn input(&self, index: usize) -> Result<&'a Value<B>, LayerError> {
        self.inputs.get(index).copied().flatten().ok_or(LayerError::NotSaved { what: "an input" })
    }

    fn output(&self) -> Result<&'a Value<B>, LayerError> {
        self.output.ok_or(LayerError::NotSaved { what: "the output" })
    }
}

/// A node as a rule sees it while relevance passes: layer, shapes and saved values, those of a
/// reference pass too if there was one.
#[derive(Debug)]
pub struct BackwardContext<'a, B: Backend> {
    pub(crate) layer: &'a Layer<B>,
    pub(crate) input_dims: Vec<&'a [usize]>,
    pub(crate) values: NodeValues<'a, B>,
    pub(crate) reference: Option<NodeValues<'a, B>>,
    pub(crate) terms: Option<&'a RefCell<LedgerTerms<B>>>,
}

impl<'a, B: Backend> BackwardContext<'a, B> {
    /// The node's layer.
    pub fn layer(&self) -> &'a Layer<B> {
        self.layer
    }

    /// Number of inputs.
    pub fn arity(&self) -> usize {
        self.input_dims.len()
    }

    /// Sizes of input `index`, if there is one.
    pub fn input_dims(&self, index: usize) -> Option<&'a [usize]> {
        self.input_dims.get(index).copied()
    }

    /// Sizes of the only input.
    ///
    /// # Errors
    /// [`LayerError::Arity`] when the node has no or several inputs.
    pub fn dims(&self) -> Result<&'a [usize], LayerError> {
        one_input(&self.input_dims)
    }

    /// Value of input `index`.
    ///
    /// # Errors
    /// [`LayerError::NotSaved`] when the rule did not declare that it reads inputs.
    pub fn input(&self, index: usize) -> Result<&'a Value<B>, LayerError> {
        self.values.input(index)
    }

    /// Value of the output.
    ///
    /// # Errors
    /// [`LayerError::NotSaved`] when the rule did not declare that it reads the output.
    pub fn output(&self) -> Result<&'a Value<B>, LayerError> {
        self.values.output()
    }

    /// Value of the output where it is positive, 0 elsewhere: what the ReLU behind a
    /// [rectified](crate::graph::NodeView::is_rectified) node gives. Where it is 0, no relevance arrives.
    ///
    /// # Errors
    /// [`LayerError::NotSaved`] when the rule did not declare that it reads it.
    pub fn rectified_output(&self) -> Result<&'a Value<B>, LayerError> {
        self.values.rectified.ok_or(LayerError::NotSaved { what: "the rectified output" })
    }

    /// Value of input `index` in the reference pass.
    ///
    /// # Errors
    /// [`LayerError::NotSaved`] when the rule did not declare that it reads it.
    pub fn reference_input(&self, index: usize) -> Result<&'a Value<B>, LayerError> {
        self.reference()?.input(index)
    }

    /// Value of the output in the reference pass.
    ///
    /// # Errors
    /// [`LayerError::NotSaved`] when the rule did not declare that it reads it.
    pub fn reference_output(&self) -> Result<&'a Value<B>, LayerError> {
        self.reference()?.output()
    }

    fn reference(&self) -> Result<&NodeValues<'a, B>, LayerError> {
        self.reference.as_ref().ok_or(LayerError::NotSaved { what: "a value of the reference pass" })
    }

    /// Whether a ledger is kept, so that [`absorb`](Self::absorb) adds anything.
    pub(crate) fn keeps_ledger(&self) -> bool {
        self.terms.is_some()
    }

    /// Adds relevance that does not reach the inputs to a term of the ledger; `amount` (any shape
    /// with a leading batch dimension) is only computed when a ledger is kept.
    pub fn absorb(&self, term: LedgerTerm, amount: impl FnOnce() -> Value<B>) {
        if let Some(terms) = self.terms {
            let amount = amount().sum_per_sample();
            let sum = &mut terms.borrow_mut()[term as usize];
            *sum = Some(match sum.take() {
                Some(sum) => sum + amount,
                None => amount,
            });
        }
    }
}
