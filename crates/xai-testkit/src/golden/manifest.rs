//! `manifest.json`, typed as far as all cases have it alike.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// The manifest: all cases, and the networks that some of them share.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Manifest {
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
pub(super) struct Network {
    /// Its layers in forward order; the last one gives the logits.
    pub arch: Vec<ArchNode>,
}

/// One layer of a network.
#[derive(Debug, Clone, Deserialize)]
pub struct ArchNode {
    /// Name of the node.
    pub name: String,
    /// Names of the nodes it reads; `input` is the network's input.
    #[serde(default)]
    pub inputs: Vec<String>,
    /// The layer.
    #[serde(flatten)]
    pub layer: LayerSpec,
}

/// A layer.
#[derive(Debug, Clone, Deserialize)]
pub struct LayerSpec {
    /// PyTorch's name of the layer, or `Sum`.
    #[serde(alias = "type", default)]
    pub op: String,
    /// Its arguments, by PyTorch's names.
    #[serde(flatten)]
    pub arguments: Map<String, Json>,
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
        /// Name among the networks of the manifest.
        network: String,
        /// The method.
        method: String,
        /// The method with its parameters, as tensors are named.
        method_id: String,
        /// The method's parameters.
        params: Map<String, Json>,
        /// Name of the tensor that relevance starts with.
        relevance_out: String,
    },
    /// A rule on a single layer; TakesMost as the reference has it, on windows that do not overlap,
    /// and by its definition.
    #[serde(alias = "takesmost_pr214", alias = "takesmost_exact")]
    Rule {
        /// The layer.
        layer: LayerSpec,
        /// Its rule.
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
    /// Distances to centroids and their linear form.
    KmeansCanonize {},
    /// Clusters of points, explained.
    KmeansAttribution {
        /// The rules.
        rule: ClusterRules,
    },
    /// Clusters of a network's features, explained down to its input.
    DeepKmeans {
        /// The network's layers in forward order; the last one gives the features.
        arch: Vec<ArchNode>,
        /// Method and parameters of what serves them.
        composite: Map<String, Json>,
        /// The rules of the clusters.
        rule: ClusterRules,
    },
    /// A pretrained network on a photograph; the weights are not stored.
    Imagenet {
        /// The method.
        method: String,
        /// The method with its parameters and the class, as tensors are named.
        method_id: String,
        /// The method's parameters; bounds that are `tensor` are stored with the case.
        params: Map<String, Json>,
        /// The explained class, whose output relevance starts with as 1.
        target_index: usize,
        /// Where relevance is stored: the input and the outputs of some modules.
        watch: Vec<String>,
    },
    /// Any other kind; no runner reads it yet.
    #[serde(other)]
    Other,
}

/// A rule.
#[derive(Debug, Clone, Deserialize)]
pub struct RuleSpec {
    /// The reference's name of it.
    pub name: String,
    /// Its arguments, by the reference's names.
    #[serde(flatten)]
    pub arguments: Map<String, Json>,
}

/// The rules of a neuralized k-means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterRules {
    /// Of the linear layer.
    pub neuralized: RuleSpec,
    /// Of the min pool.
    pub pool: RuleSpec,
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
}
