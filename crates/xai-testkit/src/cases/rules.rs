//! Every rule on every kind of layer: what it can serve against matrix form, the rest refused.

use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::composite::{Composite, Matcher};
use xai_core::error::{ExplainError, PlanError};
use xai_core::graph::{Graph, GraphBuilder};
use xai_core::layer::{Activation, LayerKind};
use xai_core::rule::{
    AlphaBeta, Epsilon, Flat, Gamma, Gradient, Norm, Pass, ReluBetaSmooth, ReluDeconvNet, ReluGuidedBackprop,
    Rule, TakesMost, WSquare, WinnerTakesAll, ZBox, ZPlus,
};

use super::host::{Numbers, array, assert_close, explain, explain_by, sample, value};
use super::matrix::{Matrix, Sample};
use super::subject::{self, Subject};
use crate::reference::Array;

/// The layers that a rule serves.
#[derive(Clone, Copy)]
pub(super) enum Serves {
    All,
    LinearMaps,
    Pools,
    ElementKeeping,
    Relu,
}

impl Serves {
    pub(super) fn kind(self, kind: LayerKind) -> bool {
        match self {
            Self::All => true,
            Self::LinearMaps => matches!(kind, LayerKind::Linear | LayerKind::Conv | LayerKind::AvgPool),
            Self::Pools => matches!(kind, LayerKind::MaxPool | LayerKind::MinPool),
            Self::ElementKeeping => {
                matches!(kind, LayerKind::Activation | LayerKind::BatchNorm | LayerKind::Reshape)
            }
            Self::Relu => kind == LayerKind::Activation,
        }
    }
}

/// A rule with its matrix form.
pub(super) struct RuleCase {
    pub(super) rule: Rule,
    pub(super) serves: Serves,
    reference: fn(&Sample<'_>) -> Vec<f64>,
}

/// All rules, with default parameters and with others.
pub(super) fn all() -> Vec<RuleCase> {
    fn case(rule: Rule, serves: Serves, reference: fn(&Sample<'_>) -> Vec<f64>) -> RuleCase {
        RuleCase { rule, serves, reference }
    }
    fn linear(rule: Rule, reference: fn(&Sample<'_>) -> Vec<f64>) -> RuleCase {
        case(rule, Serves::LinearMaps, reference)
    }
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
        case(Norm::default().into(), Serves::All, |s| s.norm(1e-6)),
        case(Norm { stabilizer: half() }.into(), Serves::All, |s| s.norm(0.5)),
        case(Pass {}.into(), Serves::ElementKeeping, |s| s.r.to_vec()),
        case(WinnerTakesAll {}.into(), Serves::Pools, |s| s.gradient()),
        case(TakesMost::default().into(), Serves::Pools, |s| s.takes_most(1.0)),
        case(TakesMost { beta: 4.0 }.into(), Serves::Pools, |s| s.takes_most(4.0)),
        case(Gradient {}.into(), Serves::All, |s| s.gradient()),
        case(ReluDeconvNet {}.into(), Serves::Relu, |s| s.r.iter().map(|r| r.max(0.0)).collect()),
        case(ReluGuidedBackprop {}.into(), Serves::Relu, |s| {
            s.r.iter().zip(s.x).map(|(r, x)| if *x > 0.0 { r.max(0.0) } else { 0.0 }).collect()
        }),
        case(ReluBetaSmooth { beta: 3.0 }.into(), Serves::Relu, |s| {
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
    check_all(subject::average_pools::<B>(), device);
}

/// Max and min pools.
pub fn extremum_pool<B: Backend>(device: &B::Device) {
    check_all(subject::extremum_pools::<B>(), device);
}

/// Sums.
pub fn add<B: Backend>(device: &B::Device) {
    check_all(subject::sums::<B>(), device);
}

/// ReLU.
pub fn relu<B: Backend>(device: &B::Device) {
    check_all(subject::relus::<B>(), device);
}

/// Batch norms that were not merged.
pub fn batch_norm<B: Backend>(device: &B::Device) {
    check_all(subject::batch_norms::<B>(device), device);
}

/// Reshapes.
pub fn reshape<B: Backend>(device: &B::Device) {
    check_all(subject::reshapes::<B>(), device);
}

fn check_all<B: Backend>(subjects: Vec<Subject<B>>, device: &B::Device) {
    assert!(!subjects.is_empty());
    for subject in subjects {
        check(&subject, device);
    }
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

fn check<B: Backend>(subject: &Subject<B>, device: &B::Device) {
    let mut numbers = Numbers::seeded(4);
    let inputs: Vec<Array> = subject.inputs.iter().map(|dims| numbers.distinct(dims)).collect();
    let values: Vec<_> = inputs.iter().map(|input| value::<B>(input, device)).collect();
    let raw = graph(subject, false);
    let output = (subject.plain)(&inputs);
    assert_close(&format!("{}, forward", subject.name), &raw.forward(&values).unwrap(), &output);

    let arriving = numbers.array(&output.dims);
    let relevance = value::<B>(&arriving, device);
    for case in all() {
        let what = format!("{}, rule {:?}", subject.name, case.rule);
        let attribution = explain(&raw, &case.rule, &values, &relevance);
        if !case.serves.kind(subject.layer.kind()) {
            assert_refused(&what, attribution.unwrap_err(), case.rule.name());
            continue;
        }
        let attribution = attribution.unwrap_or_else(|error| panic!("{what}: {error}"));
        let expected = expected(subject, &case, &inputs, &output, &arriving);
        for (got, want) in attribution.relevances().iter().zip(&expected) {
            assert_close(&what, got, want);
        }
    }
    if subject.affine && subject.inputs.len() == 1 {
        check_behind_relu(subject, &values, &arriving, device);
    }
}

/// Rules take shortcuts where they know that an input cannot be negative.
fn check_behind_relu<B: Backend>(
    subject: &Subject<B>,
    values: &[Value<B>],
    arriving: &Array,
    device: &B::Device,
) {
    let behind = graph(subject, true);
    let inputs: Vec<Array> =
        values.iter().map(array).map(|x| Array::from_fn(&x.dims, |i| x.data[i].max(0.0))).collect();
    let output = (subject.plain)(&inputs);
    for case in all().iter().filter(|case| case.serves.kind(subject.layer.kind())) {
        let what = format!("{} behind a ReLU, rule {:?}", subject.name, case.rule);
        // The ReLU passes its relevance on, so that the graph's input shows it.
        let composite = Composite::new("behind a ReLU")
            .or(Matcher::Name("relu*".to_owned()), Pass {})
            .or(Matcher::Any, case.rule.clone());
        let relevance = value::<B>(arriving, device);
        let attribution = explain_by(&behind, composite, values, &relevance)
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let expected = expected(subject, case, &inputs, &output, arriving);
        assert_close(&what, &attribution.relevances()[0], &expected[0]);
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
        let x: Vec<Array> = inputs.iter().map(|input| sample(input, n)).collect();
        let (y, r) = (sample(output, n), sample(arriving, n));
        let zeros: Vec<Array> = x.iter().map(|x| Array::zeros(&x.dims)).collect();
        let bias = (subject.plain)(&zeros);
        // Inputs are 1/64 apart, so no other element becomes the largest within 1/1024.
        let (at, step) = if subject.affine { (&zeros, 1.0) } else { (&x, 1.0 / 1024.0) };
        let w = Matrix::slope(&subject.plain, at, step);
        let (ones, squared) =
            (Matrix::slope(&subject.ones, &zeros, 1.0), Matrix::slope(&subject.squared, &zeros, 1.0));
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
