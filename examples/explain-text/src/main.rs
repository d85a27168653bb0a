//! Explains why all-MiniLM-L6-v2 takes two sentences for similar.
//!
//! ```text
//! scripts/fetch-minilm.sh
//! cargo run --release -p explain-text -- "A cat sits on the mat." "A kitten rests on a rug."
//! ```
//!
//! Writes `explain_text.html`, a page with both sentences in colours; `explain_text.png`, the same as a picture;
//! and `report.json` with the numbers. Prints them too.

use std::fs;
use std::io::{IsTerminal, Write, stdout};
use std::path::PathBuf;

use burn::tensor::backend::Backend;
use clap::Parser;
use example_common::{BackendArgs, Failure, Job, write_file, write_json};
use explain_text::sentence::Reader;
use explain_text::{Result, explain, network, page, picture, terminal};

/// Explain why all-MiniLM-L6-v2 takes two sentences for similar, token by token.
///
/// Writes explain_text.html, explain_text.png and report.json. Get the network (84 MB, Apache License 2.0)
/// with scripts/fetch-minilm.sh.
#[derive(Debug, Parser)]
struct Args {
    /// A sentence in English.
    #[arg(default_value = "A cat sits on the mat.")]
    a: String,
    /// The sentence that it is compared with.
    #[arg(default_value = "A kitten rests on a rug.")]
    b: String,
    /// The folder with the network; if not given, the one that the environment variable MINILM names, else
    /// the one that the script left in the cache.
    #[arg(long, value_name = "DIR")]
    network: Option<PathBuf>,
    /// Folder for the page, the picture and the report; made if it does not exist.
    #[arg(long, value_name = "DIR", default_value = "out/explain_text")]
    out: PathBuf,
    /// Gradients that integrated gradients adds up.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    steps: u16,
    #[command(flatten)]
    backend: BackendArgs,
}

fn main() -> std::result::Result<(), Failure> {
    let args = Args::parse();
    args.backend.run(&args)
}

impl Job for Args {
    fn run<B: Backend>(&self, device: &B::Device) -> Result<()> {
        let folder = network::folder(self.network.as_deref())?;
        let reader = Reader::open(&folder)?;
        let sentences = [reader.read(&self.a)?, reader.read(&self.b)?];
        let net = network::load::<B>(&folder, device)?;
        let report = explain::explain(&net, sentences, self.steps.into(), device)?;

        fs::create_dir_all(&self.out)
            .map_err(|reason| format!("cannot make the folder {}: {reason}", self.out.display()))?;
        write_file(&self.out.join("explain_text.html"), page::page(&report)?.as_bytes())?;
        picture::picture(&report)?.write_png(self.out.join("explain_text.png"))?;
        write_json(&report, &self.out.join("report.json"))?;

        let text = terminal::text(&report, stdout().is_terminal())?;
        writeln!(
            stdout(),
            "{text}\nwrote explain_text.html, explain_text.png and report.json to {}",
            self.out.display()
        )?;
        Ok(())
    }
}
