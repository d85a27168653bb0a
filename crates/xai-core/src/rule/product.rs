//! Rules for products of two values: elementwise ones and matrix products.

use burn_backend::Backend;
use serde::{Deserialize, Serialize};

use super::terms::drop_at_zero;
use super::{BoundRule, Epsilon, NodeView, PropagationRule, Stabilizer};
use crate::Value;
use crate::error::{LayerError, RuleError};
use crate::layer::{Arithmetic, BackwardContext, Layer, LedgerTerm, Saved};

/// Each factor of a product gets half of the relevance: `R/2` of an elementwise product, and of a matrix
/// product `O = A V` half of what each term `A_ji V_ip` gets, `R(A_ji) = sum_p A_ji V_ip R_jp / (2 st(O_jp))`.
///
/// In a matrix product with a constant the value gets all, as by [`Epsilon`].
///
/// Achtibat et al., "AttnLRP", ICML 2024, arXiv 2402.05602, Propositions 3.2 and 3.3.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Uniform {
    /// Stabilizes the output of a matrix product; default 1e-6.
    pub stabilizer: Stabilizer,
}

/// The signal of a product gets all relevance, its gate none. A gate is the one factor that is known to lie
/// from 0 to 1, such as an output of a sigmoid or a softmax: so attention weights get nothing, and the values
/// that they select all. Where neither factor is one, or both are, this is [`Uniform`].
///
/// Of a quotient the numerator gets all: the denominator is taken for a constant, as [`FrozenStd`](super::FrozenStd)
/// does.
///
/// Arras et al., WASSA 2017, for LSTMs; Ali et al., ICML 2022, for attention (CP-LRP).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignalTakesAll {
    /// Stabilizes the output of a matrix product; default 1e-6.
    pub stabilizer: Stabilizer,
}

/// Shares the relevance of a product out by `shares`, one for each factor, which add up to 1.
fn bind<B: Backend>(
    node: &NodeView<'_, B>,
    stabilizer: &Stabilizer,
    shares: [f64; 2],
) -> Result<BoundRule<B>, RuleError> {
    let layer = node.layer();
    if let (Layer::Matmul(_), Some(_)) = (layer, layer.ops().linear_map()) {
        // The value gets all, the constant nothing.
        return Epsilon::new(stabilizer.clone()).bind(node);
    }
    let st = stabilizer.check(node)?;
    match layer {
        Layer::Arithmetic(Arithmetic::Mul) => Ok(BoundRule::new(Saved::NOTHING, move |_, relevance| {
            Ok(shares.map(|share| relevance.clone() * share).to_vec())
        })),
        Layer::Matmul(_) => Ok(BoundRule::new(Saved::ALL, move |context, relevance| {
            of_matrices(context, relevance, &st, shares)
        })),
        _ => Err(RuleError::Ability { needs: "a product of two values", kind: layer.kind() }),
    }
}

fn of_matrices<B: Backend>(
    context: &BackwardContext<'_, B>,
    relevance: Value<B>,
    st: &Stabilizer,
    shares: [f64; 2],
) -> Result<Vec<Value<B>>, LayerError> {
    let output = context.output()?;
    if st.leaves_zero() {
        drop_at_zero(context, &relevance, output);
    }
    let s = st.quotient(relevance, output);
    context.absorb(LedgerTerm::Stabilizer, || &s * (st.apply(output) - output));
    let gradients = context.layer().ops().vjp(context, s)?;
    let each = gradients.into_iter().zip(shares).enumerate();
    each.map(|(place, (gradient, share))| Ok(context.input(place)? * gradient * share)).collect()
}

impl<B: Backend> PropagationRule<B> for Uniform {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        bind(node, &self.stabilizer, [0.5, 0.5])
    }
}

impl<B: Backend> PropagationRule<B> for SignalTakesAll {
    fn bind(&self, node: &NodeView<'_, B>) -> Result<BoundRule<B>, RuleError> {
        if let Layer::Arithmetic(Arithmetic::Div) = node.layer() {
            return Ok(BoundRule::new(Saved::NOTHING, |_, relevance| {
                let none = relevance.full_like(&relevance.dims(), 0.0);
                Ok(vec![relevance, none])
            }));
        }
        let gates: Vec<usize> = node.gates().collect();
        let shares = match gates[..] {
            [0] => [0.0, 1.0],
            [1] => [1.0, 0.0],
            _ => [0.5, 0.5],
        };
        bind(node, &self.stabilizer, shares)
    }
}
