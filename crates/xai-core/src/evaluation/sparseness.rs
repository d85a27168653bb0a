//! Whether an explanation says much with little.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::rows::rows;
use super::{Explained, Metric};
use crate::error::ExplainError;
use crate::model::Inputs;

/// How much the relevance of a sample is concentrated, whatever its sign and scale.
///
/// Over the `n` elements of all explained inputs. Relevance that is 0 everywhere counts as spread evenly.
///
/// ```
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// use xai_core::evaluation::Sparseness;
///
/// # let device = Default::default();
/// let relevance = Tensor::<Flex, 2>::from_floats([[0.0, 0.0, 0.0, 2.0], [1.0, -1.0, 1.0, -1.0]], &device);
/// assert_eq!(Sparseness::Gini.values(relevance.clone())?, [0.75, 0.0]);
/// assert_eq!(Sparseness::Entropy.values(relevance)?, [0.0, 4f64.ln()]);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sparseness {
    /// The Gini index of the magnitudes `v_1 <= .. <= v_n`, `1 - 2 sum_k v_k (n - k + 1/2) / (n sum v)`: from 0,
    /// all alike, to `1 - 1/n`, one element alone. Higher is sparser.
    ///
    /// Hurley, Rickard, "Comparing Measures of Sparsity", IEEE Transactions on Information Theory
    /// 55(10):4723-4741, 2009; for explanations: Chalasani, Chen, Chowdhury, Wu, Jha, "Concise Explanations of
    /// Neural Networks using Adversarial Training", ICML 2020, PMLR 119:1383-1391.
    Gini,
    /// The complexity, the entropy `-sum_i p_i ln p_i` of the shares `p_i = |R_i| / sum |R|`: from 0, one
    /// element alone, to `ln n`, all alike. Lower is simpler.
    ///
    /// Bhatt, Weller, Moura, "Evaluating and Aggregating Feature-based Model Explanations", IJCAI 2020,
    /// pp. 3016-3022.
    Entropy,
}

impl Sparseness {
    /// The value of each sample; `relevance` has a tensor for each explained input, the batch first.
    ///
    /// # Errors
    /// [`AttributorError`](crate::error::AttributorError) for relevance that is not finite, or of several batch
    /// sizes.
    pub fn values<B: Backend>(&self, relevance: impl Into<Inputs<B>>) -> Result<Vec<f64>, ExplainError> {
        Ok(rows(&relevance.into())?.iter().map(|row| self.of(row)).collect())
    }

    fn of(&self, relevance: &[f64]) -> f64 {
        let count = relevance.len() as f64;
        let mut sizes: Vec<f64> = relevance.iter().map(|value| value.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        // Relative to the largest, so that no sum overflows.
        let largest = sizes.last().copied().filter(|largest| *largest > 0.0);
        sizes.iter_mut().for_each(|size| *size = largest.map_or(1.0, |largest| *size / largest));
        let sum: f64 = sizes.iter().sum();
        let shares = || sizes.iter().map(|size| size / sum);
        match self {
            Self::Gini => {
                let weighted = shares().enumerate().map(|(k, share)| share * (count - k as f64 - 0.5));
                1.0 - 2.0 * weighted.sum::<f64>() / count
            }
            Self::Entropy => shares().filter(|share| *share > 0.0).map(|share| -share * share.ln()).sum(),
        }
    }
}

impl<B: Backend> Metric<B> for Sparseness {
    fn name(&self) -> &str {
        match self {
            Self::Gini => "Gini index",
            Self::Entropy => "entropy",
        }
    }

    fn higher_is_better(&self) -> bool {
        matches!(self, Self::Gini)
    }

    fn evaluate(&self, explained: &Explained<B>) -> Result<Vec<f64>, ExplainError> {
        self.values(explained.relevance())
    }
}
