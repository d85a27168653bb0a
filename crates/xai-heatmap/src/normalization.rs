//! From relevance to a position on a colour map.

use crate::error::HeatmapError;
use crate::map::RelevanceMap;

/// How the ends of the colour map are found.
///
/// # Examples
///
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
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Normalization {
    /// `-m..m` where `m` is the map's largest finite `|r|`: zero falls in the middle. For zero-centred colour
    /// maps.
    Symmetric,
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
        let values = maps.into_iter().flat_map(RelevanceMap::values).copied();
        match self {
            Self::Symmetric => Bounds::symmetric_over(values),
            Self::MinMax => Bounds::range_over(values),
            Self::Fixed(bounds) => bounds,
        }
    }
}

/// The relevance at the two ends of a colour map.
///
/// Values beyond an end, infinities among them, are drawn in the colour of that end. NaN has no position: it
/// is drawn in [`NAN_COLOR`](crate::NAN_COLOR). Neither has a say when bounds are taken from a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    low: f32,
    high: f32,
    /// Whether zero is the middle. Kept apart from `low == -high`, because it also decides where the values
    /// of an all-equal map go.
    symmetric: bool,
}

impl Bounds {
    /// `-limit..limit`. With a limit of 0, the bounds of an all-zero map, zero is still the middle.
    ///
    /// # Errors
    ///
    /// [`HeatmapError::InvalidBounds`] if `limit` is negative or not finite.
    pub fn symmetric(limit: f32) -> Result<Self, HeatmapError> {
        // Not `-limit`, which for 0 would show as -0.
        Ok(Self { symmetric: true, ..Self::range(0.0 - limit, limit)? })
    }

    /// `low..high`. If both are equal, the bounds of a constant map, that value lies at the lower end.
    ///
    /// # Errors
    ///
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
        let flat = if self.symmetric { 0.5 } else { 0.0 };
        Some(if value > self.high {
            1.0
        } else if value < self.low {
            0.0
        } else {
            flat
        })
    }

    /// How far `value` is from no relevance, in `0..=1`: from the middle for symmetric bounds, else from the
    /// low end.
    pub(crate) fn strength(self, value: f32) -> Option<f32> {
        let position = self.position(value)?;
        Some(if self.symmetric { (2.0 * position - 1.0).abs() } else { position })
    }

    fn symmetric_over(values: impl Iterator<Item = f32>) -> Self {
        let limit = values.filter(|v| v.is_finite()).fold(0.0_f32, |limit, v| limit.max(v.abs()));
        Self { low: 0.0 - limit, high: limit, symmetric: true }
    }

    /// Without any finite value the bounds are `0..0`.
    fn range_over(values: impl Iterator<Item = f32>) -> Self {
        let (low, high) = values
            .filter(|v| v.is_finite())
            .map(|v| (v, v))
            .reduce(|(low, high), (v, _)| (low.min(v), high.max(v)))
            .unwrap_or_default();
        Self { low, high, symmetric: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(values: &[f32]) -> RelevanceMap {
        RelevanceMap::new(values.to_vec(), [1, values.len()]).unwrap()
    }

    fn positions(normalization: Normalization, values: &[f32]) -> Vec<Option<f32>> {
        let bounds = normalization.bounds(&map(values));
        values.iter().map(|&v| bounds.position(v)).collect()
    }

    #[test]
    fn symmetric_keeps_zero_in_the_middle() {
        assert_eq!(
            positions(Normalization::Symmetric, &[-1.0, 0.0, 4.0]),
            [Some(0.375), Some(0.5), Some(1.0)]
        );
        assert_eq!(positions(Normalization::Symmetric, &[0.0, -0.0]), [Some(0.5); 2]);
        assert_eq!(
            positions(Normalization::Symmetric, &[f32::MAX, 0.0, f32::MIN]),
            [1.0, 0.5, 0.0].map(Some)
        );
        assert_eq!(positions(Normalization::Symmetric, &[1e-45, 0.0]), [Some(1.0), Some(0.5)]);
    }

    #[test]
    fn min_max_spans_the_values() {
        assert_eq!(positions(Normalization::MinMax, &[2.0, 3.0, 6.0]), [Some(0.0), Some(0.25), Some(1.0)]);
        assert_eq!(positions(Normalization::MinMax, &[f32::MIN, 0.0, f32::MAX]), [0.0, 0.5, 1.0].map(Some));
        assert_eq!(positions(Normalization::MinMax, &[7.0, 7.0]), [Some(0.0); 2]);
        assert_eq!(positions(Normalization::MinMax, &[-7.0]), [Some(0.0)]);
    }

    #[test]
    fn nan_and_infinities_leave_the_bounds_alone() {
        let values = [f32::NAN, f32::NEG_INFINITY, -1.0, 1.0, f32::INFINITY];
        for normalization in [Normalization::Symmetric, Normalization::MinMax] {
            assert_eq!(positions(normalization, &values), [None, Some(0.0), Some(0.0), Some(1.0), Some(1.0)]);
        }
        assert_eq!(positions(Normalization::MinMax, &[f32::INFINITY, f32::NAN]), [Some(1.0), None]);
        assert_eq!(positions(Normalization::Symmetric, &[0.0, f32::NEG_INFINITY]), [Some(0.5), Some(0.0)]);
    }

    #[test]
    fn shared_bounds_cover_every_map() {
        let maps = [map(&[1.0, 2.0]), map(&[-8.0, 0.0])];
        let bounds = Normalization::Symmetric.shared(&maps).bounds(&maps[0]);
        assert_eq!((bounds.low(), bounds.high()), (-8.0, 8.0));
        let bounds = Normalization::MinMax.shared(&maps).bounds(&maps[0]);
        assert_eq!((bounds.low(), bounds.high()), (-8.0, 2.0));
        let fixed = Normalization::Fixed(Bounds::range(0.0, 1.0).unwrap());
        assert_eq!(fixed.shared(&maps), fixed);
    }

    #[test]
    fn strength_is_measured_from_no_relevance() {
        let symmetric = Bounds::symmetric(2.0).unwrap();
        assert_eq!([-2.0, -1.0, 0.0, 1.0].map(|v| symmetric.strength(v)), [1.0, 0.5, 0.0, 0.5].map(Some));
        let range = Bounds::range(-2.0, 2.0).unwrap();
        assert_eq!([-2.0, 0.0, 2.0].map(|v| range.strength(v)), [0.0, 0.5, 1.0].map(Some));
    }

    #[test]
    fn unusable_bounds_are_refused() {
        for (low, high) in [(1.0, 0.0), (f32::NAN, 1.0), (0.0, f32::NAN), (0.0, f32::INFINITY)] {
            let error = Bounds::range(low, high).unwrap_err();
            assert!(matches!(error, HeatmapError::InvalidBounds { .. }), "{error}");
        }
        assert!(Bounds::symmetric(-1.0).is_err());
        assert!(Bounds::symmetric(f32::NAN).is_err());
        assert_eq!(Bounds::symmetric(0.0).unwrap().low().to_string(), "0");
    }
}
