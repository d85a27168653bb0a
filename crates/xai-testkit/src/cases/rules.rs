//! Every rule on every kind of layer: what it can serve against matrix form, the rest refused.

use burn::tensor::backend::Backend;
use xai_core::composite::{Composite, Matcher};
use xai_core::error::{ExplainError, PlanError};
use xai_core::graph::{Graph, GraphBuilder};
use xai_core::layer::{Activation, LayerKind};
use xai_core::rule::{
    AlphaBeta, Epsilon, Flat, FrozenStd, Gamma, Gradient, Norm, Pass, ReluBetaSmooth, ReluDeconvNet,
    ReluGuidedBackprop, Rule, SignalTakesAll, TakesMost, Uniform, WSquare, WinnerTakesAll, ZBox, ZPlus,
};

use super::host::{assert_close, explain_by, value};
use super::matrix::{Matrix, Sample};
use super::subject::{self, Subject, Weights};
use crate::host::{Array, Numbers};

/// A rule with its matrix form.
pub(super) struct RuleCase {
    pub(super) rule: Rule,
    /// Whether the rule serves layers of a kind.
    pub(super) serves: fn(&LayerKind) -> bool,
    reference: fn(&Sample<'_>) -> Vec<f64>,
}

/// All rules, with default parameters and with others.
pub(super) fn all() -> Vec<RuleCase> {
    type Reference = fn(&Sample<'_>) -> Vec<f64>;
    let case = |rule, serves, reference: Reference| RuleCase { rule, serves, reference };
    let linear = |rule, reference| {
        let serves = |kind: &_| matches!(kind, LayerKind::Linear | LayerKind::Conv | LayerKind::AvgPool);
        case(rule, serves, reference)
    };
    let any: fn(&LayerKind) -> bool = |_| true;
    let pools = |kind: &_| matches!(kind, LayerKind::MaxPool | LayerKind::MinPool);
    let keeps_elements =
        |kind: &_| matches!(kind, LayerKind::Activation | LayerKind::BatchNorm | LayerKind::Reshape);
    let relu = |kind: &_| *kind == LayerKind::Activation;
    let half = || 0.5.into();
    vec![
        linear(Epsilon::default().into(), |s| s.epsilon(1e-6, 1.0)),
        linear(Epsilon { epsilon: 0.25.into(), zero_bias: true }.into(), |s| s.epsilon(0.25, 0.0)),
        linear(ZPlus::default().into(), |s| s.z_plus(1e-6, 1.0)),
        linear(ZPlus { stabilizer: half(), zero_bias: true }.into(), |s| s.z_plus(0.5, 0.0)),
        linear(AlphaBeta::default().into(), |s| s.alpha_beta(2.0, 1.0, 1e-6, 1.0)),
        linear(AlphaBeta { alpha: 1.4, beta: 0.4, stabilizer: half(), zero_bias: true }.into(), |s| {
            s.alpha_beta(1.4, 0.4, 0.5, 0.0)
        }),
        linear(Gamma::default().into(), |s| s.gamma(0.25, 1e-6, 1.0)),
        linear(Gamma { gamma: 2.0, stabilizer: half(), zero_bias: true }.into(), |s| s.gamma(2.0, 0.5, 0.0)),
        linear(ZBox::new(-3.0, 4.0).into(), |s| s.z_box(-3.0, 4.0, 1e-6)),
        linear(WSquare::default().into(), |s| s.w_square(1e-6, 1.0)),
        linear(WSquare { stabilizer: half(), zero_bias: true }.into(), |s| s.w_square(0.5, 0.0)),
        linear(Flat::default().into(), |s| s.flat(1e-6)),
        linear(Flat { stabilizer: half() }.into(), |s| s.flat(0.5)),
        case(Norm::default().into(), any, |s| s.norm(1e-6)),
        case(Norm { stabilizer: half() }.into(), any, |s| s.norm(0.5)),
        case(Pass.into(), keeps_elements, |s| s.r.to_vec()),
        case(WinnerTakesAll.into(), pools, |s| s.gradient()),
        case(TakesMost::default().into(), pools, |s| s.takes_most(1.0)),
        case(TakesMost { beta: 4.0 }.into(), pools, |s| s.takes_most(4.0)),
        // Their layers have tests of their own: no layer here is one.
        case(Uniform::default().into(), |_| false, |_| Vec::new()),
        case(SignalTakesAll::default().into(), |_| false, |_| Vec::new()),
        case(FrozenStd::default().into(), |_| false, |_| Vec::new()),
        case(Gradient.into(), any, |s| s.gradient()),
        case(ReluDeconvNet.into(), relu, |s| s.r.iter().map(|r| r.max(0.0)).collect()),
        case(ReluGuidedBackprop.into(), relu, |s| {
            s.r.iter().zip(s.x).map(|(r, x)| if *x > 0.0 { r.max(0.0) } else { 0.0 }).collect()
        }),
        case(ReluBetaSmooth { beta: 3.0 }.into(), relu, |s| {
            s.r.iter().zip(s.x).map(|(r, x)| r / (1.0 + (-3.0 * x).exp())).collect()
        }),
    ]
}

/// Linear layers.
pub fn linear<B: Backend>(device: &B::Device) {
    check_all(subject::linears::<B>(device), device);
}

/// Convolutions.
pub fn convolution<B: Backend>(device: &B::Device) {
    check_all(subject::convolutions::<B>(device), device);
}

/// Average pools.
pub fn average_pool<B: Backend>(device: &B::Device) {
    check_all(subject::average_pools::<B>(device), device);
}

/// Max and min pools.
pub fn extremum_pool<B: Backend>(device: &B::Device) {
    check_all(subject::extremum_pools::<B>(device), device);
}

/// Sums.
pub fn add<B: Backend>(device: &B::Device) {
    check_all(subject::sums::<B>(device), device);
}

/// ReLU.
pub fn relu<B: Backend>(device: &B::Device) {
    check_all(subject::relus::<B>(device), device);
}

/// Batch norms that were not merged.
pub fn batch_norm<B: Backend>(device: &B::Device) {
    check_all(subject::batch_norms::<B>(device), device);
}

/// Reshapes.
pub fn reshape<B: Backend>(device: &B::Device) {
    check_all(subject::reshapes::<B>(device), device);
}

/// A graph of the one layer, behind a ReLU if asked for.
pub(super) fn graph<B: Backend>(subject: &Subject<B>, behind_relu: bool) -> Graph<B> {
    let mut builder = GraphBuilder::new();
    let mut inputs = Vec::new();
    for (i, dims) in subject.inputs.iter().enumerate() {
        let input = builder.input(format!("x{i}"), dims).unwrap();
        inputs.push(match behind_relu {
            true => builder.push(format!("relu{i}"), Activation::Relu, &[input]).unwrap(),
            false => input,
        });
    }
    let output = builder.push("layer", subject.layer.clone(), &inputs).unwrap();
    builder.finish(output).unwrap()
}

fn check_all<B: Backend>(subjects: Vec<Subject<B>>, device: &B::Device) {
    assert!(!subjects.is_empty());
    subjects.iter().for_each(|subject| check(subject, device));
}

fn check<B: Backend>(subject: &Subject<B>, device: &B::Device) {
    let mut numbers = Numbers::seeded(4);
    let given: Vec<Array> = subject.inputs.iter().map(|dims| numbers.distinct(dims)).collect();
    let values: Vec<_> = given.iter().map(|input| value::<B>(input, device)).collect();
    let output = (subject.plain)(&given, Weights::Own);
    let forward = graph(subject, false).forward(&values).unwrap();
    assert_close(&format!("{}, forward", subject.name), &forward, &output);

    let arriving = numbers.array(&output.dims);
    // Rules take shortcuts where they know that an input cannot be negative.
    let shortcuts = subject.affine && subject.inputs.len() == 1;
    for behind_relu in [false, true].into_iter().take(1 + usize::from(shortcuts)) {
        let graph = graph(subject, behind_relu);
        let relu = |x: &Array| if behind_relu { x.map(|x| x.max(0.0)) } else { x.clone() };
        let inputs: Vec<Array> = given.iter().map(relu).collect();
        let output = (subject.plain)(&inputs, Weights::Own);
        for case in all() {
            let what = format!("{}, behind a ReLU {behind_relu}, rule {:?}", subject.name, case.rule);
            let mut composite = Composite::new("one rule");
            if behind_relu {
                // The ReLU passes its relevance on, so that the graph's input shows it.
                composite = composite.append(Matcher::Name("relu*".to_owned()), Pass);
            }
            let composite = composite.append(Matcher::Any, case.rule.clone());
            let attribution = explain_by(&graph, composite, &values, &value(&arriving, device));
            if !(case.serves)(&subject.layer.kind()) {
                assert_refused(&what, attribution.unwrap_err(), case.rule.name());
                continue;
            }
            let attribution = attribution.unwrap_or_else(|error| panic!("{what}: {error}"));
            let expected = expected(subject, &case, &inputs, &output, &arriving);
            for (got, want) in attribution.relevances().iter().flatten().zip(&expected) {
                assert_close(&what, got, want);
            }
        }
    }
}

fn assert_refused(what: &str, error: ExplainError, rule: &str) {
    match &error {
        ExplainError::Plan(PlanError::Rule { node, rule: refused, .. })
            if node == "layer" && refused == rule => {}
        other => panic!("{what} must be refused while planning, but: {other}"),
    }
}

/// The rule in matrix form, sample by sample: relevance of each input.
fn expected<B: Backend>(
    subject: &Subject<B>,
    case: &RuleCase,
    inputs: &[Array],
    output: &Array,
    arriving: &Array,
) -> Vec<Array> {
    let mut expected: Vec<Array> =
        inputs.iter().map(|input| Array { dims: input.dims.clone(), data: Vec::new() }).collect();
    for n in 0..output.dims[0] {
        let x: Vec<Array> = inputs.iter().map(|input| input.sample(n)).collect();
        let (y, r) = (output.sample(n), arriving.sample(n));
        let zeros: Vec<Array> = x.iter().map(|x| Array::zeros(&x.dims)).collect();
        let bias = (subject.plain)(&zeros, Weights::Own);
        let matrix = |weights, at, step| Matrix::slope(|x: &[Array]| (subject.plain)(x, weights), at, step);
        // Inputs are 1/64 apart, so no other element becomes the largest within 1/1024.
        let (at, step) = if subject.affine { (&zeros, 1.0) } else { (&x, 1.0 / 1024.0) };
        let w = matrix(Weights::Own, at, step);
        let (ones, squared) = (matrix(Weights::Ones, &zeros, 1.0), matrix(Weights::Squared, &zeros, 1.0));
        let flat: Vec<f64> = x.iter().flat_map(|x| x.data.clone()).collect();
        let relevance = (case.reference)(&Sample {
            w: &w,
            bias: &bias.data,
            ones: &ones,
            squared: &squared,
            x: &flat,
            y: &y.data,
            r: &r.data,
        });
        let mut rest = relevance.as_slice();
        for (expected, x) in expected.iter_mut().zip(&x) {
            let (own, others) = rest.split_at(x.data.len());
            expected.data.extend_from_slice(own);
            rest = others;
        }
    }
    expected
}
