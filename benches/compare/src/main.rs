//! This library's side of the comparison: reads requests, one line of JSON each, and answers likewise.
//!
//! `compare.py` starts one such process per backend, and times both sides in turn. See README.md.

mod methods;
mod networks;

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fs, iter};

use burn::tensor::{FloatDType, backend::Backend};
use burn_xai::prelude::*;
use clap::Parser;
use example_common::{BackendArgs, Failure, Job};
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};

use methods::Prepared;
use networks::Network;

/// This program only prints its errors.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Answers requests until its input ends.
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    backend: BackendArgs,
}

/// What the other side asks for.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Request {
    /// Loads a network and its input, and forgets what there was.
    Load { network: String, folder: PathBuf },
    /// Times the plain forward pass.
    Forward,
    /// Times the first call of a method on a model that was never recorded, and writes what it found.
    First { method: String, out: PathBuf },
    /// Times a call of a method that was called before.
    Again { method: String },
    /// Times one call that explains so many classes.
    Targets { method: String, count: usize },
    /// Writes what a method finds in double precision.
    Double { method: String, out: PathBuf },
}

/// What it gets.
#[derive(Serialize)]
struct Answer {
    seconds: f64,
    /// The most memory that this process held at any time, in bytes; `None` where the system does not say.
    peak: Option<u64>,
}

impl Job for Args {
    fn run<B: Backend>(&self, device: &B::Device) -> Result<()> {
        let mut source = None;
        let (mut network, mut prepared) = (None, Vec::<Prepared<B>>::new());
        for line in stdin().lock().lines() {
            let request = serde_json::from_str(&line?)?;
            let start = Instant::now();
            // What is written is written after the time was taken.
            let mut found = None;
            match request {
                Request::Load { network: name, folder } => {
                    prepared.clear();
                    drop(network.take());
                    network = Some(networks::load::<B>(&name, &folder, FloatDType::F32, device)?);
                    source = Some((name, folder));
                }
                Request::Forward => {
                    (loaded(&network)?.forward)()?;
                }
                Request::First { method, out } => {
                    let network = loaded(&network)?;
                    let method = (network.prepare)(&method)?;
                    found = Some((method.explain(&network.inputs)?, out));
                    prepared.retain(|other| other.name != method.name);
                    prepared.push(method);
                }
                Request::Again { method } => {
                    let prepared = prepared.iter().find(|prepared| prepared.name == method);
                    let prepared = prepared.ok_or(format!("{method} was not called before"))?;
                    prepared.explain(&loaded(&network)?.inputs)?;
                }
                Request::Targets { method, count } => {
                    let network = loaded(&network)?;
                    if prepared.iter().all(|prepared| prepared.name != method) {
                        prepared.push((network.prepare)(&method)?);
                    }
                    let prepared = prepared.iter().find(|prepared| prepared.name == method);
                    prepared.ok_or("no method")?.explain_classes(&network.inputs, count)?;
                }
                Request::Double { method, out } => {
                    let (name, folder) = source.as_ref().ok_or("no network was loaded")?;
                    let network = networks::load::<B>(name, folder, FloatDType::F64, device)?;
                    let method = (network.prepare)(&method)?;
                    found = Some((method.explain(&network.inputs)?, out));
                }
            }
            B::sync(device)?;
            let seconds = start.elapsed().as_secs_f64();
            if let Some((relevance, out)) = found {
                write(&relevance, &out)?;
            }
            answer(seconds)?;
        }
        Ok(())
    }
}

fn loaded<B: Backend>(network: &Option<Network<B>>) -> Result<&Network<B>> {
    network.as_ref().ok_or_else(|| "no network was loaded".into())
}

fn answer(seconds: f64) -> Result<()> {
    let mut out = stdout().lock();
    serde_json::to_writer(&mut out, &Answer { seconds, peak: peak() })?;
    writeln!(out)?;
    Ok(out.flush()?)
}

/// The largest resident set so far, as Linux tells it.
fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(1024 * kilobytes)
}

/// Writes relevance as the tensor `relevance` of a file.
fn write<B: Backend>(relevance: &Value<B>, out: &Path) -> Result<()> {
    let data = relevance.to_data().map_err(|error| format!("{error:?}"))?;
    let bytes: Vec<u8> = data.iter::<f64>().flat_map(f64::to_le_bytes).collect();
    let view = TensorView::new(Dtype::F64, relevance.dims(), &bytes)?;
    Ok(safetensors::serialize_to_file(iter::once(("relevance", view)), None, out)?)
}

fn main() -> std::result::Result<(), Failure> {
    let args = Args::parse();
    args.backend.run(&args)
}
