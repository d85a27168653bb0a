//! All methods by several metrics, over many photographs.

use std::fs;
use std::path::Path;

use burn::tensor::{Tensor, backend::Backend};
use burn_xai::evaluation::{Comparison, MaxSensitivity, PixelFlipping, Road, Sparseness};
use burn_xai::heatmap::curves;
use burn_xai::prelude::*;

use example_common::progress;
use explain_image::Result;
use explain_image::photo::Photo;

use crate::measure::{BLUR, SQUARE};
use crate::methods::{Kind, Method, Random};

/// Steps in which all squares are blurred, or come back.
const STEPS: usize = 16;
/// Photographs that go through the network at once.
const LARGEST_BATCH: usize = 16;
/// What the charts show: as many curves as there are colours.
const SHOWN: [&str; 7] = [
    "random",
    "epsilon-plus-flat",
    "epsilon-gamma-box",
    "integrated gradients",
    "DeepLIFT",
    "Grad-CAM",
    "guided backprop",
];

/// Prints a table of methods and metrics, and writes it with charts of the curves.
pub(crate) fn evaluate<B: Backend>(
    model: &Model<B>,
    methods: Vec<Method<B>>,
    photos: &[Photo],
    device: &B::Device,
    out: &Path,
) -> Result<()> {
    let stacked = |photos: &[Photo]| {
        Tensor::<B, 4>::cat(photos.iter().map(|photo| photo.tensor::<B>(device)).collect(), 0)
    };
    let blurred: Vec<_> = photos.iter().map(|photo| photo.blurred(BLUR)).collect();
    let (input, blurred) = (stacked(photos), stacked(&blurred));
    let flipping = || {
        let flipping = PixelFlipping::new(model).with_region(SQUARE).with_baseline(blurred.clone());
        flipping.with_steps(STEPS).with_largest_batch(LARGEST_BATCH)
    };
    let road = Road::new(model).with_percentages([10.0, 30.0, 50.0]).with_largest_batch(LARGEST_BATCH);
    let occlusion = Occlusion::new(model).with_window(SQUARE).with_baseline(blurred.clone());
    let mut comparison = Comparison::new()
        .with_method("random", Random(model.clone()))
        .with_metric(("deletion", flipping()))
        .with_metric(("insertion", flipping().with_insertion()))
        .with_metric(road)
        .with_metric(MaxSensitivity::new(model).with_radius(0.1).with_draws(2))
        .with_metric(Sparseness::Gini)
        .with_progress(progress::bar("methods and metrics"));
    // A contrast explains another score.
    for method in methods.into_iter().filter(|method| method.kind != Kind::Contrast) {
        comparison = comparison.with_method(method.name, method);
    }
    let comparison = comparison.with_method("occlusion", occlusion.with_largest_batch(LARGEST_BATCH));

    // Before times are taken, the model is recorded for this batch, with and without merged batch norms.
    model.output(input.clone(), 0)?;
    Saliency::new(model).attribute(input.clone(), Target::argmax())?;
    let report = comparison.run(input, Target::argmax())?;
    println!("{} photographs\n{report}", photos.len());
    write(out, "evaluation.csv", &report.to_csv())?;
    write(out, "evaluation.json", &report.to_json()?)?;
    for (metric, what) in [("deletion", "blurred"), ("insertion", "sharp")] {
        let shown = report.curves(metric).filter(|(name, _)| SHOWN.contains(name));
        let title = format!("{metric}, most relevant squares first; mean and 95 % confidence");
        let chart = curves(shown, what).with_title(title).render()?;
        chart.write_png(out.join(format!("evaluation-{metric}.png")))?;
    }
    println!("wrote evaluation.csv, evaluation.json and the charts to {}", out.display());
    Ok(())
}

fn write(out: &Path, name: &str, text: &str) -> Result<()> {
    let path = out.join(name);
    Ok(fs::write(&path, text).map_err(|reason| format!("cannot write {}: {reason}", path.display()))?)
}
