//! From a photograph to the network's input.

use std::fs;
use std::path::Path;

use burn::tensor::{Tensor, TensorData, backend::Backend};
use burn_xai::heatmap::{Bounds, Normalization, Picture, rgb_image};
use burn_xai::rule::Bound;
use image::{DynamicImage, Rgb32FImage};

use super::model::SIDE;
use super::{Result, pixels};

/// Mean of ImageNet's colours, red, green and blue from 0 to 1.
pub const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Their standard deviation.
pub const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// A photograph as the network sees it: a square of [`SIDE`] pixels.
#[derive(Debug, Clone)]
pub struct Photo {
    /// What it is called in reports and file names.
    pub name: String,
    /// Colours from 0 to 1.
    pixels: Rgb32FImage,
}

impl Photo {
    /// Reads a PNG or JPEG file of any pixel format and of up to [`pixels::MAX_PIXELS`].
    pub fn open(path: &Path) -> Result<Self> {
        let failed = |reason: &dyn std::fmt::Display| format!("cannot read {}: {reason}", path.display());
        let file = fs::read(path).map_err(|reason| failed(&reason))?;
        let pixels = pixels::read(&file, SIDE as u32).map_err(|reason| failed(&reason))?;
        let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Ok(Self { name, pixels })
    }

    /// The photographs that come with the example, of `photos/ATTRIBUTION.md`.
    pub fn examples() -> Result<Vec<Self>> {
        let photos: [(&str, &[u8]); 2] = [
            ("coffee", include_bytes!("../photos/coffee.jpg")),
            ("chelsea", include_bytes!("../photos/chelsea.jpg")),
        ];
        photos
            .into_iter()
            .map(|(name, file)| Ok(Self { name: name.to_owned(), pixels: pixels::read(file, SIDE as u32)? }))
            .collect()
    }

    /// Sixteen views of four photographs of `photos/ATTRIBUTION.md`: of each the square in the middle, and three
    /// parts of it, of 0.7 times its side. They depend on each other more than sixteen photographs would.
    pub fn views() -> Result<Vec<Self>> {
        let photos: [(&str, &[u8]); 4] = [
            ("coffee", include_bytes!("../photos/coffee.jpg")),
            ("chelsea", include_bytes!("../photos/chelsea.jpg")),
            ("astronaut", include_bytes!("../photos/astronaut.jpg")),
            ("rocket", include_bytes!("../photos/rocket.jpg")),
        ];
        let mut views = Vec::new();
        for (name, file) in photos {
            let image = image::load_from_memory(file)?;
            let side = image.width().min(image.height());
            let (left, top) = ((image.width() - side) / 2, (image.height() - side) / 2);
            let part = (0.7 * f64::from(side)) as u32;
            let rest = side - part;
            views.push(Self::new(name, &image));
            for (place, x, y) in [("left", 0, rest / 2), ("middle", rest / 2, rest), ("right", rest, 0)] {
                views.push(Self::new(
                    format!("{name}-{place}"),
                    &image.crop_imm(left + x, top + y, part, part),
                ));
            }
        }
        Ok(views)
    }

    /// The square in the middle of an image, scaled to the network's size. What is transparent is white.
    pub fn new(name: impl Into<String>, image: &DynamicImage) -> Self {
        Self { name: name.into(), pixels: pixels::square(image, SIDE as u32) }
    }

    /// The photograph out of focus: colours as they are, but no shapes. `sigma` is in pixels.
    ///
    /// In 8 bits, as photographs are: areas smoother than any camera gives confuse the network.
    pub fn blurred(&self, sigma: f32) -> Self {
        let stored = DynamicImage::from(self.pixels.clone()).to_rgb8();
        Self::new(&self.name, &DynamicImage::from(stored).blur(sigma))
    }

    /// Red, green and blue plane, row by row.
    fn planes(&self) -> [Vec<f32>; 3] {
        [0, 1, 2].map(|channel| self.pixels.pixels().map(|pixel| pixel.0[channel]).collect())
    }

    /// The network's input, `[1, 3, 224, 224]`.
    pub fn tensor<B: Backend>(&self, device: &B::Device) -> Tensor<B, 4> {
        let mut planes = self.planes();
        for (plane, (mean, deviation)) in planes.iter_mut().zip(MEAN.into_iter().zip(DEVIATION)) {
            plane.iter_mut().for_each(|color| *color = (*color - mean) / deviation);
        }
        Tensor::from_data(TensorData::new(planes.concat(), [1, 3, SIDE, SIDE]), device)
    }

    /// The photograph as a picture.
    pub fn picture(&self) -> Result<Picture> {
        let all = Normalization::Fixed(Bounds::range(0.0, 1.0)?);
        Ok(rgb_image(&self.planes().concat(), [3, SIDE, SIDE], all)?)
    }
}

/// The box in which all inputs lie: black and white, normalised, for each colour.
pub fn pixel_box() -> (Bound, Bound) {
    let bound = |color: f32| {
        let colors = MEAN.iter().zip(DEVIATION);
        Bound::per_channel(colors.map(|(mean, deviation)| f64::from((color - mean) / deviation)))
    };
    (bound(0.0), bound(1.0))
}
