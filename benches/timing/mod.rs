//! Times candidates side by side and prints them as a table, for the benches of this folder.

use std::time::{Duration, Instant};

use burn::tensor::backend::Backend;
use burn_xai::Value;

/// A candidate whose first run takes longer is not run again.
const PATIENCE: Duration = Duration::from_secs(3);
/// Timed runs of a candidate, after one that is not counted.
const REPETITIONS: usize = 5;

/// Prints one row per candidate: backend, case, candidate, median milliseconds, ratio to the first.
pub(crate) struct Table {
    backend: String,
    words: Vec<String>,
}

impl Table {
    /// Prints the head; the rows of all tables of a program go under it.
    pub(crate) fn print_header() {
        println!("| backend | case | candidate | ms | ratio |\n|---|---|---|---|---|");
    }

    /// A table of the rows that contain one of the words on the command line; all if there is none.
    pub(crate) fn new(backend: String) -> Self {
        Self { backend, words: std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect() }
    }

    /// Runs and prints the candidates of one case; ratios are relative to the first.
    pub(crate) fn row<B: Backend>(&self, case: &str, candidates: &[(&str, &dyn Fn() -> Value<B>)]) {
        let wanted = |word: &String| case.contains(word) || *word == self.backend;
        if !self.words.is_empty() && !self.words.iter().any(wanted) {
            return;
        }
        let mut first = None;
        for (name, run) in candidates {
            let time = median(run);
            let base = *first.get_or_insert(time);
            println!("| {} | {case} | {name} | {time:.2} | {:.2} |", self.backend, time / base);
        }
    }
}

/// Median time in milliseconds, the backend's queue included.
fn median<B: Backend>(run: &dyn Fn() -> Value<B>) -> f64 {
    let timed = || {
        let start = Instant::now();
        let value = run();
        let synced = B::sync(&value.device());
        let time = start.elapsed();
        assert!(synced.is_ok(), "the backend failed");
        time
    };
    let first = timed();
    let mut times = if first > PATIENCE { vec![first] } else { (0..REPETITIONS).map(|_| timed()).collect() };
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1e3
}
