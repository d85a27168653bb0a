//! Gradients integrated on the way from a baseline to the input.

use std::sync::Arc;

use burn_backend::Backend;

use super::progress::{Listener, Progress};
use super::score::{Score, add_scaled};
use super::{Attributor, AttributorError, Baseline, Quadrature};
use crate::Value;
use crate::composite::Plan;
use crate::engine::read;
use crate::error::ExplainError;
use crate::explain::{Attribution, Explainer, Target};
use crate::rule::Rule;

/// Integrated gradients: `R_i = (x_i - b_i) * integral of df/dx_i (b + a (x - b)) da` over `[0, 1]`,
/// with the baseline `b`.
///
/// The integral adds up to `f(x) - f(b)`. [`Attribution::convergence_delta`] tells how far the sum
/// of `steps` gradients is from that, for every sample: more steps make it smaller.
///
/// The explainer's composite must be [`gradient`](crate::composite::gradient), for nothing else
/// integrates to the score.
///
/// Sundararajan, Taly, Yan, "Axiomatic Attribution for Deep Networks", ICML 2017, PMLR 70:3319-3328.
#[derive(Debug, Clone)]
pub struct IntegratedGradients<B: Backend> {
    explainer: Arc<Explainer<B>>,
    steps: usize,
    quadrature: Quadrature,
    baseline: Baseline<B>,
    listener: Listener,
}

impl<B: Backend> IntegratedGradients<B> {
    /// Integrated gradients of `explainer`'s model: 20 steps, right end points, a baseline of 0.
    pub fn new(explainer: impl Into<Arc<Explainer<B>>>) -> Self {
        Self {
            explainer: explainer.into(),
            steps: 20,
            quadrature: Quadrature::default(),
            baseline: Baseline::default(),
            listener: Listener::default(),
        }
    }

    /// Number of gradients; 1 or more, for trapezoids 2 or more.
    pub fn steps(self, steps: usize) -> Self {
        Self { steps, ..self }
    }

    /// How the integral is approximated.
    pub fn quadrature(self, quadrature: Quadrature) -> Self {
        Self { quadrature, ..self }
    }

    /// Where the path begins: a finite number, a tensor of the input's rank and of its sizes or
    /// sizes of 1, or a list of one value per input.
    pub fn baseline(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { baseline: baseline.into(), ..self }
    }

    /// Calls `listen` after every step.
    pub fn on_progress(self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self { listener: Listener::new(listen), ..self }
    }

    /// The composite must say plain gradient everywhere.
    fn check_rules(&self, plan: &Plan<B>) -> Result<(), AttributorError> {
        for row in plan.rows() {
            if let Some(rule) = row.rule.as_ref().filter(|rule| !matches!(rule, Rule::Gradient(_))) {
                return Err(AttributorError::NotGradient {
                    composite: self.explainer.composite().name().to_owned(),
                    node: row.node.clone(),
                    rule: rule.name().to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl<B: Backend> Attributor<B> for IntegratedGradients<B> {
    fn name(&self) -> &str {
        "integrated gradients"
    }

    fn attribute_values(
        &self,
        inputs: &[Value<B>],
        target: Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let nodes = self.quadrature.nodes(self.steps)?;
        let run = self.explainer.run(inputs)?;
        self.check_rules(run.plan())?;
        let baselines = self.baseline.resolve(inputs)?;
        let output = run.output().clone();
        let score = Score::of(target, run.graph(), &output)?;
        let ways: Vec<_> = inputs.iter().zip(&baselines).map(|(x, baseline)| x - baseline).collect();

        // From the input to the baseline: where the first node is the input itself, its run is
        // there already, and where the last is the baseline, its score need not be asked for again.
        let mut at_input = nodes.last().is_some_and(|last| last.0 == 1.0).then_some(run);
        let mut at_baseline = None;
        let mut sum = None;
        for (done, &(position, weight)) in nodes.iter().rev().enumerate() {
            let run = match at_input.take() {
                Some(run) => run,
                None => {
                    let point = ways.iter().zip(&baselines);
                    let point: Vec<_> =
                        point.map(|(way, baseline)| way.clone() * position + baseline).collect();
                    self.explainer.run(&point)?
                }
            };
            if position == 0.0 {
                at_baseline = Some(run.output().clone());
            }
            sum = add_scaled(sum, run.relevance(score.weights())?, weight);
            self.listener.tell(done + 1, self.steps);
        }
        let at_baseline = match at_baseline {
            Some(output) => output,
            None => self.explainer.prepare(inputs)?.graph().forward(&baselines)?,
        };

        let means = sum.unwrap_or_default();
        let relevance: Vec<_> = ways.into_iter().zip(means).map(|(way, mean)| way * mean).collect();
        let mut delta = vec![0.0; output.dims()[0]];
        for relevance in &relevance {
            let elements = read(relevance)?;
            let samples = elements.chunks((elements.len() / delta.len()).max(1));
            delta.iter_mut().zip(samples).for_each(|(delta, sample)| *delta += sample.iter().sum::<f64>());
        }
        let scores = score.read(&output)?.into_iter().zip(score.read(&at_baseline)?);
        delta.iter_mut().zip(scores).for_each(|(delta, (score, before))| *delta -= score - before);
        Ok(Attribution { convergence_delta: Some(delta), ..score.attribution(relevance, output) })
    }
}
