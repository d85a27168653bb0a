//! Backend-generic test cases, independent references and the golden-data reader.
// A test crate: a case that cannot go on has failed, and panicking is how a test says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod attribution;
pub mod cases;
pub mod conformance;
pub mod golden;
pub mod host;
pub mod mutation;
pub mod reference;
