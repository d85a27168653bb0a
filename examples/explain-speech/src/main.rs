//! x
use std::path::PathBuf;
use burn::tensor::backend::Backend;
use clap::Parser;
use example_common::{BackendArgs, Failure, Job};
use explain_speech::*;
/// x
#[derive(Debug, Parser)]
struct Args { wav: PathBuf, 
    #[arg(long, default_value_t = 32)] window: usize,
    #[arg(long, default_value_t = 20)] steps: usize,
    #[arg(long)] chunk: Option<usize>,
    #[command(flatten)]
    backend: BackendArgs }
fn main() -> std::result::Result<(), Failure> { let args = Args::parse(); args.backend.run(&args) }
impl Job for Args {
    fn run<B: Backend>(&self, device: &B::Device) -> Result<()> {
        let t = std::time::Instant::now();
        let folder = network::folder(None)?;
        let net = network::load::<B>(&folder, device)?;
        let rec = recording::Recording::open(&self.wav)?;
        println!("load {:?}", t.elapsed());
        let r = explain::explain(&net, &rec, explain::Question { chunk: self.chunk, window: self.window, steps: self.steps }, device)?;
        println!("all {:?}", t.elapsed());
        for (i, p) in r.probabilities.iter().enumerate() { print!("{p:.6} "); if i % 8 == 7 { println!() } }
        println!("\nexplained {} logit {} window {:?}", r.explained, r.logit, r.window);
        for i in 0..r.window.len() { println!("{:3} {:.3}  {}", r.window.start+i, r.probabilities[r.window.start+i], r.methods.iter().map(|m| format!("{:+9.4}", m.chunks[i])).collect::<Vec<_>>().join(" ")); }
        for m in &r.methods { println!("{} sum {} rest {:?}", m.method, m.sum(), m.rest.iter().map(|s| (s.name, s.amount)).collect::<Vec<_>>()); }
        Ok(())
    }
}
