//! Tests of the whole library, in one program.
// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod bad_input;
mod captum;
mod composite_files;
mod faults;
mod kmeans_canonizer;
mod properties;
mod quantus;
mod reference_methods;
mod reference_transformers;
mod reports;
mod transformer;
