//! Relevance is neither made nor lost, and what does not arrive is in the ledger.

use burn::tensor::backend::Backend;
use xai_core::composite::{Composite, Matcher, epsilon_plus_flat};
use xai_core::engine::LedgerRow;
use xai_core::error::ExplainError;
use xai_core::explain::{Attribution, Explainer, Target};
use xai_core::graph::{Graph, GraphBuilder};
use xai_core::kernel::{ConvGeometry, PoolGeometry, PoolOutput};
use xai_core::layer::{Activation, Add, BatchNorm, Conv, Layer, LayerKind, Linear, Pool, Reshape};
use xai_core::rule::{Epsilon, Flat, Pass, Rule, WinnerTakesAll, ZPlus};

use super::host::{Numbers, array, assert_conserved, explain, explain_by, magnitudes, sums, value};
use super::rules::{all, graph};
use super::subject::{self, Subject};
use crate::attribution::relevance_at;
use crate::reference::Array;

/// A subject with positive inputs, so that denominators are not near 0, and relevance of both signs.
fn explained<B: Backend>(
    subject: &Subject<B>,
    rule: &Rule,
    device: &B::Device,
) -> (Array, Result<Attribution<B>, ExplainError>) {
    let mut numbers = Numbers::seeded(5);
    let graph = graph(subject, false);
    let inputs: Vec<_> =
        subject.inputs.iter().map(|dims| value::<B>(&numbers.positive(dims), device)).collect();
    let output = graph.nodes()[graph.output().index()].dims().to_vec();
    let arriving = numbers.array(&output);
    let attribution = explain(&graph, rule, &inputs, &value(&arriving, device));
    (arriving, attribution)
}

fn assert_conserves<B: Backend>(subject: &Subject<B>, rule: &Rule, device: &B::Device) {
    let (arriving, attribution) = explained(subject, rule, device);
    let attribution = attribution.unwrap_or_else(|error| panic!("{}: {error}", subject.name));
    let mut got = vec![0.0; arriving.dims[0]];
    let mut scale = magnitudes(&arriving);
    for relevance in attribution.relevances() {
        let relevance = array(relevance);
        got.iter_mut().zip(sums(&relevance)).for_each(|(got, sum)| *got += sum);
        scale.iter_mut().zip(magnitudes(&relevance)).for_each(|(scale, sum)| *scale += sum);
    }
    let what = format!("{}, rule {rule:?}", subject.name);
    assert_conserved(&what, &got, &sums(&arriving), &scale);
}

/// Without bias, LRP-0 conserves relevance.
pub fn epsilon_without_bias_conserves<B: Backend>(device: &B::Device) {
    let rule = Epsilon { epsilon: 0.0.into(), zero_bias: false }.into();
    let without_bias = |subject: &Subject<B>| !subject.has_bias;
    let subjects: Vec<_> = [subject::linears::<B>(device), subject::convolutions(device)]
        .into_iter()
        .flatten()
        .filter(without_bias)
        .collect();
    assert!(subjects.len() >= 4);
    for subject in subjects {
        assert_conserves(&subject, &rule, device);
    }
}

/// Without the bias's share, LRP-z+ conserves relevance wherever an output has a positive
/// contribution; a stabilizer this small takes none.
pub fn z_plus_conserves<B: Backend>(device: &B::Device) {
    let rule = ZPlus { stabilizer: 1e-9.into(), zero_bias: true }.into();
    for subject in [subject::linears::<B>(device), subject::convolutions(device)].into_iter().flatten() {
        assert_conserves(&subject, &rule, device);
    }
}

/// LRP-flat conserves relevance whatever weights and bias.
pub fn flat_conserves<B: Backend>(device: &B::Device) {
    let rule = Flat { stabilizer: 0.0.into() }.into();
    for subject in [subject::linears::<B>(device), subject::convolutions(device)].into_iter().flatten() {
        assert_conserves(&subject, &rule, device);
    }
}

/// Rules that only move relevance conserve it.
pub fn routing_conserves<B: Backend>(device: &B::Device) {
    for subject in subject::extremum_pools::<B>() {
        assert_conserves(&subject, &WinnerTakesAll {}.into(), device);
    }
    for subject in
        [subject::relus::<B>(), subject::batch_norms(device), subject::reshapes()].into_iter().flatten()
    {
        assert_conserves(&subject, &Pass {}.into(), device);
    }
}

/// Per node, what arrived is what was passed on, absorbed or dropped.
fn assert_closes<B: Backend>(what: &str, attribution: &Attribution<B>, scale: &[f64]) {
    let ledger = attribution.ledger().expect("a ledger was asked for");
    for row in ledger.rows() {
        let nothing = vec![0.0; scale.len()];
        assert_conserved(
            &format!("{what}, unexplained at `{}`", row.node),
            &row.unexplained(),
            &nothing,
            scale,
        );
    }
}

/// The columns of the ledger add up for every rule that claims to conserve, on every layer.
pub fn ledger_of_every_layer_closes<B: Backend>(device: &B::Device) {
    let mut checked = 0;
    for subject in subject::all::<B>(device) {
        let kind = subject.layer.kind();
        for case in all() {
            let conserves = match case.rule.name() {
                // Gradients do not conserve, nor do the rules that modify them.
                "gradient" | "relu-deconv-net" | "relu-guided-backprop" | "relu-beta-smooth" => false,
                // Outputs without negative contributions pass on alpha times what they get.
                "alpha-beta" => false,
                // The shift of a batch norm is no bias of a linear map; merge it, or use Pass.
                "norm" => kind != LayerKind::BatchNorm,
                _ => true,
            };
            if !conserves || !case.serves.kind(kind) {
                continue;
            }
            let what = format!("{}, rule {:?}", subject.name, case.rule);
            let (arriving, attribution) = explained(&subject, &case.rule, device);
            let attribution = attribution.unwrap_or_else(|error| panic!("{what}: {error}"));
            let passed: Vec<f64> =
                attribution.relevances().iter().fold(magnitudes(&arriving), |scale, passed| {
                    scale.iter().zip(magnitudes(&array(passed))).map(|(a, b)| a + b).collect()
                });
            assert_closes(&what, &attribution, &passed);
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} pairs of rule and layer were checked");
}

/// A small residual network with bias, batch norm and pools.
pub(super) fn network<B: Backend>(batch: usize, device: &B::Device) -> Graph<B> {
    let mut numbers = Numbers::seeded(6);
    let mut weights = |dims: &[usize]| value::<B>(&numbers.array(dims), device);
    let same = || ConvGeometry { padding: vec![(1, 1); 2], ..ConvGeometry::new(2) };
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[batch, 2, 6, 6]).unwrap();
    let stem = Conv::new(weights(&[4, 2, 3, 3]), Some(weights(&[4])), same()).unwrap();
    let stem = builder.push("stem", stem, &[x]).unwrap();
    let norm = BatchNorm::new(weights(&[4]), weights(&[4]).abs(), weights(&[4]), weights(&[4])).unwrap();
    let norm = builder.push("norm", norm, &[stem]).unwrap();
    let relu = builder.push("relu", Activation::Relu, &[norm]).unwrap();
    let pool = builder.push("pool", Pool::max(PoolGeometry::tiles(&[2, 2])), &[relu]).unwrap();
    let block = Conv::new(weights(&[4, 4, 3, 3]), Some(weights(&[4])), same()).unwrap();
    let block = builder.push("block", block, &[pool]).unwrap();
    let sum = builder.push("sum", Add, &[pool, block]).unwrap();
    let sum = builder.push("sum.relu", Activation::Relu, &[sum]).unwrap();
    let mean = builder.push("mean", Pool::average(PoolGeometry::tiles(&[3, 1]), false), &[sum]).unwrap();
    let flat = builder.push("flat", Reshape::flatten(), &[mean]).unwrap();
    let head = Linear::new(weights(&[12, 3]), Some(weights(&[3]))).unwrap();
    let head = builder.push("head", head, &[flat]).unwrap();
    builder.finish(head).unwrap()
}

/// In a whole network every node's columns add up, and so do all of them from output to input.
pub fn ledger_of_a_network_closes<B: Backend>(device: &B::Device) {
    let graph = network::<B>(3, device);
    let mut numbers = Numbers::seeded(7);
    let x = value(&numbers.array(&[3, 2, 6, 6]), device);
    let relevance = value(&numbers.array(&[3, 3]), device);
    // A larger epsilon than the default keeps relevance from growing on its way down.
    let composite = epsilon_plus_flat()
        .with(Matcher::Kind(LayerKind::Linear), Epsilon { epsilon: 0.1.into(), ..Default::default() });
    let explainer = Explainer::new(graph, composite).with_ledger().keep_relevance_at("*");
    let attribution = explainer.explain_values(&[x], Target::relevance(relevance.clone())).unwrap();
    let prepared = explainer.prepare(&[]).expect("a graph serves inputs of any shape");
    let mut on_its_way = vec![0.0; 3];
    for node in prepared.graph().nodes().iter().rev() {
        let arrived = relevance_at(&attribution, node.name(), node.dims().len()).unwrap();
        let arrived = magnitudes(&array(&arrived));
        let row = attribution.ledger().unwrap().rows().iter().find(|row| row.node == node.name());
        // The graph's input has no row: relevance ends there.
        let unexplained = row.map_or(vec![0.0; 3], LedgerRow::unexplained);
        assert_conserved(&format!("unexplained at `{}`", node.name()), &unexplained, &[0.0; 3], &arrived);
        on_its_way.iter_mut().zip(arrived).for_each(|(sum, arrived)| *sum += arrived);
    }

    let ledger = attribution.ledger().unwrap();
    let absorbed: Vec<Vec<f64>> = [
        ledger.total(|row| row.bias.clone()),
        ledger.total(|row| row.stabilizer.clone()),
        ledger.total(|row| row.dropped.clone()),
        attribution.relevance_sums().unwrap(),
    ]
    .into();
    let total: Vec<f64> = (0..3).map(|n| absorbed.iter().map(|column| column[n]).sum()).collect();
    assert_conserved("network, output to input", &total, &sums(&array(&relevance)), &on_its_way);
}

/// Relevance of a pooling window without any element reaches no input; the ledger says so.
pub fn empty_windows_are_booked_as_dropped<B: Backend>(device: &B::Device) {
    let windows = PoolGeometry::Sliding {
        kernel: vec![2],
        stride: vec![2],
        padding: vec![(0, 0)],
        dilation: vec![1],
        output: PoolOutput::Exact(vec![3]),
    };
    let mut builder = GraphBuilder::<B>::new();
    let x = builder.input("x", &[1, 1, 4]).unwrap();
    let pool: Layer<B> = Pool::max(windows).into();
    let pool = builder.push("pool", pool, &[x]).unwrap();
    let graph = builder.finish(pool).unwrap();
    let x = value(&Array { dims: vec![1, 1, 4], data: vec![1.0, 2.0, 4.0, 3.0] }, device);
    let relevance = value(&Array { dims: vec![1, 1, 3], data: vec![1.0, 0.5, 0.25] }, device);
    let composite = Composite::new("winner").or(Matcher::Any, WinnerTakesAll {});
    let attribution = explain_by(&graph, composite, &[x], &relevance).unwrap();
    assert_eq!(array(&attribution.relevances()[0]).data, [0.0, 1.0, 0.5, 0.0]);
    let row = &attribution.ledger().unwrap().rows()[0];
    assert_eq!((row.arrived[0], row.passed[0], row.dropped[0]), (1.75, 1.5, 0.25));
}
