//! Bounds of a node's values, known without running the graph.

/// The interval that all elements of a value lie in, whatever the graph's inputs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    low: f64,
    high: f64,
}

impl Interval {
    /// Nothing is known.
    pub const ANY: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };
    /// No element is negative: the output of a ReLU.
    pub const NON_NEGATIVE: Self = Self { low: 0.0, high: f64::INFINITY };
    /// From 0 to 1: the output of a sigmoid or a softmax.
    pub const UNIT: Self = Self { low: 0.0, high: 1.0 };

    /// From `low` to `high`; an end that is NaN is unknown.
    pub fn new(low: f64, high: f64) -> Self {
        let known = |end: f64, unknown: f64| if end.is_nan() { unknown } else { end };
        Self { low: known(low, f64::NEG_INFINITY), high: known(high, f64::INFINITY) }
    }

    /// The lower end.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The upper end.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Whether no element is negative.
    pub fn is_non_negative(&self) -> bool {
        self.low >= 0.0
    }

    /// Whether all elements lie from 0 to 1, as those of a gate do.
    pub fn is_gate(&self) -> bool {
        self.low >= 0.0 && self.high <= 1.0
    }

    /// The smallest interval that holds all of `intervals`; [`ANY`](Self::ANY) for none.
    pub fn hull(intervals: impl IntoIterator<Item = Self>) -> Self {
        let wider = |a: Self, b: Self| Self { low: a.low.min(b.low), high: a.high.max(b.high) };
        intervals.into_iter().reduce(wider).unwrap_or(Self::ANY)
    }

    /// What a function that does not fall makes of it.
    pub fn map_rising(&self, f: impl Fn(f64) -> f64) -> Self {
        Self::new(f(self.low), f(self.high))
    }

    /// Non-negative if this interval is, else unknown.
    pub fn sign_only(&self) -> Self {
        if self.is_non_negative() { Self::NON_NEGATIVE } else { Self::ANY }
    }

    /// The part that both intervals hold.
    pub fn within(&self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }
}

impl std::ops::Add for Interval {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self::new(self.low + other.low, self.high + other.high)
    }
}

impl std::ops::Sub for Interval {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self::new(self.low - other.high, self.high - other.low)
    }
}

impl std::ops::Mul<f64> for Interval {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        let (a, b) = (self.low * factor, self.high * factor);
        if a.is_nan() || b.is_nan() { Self::ANY } else { Self::new(a.min(b), a.max(b)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_keeps_every_element_inside() {
        let a = Interval::new(-1.0, 2.0);
        assert_eq!(a + Interval::UNIT, Interval::new(-1.0, 3.0));
        assert_eq!(a - Interval::UNIT, Interval::new(-2.0, 2.0));
        assert_eq!(a * -2.0, Interval::new(-4.0, 2.0));
        assert_eq!(Interval::NON_NEGATIVE * 0.0, Interval::ANY);
        assert_eq!(Interval::hull([a, Interval::UNIT]), a);
        assert!(a.map_rising(|x| x.max(0.0)).is_non_negative() && !a.is_non_negative());
        assert!(Interval::UNIT.is_gate() && !Interval::NON_NEGATIVE.is_gate());
    }
}
