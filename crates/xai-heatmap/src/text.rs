//! Text in Roboto.

use ab_glyph::{Font, FontRef, PxScaleFont, ScaleFont, point};
use plotters::style::{FontStyle, register_font};

use crate::error::{HeatmapError, at_least_one};
use crate::picture::Picture;

/// The name by which plotters finds the font once there is a [`Lettering`].
pub(crate) const FONT: &str = "Roboto";

const ROBOTO: &[u8] = include_bytes!("../fonts/Roboto-Regular-subset.ttf");

/// The font at one size. Texts may have several lines.
pub(crate) struct Lettering(PxScaleFont<FontRef<'static>>);

impl Lettering {
    /// `size` is the height of a line in pixels, room for accents and descenders included.
    pub(crate) fn new(size: u32) -> Result<Self, HeatmapError> {
        at_least_one("text size", size)?;
        let registered = register_font(FONT, FontStyle::Normal, ROBOTO);
        match (FontRef::try_from_slice(ROBOTO), registered) {
            (Ok(font), Ok(())) => Ok(Self(font.into_scaled(size as f32))),
            _ => Err(HeatmapError::Drawing("the font cannot be read".to_owned())),
        }
    }

    /// Width and height of a text in pixels, 0 for an empty one. Each is at most [`u32::MAX`], so that sums
    /// of many stay below [`u64::MAX`].
    pub(crate) fn size(&self, text: &str) -> [u64; 2] {
        let width = text.lines().map(|line| self.advance(line)).fold(0.0, f32::max);
        let height = text.lines().count() as f32 * self.0.height();
        [width, height].map(|length| u64::from(length.ceil() as u32))
    }

    /// Writes in black with the top left corner of the text at `x`, `y`; shorter lines are centred below the
    /// longest. What would lie outside the picture is dropped.
    pub(crate) fn write(&self, picture: &mut Picture, text: &str, x: u64, y: u64) {
        let [width, _] = self.size(text);
        for (row, line) in text.lines().enumerate() {
            // At whole pixels, which keeps horizontal strokes crisp.
            let mut pen = ((width as f32 - self.advance(line)) / 2.0).floor();
            let baseline = (row as f32 * self.0.height() + self.0.ascent()).round();
            for id in line.chars().map(|character| self.0.glyph_id(character)) {
                let glyph = id.with_scale_and_position(self.0.scale(), point(pen, baseline));
                pen += self.0.h_advance(id);
                if let Some(outline) = self.0.outline_glyph(glyph) {
                    let corner = outline.px_bounds().min;
                    let (left, top) = (x as i64 + corner.x as i64, y as i64 + corner.y as i64);
                    outline.draw(|dx, dy, covered| {
                        picture.blend(left + i64::from(dx), top + i64::from(dy), [0; 3], covered.min(1.0));
                    });
                }
            }
        }
    }

    fn advance(&self, line: &str) -> f32 {
        line.chars().map(|character| self.0.h_advance(self.0.glyph_id(character))).sum()
    }
}
