//! What the example found, as `report.json` has it and as page, picture and terminal show it.

use std::ops::Range;

use serde::Serialize;

use crate::model::{CHUNK, RATE};

/// A recording, what the network says of it, and when it heard what it is sure of.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name of the backend.
    pub backend: String,
    /// Name of the network.
    pub network: &'static str,
    /// Name of the file.
    pub recording: String,
    /// The probability of speech in each chunk of 32 ms.
    pub probabilities: Vec<f64>,
    /// The chunk whose logit is explained.
    pub explained: usize,
    /// Its logit: what the sigmoid makes a probability of.
    pub logit: f64,
    /// The chunks that the logit is explained by: up to the explained one.
    pub window: Range<usize>,
    /// The explanations.
    pub methods: Vec<Explained>,
    /// The samples of the whole recording.
    #[serde(skip)]
    pub samples: Vec<f32>,
}

/// The logit, explained by one method.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// Name of the method.
    pub name: &'static str,
    /// What its scores say, in a sentence or two.
    pub about: &'static str,
    /// The scores of each 8 ms of the window: above 0 they raise the logit, below 0 they lower it.
    pub slices: Vec<f64>,
    /// The same for each chunk of 32 ms.
    pub chunks: Vec<f64>,
    /// What the window did not get.
    pub rest: Vec<Share>,
    /// Whether window and rest add up to the logit.
    pub adds_up: bool,
    /// What it took, in seconds.
    pub seconds: f64,
}

/// A part of the logit that the window did not get.
#[derive(Debug, Clone, Serialize)]
pub struct Share {
    /// What got it.
    pub name: &'static str,
    /// How much.
    pub amount: f64,
}

impl Report {
    /// The probability of speech in the explained chunk.
    pub fn probability(&self) -> f64 {
        self.probabilities.get(self.explained).copied().unwrap_or(f64::NAN)
    }

    /// Runs of chunks with a probability above one half.
    pub fn speech(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let spoken = self.probabilities.iter().enumerate().filter(|(_, probability)| **probability > 0.5);
        for (chunk, _) in spoken {
            match runs.last_mut() {
                Some(run) if run.end == chunk => run.end = chunk + 1,
                _ => runs.push(chunk..chunk + 1),
            }
        }
        runs
    }
}

impl Explained {
    /// All scores of the window added up.
    pub fn sum(&self) -> f64 {
        self.chunks.iter().sum()
    }

    /// The same and the rest.
    pub fn whole(&self) -> f64 {
        self.sum() + self.rest.iter().map(|share| share.amount).sum::<f64>()
    }

    /// The largest magnitude of the score of a slice: the end of the scale of colours.
    pub fn limit(&self) -> f64 {
        self.slices.iter().fold(0.0, |limit, score| score.abs().max(limit))
    }
}

/// When a chunk begins, in seconds.
pub fn seconds(chunk: usize) -> f64 {
    (chunk * CHUNK) as f64 / RATE as f64
}

/// A score with its sign, the same number of digits for all.
pub fn signed(score: f64) -> String {
    example_common::scale::signed(score, 3)
}
