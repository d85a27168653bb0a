//! Volumes as sheets of slices.

use crate::colormap::Colormap;
use crate::drawing::Drawing;
use crate::error::{HeatmapError, as_long, at_least_one, from_0_to_1};
use crate::grid::{Cell, Grid};
use crate::map::{RelevanceMap, check_shape};
use crate::normalization::Normalization;
use crate::picture::{Picture, checked_size};
use crate::render::{gray_image, overlay, render};
use crate::scale::Scale;

/// Pixels of the longer side of an enlarged slice, at most.
const SIDE: u32 = 112;

/// The relevance of a volume as slices from the first, row by row with their numbers, in one scale of colours.
///
/// # Examples
/// ```
/// use xai_heatmap::Slices;
///
/// let relevance = [0.0, 1.0, 0.0, 0.0, -0.5, 0.0, 0.0, 0.25, 0.0, 0.0, 2.0, 0.0];
/// let scan = [0.1, 0.9, 0.3, 0.2, 0.5, 0.4, 0.2, 0.6, 0.1, 0.2, 0.8, 0.3];
/// let slices = Slices::new(&relevance, [3, 2, 2])?.with_underlay(&scan)?.with_unit("logit");
/// let sheet = slices.render()?;
/// assert!(sheet.width() > 2 * 112 && sheet.height() > 2 * 112);
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use = "slices are only drawn by `render` or `draw`"]
pub struct Slices {
    maps: Vec<RelevanceMap>,
    underlay: Vec<Picture>,
    opacity: f32,
    columns: Option<u32>,
    every: u32,
    zoom: Option<u32>,
    scale: Scale,
}

impl Slices {
    /// Relevance of shape `[depth, height, width]`; a slice has `height * width` values.
    ///
    /// # Errors
    /// As [`RelevanceMap::new`].
    pub fn new(relevance: &[f32], shape: [usize; 3]) -> Result<Self, HeatmapError> {
        check_shape(relevance.len(), ["depth", "height", "width"], shape)?;
        let [depth, height, width] = shape;
        Ok(Self {
            maps: RelevanceMap::from_batch(relevance, [depth, 1, height, width])?,
            underlay: Vec::new(),
            opacity: 0.8,
            columns: None,
            every: 1,
            zoom: None,
            scale: Scale::default(),
        })
    }

    /// Lays the relevance over the volume itself, of the same shape, in grey: black at its smallest finite value
    /// and white at its largest. The stronger relevance is, the more of the grey it covers.
    ///
    /// # Errors
    /// [`HeatmapError::InputLength`] if there are more or fewer values.
    pub fn with_underlay(self, volume: &[f32]) -> Result<Self, HeatmapError> {
        let Some(first) = self.maps.first() else { return Ok(self) };
        let shape = [self.maps.len(), first.height() as usize, first.width() as usize];
        as_long("volume", volume.len(), &shape)?;
        let slices = RelevanceMap::from_batch(volume, [shape[0], 1, shape[1], shape[2]])?;
        let shared = Normalization::MinMax.shared(&slices);
        let gray = |slice: &RelevanceMap| gray_image(slice.values(), [1, shape[1], shape[2]], shared);
        let underlay = slices.iter().map(gray).collect::<Result<_, _>>()?;
        Ok(Self { underlay, ..self })
    }

    /// Sets how much of the volume the strongest relevance covers, from 0 to 1, 0.8 if not set.
    pub fn with_opacity(self, opacity: f32) -> Self {
        Self { opacity, ..self }
    }

    /// Draws only each `every`th slice, beginning with the first. The scale is still that of all.
    pub fn with_every(self, every: u32) -> Self {
        Self { every, ..self }
    }

    /// Sets the number of slices in a row. If not set, there are about as many rows as columns.
    pub fn with_columns(self, columns: u32) -> Self {
        Self { columns: Some(columns), ..self }
    }

    /// Draws each value as a square of `zoom` x `zoom` pixels. If not set, the longer side of a slice has about
    /// 112 pixels, or as many as it has values.
    pub fn with_zoom(self, zoom: u32) -> Self {
        Self { zoom: Some(zoom), ..self }
    }

    /// Sets the colours, which are [`Normalization::Symmetric`] and blue, white and red if not set.
    pub fn with_colors(mut self, normalization: Normalization, colormap: Colormap) -> Self {
        self.scale = Scale { normalization, colormap, ..self.scale };
        self
    }

    /// Sets the unit of relevance, beside the colour bar.
    pub fn with_unit(mut self, unit: impl Into<String>) -> Self {
        self.scale.unit = unit.into();
        self
    }

    /// All slices, to find bounds that are shared with other volumes.
    pub fn maps(&self) -> &[RelevanceMap] {
        &self.maps
    }

    /// Draws the sheet as a picture.
    ///
    /// # Errors
    /// As [`Slices::draw`] and [`Drawing::render`].
    pub fn render(&self) -> Result<Picture, HeatmapError> {
        self.draw()?.render()
    }

    /// Lays out the sheet.
    ///
    /// # Errors
    /// [`HeatmapError::OutOfRange`] for an opacity outside `0..=1` and for 0 columns, 0 as zoom or each 0th
    /// slice, and [`HeatmapError::TooLarge`] over [`MAX_PIXELS`](crate::MAX_PIXELS).
    pub fn draw(&self) -> Result<Drawing, HeatmapError> {
        at_least_one("step from slice to slice", self.every)?;
        from_0_to_1("opacity", self.opacity.into())?;
        let drawn: Vec<usize> = (0..self.maps.len()).step_by(self.every as usize).collect();
        let square = (drawn.len() as f64).sqrt().ceil() as u32;
        let columns = self.columns.unwrap_or(square);
        at_least_one("number of columns", columns)?;
        let columns = (columns as usize).min(drawn.len());
        let [height, width] = self.maps.first().map_or([1, 1], |map| [map.height(), map.width()]);
        let zoom = self.zoom.unwrap_or((SIDE / width.max(height)).max(1));
        // Before any slice is enlarged.
        let side = |slices: usize, side: u32| slices as u64 * u64::from(side) * u64::from(zoom);
        let (_, total) = checked_size(side(columns, width), side(drawn.len().div_ceil(columns), height))?;

        let normalization = self.scale.normalization.shared(&self.maps);
        let cells = drawn.iter().map(|slice| self.cell(*slice, normalization, zoom));
        let cells = cells.collect::<Result<Vec<_>, _>>()?;
        let sheet = cells.chunks(columns).fold(Grid::new(), |grid, row| grid.with_row("", row.to_vec()));
        let bounds = normalization.bounds(&self.maps[0]);
        self.scale.bar_right(sheet.draw()?, bounds, total.clamp(SIDE, 2 * SIDE))
    }

    /// One slice with its number.
    fn cell(&self, slice: usize, normalization: Normalization, zoom: u32) -> Result<Cell, HeatmapError> {
        let (map, colormap) = (&self.maps[slice], self.scale.colormap);
        let picture = match self.underlay.get(slice) {
            Some(below) => overlay(below, map, normalization, colormap, self.opacity)?,
            None => render(map, normalization, colormap),
        };
        Ok(Cell::new(picture.upscale(zoom)?).with_caption(slice.to_string()))
    }
}
