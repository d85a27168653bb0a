//! The entry: a model with its forward function, recorded on request.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::{HasAutodiffModule, Module};
use burn_backend::Backend;
use xai_core::Value;
use xai_core::error::{ExplainError, TargetError};
use xai_core::graph::Graph;
use xai_core::model::{GraphSource, InputSignature, Inputs, Model, Signature};

use crate::backend::Traced;
use crate::convert::attach;
use crate::error::TraceError;
use crate::forward::{ForwardInputs, ForwardOutputs, Output, Recording};
use crate::lower::lower;
use crate::names::Names;
use crate::reads;
use crate::tensor::{Source, TracedTensor};

/// A Burn model with its forward function: `record(&net, Net::forward)`.
///
/// The function takes a float, int or bool tensor, or a tuple of up to four, and returns a tensor, a
/// tuple, a `Vec`, or a `Result` of these. A closure fits any other signature:
/// `record(&net, |net, (ids, mask)| net.forward(ids, mask))`.
///
/// The model's weights are shared as they are now: parameters replaced in the model later, by an
/// optimizer or by loading a record, are not seen. Parameters that are not initialised yet are
/// initialised in `model`.
///
/// # What is recorded
/// The layers on the way from the float inputs to the output, with the weights and shapes of this call.
/// Control flow is followed, not recorded. Int and bool inputs are constants of a recording, which
/// holds for their values alone; a call with other values records anew. So does every call of a
/// function that reads values out of a float input (`into_data`, `int`, `argmax`) and computes with
/// them. Masks made by comparisons are followed: into known activations, and into unsupported
/// operations elsewhere. An operation without a layer is named when the graph is planned or run.
///
/// # Names
/// A layer with parameters is named by their place in the model, `features.0.conv`; a layer
/// without is named after the one it reads, `features.0.conv.relu`. A name that comes up again, as
/// when a layer is called twice, gets `#2`, `#3`, ... The input is `input`; several are `input.0`,
/// `input.1`, ... Names are the same in each recording.
///
/// # Panics and errors
/// Nothing runs yet. A panic of the forward function, as Burn's operations have on tensors whose
/// shapes do not fit, later becomes a [`TraceError`]. (A program built with `panic = "abort"` ends
/// there instead.)
pub fn record<B, M, X, Y, F>(model: &M, forward: F) -> Model<B>
where
    B: Backend,
    M: Module<B> + HasAutodiffModule<Traced<B>>,
    M::TrainModule: Sync + 'static,
    X: ForwardInputs<B> + 'static,
    Y: ForwardOutputs<B> + 'static,
    F: Fn(&M::TrainModule, X) -> Y + Send + Sync + 'static,
{
    let model = attach::<B, M>(model);
    let names = Names::of(&model);
    recorded(names, move |inputs: X| forward(&model, inputs))
}

/// A function without a model, as [`record`]: layers that own no parameters need no conversion.
///
/// Parameters that the function captures are constants without names.
pub fn record_fn<B, X, Y, F>(forward: F) -> Model<B>
where
    B: Backend,
    X: ForwardInputs<B> + 'static,
    Y: ForwardOutputs<B> + 'static,
    F: Fn(X) -> Y + Send + Sync + 'static,
{
    recorded(Names::default(), forward)
}

fn recorded<B, X, Y, F>(names: Names<B>, forward: F) -> Model<B>
where
    B: Backend,
    X: ForwardInputs<B> + 'static,
    Y: ForwardOutputs<B> + 'static,
    F: Fn(X) -> Y + Send + Sync + 'static,
{
    let kinds = X::kinds();
    let name = |place: usize| if kinds.len() == 1 { "input".to_owned() } else { format!("input.{place}") };
    let inputs = kinds.iter().enumerate();
    let inputs = inputs.map(|(place, &(kind, rank))| InputSignature { name: name(place), kind, rank });
    let signature = Signature { inputs: inputs.collect(), parameters: names.parameters() };
    let forward = move |inputs: &Inputs<B>, recording: &mut Recording<B>| {
        let mut outputs = Vec::new();
        match X::take(inputs, recording) {
            Some(inputs) => forward(inputs).collect(&mut outputs).map(|()| outputs),
            None => Err("the inputs are of other types".to_owned()),
        }
    };
    Model::new(Recorded { forward: Box::new(forward), names, signature, reads_values: AtomicBool::default() })
}

/// From inputs to all outputs, or the function's own error.
type Forward<B> = dyn Fn(&Inputs<B>, &mut Recording<B>) -> Result<Vec<Output<B>>, String> + Send + Sync;

/// A model that can be recorded as a graph, as often as needed and from any thread.
struct Recorded<B: Backend> {
    forward: Box<Forward<B>>,
    names: Names<B>,
    signature: Signature<B>,
    /// Whether a recording has read values that depend on a float input.
    reads_values: AtomicBool,
}

impl<B: Backend> Recorded<B> {
    /// Runs the forward function; gives the output of this place.
    fn run(
        &self,
        inputs: &Inputs<B>,
        recording: &mut Recording<B>,
        output: usize,
    ) -> Result<TracedTensor<B>, ExplainError> {
        // Burn panics on shapes that do not fit; a wrong input must not take the program down.
        let outputs = catch_unwind(AssertUnwindSafe(|| (self.forward)(inputs, recording)));
        let outputs = match outputs {
            Ok(Ok(outputs)) => outputs,
            Ok(Err(message)) => {
                return Err(failed(TraceError::Failed { inputs: describe(inputs), message }));
            }
            Err(payload) => {
                let message = panic_message(payload.as_ref());
                return Err(failed(TraceError::Panicked { inputs: describe(inputs), message }));
            }
        };
        let count = outputs.len();
        match outputs.into_iter().nth(output) {
            Some(Output::Float(tensor)) => Ok(tensor),
            Some(Output::Other(kind)) => Err(failed(TraceError::OutputKind { output, kind })),
            None => Err(TargetError::NoSuchOutput { output, outputs: count }.into()),
        }
    }
}

fn failed(error: TraceError) -> ExplainError {
    ExplainError::Source(Box::new(error))
}

/// Element types and shapes, for messages.
fn describe<B: Backend>(inputs: &Inputs<B>) -> String {
    let each = inputs.iter().map(|input| match input.float() {
        Some(value) => format!("{:?} {:?}", value.dtype(), value.dims()),
        None => format!("{} {:?}", input.kind(), input.dims()),
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The text of a panic.
fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

impl<B: Backend> GraphSource<B> for Recorded<B> {
    fn signature(&self) -> Signature<B> {
        self.signature.clone()
    }

    fn graph(&self, inputs: &Inputs<B>, output: usize) -> Result<Graph<B>, ExplainError> {
        let mut recording = Recording { follows: true, nodes: Vec::new() };
        let (output, reads_values) = reads::watched(|| self.run(inputs, &mut recording, output));
        self.reads_values.fetch_or(reads_values, Ordering::Relaxed);
        let Source::Node(output) = output?.source else { return Err(failed(TraceError::Disconnected)) };
        let names = self.signature.inputs.iter().zip(inputs.iter());
        let names = names.filter(|(_, input)| input.float().is_some());
        let names = names.map(|(signature, _)| signature.name.clone());
        let inputs: Vec<_> = names.zip(recording.nodes).collect();
        lower(&inputs, &output, &self.names).map_err(failed)
    }

    fn output(&self, inputs: &Inputs<B>, output: usize) -> Result<Value<B>, ExplainError> {
        let mut recording = Recording { follows: false, nodes: Vec::new() };
        Ok(Value::from_primitive(self.run(inputs, &mut recording, output)?.primitive))
    }

    fn depends_on_values(&self) -> bool {
        self.reads_values.load(Ordering::Relaxed)
    }
}
