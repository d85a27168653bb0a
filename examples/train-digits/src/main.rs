//! Trains the network of the examples on handwritten digits and saves its weights.
//!
//! ```text
//! cargo run --release -p train-digits             # train, test, save
//! cargo run --release -p train-digits -- --check  # test the saved weights
//! ```
//!
//! The weights are part of every example's binary, so `digits/weights/digits.safetensors` has to exist to
//! build this one; it may be empty.
//!
//! The length of the training and its settings are fixed in advance and the test set is looked at once, at
//! the end: the accuracy is not the best of many epochs.

use std::f64::consts::PI;
use std::path::PathBuf;
use std::time::Instant;

use burn::module::AutodiffModule;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::optim::{AdamConfig, GradientsParams, Optimizer};
use burn::tensor::ElementConversion;
use burn::tensor::backend::Backend;
use burn_autodiff::Autodiff;
use clap::Parser;
use digits::data::{self, Digits, PIXELS, SIDE};
use digits::model::DigitsNet;
use example_common::{BackendArgs, Failure, Job, write_file};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

/// Where the weights that the examples embed lie, from the root of the workspace.
const WEIGHTS: &str = "examples/digits/weights/digits.safetensors";

/// Train the digits network, or test its saved weights.
#[derive(Debug, Parser)]
struct Args {
    /// Only test the weights that are built in.
    #[arg(long)]
    check: bool,
    /// File to save the weights to.
    #[arg(long, default_value = WEIGHTS)]
    out: PathBuf,
    /// Passes over the training set.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    epochs: u16,
    /// Images per step.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: u16,
    /// Learning rate of the first step; it falls to zero along a cosine.
    #[arg(long, default_value_t = 3e-3, value_parser = learning_rate)]
    learning_rate: f64,
    /// Seed of the initial weights, the order of the images and their shifts.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    #[command(flatten)]
    backend: BackendArgs,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    args.backend.run(&args)
}

impl Job for Args {
    fn run<B: Backend>(&self, device: &B::Device) -> digits::Result<()> {
        let split = data::load()?;

        if self.check {
            let model = DigitsNet::<B>::load(device)?;
            report("test accuracy", digits::count_correct(&model, &split.test, device), split.test.len());
            return Ok(());
        }

        // Not only after the training.
        let folder = self.out.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(
                format!("cannot write {}: {} is no folder", self.out.display(), folder.display()).into()
            );
        }
        let start = Instant::now();
        let model = train::<B>(self, &split.train, device).valid();
        println!("trained for {:.0} s", start.elapsed().as_secs_f64());

        let correct = digits::count_correct(&model, &split.test, device);
        report("test accuracy", correct, split.test.len());

        // Before anything is overwritten. The logits, not only the accuracy: a forgotten running statistic may
        // leave the accuracy as it is. Not a number is a difference too.
        let bytes = model.to_safetensors()?;
        let loaded = DigitsNet::<B>::from_safetensors(&bytes, device)?;
        let images = split.test.images(device);
        let difference = (model.forward(images.clone()) - loaded.forward(images)).abs().max();
        let difference: f64 = difference.into_scalar().elem();
        if difference.is_nan() || difference != 0.0 {
            return Err(
                format!("the network to save is not the trained one: logits differ by {difference}").into()
            );
        }

        write_file(&self.out, &bytes)?;
        println!("saved {} bytes to {}", bytes.len(), self.out.display());
        Ok(())
    }
}

/// A learning rate: positive and finite.
fn learning_rate(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        Ok(_) => Err("must be positive and finite".to_owned()),
        Err(reason) => Err(reason.to_string()),
    }
}

/// Trains a new network on `set`.
fn train<B: Backend>(args: &Args, set: &Digits, device: &B::Device) -> DigitsNet<Autodiff<B>> {
    B::seed(device, args.seed);
    let mut rng = StdRng::seed_from_u64(args.seed);
    let mut model = DigitsNet::<Autodiff<B>>::new(device);
    let mut optimizer = AdamConfig::new().init();
    let cross_entropy = CrossEntropyLossConfig::new().init(device);

    let mut order: Vec<usize> = (0..set.len()).collect();
    let batch_size = usize::from(args.batch_size);
    let steps = usize::from(args.epochs) * set.len().div_ceil(batch_size);
    let mut step = 0;

    for epoch in 1..=args.epochs {
        order.shuffle(&mut rng);
        let (mut loss_sum, mut correct) = (0.0, 0);

        for indices in order.chunks(batch_size) {
            let batch = shift(&set.select(indices), &mut rng);
            let targets = batch.targets::<Autodiff<B>>(device);
            let logits = model.forward(batch.images(device));
            let loss = cross_entropy.forward(logits.clone(), targets.clone());

            let hits = logits.argmax(1).squeeze_dim::<1>(1).equal(targets).int().sum();
            correct += hits.into_scalar().elem::<u64>() as usize;
            loss_sum += loss.clone().into_scalar().elem::<f64>() * batch.len() as f64;

            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            let progress = step as f64 / steps as f64;
            let learning_rate = args.learning_rate * 0.5 * (1.0 + (PI * progress).cos());
            model = optimizer.step(learning_rate, model, gradients);
            step += 1;
        }

        let accuracy = 100.0 * correct as f64 / set.len() as f64;
        println!(
            "epoch {epoch:>3}  loss {:.4}  training accuracy {accuracy:.2} %",
            loss_sum / set.len() as f64
        );
    }
    model
}

/// Moves each image by up to one pixel to the left or right.
///
/// Not up or down: the digits fill the height of the image and would lose a row.
fn shift(batch: &Digits, rng: &mut StdRng) -> Digits {
    let mut shifted = Digits::default();
    for (pixels, &label) in batch.pixels().zip(batch.labels()) {
        let by: i32 = rng.random_range(-1..=1);
        let mut moved = [0.0; PIXELS];
        for (from, to) in pixels.chunks_exact(SIDE).zip(moved.chunks_exact_mut(SIDE)) {
            match by {
                -1 => to[..SIDE - 1].copy_from_slice(&from[1..]),
                1 => to[1..].copy_from_slice(&from[..SIDE - 1]),
                _ => to.copy_from_slice(from),
            }
        }
        shifted.push(&moved, label);
    }
    shifted
}

/// Prints a share of correct answers.
fn report(what: &str, correct: usize, total: usize) {
    println!("{what} {:.2} % ({correct} of {total})", 100.0 * correct as f64 / total as f64);
}
