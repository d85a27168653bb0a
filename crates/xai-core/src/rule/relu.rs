//! Rules for ReLU that modify its gradient.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::{BoundRule, NodeView, PropagationRule, check_number};
use crate::error::RuleError;
use crate::layer::{Activation, Layer, Saved};

fn require_relu<B: Backend>(node: &NodeView<'_, B>) -> Result<(), RuleError> {
    match node.layer() {
        Layer::Activation(Activation::Relu) => Ok(()),
        other => Err(RuleError::Ability { needs: "a ReLU", kind: other.kind() }),
    }
}

/// An activation that passes or stops its input: its gradient is 1 or 0.
fn require_rectifier<B: Backend>(node: &NodeView<'_, B>) -> Result<(), RuleError> {
    match node.layer() {
        Layer::Activation(Activation::Relu | Activation::Relu6) => Ok(()),
        other => Err(RuleError::Ability { needs: "a ReLU or ReLU6", kind: other.kind() }),
    }
}

/// `R_in = max(R, 0)`, whatever the input was. Applies to ReLU and ReLU6.
///
/// Zeiler and Fergus, ECCV 2014.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReluDeconvNet;

impl<B: Backend> PropagationRule<B> for ReluDeconvNet {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        require_rectifier(node)?;
        Ok(BoundRule::new(Saved::NOTHING, |_, relevance| Ok(vec![relevance.positive()])))
    }
}

/// `R_in = max(R, 0) [x > 0]`, for a ReLU6 `max(R, 0) [0 < x < 6]`: the gradient of what raises the
/// output. Applies to ReLU and ReLU6; the preset
/// [`guided_backprop`](crate::composite::guided_backprop) has it on ReLU only.
///
/// Springenberg et al., ICLR workshop 2015, arXiv 1412.6806.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReluGuidedBackprop;

impl<B: Backend> PropagationRule<B> for ReluGuidedBackprop {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        require_rectifier(node)?;
        Ok(BoundRule::new(node.layer().ops().vjp_saved(), |context, relevance| {
            context.layer().ops().vjp(context, relevance.positive())
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
    #[serde(deserialize_with = "super::form::beta")]
    pub beta: f64,
}

impl Default for ReluBetaSmooth {
    fn default() -> Self {
        Self { beta: 10.0 }
    }
}

impl ReluBetaSmooth {
    /// The rule with this steepness.
    pub fn new(beta: f64) -> Self {
        Self { beta }
    }
}

impl<B: Backend> PropagationRule<B> for ReluBetaSmooth {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        require_relu(node)?;
        let beta = check_number(node, "beta", self.beta, "finite", |_| true)?;
        Ok(BoundRule::new(Saved::INPUTS, move |context, relevance| {
            Ok(vec![relevance * (context.input(0)?.clone() * beta).sigmoid()])
        }))
    }
}
