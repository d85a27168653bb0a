//! A raster of RGB pixels, and writing it to a PNG file.

use std::fmt;
use std::io::{self, Cursor};
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage, imageops};

use crate::error::{HeatmapError, at_least_one};
use crate::write::write_whole;

/// The most pixels a picture may have, `2^28` (768 MiB of RGB): a mistyped factor becomes an error instead of
/// an allocation failure that ends the process.
pub const MAX_PIXELS: u64 = 1 << 28;

/// A picture of 8-bit RGB pixels, at least 1x1.
///
/// Not an `image::RgbImage`, so that the API of this crate does not change with releases of `image`;
/// [`Picture::rgb_bytes`] gives what other libraries take.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture(RgbImage);

impl Picture {
    /// A picture of one colour.
    ///
    /// # Errors
    /// [`HeatmapError::OutOfRange`] for a length of 0, and [`HeatmapError::TooLarge`] over [`MAX_PIXELS`].
    pub fn filled(width: u32, height: u32, color: [u8; 3]) -> Result<Self, HeatmapError> {
        at_least_one("width", width)?;
        at_least_one("height", height)?;
        let (width, height) = checked_size(width.into(), height.into())?;
        Ok(Self(RgbImage::from_pixel(width, height, Rgb(color))))
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.0.width()
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.0.height()
    }

    /// The colour `x` pixels from the left and `y` from the top, `None` outside.
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        self.0.get_pixel_checked(x, y).map(|pixel| pixel.0)
    }

    /// All pixels as `height * width * 3` bytes, row by row.
    pub fn rgb_bytes(&self) -> &[u8] {
        self.0.as_raw()
    }

    /// The same picture with each pixel drawn as a square of `factor` x `factor`, without smoothing.
    ///
    /// # Errors
    /// [`HeatmapError::OutOfRange`] for a factor of 0, and [`HeatmapError::TooLarge`] if the result is over
    /// [`MAX_PIXELS`].
    pub fn upscale(&self, factor: u32) -> Result<Self, HeatmapError> {
        at_least_one("upscaling factor", factor)?;
        let side = |length: u32| u64::from(length) * u64::from(factor);
        let (width, height) = checked_size(side(self.width()), side(self.height()))?;
        Ok(Self(RgbImage::from_fn(width, height, |x, y| *self.0.get_pixel(x / factor, y / factor))))
    }

    /// The same picture without its colours, as light as before: the ground for an
    /// [`overlay`](crate::overlay), whose colours are then only those of relevance.
    #[must_use]
    pub fn grayed(&self) -> Self {
        let mut gray = self.clone();
        for pixel in gray.pixels_mut() {
            // The shares of the eye's sensitivity, of the standard for television (ITU-R BT.601).
            let light = pixel.iter().zip([0.299, 0.587, 0.114]).map(|(&c, share)| f32::from(c) * share);
            *pixel = [light.sum::<f32>().round() as u8; 3];
        }
        gray
    }

    /// Writes the picture as PNG, whatever the extension of `path`, over a file already there.
    ///
    /// By [`write_whole`]: if the disk is full, the file that was there before stays. Parent folders are not
    /// created.
    ///
    /// # Errors
    /// [`HeatmapError::Write`] with the path and the reason.
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<(), HeatmapError> {
        let path = path.as_ref();
        self.png()
            .and_then(|png| write_whole(path, &png))
            .map_err(|reason| HeatmapError::Write { path: path.to_owned(), reason })
    }

    /// The bytes of a PNG file.
    pub(crate) fn png(&self) -> io::Result<Vec<u8>> {
        let mut png = Cursor::new(Vec::new());
        self.0.write_to(&mut png, ImageFormat::Png).map_err(io::Error::other)?;
        Ok(png.into_inner())
    }

    /// A black picture of a size that [`checked_size`] has seen, at least 1x1.
    pub(crate) fn black(width: u32, height: u32) -> Self {
        Self(RgbImage::new(width, height))
    }

    pub(crate) fn pixels_mut(&mut self) -> impl Iterator<Item = &mut [u8; 3]> {
        self.0.pixels_mut().map(|pixel| &mut pixel.0)
    }

    /// Where [`Picture::rgb_bytes`] are, to draw there.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    /// The picture at a size divided by `factor`: the opposite of [`Picture::upscale`], with means.
    pub(crate) fn reduce(&self, factor: u32) -> Self {
        Self(imageops::thumbnail(&self.0, self.width() / factor, self.height() / factor))
    }

    /// Copies `top` with its top left corner at `x`, `y`; what would lie outside is dropped.
    pub(crate) fn paste(&mut self, top: &Picture, x: u64, y: u64) {
        imageops::replace(&mut self.0, &top.0, x as i64, y as i64);
    }

    /// Mixes a colour into one pixel, see [`mix`]; outside the picture nothing happens.
    pub(crate) fn blend(&mut self, x: i64, y: i64, color: [u8; 3], alpha: f32) {
        let (Ok(x), Ok(y)) = (x.try_into(), y.try_into()) else { return };
        if let Some(pixel) = self.0.get_pixel_mut_checked(x, y) {
            pixel.0 = mix(pixel.0, color, alpha);
        }
    }
}

/// The colour that is seen when `above` lies over `below`: at an `alpha` of 0 only `below`, at 1 only `above`.
pub(crate) fn mix(below: [u8; 3], above: [u8; 3], alpha: f32) -> [u8; 3] {
    let channel = |i: usize| f32::from(below[i]) * (1.0 - alpha) + f32::from(above[i]) * alpha;
    [0, 1, 2].map(|i| channel(i).round() as u8)
}

/// The size only: a failed comparison of pictures should not print every byte.
impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{})", self.width(), self.height())
    }
}

/// Width and height of a picture of at most [`MAX_PIXELS`].
pub(crate) fn checked_size(width: u64, height: u64) -> Result<(u32, u32), HeatmapError> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(w), Ok(h)) if width * height <= MAX_PIXELS => Ok((w, h)),
        _ => Err(HeatmapError::TooLarge { width, height, limit: MAX_PIXELS }),
    }
}
