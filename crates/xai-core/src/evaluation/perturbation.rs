//! Random changes of an input.

use burn_backend::Backend;

use super::scored::{Elements, Scored, of_sample};
use crate::attributor::{InputWindows, Noise, Sizes, each_row};
use crate::error::{AttributorError, ExplainError};

/// What is subtracted from an input, `I`, to see what that does to the score.
#[derive(Debug, Clone, PartialEq)]
pub enum Perturbation {
    /// Normal noise of this standard deviation, finite and 0 or more, on every element.
    Gaussian(f64),
    /// `x - b` in one window of this size, at a random place in one of the explained inputs, and 0
    /// elsewhere: the window is replaced by the baseline `b`. Squares, with a number for images.
    Window(Sizes),
    /// `x - b` at every place with this probability, 0 to 1: it is replaced by the baseline. All channels of
    /// an image go together, and so do all elements of a token's row.
    Places(f64),
}

impl Perturbation {
    fn check(&self) -> Result<(), AttributorError> {
        let (parameter, value, largest, range) = match self {
            Self::Gaussian(deviation) => ("deviation", *deviation, f64::MAX, "finite and 0 or more"),
            Self::Places(probability) => ("probability", *probability, 1.0, "from 0 to 1"),
            Self::Window(_) => return Ok(()),
        };
        match (0.0..=largest).contains(&value) {
            true => Ok(()),
            false => Err(AttributorError::Parameter { parameter, value, range }),
        }
    }

    /// What gives perturbations of the batch, one after the other.
    pub(super) fn draws<B: Backend>(
        &self,
        scored: &Scored<B>,
        baselines: &Elements,
        seed: u64,
    ) -> Result<Box<dyn FnMut() -> Elements>, ExplainError> {
        self.check()?;
        let batch = scored.batch();
        let (size, probability) = match self {
            Self::Gaussian(deviation) => return Ok(Box::new(gaussian(scored, *deviation, seed))),
            Self::Window(size) => (size.clone(), None),
            Self::Places(probability) => (Sizes::from(1), Some(*probability)),
        };
        let removal = Removal::new(scored, baselines, &size)?;
        let mut noise = Noise::new(seed, 0, batch);
        Ok(Box::new(move || {
            let places = removal.windows.iter().map(InputWindows::count).sum::<usize>();
            let drawn = noise.draw_uniform(if probability.is_some() { places } else { 1 });
            removal.of(|sample| {
                let drawn = of_sample(&drawn, batch, sample);
                match probability {
                    None => drawn.iter().map(|at| (at * places as f64) as usize).collect(),
                    Some(probability) => (0..places).filter(|place| drawn[*place] < probability).collect(),
                }
            })
        }))
    }
}

/// Noise on every element, with a stream for each sample of each value.
fn gaussian<B: Backend>(scored: &Scored<B>, deviation: f64, seed: u64) -> impl FnMut() -> Elements + 'static {
    let explained = scored.explained();
    let widths = explained.iter().map(|(_, x)| x.dims()[1..].iter().product::<usize>());
    let streams = widths.enumerate().map(|(value, width)| (Noise::new(seed, value, scored.batch()), width));
    let mut streams: Vec<_> = streams.collect();
    move || {
        let draw = |(noise, width): &mut (Noise, usize)| {
            noise.draw(*width).into_iter().map(|drawn| deviation * drawn).collect()
        };
        streams.iter_mut().map(draw).collect()
    }
}

/// `x - b` for a batch, and the windows that may be removed.
struct Removal {
    ways: Elements,
    /// Sizes of a sample in each explained value, with its windows.
    sizes: Vec<Vec<usize>>,
    windows: Vec<InputWindows>,
    batch: usize,
}

impl Removal {
    fn new<B: Backend>(scored: &Scored<B>, baselines: &Elements, size: &Sizes) -> Result<Self, ExplainError> {
        let (explained, mut ways) = (scored.explained(), scored.elements()?);
        ways.iter_mut().flatten().zip(baselines.iter().flatten()).for_each(|(x, baseline)| *x -= baseline);
        let stride = Sizes::from(1);
        let windows = explained.iter().map(|x| InputWindows::of(*x, size, Some(&stride)));
        Ok(Self {
            ways,
            sizes: explained.iter().map(|(_, x)| x.dims()[1..].to_vec()).collect(),
            windows: windows.collect::<Result<_, _>>()?,
            batch: scored.batch(),
        })
    }

    /// The ways within the windows `chosen` for each sample, counted over all values, and 0 elsewhere.
    fn of(&self, chosen: impl Fn(usize) -> Vec<usize>) -> Elements {
        let mut removed: Elements = self.ways.iter().map(|way| vec![0.0; way.len()]).collect();
        for sample in 0..self.batch {
            for mut place in chosen(sample) {
                let values = self.windows.iter().zip(&self.sizes).zip(self.ways.iter().zip(&mut removed));
                for ((windows, sizes), (ways, removed)) in values {
                    if place >= windows.count() {
                        place -= windows.count();
                        continue;
                    }
                    let first = sample * (ways.len() / self.batch);
                    each_row(sizes, &windows.at(place), |row| {
                        let row = first + row.start..first + row.end;
                        removed[row.clone()].copy_from_slice(&ways[row]);
                    });
                    break;
                }
            }
        }
        removed
    }
}
