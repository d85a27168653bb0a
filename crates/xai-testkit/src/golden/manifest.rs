//! `manifest.json`, typed as far as the runners read it.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The manifest: all cases, and the networks that some of them share.
#[derive(Debug, Clone, Deserialize)]
pub struct Manifest {
    /// Version of the layout; 1.
    pub format: u32,
    /// Networks by name.
    #[serde(default)]
    pub networks: BTreeMap<String, Network>,
    /// All cases.
    pub cases: Vec<Case>,
}

/// A network as a list of layers.
#[derive(Debug, Clone, Deserialize)]
pub struct Network {
    /// Its layers in forward order; the last one gives the logits.
    pub arch: Vec<ArchNode>,
}

/// One layer of a network.
#[derive(Debug, Clone, Deserialize)]
pub struct ArchNode {
    /// Name of the node.
    pub name: String,
    /// Names of the nodes it reads; `input` is the network's input.
    pub inputs: Vec<String>,
    /// The layer.
    #[serde(flatten)]
    pub layer: LayerSpec,
}

/// A layer. Settings that are absent have PyTorch's defaults.
#[derive(Debug, Clone, Deserialize)]
pub struct LayerSpec {
    /// PyTorch's name of the layer, or `Sum`.
    #[serde(alias = "type")]
    pub op: String,
    /// Window of a convolution or pool.
    pub kernel_size: Option<Sizes>,
    /// Step of the window.
    pub stride: Option<Sizes>,
    /// Zeros on both sides of the input.
    pub padding: Option<Sizes>,
    /// Elements more at the end of a transposed convolution's output.
    pub output_padding: Option<Sizes>,
    /// Distance between the elements of a window.
    pub dilation: Option<Sizes>,
    /// Groups of a convolution.
    pub groups: Option<usize>,
    /// Whether the last, partial window of a pool counts.
    pub ceil_mode: Option<bool>,
    /// Whether an average counts padding.
    pub count_include_pad: Option<bool>,
    /// Windows of an adaptive pool.
    pub output_size: Option<Sizes>,
    /// Whether a linear layer or convolution has a bias.
    pub bias: Option<bool>,
    /// What a batch norm adds to the variance.
    pub eps: Option<f64>,
    /// Dimensions of a sum; negative ones count from the end.
    pub dim: Option<Vec<isize>>,
    /// Slope of a leaky ReLU.
    pub negative_slope: Option<f64>,
    /// Minus the limit of an ELU.
    pub alpha: Option<f64>,
    /// Sharpness of a softplus.
    pub beta: Option<f64>,
    /// Where PyTorch's softplus becomes the identity, for it is that by rounding.
    pub threshold: Option<f64>,
    /// `none` for the exact GELU.
    pub approximate: Option<String>,
    /// Settings that nothing reads.
    #[serde(flatten)]
    pub others: BTreeMap<String, serde_json::Value>,
}

/// A rule with its parameters, by the reference's names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSpec {
    /// The rule.
    pub name: String,
    /// Its stabilizer; that of Epsilon is the epsilon.
    pub stabilizer: Option<StabilizerSpec>,
    /// Parameters that are taken for 0: none, or `bias`.
    #[serde(default)]
    pub zero_params: Vec<String>,
    /// Of AlphaBeta.
    pub alpha: Option<f64>,
    /// Of AlphaBeta and TakesMost.
    pub beta: Option<f64>,
    /// Of Gamma.
    pub gamma: Option<f64>,
    /// Of ZBox.
    pub low: Option<BoundSpec>,
    /// Of ZBox.
    pub high: Option<BoundSpec>,
    /// Of ReLUBetaSmooth.
    pub beta_smooth: Option<f64>,
    /// Of TakesMost: `max` or `min`, which the layer says again.
    pub mode: Option<String>,
    /// Of TakesMost: beta, negative for min pools.
    pub beta_signed: Option<f64>,
    /// Of TakesMost: what the reference adds to the sum of a window; too little to see.
    pub denominator_epsilon: Option<f64>,
}

/// The rules of a neuralized k-means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterRuleSpec {
    /// Of the linear layer.
    pub neuralized: RuleSpec,
    /// Of the min pool.
    pub pool: ClusterPoolSpec,
}

/// TakesMost on the min pool of a neuralized k-means.
#[derive(Debug, Clone, Deserialize)]
pub struct ClusterPoolSpec {
    /// How much more the nearest competitors get.
    pub beta: f64,
}

/// A stabilizer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StabilizerSpec {
    /// How far denominators are kept from 0.
    pub epsilon: f64,
    /// Whether small denominators are replaced, instead of adding to all.
    pub clip: bool,
    /// Whether epsilon is scaled by the root mean square of the denominators.
    pub norm_scale: bool,
    /// The dimensions of that mean; all but the batch if absent.
    pub dim: Option<Vec<usize>>,
}

/// One end of the range of ZBox.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum BoundSpec {
    /// The same for all inputs.
    Number(f64),
    /// `tensor`: stored with the case.
    Stored(String),
}

/// A number for all spatial axes, or one for each.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Sizes {
    /// The same for all axes.
    All(usize),
    /// One per axis.
    Each(Vec<usize>),
}

impl Sizes {
    /// One number for each of `axes` axes.
    pub fn per_axis(&self, axes: usize) -> Vec<usize> {
        match self {
            Self::All(size) => vec![*size; axes],
            Self::Each(sizes) => sizes.clone(),
        }
    }
}

/// A golden case.
#[derive(Debug, Clone, Deserialize)]
pub struct Case {
    /// Its name, with `/` between folders.
    pub name: String,
    /// The file with its tensors, relative to the golden folder.
    pub file: String,
    /// What comes before the tensors' names in the file.
    pub prefix: String,
    /// Error of the reference itself in f32; absent where it is not finite there.
    #[serde(default)]
    pub f32_err: Option<f64>,
    /// What sets the case apart: `degenerate`, `edge`, ...
    #[serde(default)]
    pub tags: Vec<String>,
    /// Shapes of the tensors by name.
    pub tensors: BTreeMap<String, Vec<usize>>,
    /// What the case is about.
    #[serde(flatten)]
    pub detail: Detail,
}

impl Case {
    /// The part of the name before the first `/`.
    pub fn folder(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    /// Whether the case has a tag.
    pub fn is(&self, tag: &str) -> bool {
        self.tags.iter().any(|own| own == tag)
    }
}

/// What a case is about, by its `kind`.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Detail {
    /// A whole network under a composite or a gradient method.
    Composite {
        /// Name in [`Manifest::networks`].
        network: String,
        /// The method.
        method: String,
        /// The method with its parameters, as tensors are named.
        method_id: String,
        /// The method's parameters.
        params: serde_json::Map<String, serde_json::Value>,
        /// Name of the tensor that relevance starts with.
        relevance_out: String,
    },
    /// A rule on a single layer.
    Rule {
        /// The layer.
        layer: LayerSpec,
        /// The rule.
        rule: RuleSpec,
        /// How the input was drawn; `nonneg` if it has no negative element.
        input_kind: Option<String>,
    },
    /// The gradient of a max pool.
    MaxpoolGradient {
        /// The pool.
        layer: LayerSpec,
        /// The rule, which is the gradient.
        rule: RuleSpec,
    },
    /// TakesMost of the reference, on windows that do not overlap.
    TakesmostPr214 {
        /// The pool.
        layer: LayerSpec,
        /// The rule.
        rule: RuleSpec,
    },
    /// TakesMost by its definition, on any windows.
    TakesmostExact {
        /// The pool.
        layer: LayerSpec,
        /// The rule.
        rule: RuleSpec,
    },
    /// Distances to centroids and their linear form.
    KmeansCanonize {},
    /// Clusters of points, explained.
    KmeansAttribution {
        /// The rules.
        rule: ClusterRuleSpec,
    },
    /// Clusters of a network's features, explained down to its input.
    DeepKmeans {
        /// The network's layers in forward order; the last one gives the features.
        arch: Vec<ArchNode>,
        /// Method and parameters of what serves them.
        composite: serde_json::Map<String, serde_json::Value>,
        /// The rules of the clusters.
        rule: ClusterRuleSpec,
    },
    /// A pretrained network on a photograph; the weights are not stored.
    Imagenet {
        /// The method.
        method: String,
        /// The method with its parameters and the class, as tensors are named.
        method_id: String,
        /// The method's parameters; bounds that are `tensor` are stored with the case.
        params: serde_json::Map<String, serde_json::Value>,
        /// The explained class, whose output relevance starts with as 1.
        target_index: usize,
        /// Where relevance is stored: the input and the outputs of some modules.
        watch: Vec<String>,
    },
    /// Any other kind; no runner reads it yet.
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_of_an_unknown_kind_is_still_a_case() {
        let case: Case = serde_json::from_str(
            r#"{"name": "new/thing", "file": "new.safetensors", "prefix": "", "kind": "novel", "f32_err": null,
                "tensors": {"x": [2, 3]}, "extra": 1}"#,
        )
        .unwrap();
        assert_eq!((case.folder(), case.f32_err), ("new", None));
        assert!(matches!(case.detail, Detail::Other));
    }

    #[test]
    fn no_setting_is_ignored() {
        let case = |rule: &str| {
            serde_json::from_str::<Case>(&format!(
                r#"{{"name": "rules/a", "file": "a.safetensors", "prefix": "", "kind": "rule", "tensors": {{}},
                    "layer": {{"type": "ReLU", "inplace": true}}, "rule": {rule}}}"#
            ))
        };
        let Detail::Rule { layer, .. } = case(r#"{"name": "Pass"}"#).unwrap().detail else { unreachable!() };
        assert_eq!(layer.others.keys().collect::<Vec<_>>(), ["inplace"]);
        assert!(case(r#"{"name": "Pass", "delta": 1}"#).unwrap_err().to_string().contains("delta"));
    }

    #[test]
    fn a_size_is_a_number_or_a_list() {
        let node: ArchNode = serde_json::from_str(
            r#"{"name": "p", "op": "MaxPool2d", "inputs": ["input"], "kernel_size": 3, "stride": [2, 1]}"#,
        )
        .unwrap();
        assert_eq!(node.layer.kernel_size.unwrap().per_axis(2), [3, 3]);
        assert_eq!(node.layer.stride.unwrap().per_axis(2), [2, 1]);
    }
}
