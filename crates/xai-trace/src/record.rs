//! The entry: a model with its forward function, recorded on request.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::{HasAutodiffModule, Module};
use burn::tensor::{DType, Tensor, TensorPrimitive};
use burn_backend::Backend;
use xai_core::Value;
use xai_core::explain::GraphSource;
use xai_core::graph::Graph;

use crate::backend::Traced;
use crate::convert::attach;
use crate::error::TraceError;
use crate::lift::lift;
use crate::names::Names;
use crate::reads;
use crate::tensor::{Node, Source, TracedTensor};

/// From an input to the recorded input and output.
type Forward<B> = dyn Fn(Value<B>) -> Result<(Arc<Node<B>>, Arc<Node<B>>), TraceError> + Send + Sync;

/// A Burn model that can be recorded as a graph, as often as needed and from any thread.
///
/// It shares the model's weights as they are now: parameters replaced in the model later, by an
/// optimizer or by loading a record, are not seen.
///
/// # What is recorded
/// The layers on the way from the input to the output, with the weights and shapes of this call.
/// Control flow is followed, not recorded, and values that the forward function reads out of the
/// input (`into_data`, `int`, `argmax`) and computes with are constants of the graph. A function that
/// reads any is recorded anew by an [explainer](xai_core::explain::Explainer) for each input that it
/// explains; a graph that you [record](Self::record) yourself holds for its input alone. Masks made by
/// comparisons are followed: into known activations, and into barriers elsewhere.
///
/// # Names
/// A layer with parameters is named by their place in the model, `features.0.conv`; a layer
/// without is named after the one it reads, `features.0.conv.relu`. A name that comes up again, as
/// when a layer is called twice, gets `#2`, `#3`, ... The input is `input`. Names are the same in
/// each recording.
#[derive(Clone)]
pub struct Recorded<B: Backend> {
    forward: Arc<Forward<B>>,
    names: Arc<Names>,
    /// Whether a recording has read values that depend on its input.
    reads_values: Arc<AtomicBool>,
}

impl<B: Backend> Recorded<B> {
    /// A model and its forward function: `Recorded::new(&net, Net::forward)`, or a closure where
    /// the function has another signature.
    ///
    /// Parameters that are not initialised yet are initialised in `model`.
    pub fn new<M, F, const D: usize, const E: usize>(model: &M, forward: F) -> Self
    where
        M: Module<B> + HasAutodiffModule<Traced<B>>,
        M::TrainModule: Sync + 'static,
        F: Fn(&M::TrainModule, Tensor<Traced<B>, D>) -> Tensor<Traced<B>, E> + Send + Sync + 'static,
    {
        let model = attach::<B, M>(model);
        let names = Names::of(&model);
        Self::with_names(names, move |x| forward(&model, x))
    }

    /// A function without a model: layers that own no parameters need no conversion.
    ///
    /// Parameters that the function captures are constants without names.
    pub fn function<F, const D: usize, const E: usize>(forward: F) -> Self
    where
        F: Fn(Tensor<Traced<B>, D>) -> Tensor<Traced<B>, E> + Send + Sync + 'static,
    {
        Self::with_names(Names::default(), forward)
    }

    fn with_names<F, const D: usize, const E: usize>(names: Names, forward: F) -> Self
    where
        F: Fn(Tensor<Traced<B>, D>) -> Tensor<Traced<B>, E> + Send + Sync + 'static,
    {
        let forward = move |x: Value<B>| {
            let (dims, rank) = (x.dims(), x.rank());
            if rank != D {
                return Err(TraceError::InputRank { expected: D, dims });
            }
            if dims.contains(&0) {
                return Err(TraceError::EmptyInput { dims });
            }
            let dtype = format!("{:?}", x.dtype());
            if !matches!(x.dtype(), DType::F32 | DType::F64 | DType::Flex32) {
                return Err(TraceError::DType { dtype });
            }
            let (input, node) = TracedTensor::input(x.into_primitive());
            // Burn panics on shapes that do not fit; a wrong input must not take the program down.
            let input = Tensor::from_primitive(TensorPrimitive::Float(input));
            let output = catch_unwind(AssertUnwindSafe(|| forward(input))).map_err(|payload| {
                TraceError::Panicked { dims, dtype, message: panic_message(payload.as_ref()) }
            })?;
            match output.into_primitive().tensor().source {
                Source::Node(output) => Ok((node, output)),
                Source::Constant(_) => Err(TraceError::Disconnected),
            }
        };
        Self { forward: Arc::new(forward), names: Arc::new(names), reads_values: Arc::default() }
    }

    /// Runs the model on `input`, a [`Tensor`] or [`Value`], and returns what it did as a graph.
    ///
    /// An operation that has no layer becomes a [barrier](xai_core::layer::Barrier): it is named
    /// when the graph is planned or run.
    ///
    /// No activation is kept: the graph holds the layers' parameters, shared with the model.
    ///
    /// # Errors
    /// [`TraceError`] when the input has another rank than the forward function takes or is empty,
    /// when the output was not computed from it, or when the forward function panicked, as Burn's
    /// operations do on tensors whose shapes do not fit. (A program built with `panic = "abort"`
    /// ends there instead.)
    pub fn record(&self, input: impl Into<Value<B>>) -> Result<Graph<B>, TraceError> {
        let (ends, reads_values) = reads::watched(|| (self.forward)(input.into()));
        self.reads_values.fetch_or(reads_values, Ordering::Relaxed);
        let (input, output) = ends?;
        lift(&input, &output, &self.names)
    }
}

/// The text of a panic.
fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

impl<B: Backend> GraphSource<B> for Recorded<B> {
    fn graph(&self, inputs: &[Value<B>]) -> Result<Graph<B>, Box<dyn Error + Send + Sync>> {
        match inputs {
            [input] => Ok(self.record(input.clone())?),
            _ => Err(TraceError::InputCount { got: inputs.len() }.into()),
        }
    }

    fn depends_on_values(&self) -> bool {
        self.reads_values.load(Ordering::Relaxed)
    }
}

impl<B: Backend> fmt::Debug for Recorded<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorded").field("names", &self.names).finish_non_exhaustive()
    }
}
