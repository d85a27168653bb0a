//! Records unmodified Burn models, so that they can be explained.
//!
//! A model that is generic over its backend runs on [`Traced<B>`], a backend that computes everything on
//! `B` and remembers where each float tensor comes from. What it remembers is lowered to a
//! [`Graph`](xai_core::graph::Graph) of layers with readable names. [`record`] does all of this: it takes
//! the plain module and its forward function, and gives the [`Model`](xai_core::model::Model) that methods
//! are made of.
//!
//! ```
//! # use burn_flex::Flex;
//! use burn::module::Module;
//! use burn::nn::{Linear, LinearConfig, Relu};
//! use burn::tensor::{Tensor, backend::Backend};
//! use xai_trace::record;
//!
//! #[derive(Module, Debug)]
//! struct Net<B: Backend> {
//!     hidden: Linear<B>,
//!     activation: Relu,
//!     head: Linear<B>,
//! }
//!
//! impl<B: Backend> Net<B> {
//!     fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
//!         self.head.forward(self.activation.forward(self.hidden.forward(x)))
//!     }
//! }
//!
//! # let device = Default::default();
//! let net = Net::<Flex> {
//!     hidden: LinearConfig::new(4, 8).init(&device),
//!     activation: Relu::new(),
//!     head: LinearConfig::new(8, 3).init(&device),
//! };
//! let model = record(&net, Net::forward);
//! let graph = model.graph(Tensor::<Flex, 2>::ones([1, 4], &device), 0)?;
//! let names: Vec<_> = graph.nodes().iter().map(|node| node.name()).collect();
//! assert_eq!(names, ["input", "hidden", "hidden.relu", "head"]);
//! # Ok::<(), xai_core::error::ExplainError>(())
//! ```
//!
//! The way from a module to its graph:
//!
//! 1. The module is converted to the recording backend; weights are shared, not copied.
//! 2. The forward function runs once. Each operation on a value that depends on a float input leaves a
//!    node with its settings and parameters, but without activations.
//! 3. Operations that belong together are fused (`fuse`): those of a normalisation, a softmax or an activation
//!    that are computed in steps, a convolution and the padding before it, assignments that put the steps of a
//!    loop together.
//! 4. The rest becomes one layer each, or a few (`lower`). An operation that has no layer becomes an
//!    unsupported operation that keeps its name, and its derivative where Burn has one.

mod backend;
mod broadcast;
mod convert;
mod derivative;
mod error;
mod forward;
mod fuse;
mod ids;
mod layers;
mod lower;
mod mask;
mod names;
mod op;
mod ops;
mod randomise;
mod reads;
mod record;
mod tensor;

pub use backend::Traced;
pub use error::TraceError;
pub use forward::{ForwardInputs, ForwardOutputs, Outputs};
pub use ids::TracedInt;
pub use mask::TracedMask;
pub use randomise::{parameter_owners, randomised};
pub use record::{record, record_fn};
pub use tensor::TracedTensor;
