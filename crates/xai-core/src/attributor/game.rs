//! Regions as the players of a game: what the score is when only some of them are shown.

use burn::tensor::TensorData;
use burn_backend::Backend;

use super::hidden::Hidden;
use super::regions::InputRegions;
use super::{Attribution, Baseline, Call, Listener, PerInput, Regions};
use crate::Value;
use crate::error::{AttributorError, ExplainError};
use crate::model::{Inputs, Model, Target};

/// What the methods that hide regions are made of.
#[derive(Debug, Clone)]
pub(super) struct Settings<B: Backend> {
    pub(super) model: Model<B>,
    pub(super) regions: PerInput<Regions<B>>,
    pub(super) baselines: PerInput<Baseline<B>>,
    pub(super) largest_batch: usize,
    pub(super) listener: Listener,
}

impl<B: Backend> Settings<B> {
    pub(super) fn new(model: &Model<B>) -> Self {
        Self {
            model: model.clone(),
            regions: PerInput::All(Regions::default()),
            baselines: PerInput::All(Baseline::default()),
            largest_batch: 32,
            listener: Listener::default(),
        }
    }

    /// The game of every sample: the regions of all explained inputs are its players.
    pub(super) fn game(&self, inputs: &Inputs<B>, target: &Target<B>) -> Result<Game<'_, B>, ExplainError> {
        let hidden = Hidden::new(&self.model, inputs, target, &self.baselines, self.largest_batch)?;
        let explained = hidden.explained();
        let regions = self.regions.resolve("regions", explained.len())?;
        let regions = regions.into_iter().zip(explained).map(|(regions, x)| regions.resolve(x));
        let regions = regions.collect::<Result<_, _>>()?;
        Ok(Game { hidden, regions })
    }
}

/// The settings that all methods that hide regions have.
macro_rules! settings {
    ($method:ident) => {
        impl<B: Backend> $method<B> {
            /// The regions of all explained inputs; by default, every element by itself.
            pub fn with_regions(mut self, regions: impl Into<Regions<B>>) -> Self {
                self.settings.regions = PerInput::All(regions.into());
                self
            }

            /// The regions of each explained input.
            pub fn with_regions_each(
                mut self,
                regions: impl IntoIterator<Item = impl Into<Regions<B>>>,
            ) -> Self {
                self.settings.regions = PerInput::each(regions);
                self
            }

            /// What hidden elements are replaced by: a finite number, 0 by default, or a tensor of the
            /// input's rank and of its sizes or sizes of 1.
            pub fn with_baseline(mut self, baseline: impl Into<Baseline<B>>) -> Self {
                self.settings.baselines = PerInput::All(baseline.into());
                self
            }

            /// One baseline for each explained input.
            pub fn with_baselines(
                mut self,
                baselines: impl IntoIterator<Item = impl Into<Baseline<B>>>,
            ) -> Self {
                self.settings.baselines = PerInput::each(baselines);
                self
            }

            /// How many samples go through the model at once, 1 or more and 32 by default, which bounds the
            /// memory: a run has as many copies of the batch as fit, and at least one.
            pub fn with_largest_batch(mut self, samples: usize) -> Self {
                self.settings.largest_batch = samples;
                self
            }

            /// Calls `listen` after every run of the model, counting copies of the batch.
            pub fn with_progress(mut self, listen: impl Fn(Progress) + Send + Sync + 'static) -> Self {
                self.settings.listener = Listener::new(listen);
                self
            }
        }
    };
}
pub(super) use settings;

/// A game for each sample of a batch. The players of a sample are counted through all inputs.
pub(super) struct Game<'a, B: Backend> {
    hidden: Hidden<'a, B>,
    regions: Vec<InputRegions>,
}

impl<B: Backend> Game<'_, B> {
    /// Samples of the batch.
    pub(super) fn samples(&self) -> usize {
        self.hidden.scores.len()
    }

    /// The score of each sample with all players.
    pub(super) fn scores(&self) -> &[f64] {
        &self.hidden.scores
    }

    /// The players of each sample.
    pub(super) fn players(&self) -> Vec<usize> {
        (0..self.samples())
            .map(|sample| self.regions.iter().map(|regions| regions.count(sample)).sum())
            .collect()
    }

    /// The same, at most `LARGEST`: a least-squares fit has a matrix of their square for each sample.
    pub(super) fn few_players(&self) -> Result<Vec<usize>, AttributorError> {
        const LARGEST: usize = 2048;
        let players = self.players();
        match players.iter().position(|players| *players > LARGEST) {
            Some(sample) => {
                Err(AttributorError::TooManyRegions { regions: players[sample], sample, largest: LARGEST })
            }
            None => Ok(players),
        }
    }

    /// The score of each sample without any player.
    pub(super) fn scores_of_none(&self) -> Result<Vec<f64>, ExplainError> {
        let nobody: Vec<_> = self.players().into_iter().map(|players| vec![false; players]).collect();
        self.hidden.scores_of(1, self.masks(&nobody))
    }

    /// Plays `rounds` rounds. In each, `coalition(round, sample)` says of every player whether it is
    /// shown, or nothing where a sample has played enough; `score(sample, coalition, score)` hears the
    /// outcome.
    pub(super) fn play(
        &self,
        rounds: usize,
        progress: &Call<'_>,
        mut coalition: impl FnMut(usize, usize) -> Option<Vec<bool>>,
        mut score: impl FnMut(usize, &[bool], f64),
    ) -> Result<(), ExplainError> {
        let (samples, players) = (self.samples(), self.players());
        for first in (0..rounds).step_by(self.hidden.per_run) {
            let copies = self.hidden.per_run.min(rounds - first);
            let all =
                (first..first + copies).flat_map(|round| (0..samples).map(move |sample| (round, sample)));
            let coalitions: Vec<_> = all.map(|(round, sample)| coalition(round, sample)).collect();
            let shown = coalitions.iter().enumerate();
            let shown =
                shown.map(|(at, own)| own.clone().unwrap_or_else(|| vec![true; players[at % samples]]));
            let outcomes = self.hidden.scores_of(copies, self.masks(&shown.collect::<Vec<_>>()))?;
            for (at, (coalition, outcome)) in coalitions.iter().zip(outcomes).enumerate() {
                coalition.iter().for_each(|coalition| score(at % samples, coalition, outcome));
            }
            progress.tell(first + copies, rounds);
        }
        Ok(())
    }

    /// For each input, which elements are shown to copies of the batch with these coalitions.
    fn masks(&self, coalitions: &[Vec<bool>]) -> Vec<Option<Value<B>>> {
        let (explained, samples) = (self.hidden.explained(), self.samples());
        let mut before = vec![0; samples];
        let inputs = self.regions.iter().zip(explained).map(|(regions, (_, x))| {
            let mut mask = Vec::with_capacity(regions.dims(coalitions.len()).iter().product());
            for (at, coalition) in coalitions.iter().enumerate() {
                let (sample, first) = (at % samples, before[at % samples]);
                let shown = regions.labels(sample).iter().map(|&label| coalition[first + label as usize]);
                mask.extend(shown.map(|shown| if shown { 1f32 } else { 0.0 }));
            }
            before.iter_mut().enumerate().for_each(|(sample, before)| *before += regions.count(sample));
            let data = TensorData::new(mask, regions.dims(coalitions.len())).convert_dtype(x.dtype());
            Some(Value::from_data(data, &x.device()))
        });
        inputs.collect()
    }

    /// The result: `values` of the players of each sample. Every element gets the value of its region, or
    /// with `spread` its share of it, so that the relevance of a region adds up to its value.
    pub(super) fn attribution(
        self,
        values: Vec<Vec<f64>>,
        spread: bool,
    ) -> Result<Attribution<B>, ExplainError> {
        let (samples, explained) = (self.samples(), self.hidden.explained());
        let mut relevance = Vec::with_capacity(explained.len());
        let mut of_regions = vec![Vec::with_capacity(explained.len()); samples];
        let mut rest: Vec<&[f64]> = values.iter().map(Vec::as_slice).collect();
        for (regions, (is_rows, x)) in self.regions.iter().zip(explained) {
            // The relevance of an id is the sum over its row.
            let row = if is_rows { *x.dims().last().unwrap_or(&1) as f64 } else { 1.0 };
            let mut elements = Vec::with_capacity(regions.dims(samples).iter().product());
            for (sample, rest) in rest.iter_mut().enumerate() {
                let (own, others) = rest.split_at(regions.count(sample));
                *rest = others;
                of_regions[sample].push(own.to_vec());
                let sizes = regions.elements(sample);
                let share = |label: usize| own[label] / if spread { sizes[label] as f64 } else { row };
                elements.extend(regions.labels(sample).iter().map(|&label| share(label as usize)));
            }
            let data = TensorData::new(elements, regions.dims(samples)).convert_dtype(x.dtype());
            relevance.push(Value::from_data(data, &x.device()).expand(&x.dims()).laid_out());
        }
        let attribution = self.hidden.attribution(relevance)?;
        Ok(Attribution { of_regions: Some(of_regions), ..attribution })
    }
}
