//! How alike two explanations are.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::rows::{rows, same_shapes};
use super::scored::of_sample;
use crate::engine::read;
use crate::error::ExplainError;
use crate::model::Inputs;

/// Edge of the windows of [`Similarity::ssim`].
const WINDOW: usize = 7;

/// How alike the magnitudes of two maps of relevance are, for each sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Similarity {
    /// Spearman's rank correlation of `|R|` over the elements of all inputs, from -1 to 1; equal elements share
    /// the mean of their ranks. 0 where a map is the same everywhere.
    pub spearman: Vec<f64>,
    /// The structural similarity of `|R|`, each map divided by its largest element, up to 1 for the same; `None`
    /// for relevance that is no image `[batch, channels, height, width]` of at least 7x7.
    ///
    /// The mean of `(2 m_a m_b + C1) (2 s_ab + C2) / ((m_a^2 + m_b^2 + C1) (s_a^2 + s_b^2 + C2))` over all channels
    /// and all windows of 7x7, with the means `m` and the (unbiased) covariances `s` in a window, `C1 = 0.01^2`,
    /// `C2 = 0.03^2`.
    ///
    /// Wang, Bovik, Sheikh, Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
    /// Similarity", IEEE Transactions on Image Processing 13(4):600-612, 2004.
    pub ssim: Option<Vec<f64>>,
}

impl Similarity {
    /// Of two maps of relevance of the same shapes, with a tensor for each explained input, the batch first.
    ///
    /// # Errors
    /// [`AttributorError`](crate::error::AttributorError) for other shapes or relevance that is not finite.
    pub fn of<B: Backend>(
        relevance: impl Into<Inputs<B>>,
        reference: impl Into<Inputs<B>>,
    ) -> Result<Self, ExplainError> {
        let (relevance, reference) = (relevance.into(), reference.into());
        same_shapes(&relevance, &reference)?;
        let each = rows(&relevance)?.into_iter().zip(rows(&reference)?);
        let spearman = each.map(|(relevance, reference)| spearman(&relevance, &reference)).collect();
        let ssim = match (&relevance.floats()[..], &reference.floats()[..]) {
            ([a], [b]) => match a.dims()[..] {
                [batch, _, height, width] if height.min(width) >= WINDOW => {
                    let (a, b) = (read(a)?, read(b)?);
                    let sample = |sample| {
                        ssim(of_sample(&a, batch, sample), of_sample(&b, batch, sample), height, width)
                    };
                    Some((0..batch).map(sample).collect())
                }
                _ => None,
            },
            _ => None,
        };
        Ok(Self { spearman, ssim })
    }
}

/// The correlation of the ranks of the magnitudes.
fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (centred_ranks(a), centred_ranks(b));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let scale = (dot(&a, &a) * dot(&b, &b)).sqrt();
    if scale > 0.0 { dot(&a, &b) / scale } else { 0.0 }
}

/// The rank of each magnitude, less the mean rank.
fn centred_ranks(values: &[f64]) -> Vec<f64> {
    let sizes: Vec<f64> = values.iter().map(|value| value.abs()).collect();
    let order = super::pixel_flipping::order(&sizes, true);
    let mut ranks = vec![0.0; sizes.len()];
    let mean = (sizes.len() as f64 - 1.0) / 2.0;
    let mut first = 0;
    for equal in order.chunk_by(|&a, &b| sizes[a] == sizes[b]) {
        let rank = first as f64 + (equal.len() as f64 - 1.0) / 2.0;
        equal.iter().for_each(|&place| ranks[place] = rank - mean);
        first += equal.len();
    }
    ranks
}

fn ssim(a: &[f64], b: &[f64], height: usize, width: usize) -> f64 {
    let (a, b) = (relative(a), relative(b));
    let (mut sum, mut windows) = (0.0, 0.0);
    for (a, b) in a.chunks(height * width).zip(b.chunks(height * width)) {
        for row in 0..=height - WINDOW {
            for column in 0..=width - WINDOW {
                let places = (row..row + WINDOW)
                    .flat_map(|row| (column..column + WINDOW).map(move |column| row * width + column));
                sum += window_similarity(places.map(|place| (a[place], b[place])));
                windows += 1.0;
            }
        }
    }
    sum / windows
}

/// Magnitudes, the largest 1.
fn relative(values: &[f64]) -> Vec<f64> {
    let largest = values.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    values.iter().map(|value| if largest > 0.0 { value.abs() / largest } else { 0.0 }).collect()
}

fn window_similarity(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let (c1, c2, count) = (0.01f64.powi(2), 0.03f64.powi(2), (WINDOW * WINDOW) as f64);
    let mean = |of: fn((f64, f64)) -> f64| pairs.clone().map(of).sum::<f64>() / count;
    let (mean_a, mean_b) = (mean(|(a, _)| a), mean(|(_, b)| b));
    let unbiased = count / (count - 1.0);
    let covariance = unbiased * (mean(|(a, b)| a * b) - mean_a * mean_b);
    let variances = unbiased * (mean(|(a, b)| a * a + b * b) - mean_a * mean_a - mean_b * mean_b);
    let luminance = (2.0 * mean_a * mean_b + c1) / (mean_a * mean_a + mean_b * mean_b + c1);
    luminance * (2.0 * covariance + c2) / (variances + c2)
}
