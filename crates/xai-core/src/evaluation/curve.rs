//! The score of a sample while its input changes.

use serde::{Deserialize, Serialize};

use super::Estimate;

/// The score of one sample while parts of its input are hidden, or brought back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FlippingCurve {
    /// Which part of the input is changed, from 0 to 1.
    pub fractions: Vec<f64>,
    /// The score then.
    pub scores: Vec<f64>,
}

/// The mean of several curves with a band around it, for a plot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeanCurve {
    /// Which part of the input is changed, from 0 to 1.
    pub fractions: Vec<f64>,
    /// The mean score then.
    pub mean: Vec<f64>,
    /// Lower end of the 95 % confidence band, `mean - 1.96 SE`; the mean itself for one curve.
    pub low: Vec<f64>,
    /// Its upper end, `mean + 1.96 SE`.
    pub high: Vec<f64>,
}

impl FlippingCurve {
    /// The area under the curve by the trapezoid rule: the mean score on the way, if that is from 0 to 1.
    pub fn area(&self) -> f64 {
        let between = self.fractions.windows(2).zip(self.scores.windows(2));
        between.map(|(x, y)| (x[1] - x[0]) * (y[0] + y[1]) / 2.0).sum()
    }

    /// How far the score has fallen at each point: `f(x_0) - f(x_k)`.
    pub fn drops(&self) -> Vec<f64> {
        self.scores.iter().map(|score| self.scores[0] - score).collect()
    }

    /// The area over the perturbation curve, `sum_{k=0..L} (f(x_0) - f(x_k)) / (L + 1)` for the scores
    /// `f(x_0), .., f(x_L)`: the mean drop. With the most relevant first, higher is better. 0 for no scores.
    ///
    /// Samek, Binder, Montavon, Lapuschkin, Müller, "Evaluating the Visualization of What a Deep Neural
    /// Network Has Learned", IEEE Transactions on Neural Networks and Learning Systems
    /// 28(11):2660-2673, 2017, which takes the mean over the samples too.
    pub fn aopc(&self) -> f64 {
        self.drops().iter().sum::<f64>() / self.scores.len().max(1) as f64
    }

    /// The mean of curves that were taken at the same fractions; `None` for no curves, or others.
    pub fn mean(curves: &[Self]) -> Option<Self> {
        Self::band(curves).map(|band| Self { fractions: band.fractions, scores: band.mean })
    }

    /// The same with a 95 % confidence band over the curves.
    pub fn band(curves: &[Self]) -> Option<MeanCurve> {
        let Self { fractions, scores } = curves.first()?;
        if curves.iter().any(|curve| curve.fractions != *fractions || curve.scores.len() != scores.len()) {
            return None;
        }
        let estimate = |step: usize| Estimate::of(curves.iter().map(|curve| curve.scores[step]));
        let estimates = (0..scores.len()).map(estimate).collect::<Option<Vec<_>>>()?;
        let each = |of: fn(&Estimate) -> f64| estimates.iter().map(of).collect();
        Some(MeanCurve {
            fractions: fractions.clone(),
            mean: each(|estimate| estimate.mean),
            low: each(|estimate| estimate.mean - estimate.margin()),
            high: each(|estimate| estimate.mean + estimate.margin()),
        })
    }
}
