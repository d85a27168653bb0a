//! Rules for layers without a weight of their own, and the plain gradient.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::stabilizer::Sign;
use super::terms::divide;
use super::{BoundRule, NodeView, PropagationRule, Stabilizer, Support};
use crate::Value;
use crate::error::{LayerError, RuleError};
use crate::kernel::{self, PoolGeometry};
use crate::layer::{Activation, Arithmetic, Elementwise, Layer, LayerKind, LedgerTerm, Saved};

/// `R_in = x df^T (R / st(f))`: every input's share of a sum, for average pools, residual adds, shifts by
/// a constant and whatever else has a gradient. Constants absorb their share, as biases do.
///
/// For linear layers this is [`Epsilon`](super::Epsilon). A product, quotient or power is refused: each
/// factor would get all the relevance.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Norm {
    /// Stabilizes the layer's output; default 1e-6.
    pub stabilizer: Stabilizer,
}

impl<B: Backend> PropagationRule<B> for Norm {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let (layer, kind) = (node.layer(), node.layer().kind());
        let multiplies = match layer {
            Layer::Arithmetic(Arithmetic::Mul | Arithmetic::Div) => true,
            Layer::Elementwise(Elementwise::Power(_) | Elementwise::Recip) => true,
            Layer::Matmul(_) => layer.ops().linear_map().is_none(),
            _ => false,
        };
        if multiplies {
            return Err(RuleError::Ability {
                needs: "a sum (this is a product, a quotient or a power)",
                kind,
            });
        }
        let st = self.stabilizer.check(node)?;
        // The sums of a network, on which a look for infinite inputs would take as long as the rule itself.
        let finite = [LayerKind::Add, LayerKind::Sub, LayerKind::Sum, LayerKind::Mean, LayerKind::AvgPool];
        let finite = finite.contains(&kind);
        // A plain epsilon then has the sign of all outputs where relevance arrives.
        let rectified = finite && node.is_rectified() && st.constant().is_some();
        let saved = if rectified { Saved::RECTIFIED } else { Saved::ALL };
        let sign = if rectified { Sign::NotNegative } else { Sign::Any };
        let bound = BoundRule::new(saved | layer.ops().vjp_saved(), move |context, relevance| {
            let ops = context.layer().ops();
            let output = if rectified { context.rectified_output()? } else { context.output()? };
            let constant = context.keeps_ledger().then(|| ops.constant(context, output)).flatten();
            let s = divide(context, relevance, output.clone(), constant, (&st, sign));
            let gradients = ops.vjp(context, s)?.into_iter().enumerate();
            let shares = gradients.map(|(i, gradient)| {
                let share = context.input(i)? * &gradient;
                // An input of minus infinity, which masks an element, has no share where it has no effect.
                Ok(if finite { share } else { share.where_nonzero(&gradient) })
            });
            shares.collect()
        });
        Ok(bound.with_support(Support::Nonzero))
    }
}

/// `R_in = R`, for layers whose output has the shape of their one input: activations, batch norms.
/// (A linear layer of that shape takes it too, for comparison with other systems.) Relevance that meets a layer that
/// only moves elements, such as a reshape or a concatenation, moves back along with them; padding and
/// constants between the inputs absorb what lies on them, as biases do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pass;

impl<B: Backend> PropagationRule<B> for Pass {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let (layer, kind) = (node.layer(), node.layer().kind());
        if LayerKind::ROUTES.contains(&kind) {
            let bound = BoundRule::new(layer.ops().vjp_saved(), move |context, relevance| {
                let ops = context.layer().ops();
                if let Some(on_constants) = ops.relevance_of_constants(context, &relevance) {
                    context.absorb(LedgerTerm::Bias, || on_constants);
                }
                ops.vjp(context, relevance)
            });
            return Ok(bound.with_support(Support::AsArrived));
        }
        if *node.input_dims() == [node.output_dims()] {
            let bound = BoundRule::new(Saved::NOTHING, |context, relevance| match context.dims()? {
                dims if dims == relevance.dims() => Ok(vec![relevance]),
                dims => Err(LayerError::UnequalShapes { first: dims.to_vec(), other: relevance.dims() }),
            });
            let keeps_zeros = kind == LayerKind::Detach
                || matches!(layer, Layer::Activation(Activation::Relu | Activation::Relu6));
            return Ok(bound.with_support(if keeps_zeros { Support::AsArrived } else { Support::Anywhere }));
        }
        let needs = "a layer that only moves elements, or whose output has the shape of its one input";
        Err(RuleError::Ability { needs, kind })
    }
}

/// All relevance of a max or min pooling window goes to its winner; of equal elements, to the
/// first in row-major order. That of a window without any element is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct WinnerTakesAll;

impl<B: Backend> PropagationRule<B> for WinnerTakesAll {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        let (layer, kind) = (node.layer(), node.layer().kind());
        let Some((_, windows)) = layer.ops().pooling() else {
            return Err(RuleError::Ability { needs: "a max or min pool", kind });
        };
        let windows = windows.clone();
        let bound = BoundRule::new(layer.ops().vjp_saved(), move |context, relevance| {
            let dims = context.dims()?;
            context.absorb(LedgerTerm::Dropped, || of_empty_windows(&relevance, dims, &windows));
            context.layer().ops().vjp(context, relevance)
        });
        Ok(bound.with_support(Support::AsArrived))
    }
}

/// The relevance of those windows that have no element.
pub(super) fn of_empty_windows<B: Backend>(
    relevance: &Value<B>,
    input: &[usize],
    windows: &PoolGeometry,
) -> Value<B> {
    // Averages of ones are 1, and 0 where there is nothing to average.
    let occupied = kernel::average_pool(&relevance.full_like(input, 1.0), windows, false);
    relevance - relevance.clone().where_positive(&occupied)
}

/// `R_in = df^T R`, the plain gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gradient;

impl<B: Backend> PropagationRule<B> for Gradient {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        Ok(BoundRule::new(node.layer().ops().vjp_saved(), |context, relevance| {
            context.layer().ops().vjp(context, relevance)
        }))
    }
}
