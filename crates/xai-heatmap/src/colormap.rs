//! Colour maps by name.

use std::fmt;
use std::str::FromStr;

use colorgrad::{Color, Gradient, InverseGradient, preset};

use crate::error::HeatmapError;

/// The colour of NaN, magenta, which no colour map here contains.
///
/// Readers who cannot tell red from green see it as a blue. Tell them the number of NaN in words.
pub const NAN_COLOR: [u8; 3] = [255, 0, 255];

const BLACK: [u8; 3] = [0; 3];
const BLUE: [u8; 3] = [0, 0, 255];
const RED: [u8; 3] = [255, 0, 0];
const WHITE: [u8; 3] = [255; 3];

type Colors = fn() -> Box<dyn Gradient>;

/// A colour map: from a position in `0..=1` to an RGB colour.
///
/// Zero-centred maps go with [`Normalization::Symmetric`](crate::Normalization::Symmetric), sequential ones
/// with [`Normalization::MinMax`](crate::Normalization::MinMax).
///
/// # Examples
/// ```
/// use xai_heatmap::Colormap;
///
/// let colormap: Colormap = "blue-white-red".parse()?;
/// assert_eq!(colormap.color(0.5), [255, 255, 255]);
/// assert_eq!(colormap.to_string(), "blue-white-red");
/// # Ok::<(), xai_heatmap::HeatmapError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Colormap {
    /// `blue-white-red`: zero-centred, pure white in the middle. Known elsewhere as `bwr`.
    ///
    /// The default. Readers who cannot tell red from green see blue and a dark yellow: the two signs differ for
    /// them too, and the middle is lighter than both.
    #[default]
    BlueWhiteRed,
    /// `blue-red-soft`: zero-centred, ColorBrewer's RdBu from blue to red. Its middle is a warm off-white.
    BlueRedSoft,
    /// `cold-hot`: zero-centred, cyan and blue below, red and yellow above, black in the middle.
    ColdHot,
    /// `gray`: sequential, black to white.
    Gray,
    /// `white-red`: sequential, white to red.
    WhiteRed,
    /// `magma`: sequential, black through purple to pale yellow, evenly growing lightness.
    Magma,
    /// `inferno`: sequential, black through red to pale yellow, evenly growing lightness.
    Inferno,
    /// `viridis`: sequential, dark purple through green to yellow, evenly growing lightness.
    Viridis,
}

impl Colormap {
    /// Every colour map, zero-centred ones first.
    pub const ALL: [Self; 8] = [
        Self::BlueWhiteRed,
        Self::BlueRedSoft,
        Self::ColdHot,
        Self::Gray,
        Self::WhiteRed,
        Self::Magma,
        Self::Inferno,
        Self::Viridis,
    ];

    /// The name that [`FromStr`] reads and [`Display`](fmt::Display) writes. It does not change between
    /// releases.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// Whether the middle of the map is its neutral colour, made for values of both signs.
    pub fn is_zero_centered(self) -> bool {
        self.row().1
    }

    /// The colour at `position`. Positions outside `0..=1` get the nearest end, NaN gets [`NAN_COLOR`].
    pub fn color(self, position: f32) -> [u8; 3] {
        color_at(self.gradient().as_ref(), Some(position).filter(|p| !p.is_nan()))
    }

    pub(crate) fn gradient(self) -> Box<dyn Gradient> {
        self.row().2()
    }

    /// Name, whether it is zero-centred, and colours.
    fn row(self) -> (&'static str, bool, Colors) {
        match self {
            Self::BlueWhiteRed => ("blue-white-red", true, || Straight(&[BLUE, WHITE, RED]).boxed()),
            Self::BlueRedSoft => {
                ("blue-red-soft", true, || InverseGradient::new(preset::rd_bu().boxed()).boxed())
            }
            Self::ColdHot => {
                ("cold-hot", true, || Straight(&[[0, 255, 255], BLUE, BLACK, RED, [255, 255, 0]]).boxed())
            }
            Self::Gray => ("gray", false, || Straight(&[BLACK, WHITE]).boxed()),
            Self::WhiteRed => ("white-red", false, || Straight(&[WHITE, RED]).boxed()),
            Self::Magma => ("magma", false, || preset::magma().boxed()),
            Self::Inferno => ("inferno", false, || preset::inferno().boxed()),
            Self::Viridis => ("viridis", false, || preset::viridis().boxed()),
        }
    }
}

impl fmt::Display for Colormap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Colormap {
    type Err = HeatmapError;

    /// # Errors
    /// [`HeatmapError::UnknownColormap`], which lists the names there are.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|colormap| colormap.name() == name).ok_or_else(|| {
            HeatmapError::UnknownColormap {
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            }
        })
    }
}

/// The colour at a position, or that of NaN where there is none.
pub(crate) fn color_at(gradient: &dyn Gradient, position: Option<f32>) -> [u8; 3] {
    position.map_or(NAN_COLOR, |position| {
        let [red, green, blue, _] = gradient.at(position).to_rgba8();
        [red, green, blue]
    })
}

/// Black or white, whichever can be read better on this colour: by the contrast that web pages are measured
/// with (WCAG 2), which is at least 4.5 then.
pub(crate) fn ink(ground: [u8; 3]) -> [u8; 3] {
    let [red, green, blue] = ground.map(|byte| {
        let part = f32::from(byte) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    let light = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    // Contrast is (lighter + 0.05) / (darker + 0.05). Both inks have the same where light is 0.179.
    if (light + 0.05) * (light + 0.05) > 1.05 * 0.05 { BLACK } else { WHITE }
}

/// Straight lines between evenly spaced colours.
///
/// `colorgrad`'s builder makes the same, but through a `Result` that would have to run through all drawing
/// for colours that are constants.
#[derive(Clone)]
struct Straight(&'static [[u8; 3]]);

impl Gradient for Straight {
    fn at(&self, t: f32) -> Color {
        let scaled = t.clamp(0.0, 1.0) * self.0.len().saturating_sub(1) as f32;
        let stop =
            |index: usize| self.0.get(index).or(self.0.last()).copied().unwrap_or(NAN_COLOR).map(f32::from);
        let (from, to) = (stop(scaled as usize), stop(scaled as usize + 1));
        let channel = |i: usize| (from[i] + (to[i] - from[i]) * scaled.fract()) / 255.0;
        Color::new(channel(0), channel(1), channel(2), 1.0)
    }
}
