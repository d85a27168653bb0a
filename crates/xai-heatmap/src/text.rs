//! Text in Roboto.

use ab_glyph::{Font, FontRef, PxScaleFont, ScaleFont, point};

use crate::error::{HeatmapError, at_least_one};
use crate::picture::Picture;

/// The name of the font.
pub(crate) const FONT: &str = "Roboto";

const ROBOTO: &[u8] = include_bytes!("../fonts/Roboto-Regular-subset.ttf");

/// The font at one size. Texts may have several lines.
pub(crate) struct Lettering(PxScaleFont<FontRef<'static>>);

/// A line of a text. Lengths are pixels, from the left top corner of the whole text.
pub(crate) struct Line<'a> {
    pub(crate) text: &'a str,
    pub(crate) left: f32,
    pub(crate) baseline: f32,
    pub(crate) width: f32,
}

impl Lettering {
    /// `size` is the height of a line in pixels, room for accents and descenders included.
    pub(crate) fn new(size: u32) -> Result<Self, HeatmapError> {
        at_least_one("text size", size)?;
        let font = FontRef::try_from_slice(ROBOTO);
        let font = font.map_err(|_| HeatmapError::Drawing("the font cannot be read".to_owned()))?;
        Ok(Self(font.into_scaled(size as f32)))
    }

    /// Width and height of a text in pixels, 0 for an empty one. Each is at most [`u32::MAX`], so that sums
    /// of many stay below [`u64::MAX`].
    pub(crate) fn size(&self, text: &str) -> [u64; 2] {
        let width = text.lines().map(|line| self.advance(line)).fold(0.0, f32::max);
        let height = text.lines().count() as f32 * self.0.height();
        [width, height].map(|length| u64::from(length.ceil() as u32))
    }

    /// The lines from the top; shorter ones are centred below the longest.
    pub(crate) fn lines<'a>(&self, text: &'a str) -> impl Iterator<Item = Line<'a>> {
        let [widest, _] = self.size(text);
        text.lines().enumerate().map(move |(row, text)| {
            let width = self.advance(text);
            // At whole pixels, which keeps horizontal strokes crisp.
            let left = ((widest as f32 - width) / 2.0).floor();
            let baseline = (row as f32 * self.0.height() + self.0.ascent()).round();
            Line { text, left, baseline, width }
        })
    }

    /// The size by which other programs know the font: of its em square, which is smaller than a line.
    pub(crate) fn em(&self) -> f32 {
        let font = self.0.font();
        self.0.scale().y * font.units_per_em().unwrap_or(2048.0) / font.height_unscaled()
    }

    /// Writes with the top left corner of the text at `x`, `y`. What would lie outside the picture is dropped.
    pub(crate) fn write(&self, picture: &mut Picture, text: &str, [x, y]: [u64; 2], color: [u8; 3]) {
        for line in self.lines(text) {
            let mut pen = line.left;
            for id in line.text.chars().map(|character| self.0.glyph_id(character)) {
                let glyph = id.with_scale_and_position(self.0.scale(), point(pen, line.baseline));
                pen += self.0.h_advance(id);
                if let Some(outline) = self.0.outline_glyph(glyph) {
                    let corner = outline.px_bounds().min;
                    let (left, top) = (x as i64 + corner.x as i64, y as i64 + corner.y as i64);
                    outline.draw(|dx, dy, covered| {
                        picture.blend(left + i64::from(dx), top + i64::from(dy), color, covered.min(1.0));
                    });
                }
            }
        }
    }

    fn advance(&self, line: &str) -> f32 {
        line.chars().map(|character| self.0.h_advance(self.0.glyph_id(character))).sum()
    }
}
