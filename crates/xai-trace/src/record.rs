//! The entry: a forward function, with its module or without, as a model.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::module::{HasAutodiffModule, Module};
use burn_backend::tensor::{FloatTensor, IntTensor};
use burn_backend::{Backend, DType};
use xai_core::Value;
use xai_core::error::{ExplainError, InputError, TargetError, caught};
use xai_core::graph::Graph;
use xai_core::model::{GraphSource, Input, InputKind, InputSignature, Inputs, Model, Signature};

use crate::backend::Traced;
use crate::convert::attach;
use crate::error::TraceError;
use crate::forward::{ForwardInputs, ForwardOutputs, Outputs};
use crate::ids::{Ids, TracedInt};
use crate::lower::{GraphInput, lower};
use crate::mask::TracedMask;
use crate::names::Parameters;
use crate::reads;
use crate::tensor::{Source, TracedTensor};

/// A Burn module with its forward function, as a model that any method explains.
///
/// `record(&net, Net::forward)` where the function takes one tensor; a closure where it takes several,
/// which come as a tuple, or where something else differs:
/// `record(&net, |net, (ids, mask)| net.forward(ids, mask))`. See [`ForwardInputs`] and
/// [`ForwardOutputs`] for what a function may take and return.
///
/// The model shares the module's weights as they are now: parameters replaced in the module later, by an
/// optimizer or by loading a record, are not seen. Parameters that are not initialised yet are
/// initialised in `module`.
///
/// # What is recorded
/// The function runs once for each combination of input shapes (and values of int and bool inputs) that
/// the model is used with, and the layers on the way from its float inputs to the explained output become
/// a [`Graph`]. Control flow is followed, not recorded, and so are values that the function reads out of
/// a float input (`into_data`, `int`, `argmax`) and computes with: they are constants of the graph, and
/// from then on the model is recorded anew for each input. So are masks and orders of elements (`sort`,
/// `topk`) that depend on a float input, but for comparisons that belong to an activation. A function that
/// draws random numbers is recorded anew for each input, too; one that keeps a state of its own between calls
/// is recorded with the state of that moment.
///
/// Ids of an int input are followed to the tables that they are looked up in (`embedding`, or `select` of a
/// parameter), also where the function picks, moves or offsets them first: the rows become inputs of the
/// graph, and an id has the relevance of its rows. What is computed from ids in another way is a constant.
///
/// What the graph computes is compared with what the function did, once for each recording: an operation
/// that overflows on the backend where a layer does not would make it the explanation of another model.
///
/// An operation that has no layer becomes an [unsupported operation](xai_core::layer::Unsupported) that
/// keeps its name and, where Burn differentiates it, its arguments: gradients pass it. No activation is kept:
/// the graph holds the layers' parameters, shared with the module. The graph as it was recorded, before
/// canonizers changed it, is `model.with_canonizers(vec![]).graph(inputs, 0)`.
///
/// # Names
/// A layer with parameters is named by their place in the module, `features.0.conv`. A layer without is
/// named by the last layer with parameters before it, or by the input, and by its own kind:
/// `features.0.conv.relu`. A name that comes up again, as when a layer is called twice, gets `#2`, `#3`,
/// ... The only input is `input`; of several, the first is `input.0`. Names are the same in each
/// recording.
///
/// # Errors
/// A panic of the function, as Burn's operations panic on tensors whose shapes do not fit, and an `Err`
/// that it returns become a [`TraceError`] of the method that used the model. To keep such panics off the
/// terminal, the first of them installs a panic hook that stays silent on the thread that records, while
/// it records, and hands every other panic to the hook before it. (A program built with
/// `panic = "abort"` ends there instead.)
pub fn record<B, M, X, Y, F>(module: &M, forward: F) -> Model<B>
where
    B: Backend,
    M: Module<B> + HasAutodiffModule<Traced<B>>,
    M::TrainModule: Sync + 'static,
    X: ForwardInputs<B>,
    Y: ForwardOutputs<B>,
    F: Fn(&M::TrainModule, X) -> Y + Send + Sync + 'static,
{
    let module = attach::<B, M>(module);
    let parameters = Parameters::of(&module);
    Model::new(Recorded::new(parameters, move |x| forward(&module, x)))
}

/// A function without a module as a model: see [`record`].
///
/// Modules that own no parameters, such as a `MaxPool2d`, it may use as they are. Tensors that it captures
/// are constants without names; [`Tensor::from_inner`](burn::tensor::Tensor::from_inner) brings them to
/// [`Traced<B>`].
pub fn record_fn<B, X, Y, F>(forward: F) -> Model<B>
where
    B: Backend,
    X: ForwardInputs<B>,
    Y: ForwardOutputs<B>,
    F: Fn(X) -> Y + Send + Sync + 'static,
{
    Model::new(Recorded::new(Parameters::default(), forward))
}

/// From inputs on the recording backend to all outputs, or the text of the function's error; `None` for
/// inputs of other types.
type Forward<B> = dyn Fn(Vec<Input<Traced<B>>>) -> Option<Result<Outputs<B>, String>> + Send + Sync;

struct Recorded<B: Backend> {
    forward: Box<Forward<B>>,
    inputs: Vec<InputSignature>,
    parameters: Parameters<B>,
    /// Whether a recording has read values that depend on a float input, or drawn random ones.
    reads_values: AtomicBool,
    /// Which int inputs a recording did more with than looking them up.
    ids_seen: IdsSeen,
    /// Whether a graph was compared with the function, of a model that is recorded for every input.
    is_compared: AtomicBool,
    unverified: Mutex<Option<Unverified<B>>>,
}

/// What recordings did with int inputs, by place.
#[derive(Default)]
struct IdsSeen(Mutex<HashMap<usize, bool>>);

impl IdsSeen {
    /// Adds what one recording did.
    fn set(&self, place: usize, is_read: bool) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(place).or_default() |= is_read;
    }

    /// Whether elements were read or, as long as there is no recording, may be.
    fn may_be_read(&self, place: usize) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&place).copied().unwrap_or(true)
    }
}

impl<B: Backend> Recorded<B> {
    fn new<X, Y, F>(parameters: Parameters<B>, forward: F) -> Self
    where
        X: ForwardInputs<B>,
        Y: ForwardOutputs<B>,
        F: Fn(X) -> Y + Send + Sync + 'static,
    {
        let kinds = X::kinds();
        let name = |place| if kinds.len() == 1 { "input".to_owned() } else { format!("input.{place}") };
        let signature = |(place, &(kind, rank))| InputSignature { name: name(place), kind, rank };
        Self {
            inputs: kinds.iter().enumerate().map(signature).collect(),
            forward: Box::new(move |inputs| Some(forward(X::take(&mut inputs.into_iter())?).outputs())),
            parameters,
            reads_values: AtomicBool::new(false),
            ids_seen: IdsSeen::default(),
            is_compared: AtomicBool::new(false),
            unverified: Mutex::new(None),
        }
    }

    fn unverified(&self) -> MutexGuard<'_, Option<Unverified<B>>> {
        self.unverified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The output `output` of the function, run on inputs that `float` and `int` make.
    fn run(
        &self,
        inputs: &Inputs<B>,
        output: usize,
        mut float: impl FnMut(FloatTensor<B>) -> TracedTensor<B>,
        mut int: impl FnMut(IntTensor<B>, Arc<Ids<B>>) -> TracedInt<B>,
    ) -> Result<TracedTensor<B>, ExplainError> {
        let traced = inputs.iter().map(|input| match input {
            Input::Float(value) | Input::Fixed(value) => {
                Input::Float(Value::from_primitive(float(value.clone().into_primitive())))
            }
            Input::Int(ids) => Input::Int(int(ids.clone(), Ids::new(Vec::new()))),
            Input::Tokens(tokens) => {
                let rows = tokens.rows().iter().map(|rows| rows.clone().into_primitive()).collect();
                Input::Int(int(tokens.ids().clone(), Ids::new(rows)))
            }
            Input::Bool(tensor) => Input::Bool(TracedMask::constant(tensor.clone())),
        });
        let traced = traced.collect();
        // Burn panics on shapes that do not fit; a wrong input must not take the program down.
        let outputs = caught(|| (self.forward)(traced))
            .map_err(|message| TraceError::Panicked { inputs: describe(inputs), message })?
            .ok_or(InputError::Count { expected: self.inputs.len(), got: inputs.len() })?
            .map_err(|message| TraceError::Failed { inputs: describe(inputs), message })?;
        let count = outputs.len();
        let value = outputs.into_iter().nth(output);
        let value = value.ok_or(TargetError::NoSuchOutput { output, outputs: count })?;
        Ok(value.map_err(|kind| TraceError::OutputKind { output, kind })?.into_primitive())
    }
}

impl<B: Backend> GraphSource<B> for Recorded<B> {
    fn signature(&self) -> Signature<B> {
        Signature { inputs: self.inputs.clone(), parameters: self.parameters.kind.clone() }
    }

    fn graph(&self, inputs: &Inputs<B>, output: usize) -> Result<Graph<B>, ExplainError> {
        let (mut floats, mut ids) = (Vec::new(), Vec::new());
        let (traced, reads_values) = reads::watched(|| {
            let float = |primitive| {
                let (tensor, node) = TracedTensor::input(primitive);
                floats.push(node);
                tensor
            };
            let int = |primitive, input: Arc<Ids<B>>| {
                ids.push(input.clone());
                TracedInt::input(primitive, input)
            };
            self.run(inputs, output, float, int)
        });
        let TracedTensor { primitive, source } = traced?;
        let Source::Node(last) = source else { return Err(TraceError::Disconnected.into()) };

        let (mut floats, mut ids) = (floats.into_iter(), ids.into_iter());
        let (mut sources, mut values) = (Vec::new(), Vec::new());
        for (place, (signature, input)) in self.inputs.iter().zip(inputs.iter()).enumerate() {
            let name = signature.name.as_str();
            match signature.kind {
                InputKind::Float => {
                    sources.extend(floats.next().map(|node| GraphInput { name, node, lookup: None }));
                    values.extend(input.floats().iter().cloned());
                }
                InputKind::Int => {
                    let Some(ids) = ids.next() else { continue };
                    let lookups = ids.lookups();
                    self.ids_seen.set(place, lookups.is_read);
                    for lookup in lookups.all.iter().cloned() {
                        values.push(Value::from_primitive(lookup.rows.clone()));
                        sources.push(GraphInput {
                            name,
                            node: lookup.node.clone(),
                            lookup: Some((place, lookup)),
                        });
                    }
                }
                InputKind::Bool => {}
            }
        }
        // Masks that depend on the input become constants.
        let (graph, reads_masks) = reads::watched(|| lower(sources, &last, &self.parameters));
        let (graph, reads_values) = (graph?, reads_values || reads_masks);
        self.reads_values.fetch_or(reads_values, Ordering::Relaxed);
        if graph.can_run() && !self.is_compared.swap(reads_values, Ordering::Relaxed) {
            self.verify(None)?;
            let recorded = Value::from_primitive(primitive);
            *self.unverified() = Some(Unverified { graph: graph.clone(), inputs: values, recorded });
        }
        Ok(graph)
    }

    fn verify(&self, run: Option<(&[Value<B>], &Value<B>)>) -> Result<(), ExplainError> {
        let Some(unverified) = self.unverified().take() else { return Ok(()) };
        // Merged weights round anew, so a run of such a graph may be the proof, but no disproof.
        match run {
            Some((inputs, output)) if unverified.is_made_of(inputs) && unverified.compare(output).is_ok() => {
                Ok(())
            }
            _ => unverified.compare(&unverified.graph.forward(&unverified.inputs)?),
        }
    }

    fn depends_on_ids(&self, place: usize) -> bool {
        self.ids_seen.may_be_read(place)
    }

    fn output(&self, inputs: &Inputs<B>, output: usize) -> Result<Value<B>, ExplainError> {
        let traced = self.run(inputs, output, TracedTensor::constant, TracedInt::input)?;
        Ok(Value::from_primitive(traced.primitive))
    }

    fn depends_on_values(&self) -> bool {
        self.reads_values.load(Ordering::Relaxed)
    }
}

/// A graph that was not compared with the function yet. They differ where an operation of the backend overflows or
/// loses digits and the layer does not, and then the explanation would be of another model.
struct Unverified<B: Backend> {
    graph: Graph<B>,
    inputs: Vec<Value<B>>,
    /// What the function computed of these inputs.
    recorded: Value<B>,
}

impl<B: Backend> Unverified<B> {
    fn is_made_of(&self, inputs: &[Value<B>]) -> bool {
        let same = |(a, b): (&Value<B>, &Value<B>)| {
            a.dims() == b.dims() && matches!((a.to_data(), b.to_data()), (Ok(a), Ok(b)) if a == b)
        };
        self.inputs.len() == inputs.len() && self.inputs.iter().zip(inputs).all(same)
    }

    /// Compares with what layers made of the same inputs.
    fn compare(&self, replayed: &Value<B>) -> Result<(), ExplainError> {
        let read = |value: &Value<B>| match value.to_data() {
            Ok(data) => Ok(data.iter::<f64>().collect::<Vec<_>>()),
            Err(error) => Err(ExplainError::Backend(format!("{error:?}"))),
        };
        let (recorded, replayed) = (read(&self.recorded)?, read(replayed)?);
        let largest = recorded
            .iter()
            .filter(|value| value.is_finite())
            .fold(0.0, |largest: f64, value| largest.max(value.abs()));
        let (tolerance, epsilon) = match self.recorded.dtype() {
            DType::F64 => (1e-6, f64::EPSILON),
            _ => (1e-3, f64::from(f32::EPSILON)),
        };
        let find = |allowed: f64| {
            let differs = |(a, b): &(&f64, &f64)| {
                let gap = (*a - *b).abs();
                a.is_finite() && (gap.is_nan() || gap > allowed)
            };
            recorded.iter().zip(&replayed).find(differs)
        };
        if find(tolerance * largest).is_none() {
            return Ok(());
        }
        // An output may be what roundings of much larger values leave.
        let magnitude = self.graph.largest_magnitude(&self.inputs)?;
        match find((tolerance * largest).max(64.0 * epsilon * magnitude)) {
            Some((&recorded, &replayed)) => Err(TraceError::OutputDiffers { recorded, replayed }.into()),
            None => Ok(()),
        }
    }
}

/// Element types and shapes, for messages.
fn describe<B: Backend>(inputs: &Inputs<B>) -> String {
    let describe = |input: &Input<B>| match input {
        Input::Float(value) | Input::Fixed(value) => format!("{:?} {:?}", value.dtype(), value.dims()),
        other => format!("{} {:?}", other.kind(), other.dims()),
    };
    inputs.iter().map(describe).collect::<Vec<_>>().join(", ")
}
