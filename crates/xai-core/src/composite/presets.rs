//! The composites that the literature uses, by name.

use super::{Composite, Matcher};
use crate::layer::LayerKind;
use crate::rule::{Epsilon, Flat, Gradient, Norm, Pass, WinnerTakesAll, ZPlus};

/// Entries that the LRP presets share: layers without weights.
fn base(name: &str) -> Composite {
    Composite::new(name)
        .or(Matcher::Kind(LayerKind::Activation), Pass {})
        .or(Matcher::Kind(LayerKind::BatchNorm), Pass {})
        .or(Matcher::Kind(LayerKind::Reshape), Pass {})
        .or(Matcher::Kind(LayerKind::Add), Norm::default())
        .or(Matcher::Kind(LayerKind::AvgPool), Norm::default())
        .or(Matcher::Kind(LayerKind::MaxPool), WinnerTakesAll {})
}

/// [`Flat`] on the first linear or convolution layer, [`ZPlus`] on the other convolutions,
/// [`Epsilon`] (1e-6) on linear layers. [`Norm`] on sums and average pools, [`WinnerTakesAll`] on
/// max pools, [`Pass`] on activations, batch norms and reshapes.
///
/// Lapuschkin et al., Nature Communications 10, 2019, doi 10.1038/s41467-019-08987-4.
pub fn epsilon_plus_flat() -> Composite {
    base("epsilon-plus-flat")
        .or(Matcher::Kind(LayerKind::Conv), ZPlus::default())
        .or(Matcher::Kind(LayerKind::Linear), Epsilon::default())
        .with(Matcher::First(vec![LayerKind::Conv, LayerKind::Linear]), Flat::default())
}

/// The plain [`Gradient`] everywhere. With a seed of one, the attribution is the gradient of the
/// target with respect to the input.
pub fn gradient() -> Composite {
    Composite::new("gradient").or(Matcher::Any, Gradient {})
}
