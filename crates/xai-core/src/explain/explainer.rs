//! The explainer: prepared once per input shape, then replayed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Tensor;
use burn_backend::Backend;

use super::{Attribution, GraphSource, Run, Target};
use crate::Value;
use crate::canonizer::{Canonizer, canonize, default_canonizers};
use crate::composite::{Composite, CustomRules, Matcher, Plan};
use crate::error::{ExplainError, PlanError};
use crate::graph::Graph;
use crate::rule::PropagationRule;

/// Shapes for which a prepared graph is kept: enough for full batches and a last smaller one.
const KEPT_SHAPES: usize = 4;

/// Explains a model's outputs by the rules of a composite.
///
/// On the first input of a shape it gets the graph from its source (recording a model, if it is
/// one), canonizes it, and binds a rule to every node. From then on it replays the canonized graph
/// for every input of that shape, keeping only the values that the rules read.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::composite::epsilon_plus_flat;
/// use xai_core::explain::{Explainer, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let graph = builder.finish(y)?;
/// let explainer = Explainer::new(graph, epsilon_plus_flat());
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let attribution = explainer.explain(x, Target::argmax())?;
/// assert_eq!(attribution.relevance::<2>()?.dims(), [1, 4]);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
pub struct Explainer<B: Backend> {
    source: Box<dyn GraphSource<B>>,
    composite: Composite,
    canonizers: Vec<Box<dyn Canonizer<B>>>,
    rules: CustomRules<B>,
    keep: Vec<String>,
    ledger: bool,
    prepared: Mutex<Vec<(Shapes, Arc<Prepared<B>>)>>,
}

/// Shapes of all inputs.
type Shapes = Vec<Vec<usize>>;

/// A canonized graph with its plan, ready to run.
#[derive(Debug)]
pub struct Prepared<B: Backend> {
    pub(super) graph: Graph<B>,
    pub(super) plan: Plan<B>,
    /// Nodes whose relevance is kept.
    pub(super) keep: Vec<usize>,
}

impl<B: Backend> Prepared<B> {
    /// The canonized graph.
    pub fn graph(&self) -> &Graph<B> {
        &self.graph
    }

    /// The rule of every node.
    pub fn plan(&self) -> &Plan<B> {
        &self.plan
    }
}

impl<B: Backend> Explainer<B> {
    /// An explainer of `source`, a recorded model or a graph, by the rules of `composite`.
    pub fn new(source: impl GraphSource<B> + 'static, composite: Composite) -> Self {
        Self {
            source: Box::new(source),
            composite,
            canonizers: default_canonizers(),
            rules: CustomRules::new(),
            keep: Vec::new(),
            ledger: false,
            prepared: Mutex::default(),
        }
    }

    /// Uses these canonizers instead of [`default_canonizers`].
    pub fn with_canonizers(self, canonizers: Vec<Box<dyn Canonizer<B>>>) -> Self {
        Self { canonizers, prepared: Mutex::default(), ..self }
    }

    /// Registers a rule of your own, which the composite finds as
    /// [`Rule::Custom`](crate::rule::Rule::Custom) of this name.
    pub fn with_rule(mut self, name: impl Into<String>, rule: impl PropagationRule<B> + 'static) -> Self {
        self.rules.insert(name.into(), Arc::new(rule));
        self.prepared = Mutex::default();
        self
    }

    /// Keeps the relevance at the outputs of all nodes whose name matches `pattern`, where `*`
    /// stands for any characters and `?` for one.
    pub fn keep_relevance_at(mut self, pattern: impl Into<String>) -> Self {
        self.keep.push(pattern.into());
        self.prepared = Mutex::default();
        self
    }

    /// Keeps a [`Ledger`](crate::engine::Ledger) of where relevance went.
    pub fn with_ledger(mut self) -> Self {
        self.ledger = true;
        self
    }

    /// The composite.
    pub fn composite(&self) -> &Composite {
        &self.composite
    }

    /// The canonized graph and the rule of every node for inputs of these shapes; nothing is
    /// explained yet.
    ///
    /// # Errors
    /// [`ExplainError`] when the model cannot be recorded, canonized or planned.
    pub fn prepare(&self, inputs: &[Value<B>]) -> Result<Arc<Prepared<B>>, ExplainError> {
        let shapes: Shapes = match self.source.depends_on_shape() {
            true => inputs.iter().map(Value::dims).collect(),
            false => Vec::new(),
        };
        let lock = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let find = |kept: &[(Shapes, Arc<Prepared<B>>)]| {
            let of_shapes = kept.iter().find(|(key, _)| *key == shapes);
            of_shapes.filter(|_| !self.source.depends_on_values()).map(|(_, prepared)| prepared.clone())
        };
        if let Some(prepared) = find(&lock()) {
            return Ok(prepared);
        }
        // Without the lock: recording runs the user's code, and a backend that waits for its threads may
        // run another explanation meanwhile, which would wait for the lock.
        let graph = self.source.graph(inputs).map_err(ExplainError::Source)?;
        let graph = canonize(graph, &self.canonizers)?;
        let plan = Plan::new(&graph, &self.composite, &self.rules)?;
        let keep = self.nodes_to_keep(&graph)?;
        let prepared = Arc::new(Prepared { graph, plan, keep });
        if self.source.depends_on_values() {
            return Ok(prepared);
        }
        let mut kept = lock();
        if let Some(prepared) = find(&kept) {
            // Another thread was first.
            return Ok(prepared);
        }
        if kept.len() == KEPT_SHAPES {
            kept.remove(0);
        }
        kept.push((shapes, prepared.clone()));
        Ok(prepared)
    }

    fn nodes_to_keep(&self, graph: &Graph<B>) -> Result<Vec<usize>, PlanError> {
        let mut keep = Vec::new();
        for pattern in &self.keep {
            let matches = Matcher::Name(pattern.clone()).matches(graph);
            if !matches.contains(&true) {
                return Err(PlanError::NoSuchNode { pattern: pattern.clone(), known: graph.names() });
            }
            keep.extend(matches.iter().enumerate().filter_map(|(index, matches)| matches.then_some(index)));
        }
        Ok(keep)
    }

    /// Explains a batch.
    ///
    /// # Shapes
    /// `input` is the model's input, the batch first.
    ///
    /// # Errors
    /// [`ExplainError`], which says what was wrong, where, and what to do.
    pub fn explain<const D: usize>(
        &self,
        input: Tensor<B, D>,
        target: impl Into<Target<B>>,
    ) -> Result<Attribution<B>, ExplainError> {
        self.explain_values(&[input.into()], target)
    }

    /// Explains a batch of a model with several inputs, in the order of the graph's inputs.
    ///
    /// # Errors
    /// As [`explain`](Self::explain).
    pub fn explain_values(
        &self,
        inputs: &[Value<B>],
        target: impl Into<Target<B>>,
    ) -> Result<Attribution<B>, ExplainError> {
        let run = self.run(inputs)?;
        let start = run.start(target.into())?;
        run.attribution(start, self.ledger)
    }

    /// Explains several targets of one batch: one forward pass, whose values all targets share, and
    /// one backward sweep per target. The results are those of single calls.
    ///
    /// # Errors
    /// As [`explain`](Self::explain), for the first target that does not fit.
    pub fn explain_targets<const D: usize>(
        &self,
        input: Tensor<B, D>,
        targets: impl IntoIterator<Item = impl Into<Target<B>>>,
    ) -> Result<Vec<Attribution<B>>, ExplainError> {
        self.explain_values_targets(&[input.into()], targets)
    }

    /// Explains several targets of one batch of a model with several inputs.
    ///
    /// # Errors
    /// As [`explain_targets`](Self::explain_targets).
    pub fn explain_values_targets(
        &self,
        inputs: &[Value<B>],
        targets: impl IntoIterator<Item = impl Into<Target<B>>>,
    ) -> Result<Vec<Attribution<B>>, ExplainError> {
        let run = self.run(inputs)?;
        // All targets are checked before the first sweep.
        let starts = targets.into_iter().map(|target| run.start(target.into()));
        let mut starts = starts.collect::<Result<Vec<_>, _>>()?;
        let Some(last) = starts.pop() else { return Ok(Vec::new()) };
        let sweeps = starts.into_iter().map(|start| run.clone().attribution(start, self.ledger));
        let mut attributions = sweeps.collect::<Result<Vec<_>, _>>()?;
        attributions.push(run.attribution(last, self.ledger)?);
        Ok(attributions)
    }

    /// Runs the model, keeping what the rules read.
    pub(crate) fn run(&self, inputs: &[Value<B>]) -> Result<Run<B>, ExplainError> {
        Run::new(self.prepare(inputs)?, inputs)
    }

    /// Whether a ledger is wanted.
    pub(crate) fn keeps_ledger(&self) -> bool {
        self.ledger
    }
}

impl<B: Backend> fmt::Debug for Explainer<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Explainer")
            .field("composite", &self.composite)
            .field("canonizers", &self.canonizers)
            .finish_non_exhaustive()
    }
}
