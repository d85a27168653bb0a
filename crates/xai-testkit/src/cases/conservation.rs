//! Relevance is neither made nor lost, and what does not arrive is in the ledger.

use burn::tensor::backend::Backend;
use xai_core::attributor::{Attribution, Attributor, Lrp};
use xai_core::composite::epsilon_plus_flat;
use xai_core::engine::LedgerRow;
use xai_core::graph::Graph;
use xai_core::kernel::{ConvGeometry, PoolGeometry, PoolOutput};
use xai_core::layer::{Activation, Add, LayerKind, Pool, Reshape};
use xai_core::model::{Model, Target};
use xai_core::rule::{Epsilon, Flat, Pass, Rule, WinnerTakesAll, ZPlus};

use super::graphs::{Random, chain, wired};
use super::host::{assert_conserved, explain, magnitudes, sums, value};
use super::rules::{all, graph};
use super::subject::{self, Subject};
use crate::attribution::{input_relevance, relevance_at};
use crate::conformance::sliding;
use crate::host::{Array, Numbers};

/// What became of relevance at one layer.
struct Explained<B: Backend> {
    what: String,
    arriving: Array,
    attribution: Attribution<B>,
    passed: Vec<Array>,
    /// Magnitude of what arrived and was passed on.
    scale: Vec<f64>,
}

impl<B: Backend> Explained<B> {
    /// With positive inputs, so that denominators are not near 0, and relevance of both signs.
    fn new(subject: &Subject<B>, rule: &Rule, device: &B::Device) -> Self {
        let what = format!("{}, rule {rule:?}", subject.name);
        let mut numbers = Numbers::seeded(5);
        let graph = graph(subject, false);
        let inputs: Vec<_> =
            subject.inputs.iter().map(|dims| value::<B>(&numbers.positive(dims), device)).collect();
        let arriving = numbers.array(graph.nodes()[graph.output().index()].dims());
        let attribution = explain(&graph, rule, &inputs, &value(&arriving, device));
        let attribution = attribution.unwrap_or_else(|error| panic!("{what}: {error}"));
        let passed: Vec<_> = attribution.relevances().iter().flatten().map(Array::of).collect();
        let scale = magnitudes(passed.iter().chain([&arriving]));
        Self { what, arriving, attribution, passed, scale }
    }
}

fn assert_conserves<B: Backend>(subjects: Vec<Subject<B>>, rule: impl Into<Rule>, device: &B::Device) {
    let rule = rule.into();
    assert!(!subjects.is_empty());
    for subject in subjects {
        let Explained { what, arriving, passed, scale, .. } = Explained::new(&subject, &rule, device);
        assert_conserved(&what, &sums(&passed), &sums([&arriving]), &scale);
    }
}

fn linear_maps<B: Backend>(device: &B::Device) -> Vec<Subject<B>> {
    subject::linears(device).into_iter().chain(subject::convolutions(device)).collect()
}

/// Without bias, LRP-0 conserves relevance.
pub fn epsilon_without_bias_conserves<B: Backend>(device: &B::Device) {
    let subjects: Vec<_> = linear_maps::<B>(device).into_iter().filter(|subject| !subject.has_bias).collect();
    assert!(subjects.len() >= 4);
    assert_conserves(subjects, Epsilon { epsilon: 0.0.into(), zero_bias: false }, device);
}

/// Without the bias's share, LRP-z+ conserves relevance wherever an output has a positive
/// contribution; a stabilizer this small takes none.
pub fn z_plus_conserves<B: Backend>(device: &B::Device) {
    let rule = ZPlus { stabilizer: 1e-9.into(), zero_bias: true };
    assert_conserves(linear_maps::<B>(device), rule, device);
}

/// LRP-flat conserves relevance whatever weights and bias.
pub fn flat_conserves<B: Backend>(device: &B::Device) {
    assert_conserves(linear_maps::<B>(device), Flat { stabilizer: 0.0.into() }, device);
}

/// Rules that only move relevance conserve it.
pub fn routing_conserves<B: Backend>(device: &B::Device) {
    assert_conserves(subject::extremum_pools::<B>(device), WinnerTakesAll, device);
    assert_conserves(subject::relus::<B>(device), Pass, device);
    assert_conserves(subject::batch_norms::<B>(device), Pass, device);
    assert_conserves(subject::reshapes::<B>(device), Pass, device);
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
            if !conserves || !(case.serves)(&kind) {
                continue;
            }
            // Per node, what arrived is what was passed on, absorbed or dropped.
            let Explained { what, attribution, scale, .. } = Explained::new(&subject, &case.rule, device);
            for row in attribution.ledger().expect("a ledger was asked for").rows() {
                let (what, nothing) =
                    (format!("{what}, unexplained at `{}`", row.node), vec![0.0; scale.len()]);
                assert_conserved(&what, &row.unexplained(), &nothing, &scale);
            }
            checked += 1;
        }
    }
    assert!(checked > 100, "only {checked} pairs of rule and layer were checked");
}

/// A small residual network with bias, batch norm and pools.
pub(super) fn network<B: Backend>(batch: usize, device: &B::Device) -> Graph<B> {
    let mut random = Random::seeded(6, device);
    let same = || ConvGeometry { padding: vec![(1, 1); 2], ..ConvGeometry::new(2) };
    let layers = [
        ("stem", random.conv(&[4, 2, 3, 3], true, same()).into(), &["x"][..]),
        ("norm", random.batch_norm(4).into(), &["stem"]),
        ("relu", Activation::Relu.into(), &["norm"]),
        ("pool", Pool::max(PoolGeometry::tiles(&[2, 2])).into(), &["relu"]),
        ("block", random.conv(&[4, 4, 3, 3], true, same()).into(), &["pool"]),
        ("sum", Add.into(), &["pool", "block"]),
        ("sum.relu", Activation::Relu.into(), &["sum"]),
        ("mean", Pool::average(PoolGeometry::tiles(&[3, 1]), false).into(), &["sum.relu"]),
        ("flat", Reshape::flatten().into(), &["mean"]),
        ("head", random.linear(12, 3, true).into(), &["flat"]),
    ];
    wired(&[("x", &[batch, 2, 6, 6])], layers)
}

/// In a whole network every node's columns add up, and so do all of them from output to input.
pub fn ledger_of_a_network_closes<B: Backend>(device: &B::Device) {
    let graph = network::<B>(3, device);
    let mut numbers = Numbers::seeded(7);
    let x = value(&numbers.array(&[3, 2, 6, 6]), device);
    let relevance = value(&numbers.array(&[3, 3]), device);
    // A larger epsilon than the default keeps relevance from growing on its way down.
    let composite =
        epsilon_plus_flat().prepend(LayerKind::Linear, Epsilon { epsilon: 0.1.into(), ..Default::default() });
    let model = Model::from(graph);
    let lrp = Lrp::new(&model, composite).with_ledger().with_relevance_at("*");
    let attribution = lrp.attribute(x.clone(), Target::relevance(relevance.clone())).unwrap();
    let graph = model.graph(x, 0).unwrap();
    let mut on_its_way = vec![0.0; 3];
    for node in graph.nodes().iter().rev() {
        let arrived = relevance_at(&attribution, node.name(), node.dims().len()).unwrap();
        let arrived = magnitudes([&Array::of(&arrived)]);
        let row = attribution.ledger().unwrap().rows().iter().find(|row| row.node == node.name());
        // The graph's input has no row: relevance ends there.
        let unexplained = row.map_or(vec![0.0; 3], LedgerRow::unexplained);
        assert_conserved(&format!("unexplained at `{}`", node.name()), &unexplained, &[0.0; 3], &arrived);
        on_its_way.iter_mut().zip(arrived).for_each(|(sum, arrived)| *sum += arrived);
    }

    let ledger = attribution.ledger().unwrap();
    let absorbed: Vec<Vec<f64>> =
        [ledger.bias(), ledger.stabilizer(), ledger.dropped(), attribution.relevance_sums().unwrap()].into();
    let total: Vec<f64> = (0..3).map(|n| absorbed.iter().map(|column| column[n]).sum()).collect();
    assert_conserved("network, output to input", &total, &sums([&Array::of(&relevance)]), &on_its_way);
}

/// Relevance of a pooling window without any element reaches no input; the ledger says so.
pub fn empty_windows_are_booked_as_dropped<B: Backend>(device: &B::Device) {
    let windows = sliding(&[2], &[2], &[0], PoolOutput::Exact(vec![3]));
    let graph = chain::<B>(&[1, 1, 4], [("pool", Pool::max(windows).into())]);
    let x = value(&Array { dims: vec![1, 1, 4], data: vec![1.0, 2.0, 4.0, 3.0] }, device);
    let relevance = value(&Array { dims: vec![1, 1, 3], data: vec![1.0, 0.5, 0.25] }, device);
    let attribution = explain(&graph, &WinnerTakesAll.into(), &[x], &relevance).unwrap();
    assert_eq!(Array::of(input_relevance(&attribution)).data, [0.0, 1.0, 0.5, 0.0]);
    let row = &attribution.ledger().unwrap().rows()[0];
    assert_eq!((row.arrived[0], row.passed[0], row.dropped[0]), (1.75, 1.5, 0.25));
}
