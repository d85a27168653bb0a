//! Cases of the methods that are not a composite.

use std::sync::Arc;

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::attributor::{Attributor, Gradient, InputXGradient, IntegratedGradients, SmoothGrad};
use xai_core::error::ExplainError;
use xai_core::explain::{Attribution, Explainer, Target};

use super::data::{Golden, HostTensor};
use super::error::GoldenError;
use super::manifest::{Case, Detail};

/// A method on plain gradients.
pub(super) enum Method<B: Backend> {
    Gradient,
    InputXGradient,
    /// With the stored noise, one tensor per noisy sample.
    SmoothGrad {
        noise_level: f64,
        noise: Vec<Value<B>>,
    },
    IntegratedGradients {
        steps: usize,
    },
}

impl<B: Backend> Method<B> {
    /// The method of a case; `None` when it is a composite.
    pub(super) fn of(
        golden: &Golden,
        case: &Case,
        dtype: DType,
        device: &B::Device,
    ) -> Result<Option<Self>, GoldenError> {
        let Detail::Composite { method, method_id, params, .. } = &case.detail else { return Ok(None) };
        let number = |name: &str| params.get(name).and_then(serde_json::Value::as_f64);
        let count = |name: &str| params.get(name).and_then(serde_json::Value::as_u64).map(|n| n as usize);
        Ok(match (method.as_str(), params.len(), number("noise_level"), count("n_iter")) {
            ("Gradient", 0, ..) => Some(Self::Gradient),
            ("InputXGradient", 0, ..) => Some(Self::InputXGradient),
            ("IntegratedGradients", 1, _, Some(steps)) => Some(Self::IntegratedGradients { steps }),
            ("SmoothGrad", 2, Some(noise_level), Some(samples)) => {
                let stacked = golden.tensor(case, &format!("noise_unit/{method_id}"))?;
                let noise: Vec<_> = unstack(&stacked).map(|unit| unit.value(dtype, device)).collect();
                if noise.len() + 1 != samples {
                    let what = format!("noise for {} of {samples} samples", noise.len() + 1);
                    return Err(GoldenError::Inconsistent { case: case.name.clone(), what });
                }
                Some(Self::SmoothGrad { noise_level, noise })
            }
            _ => None,
        })
    }

    pub(super) fn attribute(
        &self,
        explainer: Arc<Explainer<B>>,
        input: Value<B>,
        target: Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        match self {
            Self::Gradient => Gradient::new(explainer).attribute(input, target),
            Self::InputXGradient => InputXGradient::new(explainer).attribute(input, target),
            Self::SmoothGrad { noise_level, noise } => SmoothGrad::new(explainer)
                .noise_level(*noise_level)
                .attribute_with_noise(input, target, noise),
            Self::IntegratedGradients { steps } => {
                IntegratedGradients::new(explainer).steps(*steps).attribute(input, target)
            }
        }
    }
}

/// The parts along the first dimension.
fn unstack(stacked: &HostTensor) -> impl Iterator<Item = HostTensor> {
    let dims = stacked.dims[1..].to_vec();
    let width: usize = dims.iter().product();
    stacked.data.chunks(width).map(move |part| HostTensor { dims: dims.clone(), data: part.to_vec() })
}
