//! Explains the same digits under every preset on every backend that is compiled in: do they agree?
//!
//! ```text
//! cargo run --release -p backend-parity --features ndarray
//! ```
//!
//! Prints for each preset and backend how far its relevance is from Flex's in the same float type: the
//! largest difference in shares of the largest relevance of the image, and Spearman's rank correlation over
//! its pixels, each of the worst image; then how long the backends took. Fails where a difference is above
//! 1e-3 (1e-9 in `f64`) or a correlation below 0.9999.

use std::time::{Duration, Instant};

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor};
use burn_xai::backend;
use burn_xai::prelude::*;
use clap::Parser;
use digits::data::{self, Digits, PIXELS};
use digits::model::DigitsNet;
use example_common::Failure;

/// Largest difference, in shares of the largest relevance.
fn largest_difference(dtype: DType) -> f64 {
    if dtype == DType::F64 { 1e-9 } else { 1e-3 }
}
/// Smallest rank correlation.
const CORRELATION: f64 = 0.9999;

/// Compare relevance between backends.
#[derive(Debug, Parser)]
struct Args {
    /// How many images of the test set to explain.
    #[arg(long, default_value_t = 40)]
    images: usize,
}

/// What one backend says.
struct Run {
    backend: &'static str,
    dtype: DType,
    /// For each preset, one value per pixel, image after image.
    relevance: Vec<Vec<f64>>,
    /// For all presets together, once everything is compiled and prepared.
    time: Duration,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let test = data::load()?.test;
    let images = test.select(&(0..args.images).collect::<Vec<_>>());

    let flex = |dtype| run::<backend::flex::Flex>("flex", dtype, &images, &backend::flex::device());
    let (flex32, flex64) = (flex(DType::F32)?, flex(DType::F64)?);
    #[allow(unused_mut)]
    let mut others: Vec<Run> = Vec::new();
    #[cfg(feature = "ndarray")]
    {
        use backend::ndarray::{NdArray, device};
        others.push(run::<NdArray>("ndarray", DType::F32, &images, &device())?);
        others.push(run::<NdArray<f64>>("ndarray", DType::F64, &images, &device())?);
    }
    #[cfg(feature = "tch")]
    {
        use backend::tch::{LibTorch, device};
        others.push(run::<LibTorch>("tch", DType::F32, &images, &device())?);
        others.push(run::<LibTorch<f64>>("tch", DType::F64, &images, &device())?);
    }
    #[cfg(feature = "wgpu")]
    others.push(run::<backend::wgpu::Wgpu>("wgpu", DType::F32, &images, &backend::wgpu::device()?)?);
    #[cfg(feature = "cuda")]
    others.push(run::<backend::cuda::Cuda>("cuda", DType::F32, &images, &backend::cuda::device()?)?);

    println!("{:26}  {:7}  {:4}  {:>10}  {:>11}", "preset", "backend", "type", "difference", "correlation");
    let mut apart = Vec::new();
    for (index, composite) in Presets::default().all(0.0, 1.0).iter().enumerate() {
        for other in &others {
            let (backend, dtype, name) = (other.backend, other.dtype.name(), composite.name());
            let flex = if other.dtype == DType::F64 { &flex64 } else { &flex32 };
            let (difference, correlation) = worst(&flex.relevance[index], &other.relevance[index]);
            println!("{name:26}  {backend:7}  {dtype:4}  {difference:10.1e}  {correlation:11.7}");
            // Also where either is NaN.
            if !(difference <= largest_difference(other.dtype) && correlation >= CORRELATION) {
                apart.push(format!("{name} on {backend} in {dtype}"));
            }
        }
    }
    for run in [&flex32, &flex64].into_iter().chain(&others) {
        let (time, ratio) = (run.time.as_secs_f64(), run.time.as_secs_f64() / flex32.time.as_secs_f64());
        println!("{:7}  {:4}  {:7.1} ms, {ratio:.2} times flex", run.backend, run.dtype.name(), 1e3 * time);
    }
    match (others.is_empty(), apart.is_empty()) {
        (true, _) => {
            Err("only flex is compiled in; add `--features ndarray`, `wgpu`, `tch` or `cuda`".into())
        }
        (_, true) => Ok(()),
        (_, false) => Err(format!("apart from flex: {}", apart.join(", ")).into()),
    }
}

/// Parameters and running statistics in another float type; the files hold `f32`.
struct Cast(DType);

impl<B: Backend> ModuleMapper<B> for Cast {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        param.map(|tensor| tensor.cast(self.0))
    }
}

/// Explains `images` under every preset, twice: the first time compiles kernels and prepares graphs.
fn run<B: Backend>(
    backend: &'static str,
    dtype: DType,
    images: &Digits,
    device: &B::Device,
) -> digits::Result<Run> {
    let net = DigitsNet::<B>::load(device)?.map(&mut Cast(dtype));
    let model = record(&net, DigitsNet::forward);
    let composites = Presets::default().all(0.0, 1.0).into_iter();
    let methods: Vec<_> = composites.map(|rules| Lrp::new(&model, rules)).collect();
    // One class for all backends, so that a tie of two logits does not decide what is compared.
    let classes: Vec<usize> = images.labels().iter().map(|&label| usize::from(label)).collect();
    let images = images.images::<B>(device).cast(dtype);
    let explain = || -> digits::Result<Vec<Vec<f64>>> {
        let one = |lrp: &Lrp<B>| {
            let attribution = lrp.attribute(images.clone(), Target::classes(classes.clone()))?;
            Ok(attribution.relevance::<4>()?.into_data().iter::<f64>().collect())
        };
        methods.iter().map(one).collect()
    };
    explain()?;
    let start = Instant::now();
    let relevance = explain()?;
    Ok(Run { backend, dtype, relevance, time: start.elapsed() })
}

/// The largest difference and the smallest rank correlation of any image.
fn worst(reference: &[f64], other: &[f64]) -> (f64, f64) {
    let images = reference.chunks(PIXELS).zip(other.chunks(PIXELS));
    images.fold((0.0, 1.0), |(difference, correlation), (reference, other)| {
        // One minus, so that NaN wins here too.
        let dissimilarity = nan_max(1.0 - correlation, 1.0 - spearman(reference, other));
        (nan_max(difference, relative_difference(reference, other)), 1.0 - dissimilarity)
    })
}

/// The larger one, or NaN.
fn nan_max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// `max|a - b| / max|a|`.
fn relative_difference(a: &[f64], b: &[f64]) -> f64 {
    if a == b {
        return 0.0;
    }
    let scale = a.iter().fold(0.0, |max, a| nan_max(max, a.abs()));
    a.iter().zip(b).fold(0.0, |max, (a, b)| nan_max(max, (a - b).abs())) / scale
}

/// Spearman's rank correlation: Pearson's, of ranks.
fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    if a == b {
        return 1.0;
    }
    // The mean of all ranks, whatever the ties.
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let products = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    products(&a, &b) / (products(&a, &a) * products(&b, &b)).sqrt()
}

/// The place of each value among all; equal ones share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    for group in order.chunk_by(|&i, &j| values[i] == values[j]) {
        let mean = first as f64 + (group.len() as f64 - 1.0) / 2.0;
        group.iter().for_each(|&i| ranks[i] = mean);
        first += group.len();
    }
    ranks
}
