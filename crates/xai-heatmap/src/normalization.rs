//! From relevance to a position on a colour map.

use crate::error::{HeatmapError, from_0_to_1};
use crate::map::RelevanceMap;

/// How the ends of the colour map are found.
///
/// # Examples
/// ```
/// use xai_heatmap::{Normalization, RelevanceMap};
///
/// let faint = RelevanceMap::new(vec![0.5, -0.25], [1, 2])?;
/// let strong = RelevanceMap::new(vec![2.0, 0.0], [1, 2])?;
///
/// // On its own, the faint map reaches the end of the colour map; beside the strong one it does not.
/// assert_eq!(Normalization::Symmetric.bounds(&faint).position(0.5), Some(1.0));
/// let shared = Normalization::Symmetric.shared([&faint, &strong]);
/// assert_eq!(shared.bounds(&faint).position(0.5), Some(0.625));
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Normalization {
    /// `-m..m` where `m` is the map's largest finite `|r|`: zero falls in the middle. For zero-centred colour
    /// maps. The default.
    #[default]
    Symmetric,
    /// As `Symmetric`, with `m` a quantile of all finite `|r|`, so that a few outliers do not turn the rest of
    /// the map white. Values beyond get the colours of the ends. Where so much of the map is 0 that `m` is 0
    /// too, colours show only signs.
    SymmetricQuantile(Quantile),
    /// The map's smallest to its largest finite value, `(r - min) / (max - min)`. For sequential colour maps.
    MinMax,
    /// Bounds from outside, the same for every map: pictures drawn with them can be compared by colour.
    Fixed(Bounds),
}

impl Normalization {
    /// The bounds for one map.
    pub fn bounds(self, map: &RelevanceMap) -> Bounds {
        self.bounds_of([map])
    }

    /// The same normalization with its bounds fixed to cover all `maps`, so that equal relevance gets equal
    /// colour.
    ///
    /// [`Normalization::Fixed`] stays as it is.
    pub fn shared<'a>(self, maps: impl IntoIterator<Item = &'a RelevanceMap>) -> Self {
        Self::Fixed(self.bounds_of(maps))
    }

    fn bounds_of<'a>(self, maps: impl IntoIterator<Item = &'a RelevanceMap>) -> Bounds {
        let values = maps.into_iter().flat_map(RelevanceMap::values).copied().filter(|v| v.is_finite());
        match self {
            Self::Symmetric => Bounds::around_zero(values.fold(0.0, |limit, v| v.abs().max(limit))),
            Self::SymmetricQuantile(quantile) => {
                Bounds::around_zero(quantile.of(values.map(f32::abs).collect()))
            }
            Self::MinMax => {
                let ends = values.map(|v| (v, v)).reduce(|(low, high), (v, _)| (low.min(v), high.max(v)));
                let (low, high) = ends.unwrap_or_default();
                Bounds { low, high, symmetric: false }
            }
            Self::Fixed(bounds) => bounds,
        }
    }
}

/// A value by its rank among all others: below the quantile 0.99 are 99 of 100 values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile(f64);

impl Quantile {
    /// The value that is larger than `part` of all values: 0 is the smallest of them, 1 the largest.
    ///
    /// # Errors
    /// [`HeatmapError::OutOfRange`] if `part` is not in `0..=1`.
    pub fn new(part: f64) -> Result<Self, HeatmapError> {
        from_0_to_1("quantile", part).map(|()| Self(part))
    }

    /// The value at index `(n - 1) * part`, rounded down, of all `n` in order; 0 if there are none.
    fn of(self, mut values: Vec<f32>) -> f32 {
        let Some(last) = values.len().checked_sub(1) else { return 0.0 };
        *values.select_nth_unstable_by((last as f64 * self.0) as usize, f32::total_cmp).1
    }
}

/// The relevance at the two ends of a colour map.
///
/// Values beyond an end, infinities among them, are drawn in the colour of that end. NaN has no position: it
/// is drawn in [`NAN_COLOR`](crate::NAN_COLOR). Both are ignored when bounds are taken from a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    low: f32,
    high: f32,
    /// Whether zero is the middle. Not the same as `low == -high`: with both 0, it decides where zero lies.
    symmetric: bool,
}

impl Bounds {
    /// `-limit..limit`. With a limit of 0, the bounds of an all-zero map, zero is still the middle.
    ///
    /// # Errors
    /// [`HeatmapError::InvalidBounds`] if `limit` is negative or not finite.
    pub fn symmetric(limit: f32) -> Result<Self, HeatmapError> {
        Self::range(-limit, limit).map(|_| Self::around_zero(limit))
    }

    /// `low..high`. If both are equal, the bounds of a constant map, that value lies at the lower end.
    ///
    /// # Errors
    /// [`HeatmapError::InvalidBounds`] if an end is not finite or `low > high`.
    pub fn range(low: f32, high: f32) -> Result<Self, HeatmapError> {
        if low.is_finite() && high.is_finite() && low <= high {
            Ok(Self { low, high, symmetric: false })
        } else {
            Err(HeatmapError::InvalidBounds { low, high })
        }
    }

    /// The relevance drawn in the first colour.
    pub fn low(self) -> f32 {
        self.low
    }

    /// The relevance drawn in the last colour.
    pub fn high(self) -> f32 {
        self.high
    }

    /// Where `value` lies between the bounds: 0 at the low end, 1 at the high end, `None` for NaN.
    ///
    /// Between symmetric bounds zero is always at exactly 0.5.
    pub fn position(self, value: f32) -> Option<f32> {
        if value.is_nan() {
            return None;
        }
        // f64, because the distance between two finite f32 can be infinite in f32.
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let offset = f64::from(value.clamp(self.low, self.high)) - low;
        if high > low {
            return Some((offset / (high - low)) as f32);
        }
        // No distance to divide by: what is not at the one bound lies beyond an end.
        Some(match value {
            _ if value > self.high => 1.0,
            _ if value == self.low && self.symmetric => 0.5,
            _ => 0.0,
        })
    }

    /// How far `value` is from no relevance, in `0..=1`: from the middle for symmetric bounds, else from the
    /// low end.
    pub(crate) fn strength(self, value: f32) -> Option<f32> {
        let position = self.position(value)?;
        Some(if self.symmetric { (2.0 * position - 1.0).abs() } else { position })
    }

    fn around_zero(limit: f32) -> Self {
        // Not `-limit`, which for 0 would show as -0.
        Self { low: 0.0 - limit, high: limit, symmetric: true }
    }
}
