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

/// One layer of a network. Arguments that are absent have PyTorch's defaults.
#[derive(Debug, Clone, Deserialize)]
pub struct ArchNode {
    /// Name of the node.
    pub name: String,
    /// PyTorch's name of the layer, or `Sum`.
    pub op: String,
    /// Names of the nodes it reads; `input` is the network's input.
    pub inputs: Vec<String>,
    /// Window of a convolution or pool.
    pub kernel_size: Option<Sizes>,
    /// Step of the window.
    pub stride: Option<Sizes>,
    /// Zeros on both sides of the input.
    pub padding: Option<Sizes>,
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
    fn a_size_is_a_number_or_a_list() {
        let node: ArchNode = serde_json::from_str(
            r#"{"name": "p", "op": "MaxPool2d", "inputs": ["input"], "kernel_size": 3, "stride": [2, 1]}"#,
        )
        .unwrap();
        assert_eq!(node.kernel_size.unwrap().per_axis(2), [3, 3]);
        assert_eq!(node.stride.unwrap().per_axis(2), [2, 1]);
    }
}
