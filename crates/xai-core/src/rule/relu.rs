//! Rules for ReLU that modify its gradient.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::{BoundRule, Facts, PropagationRule};
use crate::error::RuleError;
use crate::layer::{Activation, Layer, Reads};

fn require_relu<B: Backend>(layer: &Layer<B>) -> Result<(), RuleError> {
    match layer {
        Layer::Activation(Activation::Relu) => Ok(()),
        other => Err(RuleError::Ability { needs: "a ReLU", kind: other.kind() }),
    }
}

/// `R_in = max(R, 0)`, whatever the input was.
///
/// Zeiler and Fergus, ECCV 2014.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReluDeconvNet {}

impl<B: Backend> PropagationRule<B> for ReluDeconvNet {
    fn bind(&self, layer: &Layer<B>, _: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        require_relu(layer)?;
        Ok(BoundRule::new(Reads::NOTHING, |_, relevance| Ok(vec![relevance.positive()])))
    }
}

/// `R_in = max(R, 0) [x > 0]`.
///
/// Springenberg et al., ICLR workshop 2015, arXiv 1412.6806.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReluGuidedBackprop {}

impl<B: Backend> PropagationRule<B> for ReluGuidedBackprop {
    fn bind(&self, layer: &Layer<B>, _: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        require_relu(layer)?;
        // The output is positive exactly where the input is.
        Ok(BoundRule::new(Reads::OUTPUT, |site, relevance| {
            Ok(vec![relevance.positive().where_positive(site.output()?)])
        }))
    }
}

/// `R_in = sigmoid(beta x) R`, the gradient of a softplus in place of the ReLU.
///
/// Dombrowski et al., NeurIPS 2019, arXiv 1906.07983.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReluBetaSmooth {
    /// Steepness of the softplus; default 10. The larger, the nearer to the ReLU.
    pub beta: f64,
}

impl Default for ReluBetaSmooth {
    fn default() -> Self {
        Self { beta: 10.0 }
    }
}

impl<B: Backend> PropagationRule<B> for ReluBetaSmooth {
    fn bind(&self, layer: &Layer<B>, _: &Facts<'_>) -> Result<BoundRule<B>, RuleError> {
        require_relu(layer)?;
        let beta = self.beta;
        if !beta.is_finite() {
            return Err(RuleError::Parameter { parameter: "beta", value: beta, range: "finite" });
        }
        Ok(BoundRule::new(Reads::INPUTS, move |site, relevance| {
            Ok(vec![relevance * (site.input(0)?.clone() * beta).sigmoid()])
        }))
    }
}
