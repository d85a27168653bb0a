//! The handwritten digits shared by the examples: the data, a small network and its trained weights.
//!
//! ```text
//! let device = Default::default();
//! let split = digits::data::load()?;
//! let model = digits::model::DigitsNet::<Flex>::load(&device)?;
//! let logits = model.forward(split.test.images(&device));
//! ```

pub mod data;
pub mod model;

use std::error::Error;

use burn::tensor::{Tensor, backend::Backend};

use data::Digits;
use model::DigitsNet;

/// Images per forward pass: bounds the memory of [`predict`], and changes nothing else.
const CHUNK: usize = 256;

/// What the examples return: they only print their errors.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The class with the largest logit for each image of `digits`.
///
/// With a `B` that is not an autodiff backend the batch norms use their running statistics.
pub fn predict<B: Backend>(model: &DigitsNet<B>, digits: &Digits, device: &B::Device) -> Vec<usize> {
    let indices: Vec<usize> = (0..digits.len()).collect();
    let mut classes = Vec::with_capacity(indices.len());
    for chunk in indices.chunks(CHUNK) {
        let logits: Tensor<B, 2> = model.forward(digits.select(chunk).images(device));
        classes.extend(logits.argmax(1).into_data().iter::<i64>().map(|class| class as usize));
    }
    classes
}

/// How many images of `digits` the model classifies correctly.
pub fn count_correct<B: Backend>(model: &DigitsNet<B>, digits: &Digits, device: &B::Device) -> usize {
    let classes = predict(model, digits, device);
    classes.iter().zip(digits.labels()).filter(|(class, label)| **class == usize::from(**label)).count()
}
