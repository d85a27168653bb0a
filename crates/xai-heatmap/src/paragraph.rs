//! Texts whose tokens are coloured by relevance.

use crate::color_bar::ColorBar;
use crate::colormap::{Colormap, ink};
use crate::drawing::{Drawing, Shape};
use crate::error::{HeatmapError, at_least_one};
use crate::grid::{Cell, Grid};
use crate::map::RelevanceMap;
use crate::normalization::Normalization;
use crate::picture::Picture;
use crate::scale::Scale;
use crate::text::Lettering;

/// A text in lines, each token on the colour of its relevance, with a colour bar below.
///
/// Tokens follow each other as they are written: `" a"` is parted from the token before, `"a"` is not, and what
/// follows a `"\n"` begins a line. A line that would be too long ends at a space, or inside a word that has no
/// room in a line of its own. Only spaces inside a token have its colour. Letters are black or white, whichever
/// is easier to read on the colour. The font is that of [`Grid`].
///
/// # Examples
/// ```
/// use xai_heatmap::Paragraph;
///
/// let text = Paragraph::new([("The", 0.0), (" film", 0.1), (" is", 0.0), (" un", -2.0), ("bearable", -1.5)])?;
/// assert!(text.with_unit("logit").draw()?.svg()?.contains(">bearable<"));
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a paragraph is only drawn by `render` or `draw`"]
pub struct Paragraph {
    tokens: Vec<String>,
    relevance: RelevanceMap,
    width: u32,
    text_size: u32,
    scale: Scale,
}

/// A token, or a part of it, without spaces in it; and how many spaces and ends of lines are before it.
struct Atom<'a> {
    token: usize,
    text: &'a str,
    spaces: u64,
    breaks: u64,
}

/// An atom in its line. The text is on the right of its background.
struct Piece<'a> {
    token: usize,
    text: &'a str,
    line: u64,
    left: u64,
    width: u64,
}

impl Paragraph {
    /// Tokens with their relevance.
    ///
    /// # Errors
    /// [`HeatmapError::Empty`] without a token, and [`HeatmapError::TooLarge`] for more than
    /// [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn new<S: Into<String>>(tokens: impl IntoIterator<Item = (S, f32)>) -> Result<Self, HeatmapError> {
        let (tokens, relevance): (Vec<String>, Vec<f32>) =
            tokens.into_iter().map(|(text, relevance)| (text.into(), relevance)).unzip();
        if tokens.is_empty() {
            return Err(HeatmapError::Empty("paragraph", "token"));
        }
        let relevance = RelevanceMap::new(relevance, [1, tokens.len()])?;
        Ok(Self { tokens, relevance, width: 640, text_size: 20, scale: Scale::default() })
    }

    /// Sets the length of lines in pixels, 640 if not set. A single token may be longer: the picture is as wide
    /// as it then.
    pub fn with_width(self, width: u32) -> Self {
        Self { width, ..self }
    }

    /// Sets the height of letters with their accents in pixels, 20 if not set; lines are half as high again.
    pub fn with_text_size(self, text_size: u32) -> Self {
        Self { text_size, ..self }
    }

    /// Sets the colours, which are [`Normalization::Symmetric`] and blue, white and red if not set. With
    /// [shared](Normalization::shared) bounds, several texts can be compared.
    pub fn with_colors(mut self, normalization: Normalization, colormap: Colormap) -> Self {
        self.scale = Scale { normalization, colormap, ..self.scale };
        self
    }

    /// Sets the unit of relevance, below the colour bar.
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.scale.unit = unit.into();
        self
    }

    /// The relevance as a map of one row, to find shared bounds.
    pub fn relevance(&self) -> &RelevanceMap {
        &self.relevance
    }

    /// Draws the paragraph as a picture.
    ///
    /// # Errors
    /// As [`Paragraph::draw`] and [`Drawing::render`].
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        self.draw()?.render()
    }

    /// Lays out the paragraph.
    ///
    /// # Errors
    /// [`HeatmapError::OutOfRange`] for a width or a text size of 0, and [`HeatmapError::TooLarge`] over
    /// [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn draw(&self) -> Result<Drawing, HeatmapError> {
        at_least_one("width of the paragraph", self.width)?;
        let lettering = Lettering::new(self.text_size)?;
        let colors = self.scale.colors(&self.relevance);
        let pieces = self.pieces(&lettering);
        let (text, gap) = (u64::from(self.text_size), u64::from(self.text_size / 4));
        let high = text + 2 * gap;
        let width = pieces.iter().map(|piece| piece.left + piece.width).max().unwrap_or(1);
        let lines = pieces.last().map_or(1, |piece| piece.line + 1);

        let mut drawing = Drawing::new(width, lines * high)?;
        for piece in &pieces {
            let (ground, top) = (colors[piece.token], piece.line * high);
            // Lines are parted by white.
            let [left, y, width] = [piece.left, top + gap / 2, piece.width].map(|side| side as f64);
            let place = [left, y, width, (text + gap) as f64];
            drawing.add(Shape::Rectangle(place, ground.into()));
            let corner = [piece.left + piece.width - lettering.size(piece.text)[0], top + gap];
            drawing.add(Shape::Text(piece.text.to_owned(), corner, self.text_size, ink(ground)));
        }
        let bounds = self.scale.normalization.bounds(&self.relevance);
        let bar = ColorBar::horizontal(bounds, self.scale.colormap).with_unit(&self.scale.unit);
        Grid::new().with_row("", [Cell::from(drawing)]).with_row("", [Cell::from(bar.draw()?)]).draw()
    }

    /// Breaks lines.
    fn pieces(&self, lettering: &Lettering) -> Vec<Piece<'_>> {
        let most = u64::from(self.width);
        let [space, _] = lettering.size(" ");
        let atoms = self.atoms();
        let mut pieces: Vec<Piece> = Vec::new();
        let (mut pen, mut line) = (0, 0);
        for word in atoms.chunk_by(|_, next| next.spaces == 0 && next.breaks == 0) {
            let widths: Vec<u64> = word.iter().map(|atom| lettering.size(atom.text)[0]).collect();
            // The first of a word asks for room for all of it, the others for themselves.
            let mut room = widths.iter().sum::<u64>();
            for (atom, width) in word.iter().zip(widths) {
                let mut indent = atom.spaces * space;
                if atom.breaks > 0 || (pen > 0 && pen + indent + room.max(width) > most) {
                    (pen, line) = (0, line + atom.breaks.max(1));
                }
                if pen == 0 {
                    indent = 0;
                }
                // Spaces inside a token are a part of it.
                let inside = pieces.last().is_some_and(|last| last.token == atom.token && last.line == line);
                let left = if inside { pen } else { pen + indent };
                pen += indent + width;
                pieces.push(Piece { token: atom.token, text: atom.text, line, left, width: pen - left });
                room = 0;
            }
        }
        pieces
    }

    /// Tokens without their spaces.
    fn atoms(&self) -> Vec<Atom<'_>> {
        let mut atoms = Vec::new();
        let (mut spaces, mut breaks) = (0, 0);
        for (token, text) in self.tokens.iter().enumerate() {
            for part in text.split_inclusive(char::is_whitespace) {
                let text = part.trim_end_matches(char::is_whitespace);
                if !text.is_empty() {
                    atoms.push(Atom { token, text, spaces, breaks });
                    (spaces, breaks) = (0, 0);
                }
                match part[text.len()..].chars().next() {
                    Some('\n') => (spaces, breaks) = (0, breaks + 1),
                    Some(_) => spaces += 1,
                    None => {}
                }
            }
        }
        atoms
    }
}
