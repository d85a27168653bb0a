//! What a rule sees of the node it works on.

use std::cell::RefCell;
use std::ops::BitOr;

use burn_backend::Backend;

use super::Layer;
use crate::Value;
use crate::error::LayerError;

/// Which forward values of a node are read while relevance passes it. The engine keeps only these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// The node's inputs.
    pub inputs: bool,
    /// The node's output.
    pub output: bool,
}

impl Reads {
    /// Neither inputs nor output.
    pub const NOTHING: Self = Self { inputs: false, output: false };
    /// The inputs.
    pub const INPUTS: Self = Self { inputs: true, output: false };
    /// The output.
    pub const OUTPUT: Self = Self { inputs: false, output: true };
    /// Inputs and output.
    pub const ALL: Self = Self { inputs: true, output: true };
}

impl BitOr for Reads {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self { inputs: self.inputs || rhs.inputs, output: self.output || rhs.output }
    }
}

/// Where relevance goes that does not reach the inputs of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absorbed {
    /// The share of a bias: `sum_j b_j s_j`.
    Bias,
    /// The share of the stabilizer: `sum_j (st(z_j) - z_j) s_j`.
    Stabilizer,
    /// Relevance that met an output of exactly 0, or an empty pooling window.
    Dropped,
}

/// Per-sample sums of the relevance absorbed at one node, in the order of [`Absorbed`].
#[derive(Debug)]
pub(crate) struct Account<B: Backend>(pub(crate) [Option<Value<B>>; 3]);

impl<B: Backend> Default for Account<B> {
    fn default() -> Self {
        Self([None, None, None])
    }
}

/// A node as a rule sees it while relevance passes: layer, kept values and shapes.
#[derive(Debug)]
pub struct Site<'a, B: Backend> {
    pub(crate) layer: &'a Layer<B>,
    pub(crate) inputs: Vec<Option<&'a Value<B>>>,
    pub(crate) input_dims: Vec<&'a [usize]>,
    pub(crate) output: Option<&'a Value<B>>,
    pub(crate) account: Option<&'a RefCell<Account<B>>>,
}

impl<'a, B: Backend> Site<'a, B> {
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
        super::one_input(&self.input_dims)
    }

    /// Value of input `index`.
    ///
    /// # Errors
    /// [`LayerError::NotKept`] when the rule did not declare that it reads inputs.
    pub fn input(&self, index: usize) -> Result<&'a Value<B>, LayerError> {
        self.inputs.get(index).copied().flatten().ok_or(LayerError::NotKept { what: "an input" })
    }

    /// Value of the output.
    ///
    /// # Errors
    /// [`LayerError::NotKept`] when the rule did not declare that it reads the output.
    pub fn output(&self) -> Result<&'a Value<B>, LayerError> {
        self.output.ok_or(LayerError::NotKept { what: "the output" })
    }

    /// Whether a ledger is kept, so that [`absorb`](Self::absorb) books anything.
    pub(crate) fn keeps_account(&self) -> bool {
        self.account.is_some()
    }

    /// Books relevance that does not reach the inputs; `amount` (any shape with a leading batch
    /// dimension) is only computed when a ledger is kept.
    pub fn absorb(&self, column: Absorbed, amount: impl FnOnce() -> Value<B>) {
        if let Some(account) = self.account {
            let amount = amount().sum_per_sample();
            let slot = &mut account.borrow_mut().0[column as usize];
            *slot = Some(match slot.take() {
                Some(booked) => booked + amount,
                None => amount,
            });
        }
    }
}
