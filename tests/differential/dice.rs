//! Random choices that a seed repeats.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use xai_testkit::host::Array;

pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A whole number less than `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.0.next_u64() % end as u64) as usize
    }

    /// A whole number from `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True `percent` times in 100.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// `count` times `choice`.
    pub(crate) fn times<T>(&mut self, count: usize, mut choice: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..count).map(|_| choice(self)).collect()
    }

    /// A multiple of 1/16 from -2 to 2: sums and products of a few of them are exact, in `f32` too, so
    /// that equal elements stay equal and what cancels is 0.
    pub(crate) fn number(&mut self) -> f64 {
        (self.below(65) as f64 - 32.0) / 16.0
    }

    /// Numbers of both signs, or none negative; many zeros and many equal ones now and then.
    pub(crate) fn array(&mut self, dims: &[usize]) -> Array {
        let (coarse, sparse, positive) = (self.chance(20), self.chance(20), self.chance(25));
        Array::from_fn(dims, |_| {
            let number = if sparse && self.chance(40) { 0.0 } else { self.number() };
            let number = if coarse { number.round() } else { number };
            if positive { number.abs() } else { number }
        })
    }

    /// An order of `count` things.
    pub(crate) fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}
