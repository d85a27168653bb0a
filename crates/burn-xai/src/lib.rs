//! Explains the predictions of models written for the Burn deep-learning framework.
//!
//! Take your own Burn model as it is, choose a composite of rules, and ask which inputs made the
//! model answer as it did. The same code runs on every backend; cargo features choose it.
//!
//! ```
//! # #[cfg(feature = "flex")] {
//! use burn::module::Module;
//! use burn::nn::{Linear, LinearConfig, Relu};
//! use burn::tensor::{Tensor, backend::Backend};
//! use burn_xai::backend::flex::{self, Flex};
//! use burn_xai::prelude::*;
//!
//! #[derive(Module, Debug)]
//! struct Net<B: Backend> {
//!     hidden: Linear<B>,
//!     relu: Relu,
//!     head: Linear<B>,
//! }
//!
//! impl<B: Backend> Net<B> {
//!     fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
//!         self.head.forward(self.relu.forward(self.hidden.forward(x)))
//!     }
//! }
//!
//! let device = flex::device();
//! let net = Net::<Flex> {
//!     hidden: LinearConfig::new(4, 8).with_bias(false).init(&device),
//!     relu: Relu::new(),
//!     head: LinearConfig::new(8, 3).with_bias(false).init(&device),
//! };
//! let rules = Composite::new("epsilon everywhere")
//!     .append(LayerKind::Linear, Epsilon::default())
//!     .append(LayerKind::Activation, Pass);
//! let model = record(&net, Net::forward);
//!
//! let x = Tensor::<Flex, 2>::from_floats([[1.0, -0.5, 2.0, 0.25]], &device);
//! let attribution = Lrp::new(&model, rules).attribute(x, Target::argmax())?;
//! // Without biases, relevance adds up to the explained score.
//! let (sum, score) = (attribution.relevance_sums()?[0], attribution.scores()?[0]);
//! assert!((sum - score).abs() < 1e-3 * score.abs().max(1e-2));
//! # }
//! # Ok::<(), burn_xai::error::ExplainError>(())
//! ```
//!
//! # Features
//!
//! | feature | backend | type |
//! | --- | --- | --- |
//! | `flex` (default) | Flex, pure Rust CPU | `backend::flex::Flex` |
//! | `ndarray` | NdArray, CPU | `backend::ndarray::NdArray` |
//! | `wgpu` | compute shaders on any GPU | `backend::wgpu::Wgpu` |
//! | `tch` | LibTorch, CPU or CUDA | `backend::tch::LibTorch` |
//! | `cuda` | Burn's kernels on NVIDIA GPUs | `backend::cuda::Cuda` |
//!
//! Several may be on at once; [`backend`] says which of them is its `Default`. None is fine too: everything
//! is generic over Burn's `Backend`, so bring your own. `tch-doc-only` is `tch` for documentation and lints on
//! machines without a LibTorch.
//!
//! | feature | for [`kmeans`] |
//! | --- | --- |
//! | `fit` | fits centroids to points, by linfa |
//! | `npy`, `safetensors` | reads centroids from files |

pub mod backend;
pub mod heatmap;
pub mod prelude;
mod record;

pub use record::{record, record_fn};
pub use xai_core::{
    Value, attributor, canonizer, composite, engine, error, evaluation, graph, kernel, layer, model, rule,
};
pub use xai_kmeans as kmeans;
pub use xai_trace as trace;

/// The programs in the README and the guides compile and run.
#[cfg(all(doctest, feature = "flex"))]
mod documents {
    macro_rules! document {
        ($($name:ident: $path:literal),* $(,)?) => {$(
            #[doc = include_str!(concat!("../../../", $path))]
            struct $name;
        )*};
    }
    document! {
        Readme: "README.md",
        ChooseAMethod: "docs/guide/choose-a-method.md",
        ChooseRules: "docs/guide/choose-rules.md",
        WriteARule: "docs/guide/write-a-rule.md",
        WriteACanonizer: "docs/guide/write-a-canonizer.md",
        SeveralInputs: "docs/guide/several-inputs.md",
        InnerRelevance: "docs/guide/inner-relevance.md",
        Visualise: "docs/guide/visualise.md",
        ExplainClusters: "docs/guide/explain-clusters.md",
    }
}
