//! The composites that the literature uses, by name.

use super::{Composite, Matcher};
use crate::layer::{Activation, LayerKind};
use crate::rule::{
    AlphaBeta, Bound, Epsilon, Flat, FrozenStd, Gamma, Gradient, Norm, Pass, ReluBetaSmooth, ReluDeconvNet,
    ReluGuidedBackprop, Rule, SignalTakesAll, Stabilizer, TakesMost, Uniform, WinnerTakesAll, ZBox, ZPlus,
};

/// Layers that convolve.
const CONVOLUTIONS: [LayerKind; 2] = [LayerKind::Conv, LayerKind::ConvTranspose];
/// Layers with a weight.
const LINEAR: [LayerKind; 3] = [LayerKind::Conv, LayerKind::ConvTranspose, LayerKind::Linear];

/// Layers that work element by element, linear or nearly so.
const ELEMENTWISE: [LayerKind; 4] =
    [LayerKind::Activation, LayerKind::Elementwise, LayerKind::BatchNorm, LayerKind::Scale];
/// Layers that add elements up, or a constant to an input.
const SUMS: [LayerKind; 7] = [
    LayerKind::Add,
    LayerKind::Sub,
    LayerKind::Sum,
    LayerKind::Mean,
    LayerKind::AvgPool,
    LayerKind::Interpolate,
    LayerKind::Shift,
];
/// Products and quotients of two values.
const PRODUCTS: [LayerKind; 3] = [LayerKind::Mul, LayerKind::Div, LayerKind::Matmul];

/// The composites of the literature with parameters of one's own; the functions of this module are
/// those with the default parameters.
///
/// ```
/// use xai_core::composite::{Presets, epsilon_plus};
///
/// let presets = Presets { epsilon: 0.25.into(), ..Presets::default() };
/// assert_ne!(presets.epsilon_plus(), epsilon_plus());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Presets {
    /// Epsilon of [`Epsilon`], for linear layers; default 1e-6.
    pub epsilon: Stabilizer,
    /// Gamma of [`Gamma`], in [`epsilon_gamma_box`](Self::epsilon_gamma_box); default 0.25.
    pub gamma: f64,
    /// Steepness of [`ReluBetaSmooth`], in [`beta_smooth`](Self::beta_smooth); default 10.
    pub beta_smooth: f64,
    /// Stabilizer of all other rules; default 1e-6.
    pub stabilizer: Stabilizer,
    /// Leaves biases out of all denominators; default false.
    pub zero_bias: bool,
}

impl Default for Presets {
    fn default() -> Self {
        Self {
            epsilon: Stabilizer::default(),
            gamma: 0.25,
            beta_smooth: 10.0,
            stabilizer: Stabilizer::default(),
            zero_bias: false,
        }
    }
}

impl Presets {
    /// All of them and the [`gradient`], in the order of these functions; `low` and `high` are the
    /// ends of the box of [`epsilon_gamma_box`](Self::epsilon_gamma_box).
    ///
    /// ```
    /// use xai_core::composite::Presets;
    ///
    /// for preset in Presets::default().all(0.0, 1.0) {
    ///     println!("{}", preset.name());
    /// }
    /// ```
    pub fn all(&self, low: impl Into<Bound>, high: impl Into<Bound>) -> Vec<Composite> {
        vec![
            self.epsilon_plus(),
            self.epsilon_plus_flat(),
            self.epsilon_alpha2_beta1(),
            self.epsilon_alpha2_beta1_flat(),
            self.epsilon_gamma_box(low, high),
            self.excitation_backprop(),
            self.attn_lrp(),
            self.cp_lrp(),
            self.lstm_lrp(),
            self.deconv_net(),
            self.guided_backprop(),
            self.beta_smooth(),
            gradient(),
        ]
    }

    /// [`Epsilon`] on linear layers, [`ZPlus`] on convolutions.
    pub fn epsilon_plus(&self) -> Composite {
        self.layered("epsilon-plus", self.z_plus())
    }

    /// [`Epsilon`] on linear layers, [`ZPlus`] on convolutions, [`Flat`] on the first layer of
    /// either kind. Lapuschkin et al., Nature Communications 10, 2019.
    pub fn epsilon_plus_flat(&self) -> Composite {
        self.layered("epsilon-plus-flat", self.z_plus()).prepend(Matcher::first(LINEAR), self.flat())
    }

    /// [`Epsilon`] on linear layers, [`AlphaBeta`] with alpha 2 and beta 1 on convolutions.
    pub fn epsilon_alpha2_beta1(&self) -> Composite {
        self.layered("epsilon-alpha2-beta1", self.alpha_beta())
    }

    /// [`epsilon_alpha2_beta1`](Self::epsilon_alpha2_beta1) with [`Flat`] on the first layer.
    pub fn epsilon_alpha2_beta1_flat(&self) -> Composite {
        let composite = self.layered("epsilon-alpha2-beta1-flat", self.alpha_beta());
        composite.prepend(Matcher::first(LINEAR), self.flat())
    }

    /// [`Epsilon`] on linear layers, [`Gamma`] on convolutions, [`ZBox`] from `low` to `high` on
    /// the first convolution. In a model without convolutions the box is not used.
    pub fn epsilon_gamma_box(&self, low: impl Into<Bound>, high: impl Into<Bound>) -> Composite {
        let Self { stabilizer, zero_bias, .. } = self.clone();
        let gamma = Gamma { gamma: self.gamma, stabilizer: stabilizer.clone(), zero_bias };
        let pixels = ZBox { stabilizer, ..ZBox::new(low, high) };
        self.layered("epsilon-gamma-box", gamma).prepend(Matcher::first(CONVOLUTIONS), pixels)
    }

    /// [`ZPlus`] on linear layers and convolutions, [`Norm`] on sums and average pools, the plain
    /// gradient on activations, batch norms and products with constants. Zhang et al., ECCV 2016.
    pub fn excitation_backprop(&self) -> Composite {
        self.sums_and_routes(Composite::new("excitation-backprop").append(ELEMENTWISE, Gradient))
            .append(LINEAR, self.z_plus())
    }

    /// The gradient with [`ReluDeconvNet`] on ReLU. A model with other rectifiers, such as GELU, is refused. Zeiler and Fergus, ECCV 2014.
    pub fn deconv_net(&self) -> Composite {
        on_relu("deconv-net", ReluDeconvNet)
    }

    /// The gradient with [`ReluGuidedBackprop`] on ReLU; other rectifiers likewise. Springenberg et al., arXiv 1412.6806.
    pub fn guided_backprop(&self) -> Composite {
        on_relu("guided-backprop", ReluGuidedBackprop)
    }

    /// The gradient with [`ReluBetaSmooth`] on ReLU; other rectifiers likewise. Dombrowski et al., NeurIPS 2019.
    pub fn beta_smooth(&self) -> Composite {
        on_relu("beta-smooth", ReluBetaSmooth::new(self.beta_smooth))
    }

    /// For transformers: [`Epsilon`] on linear layers, half of the relevance to each factor of a product
    /// ([`Uniform`]), a softmax by its first-order expansion ([`Norm`]), layer norms with their standard
    /// deviation kept ([`FrozenStd`]). Relevance is conserved up to what biases and softmaxes take.
    /// Achtibat et al., "AttnLRP", ICML 2024, arXiv 2402.05602.
    pub fn attn_lrp(&self) -> Composite {
        let uniform = Uniform { stabilizer: self.stabilizer.clone() };
        self.epsilon_everywhere("attn-lrp").prepend([LayerKind::Mul, LayerKind::Matmul], uniform)
    }

    /// The same with attention weights taken for constants: values get all relevance ([`SignalTakesAll`]), and
    /// so does what a gate lets through. Ali et al., ICML 2022, arXiv 2202.07304.
    pub fn cp_lrp(&self) -> Composite {
        self.epsilon_everywhere("cp-lrp")
    }

    /// For LSTMs and GRUs: [`Epsilon`] on linear layers and on sums, all relevance of a product to its signal
    /// and none to its gate ([`SignalTakesAll`]), activations pass it on. The paper takes an epsilon of 0.001.
    /// Arras et al., WASSA 2017, arXiv 1706.07206; LNCS 11700, 2019, arXiv 1909.12114.
    pub fn lstm_lrp(&self) -> Composite {
        self.epsilon_everywhere("lstm-lrp")
    }

    /// [`Epsilon`] on all layers with a weight, and every constant gets its share.
    fn epsilon_everywhere(&self, name: &str) -> Composite {
        let epsilon = Epsilon { epsilon: self.epsilon.clone(), zero_bias: self.zero_bias };
        let norm = Norm { stabilizer: self.stabilizer.clone() };
        self.layered(name, epsilon).prepend(LayerKind::Shift, norm)
    }

    fn z_plus(&self) -> ZPlus {
        ZPlus { stabilizer: self.stabilizer.clone(), zero_bias: self.zero_bias }
    }

    fn alpha_beta(&self) -> AlphaBeta {
        AlphaBeta { stabilizer: self.stabilizer.clone(), zero_bias: self.zero_bias, ..AlphaBeta::default() }
    }

    fn flat(&self) -> Flat {
        Flat { stabilizer: self.stabilizer.clone() }
    }

    /// The LRP presets: `convolution` on convolutions, [`Epsilon`] on linear layers, and what all
    /// of them do with layers that have no weight.
    fn layered(&self, name: &str, convolution: impl Into<Rule>) -> Composite {
        let epsilon = Epsilon { epsilon: self.epsilon.clone(), zero_bias: self.zero_bias };
        self.sums_and_routes(Composite::new(name).append(ELEMENTWISE, Pass))
            .append(CONVOLUTIONS, convolution)
            .append(LayerKind::Linear, epsilon)
    }

    /// Sums share relevance out, max pools give it to their winner, min pools most of it to
    /// theirs, and layers that only move elements move it along. Of a product the signal gets all and the gate
    /// nothing, of a quotient the numerator; normalisations keep their standard deviation. A shift before all
    /// layers with a weight is a normalisation of the input: its constant is no evidence and gets no share.
    fn sums_and_routes(&self, composite: Composite) -> Composite {
        composite
            .append(Matcher::All(vec![LayerKind::Shift.into(), Matcher::before(LINEAR)]), Pass)
            .append(LayerKind::Detach, Pass)
            .append(LayerKind::Normalize, FrozenStd { stabilizer: self.stabilizer.clone() })
            .append(PRODUCTS, SignalTakesAll { stabilizer: self.stabilizer.clone() })
            .append(LayerKind::Softmax, Norm { stabilizer: self.stabilizer.clone() })
            .append(SUMS, Norm { stabilizer: self.stabilizer.clone() })
            .append(LayerKind::MaxPool, WinnerTakesAll)
            .append(LayerKind::MinPool, TakesMost::default())
            .append(LayerKind::ROUTES, Pass)
    }
}

/// Activations that take the place of a ReLU in a network. The rules for ReLU are not defined for them, and
/// with the gradient instead the method would be the plain gradient under another name.
const RECTIFIERS: [&str; 13] = [
    "leaky-relu",
    "prelu",
    "elu",
    "celu",
    "selu",
    "gelu",
    "gelu-tanh",
    "silu",
    "softplus",
    "hard-swish",
    "mish",
    "thresholded-relu",
    "shrink",
];

fn on_relu(name: &str, rule: impl Into<Rule>) -> Composite {
    Composite::new(name)
        .append(Matcher::activations([Activation::Relu.name()]), rule)
        .append(Matcher::Not(Box::new(Matcher::activations(RECTIFIERS))), Gradient)
}

/// The presets with the default parameters, as functions.
macro_rules! with_default_parameters {
    ($($preset:ident),* $(,)?) => {$(
        #[doc = concat!("[`Presets::", stringify!($preset), "`] with the default parameters.")]
        pub fn $preset() -> Composite {
            Presets::default().$preset()
        }
    )*};
}
with_default_parameters!(
    epsilon_plus,
    epsilon_plus_flat,
    epsilon_alpha2_beta1,
    epsilon_alpha2_beta1_flat,
    excitation_backprop,
    attn_lrp,
    cp_lrp,
    deconv_net,
    guided_backprop,
    beta_smooth,
);

/// [`Presets::lstm_lrp`] with the paper's epsilon of 0.001, in sums too.
pub fn lstm_lrp() -> Composite {
    let epsilon = Stabilizer::from(0.001);
    Presets { epsilon: epsilon.clone(), stabilizer: epsilon, ..Presets::default() }.lstm_lrp()
}

/// [`Presets::epsilon_gamma_box`] with the default parameters.
pub fn epsilon_gamma_box(low: impl Into<Bound>, high: impl Into<Bound>) -> Composite {
    Presets::default().epsilon_gamma_box(low, high)
}

/// The plain [`Gradient`] everywhere. With a seed of one, the attribution is the gradient of the
/// target with respect to the input.
pub fn gradient() -> Composite {
    Composite::new("gradient").append(Matcher::Any, Gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_survive_json_and_toml() {
        for composite in Presets::default().all(-2.5, 2.5) {
            let text = serde_json::to_string(&composite).unwrap();
            assert_eq!(serde_json::from_str::<Composite>(&text).unwrap(), composite);
            let text = toml::to_string(&composite).unwrap();
            assert_eq!(toml::from_str::<Composite>(&text).unwrap(), composite, "{text}");
        }
    }

    #[test]
    fn mistakes_in_a_file_are_named() {
        let error = |entry: &str| {
            let text = format!("name = 'mine'\n[[entries]]\n{entry}\n");
            toml::from_str::<Composite>(&text).unwrap_err().to_string()
        };
        let unknown_rule = error("match = 'any'\nrule = 'epsilom'");
        assert!(unknown_rule.contains("epsilom") && unknown_rule.contains("`epsilon`"), "{unknown_rule}");
        let unknown_field = error("match = 'any'\nrule = 'gamma'\ngama = 0.5");
        assert!(unknown_field.contains("gama") && unknown_field.contains("`gamma`"), "{unknown_field}");
        let misplaced = error("match = 'any'\nrule = 'pass'\ngamma = 0.5");
        assert!(misplaced.contains("Pass"), "{misplaced}");
        let misspelt = error("match = { range = { kinds = ['conv'], start = 0, stop = 3 } }\nrule = 'pass'");
        assert!(misspelt.contains("stop") && misspelt.contains("end"), "{misspelt}");
        let unknown_matcher = error("match = { kind = 'conv' }\nrule = 'pass'");
        assert!(unknown_matcher.contains("kind") && unknown_matcher.contains("`kinds`"), "{unknown_matcher}");
    }
}
