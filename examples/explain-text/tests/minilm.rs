//! all-MiniLM-L6-v2 against reference values, and what the example makes of text that is no sentence.
//!
//! The weights are not committed. `scripts/fetch-minilm.sh` fetches them; without them the tests that need
//! them say that they were skipped. Where the environment variable `MINILM` names a folder, it must be there.
//! `scripts/reference-minilm.py` wrote `reference.json`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Write, stderr};
use std::path::PathBuf;

use burn_flex::Flex;
use explain_text::explain::explain;
use explain_text::model::{HIDDEN, MiniLm};
use explain_text::network;
use explain_text::sentence::{LONGEST, Reader, Sentence, SentenceError, Token, batch};
use serde::Deserialize;

/// The largest difference of an embedding, whose length is 1.
const TOLERANCE: f64 = 1e-5;

#[derive(Deserialize)]
struct Reference {
    sentence: String,
    pieces: Vec<String>,
    ids: Vec<u32>,
    embedding: Vec<f64>,
}

fn references() -> Vec<Reference> {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

/// The folder of the network; `None`, said aloud, where it is not at hand.
fn folder(test: &str) -> Option<PathBuf> {
    match network::folder(None) {
        Ok(folder) => Some(folder),
        Err(reason) => {
            assert!(std::env::var_os(network::VARIABLE).is_none(), "{reason}");
            // Straight to the terminal: the harness would swallow what a passing test prints.
            let _ = writeln!(stderr(), "SKIPPED {test}: {reason}");
            None
        }
    }
}

/// The embeddings of some sentences as one batch, on the host.
fn embeddings(net: &MiniLm<Flex>, sentences: &[&Sentence]) -> Vec<Vec<f64>> {
    let (ids, mask) = batch(sentences, &Default::default());
    let values: Vec<f64> = net.forward(ids, mask).into_data().iter::<f64>().collect();
    values.chunks(HIDDEN).map(<[f64]>::to_vec).collect()
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn embeddings_agree_with_the_reference() {
    let Some(folder) = folder("embeddings_agree_with_the_reference") else { return };
    let net = network::load::<Flex>(&folder, &Default::default()).unwrap();
    let reader = Reader::open(&folder).unwrap();
    let references = references();
    let sentences: Vec<_> = references.iter().map(|want| reader.read(&want.sentence).unwrap()).collect();
    let together = embeddings(&net, &sentences.iter().collect::<Vec<_>>());
    for ((want, sentence), padded) in references.iter().zip(&sentences).zip(&together) {
        let alone = &embeddings(&net, &[sentence])[0];
        let distances = [alone, padded].map(|got| distance(got, &want.embedding));
        println!("{}: alone {:.1e}, in a batch {:.1e}", want.sentence, distances[0], distances[1]);
        assert!(distances.iter().all(|&distance| distance <= TOLERANCE), "{}: {distances:?}", want.sentence);
    }
}

#[test]
fn tokens_are_those_of_the_reference() {
    let Some(folder) = folder("tokens_are_those_of_the_reference") else { return };
    let reader = Reader::open(&folder).unwrap();
    for want in references() {
        let sentence = reader.read(&want.sentence).unwrap();
        assert_eq!(sentence.tokens.iter().map(|token| token.id).collect::<Vec<_>>(), want.ids);
        let pieces = sentence.tokens.iter().map(|token| &token.piece);
        assert_eq!(pieces.collect::<Vec<_>>(), want.pieces.iter().collect::<Vec<_>>());
    }
}

#[test]
fn tokens_show_the_text_as_it_was_written() {
    let Some(folder) = folder("tokens_show_the_text_as_it_was_written") else { return };
    let reader = Reader::open(&folder).unwrap();
    let shown = |text: &str| {
        let join = |shown: String, token: &Token| shown + if token.spaced { " " } else { "" } + &token.text;
        reader.read(text).unwrap().tokens.iter().fold(String::new(), join)
    };
    assert_eq!(shown("  Crème \n brûlée,overcaramelised "), "[CLS] Crème brûlée,overcaramelised [SEP]");
    // No piece of the vocabulary has the second one.
    assert_eq!(shown("<b>It's</b> \u{1f994}!"), "[CLS] <b>It's</b> \u{1f994}! [SEP]");
}

#[test]
fn what_both_are_about_makes_them_similar() {
    let Some(folder) = folder("what_both_are_about_makes_them_similar") else { return };
    let net = network::load::<Flex>(&folder, &Default::default()).unwrap();
    let reader = Reader::open(&folder).unwrap();
    let references = references();
    let sentences = [0, 1].map(|number: usize| reader.read(&references[number].sentence).unwrap());
    let report = explain(&net, sentences, 20, &Default::default()).unwrap();
    let want: f64 = references[0].embedding.iter().zip(&references[1].embedding).map(|(a, b)| a * b).sum();
    assert!((report.similarity - want).abs() <= TOLERANCE);
    let [lrp, integrated, _] = &report.methods[..] else { panic!("{} methods", report.methods.len()) };
    for method in [lrp, integrated] {
        for (scores, (sentence, animal)) in
            method.sentences.iter().zip(report.sentences.iter().zip(["cat", "kitten"]))
        {
            let all = scores.sum() + scores.rest.iter().map(|share| share.amount).sum::<f64>();
            assert!((all - want).abs() <= 1e-4, "{}: {all}", method.method);
            let strongest =
                (0..scores.tokens.len()).max_by(|a, b| scores.tokens[*a].total_cmp(&scores.tokens[*b]));
            assert_eq!(sentence.tokens[strongest.unwrap()].text, animal, "{}: {scores:?}", method.method);
        }
    }
}

#[test]
fn text_that_is_no_sentence_is_refused() {
    let Some(folder) = folder("text_that_is_no_sentence_is_refused") else { return };
    let reader = Reader::open(&folder).unwrap();
    for empty in ["", " \t\n", "\u{200b}"] {
        assert!(matches!(reader.read(empty), Err(SentenceError::Empty)), "{empty:?}");
    }
    assert_eq!(reader.read(&"cat ".repeat(LONGEST - 2)).unwrap().tokens.len(), LONGEST);
    let error = reader.read(&"cat ".repeat(LONGEST - 1)).unwrap_err();
    assert!(matches!(error, SentenceError::TooLong { tokens: 257, .. }), "{error}");
    assert!(error.to_string().contains("shorten it"), "{error}");
}

#[test]
fn folders_without_the_network_are_errors() {
    let folder = std::env::temp_dir().join(format!("burn-xai-minilm-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let missing = network::folder(Some(&folder)).unwrap_err().to_string();
    assert!(missing.contains(network::WEIGHTS) && missing.contains(network::SCRIPT), "{missing}");
    for content in [b"".as_slice(), b"no network", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}"] {
        std::fs::write(folder.join(network::WEIGHTS), content).unwrap();
        std::fs::write(folder.join(network::TOKENIZER), content).unwrap();
        assert_eq!(network::folder(Some(&folder)).unwrap(), folder);
        let error = network::load::<Flex>(&folder, &Default::default()).unwrap_err().to_string();
        assert!(error.contains("cannot read the weights"), "{error}");
        assert!(matches!(Reader::open(&folder), Err(SentenceError::Tokenizer { .. })));
    }
    std::fs::remove_dir_all(folder).unwrap();
}
