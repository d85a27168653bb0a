//! The model that is explained, what it is asked on, and what about it.
//!
//! A [`Model`] is made once, from an unmodified Burn model (by `record` of `xai-trace`) or from a
//! [`Graph`](crate::graph::Graph), and serves any number of methods. [`Inputs`] are what it is run on,
//! a [`Target`] says which output, class or contrast of classes is explained.

mod inputs;
#[allow(clippy::module_inception)]
mod model;
mod part;
mod source;
mod targets;

pub use inputs::{Input, InputKind, Inputs, Tokens};
pub use model::Model;
pub use source::{GraphSource, InputSignature, Signature};
pub use targets::{Seed, Start, Target};
pub(crate) use targets::{Selection, Transform, check_relevance, describe, fits};
