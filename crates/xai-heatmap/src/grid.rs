//! Pictures in rows and columns, with labels.

use crate::error::HeatmapError;
use crate::picture::{Picture, checked_size};
use crate::text::Text;

const WHITE: [u8; 3] = [255; 3];

/// One place in a [`Grid`]: a picture, and optionally a caption below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    picture: Picture,
    caption: String,
}

impl Cell {
    /// A picture without a caption.
    pub fn new(picture: Picture) -> Self {
        Self { picture, caption: String::new() }
    }

    /// Puts text below the picture.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }
}

impl From<Picture> for Cell {
    fn from(picture: Picture) -> Self {
        Self::new(picture)
    }
}

/// Pictures in rows and columns on white, with a header above each column and a label left of each row.
///
/// The layout measures pictures and texts: columns are as wide and rows as high as their largest content, so
/// no label is cut off or overlaps another. Contents are centred. Texts may have several lines, parted by
/// `\n`; characters the font lacks (it has ASCII, Latin-1 and Greek) show as a hollow box. Empty texts take
/// no room.
///
/// # Examples
///
/// ```
/// use xai_heatmap::{Cell, Grid, Picture};
///
/// let red = Picture::filled(96, 96, [255, 0, 0])?;
/// let sheet = Grid::new()
///     .headers(["input", "LRP-ε"])
///     .row("digit 7", [Cell::new(red.clone()), Cell::new(red).caption("sum 0.98")])
///     .render()?;
/// assert!(sheet.width() > 2 * 96);
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a grid is only drawn by `render`"]
pub struct Grid {
    headers: Vec<String>,
    rows: Vec<(String, Vec<Cell>)>,
    padding: u32,
    text_scale: u32,
}

impl Grid {
    /// An empty grid with 8 pixels of padding and text of 8 pixels height.
    pub fn new() -> Self {
        Self { headers: Vec::new(), rows: Vec::new(), padding: 8, text_scale: 1 }
    }

    /// Sets the texts above the columns, from the left. Columns without one stay bare.
    pub fn headers<S: Into<String>>(mut self, headers: impl IntoIterator<Item = S>) -> Self {
        self.headers = headers.into_iter().map(Into::into).collect();
        self
    }

    /// Adds a row with the text on its left, which may be empty. Rows may differ in length: places without a
    /// cell stay white.
    pub fn row<C: Into<Cell>>(
        mut self,
        label: impl Into<String>,
        cells: impl IntoIterator<Item = C>,
    ) -> Self {
        self.rows.push((label.into(), cells.into_iter().map(Into::into).collect()));
        self
    }

    /// Sets the pixels between contents and around the grid.
    pub fn padding(mut self, padding: u32) -> Self {
        self.padding = padding;
        self
    }

    /// Sets the factor by which the 8x8 font is enlarged, at least 1.
    pub fn text_scale(mut self, scale: u32) -> Self {
        self.text_scale = scale;
        self
    }

    /// Draws the grid.
    ///
    /// # Errors
    ///
    /// [`HeatmapError::EmptyGrid`] without any cell, [`HeatmapError::ZeroFactor`] for a text scale of 0, and
    /// [`HeatmapError::TooLarge`] over [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        if self.text_scale == 0 {
            return Err(HeatmapError::ZeroFactor { what: "text scale" });
        }
        if self.rows.iter().all(|(_, cells)| cells.is_empty()) {
            return Err(HeatmapError::EmptyGrid);
        }
        let widths = self.column_widths();
        let heights: Vec<RowHeight> = self.rows.iter().map(|row| self.row_height(row)).collect();
        let left = self.after(self.padding.into(), self.widest(self.rows.iter().map(|(label, _)| label)));
        let top = self.after(self.padding.into(), self.tallest(&self.headers));
        let (columns, width) = self.spans(left, widths);
        let (rows, height) = self.spans(top, heights.iter().map(|row| row.total));

        // From here on every coordinate is inside a canvas whose sides fit `u32`.
        let (width, height) = checked_size(width, height)?;
        let mut canvas = Picture::filled(width, height, WHITE)?;
        for (header, column) in self.headers.iter().zip(&columns) {
            self.text(header).draw_centered(&mut canvas, column.start, self.padding, column.size);
        }
        for (((label, cells), row), height) in self.rows.iter().zip(&rows).zip(&heights) {
            let middle = |content: u32| row.start + (height.pictures as u32).saturating_sub(content) / 2;
            let label = self.text(label);
            let label_top = middle(label.height() as u32);
            label.draw_centered(&mut canvas, self.padding, label_top, label.width() as u32);
            for (cell, column) in cells.iter().zip(&columns) {
                let indent = column.size.saturating_sub(cell.picture.width()) / 2;
                canvas.paste(&cell.picture, column.start + indent, middle(cell.picture.height()));
                let below = row.start + (height.pictures + self.caption_gap()) as u32;
                self.text(&cell.caption).draw_centered(&mut canvas, column.start, below, column.size);
            }
        }
        Ok(canvas)
    }

    fn text<'a>(&self, content: &'a str) -> Text<'a> {
        Text { content, scale: self.text_scale }
    }

    fn widest<'a>(&self, texts: impl IntoIterator<Item = &'a String>) -> u64 {
        texts.into_iter().map(|text| self.text(text).width()).max().unwrap_or(0)
    }

    fn tallest<'a>(&self, texts: impl IntoIterator<Item = &'a String>) -> u64 {
        texts.into_iter().map(|text| self.text(text).height()).max().unwrap_or(0)
    }

    fn caption_gap(&self) -> u64 {
        u64::from(self.padding) / 2
    }

    fn column_widths(&self) -> Vec<u64> {
        let longest = self.rows.iter().map(|(_, cells)| cells.len()).max().unwrap_or(0);
        let width_of = |column: usize| {
            let cells = self.rows.iter().filter_map(|(_, cells)| cells.get(column));
            let pictures = cells.clone().map(|cell| cell.picture.width().into()).max().unwrap_or(0);
            let captions = self.widest(cells.map(|cell| &cell.caption));
            pictures.max(captions).max(self.widest(self.headers.get(column)))
        };
        (0..longest.max(self.headers.len())).map(width_of).collect()
    }

    fn row_height(&self, (label, cells): &(String, Vec<Cell>)) -> RowHeight {
        let tallest = cells.iter().map(|cell| cell.picture.height().into()).max().unwrap_or(0);
        let pictures = self.text(label).height().max(tallest);
        let captions = self.tallest(cells.iter().map(|cell| &cell.caption));
        let below = if captions == 0 { 0 } else { captions.saturating_add(self.caption_gap()) };
        RowHeight { pictures, total: pictures.saturating_add(below) }
    }

    /// Where the next thing starts after one of `size`: what has no size takes no padding either.
    fn after(&self, start: u64, size: u64) -> u64 {
        if size == 0 { start } else { start.saturating_add(size).saturating_add(self.padding.into()) }
    }

    /// Lays sizes one after the other from `start`; also where the last one's padding ends.
    fn spans(&self, start: u64, sizes: impl IntoIterator<Item = u64>) -> (Vec<Span>, u64) {
        let mut next = start;
        let place = |size: u64| {
            let span = Span { start: next as u32, size: size as u32 };
            next = self.after(next, size);
            span
        };
        let spans = sizes.into_iter().map(place).collect();
        (spans, next)
    }
}

impl Default for Grid {
    fn default() -> Self {
        Self::new()
    }
}

/// A row's height: that of its pictures and label, and in total with the captions below.
struct RowHeight {
    pictures: u64,
    total: u64,
}

/// The pixels of a column or row, of meaning only once the whole canvas is known to be small enough.
struct Span {
    start: u32,
    size: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RED: [u8; 3] = [255, 0, 0];
    const BLACK: [u8; 3] = [0; 3];

    fn red(width: u32, height: u32) -> Cell {
        Picture::filled(width, height, RED).unwrap().into()
    }

    fn count(picture: &Picture, color: [u8; 3]) -> usize {
        picture.rgb_bytes().chunks_exact(3).filter(|pixel| **pixel == color).count()
    }

    /// Leftmost, topmost, rightmost and lowest pixel of a colour.
    fn extent(picture: &Picture, color: [u8; 3]) -> (u32, u32, u32, u32) {
        let all = (0..picture.height()).flat_map(|y| (0..picture.width()).map(move |x| (x, y)));
        all.filter(|&(x, y)| picture.pixel(x, y) == Some(color))
            .fold((u32::MAX, u32::MAX, 0, 0), |(l, t, r, b), (x, y)| (l.min(x), t.min(y), r.max(x), b.max(y)))
    }

    #[test]
    fn bare_pictures_are_padded_all_round() {
        let sheet =
            Grid::new().padding(3).row("", [red(10, 4), red(6, 6)]).row("", [red(2, 2)]).render().unwrap();
        assert_eq!((sheet.width(), sheet.height()), (3 + 10 + 3 + 6 + 3, 3 + 6 + 3 + 2 + 3));
        assert_eq!(count(&sheet, RED), 40 + 36 + 4);
        assert_eq!(sheet.pixel(0, 0), Some(WHITE));
        // The lower picture is centred in the width of the one above it.
        assert_eq!(sheet.pixel(3 + 4, 12), Some(RED));
        assert_eq!(sheet.pixel(3 + 3, 12), Some(WHITE));
        assert_eq!(extent(&sheet, RED), (3, 3, 3 + 10 + 3 + 5, 13));
    }

    #[test]
    fn labels_make_room_for_themselves() {
        let plain = Grid::new().padding(4).row("", [red(8, 8)]).render().unwrap();
        assert_eq!((plain.width(), plain.height(), count(&plain, BLACK)), (16, 16, 0));

        let header = Grid::new().padding(4).headers(["epsilon"]).row("", [red(8, 8)]).render().unwrap();
        assert_eq!((header.width(), header.height()), (4 + 7 * 8 + 4, 4 + 8 + 4 + 8 + 4));

        let label = Grid::new().padding(4).row("seven", [red(8, 8)]).render().unwrap();
        assert_eq!((label.width(), label.height()), (4 + 5 * 8 + 4 + 8 + 4, 16));

        let caption = Grid::new().padding(4).row("", [red(8, 8).caption("sum 1.00")]).render().unwrap();
        assert_eq!((caption.width(), caption.height()), (4 + 64 + 4, 4 + 8 + 2 + 8 + 4));

        for sheet in [header, label, caption] {
            assert!(count(&sheet, BLACK) > 20);
            assert_eq!(count(&sheet, RED), 64);
        }
    }

    #[test]
    fn no_label_is_cut_off_or_covered() {
        let ink = |grid: Grid| count(&grid.render().unwrap(), BLACK);
        let empty = || Grid::new().padding(1).text_scale(2);
        let header = ink(empty().headers(["Wgj\nlonger", "W"]).row("", [red(1, 1), red(1, 1)]));
        let label = ink(empty().row("a very long label", [red(1, 1)]));
        let caption = ink(empty().row("", [red(1, 1).caption("caption"), red(1, 1).caption("x")]));
        let together = empty()
            .headers(["Wgj\nlonger", "W"])
            .row("a very long label", [red(1, 1).caption("caption"), red(1, 1).caption("x")]);
        assert_eq!(ink(together), header + label + caption);
        // Every glyph has 4 pixels per dot at scale 2: a cut at the border would leave another number.
        assert_eq!([header % 4, label % 4, caption % 4], [0; 3]);
    }

    #[test]
    fn text_keeps_clear_of_the_border() {
        let sheet =
            Grid::new().headers(["WWWW"]).row("WWWW", [red(1, 1).caption("WWWWWW")]).render().unwrap();
        let (left, top, right, bottom) = extent(&sheet, BLACK);
        assert!(left >= 8 && top >= 8 && right < sheet.width() - 8 && bottom < sheet.height() - 8);
    }

    #[test]
    fn impossible_grids_are_errors() {
        assert!(matches!(Grid::new().headers(["a"]).render(), Err(HeatmapError::EmptyGrid)));
        assert!(matches!(Grid::new().row("a", [] as [Cell; 0]).render(), Err(HeatmapError::EmptyGrid)));
        assert!(Grid::new().row("", [red(1, 1)]).text_scale(u32::MAX).render().is_ok());
        let grid = Grid::new().row("a", [red(1, 1)]);
        assert!(matches!(grid.clone().text_scale(0).render(), Err(HeatmapError::ZeroFactor { .. })));
        assert!(matches!(grid.clone().text_scale(u32::MAX).render(), Err(HeatmapError::TooLarge { .. })));
        assert!(matches!(grid.padding(u32::MAX).render(), Err(HeatmapError::TooLarge { .. })));
    }
}
