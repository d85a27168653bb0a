//! Means over samples, and how sure they are.

use serde::{Deserialize, Serialize};

/// A mean over samples with its standard error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// `s / sqrt(n)` with the standard deviation `s` of `n` samples (divided by `n - 1`); `None` for one
    /// sample.
    pub standard_error: Option<f64>,
    /// How many samples `n` there are.
    pub samples: usize,
}

impl Estimate {
    /// The mean of the values that are not NaN, by which a metric says that it is not defined for a
    /// sample; `None` if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let standard_error = (values.len() > 1).then(|| (squares / (count - 1.0) / count).sqrt());
        (!values.is_empty()).then_some(Self { mean, standard_error, samples: values.len() })
    }

    /// Half the width of the 95 % confidence interval of a normal distribution, `1.96` standard errors; 0
    /// for one sample, of which none is known.
    pub fn margin(&self) -> f64 {
        1.96 * self.standard_error.unwrap_or(0.0)
    }
}
