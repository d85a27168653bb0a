//! Pictures in rows and columns, with labels.

use crate::drawing::{Drawing, Shape};
use crate::error::HeatmapError;
use crate::picture::Picture;
use crate::text::Lettering;

/// One place in a [`Grid`]: a picture or a [`Drawing`], and optionally a caption below it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    content: Content,
    caption: String,
}

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Picture(Picture),
    Drawing(Drawing),
}

impl Cell {
    /// A picture without a caption. A drawing becomes a cell by `Cell::from`.
    pub fn new(picture: Picture) -> Self {
        Self { content: Content::Picture(picture), caption: String::new() }
    }

    /// Puts text below.
    #[must_use]
    pub fn with_caption(self, caption: impl Into<String>) -> Self {
        Self { caption: caption.into(), ..self }
    }
}

impl From<Picture> for Cell {
    fn from(picture: Picture) -> Self {
        Self::new(picture)
    }
}

impl From<Drawing> for Cell {
    fn from(drawing: Drawing) -> Self {
        Self { content: Content::Drawing(drawing), caption: String::new() }
    }
}

/// Pictures in rows and columns on white, with a header above each column and a label left of each row.
///
/// Columns are as wide and rows as high as their largest content, so that no text is cut off or overlaps
/// another. Texts may have several lines, separated by `\n`. The font has ASCII, Latin-1, Greek and some
/// mathematical signs; all other characters are drawn as a hollow box. Empty texts take no room.
///
/// # Examples
/// ```
/// use xai_heatmap::{Cell, Grid, Picture};
///
/// let red = Picture::filled(96, 96, [255, 0, 0])?;
/// let sheet = Grid::new()
///     .with_headers(["input", "LRP-ε"])
///     .with_row("digit 7", [Cell::new(red.clone()), Cell::new(red).with_caption("sum 0.98")])
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
    text_size: u32,
}

impl Grid {
    /// An empty grid with 8 pixels of padding and lines of text 16 pixels high.
    pub fn new() -> Self {
        Self { headers: Vec::new(), rows: Vec::new(), padding: 8, text_size: 16 }
    }

    /// Sets the texts above the columns, from the left.
    pub fn with_headers<S: Into<String>>(self, headers: impl IntoIterator<Item = S>) -> Self {
        Self { headers: headers.into_iter().map(Into::into).collect(), ..self }
    }

    /// Adds a row with the text on its left, which may be empty. Rows may differ in length: places without a
    /// cell stay white.
    pub fn with_row<C: Into<Cell>>(
        mut self,
        label: impl Into<String>,
        cells: impl IntoIterator<Item = C>,
    ) -> Self {
        self.rows.push((label.into(), cells.into_iter().map(Into::into).collect()));
        self
    }

    /// Sets the pixels between contents and around the grid.
    pub fn with_padding(self, padding: u32) -> Self {
        Self { padding, ..self }
    }

    /// Sets the height of a line of text in pixels, at least 1.
    pub fn with_text_size(self, text_size: u32) -> Self {
        Self { text_size, ..self }
    }

    /// Draws the grid as a picture.
    ///
    /// # Errors
    /// As [`Grid::draw`] and [`Drawing::render`].
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        self.draw()?.render()
    }

    /// Lays out the grid.
    ///
    /// # Errors
    /// [`HeatmapError::Empty`] without any cell, [`HeatmapError::OutOfRange`] for a text size of 0, and
    /// [`HeatmapError::TooLarge`] over [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn draw(&self) -> Result<Drawing, HeatmapError> {
        let lettering = Lettering::new(self.text_size)?;
        if self.rows.iter().all(|(_, cells)| cells.is_empty()) {
            return Err(HeatmapError::Empty("grid", "picture"));
        }
        let lines = self.lines();
        let size = |item: &Item| match item {
            Item::Content(Content::Picture(picture)) => [picture.width(), picture.height()].map(u64::from),
            Item::Content(Content::Drawing(drawing)) => [drawing.width(), drawing.height()].map(u64::from),
            Item::Text(text) => lettering.size(text),
        };
        let sizes: Vec<Vec<[u64; 2]>> =
            lines.iter().map(|line| line.items.iter().map(size).collect()).collect();
        let length = sizes.iter().map(Vec::len).max().unwrap_or(0);
        let widest =
            |column: usize| sizes.iter().filter_map(|line| line.get(column)).map(|size| size[0]).max();
        let highest = sizes.iter().map(|line| line.iter().map(|size| size[1]).max());
        let padding = u64::from(self.padding);
        let (columns, width) = spans(padding, (0..length).map(|column| (widest(column), padding)));
        let (rows, height) = spans(padding, highest.zip(lines.iter().map(|line| line.gap)));

        let mut sheet = Drawing::new(width, height)?;
        for ((line, sizes), (top, height)) in lines.iter().zip(&sizes).zip(rows) {
            for (column, (item, size)) in line.items.iter().zip(sizes).enumerate() {
                let (left, width) = columns[column];
                // Labels of rows are on the right of their column, near to the pictures.
                let x = left + (width - size[0]) / if column == 0 { 1 } else { 2 };
                let y = top + (height - size[1]) / 2;
                sheet.add(match item {
                    Item::Content(Content::Picture(picture)) => Shape::Picture(picture.clone(), [x, y]),
                    Item::Content(Content::Drawing(drawing)) => Shape::Drawing(drawing.clone(), [x, y]),
                    Item::Text(text) => Shape::Text(text.to_string(), [x, y], self.text_size, [0; 3]),
                });
            }
        }
        Ok(sheet)
    }

    /// All texts and pictures as a table; captions are a line of their own, near the pictures above.
    fn lines(&self) -> Vec<Line<'_>> {
        let padding = u64::from(self.padding);
        let mut lines = vec![Line::new("", self.headers.iter().map(|header| Item::Text(header)), padding)];
        for (label, cells) in &self.rows {
            let captioned = cells.iter().any(|cell| !cell.caption.is_empty());
            let gap = if captioned { padding / 2 } else { padding };
            lines.push(Line::new(label, cells.iter().map(|cell| Item::Content(&cell.content)), gap));
            lines.push(Line::new("", cells.iter().map(|cell| Item::Text(&cell.caption)), padding));
        }
        lines
    }
}

impl Default for Grid {
    fn default() -> Self {
        Self::new()
    }
}

enum Item<'a> {
    Content(&'a Content),
    Text(&'a str),
}

/// A line of the table, and the pixels between it and the next.
struct Line<'a> {
    items: Vec<Item<'a>>,
    gap: u64,
}

impl<'a> Line<'a> {
    fn new(label: &'a str, items: impl Iterator<Item = Item<'a>>, gap: u64) -> Self {
        Self { items: std::iter::once(Item::Text(label)).chain(items).collect(), gap }
    }
}

/// Puts sizes, each with the gap after it, one after the other from `start`: where each begins and its size,
/// and where the last gap ends. What has no size has no gap either.
fn spans(start: u64, sizes: impl Iterator<Item = (Option<u64>, u64)>) -> (Vec<(u64, u64)>, u64) {
    let mut next = start;
    let place = |(size, gap): (Option<u64>, u64)| {
        let span = (next, size.unwrap_or(0));
        next += if span.1 == 0 { 0 } else { span.1 + gap };
        span
    };
    let spans = sizes.map(place).collect();
    (spans, next)
}
