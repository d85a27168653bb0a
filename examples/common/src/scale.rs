//! Signed scores as colours, and pages that show them.

use burn_xai::heatmap::{Bounds, Colormap, HeatmapError};

/// Colours for scores: red raises what is explained, blue lowers it.
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

    /// A bar of the colours for a page, with the text of the scores at its ends.
    pub fn legend(self, text: impl Fn(f64) -> String) -> String {
        let limit = self.limit();
        let stops: Vec<String> = (-5..=5).map(|i| hex(self.color(limit * f64::from(i) / 5.0))).collect();
        format!(
            "<div class=\"legend\"><span>lowers {}</span><span class=\"bar\" style=\"background:\
             linear-gradient(to right,{})\"></span><span>{} raises</span></div>\n",
            text(-limit),
            stops.join(","),
            text(limit),
        )
    }
}

/// Black or white, whichever is easier to read on this colour.
pub fn ink(ground: Color) -> Color {
    // The shares of the eye's sensitivity, of the standard for television (ITU-R BT.601).
    let light =
        ground.map(f64::from).iter().zip([0.299, 0.587, 0.114]).map(|(c, share)| c * share).sum::<f64>();
    if light > 128.0 { [0; 3] } else { [255; 3] }
}

/// A colour as pages write it.
pub fn hex([red, green, blue]: Color) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// A score with its sign and this number of decimals.
pub fn signed(score: f64, decimals: usize) -> String {
    // What would show as -0 is 0.
    let unit = 10f64.powi(decimals as i32);
    let rounded = (score * unit).round() / unit + 0.0;
    format!("{rounded:+.decimals$}")
}

/// Text as it stands in HTML, in attributes too.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
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
        assert_eq!(
            [0.12345, -0.5, -0.00001].map(|score| signed(score, 4)),
            ["+0.1235", "-0.5000", "+0.0000"]
        );
        assert_eq!(hex([255, 0, 10]), "#ff000a");
    }
}
