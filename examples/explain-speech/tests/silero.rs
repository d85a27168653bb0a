//! Silero VAD against reference values, and what the example makes of files that are no recordings.
//!
//! The weights are not committed. `scripts/fetch-silero-vad.sh` fetches them; without them the tests that need
//! them say that they were skipped. Where the environment variable `SILERO_VAD` names a folder, it must be there.
//! `scripts/reference-silero-vad.py` wrote `reference.json`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Write, stderr};

use burn_flex::Flex;
use explain_speech::explain::{Question, explain};
use explain_speech::listen::{listen, probability};
use explain_speech::model::SileroVad;
use explain_speech::network;
use explain_speech::page::page;
use explain_speech::picture::picture;
use explain_speech::recording::Recording;
use explain_speech::report::{Explained, Report};
use explain_speech::terminal::text;
use serde::Deserialize;

/// The largest difference of a probability, and of a logit.
const TOLERANCES: [f64; 2] = [1e-5, 1e-4];
/// The largest difference of the relevance of 8 ms, of about 3 at most: the reference has double precision, and
/// an output near zero divides by little more than the stabilizer.
const RELEVANCE_TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Reference {
    probabilities: Vec<f64>,
    logits: Vec<f64>,
    explained: usize,
    hidden: f64,
    cell: f64,
    slices: Vec<f64>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn syllables() -> Recording {
    let file = include_bytes!("../recordings/syllables.wav");
    Recording::read(file.as_slice(), file.len() as u64).unwrap()
}

/// The network; `None`, said aloud, where it is not at hand.
fn net(test: &str) -> Option<SileroVad<Flex>> {
    match network::folder(None) {
        Ok(folder) => Some(network::load(&folder, &Default::default()).unwrap()),
        Err(reason) => {
            assert!(std::env::var_os(network::VARIABLE).is_none(), "{reason}");
            // Straight to the terminal: the harness would swallow what a passing test prints.
            let _ = writeln!(stderr(), "SKIPPED {test}: {reason}");
            None
        }
    }
}

fn explained(net: &SileroVad<Flex>, recording: &Recording, chunk: Option<usize>, window: usize) -> Report {
    let question = Question { chunk, window, steps: 20 };
    explain(net, recording, "<a>.wav", question, &Default::default()).unwrap()
}

fn share(method: &Explained, name: &str) -> f64 {
    method.rest.iter().find(|share| share.name == name).unwrap().amount
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn probabilities_agree_with_the_reference() {
    let Some(net) = net("probabilities_agree_with_the_reference") else { return };
    let want = reference();
    let logits = listen(&net, &syllables(), &Default::default()).unwrap().logits;
    let probabilities: Vec<f64> = logits.iter().copied().map(probability).collect();
    let distances = [distance(&probabilities, &want.probabilities), distance(&logits, &want.logits)];
    println!("probabilities {:.1e}, logits {:.1e}", distances[0], distances[1]);
    assert!(distances[0] <= TOLERANCES[0] && distances[1] <= TOLERANCES[1], "{distances:?}");
    // The syllables are heard, and the pauses between them too.
    for (chunk, spoken) in [(5, false), (20, true), (40, true), (52, false), (70, true), (90, false)] {
        assert_eq!(probabilities[chunk] > 0.9, spoken, "{chunk}");
        assert_eq!(probabilities[chunk] > 0.1, spoken, "{chunk}");
    }
}

#[test]
fn relevance_agrees_with_the_reference() {
    let Some(net) = net("relevance_agrees_with_the_reference") else { return };
    let want = reference();
    let report = explained(&net, &syllables(), None, want.slices.len() / 4);
    assert_eq!(report.explained, want.explained);
    let lrp = &report.methods[0];
    let got = [share(lrp, "state before: hidden"), share(lrp, "state before: cell")];
    let distances = [distance(&lrp.slices, &want.slices), distance(&got, &[want.hidden, want.cell])];
    println!("slices {:.1e}, state {:.1e}", distances[0], distances[1]);
    assert!(distances.iter().all(|distance| *distance <= RELEVANCE_TOLERANCE), "{distances:?}");
}

#[test]
fn scores_add_up_wherever_the_window_lies() {
    let Some(net) = net("scores_add_up_wherever_the_window_lies") else { return };
    // At the beginning, where the window is shorter; in a pause; at the end.
    for (chunk, window, first) in [(0, 16, 0), (9, 16, 0), (50, 8, 43), (93, 32, 62)] {
        let report = explained(&net, &syllables(), Some(chunk), window);
        assert_eq!(report.window, first..chunk + 1);
        for method in &report.methods {
            assert_eq!(method.slices.len(), 4 * report.window.len());
            assert!((method.slices.iter().sum::<f64>() - method.sum()).abs() < 1e-6);
            if method.adds_up {
                assert!((method.whole() - report.logit).abs() <= 1e-4, "{}: {}", method.name, method.whole());
            }
        }
        assert!(share(&report.methods[0], "rounding").abs() <= 1e-4);
    }
}

#[test]
fn silence_is_explained_and_shown() {
    let Some(net) = net("silence_is_explained_and_shown") else { return };
    let silence = Recording::new(vec![0.0; 5000]).unwrap();
    let report = explained(&net, &silence, None, 16);
    assert_eq!(report.probabilities.len(), 10);
    assert!(report.probabilities.iter().all(|probability| *probability < 0.1));
    assert!(report.methods.iter().all(|method| method.slices.iter().all(|score| *score == 0.0)));
    assert!(text(&report).contains("above one half: nowhere"));
    assert!(picture(&report).unwrap().width() > 500);
    let page = page(&report).unwrap();
    assert!(page.contains("In &lt;a&gt;.wav,") && !page.contains("<a>"), "{page}");
}

#[test]
fn a_time_after_the_end_is_refused() {
    let net = SileroVad::<Flex>::new(&Default::default());
    let question = Question { chunk: Some(94), window: 16, steps: 2 };
    let error = explain(&net, &syllables(), "", question, &Default::default()).unwrap_err().to_string();
    assert_eq!(error, "nothing to explain at 3.008 s: the recording ends at 3.008 s");
}

#[test]
fn folders_without_the_network_are_errors() {
    let folder = std::env::temp_dir().join(format!("burn-xai-silero-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let missing = network::folder(Some(&folder)).unwrap_err().to_string();
    assert!(missing.contains(network::WEIGHTS) && missing.contains(network::SCRIPT), "{missing}");
    for content in [b"".as_slice(), b"no network", b"\xff\xff\xff\xff\xff\xff\xff\x7f{}"] {
        std::fs::write(folder.join(network::WEIGHTS), content).unwrap();
        assert_eq!(network::folder(Some(&folder)).unwrap(), folder);
        let error = network::load::<Flex>(&folder, &Default::default()).unwrap_err().to_string();
        assert!(error.contains("cannot read the weights"), "{error}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}
