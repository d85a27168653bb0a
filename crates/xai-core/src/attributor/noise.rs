//! Noise from a seed.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// Random numbers from ChaCha8, drawn on the host and without any global state: equal seeds give equal
/// numbers on every backend and in every thread.
///
/// Every sample of a batch has a stream of its own, so that its noise does not depend on what
/// else is in the batch.
///
/// ```
/// use xai_core::attributor::Noise;
///
/// let (mut one, mut three) = (Noise::new(7, 0, 1), Noise::new(7, 0, 3));
/// assert_eq!(one.draw(4), three.draw(4)[..4]);
/// ```
#[derive(Debug, Clone)]
pub struct Noise {
    streams: Vec<ChaCha8Rng>,
}

impl Noise {
    /// One stream per sample of the explained value at the place `input`, counted from 0.
    pub fn new(seed: u64, input: usize, batch: usize) -> Self {
        Self { streams: (0..batch).map(|sample| stream(seed, input, sample)).collect() }
    }

    /// `width` standard normal numbers for every sample, by the Box-Muller transform; the first sample's
    /// first.
    pub fn draw(&mut self, width: usize) -> Vec<f64> {
        let mut numbers = Vec::with_capacity(width * self.streams.len());
        for (sample, rng) in self.streams.iter_mut().enumerate() {
            let end = (sample + 1) * width;
            while numbers.len() < end {
                // 1 - u lies in (0, 1], where the logarithm is finite.
                let radius = (-2.0 * (1.0 - uniform(rng)).ln()).sqrt();
                let (sin, cos) = (TAU * uniform(rng)).sin_cos();
                numbers.extend([radius * cos, radius * sin]);
            }
            numbers.truncate(end);
        }
        numbers
    }

    /// `width` numbers for every sample, uniform in `[0, 1)`; the first sample's first.
    pub fn draw_uniform(&mut self, width: usize) -> Vec<f64> {
        self.streams.iter_mut().flat_map(|rng| (0..width).map(|_| uniform(rng)).collect::<Vec<_>>()).collect()
    }
}

/// The stream of a sample of the graph input `input`.
pub(super) fn stream(seed: u64, input: usize, sample: usize) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(((input as u64) << 32) | sample as u64);
    rng
}

/// Uniform in [0, 1), of 53 bits.
pub(super) fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_mean_0_and_variance_1() {
        let numbers = Noise::new(1, 0, 1).draw(100_000);
        let mean = numbers.iter().sum::<f64>() / 1e5;
        let variance = numbers.iter().map(|x| x * x).sum::<f64>() / 1e5;
        let fourth = numbers.iter().map(|x| x.powi(4)).sum::<f64>() / 1e5;
        // Five standard errors each.
        assert!(mean.abs() < 5.0 / 316.0, "{mean}");
        assert!((variance - 1.0).abs() < 5.0 * 2f64.sqrt() / 316.0, "{variance}");
        assert!((fourth - 3.0).abs() < 5.0 * 96f64.sqrt() / 316.0, "{fourth}");
    }

    #[test]
    fn uniform_noise_fills_its_range() {
        let numbers = Noise::new(1, 0, 1).draw_uniform(100_000);
        assert!(numbers.iter().all(|x| (0.0..1.0).contains(x)));
        let moment = |power| numbers.iter().map(|x: &f64| x.powi(power)).sum::<f64>() / 1e5;
        // Five standard errors each.
        assert!((moment(1) - 0.5).abs() < 5.0 * (1f64 / 12.0).sqrt() / 316.0, "{}", moment(1));
        assert!((moment(2) - 1.0 / 3.0).abs() < 5.0 * (4f64 / 45.0).sqrt() / 316.0, "{}", moment(2));
    }

    #[test]
    fn noise_of_a_sample_does_not_depend_on_the_batch() {
        let (mut one, mut three) = (Noise::new(5, 0, 1), Noise::new(5, 0, 3));
        for _ in 0..2 {
            let (alone, among) = (one.draw(7), three.draw(7));
            assert_eq!(alone, among[..7]);
            assert_ne!(among[..7], among[7..14]);
        }
        assert_ne!(Noise::new(6, 0, 1).draw(7), Noise::new(5, 0, 1).draw(7));
        assert_ne!(Noise::new(5, 1, 1).draw(7), Noise::new(5, 0, 1).draw(7));
    }
}
