//! Pixels of a PNG or JPEG file, without trust in the file.

use std::io::Cursor;

use image::imageops::{self, FilterType};
use image::{
    DynamicImage, GenericImageView, ImageDecoder, ImageReader, Limits, Pixel, Primitive, Rgb, Rgb32FImage,
};

use super::Result;

/// The most pixels of an image: more than cameras take, and 512 MB at 16 bits.
pub const MAX_PIXELS: u64 = 64_000_000;
/// What an image may take beyond ten times its file. Photographs take less, a few bytes that promise a large
/// plain area take more.
const ALLOWANCE: u64 = 64 << 20;
/// How many times wider than the result an image is left at least before the filter.
const FINE: u32 = 8;

/// The square in the middle of a PNG or JPEG file, `side` pixels wide, with colours from 0 to 1.
pub fn read(file: &[u8], side: u32) -> Result<Rgb32FImage> {
    let (length, allowed) = (file.len(), file.len() as u64 * 10 + ALLOWANCE);
    // By the content, for file names lie.
    let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(allowed);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    // Before anything is decoded.
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(format!("{width}x{height} pixels are more than {MAX_PIXELS}; scale it down").into());
    }
    let bytes = decoder.total_bytes();
    if bytes > allowed {
        return Err(format!(
            "{width}x{height} pixels take {bytes} bytes, too many for a file of {length}; scale it down"
        )
        .into());
    }
    // Cameras store how they were held.
    let orientation = decoder.orientation()?;
    let image = DynamicImage::from_decoder(decoder)?;
    let mut square = DynamicImage::from(square(&image, side));
    square.apply_orientation(orientation);
    Ok(square.into_rgb32f())
}

/// The square in the middle of an image. What is transparent is white.
pub fn square(image: &DynamicImage, side: u32) -> Rgb32FImage {
    // All formats, 16 bits and grey included, fit 32-bit floats without loss.
    match image {
        DynamicImage::ImageLuma16(image) => shrunk(image, side),
        DynamicImage::ImageLumaA16(image) => shrunk(image, side),
        DynamicImage::ImageRgb16(image) => shrunk(image, side),
        DynamicImage::ImageRgba16(image) => shrunk(image, side),
        DynamicImage::ImageRgb32F(image) => shrunk(image, side),
        DynamicImage::ImageRgba32F(image) => shrunk(image, side),
        // The others have 8 bits, which is what this gives.
        image => shrunk(image, side),
    }
}

fn shrunk(image: &impl GenericImageView, side: u32) -> Rgb32FImage {
    let (width, height) = image.dimensions();
    let size = width.min(height);
    let square = Opaque { image, left: (width - size) / 2, top: (height - size) / 2, size };
    // The bicubic filter of the training, which overshoots at edges. It reads each pixel many times: of a large
    // image it gets means.
    let mut pixels = match size / side / FINE {
        0 | 1 => imageops::resize(&square, side, side, FilterType::CatmullRom),
        factor => imageops::resize(&square.means(factor), side, side, FilterType::CatmullRom),
    };
    pixels.iter_mut().for_each(|color| *color = color.clamp(0.0, 1.0));
    pixels
}

/// A square of an image on white, in floats. Each pixel is converted when it is asked for: a converted copy of
/// a whole photograph takes four times its memory.
struct Opaque<'a, I> {
    image: &'a I,
    left: u32,
    top: u32,
    size: u32,
}

impl<I: GenericImageView> Opaque<'_, I> {
    /// The means of blocks of `factor` x `factor` pixels; what is left over at the ends belongs to none.
    fn means(&self, factor: u32) -> Rgb32FImage {
        let (side, count) = (self.size / factor, factor * factor);
        Rgb32FImage::from_fn(side, side, |x, y| {
            let block = (0..count).map(|i| self.get_pixel(x * factor + i % factor, y * factor + i / factor));
            let sum = block.fold([0.0; 3], |sum, pixel| [0, 1, 2].map(|i| sum[i] + pixel.0[i]));
            Rgb(sum.map(|sum| sum / count as f32))
        })
    }
}

impl<I: GenericImageView> GenericImageView for Opaque<'_, I> {
    type Pixel = Rgb<f32>;

    fn dimensions(&self) -> (u32, u32) {
        (self.size, self.size)
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<f32> {
        let pixel = self.image.get_pixel(self.left + x, self.top + y).to_rgba();
        let [red, green, blue, alpha] = pixel.0.map(from_0_to_1);
        Rgb([red, green, blue].map(|color| alpha * color + 1.0 - alpha))
    }
}

fn from_0_to_1<S: Primitive>(channel: S) -> f32 {
    let float = |channel: S| channel.to_f32().unwrap_or(1.0);
    float(channel) / float(S::DEFAULT_MAX_VALUE)
}
