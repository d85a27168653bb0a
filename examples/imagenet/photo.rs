//! From a photograph to the network's input.

use std::path::Path;

use burn::tensor::{Tensor, TensorData, backend::Backend};
use burn_xai::heatmap::{Bounds, Normalization, Picture, rgb_image};
use burn_xai::rule::Bound;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, ImageReader, Rgb32FImage};

use super::Result;
use super::model::SIDE;

/// Mean of ImageNet's colours, red, green and blue from 0 to 1.
pub(crate) const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Their standard deviation.
pub(crate) const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// A photograph as the network sees it.
#[derive(Debug, Clone)]
pub(crate) struct Photo {
    /// What it is called in reports and file names.
    pub(crate) name: String,
    /// Red, green and blue plane, row by row, from 0 to 1.
    planes: Vec<f32>,
}

impl Photo {
    /// Reads a PNG or JPEG file of any size and pixel format.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |reason: &dyn std::fmt::Display| format!("cannot read {}: {reason}", path.display());
        let reader = ImageReader::open(path).map_err(|reason| failed(&reason))?;
        // By the content, for file names lie.
        let reader = reader.with_guessed_format().map_err(|reason| failed(&reason))?;
        let mut decoder = reader.into_decoder().map_err(|reason| failed(&reason))?;
        // Cameras store how they were held.
        let orientation = decoder.orientation().map_err(|reason| failed(&reason))?;
        let mut image = DynamicImage::from_decoder(decoder).map_err(|reason| failed(&reason))?;
        image.apply_orientation(orientation);
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self::new(name, &image))
    }

    /// Decodes a PNG or JPEG file in memory.
    pub(crate) fn decode(name: &str, bytes: &[u8]) -> Result<Self> {
        Ok(Self::new(name, &image::load_from_memory(bytes)?))
    }

    /// The square in the middle of an image, scaled to the network's size. What is transparent is white.
    pub(crate) fn new(name: impl Into<String>, image: &DynamicImage) -> Self {
        // All formats, 16 bits and grey included, fit 32-bit floats without loss.
        let (width, height) = (image.width(), image.height());
        let side = width.min(height);
        let square = image.crop_imm((width - side) / 2, (height - side) / 2, side, side).to_rgba32f();
        let opaque = Rgb32FImage::from_fn(side, side, |x, y| {
            let [red, green, blue, alpha] = square.get_pixel(x, y).0;
            image::Rgb([red, green, blue].map(|color| alpha * color + 1.0 - alpha))
        });
        // The bicubic filter of the training, which overshoots at edges.
        let scaled = imageops::resize(&opaque, SIDE as u32, SIDE as u32, FilterType::CatmullRom);
        let plane = |channel: usize| scaled.pixels().map(move |pixel| pixel.0[channel].clamp(0.0, 1.0));
        Self { name: name.into(), planes: (0..3).flat_map(plane).collect() }
    }

    /// The network's input, `[1, 3, 224, 224]`.
    pub(crate) fn tensor<B: Backend>(&self, device: &B::Device) -> Tensor<B, 4> {
        let planes = self.planes.chunks(SIDE * SIDE).zip(MEAN.into_iter().zip(DEVIATION));
        let normalised =
            planes.flat_map(|(plane, (mean, deviation))| plane.iter().map(move |x| (x - mean) / deviation));
        Tensor::from_data(TensorData::new(normalised.collect(), [1, 3, SIDE, SIDE]), device)
    }

    /// The photograph as the network sees it.
    pub(crate) fn picture(&self) -> Result<Picture> {
        Ok(rgb_image(&self.planes, [3, SIDE, SIDE], Normalization::Fixed(Bounds::range(0.0, 1.0)?))?)
    }
}

/// The box in which all inputs lie: black and white, normalised, for each colour.
pub(crate) fn pixel_box() -> (Bound, Bound) {
    let bound = |color: f32| Bound::Tensor {
        dims: vec![3, 1, 1],
        values: MEAN.iter().zip(DEVIATION).map(|(mean, deviation)| f64::from((color - mean) / deviation)).collect(),
    };
    (bound(0.0), bound(1.0))
}
