//! Explains a small convolutional network on handwritten digits: which pixels made it answer so?
//!
//! ```text
//! cargo run --release --bin explain-digits -- --out out/explain_digits
//! ```
//!
//! `--backend` runs it on another of the backends that are compiled in, as with
//! `-p explain-digits --features wgpu`.
//!
//! Writes `digits.png`, one column per digit with the image and its explanations, and `report.json`,
//! with the accuracy on the test set and, for every test image, the relevance sum against the logit
//! it explains. Prints both as a short table.

use std::fs;
use std::path::PathBuf;

use burn::tensor::backend::Backend;
use burn_xai::heatmap::{Picture, gray_image};
use burn_xai::prelude::*;
use clap::Parser;
use digits::data::{self, CLASSES, Digits, SIDE};
use digits::model::DigitsNet;
use example_common::{BackendArgs, Failure, Job, progress, write_json};
use serde::Serialize;

/// Images per batch.
const BATCH: usize = 120;
/// Screen pixels per pixel of an image.
const SCALE: u32 = 12;

/// Explain a digit classifier; writes a picture and a report.
#[derive(Debug, Parser)]
struct Args {
    /// Folder for `digits.png` and `report.json`; made if it does not exist.
    #[arg(long, default_value = "out/explain_digits")]
    out: PathBuf,
    #[command(flatten)]
    backend: BackendArgs,
}

#[derive(Debug, Serialize)]
struct Report {
    backend: String,
    composite: String,
    test_images: usize,
    accuracy: f64,
    images: Vec<Explained>,
}

/// One test image: what the network says, and where the logit went.
#[derive(Debug, Serialize)]
struct Explained {
    label: usize,
    predicted: usize,
    logit: f64,
    relevance_sum: f64,
    absorbed_by_bias: f64,
    absorbed_by_stabilizer: f64,
    unexplained: f64,
}

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    args.backend.run(&args)
}

impl Job for Args {
    fn run<B: Backend>(&self, device: &B::Device) -> digits::Result<()> {
        let test = data::load()?.test;
        let net = DigitsNet::<B>::load(device)?;

        // The plain module goes in as it is; `DigitsNet::forward` is its ordinary forward function.
        let model = record(&net, DigitsNet::forward);
        let lrp = Lrp::new(&model, epsilon_plus_flat()).with_ledger();

        let mut images = Vec::with_capacity(test.len());
        let all: Vec<usize> = (0..test.len()).collect();
        for batch in all.chunks(BATCH) {
            let batch = test.select(batch);
            images.extend(explain(&lrp, &batch, device)?);
        }
        let correct = images.iter().filter(|image| image.predicted == image.label).count();
        let report = Report {
            backend: B::name(device),
            composite: lrp.composite().name().to_owned(),
            test_images: images.len(),
            accuracy: correct as f64 / images.len() as f64,
            images,
        };

        // The first test image of each digit.
        let shown: Vec<usize> = (0..CLASSES)
            .filter_map(|digit| test.labels().iter().position(|&label| usize::from(label) == digit))
            .collect();
        let picture = draw(&test.select(&shown), &methods(&model), device)?;

        fs::create_dir_all(&self.out)
            .map_err(|reason| format!("cannot make the folder {}: {reason}", self.out.display()))?;
        let (png, json) = (self.out.join("digits.png"), self.out.join("report.json"));
        picture.write_png(&png)?;
        write_json(&report, &json)?;

        println!("label  predicted   logit   relevance sum   + bias   + stabilizer   unexplained");
        for image in shown.iter().filter_map(|&index| report.images.get(index)) {
            println!(
                "{:5}  {:9}  {:6.3}  {:14.3}  {:7.3}  {:13.6}  {:12.6}",
                image.label,
                image.predicted,
                image.logit,
                image.relevance_sum,
                image.absorbed_by_bias,
                image.absorbed_by_stabilizer,
                image.unexplained
            );
        }
        println!(
            "accuracy {:.2} % on {} test images ({})",
            100.0 * report.accuracy,
            report.test_images,
            report.backend
        );
        println!("wrote {} and {}", png.display(), json.display());
        Ok(())
    }
}

/// The predicted class of every image, and where its logit went.
fn explain<B: Backend>(lrp: &Lrp<B>, batch: &Digits, device: &B::Device) -> digits::Result<Vec<Explained>> {
    let attribution = lrp.attribute(batch.images(device), Target::argmax())?;
    let classes = attribution.classes().unwrap_or_default();
    let ledger = attribution.ledger().ok_or("the ledger was asked for")?;
    let (bias, stabilizer, unexplained) = (ledger.bias(), ledger.stabilizer(), ledger.unexplained());
    let (logits, sums) = (attribution.scores()?, attribution.relevance_sums()?);
    Ok((0..batch.len())
        .map(|sample| Explained {
            label: usize::from(batch.labels()[sample]),
            predicted: classes[sample],
            logit: logits[sample],
            relevance_sum: sums[sample],
            absorbed_by_bias: bias[sample],
            absorbed_by_stabilizer: stabilizer[sample],
            unexplained: unexplained[sample],
        })
        .collect())
}

/// Every preset, one of them with an entry of one's own before it, and the methods that run the
/// model many times; those show their progress.
fn methods<B: Backend>(model: &Model<B>) -> Vec<Box<dyn Attributor<B>>> {
    // Epsilon on the first convolution asks which pixels were ink, where Flat only asks which
    // region counted.
    let epsilon_first = epsilon_plus_flat()
        .named("the same, first: epsilon")
        .prepend(Matcher::first([LayerKind::Conv]), Epsilon::default());
    let mut composites = Presets::default().all(0.0, 1.0);
    composites.insert(2, epsilon_first);
    let by_rules =
        composites.into_iter().map(|rules| Box::new(Lrp::new(model, rules)) as Box<dyn Attributor<B>>);
    let smooth = SmoothGrad::new(model).with_samples(100).with_progress(progress::bar("SmoothGrad"));
    let integrated =
        IntegratedGradients::new(model).with_steps(100).with_progress(progress::bar("IntegratedGradients"));
    let occlusion =
        Occlusion::new(model).with_window(2).with_stride(1).with_progress(progress::bar("Occlusion"));
    let repeated: [Box<dyn Attributor<B>>; 3] = [Box::new(smooth), Box::new(integrated), Box::new(occlusion)];
    by_rules.chain(repeated).collect()
}

/// One column per image: the image, then a row for each method.
fn draw<B: Backend>(
    shown: &Digits,
    methods: &[Box<dyn Attributor<B>>],
    device: &B::Device,
) -> digits::Result<Picture> {
    let ink = shown.pixels().map(|pixels| pixels.iter().map(|ink| 1.0 - ink).collect::<Vec<f32>>());
    let pictures = ink.map(|ink| gray_image(&ink, [1, SIDE, SIDE], Normalization::MinMax));
    let images = cells(pictures.collect::<Result<Vec<_>, _>>()?)?;

    let mut rows = Vec::new();
    let mut predicted = Vec::new();
    for method in methods {
        let attribution = method.attribute_inputs(&shown.images(device).into(), &Target::argmax())?;
        predicted = attribution.classes().unwrap_or_default().to_vec();
        let maps = maps(attribution.relevance()?)?;
        let pictures = maps.iter().map(|map| render(map, Normalization::Symmetric, Colormap::BlueWhiteRed));
        rows.push((method.name(), cells(pictures)?));
    }

    let headers =
        shown.labels().iter().zip(&predicted).map(|(label, predicted)| format!("{label} as {predicted}"));
    let grid = Grid::new().with_headers(headers).with_row("image", images);
    Ok(rows.into_iter().fold(grid, |grid, (name, cells)| grid.with_row(name, cells)).render()?)
}

fn cells(pictures: impl IntoIterator<Item = Picture>) -> digits::Result<Vec<Cell>> {
    Ok(pictures.into_iter().map(|picture| picture.upscale(SCALE).map(Cell::new)).collect::<Result<_, _>>()?)
}
