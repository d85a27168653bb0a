//! Time, memory and faithfulness.

use std::fs;
use std::time::Instant;

use burn::tensor::backend::Backend;
use burn_xai::evaluation::{FlippingCurve, PixelFlipping};
use burn_xai::prelude::*;

use example_common::progress;
use explain_image::Result;
use explain_image::model::SIDE;
use explain_image::photo::Photo;

/// Height and width of the squares that pixel flipping blurs.
pub(crate) const SQUARE: usize = 28;
/// Standard deviation of the blur in pixels, a tenth of the photograph.
pub(crate) const BLUR: f32 = 0.1 * SIDE as f32;
/// In how many steps all squares are blurred.
const FLIPPING_STEPS: usize = 32;

/// What running `task` cost, beside its result.
pub(crate) struct Cost {
    pub(crate) seconds: f64,
    /// The most memory that the process took while it ran, in MiB; Linux tells.
    pub(crate) peak_mib: Option<f64>,
}

/// Runs a task and says what it cost.
pub(crate) fn cost<T>(task: impl FnOnce() -> T) -> (T, Cost) {
    // Sets the peak back to what is taken now. Where that is not allowed, the peak is the process's.
    let _ = fs::write("/proc/self/clear_refs", "5");
    let (result, seconds) = timed(task);
    (result, Cost { seconds, peak_mib: peak_mib() })
}

/// Runs a task and says how many seconds it took.
pub(crate) fn timed<T>(task: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = task();
    (result, start.elapsed().as_secs_f64())
}

fn peak_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kib| kib / 1024.0)
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Blurs a photograph square by square, by relevance or at random, and asks for the logit of the best
/// class.
///
/// Blurred, because what is hidden should say nothing: squares of one colour have edges, which are
/// features too, and many of them confuse the network wherever they are.
pub(crate) struct Flipping<B: Backend> {
    flipping: PixelFlipping<B>,
    input: Value<B>,
}

impl<B: Backend> Flipping<B> {
    pub(crate) fn new(model: &Model<B>, photo: &Photo, device: &B::Device) -> Self {
        let flipping = PixelFlipping::new(model)
            .with_region(SQUARE)
            .with_baseline(photo.blurred(BLUR).tensor::<B>(device))
            .with_steps(FLIPPING_STEPS)
            .with_largest_batch(FLIPPING_STEPS / 2)
            .with_progress(progress::bar("pixel flipping"));
        Self { flipping, input: photo.tensor::<B>(device).into() }
    }

    /// The most relevant squares first.
    pub(crate) fn by(&self, relevance: &Value<B>) -> Result<FlippingCurve> {
        mean(&self.flipping.curves(self.input.clone(), relevance.clone(), Target::argmax())?)
    }

    /// The curve of each of `orders` random orders.
    pub(crate) fn random(&self, orders: u64) -> Result<Vec<FlippingCurve>> {
        let curve = |seed| mean(&self.flipping.random(self.input.clone(), Target::argmax(), seed)?);
        (0..orders).map(curve).collect()
    }
}

/// The mean of curves over the same fractions.
pub(crate) fn mean(curves: &[FlippingCurve]) -> Result<FlippingCurve> {
    Ok(FlippingCurve::mean(curves).ok_or("there are no curves to take the mean of")?)
}
