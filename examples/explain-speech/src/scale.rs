//! Scores as colours and as text.

use burn_xai::heatmap::{Bounds, Colormap, HeatmapError};

/// The colours of one method: red raises the logit, blue lowers it, the ends are its strongest scores.
#[derive(Debug, Clone, Copy)]
pub struct Scale(Bounds);

/// Red, green and blue.
pub type Color = [u8; 3];

impl Scale {
    /// Colours for scores from `-limit` to `limit`.
    ///
    /// # Errors
    /// Where the limit is no number from 0 on.
    pub fn new(limit: f64) -> Result<Self, HeatmapError> {
        Bounds::symmetric(limit as f32).map(Self)
    }

    /// The score at the red end.
    pub fn limit(self) -> f64 {
        f64::from(self.0.high())
    }

    /// The colour of a score.
    pub fn color(self, score: f64) -> Color {
        Colormap::BlueRedSoft.color(self.0.position(score as f32).unwrap_or(f32::NAN))
    }
}

/// A colour as pages write it.
pub fn hex([red, green, blue]: Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A score with its sign, the same number of digits for all.
pub fn signed(score: f64) -> String {
    // What would show as -0 is 0.
    let rounded = (score * 1e3).round() / 1e3 + 0.0;
    format!("{rounded:+.3}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn red_raises_and_blue_lowers() {
        let scale = Scale::new(0.5).unwrap();
        let [red, _, blue] = scale.color(0.5);
        assert!(red > blue);
        let [red, _, blue] = scale.color(-0.5);
        assert!(red < blue);
        assert_eq!(scale.color(2.0), scale.color(0.5));
        assert!(Scale::new(f64::NAN).is_err());
    }

    #[test]
    fn scores_have_a_sign() {
        assert_eq!([0.12345, -0.5, -0.0001].map(signed), ["+0.123", "-0.500", "+0.000"]);
        assert_eq!(hex([255, 0, 10]), "#ff000a");
    }
}
