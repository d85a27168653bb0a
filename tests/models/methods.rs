//! The methods that are no presets: each explains a network, or is refused for what it cannot serve.

use std::collections::{BTreeMap, BTreeSet};

use burn::tensor::Tensor;
use burn_flex::Flex;
use burn_xai::attributor::{
    Attribution, Attributor, Cam, DeepLift, DeepShap, FeatureAblation, GradientShap, InputXGradient,
    IntegratedGradients, KernelShap, Lime, Occlusion, Regions, Saliency, Sizes, SmoothGrad,
};
use burn_xai::error::{AttributorError, ExplainError, PlanError, RuleError};
use burn_xai::model::Model;

use crate::data::{BATCH, Given, inputs};
use crate::harness::{Network, Start};

/// What does not hold for a network: methods, and what they cannot serve.
pub(crate) type Refusals = &'static [(&'static str, &'static str)];

/// No node is a map of channels and places.
pub(crate) const NO_MAP: Refusals = &[("Cam", "no map")];
/// There is an operation without a layer.
const NO_LAYER: Refusals = &[("DeepShap", "unsupported")];

/// How far relevance may be from the difference of scores that it divides, against the sum of its absolute values: the
/// rounding of f32, of which two blocks of GPT-2 have most, 4e-6.
const SUM: f64 = 5e-5;
/// The methods that promise the sum.
const EXACT: &[&str] = &["DeepLift", "DeepShap", "KernelShap"];

type Methods = Vec<(&'static str, Box<dyn Attributor<Flex>>)>;

/// Methods by the names of their types. What hides parts of the input hides halves, or single tokens.
macro_rules! methods {
    ($($method:ident: $new:expr),* $(,)?) => {
        vec![$((stringify!($method), Box::new($new))),*]
    };
}

/// With two samples that are not in the batch.
fn deep_shap(given: &[Given], model: &Model<Flex>) -> DeepShap<Flex> {
    DeepShap::new(model, inputs(given, BATCH..BATCH + 2))
}

/// Half of each input along its last dimension; nothing if there are ids, for they may be looked up in several
/// tables, each of which is an input of its own.
fn halves(given: &[Given]) -> Option<Vec<Sizes>> {
    let half = |given: &Given| match given {
        Given::Floats(dims) => {
            let (last, others) = dims.split_last()?;
            Some(Sizes::Each([others, &[last.div_ceil(2)]].concat()))
        }
        _ => None,
    };
    given.iter().filter(|given| !matches!(given, Given::Padding(_))).map(half).collect()
}

fn methods(given: &[Given], model: &Model<Flex>) -> Methods {
    let background = inputs(given, BATCH..BATCH + 2);
    let mut methods: Methods = methods![
        Saliency: Saliency::new(model),
        InputXGradient: InputXGradient::new(model),
        SmoothGrad: SmoothGrad::new(model).with_samples(2),
        IntegratedGradients: IntegratedGradients::new(model).with_steps(3),
        GradientShap: GradientShap::new(model, background).with_draws(2),
        DeepLift: DeepLift::new(model),
        DeepShap: deep_shap(given, model),
        Cam: Cam::grad_cam(model),
    ];
    let (occlusion, ablation) = (Occlusion::new(model), FeatureAblation::new(model));
    let (shap, lime) = (KernelShap::new(model).with_samples(64), Lime::new(model).with_samples(10));
    let hiding: Methods = match halves(given) {
        Some(halves) => {
            let regions = || halves.iter().cloned().map(Regions::grid);
            methods![
                Occlusion: occlusion.with_windows(halves.clone()),
                FeatureAblation: ablation.with_regions_each(regions()),
                KernelShap: shap.with_regions_each(regions()),
                Lime: lime.with_regions_each(regions()),
            ]
        }
        None => methods![
            Occlusion: occlusion.with_window(1),
            FeatureAblation: ablation.with_regions(Regions::grid(1)),
            KernelShap: shap.with_regions(Regions::grid(1)),
            Lime: lime.with_regions(Regions::grid(1)),
        ],
    };
    methods.extend(hiding);
    methods
}

impl Network<'_> {
    /// Tries all methods on an output, of single modules and functions only the one that needs most of a layer.
    /// `without` are the presets that refuse the network.
    pub(crate) fn check_methods(&self, start: &Start, without: &[&str]) {
        let model = (self.record)();
        let (methods, expected) = match self.refusals {
            Some(refusals) => (methods(self.given, &model), refusals),
            None => {
                let methods: Methods = methods![DeepShap: deep_shap(self.given, &model)];
                (methods, if without.contains(&"attn-lrp") { &[NO_LAYER] } else { &[] as &[_] })
            }
        };
        let mut refused = BTreeSet::new();
        for (name, method) in methods {
            let context = format!("{} by {name}, output {}", self.name, start.output);
            let target = start.target(0..BATCH, |_| 1.0);
            match method.attribute(inputs(self.given, 0..BATCH), target) {
                Ok(attribution) => {
                    self.check_relevance(name, &attribution, model.reads_values(), &context);
                }
                Err(error) => drop(refused.insert((name, reason(&error, &context)))),
            }
        }
        let expected = expected.concat().into_iter().collect();
        assert_eq!(refused, expected, "{}: other methods refuse output {}", self.name, start.output);
    }

    fn check_relevance(
        &self,
        name: &str,
        attribution: &Attribution<Flex>,
        reads_values: bool,
        context: &str,
    ) {
        let relevance = self.relevance(attribution, BATCH, false);
        assert!(relevance.iter().all(|number| number.is_finite()), "{context}");
        // A map keeps positive values only, and there may be none.
        let any = relevance.iter().any(|number| *number != 0.0) || name == "Cam";
        assert!(any, "{context}: all relevance is 0");
        let delta = attribution.convergence_delta();
        assert!(delta.is_some() || !EXACT.contains(&name), "{context}: there is no sum to be compared");
        let Some(delta) = delta.filter(|_| EXACT.contains(&name)) else { return };
        if reads_values && name.starts_with("Deep") {
            // At the baseline the model decides otherwise than the graph of this input does.
            let warnings = attribution.summary().unwrap().warnings();
            assert!(
                warnings.iter().any(|warning| warning.contains("read out of")),
                "{context}: {warnings:?}"
            );
            return;
        }
        for (sample, delta) in delta.iter().enumerate() {
            let moved: f64 =
                self.sample(&relevance, sample, attribution, false).iter().map(|number| number.abs()).sum();
            assert!(delta.abs() <= SUM * moved, "{context}, sample {sample}: off by {delta:e} of {moved:e}");
        }
    }
}

/// What a method cannot serve. Its error says so, and where.
fn reason(error: &ExplainError, context: &str) -> &'static str {
    match error {
        ExplainError::Attributor(AttributorError::NoPlaces) => "no map",
        ExplainError::Plan(PlanError::Rule { node, source: RuleError::Ability { kind, .. }, .. })
            if kind.name() == "unsupported" =>
        {
            assert!(error.to_string().contains(&format!("`{node}`")), "{context}: {error}");
            "unsupported"
        }
        error => panic!("{context}: {error}"),
    }
}

/// The table of methods in `docs/models.md`: those that the same networks refuse have one row.
#[test]
fn documentation_has_the_methods() {
    let networks = [
        crate::attention::METHODS,
        crate::convolution::METHODS,
        crate::language::METHODS,
        crate::patches::METHODS,
        crate::recurrent::METHODS,
        crate::restoration::METHODS,
        crate::reuse::METHODS,
        crate::sequence::METHODS,
        crate::sets::METHODS,
        crate::tabular::METHODS,
    ]
    .concat();
    let model = burn_xai::record_fn::<Flex, _, _, _>(|x: Tensor<_, 2>| x);
    // By what is not served, the networks.
    type Refused<'a> = BTreeMap<&'a str, Vec<&'a str>>;
    let mut rows: Vec<(Vec<String>, Refused)> = Vec::new();
    for (method, _) in methods(&[Given::Floats(&[2])], &model) {
        let mut refused = Refused::new();
        for (network, refusals) in &networks {
            let why =
                refusals.iter().copied().flatten().find(|(other, _)| *other == method).map(|(_, why)| *why);
            why.into_iter().for_each(|why| refused.entry(why).or_default().push(*network));
        }
        let method = format!("`{method}`");
        match rows.last_mut() {
            Some((methods, same)) if *same == refused => methods.push(method),
            _ => rows.push((vec![method], refused)),
        }
    }
    let rows = rows.into_iter().map(|(methods, refused)| {
        let explained = networks.len() - refused.values().map(Vec::len).sum::<usize>();
        let refused = refused.iter().map(|(why, networks)| format!("{why}: {}", networks.join(", ")));
        let refused = refused.collect::<Vec<_>>().join("; ");
        format!("| {} | {explained} of {} | {refused} |\n", methods.join(", "), networks.len())
    });
    let table: String = rows.collect();
    assert!(include_str!("../../docs/models.md").contains(&table), "docs/models.md needs\n{table}");
}
