//! The model that all methods share.

use std::fmt;
use std::sync::Arc;

use burn_backend::{Backend, TensorData};

use super::{GraphSource, Input, Inputs, Signature};
use crate::Value;
use crate::canonizer::{Canonizer, canonize_by, default_canonizers};
use crate::engine::{check_inputs, check_output, run};
use crate::error::{ExplainError, InputError, PlanError};
use crate::graph::Graph;
use crate::recent::Recent;

/// Shapes for which a canonized graph is kept: enough for batches, stacks of their copies and a last
/// smaller stack, with weights merged and as they are.
const KEPT_SHAPES: usize = 6;

/// A model to be explained: where its graph comes from, the canonizers, and the graphs that were made.
///
/// A Burn model is recorded (`xai_trace::record`); a [`Graph`] converts. On the first inputs of a shape
/// the graph is made and canonized; from then on it is replayed for every input of that shape. A clone
/// shares all of this, so any number of methods use one model, and it is recorded once for all of them.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{Attributor, InputXGradient, Lrp};
/// use xai_core::composite::epsilon_plus_flat;
/// use xai_core::model::{Model, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let graph = builder.finish(y)?;
/// let model = Model::from(graph);
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let relevance = Lrp::new(&model, epsilon_plus_flat()).attribute(x.clone(), Target::argmax())?;
/// let gradient = InputXGradient::new(&model).attribute(x, Target::argmax())?;
/// assert_eq!(relevance.relevance::<2>()?.dims(), gradient.relevance::<2>()?.dims());
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
#[derive(Clone)]
pub struct Model<B: Backend> {
    pub(super) source: Arc<dyn GraphSource<B>>,
    canonizers: Arc<Vec<Box<dyn Canonizer<B>>>>,
    graphs: Arc<Recent<Key, Arc<Graph<B>>>>,
    /// Whether weights stay as they are, for gradients.
    is_unmerged: bool,
}

/// What a graph was made for.
#[derive(PartialEq)]
struct Key {
    output: usize,
    is_unmerged: bool,
    shapes: Vec<Vec<usize>>,
    /// Elements of the int and bool inputs: the model may have computed constants from them.
    discrete: Vec<TensorData>,
}

impl<B: Backend> Model<B> {
    /// A model of this source, with the [`default_canonizers`].
    pub fn new(source: impl GraphSource<B> + 'static) -> Self {
        Self::of(Arc::new(source), default_canonizers())
    }

    pub(super) fn of(source: Arc<dyn GraphSource<B>>, canonizers: Vec<Box<dyn Canonizer<B>>>) -> Self {
        let graphs = Arc::new(Recent::new(KEPT_SHAPES));
        Self { source, canonizers: Arc::new(canonizers), graphs, is_unmerged: false }
    }

    /// The same model with these canonizers instead.
    pub fn with_canonizers(&self, canonizers: Vec<Box<dyn Canonizer<B>>>) -> Self {
        Self::of(self.source.clone(), canonizers)
    }

    /// A model of another source, with the canonizers of this one.
    pub(super) fn with_source(&self, source: impl GraphSource<B> + 'static) -> Self {
        Self { source: Arc::new(source), graphs: Arc::new(Recent::new(KEPT_SHAPES)), ..self.clone() }
    }

    /// The same model without the canonizers that [merge weights](Canonizer::merges_weights).
    pub(crate) fn unmerged(&self) -> Self {
        Self { is_unmerged: true, ..self.clone() }
    }

    /// The same model with weights merged.
    pub(crate) fn merged(&self) -> Self {
        Self { is_unmerged: false, ..self.clone() }
    }

    /// Whether the model computes with values that it read out of a float input (`int`, `into_data`,
    /// `argmax`) or drew at random, as far as it was recorded: relevance of what comes from there is booked
    /// under the constants.
    pub fn reads_values(&self) -> bool {
        self.source.depends_on_values()
    }

    /// What the model takes.
    pub fn signature(&self) -> Signature<B> {
        self.source.signature()
    }

    /// The canonized graph that leads to the output `output`, counted from 0, for inputs of these
    /// shapes (and, if the model reads them, of these values).
    ///
    /// # Errors
    /// [`ExplainError`] for inputs that the model does not take, or a model that cannot be recorded
    /// or canonized.
    pub fn graph(&self, inputs: impl Into<Inputs<B>>, output: usize) -> Result<Arc<Graph<B>>, ExplainError> {
        let inputs = inputs.into();
        check_inputs(&self.signature(), &inputs)?;
        let graph = self.graph_for(&inputs, output)?;
        self.verify(&[], None)?;
        Ok(graph)
    }

    /// The output `output`, counted from 0, as the canonized graph computes it. Where an operation has
    /// no layer, the model itself is run.
    ///
    /// # Errors
    /// As [`graph`](Self::graph); [`PlanError::UnsupportedOperations`] where a canonizer changes what
    /// the output is, but an operation has no layer.
    pub fn output(&self, inputs: impl Into<Inputs<B>>, output: usize) -> Result<Value<B>, ExplainError> {
        let inputs = inputs.into();
        check_inputs(&self.signature(), &inputs)?;
        let graph = self.graph_for(&inputs, output)?;
        self.run_forward(&graph, &inputs.embedded(&graph)?, output)
    }

    /// The inputs with the rows that token ids look up on the way to the output `output`: what methods vary
    /// and explain. Inputs that were embedded stay as they are.
    ///
    /// # Errors
    /// As [`graph`](Self::graph); [`InputError`](crate::error::InputError) for ids that a table does not have,
    /// and where nothing is explained.
    pub fn embed(&self, inputs: &Inputs<B>, output: usize) -> Result<Inputs<B>, ExplainError> {
        let inputs = match inputs.iter().any(|input| matches!(input, Input::Int(_))) {
            true => {
                check_inputs(&self.signature(), inputs)?;
                inputs.embedded(&*self.graph_for(inputs, output)?)?
            }
            false => inputs.clone(),
        };
        if inputs.explained().next().is_none() {
            check_inputs(&self.signature(), &inputs)?;
            return Err(InputError::NothingExplained.into());
        }
        Ok(inputs)
    }

    /// Makes sure that the recording is right, by the output of a run of a graph of this model if there is one.
    pub(crate) fn verify(&self, inputs: &[Value<B>], output: Option<&Value<B>>) -> Result<(), ExplainError> {
        let keeps_output = self.canonizers.iter().all(|canonizer| canonizer.keeps_output());
        let run = output.filter(|_| keeps_output).map(|output| (inputs, output));
        // A wrong graph must not serve the next call; which one it was is known to the source alone.
        self.source.verify(run).inspect_err(|_| self.graphs.clear())
    }

    /// The graph for inputs that were checked; what it computes is [verified](Self::verify) by the caller.
    pub(crate) fn graph_for(&self, inputs: &Inputs<B>, output: usize) -> Result<Arc<Graph<B>>, ExplainError> {
        let is_unmerged = self.is_unmerged;
        let key_of = || {
            let mut key = Key { output, is_unmerged, shapes: Vec::new(), discrete: Vec::new() };
            if self.source.depends_on_shape() {
                key.shapes = inputs.iter().map(|input| input.dims()).collect();
                let read = inputs.iter().enumerate().filter(|(place, _)| self.source.depends_on_ids(*place));
                let discrete = read.filter_map(|(_, input)| input.discrete()).collect::<Result<_, _>>();
                key.discrete = discrete.map_err(|error| ExplainError::Backend(format!("{error:?}")))?;
            }
            Ok::<_, ExplainError>(key)
        };
        let key = key_of()?;
        let find = || self.graphs.find(|other| *other == key).filter(|_| !self.source.depends_on_values());
        if let Some(graph) = find() {
            return Ok(graph);
        }
        let canonizers = self.canonizers.iter().map(AsRef::as_ref);
        let canonizers = canonizers.filter(|canonizer| !(is_unmerged && canonizer.merges_weights()));
        let graph = Arc::new(canonize_by(self.source.graph(inputs, output)?, canonizers)?);
        if self.source.depends_on_values() {
            return Ok(graph);
        }
        // What a model does with its ids is known once it was recorded.
        let key = key_of()?;
        let find = || self.graphs.find(|other| *other == key);
        if let Some(graph) = find() {
            // Another thread was first.
            return Ok(graph);
        }
        self.graphs.insert(key, graph.clone());
        Ok(graph)
    }

    /// The output for `copies` copies of a batch, one after the other, that the model took by itself.
    pub(crate) fn stacked_output(
        &self,
        stacked: Inputs<B>,
        copies: usize,
        output: usize,
    ) -> Result<Value<B>, ExplainError> {
        let batch = stacked.batch().unwrap_or(copies) / copies;
        self.output(stacked, output).map_err(|error| error.of_stack(batch, copies))
    }

    /// The output for inputs that were checked.
    pub(crate) fn run_forward(
        &self,
        graph: &Graph<B>,
        inputs: &Inputs<B>,
        output: usize,
    ) -> Result<Value<B>, ExplainError> {
        let value = if graph.can_run() {
            let floats = inputs.floats();
            let output = run(graph, &floats);
            self.verify(&floats, output.as_ref().ok())?;
            output?
        } else if self.canonizers.iter().all(|canonizer| canonizer.keeps_output()) {
            self.source.output(inputs, output)?
        } else {
            return Err(PlanError::UnsupportedOperations { operations: graph.unsupported() }.into());
        };
        check_output(&value)?;
        Ok(value)
    }
}

impl<B: Backend> From<Graph<B>> for Model<B> {
    fn from(graph: Graph<B>) -> Self {
        Self::new(graph)
    }
}

impl<B: Backend> fmt::Debug for Model<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inputs = self.signature().inputs;
        f.debug_struct("Model")
            .field("inputs", &inputs)
            .field("canonizers", &self.canonizers)
            .finish_non_exhaustive()
    }
}
