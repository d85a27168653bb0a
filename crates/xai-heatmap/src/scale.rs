//! How a series, a volume or a text is coloured, and its colour bar.

use crate::color_bar::ColorBar;
use crate::colormap::{Colormap, color_at};
use crate::drawing::Drawing;
use crate::error::HeatmapError;
use crate::grid::{Cell, Grid};
use crate::map::RelevanceMap;
use crate::normalization::{Bounds, Normalization};

/// The choices of colours that a user has made.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Scale {
    pub(crate) normalization: Normalization,
    pub(crate) colormap: Colormap,
    pub(crate) unit: String,
}

impl Scale {
    /// The colour of each value, row by row.
    pub(crate) fn colors(&self, map: &RelevanceMap) -> Vec<[u8; 3]> {
        let (bounds, gradient) = (self.normalization.bounds(map), self.colormap.gradient());
        map.values().iter().map(|value| color_at(gradient.as_ref(), bounds.position(*value))).collect()
    }

    /// A drawing with the bar right of it.
    pub(crate) fn bar_right(
        &self,
        drawing: Drawing,
        bounds: Bounds,
        length: u32,
    ) -> Result<Drawing, HeatmapError> {
        let bar = ColorBar::vertical(bounds, self.colormap).with_unit(&self.unit).with_length(length);
        Grid::new().with_row("", [Cell::from(drawing), bar.draw()?.into()]).draw()
    }
}
