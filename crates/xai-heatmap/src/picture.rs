//! A raster of RGB pixels, and writing it to a PNG file.

use std::io::{self, Cursor};
use std::path::Path;
use std::{fmt, fs};

use image::{ImageError, ImageFormat, Rgb, RgbImage, imageops};

use crate::error::HeatmapError;
use crate::map::RelevanceMap;

/// The most pixels a picture may have, `2^28` (768 MiB of RGB): a mistyped factor becomes an error instead of
/// an allocation failure that ends the process.
pub const MAX_PIXELS: u64 = 1 << 28;

/// A picture of 8-bit RGB pixels, at least 1x1.
///
/// A type of its own rather than `image::RgbImage`, whose indexing panics, and so that releases of `image`
/// stay out of this crate's API; [`Picture::rgb_bytes`] leads out.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture(RgbImage);

impl Picture {
    /// A picture of one colour.
    ///
    /// # Errors
    ///
    /// [`HeatmapError::EmptyAxis`], and [`HeatmapError::TooLarge`] over [`MAX_PIXELS`].
    pub fn filled(width: u32, height: u32, color: [u8; 3]) -> Result<Self, HeatmapError> {
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

    /// The same picture with each pixel drawn as a square of `factor` x `factor`, without smoothing: what is
    /// seen are the values, not an interpolation.
    ///
    /// # Errors
    ///
    /// [`HeatmapError::ZeroFactor`], and [`HeatmapError::TooLarge`] if the result is over [`MAX_PIXELS`].
    pub fn upscale(&self, factor: u32) -> Result<Self, HeatmapError> {
        if factor == 0 {
            return Err(HeatmapError::ZeroFactor { what: "upscaling factor" });
        }
        let side = |length: u32| u64::from(length) * u64::from(factor);
        let (width, height) = checked_size(side(self.width()), side(self.height()))?;
        Ok(Self(RgbImage::from_fn(width, height, |x, y| *self.0.get_pixel(x / factor, y / factor))))
    }

    /// Writes the picture as PNG, whatever the extension of `path`, over a file already there.
    ///
    /// Parent folders are not created: the caller knows whether a missing one is a typing mistake.
    ///
    /// # Errors
    ///
    /// [`HeatmapError::Write`] with the path and the reason.
    pub fn write_png(&self, path: impl AsRef<Path>) -> Result<(), HeatmapError> {
        let path = path.as_ref();
        self.encode_png()
            .and_then(|png| fs::write(path, png))
            .map_err(|reason| HeatmapError::Write { path: path.to_owned(), reason })
    }

    fn encode_png(&self) -> io::Result<Vec<u8>> {
        let mut png = Cursor::new(Vec::new());
        self.0.write_to(&mut png, ImageFormat::Png).map_err(|error| match error {
            ImageError::IoError(error) => error,
            other => io::Error::other(other),
        })?;
        Ok(png.into_inner())
    }

    /// One pixel per value. Cannot fail: the map's constructors have checked its size.
    pub(crate) fn from_map(map: &RelevanceMap, color: impl Fn(f32) -> [u8; 3]) -> Self {
        let mut picture = Self(RgbImage::new(map.width(), map.height()));
        for (pixel, &value) in picture.pixels_mut().zip(map.values()) {
            *pixel = color(value);
        }
        picture
    }

    pub(crate) fn pixels_mut(&mut self) -> impl Iterator<Item = &mut [u8; 3]> {
        self.0.pixels_mut().map(|pixel| &mut pixel.0)
    }

    /// Copies `top` with its top left corner at `x`, `y`; what would lie outside is dropped.
    pub(crate) fn paste(&mut self, top: &Picture, x: u32, y: u32) {
        imageops::replace(&mut self.0, &top.0, x.into(), y.into());
    }

    /// Colours one pixel; outside the picture nothing happens.
    pub(crate) fn set(&mut self, x: u32, y: u32, color: [u8; 3]) {
        if let Some(pixel) = self.0.get_pixel_mut_checked(x, y) {
            pixel.0 = color;
        }
    }
}

/// The size only: a failed comparison of pictures should not print every byte.
impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{})", self.width(), self.height())
    }
}

/// Width and height as `u32`, once known to make a picture that may be allocated.
pub(crate) fn checked_size(width: u64, height: u64) -> Result<(u32, u32), HeatmapError> {
    for (axis, length) in [("width", width), ("height", height)] {
        if length == 0 {
            let shape = [height, width].map(|length| length as usize).to_vec();
            return Err(HeatmapError::EmptyAxis { axis, shape });
        }
    }
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(w), Ok(h)) if width * height <= MAX_PIXELS => Ok((w, h)),
        _ => Err(HeatmapError::TooLarge { width, height, limit: MAX_PIXELS }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_pixels() -> Picture {
        let mut picture = Picture::filled(2, 1, [1, 2, 3]).unwrap();
        picture.set(1, 0, [4, 5, 6]);
        picture
    }

    #[test]
    fn upscaling_repeats_pixels() {
        let big = two_pixels().upscale(3).unwrap();
        assert_eq!((big.width(), big.height()), (6, 3));
        for y in 0..3 {
            for x in 0..6 {
                assert_eq!(big.pixel(x, y), Some(if x < 3 { [1, 2, 3] } else { [4, 5, 6] }));
            }
        }
        assert_eq!(big.pixel(6, 0), None);
        assert_eq!(two_pixels().upscale(1).unwrap(), two_pixels());
    }

    #[test]
    fn impossible_sizes_are_errors() {
        assert!(matches!(two_pixels().upscale(0), Err(HeatmapError::ZeroFactor { .. })));
        assert!(matches!(two_pixels().upscale(u32::MAX), Err(HeatmapError::TooLarge { .. })));
        assert!(matches!(Picture::filled(0, 1, [0; 3]), Err(HeatmapError::EmptyAxis { axis: "width", .. })));
        assert!(matches!(Picture::filled(u32::MAX, u32::MAX, [0; 3]), Err(HeatmapError::TooLarge { .. })));
    }

    #[test]
    fn a_written_png_reads_back_the_same() {
        let path = std::env::temp_dir().join(format!("xai-heatmap-{}.png", std::process::id()));
        two_pixels().write_png(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let read = image::load_from_memory_with_format(&bytes, ImageFormat::Png).unwrap().into_rgb8();
        assert_eq!((read.width(), read.height()), (2, 1));
        assert_eq!(read.as_raw().as_slice(), two_pixels().rgb_bytes());
    }

    #[test]
    fn a_missing_folder_is_named_with_reason_and_remedy() {
        let path = std::env::temp_dir().join("xai-heatmap-no-such-folder").join("a.png");
        let error = two_pixels().write_png(&path).unwrap_err();
        let HeatmapError::Write { path: named, reason } = &error else { panic!("{error}") };
        assert_eq!((named, reason.kind()), (&path, io::ErrorKind::NotFound));
        let text = error.to_string();
        assert!(text.contains("xai-heatmap-no-such-folder") && text.contains("parent folder"), "{text}");
    }
}
