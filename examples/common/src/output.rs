//! Reports and errors as the examples write them.

use std::error::Error;
use std::fmt;
use std::path::Path;

use burn_xai::heatmap::write_whole;
use serde::Serialize;

/// Why an example failed. What `main` returns is printed by `Debug`; here that is the error's own text.
pub struct Failure(Box<dyn Error>);

impl<E: Into<Box<dyn Error>>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Writes a report as JSON; the error names the file.
pub fn write_json(report: &impl Serialize, path: &Path) -> Result<(), Box<dyn Error>> {
    write_file(path, &serde_json::to_vec_pretty(report)?)
}

/// Writes a whole file or none; the error names it.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    write_whole(path, bytes).map_err(|reason| format!("cannot write {}: {reason}", path.display()).into())
}
