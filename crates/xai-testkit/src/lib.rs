//! Backend-generic test cases, independent references and the golden-data reader.

pub mod conformance;
pub mod reference;
