//! A rule for normalisations.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::stabilizer::Sign;
use super::terms::divide;
use super::{BoundRule, NodeView, PropagationRule, Stabilizer};
use crate::error::RuleError;
use crate::layer::{Layer, Saved};

/// `R_in = x J^T (R / st(y))`, where `J` is that of the normalisation with the standard deviation taken for a
/// constant: it is then linear. The shift absorbs its share as a bias does. For an RMS norm, which has no mean,
/// `R_in = R`.
///
/// Ali et al., "XAI for Transformers: Better Explanations through Conservative Propagation", ICML 2022,
/// arXiv 2202.07304; Achtibat et al., "AttnLRP", ICML 2024, arXiv 2402.05602.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrozenStd {
    /// Stabilizes the layer's output; default 1e-6.
    pub stabilizer: Stabilizer,
}

impl<B: Backend> PropagationRule<B> for FrozenStd {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let Layer::Normalize(norm) = node.layer() else {
            return Err(RuleError::Ability {
                needs: "a normalisation (layer, RMS, group or instance norm)",
                kind: node.layer().kind(),
            });
        };
        let (norm, st) = (norm.clone(), self.stabilizer.check(node)?);
        Ok(BoundRule::new(Saved::ALL, move |context, relevance| {
            let (x, y) = (context.input(0)?, context.output()?);
            let constant = context.layer().ops().constant(context, y);
            let s = divide(context, relevance, y.clone(), constant, (&st, Sign::Any));
            Ok(vec![x * norm.adjoint_of_kept_std(x, s)])
        }))
    }
}
