//! Text in an 8x8 bitmap font.

use font8x8::{BASIC_FONTS, GREEK_FONTS, LATIN_FONTS, UnicodeFonts};

use crate::picture::Picture;

/// Width and height of a glyph at scale 1, the blank column on its right included.
const GLYPH: u64 = 8;

/// From the top of one line to the top of the next at scale 1: descenders stay clear of the line below.
const LINE: u64 = GLYPH + 2;

/// Stands for characters the font lacks: a hollow box, so that a loss is seen.
const MISSING: [u8; 8] = [0x7f, 0x41, 0x41, 0x41, 0x41, 0x41, 0x7f, 0x00];

/// One or more lines of text, at a whole-number scale.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) content: &'a str,
    pub(crate) scale: u32,
}

impl Text<'_> {
    /// The width of the longest line. Saturates, so that an absurd text is reported as too large a picture.
    pub(crate) fn width(self) -> u64 {
        let columns = self.content.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        (columns as u64).saturating_mul(GLYPH * u64::from(self.scale))
    }

    /// The height of all lines; 0 for an empty text.
    pub(crate) fn height(self) -> u64 {
        let gaps = (self.content.lines().count() as u64).checked_sub(1);
        gaps.map_or(0, |gaps| (gaps * LINE + GLYPH).saturating_mul(self.scale.into()))
    }

    /// Draws the text in black into a box of `width` pixels from `x`, `y`, each line centred in it.
    pub(crate) fn draw_centered(self, canvas: &mut Picture, x: u32, y: u32, width: u32) {
        // Only a text that takes room has been measured against the canvas, and with it the scale.
        if self.height() == 0 {
            return;
        }
        let (size, line_height) = (GLYPH as u32 * self.scale, LINE as u32 * self.scale);
        for (row, line) in (0..).zip(self.content.lines()) {
            let taken = line.chars().count() as u32 * size;
            let start = x + width.saturating_sub(taken) / 2;
            for (column, character) in (0..).zip(line.chars()) {
                self.draw_glyph(canvas, character, start + column * size, y + row * line_height);
            }
        }
    }

    fn draw_glyph(self, canvas: &mut Picture, character: char, x: u32, y: u32) {
        for (row, bits) in (0..).zip(glyph(character)) {
            for column in (0..GLYPH as u32).filter(|column| bits >> column & 1 == 1) {
                for dy in 0..self.scale {
                    for dx in 0..self.scale {
                        canvas.set(x + column * self.scale + dx, y + row * self.scale + dy, [0; 3]);
                    }
                }
            }
        }
    }
}

/// Eight rows from the top; the lowest bit of each is its leftmost pixel.
fn glyph(character: char) -> [u8; 8] {
    BASIC_FONTS
        .get(character)
        .filter(|_| !character.is_control())
        .or_else(|| LATIN_FONTS.get(character))
        .or_else(|| GREEK_FONTS.get(character))
        .unwrap_or(MISSING)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(content: &str, scale: u32) -> Picture {
        let text = Text { content, scale };
        let mut canvas = Picture::filled(text.width() as u32, text.height() as u32, [255; 3]).unwrap();
        let width = canvas.width();
        text.draw_centered(&mut canvas, 0, 0, width);
        canvas
    }

    fn ink(picture: &Picture) -> usize {
        picture.rgb_bytes().iter().filter(|&&byte| byte == 0).count() / 3
    }

    #[test]
    fn measures_the_longest_line() {
        let text = Text { content: "ab\nabc", scale: 2 };
        assert_eq!((text.width(), text.height()), (48, 36));
        let empty = Text { content: "", scale: 2 };
        assert_eq!((empty.width(), empty.height()), (0, 0));
    }

    #[test]
    fn the_measured_box_holds_every_dot() {
        let dots = |s: &str| {
            s.chars().map(|c| glyph(c).iter().map(|b| b.count_ones() as usize).sum::<usize>()).sum()
        };
        let expected: usize = dots("Wg0jLRP");
        assert!(expected > 0);
        assert_eq!(ink(&draw("Wg0\njLRP", 1)), expected);
        assert_eq!(ink(&draw("Wg0\njLRP", 3)), expected * 9);
    }

    #[test]
    fn letters_are_not_mirrored() {
        // The stem of an L is on its left.
        let letter = draw("L", 1);
        let ink_in = |columns: std::ops::Range<u32>| {
            columns
                .flat_map(|x| (0..8).map(move |y| (x, y)))
                .filter(|&(x, y)| letter.pixel(x, y) == Some([0; 3]))
                .count()
        };
        assert!(ink_in(0..4) > ink_in(4..8));
    }

    #[test]
    fn short_lines_are_centred() {
        let picture = draw("I\nIII", 1);
        let column = |left: u32| -> Vec<_> { (0..8).map(|x| picture.pixel(left + x, 0)).collect() };
        assert_eq!(column(8), (0..8).map(|x| picture.pixel(8 + x, LINE as u32)).collect::<Vec<_>>());
        assert!(column(0).iter().all(|&pixel| pixel == Some([255; 3])));
    }

    #[test]
    fn greek_rule_names_have_glyphs_and_the_unknown_is_boxed() {
        for letter in "εγαβζ".chars() {
            assert_ne!(glyph(letter), MISSING, "{letter}");
        }
        assert_eq!(glyph('木'), MISSING);
        assert_eq!(glyph('\t'), MISSING);
        assert_eq!(glyph(' '), [0; 8]);
    }
}
