//! Random rules that apply to a layer.

use burn_xai::layer::{Activation, Elementwise};
use burn_xai::rule::Bound;

use super::dice::Dice;
use super::layer::Layer;
use super::rule::{Recipe, Stabilizer};

/// A rule for a layer with inputs and output of these sizes.
pub(crate) fn recipe(dice: &mut Dice, layer: &Layer, inputs: &[&[usize]], output: &[usize]) -> Recipe {
    let (st, zero_bias) = (stabilizer(dice, output.len()), dice.chance(30));
    if layer.is_linear() && dice.chance(85) {
        return match dice.below(9) {
            0 | 1 => Recipe::Epsilon { st, zero_bias },
            2 => Recipe::ZPlus { st, zero_bias },
            3 => {
                let (alpha, beta) = dice.pick(&[(2.0, 1.0), (1.0, 0.0), (1.5, 0.5)]);
                Recipe::AlphaBeta { alpha, beta, st, zero_bias }
            }
            4 | 5 => Recipe::Gamma { gamma: dice.pick(&[0.25, 0.0, 1.0, 100.0]), st, zero_bias },
            6 => {
                let (low, high) = bounds(dice, &inputs[0][1..]);
                Recipe::ZBox { low, high, st }
            }
            7 => Recipe::WSquare { st, zero_bias },
            _ => Recipe::Flat { st },
        };
    }
    // `Norm` would give a product's relevance to each factor, and is refused.
    let is_product = matches!(
        layer,
        Layer::Mul
            | Layer::Div
            | Layer::Matmul
            | Layer::Elementwise(Elementwise::Power(_) | Elementwise::Recip)
    );
    let mut rules = vec![Recipe::Gradient];
    match layer {
        Layer::Mul | Layer::Matmul => rules.push(Recipe::Uniform { st }),
        Layer::Div => rules.push(Recipe::SignalTakesAll),
        Layer::LayerNorm { .. } => rules.push(Recipe::FrozenStd { st }),
        _ if is_product => {}
        _ => rules.push(Recipe::Norm { st }),
    }
    if layer.routes() || (inputs.len() == 1 && inputs[0] == output) {
        rules.push(Recipe::Pass);
    }
    if matches!(layer, Layer::Extremum { .. }) {
        rules.extend([Recipe::WinnerTakesAll, Recipe::TakesMost { beta: dice.pick(&[0.0, 1.0, 0.5, 4.0]) }]);
    }
    if matches!(layer, Layer::Activation(Activation::Relu | Activation::Relu6)) {
        rules.extend([Recipe::ReluDeconvNet, Recipe::ReluGuidedBackprop]);
    }
    if matches!(layer, Layer::Activation(Activation::Relu)) {
        rules.push(Recipe::ReluBetaSmooth { beta: dice.pick(&[10.0, 1.0, -2.0]) });
    }
    dice.pick(&rules)
}

fn stabilizer(dice: &mut Dice, rank: usize) -> Stabilizer {
    let rms = match dice.below(10) {
        0 => Some(Vec::new()),
        1 => Some((0..rank).filter(|_| dice.chance(50)).collect()),
        _ => None,
    };
    // An empty list stands for all but the first.
    Stabilizer { epsilon: dice.pick(&[1e-6, 1e-6, 0.25, 0.0625, 0.0]), clip: dice.chance(25), rms }
}

/// Lower and upper bounds for inputs of the sizes `dims`, without the batch.
fn bounds(dice: &mut Dice, dims: &[usize]) -> (Bound, Bound) {
    let mut bound = |sign: f64| {
        if dice.chance(50) {
            return Bound::Number(sign * 2.0);
        }
        let dims: Vec<usize> = dims.iter().map(|&size| if dice.chance(50) { size } else { 1 }).collect();
        let values = dice.times(dims.iter().product(), |dice| sign * dice.number().abs());
        Bound::Tensor { dims, values }
    };
    (bound(-1.0), bound(1.0))
}
