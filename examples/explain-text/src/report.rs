//! What the example found, as `report.json` has it and as page, picture and terminal show it.

use serde::Serialize;

use crate::sentence::Sentence;

/// Two sentences, and why they are similar.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Name of the backend.
    pub backend: String,
    /// Name of the network.
    pub network: &'static str,
    /// The cosine of the angle between the embeddings of both, from -1 to 1.
    pub similarity: f64,
    /// Both sentences.
    pub sentences: [Sentence; 2],
    /// The explanations.
    pub methods: Vec<Explained>,
}

/// The similarity, explained by one method.
#[derive(Debug, Serialize)]
pub struct Explained {
    /// Name of the method.
    pub method: &'static str,
    /// What its scores say, in a sentence or two.
    pub about: &'static str,
    /// The scores of each sentence, while the other stays as it is.
    pub sentences: [Scores; 2],
}

/// The similarity, shared out among the tokens of one sentence.
#[derive(Debug, Clone, Serialize)]
pub struct Scores {
    /// One score for each token: above 0 it raises the similarity, below 0 it lowers it.
    pub tokens: Vec<f64>,
    /// What the tokens did not get: with these the scores add up to the similarity. Empty for a method whose
    /// scores add up to nothing in particular.
    pub rest: Vec<Share>,
}

/// A part of the similarity that no token got.
#[derive(Debug, Clone, Serialize)]
pub struct Share {
    /// What got it.
    pub name: &'static str,
    /// How much.
    pub amount: f64,
}

impl Explained {
    /// The largest magnitude of a score of both sentences: the end of the scale of colours.
    pub fn limit(&self) -> f64 {
        let scores = self.sentences.iter().flat_map(|scores| &scores.tokens);
        scores.fold(0.0, |limit, score| score.abs().max(limit))
    }
}

impl Scores {
    /// All scores added up.
    pub fn sum(&self) -> f64 {
        self.tokens.iter().sum()
    }
}

/// A score with its sign, the same number of digits for all.
pub fn signed(score: f64) -> String {
    example_common::scale::signed(score, 4)
}
