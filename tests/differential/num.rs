//! Numbers that know how far rounding may move them.
//!
//! Two right programs round differently, and a cancelled denominator or a decision such as `x > 0`
//! enlarges the difference without limit. So each number of the reference carries a bound of what
//! rounding may do to it, in `f64` and in `f32`; where the bound is not well below the tolerance,
//! nothing is compared. Numbers on a coarse grid are exact in both, so that ties and zeros count.

use std::cell::Cell;
use std::cmp::Ordering;
use std::ops::{Add, Div, Mul, Neg, Sub};

/// A value, and bounds of its error in `f64` and `f32`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Num {
    pub(crate) value: f64,
    pub(crate) error: [f64; 2],
}

/// Relative rounding of one operation.
const UNIT: [f64; 2] = [f64::EPSILON, f32::EPSILON as f64];

/// The grid of exact numbers: steps of one over the first, up to the second.
const GRID: [(f64, f64); 2] = [(16777216.0, 1048576.0), (1024.0, 2048.0)];

thread_local! {
    /// Whether a decision hung on rounding.
    static DOUBTFUL: Cell<[bool; 2]> = const { Cell::new([false; 2]) };
}

/// Whether a decision since the last reset hung on rounding, in `f64` and `f32`.
pub(crate) fn doubtful() -> [bool; 2] {
    DOUBTFUL.get()
}

pub(crate) fn reset_doubts() {
    DOUBTFUL.set([false; 2]);
}

fn is_exact(value: f64, precision: usize) -> bool {
    let (step, limit) = GRID[precision];
    (value * step).fract() == 0.0 && value.abs() <= limit
}

impl Num {
    pub(crate) const ZERO: Self = Self { value: 0.0, error: [0.0; 2] };
    pub(crate) const ONE: Self = Self { value: 1.0, error: [0.0; 2] };

    /// A number that nothing is known of.
    pub(crate) const UNKNOWN: Self = Self { value: 0.0, error: [f64::INFINITY; 2] };

    /// The result of an operation on numbers with these errors, which rounds relative to `size`.
    fn rounded(value: f64, size: f64, error: [f64; 2]) -> Self {
        let each = |p: usize| match error[p] == 0.0 && is_exact(value, p) && size <= GRID[p].1 {
            true => 0.0,
            false => error[p] + UNIT[p] * size,
        };
        Self { value, error: [each(0), each(1)] }
    }

    /// A function whose derivative is known, to a few units of `size`.
    pub(crate) fn function(self, value: f64, slope: f64, size: f64) -> Self {
        let each = |p: usize| self.error[p] * slope.abs() + 8.0 * UNIT[p] * size.abs();
        Self { value, error: [each(0), each(1)] }
    }

    /// How the number compares with a bound. Asked where a result jumps: if rounding may turn the
    /// answer, results from here on are doubtful.
    pub(crate) fn compare(self, bound: impl Into<Self>) -> Ordering {
        let bound = bound.into();
        let mut doubts = doubtful();
        for (p, doubt) in doubts.iter_mut().enumerate() {
            let error = self.error[p] + bound.error[p];
            *doubt |= error.is_nan() || (error > 0.0 && (self.value - bound.value).abs() <= 8.0 * error);
        }
        DOUBTFUL.set(doubts);
        self.value.partial_cmp(&bound.value).unwrap_or(Ordering::Equal)
    }

    pub(crate) fn is_positive(self) -> bool {
        self.compare(0.0).is_gt()
    }

    pub(crate) fn is_zero(self) -> bool {
        self.compare(0.0).is_eq()
    }

    /// `max(x, 0)`.
    pub(crate) fn positive(self) -> Self {
        let surely = |p: usize| self.value < -8.0 * self.error[p];
        let error = |p: usize| if surely(p) { 0.0 } else { self.error[p] };
        if self.value > 0.0 { self } else { Self { value: 0.0, error: [error(0), error(1)] } }
    }

    /// `min(x, 0)`.
    pub(crate) fn negative(self) -> Self {
        -(-self).positive()
    }

    /// `|x|`.
    pub(crate) fn abs(self) -> Self {
        Self { value: self.value.abs(), ..self }
    }

    /// `max(x, y)`.
    pub(crate) fn max(self, other: Self) -> Self {
        if self.value >= other.value { self } else { other }
    }

    /// `min(x, y)`.
    pub(crate) fn min(self, other: Self) -> Self {
        if self.value <= other.value { self } else { other }
    }

    pub(crate) fn exp(self) -> Self {
        let value = self.value.exp();
        self.function(value, value, value)
    }

    pub(crate) fn ln(self) -> Self {
        let value = self.value.ln();
        self.function(value, 1.0 / self.value, value)
    }

    pub(crate) fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        // An exact 0 has an exact root.
        let slope = if self.value > 0.0 { 0.5 / value } else { f64::from(u8::from(self.error[1] > 0.0)) };
        self.function(value, slope, value)
    }

    pub(crate) fn tanh(self) -> Self {
        let value = self.value.tanh();
        self.function(value, 1.0 - value * value, 1.0)
    }

    /// `1 / (1 + exp(-x))`.
    pub(crate) fn sigmoid(self) -> Self {
        let value = 1.0 / (1.0 + (-self.value).exp());
        self.function(value, value * (1.0 - value), value)
    }

    /// The sum, whatever the order in which it is taken.
    pub(crate) fn sum(terms: impl IntoIterator<Item = Self>) -> Self {
        let (mut value, mut size, mut error, mut count) = (0.0, 0.0, [0.0; 2], 0.0);
        for term in terms {
            value += term.value;
            size += term.value.abs();
            error = [error[0] + term.error[0], error[1] + term.error[1]];
            count += 1.0;
        }
        let exact = Self::rounded(value, size, error);
        let each = |p: usize| if exact.error[p] == 0.0 { 0.0 } else { error[p] + count * UNIT[p] * size };
        Self { value, error: [each(0), each(1)] }
    }
}

/// A number as each precision holds it.
impl From<f64> for Num {
    fn from(value: f64) -> Self {
        let error = if f64::from(value as f32) == value { 0.0 } else { UNIT[1] * value.abs() };
        Self { value, error: [0.0, error] }
    }
}

impl Neg for Num {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl Add for Num {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let error = [self.error[0] + other.error[0], self.error[1] + other.error[1]];
        Self::rounded(self.value + other.value, self.value.abs() + other.value.abs(), error)
    }
}

impl Sub for Num {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for Num {
    type Output = Self;
    // The errors of the factors add up.
    #[allow(clippy::suspicious_arithmetic_impl)]
    fn mul(self, other: Self) -> Self {
        let (a, b) = (self.value.abs(), other.value.abs());
        let each = |p: usize| a * other.error[p] + b * self.error[p] + self.error[p] * other.error[p];
        let value = self.value * other.value;
        Self::rounded(value, value.abs(), [each(0), each(1)])
    }
}

impl Div for Num {
    type Output = Self;
    // As those of a product.
    #[allow(clippy::suspicious_arithmetic_impl)]
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        let each = |p: usize| match other.value.abs() - other.error[p] {
            left if left > 0.0 => (self.error[p] + value.abs() * other.error[p]) / left,
            _ => f64::INFINITY,
        };
        Self::rounded(value, value.abs(), [each(0), each(1)])
    }
}

impl Mul<f64> for Num {
    type Output = Self;
    fn mul(self, other: f64) -> Self {
        self * Self::from(other)
    }
}

impl Add<f64> for Num {
    type Output = Self;
    fn add(self, other: f64) -> Self {
        self + Self::from(other)
    }
}

/// An array of such numbers, row-major.
#[derive(Debug, Clone)]
pub(crate) struct Nums {
    pub(crate) dims: Vec<usize>,
    pub(crate) data: Vec<Num>,
}

impl Nums {
    /// The largest magnitude.
    pub(crate) fn largest(&self) -> f64 {
        self.data.iter().fold(0.0, |largest, num| largest.max(num.value.abs()))
    }

    /// The largest bound of an error, infinite if one is unknown.
    pub(crate) fn error(&self, precision: usize) -> f64 {
        let errors = self.data.iter().map(|num| num.error[precision]);
        errors.fold(0.0, |largest, error| if error.is_nan() { f64::INFINITY } else { error.max(largest) })
    }
}

/// All places of an array of the sizes `dims`, in row-major order.
pub(crate) fn places(dims: &[usize]) -> Vec<Vec<usize>> {
    dims.iter().fold(vec![Vec::new()], |places, &size| {
        let longer = |place: &Vec<usize>| -> Vec<Vec<usize>> {
            (0..size).map(|i| [place.as_slice(), &[i]].concat()).collect()
        };
        places.iter().flat_map(longer).collect()
    })
}

/// The number of the element at a place.
pub(crate) fn flat(place: &[usize], dims: &[usize]) -> usize {
    place.iter().zip(dims).fold(0, |flat, (i, size)| flat * size + i)
}
