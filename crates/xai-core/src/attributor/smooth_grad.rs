//! The gradient averaged over noisy inputs.

use std::sync::Arc;

use burn::tensor::TensorData;
use burn_backend::Backend;

use super::noise::Noise;
use super::progress::{Listener, Progress};
use super::score::{Score, add_scaled};
use super::{Attributor, AttributorError};
use crate::Value;
use crate::engine::read;
use crate::error::ExplainError;
use crate::explain::{Attribution, Explainer, Target, describe, fits};

/// SmoothGrad: the mean of the gradients at noisy copies of the input,
/// `R = (1/n) sum_k df/dx (x + sigma e_k)`, the noise `e_k` standard normal but 0 for the last copy.
///
/// `sigma` is `noise_level` times the range `max - min` of each sample (of each input). With one
/// sample it is the plain gradient. Noise comes from a generator on the host (ChaCha8), seeded with
/// [`seed`](Self::seed) and used for nothing else: equal seeds give equal noise, on every backend,
/// in every thread, whatever else is in the batch.
///
/// The explainer's composite is usually [`gradient`](crate::composite::gradient); with another one
/// it is that method which is averaged.
///
/// Smilkov, Thorat, Kim, Viégas, Wattenberg, "SmoothGrad: removing noise by adding noise",
/// arXiv 1706.03825, 2017.
#[derive(Debug, Clone)]
pub struct SmoothGrad<B: Backend> {
    explainer: Arc<Explainer<B>>,
    noise_level: f64,
    samples: usize,
    seed: u64,
    listener: Listener,
}

impl<B: Backend> SmoothGrad<B> {
    /// SmoothGrad of `explainer`'s model: noise level 0.1, 20 samples, seed 0.
    pub fn new(explainer: impl Into<Arc<Explainer<B>>>) -> Self {
        let listener = Listener::default();
        Self { explainer: explainer.into(), noise_level: 0.1, samples: 20, seed: 0, listener }
    }

    /// Standard deviation of the noise, relative to the range of each sample's values; finite, 0 or
    /// more.
    pub fn noise_level(self, noise_level: f64) -> Self {
        Self { noise_level, ..self }
    }

    /// Number of gradients that are averaged, the one at the unchanged input included; 1 or more.
    pub fn samples(self, samples: usize) -> Self {
        Self { samples, ..self }
    }

    /// What the noise is drawn from.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Calls `listen` after every sample.
    pub fn on_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// As [`attribute`](Attributor::attribute), with noise of your own instead of the seed's: one
    /// tensor of the input's shape per noisy sample, standard normal before it is scaled. The
    /// unchanged input is averaged along, so the number of samples is one more.
    ///
    /// # Errors
    /// [`AttributorError::Noise`] for another shape or element type, else as
    /// [`attribute`](Attributor::attribute).
    pub fn attribute_with_noise(
        &self,
        input: Value<B>,
        target: Target<B>,
        noise: &[Value<B>],
    ) -> Result<Attribution<B>, ExplainError> {
        let misfit = |noise: &&Value<B>| noise.dims() != input.dims() || !fits(noise, &input);
        if let Some(misfit) = noise.iter().find(misfit) {
            let (got, expected) = (describe(misfit), describe(&input));
            return Err(AttributorError::Noise { got, expected }.into());
        }
        let mut noise = noise.iter();
        let inputs = [input];
        self.average(&inputs, target, noise.len() + 1, || noise.next().cloned().into_iter().collect())
    }

    /// Averages `samples` gradients, those but one with the noise that `draw` gives for each input.
    fn average(
        &self,
        inputs: &[Value<B>],
        target: Target<B>,
        samples: usize,
        mut draw: impl FnMut() -> Vec<Value<B>>,
    ) -> Result<Attribution<B>, ExplainError> {
        self.check(samples)?;
        // The unchanged input comes first, because it settles the target; its gradient is added
        // last, as the formula has it.
        let run = self.explainer.run(inputs)?;
        let output = run.output().clone();
        let score = Score::of(target, run.graph(), &output)?;
        let clean = run.relevance(score.weights())?;
        self.listener.tell(1, samples);
        let deviations = inputs.iter().map(|x| self.deviation(x)).collect::<Result<Vec<_>, _>>()?;
        let weight = 1.0 / samples as f64;
        let mut sum = None;
        for sample in 1..samples {
            let noisy = inputs.iter().zip(draw().into_iter().zip(&deviations));
            let noisy: Vec<_> = noisy.map(|(x, (noise, deviation))| noise * deviation + x).collect();
            let gradients = self.explainer.run(&noisy).and_then(|run| run.relevance(score.weights()))?;
            sum = add_scaled(sum, gradients, weight);
            self.listener.tell(sample + 1, samples);
        }
        let relevance = add_scaled(sum, clean, weight).unwrap_or_default();
        Ok(score.attribution(relevance, output))
    }

    fn check(&self, samples: usize) -> Result<(), AttributorError> {
        if samples == 0 {
            return Err(AttributorError::Parameter { parameter: "samples", value: 0.0, range: "1 or more" });
        }
        if !(self.noise_level >= 0.0 && self.noise_level.is_finite()) {
            let (parameter, value) = ("noise_level", self.noise_level);
            return Err(AttributorError::Parameter { parameter, value, range: "finite and 0 or more" });
        }
        Ok(())
    }

    /// `noise_level * (max - min)` of each sample, `[batch, 1, ..]`.
    fn deviation(&self, x: &Value<B>) -> Result<Value<B>, ExplainError> {
        let mut dims = x.dims();
        let width = dims[1..].iter().product::<usize>();
        let range = |sample: &[f64]| {
            let (low, high) = sample
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)));
            self.noise_level * (high - low)
        };
        let deviations: Vec<_> = read(x)?.chunks(width).map(range).collect();
        dims[1..].fill(1);
        Ok(Value::from_data(TensorData::new(deviations, dims).convert_dtype(x.dtype()), &x.device()))
    }
}

impl<B: Backend> Attributor<B> for SmoothGrad<B> {
    fn name(&self) -> &str {
        "smoothgrad"
    }

    fn attribute_values(
        &self,
        inputs: &[Value<B>],
        target: Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let streams = inputs.iter().enumerate();
        let mut streams: Vec<_> = streams
            .map(|(index, x)| (x, Noise::new(self.seed, index, x.dims().first().copied().unwrap_or(0))))
            .collect();
        self.average(inputs, target, self.samples, || {
            let drawn = streams.iter_mut().map(|(x, noise)| {
                let dims = x.dims();
                let data = TensorData::new(noise.draw(dims[1..].iter().product()), dims);
                Value::from_data(data.convert_dtype(x.dtype()), &x.device())
            });
            drawn.collect()
        })
    }
}
