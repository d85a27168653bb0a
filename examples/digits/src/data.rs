//! Reads the handwritten digits: 1,797 grey-scale images of 8x8 pixels in ten classes.
//!
//! The set is that of `data/ATTRIBUTION.md` and is part of the binary, so the examples run anywhere.
//!
//! The split is fixed: the **last 360 images** are the test set, the 1,437 before them the training set.
//! People's images lie together in the file, about 130 of each, so a block at its end is nearly all by
//! people who wrote no training image: a harder test than a random split, and closer to real use. Each
//! class has 33 to 37 images in it.

use std::io::Read;

use burn::tensor::{Int, Tensor, TensorData, backend::Backend};
use flate2::read::GzDecoder;

use crate::Result;

/// Height and width of an image.
pub const SIDE: usize = 8;
/// Number of pixels of an image.
pub const PIXELS: usize = SIDE * SIDE;
/// Number of classes: the digits 0 to 9.
pub const CLASSES: usize = 10;
/// Number of images in the test set.
pub const TEST_LEN: usize = 360;

/// Number of images in the file.
const LEN: usize = 1797;
/// The most bytes that it may unpack to; no number in it has more than two digits.
const MAX_CSV: usize = LEN * (PIXELS + 1) * 4;
/// The value of a black pixel in the file.
const MAX_PIXEL: u8 = 16;

/// The embedded file.
pub static CSV_GZ: &[u8] = include_bytes!("../data/digits.csv.gz");

/// The training set and the test set.
#[derive(Clone, Debug)]
pub struct Split {
    /// The first 1,437 images.
    pub train: Digits,
    /// The last 360 images.
    pub test: Digits,
}

/// Images with their labels.
#[derive(Clone, Debug, Default)]
pub struct Digits {
    /// Image after image, row by row, 0 for paper and 1 for ink.
    pixels: Vec<f32>,
    labels: Vec<u8>,
}

/// Reads the embedded file and splits it.
pub fn load() -> Result<Split> {
    read(CSV_GZ)
}

/// Reads a file like the embedded one.
pub fn read(csv_gz: &[u8]) -> Result<Split> {
    let mut csv = String::new();
    // One byte more than there may be, to see whether there is more.
    GzDecoder::new(csv_gz)
        .take(MAX_CSV as u64 + 1)
        .read_to_string(&mut csv)
        .map_err(|reason| format!("digits.csv.gz: {reason}"))?;
    if csv.len() > MAX_CSV {
        return Err(format!("digits.csv.gz: more than {MAX_CSV} bytes, too many for {LEN} images").into());
    }

    let mut digits = Digits::default();
    for (index, line) in csv.lines().enumerate() {
        digits.push_line(line).map_err(|reason| format!("digits.csv.gz, line {}: {reason}", index + 1))?;
    }
    if digits.len() != LEN {
        return Err(format!("digits.csv.gz: {} images, expected {LEN}", digits.len()).into());
    }

    let first_test = LEN - TEST_LEN;
    let test = Digits {
        pixels: digits.pixels.split_off(first_test * PIXELS),
        labels: digits.labels.split_off(first_test),
    };
    Ok(Split { train: digits, test })
}

impl Digits {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The digit of every image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixels of every image, each a slice of [`PIXELS`] values, row by row.
    pub fn pixels(&self) -> impl Iterator<Item = &[f32]> {
        self.pixels.chunks_exact(PIXELS)
    }

    /// The images at `indices`, in that order; indices past the end are left out.
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut selected = Self::default();
        for &index in indices {
            let pixels = self.pixels.get(index * PIXELS..(index + 1) * PIXELS);
            if let (Some(pixels), Some(&label)) = (pixels, self.labels.get(index)) {
                selected.push(pixels, label);
            }
        }
        selected
    }

    /// Appends an image of [`PIXELS`] values.
    pub fn push(&mut self, pixels: &[f32], label: u8) {
        debug_assert_eq!(pixels.len(), PIXELS);
        self.pixels.extend_from_slice(pixels);
        self.labels.push(label);
    }

    /// The images as `[n, 1, 8, 8]`, values 0 to 1.
    pub fn images<B: Backend>(&self, device: &B::Device) -> Tensor<B, 4> {
        Tensor::from_data(TensorData::new(self.pixels.clone(), [self.len(), 1, SIDE, SIDE]), device)
    }

    /// The labels as `[n]`.
    pub fn targets<B: Backend>(&self, device: &B::Device) -> Tensor<B, 1, Int> {
        let labels: Vec<i32> = self.labels.iter().map(|&label| i32::from(label)).collect();
        Tensor::from_data(TensorData::new(labels, [self.len()]), device)
    }

    /// Parses one line of the file: 64 pixels, then the label.
    fn push_line(&mut self, line: &str) -> Result<()> {
        let values: Vec<u8> = line.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
        let Some((&label, pixels)) = values.split_last() else {
            return Err("empty line".into());
        };
        if pixels.len() != PIXELS {
            return Err(format!("{} pixels, expected {PIXELS}", pixels.len()).into());
        }
        if usize::from(label) >= CLASSES {
            return Err(format!("label {label} is not a digit").into());
        }
        if let Some(pixel) = pixels.iter().find(|&&pixel| pixel > MAX_PIXEL) {
            return Err(format!("pixel {pixel} is above {MAX_PIXEL}").into());
        }
        let scaled: Vec<f32> = pixels.iter().map(|&pixel| f32::from(pixel) / f32::from(MAX_PIXEL)).collect();
        self.push(&scaled, label);
        Ok(())
    }
}
