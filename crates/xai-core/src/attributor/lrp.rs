//! Layer-wise relevance propagation.

use std::sync::Arc;

use burn_backend::Backend;

use super::places::last_map;
use super::run::{Prepared, Run};
use super::{Attribution, Attributor, Baseline, Condition, PerInput};
use crate::Value;
use crate::composite::{Composite, CustomRules, Matcher, Plan};
use crate::engine::check_inputs;
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::model::{Inputs, Model, Start, Target};
use crate::recent::Recent;
use crate::rule::PropagationRule;

/// Graphs for which a plan is kept: of batches, stacks of their copies, and smaller last ones.
const KEPT_PLANS: usize = 4;

/// Layer-wise relevance propagation: the score flows back from the output to the inputs, through each
/// node by the rule that a composite chooses for it.
///
/// A rule is bound to every node once per graph of the model. From then on each call is one forward
/// pass, which keeps only the values that the rules read, and one backward sweep.
///
/// ```
/// # use burn::nn::LinearConfig;
/// # use burn::tensor::Tensor;
/// # use burn_flex::Flex;
/// # use xai_core::graph::GraphBuilder;
/// use xai_core::attributor::{Attributor, Lrp};
/// use xai_core::composite::epsilon_plus_flat;
/// use xai_core::model::{Model, Target};
///
/// # let device = Default::default();
/// # let dense = LinearConfig::new(4, 2).init::<Flex>(&device);
/// # let mut builder = GraphBuilder::new();
/// # let x = builder.input("x", &[1, 4])?;
/// # let y = builder.push("dense", &dense, &[x])?;
/// # let model = Model::from(builder.finish(y)?);
/// let lrp = Lrp::new(&model, epsilon_plus_flat()).with_ledger();
/// let x = Tensor::<Flex, 2>::from_floats([[1.0, -2.0, 0.5, 3.0]], &device);
/// let attribution = lrp.attribute(x, Target::argmax())?;
/// println!("{}", attribution.relevance::<2>()?);
/// # Ok::<(), xai_core::error::ExplainError>(())
/// ```
///
/// What it cannot tell depends on the rules. Those that keep positive parts only, ZPlus and its kin, show what was seen
/// more than why this class and not that one: in deep networks their maps depend little on the last layers
/// (Sixt, Granz, Landgraf, "When Explanations Lie", ICML 2020, arXiv 1912.09818), which
/// [parameter randomisation](crate::evaluation::parameter_randomisation) shows and a
/// [contrast](crate::model::Target::contrast) mends. Biases and stabilizers take a share, which the ledger tells.
///
/// Bach et al., PLoS ONE 10(7):e0130140, 2015.
#[derive(Debug, Clone)]
pub struct Lrp<B: Backend> {
    model: Model<B>,
    composite: Composite,
    rules: CustomRules<B>,
    relevance_at: Vec<Keep>,
    activations_at: Vec<Keep>,
    conditions: Vec<Condition>,
    ledger: bool,
    reference: Option<PerInput<Baseline<B>>>,
    plans: Arc<Plans<B>>,
}

/// Nodes at which something is kept.
#[derive(Debug, Clone)]
pub(super) enum Keep {
    /// Those whose name matches a pattern.
    Pattern(String),
    /// The one of this name.
    Node(String),
    /// The last one before the output that is a map of an image.
    LastMap,
}

/// Plans by the graph they are for.
type Plans<B> = Recent<Arc<Graph<B>>, Arc<Prepared<B>>>;

impl<B: Backend> Lrp<B> {
    /// Relevance propagation through `model` by the rules of `composite`.
    pub fn new(model: &Model<B>, composite: Composite) -> Self {
        Self {
            model: model.clone(),
            composite,
            rules: CustomRules::new(),
            relevance_at: Vec::new(),
            activations_at: Vec::new(),
            conditions: Vec::new(),
            ledger: false,
            reference: None,
            plans: Arc::new(Recent::new(KEPT_PLANS)),
        }
    }

    /// The same with other settings, so that plans have to be made anew.
    fn replanned(self) -> Self {
        Self { plans: Arc::new(Recent::new(KEPT_PLANS)), ..self }
    }

    /// Registers a rule of your own, which the composite finds as
    /// [`Rule::custom`](crate::rule::Rule::custom) of this name.
    pub fn with_rule(mut self, name: impl Into<String>, rule: impl PropagationRule<B> + 'static) -> Self {
        self.rules.insert(name.into(), Arc::new(rule));
        self.replanned()
    }

    /// Keeps the relevance at the outputs of all nodes whose name matches `pattern`, where `*`
    /// stands for any characters and `?` for one.
    pub fn with_relevance_at(mut self, pattern: impl Into<String>) -> Self {
        self.relevance_at.push(Keep::Pattern(pattern.into()));
        self.replanned()
    }

    /// Keeps the outputs of all nodes whose name matches `pattern`, likewise.
    pub fn with_activations_at(mut self, pattern: impl Into<String>) -> Self {
        self.activations_at.push(Keep::Pattern(pattern.into()));
        self.replanned()
    }

    /// Lets relevance pass at a node through chosen channels only.
    pub fn with_condition(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self.replanned()
    }

    /// Keeps relevance and output at one node, and nothing else.
    pub(super) fn keeping(self, node: Keep) -> Self {
        Self { relevance_at: vec![node.clone()], activations_at: vec![node], ..self }.replanned()
    }

    /// Keeps a [`Ledger`](crate::engine::Ledger) of where relevance went.
    pub fn with_ledger(self) -> Self {
        Self { ledger: true, ..self }
    }

    /// Runs the model on a baseline too, for rules that compare the input with one: the same for all
    /// explained inputs. Other inputs are those of the call.
    pub fn with_reference(self, baseline: impl Into<Baseline<B>>) -> Self {
        Self { reference: Some(PerInput::All(baseline.into())), ..self }
    }

    /// The same with one baseline for each explained input.
    pub fn with_references(self, baselines: impl IntoIterator<Item = impl Into<Baseline<B>>>) -> Self {
        Self { reference: Some(PerInput::each(baselines)), ..self }
    }

    /// The model.
    pub fn model(&self) -> &Model<B> {
        &self.model
    }

    /// The composite.
    pub fn composite(&self) -> &Composite {
        &self.composite
    }

    /// The rule of every node, as a table, for inputs of these shapes and the model's output `output`;
    /// nothing is explained.
    ///
    /// # Errors
    /// [`ExplainError`] when the model cannot be recorded, canonized or planned.
    pub fn plan(&self, inputs: impl Into<Inputs<B>>, output: usize) -> Result<Plan<B>, ExplainError> {
        let graph = self.model.graph(inputs, output)?;
        Ok(Plan::new(&graph, &self.composite, &self.rules)?)
    }

    /// Explains several targets of one batch: one forward pass, whose values all targets of one output
    /// share, and one backward sweep per target. The results are those of single calls.
    ///
    /// # Errors
    /// As [`attribute`](Attributor::attribute), for the first target that does not fit.
    pub fn attribute_targets(
        &self,
        inputs: impl Into<Inputs<B>>,
        targets: impl IntoIterator<Item = impl Into<Target<B>>>,
    ) -> Result<Vec<Attribution<B>>, ExplainError> {
        let inputs = inputs.into();
        let targets: Vec<Target<B>> = targets.into_iter().map(Into::into).collect();
        let mut runs: Vec<(usize, Run<B>, Inputs<B>)> = Vec::new();
        let mut starts = Vec::with_capacity(targets.len());
        // All targets are checked before the first sweep.
        for target in targets {
            let output = target.output();
            if runs.iter().all(|(of, ..)| *of != output) {
                let inputs = self.model.embed(&inputs, output)?;
                runs.push((output, self.run(&inputs, output)?, inputs));
            }
            let Some((_, run, _)) = runs.iter().find(|(of, ..)| *of == output) else { continue };
            starts.push((output, run.start(&target)?));
        }
        let last = |output: usize, rest: &[(usize, _)]| rest.iter().all(|(of, _)| *of != output);
        let mut attributions = Vec::with_capacity(starts.len());
        for place in 0..starts.len() {
            let (output, start) = starts[place].clone();
            let Some(of) = runs.iter().position(|(of, ..)| *of == output) else { continue };
            let (_, run, inputs) =
                if last(output, &starts[place + 1..]) { runs.remove(of) } else { runs[of].clone() };
            attributions.push(self.attribution(run, &inputs, start)?);
        }
        Ok(attributions)
    }

    fn attribution(
        &self,
        run: Run<B>,
        inputs: &Inputs<B>,
        start: Start<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let attribution = run.attribution(inputs, start, self.ledger)?;
        Ok(Attribution { reads_values: self.model.reads_values(), ..attribution })
    }

    /// Runs the model on embedded inputs, keeping what the rules read.
    pub(crate) fn run(&self, inputs: &Inputs<B>, output: usize) -> Result<Run<B>, ExplainError> {
        self.run_stacked(inputs, inputs, 1, output)
    }

    /// The same for `copies` of `inputs` with other values for what is explained, one after the other in
    /// `stacked`.
    pub(crate) fn run_stacked(
        &self,
        inputs: &Inputs<B>,
        stacked: &Inputs<B>,
        copies: usize,
        output: usize,
    ) -> Result<Run<B>, ExplainError> {
        self.run_with(stacked, output, |plan| match &self.reference {
            None => {
                plan.check_without_reference()?;
                Ok(None)
            }
            // A baseline may have the batch's size, so it is fitted to one copy.
            Some(reference) => {
                let baselines = Baseline::resolve(reference, inputs)?.into_iter();
                let baselines = baselines.map(|baseline| Value::cat(vec![baseline; copies], 0));
                Ok(Some(stacked.with_explained(baselines).floats()))
            }
        })
    }

    /// Runs the model on embedded inputs, keeping what the rules read beside a reference pass to be added.
    pub(super) fn run_beside(&self, inputs: &Inputs<B>, output: usize) -> Result<Run<B>, ExplainError> {
        self.run_with(inputs, output, |_| Ok(None))
    }

    fn run_with(
        &self,
        inputs: &Inputs<B>,
        output: usize,
        baselines: impl FnOnce(&Plan<B>) -> Result<Option<Vec<Value<B>>>, ExplainError>,
    ) -> Result<Run<B>, ExplainError> {
        check_inputs(&self.model.signature(), inputs)?;
        let prepared = self.prepare(self.model.graph_for(inputs, output)?, inputs)?;
        let (baselines, floats) = (baselines(&prepared.plan)?, inputs.floats());
        let run = Run::new(prepared, floats.clone(), baselines);
        self.model.verify(&floats, run.as_ref().ok().map(Run::output))?;
        run
    }

    fn prepare(&self, graph: Arc<Graph<B>>, inputs: &Inputs<B>) -> Result<Arc<Prepared<B>>, ExplainError> {
        if let Some(prepared) = self.plans.find(|other| Arc::ptr_eq(other, &graph)) {
            return Ok(prepared);
        }
        // A graph that the model did not keep will not come again.
        let comes_again = Arc::strong_count(&graph) > 1;
        let plan = Plan::new(&graph, &self.composite, &self.rules)?;
        let relevance_at = nodes_to_keep(&self.relevance_at, &graph)?;
        let activations_at = nodes_to_keep(&self.activations_at, &graph)?;
        let floats = inputs.floats();
        let masks = self.conditions.iter().zip(floats.iter().cycle()).map(|(of, like)| of.mask(&graph, like));
        let masks = masks.collect::<Result<Vec<_>, _>>()?;
        let prepared = Prepared { graph: graph.clone(), plan, relevance_at, activations_at, masks };
        let prepared = Arc::new(prepared);
        if comes_again {
            self.plans.insert(graph, prepared.clone());
        }
        Ok(prepared)
    }
}

fn nodes_to_keep<B: Backend>(keep: &[Keep], graph: &Graph<B>) -> Result<Vec<usize>, ExplainError> {
    let mut nodes = Vec::new();
    for keep in keep {
        match keep {
            Keep::Pattern(pattern) => {
                let matcher = Matcher::name(pattern);
                matcher.check(graph)?;
                let matches = matcher.matches(graph).into_iter().enumerate();
                nodes.extend(matches.filter_map(|(index, matches)| matches.then_some(index)));
            }
            Keep::Node(name) => nodes.push(graph.find(name)?.index()),
            Keep::LastMap => nodes.extend(last_map(graph)),
        }
    }
    Ok(nodes)
}

/// Named after the composite. The target's seed counts.
impl<B: Backend> Attributor<B> for Lrp<B> {
    fn name(&self) -> &str {
        self.composite.name()
    }

    fn attribute_inputs(
        &self,
        inputs: &Inputs<B>,
        target: &Target<B>,
    ) -> Result<Attribution<B>, ExplainError> {
        let inputs = &self.model.embed(inputs, target.output())?;
        let run = self.run(inputs, target.output())?;
        let start = run.start(target)?;
        self.attribution(run, inputs, start)
    }
}
