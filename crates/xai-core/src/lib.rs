//! Layer-wise relevance propagation for Burn: which inputs made the model answer as it did.
//!
//! Data flows one way:
//!
//! ```text
//! GraphSource -> Graph --canonizers--> Graph --Composite--> Plan --engine--> Attribution
//! ```
//!
//! A [`Model`](model::Model) gives a [`Graph`](graph::Graph) of [`Layer`](layer::Layer)s: the crate
//! `xai-trace` records any Burn model into one, and [`GraphBuilder`](graph::GraphBuilder) builds one by
//! hand. [Canonizers](canonizer) bring it into the form that rules are written for.
//! [Methods](attributor) are made of a model and attribute its score to its inputs: gradients and their
//! averages, occlusion, and [`Lrp`](attributor::Lrp), for which a [`Composite`](composite::Composite)
//! says which [`Rule`](rule::Rule) applies to which node; the [`Plan`](composite::Plan) is that decision
//! made, before the [engine] runs. [Evaluation](evaluation) measures how good an explanation is.
//!
//! Everything is generic over Burn's `Backend`; graphs and rules work on rank-erased [`Value`]s.

pub mod attributor;
pub mod canonizer;
pub mod composite;
pub mod engine;
pub mod error;
pub mod evaluation;
pub mod graph;
pub mod layer;
pub mod model;
mod recent;
pub mod rule;

pub use xai_kernel as kernel;
pub use xai_kernel::Value;
