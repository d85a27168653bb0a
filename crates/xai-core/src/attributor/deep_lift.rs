//! DeepLIFT and DeepSHAP.

use burn_backend::Backend;

use super::background::Background;
use super::progress::{Listener, Progress};
use super::run::Run;
use super::score::{Score, add_scaled};
use super::{Attribution, Attributor, Baseline, Lrp, PerInput};
use crate::Value;
use crate::composite::{Composite, Matcher};
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};
use crate::rule::{Rescale, RevealCancel};

/// DeepLIFT: `R_i = m_i (x_i - b_i)`, where the multipliers `m` go back from the output by differences between the
/// input and a baseline `b` ([`Rescale`]).
///
/// Relevance adds up to `f(x) - f(b)`; [`Attribution::convergence_delta`] says how far it is from that, which is
/// rounding, unless the model computes with values that it reads out of the input. Where gradients are 0, behind a saturated activation, the difference still is seen.
///
/// What it cannot tell: what happens between the input and the baseline, when both give the same; the answer is
/// that of this baseline. Targets are sums of outputs: a softmax, a cosine or a function of your own belongs into the
/// forward function. Refuses layers without a multiplier by name.
///
/// Shrikumar, Greenside, Kundaje, ICML 2017, arXiv 1704.02685.
#[derive(Debug, Clone)]
pub struct DeepLift<B: Backend> {
    multipliers: Lrp<B>,
    baselines: PerInput<Baseline<B>>,
}

impl<B: Backend> DeepLift<B> {
    /// DeepLIFT of `model` with a baseline of 0.
    pub fn new(model: &Model<B>) -> Self {
        Self { multipliers: rescale(model), baselines: PerInput::All(Baseline::default()) }
    }

    /// Takes the reveal-cancel rule at activations behind linear layers ([`RevealCancel`]), which sees contributions
    /// that cancel each other, in place of the rescale rule. It takes some five times as long.
    pub fn with_reveal_cancel(self) -> Self {
        let composite = Composite::new("reveal-cancel").append(Matcher::Any, RevealCancel);
        // Between a convolution and its activation there must be no batch norm.
        Self { multipliers: Lrp::new(&self.multipliers.model().merged(), composite), ..self }
    }

    /// What the input is compared with: a finite number, or a tensor of the input's rank and of its sizes or sizes
    /// of 1; the same for all explained inputs.
    pub fn with_baseline(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { baselines: PerInput::All(baseline.into()), ..self }
    }

    /// One baseline for each explained input.
    pub fn with_baselines(self, baselines: impl IntoIterator<Item = impl Into<Baseline<B>>>) -> Self {
        Self { baselines: PerInput::each(baselines), ..self }
    }
}

/// DeepSHAP: the mean of [`DeepLift`] over the samples of a background set as baselines.
///
/// Relevance adds up to `f(x) - mean f(b)`. It approximates SHAP values for inputs that are independent of each other:
/// every feature is replaced by that of the background samples. Takes one forward and one backward pass per
/// background sample; about 10 to 100 that cover the data are usual.
///
/// Lundberg, Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017, arXiv 1705.07874.
#[derive(Debug, Clone)]
pub struct DeepShap<B: Backend> {
    rescale: Lrp<B>,
    background: Inputs<B>,
    listener: Listener,
}

impl<B: Backend> DeepShap<B> {
    /// DeepSHAP of `model` with the samples of `background`, `[samples, ..]` for each explained input.
    pub fn new(model: &Model<B>, background: impl Into<Inputs<B>>) -> Self {
        Self { rescale: rescale(model), background: background.into(), listener: Listener::default() }
    }

    /// Calls `listen` after every background sample.
    pub fn with_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }
}

/// The multipliers. What the baseline is comes with each call.
fn rescale<B: Backend>(model: &Model<B>) -> Lrp<B> {
    let composite = Composite::new("rescale").append(Matcher::Any, Rescale);
    Lrp::new(&model.unmerged(), composite)
}

/// The mean of DeepLIFT over `count` baselines for all explained values.
fn attribute<B: Backend>(
    (name, method): (&'static str, &Lrp<B>),
    inputs: &Inputs<B>,
    target: &Target<B>,
    count: usize,
    mut baselines: impl FnMut(usize) -> Vec<Value<B>>,
    tell: impl Fn(usize),
) -> Result<Attribution<B>, ExplainError> {
    let model = method.model();
    let run = method.run_beside(inputs, target.output())?;
    let output = run.output().clone();
    let score = Score::of(target, run.graph(), &output)?;
    let Some(weights) = score.linear_weights() else {
        return Err(AttributorError::NotASum { method: name }.into());
    };
    let floats = inputs.floats();
    let (mut sum, mut at_baselines, share) = (None, vec![0.0; 0], 1.0 / count as f64);
    let mut runs = Some(run);
    for place in 0..count {
        let at_baseline = inputs.with_explained(baselines(place));
        let baselines = at_baseline.floats();
        // The last sweep frees the values as it goes.
        let run: Option<Run<B>> = if place + 1 == count { runs.take() } else { runs.clone() };
        let Some(run) = run else { break };
        let run = run.with_baselines(baselines.clone())?;
        // A graph that holds for one input alone computes something else at the baseline than the model.
        let output = match run.reference_output() {
            Some(output) if !model.reads_values() => output.clone(),
            _ => model.output(at_baseline, target.output())?,
        };
        let scores = score.read(&output)?;
        at_baselines.resize(scores.len(), 0.0);
        at_baselines.iter_mut().zip(scores).for_each(|(sum, score)| *sum += share * score);
        let multipliers = run.relevance(weights.clone())?;
        let differences = floats.iter().zip(&baselines).map(|(x, baseline)| x - baseline);
        let terms = multipliers.into_iter().zip(differences).map(|(m, difference)| m * difference).collect();
        sum = add_scaled(sum, terms, share);
        tell(place + 1);
    }
    let differences =
        score.read(&output)?.into_iter().zip(at_baselines).map(|(score, before)| score - before);
    let differences: Vec<_> = differences.collect();
    let reads_values = model.reads_values();
    let attribution = score.attribution(inputs, sum.unwrap_or_default(), output)?.without_saturation();
    Attribution { reads_values, ..attribution }.with_delta(&differences)
}

impl<B: Backend> Attributor<B> for DeepLift<B> {
    fn name(&self) -> &str {
        "DeepLIFT"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let inputs = &self.multipliers.model().embed(inputs, target.output())?;
        let baselines = Baseline::resolve(&self.baselines, inputs)?;
        attribute(("DeepLIFT", &self.multipliers), inputs, target, 1, |_| baselines.clone(), |_| {})
    }
}

impl<B: Backend> Attributor<B> for DeepShap<B> {
    fn name(&self) -> &str {
        "DeepSHAP"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let progress = self.listener.begin();
        let model = self.rescale.model();
        let inputs = &model.embed(inputs, target.output())?;
        let background = Background::new(model, &self.background, inputs, target.output())?;
        let (count, baselines) = (background.count(), |place| background.baselines(place, inputs));
        attribute(("DeepSHAP", &self.rescale), inputs, target, count, baselines, |done| {
            progress.tell(done, count)
        })
    }
}
