//! Explains what a network that was pretrained on ImageNet sees on photographs.
//!
//! ```text
//! scripts/fetch-efficientnet-lite0.sh
//! cargo run --release -p explain-image -- photo.jpg --out out/explain_image
//! ```
//!
//! Writes `maps.png`, the photographs and their explanations side by side; for each photograph a chart of
//! pixel flipping; and `report.json` with the five best classes, times, memory and areas. Prints them too.

mod channels;
mod evaluate;
mod measure;
mod methods;
mod report;

use std::fs;
use std::path::PathBuf;

use burn::tensor::{Tensor, backend::Backend};
use burn_xai::evaluation::FlippingCurve;
use burn_xai::heatmap::{Chart, Picture, Quantile, overlay};
use burn_xai::prelude::*;
use clap::Parser;
use example_common::{BackendArgs, Failure, Job, write_json};
use explain_image::model::EfficientNetLite0;
use explain_image::photo::Photo;
use explain_image::{Result, classes, weights};

use measure::{Flipping, cost, mean, median, timed};
use methods::{Kind, Method};
use report::{Class, Explained, Measured, Report};

/// Classes that are listed.
const BEST: usize = 5;
/// Repetitions that times are the median of.
const ROUNDS: usize = 9;
/// Part of the pixels that lie between the ends of the colour map: a few of the strongest would otherwise
/// leave the others white.
const SHOWN: f64 = 0.995;
/// Pictures in a row.
const COLUMNS: usize = 4;

/// Explain what EfficientNet-Lite0, pretrained on ImageNet, sees on photographs.
///
/// Writes maps.png with eleven explanations of each photograph, flipping-<number>-<name>.png with the logit
/// while the photograph is blurred square by square, and report.json. Get the weights (17 MB, Apache License
/// 2.0) with scripts/fetch-efficientnet-lite0.sh.
#[derive(Debug, Parser)]
struct Args {
    /// PNG or JPEG files of any size, of which the square in the middle is used; without any, a cup of
    /// espresso and a cat that come with the example.
    photos: Vec<PathBuf>,
    /// The PyTorch file with the weights; if not given, the one that the environment variable
    /// EFFICIENTNET_LITE0 names, else the one that the script left in the cache.
    #[arg(long, value_name = "FILE")]
    weights: Option<PathBuf>,
    /// Folder for the pictures and the report; made if it does not exist.
    #[arg(long, value_name = "DIR", default_value = "out/explain_image")]
    out: PathBuf,
    /// Gradients that SmoothGrad averages.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    /// Gradients that integrated gradients adds up.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    steps: u16,
    /// Random orders that pixel flipping is compared with.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    orders: u16,
    /// Hold all methods against each other by several metrics, on the photographs or, without any, on sixteen views
    /// of four that come with the example; about a quarter of an hour on two cores. Writes evaluation.csv,
    /// evaluation.json and two charts.
    #[arg(long)]
    evaluate: bool,
    /// Show what the channels of an inner layer stand for, such as blocks.10.project.conv: writes channels.png with
    /// the photographs, or the views, in which each has most relevance.
    #[arg(long, value_name = "NODE", conflicts_with = "evaluate")]
    channels: Option<String>,
    #[command(flatten)]
    backend: BackendArgs,
}

fn main() -> std::result::Result<(), Failure> {
    let args = Args::parse();
    args.backend.run(&args)
}

impl Job for Args {
    fn run<B: Backend>(&self, device: &B::Device) -> Result<()> {
        let photos = match self.photos.as_slice() {
            [] if self.evaluate || self.channels.is_some() => Photo::views()?,
            [] => Photo::examples()?,
            paths => paths.iter().map(|path| Photo::open(path)).collect::<Result<_>>()?,
        };
        let file = weights::path(self.weights.as_deref())?;
        let net = weights::load::<B>(&file, device)?;
        fs::create_dir_all(&self.out)
            .map_err(|reason| format!("cannot make the folder {}: {reason}", self.out.display()))?;

        // The plain module goes in as it is; `EfficientNetLite0::forward` is its ordinary forward function.
        let model = record(&net, EfficientNetLite0::forward);
        if let Some(node) = &self.channels {
            return channels::sheet(&model, node, &photos, device, &self.out);
        }
        let methods = methods::all(&model, self.samples.into(), self.steps.into());
        if self.evaluate {
            return evaluate::evaluate(&model, methods, &photos, device, &self.out);
        }

        let mut report =
            Report { backend: B::name(device), network: "EfficientNet-Lite0", photos: Vec::new() };
        let mut grid = Grid::new();
        for (number, photo) in (1..).zip(&photos) {
            let input = photo.tensor::<B>(device);
            let best = best(&net, &input)?;
            let (maps, mut measured) = explain(&methods, &input)?;
            let forward_seconds = compare_times(&net, &methods, &input, &mut measured)?;
            grid = rows(grid, photo, &best, &measured, &maps)?;

            let flipping = Flipping::new(&model, photo, device);
            let random = flipping.random(self.orders.into())?;
            let mean = mean(&random)?;
            let mut chart = Chart::new("part of the photograph that is blurred", "logit")
                .with_title(format!(
                    "{}: {}, blurred square by square, most relevant first",
                    photo.name, best[0].name
                ))
                .with_curve("random", points(&mean));
            let asked = methods.iter().zip(&mut measured).zip(&maps);
            for ((method, measured), relevance) in
                asked.filter(|((method, _), _)| method.kind != Kind::Contrast)
            {
                let curve = flipping.by(&relevance.clone().into())?;
                measured.flipping_area = Some(curve.area());
                chart = chart.with_curve(method.name, points(&curve));
            }
            chart.render()?.write_png(self.out.join(format!("flipping-{number}-{}.png", photo.name)))?;

            let explained = Explained {
                photo: photo.name.clone(),
                best,
                forward_seconds,
                methods: measured,
                random_area: mean.area(),
                random_areas: random.iter().map(FlippingCurve::area).collect(),
            };
            print(&explained);
            report.photos.push(explained);
        }
        grid.render()?.write_png(self.out.join("maps.png"))?;
        write_json(&report, &self.out.join("report.json"))?;
        println!("wrote maps.png, the charts and report.json to {}", self.out.display());
        Ok(())
    }
}

/// The classes with the highest probabilities.
fn best<B: Backend>(net: &EfficientNetLite0<B>, input: &Tensor<B, 4>) -> Result<Vec<Class>> {
    let logits = forward(net, input)?;
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|logit| (logit - highest).exp()).sum();
    let class = |(index, logit): (usize, &f64)| Class {
        index,
        name: classes::name(index),
        probability: (logit - highest).exp() / sum,
    };
    let mut best: Vec<_> = logits.iter().enumerate().map(class).collect();
    best.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    best.truncate(BEST);
    Ok(best)
}

/// The logits by the plain module, on the host.
fn forward<B: Backend>(net: &EfficientNetLite0<B>, input: &Tensor<B, 4>) -> Result<Vec<f64>> {
    let logits = net.forward(input.clone()).try_into_data().map_err(|reason| format!("{reason:?}"))?;
    Ok(logits.iter::<f64>().collect())
}

/// The relevance by every method, and what it cost.
fn explain<B: Backend>(
    methods: &[Method<B>],
    input: &Tensor<B, 4>,
) -> Result<(Vec<Tensor<B, 4>>, Vec<Measured>)> {
    let mut explained = (Vec::new(), Vec::new());
    for method in methods {
        let (relevance, cost) = cost(|| relevance(method, input));
        explained.0.push(relevance?);
        explained.1.push(Measured {
            method: method.name,
            lrp: method.kind == Kind::Lrp,
            seconds: cost.seconds,
            times_forward: None,
            peak_mib: cost.peak_mib,
            flipping_area: None,
        });
    }
    Ok(explained)
}

/// The relevance by one method; computed when this returns, on backends too that compute later.
fn relevance<B: Backend>(method: &Method<B>, input: &Tensor<B, 4>) -> Result<Tensor<B, 4>> {
    let relevance = method.explain(&input.clone().into())?.relevance::<4>()?;
    B::sync(&relevance.device()).map_err(|reason| format!("{reason:?}"))?;
    Ok(relevance)
}

/// Times the plain forward pass and relevance propagation in turn, so that both meet the same machine;
/// gives the seconds of the former.
fn compare_times<B: Backend>(
    net: &EfficientNetLite0<B>,
    methods: &[Method<B>],
    input: &Tensor<B, 4>,
    measured: &mut [Measured],
) -> Result<f64> {
    let mut forwards = Vec::new();
    let mut times = vec![Vec::new(); methods.len()];
    for _ in 0..ROUNDS {
        let (logits, seconds) = timed(|| forward(net, input));
        logits?;
        forwards.push(seconds);
        for (method, times) in methods.iter().zip(&mut times).filter(|(method, _)| method.kind == Kind::Lrp) {
            let (relevance, seconds) = timed(|| relevance(method, input));
            relevance?;
            times.push(seconds);
        }
    }
    let forward = median(forwards);
    for (measured, times) in measured.iter_mut().zip(times).filter(|(_, times)| !times.is_empty()) {
        measured.times_forward = Some(median(times) / forward);
    }
    Ok(forward)
}

/// The photograph and its maps, added to the picture in rows.
fn rows<B: Backend>(
    grid: Grid,
    photo: &Photo,
    best: &[Class],
    methods: &[Measured],
    relevance: &[Tensor<B, 4>],
) -> Result<Grid> {
    let caption = format!("{}: {} {:.0} %", photo.name, best[0].name, 100.0 * best[0].probability);
    let mut cells = vec![Cell::new(photo.picture()?).with_caption(caption)];
    for (method, relevance) in methods.iter().zip(relevance) {
        let caption = match method.method {
            "contrast" => format!("{}, not {}", best[0].name, best[1].name),
            name => name.to_owned(),
        };
        for map in maps(relevance.clone())? {
            // A map without details shows where only on what it is of.
            let is_coarse = method.method.to_lowercase().ends_with("cam");
            let picture = if is_coarse { draw_over(&map, &photo.picture()?)? } else { draw(&map)? };
            cells.push(Cell::new(picture).with_caption(caption.clone()));
        }
    }
    Ok(cells.chunks(COLUMNS).fold(grid, |grid, row| grid.with_row("", row.to_vec())))
}

/// Red pixels raise the score of the class, blue ones lower it.
fn draw(map: &RelevanceMap) -> Result<Picture> {
    Ok(render(map, scale()?, Colormap::BlueWhiteRed))
}

/// The same over the photograph in grey.
fn draw_over(map: &RelevanceMap, photo: &Picture) -> Result<Picture> {
    Ok(overlay(&photo.grayed(), map, scale()?, Colormap::BlueWhiteRed, 0.7)?)
}

fn scale() -> Result<Normalization> {
    Ok(Normalization::SymmetricQuantile(Quantile::new(SHOWN)?))
}

fn points(curve: &FlippingCurve) -> impl Iterator<Item = (f64, f64)> {
    curve.fractions.iter().copied().zip(curve.scores.iter().copied())
}

fn print(explained: &Explained) {
    println!("{}", explained.photo);
    for class in &explained.best {
        println!("  {:5.1} %  {} ({})", 100.0 * class.probability, class.name, class.index);
    }
    println!("  {:25} {:>8}  {:>9}  {:>8}  {:>13}", "", "seconds", "x forward", "peak MiB", "flipping area");
    println!("  {:25} {:8.3}  {:9.1}", "plain forward pass", explained.forward_seconds, 1.0);
    let column = |value: Option<f64>, width: usize, digits: usize| match value {
        Some(value) => format!("{value:width$.digits$}"),
        None => " ".repeat(width),
    };
    for method in &explained.methods {
        println!(
            "  {:25} {:8.3}  {}  {}  {}",
            method.method,
            method.seconds,
            column(method.times_forward, 9, 1),
            column(method.peak_mib, 8, 0),
            column(method.flipping_area, 13, 2),
        );
    }
    println!("  {:25} {:>8}  {:>9}  {:>8}  {:13.2}", "random order", "", "", "", explained.random_area);
}
