//! Scores as colours and as text.

use burn_xai::heatmap::{Bounds, Colormap, HeatmapError};

/// The colours of one method: red raises the similarity, blue lowers it, the ends are its strongest scores.
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

/// Black or white, whichever is easier to read on this colour.
pub fn ink(ground: Color) -> Color {
    // The shares of the eye's sensitivity, of the standard for television (ITU-R BT.601).
    let light =
        ground.map(f64::from).iter().zip([0.299, 0.587, 0.114]).map(|(c, share)| c * share).sum::<f64>();
    if light > 128.0 { [0; 3] } else { [255; 3] }
}

/// A score with its sign, the same number of digits for all.
pub fn signed(score: f64) -> String {
    // What would show as -0 is 0.
    let rounded = (score * 1e4).round() / 1e4 + 0.0;
    format!("{rounded:+.4}")
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
        assert_eq!(ink(scale.color(0.0)), [0; 3]);
        assert_eq!(ink(scale.color(-0.5)), [255; 3]);
        assert!(Scale::new(f64::NAN).is_err());
    }

    #[test]
    fn scores_have_a_sign() {
        assert_eq!([0.12345, -0.5, -0.00001].map(signed), ["+0.1235", "-0.5000", "+0.0000"]);
    }
}
