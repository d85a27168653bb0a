//! Sentences as the network reads them.

use std::ops::Range;
use std::path::Path;

use burn::tensor::{Bool, Int, Tensor, TensorData, backend::Backend};
use serde::Serialize;
use thiserror::Error;
use tokenizers::Tokenizer;

use super::network::{SCRIPT, TOKENIZER};

/// The most tokens that the network was trained for, with the two that every sentence gets.
pub const LONGEST: usize = 256;

/// Text that is no sentence for the network.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SentenceError {
    /// There is nothing to read.
    #[error("the sentence is empty; write at least one word")]
    Empty,
    /// The network cannot read this much.
    #[error(
        "the sentence has {tokens} tokens and the network reads {LONGEST} at most: shorten it, or compare \
         parts of it; it begins with \"{start}\""
    )]
    TooLong {
        /// Tokens of the sentence.
        tokens: usize,
        /// How the sentence begins.
        start: String,
    },
    /// The file of the tokenizer cannot be used.
    #[error("cannot read the tokenizer {file}: {reason}; {SCRIPT} fetches it")]
    Tokenizer {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The tokenizer refused a text.
    #[error("cannot split the sentence into tokens: {0}")]
    Split(String),
}

/// A part of a sentence that has an embedding of its own: a word, a part of a word or a sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its number in the vocabulary.
    pub id: u32,
    /// Its name in the vocabulary: lower case, with `##` before what continues a word.
    pub piece: String,
    /// What the sentence has there; for `[CLS]` and `[SEP]`, which every sentence gets, the name.
    pub text: String,
    /// Whether something lies between it and the token before, such as a space.
    pub spaced: bool,
    /// Whether it is `[CLS]` or `[SEP]`.
    pub special: bool,
}

/// A sentence with its tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sentence {
    /// The text as it was written.
    pub text: String,
    /// Its tokens, `[CLS]` first and `[SEP]` last.
    pub tokens: Vec<Token>,
}

/// Splits text into tokens.
#[derive(Debug)]
pub struct Reader(Tokenizer);

impl Reader {
    /// The tokenizer of the network in this folder.
    ///
    /// # Errors
    /// [`SentenceError::Tokenizer`] where its file is missing or is none.
    pub fn open(folder: &Path) -> Result<Self, SentenceError> {
        let file = folder.join(TOKENIZER);
        let failed = |reason: tokenizers::Error| SentenceError::Tokenizer {
            file: file.display().to_string(),
            reason: reason.to_string(),
        };
        let mut tokenizer = Tokenizer::from_file(&file).map_err(failed)?;
        // The file asks for 128 tokens, whatever the sentence has.
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(failed)?;
        Ok(Self(tokenizer))
    }

    /// A sentence with its tokens.
    ///
    /// # Errors
    /// [`SentenceError::Empty`] and [`SentenceError::TooLong`] for text that is no sentence.
    pub fn read(&self, text: &str) -> Result<Sentence, SentenceError> {
        let split = self.0.encode(text, true).map_err(|reason| SentenceError::Split(reason.to_string()))?;
        let special = split.get_special_tokens_mask();
        if special.iter().all(|&special| special == 1) {
            return Err(SentenceError::Empty);
        }
        if split.len() > LONGEST {
            let start = text.trim_start().chars().take(40).collect();
            return Err(SentenceError::TooLong { tokens: split.len(), start });
        }
        let mut end = 0;
        let tokens = (0..split.len()).map(|i| {
            let (id, piece) = (split.get_ids()[i], split.get_tokens()[i].clone());
            if special[i] == 1 {
                return Token { id, text: piece.clone(), piece, spaced: i > 0, special: true };
            }
            let place: Range<usize> = split.get_offsets()[i].0..split.get_offsets()[i].1;
            let spaced = i > 0 && (place.start > end || special[i - 1] == 1);
            end = place.end;
            let text = text.get(place).unwrap_or(&piece).to_owned();
            Token { id, piece, text, spaced, special: false }
        });
        Ok(Sentence { text: text.to_owned(), tokens: tokens.collect() })
    }
}

/// Ids and mask `[sentences, tokens of the longest]`: the mask is true for tokens, false for padding.
pub fn batch<B: Backend>(
    sentences: &[&Sentence],
    device: &B::Device,
) -> (Tensor<B, 2, Int>, Tensor<B, 2, Bool>) {
    let longest = sentences.iter().map(|sentence| sentence.tokens.len()).max().unwrap_or(0);
    let place = |sentence: &Sentence, i: usize| sentence.tokens.get(i).map(|token| i64::from(token.id));
    let places = || sentences.iter().flat_map(|sentence| (0..longest).map(|i| place(sentence, i)));
    // The id of padding does not matter: nobody attends to it.
    let ids: Vec<i64> = places().map(|id| id.unwrap_or(0)).collect();
    let mask: Vec<bool> = places().map(|id| id.is_some()).collect();
    let shape = [sentences.len(), longest];
    (
        Tensor::from_data(TensorData::new(ids, shape), device),
        Tensor::from_data(TensorData::new(mask, shape), device),
    )
}
