//! Gradients integrated on the way from a baseline to the input.

use burn_backend::Backend;

use super::copies::Copies;
use super::progress::{Listener, Progress};
use super::score::{Score, add_scaled};
use super::{Attribution, Attributor, Baseline, Lrp, PerInput, Quadrature};
use crate::composite::gradient;
use crate::error::ExplainError;
use crate::model::{Inputs, Model, Target};

/// Integrated gradients: `R_i = (x_i - b_i) * integral of df/dx_i (b + a (x - b)) da` over `[0, 1]`,
/// with the baseline `b`.
///
/// The integral adds up to `f(x) - f(b)`. [`Attribution::convergence_delta`] tells how far the sum
/// of `steps` gradients is from that, for every sample: more steps make it smaller. All explained
/// inputs are on their way together; the others stay as they are.
///
/// What it cannot tell: anything that is not a difference from the baseline. Where input and baseline are alike, a
/// black object on a black baseline, relevance is 0; and the path leads through inputs that the model never saw.
///
/// Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, PMLR 70:3319-3328.
#[derive(Debug, Clone)]
pub struct IntegratedGradients<B: Backend> {
    gradient: Lrp<B>,
    steps: usize,
    quadrature: Quadrature,
    baselines: PerInput<Baseline<B>>,
    largest_batch: usize,
    listener: Listener,
}

impl<B: Backend> IntegratedGradients<B> {
    /// Integrated gradients of `model`: 20 steps, right end points, a baseline of 0, one step per run.
    pub fn new(model: &Model<B>) -> Self {
        Self {
            gradient: Lrp::new(&model.unmerged(), gradient()),
            steps: 20,
            quadrature: Quadrature::default(),
            baselines: PerInput::All(Baseline::default()),
            largest_batch: 1,
            listener: Listener::default(),
        }
    }

    /// Number of gradients; 1 or more, for trapezoids 2 or more.
    pub fn with_steps(self, steps: usize) -> Self {
        Self { steps, ..self }
    }

    /// How the integral is approximated.
    pub fn with_quadrature(self, quadrature: Quadrature) -> Self {
        Self { quadrature, ..self }
    }

    /// Where the path begins: a finite number, or a tensor of the input's rank and of its sizes or
    /// sizes of 1; the same for all explained inputs.
    pub fn with_baseline(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { baselines: PerInput::All(baseline.into()), ..self }
    }

    /// One baseline for each explained input.
    pub fn with_baselines(self, baselines: impl IntoIterator<Item = impl Into<Baseline<B>>>) -> Self {
        Self { baselines: PerInput::each(baselines), ..self }
    }

    /// How many samples go through the model at once, 1 or more, which bounds the memory: as many
    /// steps are taken in one run as their copies of the batch fit, and at least one.
    pub fn with_largest_batch(self, samples: usize) -> Self {
        Self { largest_batch: samples, ..self }
    }

    /// Calls `listen` after every run of the model, counting steps.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }
}

impl<B: Backend> Attributor<B> for IntegratedGradients<B> {
    fn name(&self) -> &str {
        "integrated gradients"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let progress = self.listener.begin();
        let nodes = self.quadrature.nodes(self.steps)?;
        let inputs = &self.gradient.model().embed(inputs, target.output())?;
        let run = self.gradient.run(inputs, target.output())?;
        let baselines = Baseline::resolve(&self.baselines, inputs)?;
        let output = run.output().clone();
        let score = Score::of(target, run.graph(), &output)?;
        let start = inputs.with_explained(baselines.clone());
        // Nothing for inputs that are fixed.
        let ways: Vec<_> =
            inputs.floats().into_iter().zip(start.floats()).map(|(x, baseline)| x - baseline).collect();
        let explained: Vec<_> =
            inputs.explained().zip(&baselines).map(|((_, x), baseline)| x - baseline).collect();

        let copies = Copies::new(&self.gradient, inputs, target.output(), &score, self.largest_batch)?;
        // From the input to the baseline: where the first node is the input itself, its run is there
        // already.
        let mut nodes = nodes.into_iter().rev().peekable();
        let (mut sum, mut first) = (None, 0);
        match nodes.next_if(|node| node.0 == 1.0) {
            Some((_, weight)) => {
                sum = add_scaled(None, run.relevance(score.gradient(&output, 1)?)?, weight);
                first = 1;
                progress.tell(first, self.steps);
            }
            None => drop(run),
        }
        let points = nodes.map(|(position, weight)| {
            let point = explained.iter().zip(&baselines);
            let point = point.map(|(way, baseline)| way.clone() * position + baseline);
            (point.collect(), weight)
        });
        let sum = copies.add(sum, points, |done| progress.tell(first + done, self.steps))?;
        let at_baseline = self.gradient.model().output(start, target.output())?;

        let means = sum.unwrap_or_default();
        let relevance: Vec<_> = ways.into_iter().zip(means).map(|(way, mean)| way * mean).collect();
        let scores = score.read(&output)?.into_iter().zip(score.read(&at_baseline)?);
        let differences: Vec<_> = scores.map(|(score, before)| score - before).collect();
        score.attribution(inputs, relevance, output)?.without_saturation().with_delta(&differences)
    }
}
