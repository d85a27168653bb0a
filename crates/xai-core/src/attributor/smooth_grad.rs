//! The gradient averaged over noisy inputs.

use burn::tensor::TensorData;
use burn_backend::Backend;

use super::copies::Copies;
use super::noise::Noise;
use super::progress::{Call, Listener, Progress};
use super::score::Score;
use super::{Attribution, Attributor, Lrp, PerInput};
use crate::Value;
use crate::composite::gradient;
use crate::engine::read;
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target, describe, fits};

/// SmoothGrad: the mean of the gradients at noisy copies of the input,
/// `R = (1/n) sum_k df/dx (x + sigma e_k)`, the noise `e_k` standard normal but 0 for the last copy.
///
/// `sigma` is the noise level times the range `max - min` of each sample (of each explained input).
/// With one sample it is the plain gradient. Noise comes from a generator on the host (ChaCha8), seeded
/// with [`with_seed`](Self::with_seed) and used for nothing else: equal seeds give equal noise, on every
/// backend, in every thread, whatever else is in the batch.
///
/// What it cannot tell: like [`Saliency`](super::Saliency) it knows slopes, not contributions. The noise level
/// decides how much detail is left, and there is no right one.
///
/// Two other forms say how strong the gradient is around the input, without its sign: the mean of its square
/// ([`with_squares`](Self::with_squares)) and its variance ([`with_variance`](Self::with_variance)).
///
/// Smilkov, Thorat, Kim, Viégas, Wattenberg, "SmoothGrad: removing noise by adding noise",
/// arXiv 1706.03825, 2017; Hooker et al., "A Benchmark for Interpretability Methods in Deep Neural Networks",
/// NeurIPS 2019, arXiv 1806.10758 (squares); Adebayo et al., "Local Explanation Methods for Deep Neural Networks
/// Lack Sensitivity to Parameter Values", arXiv 1810.03307, 2018 (variance).
#[derive(Debug, Clone)]
pub struct SmoothGrad<B: Backend> {
    method: Lrp<B>,
    form: Form,
    noise_level: PerInput<f64>,
    samples: usize,
    has_unchanged: bool,
    seed: u64,
    largest_batch: usize,
    listener: Listener,
}

/// What is taken of the gradients.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Mean,
    MeanSquare,
    Variance,
}

impl<B: Backend> SmoothGrad<B> {
    /// SmoothGrad of `model`: noise level 0.1, 20 samples, seed 0, one noisy copy per run.
    pub fn new(model: &Model<B>) -> Self {
        Self::of(Lrp::new(&model.unmerged(), gradient()))
    }

    /// The same average of another method's relevance, started with one, such as guided
    /// backpropagation.
    pub fn of(method: Lrp<B>) -> Self {
        let (noise_level, listener) = (PerInput::All(0.1), Listener::default());
        Self {
            method,
            form: Form::Mean,
            noise_level,
            samples: 20,
            has_unchanged: true,
            seed: 0,
            largest_batch: 1,
            listener,
        }
    }

    /// Takes the mean of the squared gradients, SmoothGrad-squared.
    pub fn with_squares(self) -> Self {
        Self { form: Form::MeanSquare, ..self }
    }

    /// Takes the variance of the gradients, VarGrad: `mean(g^2) - mean(g)^2`.
    pub fn with_variance(self) -> Self {
        Self { form: Form::Variance, ..self }
    }

    /// Standard deviation of the noise, relative to the range of each sample's values; finite, 0 or
    /// more.
    pub fn with_noise_level(self, noise_level: f64) -> Self {
        Self { noise_level: PerInput::All(noise_level), ..self }
    }

    /// One noise level for each explained input.
    pub fn with_noise_levels(self, noise_levels: impl IntoIterator<Item = f64>) -> Self {
        Self { noise_level: PerInput::each(noise_levels), ..self }
    }

    /// Takes noisy copies only, as the papers do, instead of the unchanged input for the last one.
    pub fn without_unchanged_input(self) -> Self {
        Self { has_unchanged: false, ..self }
    }

    /// Number of gradients that are averaged, the one at the unchanged input included; 1 or more.
    pub fn with_samples(self, samples: usize) -> Self {
        Self { samples, ..self }
    }

    /// What the noise is drawn from.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// How many samples go through the model at once, 1 or more, which bounds the memory: as many
    /// noisy copies are explained in one run as their copies of the batch fit, and at least one.
    pub fn with_largest_batch(self, samples: usize) -> Self {
        Self { largest_batch: samples, ..self }
    }

    /// Calls `listen` after every run of the model, counting samples.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// As [`attribute`](Attributor::attribute), with noise of your own instead of the seed's: one
    /// tensor of the input's shape per noisy sample, standard normal before it is scaled. The
    /// unchanged input is averaged along, if it is not left out, so the number of samples is one more. For models
    /// with one explained input.
    ///
    /// # Errors
    /// [`AttributorError::Noise`] for another shape or element type, else as
    /// [`attribute`](Attributor::attribute).
    pub fn attribute_with_noise(
        &self,
        inputs: impl Into<Inputs<B>>,
        target: impl Into<Target<B>>,
        noise: &[Value<B>],
    ) -> Result<Attribution<B>, ExplainError> {
        let (target, progress) = (target.into(), self.listener.begin());
        let inputs = self.method.model().embed(&inputs.into(), target.output())?;
        for (_, x) in inputs.explained() {
            if let Some(misfit) = noise.iter().find(|noise| noise.dims() != x.dims() || !fits(noise, x)) {
                let (got, expected) = (describe(misfit), describe(x));
                return Err(AttributorError::Noise { got, expected }.into());
            }
        }
        let mut drawn = noise.iter();
        let samples = noise.len() + usize::from(self.has_unchanged);
        self.average(progress, &inputs, &target, samples, || drawn.next().cloned().into_iter().collect())
    }

    /// Averages `samples` gradients, those but one with the noise that `draw` gives for each explained
    /// input.
    fn average(
        &self,
        progress: Call,
        inputs: &Inputs<B>,
        target: &Target<B>,
        samples: usize,
        mut draw: impl FnMut() -> Vec<Value<B>>,
    ) -> Result<Attribution<B>, ExplainError> {
        if samples == 0 {
            let (parameter, range) = ("samples", "1 or more");
            return Err(AttributorError::Parameter { parameter, value: 0.0, range }.into());
        }
        let explained: Vec<_> = inputs.explained().map(|(_, x)| x).collect();
        let levels = self.noise_level.resolve("noise levels", explained.len())?;
        let deviations = explained.iter().zip(levels).map(|(x, level)| deviation(x, *level));
        let deviations = deviations.collect::<Result<Vec<_>, _>>()?;
        // The unchanged input comes first, because it settles the target; its gradient is added
        // last, as the formula has it.
        let run = self.method.run(inputs, target.output())?;
        let output = run.output().clone();
        let score = Score::of(target, run.graph(), &output)?;
        let mut clean = None;
        if self.has_unchanged {
            clean = Some(run.relevance(score.gradient(&output, 1)?)?);
            progress.tell(1, samples);
        }
        let done = usize::from(self.has_unchanged);
        // Of an input that all samples share there is only the sum over a stack, which no square is made of.
        let batch = inputs.batch();
        let stacks =
            self.form == Form::Mean || inputs.floats().iter().all(|x| x.dims().first().copied() == batch);
        let largest_batch = if stacks { self.largest_batch } else { self.largest_batch.min(1) };
        let copies = Copies::new(&self.method, inputs, target.output(), &score, largest_batch)?;
        let noisy = (done..samples).map(|_| {
            let noisy = explained.iter().zip(draw().into_iter().zip(&deviations));
            let noisy = noisy.map(|(x, (noise, deviation))| noise * deviation + *x);
            (noisy.collect(), ())
        });
        let mut moments = Moments { form: self.form, samples, taken: 0, of_inputs: Vec::new() };
        copies.each(
            noisy,
            |gradients, ()| moments.take(gradients),
            |noisy| progress.tell(noisy + done, samples),
        )?;
        clean.into_iter().for_each(|clean| moments.take(clean));
        score.attribution(inputs, moments.finish(), output)
    }
}

/// What was taken of the gradients so far.
struct Moments<B: Backend> {
    form: Form,
    samples: usize,
    taken: usize,
    of_inputs: Vec<Moment<B>>,
}

/// Of one input: the mean of the gradients, or of their squares as far as it goes, and for the variance the sum of
/// squared differences from the mean.
struct Moment<B: Backend> {
    mean: Value<B>,
    squares: Option<Value<B>>,
}

impl<B: Backend> Moments<B> {
    fn take(&mut self, gradients: Vec<Value<B>>) {
        self.taken += 1;
        let mut before = std::mem::take(&mut self.of_inputs).into_iter();
        self.of_inputs = gradients.into_iter().map(|gradient| self.with(gradient, before.next())).collect();
    }

    fn with(&self, gradient: Value<B>, before: Option<Moment<B>>) -> Moment<B> {
        let share = 1.0 / self.samples as f64;
        let term = match (self.form, before) {
            (Form::Variance, None) => return Moment { mean: gradient, squares: None },
            (Form::Variance, Some(Moment { mean, squares })) => {
                // Welford's recurrence: a small variance is no difference of large numbers.
                let change = &gradient - &mean;
                let mean = mean + change.clone() / self.taken as f64;
                let square = change * (gradient - &mean);
                let squares = Some(if let Some(squares) = squares { squares + square } else { square });
                return Moment { mean, squares };
            }
            (form, before) => {
                let term = if form == Form::Mean { gradient } else { &gradient * &gradient } * share;
                if let Some(Moment { mean, .. }) = before { mean + term } else { term }
            }
        };
        Moment { mean: term, squares: None }
    }

    fn finish(self) -> Vec<Value<B>> {
        let of_input = |Moment { mean, squares }: Moment<B>| match (self.form, squares) {
            (Form::Variance, Some(squares)) => squares / self.samples as f64,
            (Form::Variance, None) => mean.full_like(&mean.dims(), 0.0),
            _ => mean,
        };
        self.of_inputs.into_iter().map(of_input).collect()
    }
}

/// `level * (max - min)` of each sample, `[batch, 1, ..]`.
fn deviation<B: Backend>(x: &Value<B>, level: f64) -> Result<Value<B>, ExplainError> {
    if !(level >= 0.0 && level.is_finite()) {
        let (parameter, range) = ("noise_level", "finite and 0 or more");
        return Err(AttributorError::Parameter { parameter, value: level, range }.into());
    }
    let mut dims = x.dims();
    let width = dims.iter().skip(1).product::<usize>().max(1);
    let range = |sample: &[f64]| {
        let ends = |(low, high): (f64, f64), &x: &f64| (low.min(x), high.max(x));
        let (low, high) = sample.iter().fold((f64::INFINITY, f64::NEG_INFINITY), ends);
        level * (high - low)
    };
    let deviations: Vec<_> = read(x)?.chunks(width).map(range).collect();
    dims.iter_mut().skip(1).for_each(|size| *size = 1);
    Ok(Value::from_data(TensorData::new(deviations, dims).convert_dtype(x.dtype()), &x.device()))
}

impl<B: Backend> Attributor<B> for SmoothGrad<B> {
    fn name(&self) -> &str {
        "smoothgrad"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let progress = self.listener.begin();
        let inputs = &self.method.model().embed(inputs, target.output())?;
        let streams = inputs.explained().map(|(_, x)| x).enumerate();
        let mut streams: Vec<_> = streams
            .map(|(index, x)| (x, Noise::new(self.seed, index, x.dims().first().copied().unwrap_or(0))))
            .collect();
        self.average(progress, inputs, target, self.samples, || {
            let drawn = streams.iter_mut().map(|(x, noise)| {
                let dims = x.dims();
                let data = TensorData::new(noise.draw(dims[1..].iter().product()), dims);
                Value::from_data(data.convert_dtype(x.dtype()), &x.device())
            });
            drawn.collect()
        })
    }
}
