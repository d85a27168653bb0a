//! Layer-wise relevance propagation for Burn: which inputs made the model answer as it did.
//!
//! Data flows one way:
//!
//! ```text
//! GraphSource -> Graph --canonizers--> Graph --Composite--> Plan --engine--> Attribution
//! ```
//!
//! A [`GraphSource`](explain::GraphSource) gives the model as a [`Graph`](graph::Graph) of
//! [`Layer`](layer::Layer)s: the crate `xai-trace` records any Burn model into one, and
//! [`GraphBuilder`](graph::GraphBuilder) builds one by hand. [Canonizers](canonizer) bring it into
//! the form that rules are written for. A [`Composite`](composite::Composite) says which
//! [`Rule`](rule::Rule) serves which node; the [`Plan`](composite::Plan) is that decision made,
//! before anything runs. The [`Explainer`](explain::Explainer) does all of this once per input
//! shape, then runs the [engine] for every input. [Attributors](attributor) are further methods on
//! the same graph: gradients and their averages, and occlusion. [Evaluation](evaluation) measures
//! how good an explanation is.
//!
//! Everything is generic over Burn's `Backend`; graphs and rules work on rank-erased [`Value`]s.

pub mod attributor;
pub mod canonizer;
pub mod composite;
pub mod engine;
pub mod error;
pub mod evaluation;
pub mod explain;
pub mod graph;
pub mod kernel;
pub mod layer;
pub mod rule;
mod value;

pub use value::Value;
