//! Explains when Silero VAD heard the speech that it is sure of.
//!
//! ```text
//! scripts/fetch-silero-vad.sh
//! cargo run --release -p explain-speech                            # a few syllables that nobody spoke
//! cargo run --release -p explain-speech -- my-recording.wav        # or a recording of yours
//! ```
//!
//! Writes `explain_speech.html`, a page with the recording in colours; `explain_speech.png`, the same as a
//! picture; and `report.json` with the numbers. Prints them too.

use std::fs;
use std::io::{Write, stdout};
use std::path::PathBuf;

use burn::tensor::backend::Backend;
use clap::Parser;
use example_common::{BackendArgs, Failure, Job, write_file, write_json};
use explain_speech::explain::{Question, explain};
use explain_speech::model::{CHUNK, RATE};
use explain_speech::recording::Recording;
use explain_speech::{Result, network, page, picture, terminal};

/// The recording that `scripts/synthesise-speech.py` made.
const SYLLABLES: &[u8] = include_bytes!("../recordings/syllables.wav");

/// Explain when Silero VAD heard the speech that it is sure of.
///
/// Writes explain_speech.html, explain_speech.png and report.json. Get the network (1.2 MB, MIT) with
/// scripts/fetch-silero-vad.sh.
#[derive(Debug, Parser)]
struct Args {
    /// A WAV file with 16,000 samples per second; if not given, a few syllables that nobody spoke.
    wav: Option<PathBuf>,
    /// The time whose probability is explained; if not given, that of the highest.
    #[arg(long, value_name = "SECONDS", value_parser = time)]
    time: Option<f64>,
    /// Chunks of 32 ms that it is explained by.
    #[arg(long, value_name = "CHUNKS", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=256))]
    window: u16,
    /// The folder with the network; if not given, the one that the environment variable SILERO_VAD names, else
    /// the one that the script left in the cache.
    #[arg(long, value_name = "DIR")]
    network: Option<PathBuf>,
    /// Folder for the page, the picture and the report; made if it does not exist.
    #[arg(long, value_name = "DIR", default_value = "out/explain_speech")]
    out: PathBuf,
    /// Gradients that integrated gradients adds up.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    steps: u16,
    #[command(flatten)]
    backend: BackendArgs,
}

/// A time from the beginning of a recording.
fn time(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..1e6).contains(&seconds) => Ok(seconds),
        _ => Err("a number of seconds from 0 on".to_owned()),
    }
}

fn main() -> std::result::Result<(), Failure> {
    let args = Args::parse();
    args.backend.run(&args)
}

impl Args {
    /// The recording and its name.
    fn recording(&self) -> Result<(Recording, String)> {
        let Some(path) = &self.wav else {
            return Ok((Recording::read(SYLLABLES, SYLLABLES.len() as u64)?, "syllables.wav".to_owned()));
        };
        let recording = Recording::open(path).map_err(|reason| format!("{}: {reason}", path.display()))?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok((recording, name.to_string_lossy().into_owned()))
    }
}

impl Job for Args {
    fn run<B: Backend>(&self, device: &B::Device) -> Result<()> {
        let (recording, name) = self.recording()?;
        let folder = network::folder(self.network.as_deref())?;
        let net = network::load::<B>(&folder, device)?;
        let chunk = self.time.map(|seconds| (seconds * RATE as f64) as usize / CHUNK);
        let question = Question { chunk, window: self.window.into(), steps: self.steps.into() };
        let report = explain(&net, &recording, &name, question, device)?;

        fs::create_dir_all(&self.out)
            .map_err(|reason| format!("cannot make the folder {}: {reason}", self.out.display()))?;
        write_file(&self.out.join("explain_speech.html"), page::page(&report)?.as_bytes())?;
        picture::picture(&report)?.write_png(self.out.join("explain_speech.png"))?;
        write_json(&report, &self.out.join("report.json"))?;

        writeln!(
            stdout(),
            "{}\nwrote explain_speech.html, explain_speech.png and report.json to {}",
            terminal::text(&report),
            self.out.display()
        )?;
        Ok(())
    }
}
