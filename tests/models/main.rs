//! Networks as Burn users write them, each explained by every preset or refused for stated reasons.
//!
//! The table of what holds for a network is the last line of its entry in `networks!`. When the library
//! learns an operation, the entry of a network that was refused for it fails, and that line changes.
//! `cargo test --release --test models -- --nocapture` prints one row for each network.
// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attention;
mod convolution;
mod data;
mod harness;
mod language;
mod methods;
mod patches;
mod recurrent;
mod restoration;
mod reuse;
mod sequence;
mod sets;
mod sweep;
mod tabular;
