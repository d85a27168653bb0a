//! What is asked of every network.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::{Tensor, TensorData};
use burn_autodiff::Autodiff;
use burn_flex::Flex;
use burn_xai::Value;
use burn_xai::attributor::{Attribution, Attributor, Lrp, Occlusion, Saliency};
use burn_xai::composite::{Composite, Presets};
use burn_xai::error::{ExplainError, PlanError};
use burn_xai::layer::LayerKind;
use burn_xai::model::{Model, Target};
use burn_xai::trace::Traced;

use crate::data::{Arguments, BATCH, Given, floats, inputs};
use crate::methods::Refusals;

pub(crate) type A = Autodiff<Flex>;
/// Automatic differentiation in evaluation mode: Burn takes `Autodiff` for training, where dropout draws
/// and batch norm uses the batch. Nothing is recorded here, for no value is an input of a recording.
pub(crate) type Evaluated = Traced<A>;

/// Every preset applies.
pub(crate) const ALL: &[&str] = &[];
/// All but those for ReLU: the network has other rectifiers.
pub(crate) const NO_RELU: &[&str] = &["deconv-net", "guided-backprop", "beta-smooth"];

/// There is no layer, so only gradients pass.
pub(crate) const GRADIENT_ONLY: &[&str] = &[
    "epsilon-plus",
    "epsilon-plus-flat",
    "epsilon-alpha2-beta1",
    "epsilon-alpha2-beta1-flat",
    "epsilon-gamma-box",
    "excitation-backprop",
    "attn-lrp",
    "cp-lrp",
    "lstm-lrp",
];
/// Nor are all rectifiers ReLU.
pub(crate) const ONLY_THE_GRADIENT: &[&str] = &[
    "epsilon-plus",
    "epsilon-plus-flat",
    "epsilon-alpha2-beta1",
    "epsilon-alpha2-beta1-flat",
    "epsilon-gamma-box",
    "excitation-backprop",
    "attn-lrp",
    "cp-lrp",
    "lstm-lrp",
    "deconv-net",
    "guided-backprop",
    "beta-smooth",
];

/// Of what automatic differentiation computes from what the plain backend does.
const SAME: f64 = 1e-5;
/// Of single samples against a batch, likewise: matrix products may add up in another order.
const BATCHED: f64 = 1e-5;
/// Of what a row of the ledger leaves unexplained, against what the row moves.
const LEDGER: f64 = 1e-5;

/// Shape and elements of each output.
type Run<B> = Vec<(Vec<usize>, Tensor<B, 1>)>;

pub(crate) struct Network<'a> {
    pub(crate) name: &'static str,
    pub(crate) parameters: usize,
    /// A new recording.
    pub(crate) record: &'a dyn Fn() -> Model<Flex>,
    pub(crate) plain: &'a dyn Fn(Arguments<Flex>) -> Run<Flex>,
    pub(crate) evaluated: &'a dyn Fn(Arguments<Evaluated>) -> Run<Evaluated>,
    pub(crate) given: &'a [Given],
    /// The kinds of the recorded nodes, with their number if there are several, where they are part of what holds.
    pub(crate) kinds: Option<&'a [&'a str]>,
    /// The methods that refuse it, of a network; nothing for a single module or function.
    pub(crate) refusals: Option<&'a [Refusals]>,
    /// How far the gradient may be from that of automatic differentiation, against its largest element.
    pub(crate) tolerance: f64,
}

/// Networks, one test each: the module, its forward function, what it is given, the presets that refuse it, and the
/// other methods that do.
macro_rules! networks {
    ($($name:ident: $module:ident, |$net:ident, $x:pat_param| $forward:expr,
        [$($given:expr),*], $expected:expr $(, refused by $refusals:expr)?;)*) => {
        /// For each network, the methods that refuse it.
        pub(crate) const METHODS: &[(&str, &[$crate::methods::Refusals])] =
            &[$((stringify!($name), &[$($refusals)?])),*];

        /// Named so that a filter finds them.
        mod models {
            use super::*;
            use burn::module::Module;
            use $crate::data::{Outputs, with_weights};
            use $crate::harness::{A, Evaluated, Network};
            use burn_flex::Flex;

            $(#[test]
            fn $name() {
                let net = with_weights($module::<Flex>::new(&Default::default()));
                let differentiable = net.clone().train::<A>().train::<Evaluated>();
                Network {
                    name: stringify!($name),
                    parameters: net.num_params(),
                    record: &|| burn_xai::record(&net, |$net, $x| $forward),
                    plain: &|mut arguments| {
                        let ($net, $x) = (&net, arguments.take());
                        $forward.outputs()
                    },
                    evaluated: &|mut arguments| {
                        let ($net, $x) = (&differentiable, arguments.take());
                        $forward.outputs()
                    },
                    given: &[$($given),*],
                    kinds: None,
                    refusals: Some(&[$($refusals)?]),
                    tolerance: 1e-5,
                }
                .check($expected);
            })*
        }
    };
}
pub(crate) use networks;

impl Network<'_> {
    pub(crate) fn check(&self, without: &[&str]) {
        let (name, parameters) = (self.name, self.parameters);
        let outputs = (self.plain)(Arguments::new(self.given, floats(self.given)));
        self.check_occlusion(&outputs[0]);
        self.check_kinds();
        let (mut gradient, mut ledger) = (0f64, Ledger::default());
        let mut unserved = BTreeMap::new();
        for (output, (dims, values)) in outputs.into_iter().enumerate() {
            let start = Start::new(output, dims, read(values));
            gradient = gradient.max(self.gradient_gap(&start));
            self.check_methods(&start, without);
            for preset in Presets::default().all(-1.0, 1.0) {
                let name = preset.name().to_owned();
                match self.explained(preset, &start) {
                    Ok(rest) if rest.gap > ledger.gap => ledger = rest,
                    Ok(_) => {}
                    Err(error) => drop(unserved.insert(name, error)),
                }
            }
        }
        let refused_by: BTreeSet<&str> = unserved.keys().map(String::as_str).collect();
        println!(
            "{name:22} {parameters:6} gradient {gradient:.0e} ledger {:.0e} without {refused_by:?}",
            ledger.gap
        );
        assert!(gradient <= self.tolerance, "{name}: the gradient is off by {gradient:e}");
        assert!(ledger.gap <= LEDGER, "{name}: the ledger leaves {:e} {}", ledger.gap, ledger.place);
        assert_eq!(
            refused_by,
            without.iter().copied().collect(),
            "{name}: other presets refuse it: {unserved:#?}"
        );
    }

    fn check_kinds(&self) {
        let Some(expected) = self.kinds else { return };
        let model = (self.record)().with_canonizers(Vec::new());
        let graph = model.graph(inputs(self.given, 0..BATCH), 0).unwrap();
        let nodes = graph.nodes().iter().map(|node| node.layer().kind());
        let nodes: Vec<_> = nodes.filter(|kind| *kind != LayerKind::Input).collect();
        let mut kinds: Vec<String> = Vec::new();
        for (place, kind) in nodes.iter().enumerate().filter(|(place, kind)| !nodes[..*place].contains(kind))
        {
            let count = nodes[place..].iter().filter(|other| *other == kind).count();
            kinds.push(if count > 1 { format!("{count} {kind}") } else { kind.to_string() });
        }
        assert_eq!(kinds, expected, "{}: the nodes are others", self.name);
    }

    /// A method that only runs the model takes networks that the others refuse.
    fn check_occlusion(&self, (dims, values): &(Vec<usize>, Tensor<Flex, 1>)) {
        if self.given.iter().all(|given| !matches!(given, Given::Floats(_))) {
            return;
        }
        let start = Start::new(0, dims.clone(), read(values.clone()));
        let target = start.target(0..BATCH, |_| 1.0);
        let occlusion = Occlusion::new(&(self.record)()).with_window(1);
        let attribution = occlusion
            .attribute(inputs(self.given, 0..BATCH), target)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        let relevance = self.relevance(&attribution, BATCH, true);
        assert!(relevance.iter().all(|number| number.is_finite()), "{}", self.name);
        assert!(relevance.iter().any(|number| *number != 0.0), "{}", self.name);
    }

    /// How far the gradient is from that of automatic differentiation.
    fn gradient_gap(&self, start: &Start) -> f64 {
        let leaf = floats::<A>(self.given).require_grad();
        let tracked = Tensor::<Evaluated, 1>::from_inner(leaf.clone());
        let (_, values) = (self.evaluated)(Arguments::new(self.given, tracked)).swap_remove(start.output);
        let values = values.inner();
        let same = gap(&read(values.clone().inner()), &start.values);
        assert!(same <= SAME, "{}: automatic differentiation computes something else", self.name);
        if leaf.dims() == [0] {
            return 0.0;
        }
        let picked = TensorData::new(start.seed(0..BATCH, |_| 1.0), [start.values.len()]);
        let score = (values * Tensor::from_data(picked, &Default::default())).sum();
        let expected = read(leaf.grad(&score.backward()).unwrap());
        assert!(expected.iter().any(|number| *number != 0.0), "{}: the gradient is 0", self.name);
        let target = start.target(0..BATCH, |_| 1.0);
        let explained = Saliency::new(&(self.record)()).attribute(inputs(self.given, 0..BATCH), target);
        let attribution = explained.unwrap_or_else(|error| panic!("{}: {error}", self.name));
        gap(&self.relevance(&attribution, BATCH, true), &expected)
    }

    /// Relevance of all inputs, or only of those that are floats, in one row.
    pub(crate) fn relevance(
        &self,
        attribution: &Attribution<Flex>,
        samples: usize,
        of_floats: bool,
    ) -> Vec<f64> {
        let mut all = Vec::new();
        for (given, relevance) in self.given.iter().zip(attribution.relevances()) {
            let has_relevance = match given {
                Given::Floats(_) => true,
                Given::Ids(..) if of_floats => continue,
                Given::Ids(..) => true,
                Given::Padding(_) => false,
            };
            assert_eq!(relevance.is_some(), has_relevance, "{}", self.name);
            let Some(relevance) = relevance else { continue };
            assert_eq!(relevance.dims(), given.dims(samples), "{}", self.name);
            all.extend(relevance.to_data().unwrap().iter::<f64>());
        }
        all
    }

    /// What the ledger leaves unexplained at most, or why the preset refuses the network.
    fn explained(&self, preset: Composite, start: &Start) -> Result<Ledger, String> {
        let context = format!("{} by {}, output {}", self.name, preset.name(), start.output);
        let model = (self.record)();
        let lrp = Lrp::new(&model, preset.clone()).with_ledger();
        let explain = |lrp: &Lrp<Flex>, samples: std::ops::Range<usize>| {
            let score = |sample: usize| start.values[start.picked[sample]] as f32;
            lrp.attribute(inputs(self.given, samples.clone()), start.target(samples, score))
        };
        let attribution = match explain(&lrp, 0..BATCH) {
            Ok(attribution) => attribution,
            Err(ExplainError::Plan(error)) => {
                let node = match &error {
                    PlanError::Unmatched { kinds, .. } => &kinds[0].first,
                    PlanError::Rule { node, .. } => node,
                    PlanError::UnsupportedOperations { operations } => &operations[0].first,
                    error => panic!("{context}: {error}"),
                };
                assert!(error.to_string().contains(&format!("`{node}`")), "{context}: {error}");
                let graph = model.graph(inputs(self.given, 0..BATCH), start.output).unwrap();
                assert!(graph.find(node).is_ok(), "{context}: {error}");
                return Err(error.to_string());
            }
            Err(error) => panic!("{context}: {error}"),
        };
        let together = self.relevance(&attribution, BATCH, false);
        assert!(together.iter().all(|number| number.is_finite()), "{context}");
        // Excitation passes nothing on where all contributions are negative, as those to a negative score may be.
        let any = together.iter().any(|number| *number != 0.0) || preset.name() == "excitation-backprop";
        assert!(any, "{context}: all relevance is 0");

        let replayed = self.relevance(&explain(&lrp, 0..BATCH).unwrap(), BATCH, false);
        let fresh = Lrp::new(&(self.record)(), preset.clone());
        let recorded = self.relevance(&explain(&fresh, 0..BATCH).unwrap(), BATCH, false);
        assert!(replayed == together && recorded == together, "{context}: another recording differs");

        let conserves = preset.name().starts_with("epsilon") || preset.name().ends_with("lrp");
        // Alpha-beta does not conserve where an output has contributions of one sign only.
        let conserves = conserves && !preset.name().contains("alpha2");
        let mut ledger = Ledger::default();
        for sample in 0..BATCH {
            let alone =
                explain(&lrp, sample..sample + 1).unwrap_or_else(|error| panic!("{context}: {error}"));
            // Behind a layer norm, the gradients of a token's features add up to 0: only rounding is left.
            let of_floats = preset.name() == "gradient";
            let relevance = self.relevance(&alone, 1, of_floats);
            let together = self.relevance(&attribution, BATCH, of_floats);
            let gap = gap(&self.sample(&together, sample, &attribution, of_floats), &relevance);
            assert!(gap <= BATCHED, "{context}: sample {sample} alone is off by {gap:e}");
            if conserves {
                ledger.add(&alone, start.values[start.picked[sample]], &context);
            }
        }
        Ok(ledger)
    }

    /// The part of one sample in a row of relevance of all inputs.
    pub(crate) fn sample(
        &self,
        row: &[f64],
        sample: usize,
        attribution: &Attribution<Flex>,
        of_floats: bool,
    ) -> Vec<f64> {
        let (mut rest, mut part) = (row, Vec::new());
        for (given, relevance) in self.given.iter().zip(attribution.relevances()) {
            let Some(relevance) = relevance else { continue };
            if of_floats && matches!(given, Given::Ids(..)) {
                continue;
            }
            let (this, after) = rest.split_at(relevance.dims().iter().product());
            part.extend(this.chunks(this.len() / BATCH).nth(sample).unwrap());
            rest = after;
        }
        part
    }
}

/// What is explained: of each sample the largest element of an output, whatever its rank.
pub(crate) struct Start {
    pub(crate) output: usize,
    dims: Vec<usize>,
    values: Vec<f64>,
    picked: Vec<usize>,
}

impl Start {
    fn new(output: usize, dims: Vec<usize>, values: Vec<f64>) -> Self {
        assert_eq!(dims[0], BATCH);
        let width = values.len() / BATCH;
        let largest = |sample: usize| {
            let all = sample * width..(sample + 1) * width;
            all.max_by(|a, b| values[*a].abs().total_cmp(&values[*b].abs())).unwrap()
        };
        let picked = (0..BATCH).map(largest).collect();
        Self { output, dims, values, picked }
    }

    /// Relevance of the output: `score` of a sample at its picked element.
    fn seed(&self, samples: std::ops::Range<usize>, score: impl Fn(usize) -> f32) -> Vec<f32> {
        let width = self.values.len() / BATCH;
        let mut seed = vec![0.0; width * samples.len()];
        for sample in samples.clone() {
            seed[self.picked[sample] - samples.start * width] = score(sample);
        }
        seed
    }

    pub(crate) fn target(
        &self,
        samples: std::ops::Range<usize>,
        score: impl Fn(usize) -> f32,
    ) -> Target<Flex> {
        let dims = [&[samples.len()], &self.dims[1..]].concat();
        let seed = TensorData::new(self.seed(samples, score), dims);
        Target::relevance(Value::from_data(seed, &Default::default())).with_output(self.output)
    }
}

/// What a row of the ledger leaves unexplained at most, against what it moves and the score.
#[derive(Default)]
struct Ledger {
    gap: f64,
    place: String,
}

impl Ledger {
    /// The rows of a single sample: of a batch, the row of a node that moves dimension 0 may be that of
    /// something else.
    fn add(&mut self, attribution: &Attribution<Flex>, score: f64, context: &str) {
        let ledger = attribution.ledger().unwrap();
        let mut rest = score - attribution.relevance_sums().unwrap()[0];
        let mut most = score.abs();
        for row in ledger.rows() {
            let sum = |column: &[f64]| column.iter().sum::<f64>();
            let columns = [&row.arrived, &row.passed, &row.bias, &row.stabilizer, &row.dropped];
            let moved: f64 = columns.iter().map(|column| sum(column).abs()).sum();
            let gap = sum(&row.unexplained()).abs() / moved.max(score.abs());
            assert!(gap.is_finite(), "{context}: {ledger}");
            rest -= [&row.bias, &row.stabilizer, &row.dropped, &row.unexplained()]
                .map(|c| sum(c))
                .iter()
                .sum::<f64>();
            most = most.max(moved);
            if gap > self.gap {
                *self = Self { gap, place: format!("at `{}`, {context}", row.node) };
            }
        }
        // What a row passes on has to arrive at the next.
        if rest.abs() / most > self.gap {
            *self = Self { gap: rest.abs() / most, place: format!("between nodes, {context}") };
        }
    }
}

fn read(tensor: Tensor<Flex, 1>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

/// Largest difference, against the largest expected number.
fn gap(got: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let largest = expected.iter().fold(f64::MIN_POSITIVE, |largest, number| largest.max(number.abs()));
    let off = got.iter().zip(expected).map(|(got, expected)| (got - expected).abs());
    off.fold(0.0, |most, off| if off.is_nan() { f64::INFINITY } else { most.max(off) }) / largest
}
