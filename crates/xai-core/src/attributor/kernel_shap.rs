//! Shapley values of regions by weighted least squares.

use burn_backend::Backend;
use rand_chacha::ChaCha8Rng;

use super::game::{Settings, settings};
use super::least_squares::LeastSquares;
use super::noise::{stream, uniform};
use super::{Attribution, Attributor, Baseline, Listener, PerInput, Progress, Regions};
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};

/// Kernel SHAP: Shapley values of the regions of the input.
///
/// A coalition `S` of regions has the value `v(S)`, the score when the regions outside `S` are replaced by a
/// baseline. The Shapley values `phi` of `n` regions solve
///
/// ```text
/// min_phi  sum_S k(|S|) (v(S) - v({}) - sum_{i in S} phi_i)^2      k(s) = (n - 1) / (C(n, s) s (n - s))
/// so that  sum_i phi_i = f(x) - f(baseline)
/// ```
///
/// over all coalitions but the empty and the full one. If there are no more of them, `2^n - 2`, than
/// [samples](Self::with_samples), all are tried, and `phi` is exact. Otherwise coalitions are drawn: a size by the
/// kernel, `p(s) ~ 1 / (s (n - s))`, a set of that size, and its complement too, which halves the noise or more.
/// The sum is exact in both cases.
///
/// Every element has `phi / (elements of the region)`, so that relevance adds up to `f(x) - f(baseline)`;
/// [`convergence_delta`](Attribution::convergence_delta) says how far it is off by rounding.
/// [`relevance_of_regions`](Attribution::relevance_of_regions) has the `phi` themselves. The regions of several
/// explained inputs are players of one game.
///
/// The cost: one forward run of the batch per coalition, several at once up to
/// [`with_largest_batch`](Self::with_largest_batch), and on the host a system of `n` equations for each sample, of
/// at most 2048 regions. So images need regions: a grid, or segments. The model is only run forward, so it may have
/// operations that no layer stands for.
///
/// Lundberg, Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017; complements: Covert, Lee,
/// "Improving KernelSHAP: Practical Shapley Value Estimation Using Linear Regression", AISTATS 2021.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{Attributor, KernelShap, Regions};
/// # use xai_core::model::Model;
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// let method = KernelShap::new(&model).with_regions(Regions::grid(2)).with_seed(7);
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// println!("{}", method.attribute(x, 1)?.relevance::<2>()?);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct KernelShap<B: Backend> {
    settings: Settings<B>,
    samples: Option<usize>,
    seed: u64,
}

impl<B: Backend> KernelShap<B> {
    /// Kernel SHAP of every element by itself, with a baseline of 0, `2n + 2048` samples for `n` regions, and seed 0.
    pub fn new(model: &Model<B>) -> Self {
        Self { settings: Settings::new(model), samples: None, seed: 0 }
    }

    /// How many coalitions are tried for each sample of the batch: `2 (n - 1)` or more for `n` regions, or as many
    /// as there are. Drawn ones come in pairs, so an odd number is one less.
    pub fn with_samples(self, samples: usize) -> Self {
        Self { samples: Some(samples), ..self }
    }

    /// Where coalitions are drawn from: one ChaCha8 stream for each sample of the batch, so that the others of
    /// the batch do not matter.
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// How coalitions of that many players are tried, and how many.
    fn coalitions(&self, sample: usize, players: usize) -> Result<(usize, Coalitions), AttributorError> {
        let samples = self.samples.unwrap_or(2 * players + 2048);
        if samples == 0 {
            let (parameter, range) = ("samples", "1 or more");
            return Err(AttributorError::Parameter { parameter, value: 0.0, range });
        }
        if players < 2 {
            return Ok((0, Coalitions::All { players }));
        }
        let all = u32::try_from(players).ok().and_then(|players| 2usize.checked_pow(players));
        match all.map(|all| all - 2) {
            Some(all) if all <= samples => Ok((all, Coalitions::All { players })),
            _ if samples < 2 * (players - 1) => {
                let (regions, least) = (players, 2 * (players - 1));
                Err(AttributorError::TooFewSamples { samples, regions, sample, least })
            }
            _ => Ok((samples / 2 * 2, Coalitions::drawn(players, stream(self.seed, 0, sample)))),
        }
    }
}

settings!(KernelShap);

/// The coalitions that are tried for a sample.
enum Coalitions {
    /// Each once, as the bits of the numbers from 1.
    All { players: usize },
    Drawn {
        rng: Box<ChaCha8Rng>,
        /// The sums of `p(s)` up to each size from 1, not normalised.
        sizes: Vec<f64>,
        last: Vec<bool>,
    },
}

impl Coalitions {
    fn drawn(players: usize, rng: ChaCha8Rng) -> Self {
        let sizes = (1..players).scan(0.0, |sum, size| {
            *sum += 1.0 / (size as f64 * (players - size) as f64);
            Some(*sum)
        });
        Self::Drawn { rng: Box::new(rng), sizes: sizes.collect(), last: vec![false; players] }
    }

    fn next(&mut self, round: usize) -> Vec<bool> {
        match self {
            Self::All { players } => (0..*players).map(|player| (round + 1) >> player & 1 == 1).collect(),
            Self::Drawn { last, .. } if round % 2 == 1 => last.iter().map(|shown| !shown).collect(),
            Self::Drawn { rng, sizes, last } => {
                let players = last.len();
                let at = uniform(rng) * sizes.last().unwrap_or(&0.0);
                let size = 1 + sizes.partition_point(|sum| *sum <= at).min(players - 2);
                // The first `size` places of a shuffle.
                let mut order: Vec<_> = (0..players).collect();
                last.fill(false);
                for place in 0..size {
                    order.swap(place, place + (uniform(rng) * (players - place) as f64) as usize);
                    last[order[place]] = true;
                }
                last.clone()
            }
        }
    }

    /// What a coalition counts: the kernel, unless coalitions are drawn by it.
    fn weight(&self, coalition: &[bool]) -> f64 {
        let Self::All { players } = *self else { return 1.0 };
        let size = coalition.iter().filter(|shown| **shown).count();
        let choose = (0..size).fold(1.0, |choose, i| choose * (players - i) as f64 / (i + 1) as f64);
        (players - 1) as f64 / (choose * size as f64 * (players - size) as f64)
    }
}

impl<B: Backend> Attributor<B> for KernelShap<B> {
    fn name(&self) -> &str {
        "kernel SHAP"
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let progress = self.settings.listener.begin();
        let game = self.settings.game(inputs, target)?;
        let players = game.few_players()?;
        let coalitions =
            players.iter().enumerate().map(|(sample, &players)| self.coalitions(sample, players));
        let (counts, coalitions): (Vec<_>, Vec<_>) =
            coalitions.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
        let coalitions = std::cell::RefCell::new(coalitions);
        let of_none = game.scores_of_none()?;
        let gains: Vec<_> = game.scores().iter().zip(&of_none).map(|(all, none)| all - none).collect();

        // The last player has what the others leave of the sum, and is no unknown.
        let mut fits: Vec<_> =
            players.iter().map(|players| LeastSquares::new(players.saturating_sub(1))).collect();
        let draw = |round: usize, sample: usize| {
            (round < counts[sample]).then(|| coalitions.borrow_mut()[sample].next(round))
        };
        game.play(counts.iter().copied().max().unwrap_or(0), &progress, draw, |sample, coalition, score| {
            let Some((&last, others)) = coalition.split_last() else { return };
            let last = f64::from(u8::from(last));
            let row: Vec<_> = others.iter().map(|&shown| f64::from(u8::from(shown)) - last).collect();
            let weight = coalitions.borrow()[sample].weight(coalition);
            fits[sample].add(&row, score - of_none[sample] - last * gains[sample], weight);
        })?;
        let mut values = Vec::with_capacity(fits.len());
        for (sample, fit) in fits.into_iter().enumerate() {
            let (samples, regions) = (counts[sample], players[sample]);
            let mut phi = fit.solve().ok_or(AttributorError::Undetermined { samples, regions, sample })?;
            if regions > 0 {
                phi.push(gains[sample] - phi.iter().sum::<f64>());
            }
            values.push(phi);
        }
        game.attribution(values, true)?.with_delta(&gains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_drawn_by_the_kernel_and_sets_evenly() {
        let (players, pairs) = (6, 20_000);
        let mut coalitions = Coalitions::drawn(players, stream(1, 0, 0));
        let (mut sizes, mut shown) = (vec![0.0; players], vec![0.0; players]);
        for round in (0..2 * pairs).step_by(2) {
            let (one, other) = (coalitions.next(round), coalitions.next(round + 1));
            assert!(one.iter().zip(&other).all(|(one, other)| one != other));
            sizes[one.iter().filter(|shown| **shown).count()] += 1.0 / pairs as f64;
            one.iter().zip(&mut shown).for_each(|(&one, shown)| *shown += f64::from(u8::from(one)));
        }
        // 1/5, 1/8, 1/9, 1/8, 1/5, and 0 for the empty set; 5 standard errors.
        let kernel = |size: usize| if size == 0 { 0.0 } else { 1.0 / (size * (players - size)) as f64 };
        let total: f64 = (0..players).map(kernel).sum();
        for (size, got) in sizes.iter().enumerate() {
            let want = kernel(size) / total;
            assert!((got - want).abs() <= 5.0 * (want / pairs as f64).sqrt(), "{size}: {got} {want}");
        }
        // By symmetry each is shown with probability 1/2.
        assert!(shown.iter().all(|shown| (shown / pairs as f64 - 0.5).abs() < 2.5 / (pairs as f64).sqrt()));
    }
}
