//! TakesMost on every kind of pooling window.

use burn::tensor::backend::Backend;
use xai_core::attributor::{Attributor, Lrp};
use xai_core::composite::Composite;
use xai_core::kernel::{ConvGeometry, Extremum, PoolGeometry, PoolOutput, extremum_pool_adjoint, takes_most};
use xai_core::layer::{Activation, Conv, LayerKind, Pool};
use xai_core::model::{Model, Target};
use xai_core::rule::{Gamma, Pass, TakesMost};

use super::graphs::chain;
use super::host::{assert_close, assert_conserved, explain, magnitudes, sums, value};
use crate::attribution::{input_relevance, relevance_at};
use crate::conformance::{self, sliding};
use crate::host::{Array, Numbers};
use crate::reference;

const EXTREMA: [Extremum; 2] = [Extremum::Max, Extremum::Min];

/// Every geometry, both extrema and several steepnesses, against loops in f64.
pub fn takes_most_same_on_every_backend<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(21);
    for (i, (input, windows)) in conformance::geometries().iter().enumerate() {
        let x = numbers.array(input);
        let r = numbers.array(&reference::pool_output_dims(input, windows));
        for extremum in EXTREMA {
            let beta = [1.0, 0.0, 0.25, 20.0][i % 4];
            let want = reference::takes_most(&x, &r, beta, extremum, windows);
            let got = takes_most(&value::<B>(&x, device), &value(&r, device), beta, extremum, windows);
            assert_close(&format!("{extremum:?} of {input:?} in {windows:?}, beta {beta}"), &got, &want);
        }
    }
}

fn random_windows(numbers: &mut Numbers) -> (Vec<usize>, PoolGeometry) {
    let axes = 1 + numbers.below(2);
    let mut pick = |least: usize, most: usize| -> Vec<usize> {
        (0..axes).map(|_| least + numbers.below(most - least + 1)).collect()
    };
    let (size, kernel, stride, dilation) = (pick(6, 9), pick(1, 3), pick(1, 3), pick(1, 2));
    // Less than a window on either side, so that every window has an element.
    let begin: Vec<usize> = pick(0, 2).iter().zip(&kernel).map(|(p, k)| *p.min(&(k - 1))).collect();
    let end: Vec<usize> = pick(0, 2).iter().zip(&kernel).map(|(p, k)| *p.min(&(k - 1))).collect();
    let output = if numbers.below(2) == 0 { PoolOutput::Floor } else { PoolOutput::Ceil };
    let padding = begin.into_iter().zip(end).collect();
    let input = [2, 2].into_iter().chain(size).collect();
    (input, PoolGeometry::Sliding { kernel, stride, padding, dilation, output })
}

/// Random windows over elements of any size keep what arrives.
pub fn any_window_conserves<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(22);
    for _ in 0..12 {
        let (input, windows) = random_windows(&mut numbers);
        let r = numbers.array(&reference::pool_output_dims(&input, &windows));
        for (scale, extremum) in [(1.0, Extremum::Max), (1e4, Extremum::Min), (1e6, Extremum::Max)] {
            let x = numbers.array(&input);
            let x = Array::from_fn(&input, |i| x.data[i] * scale);
            let got = takes_most(&value::<B>(&x, device), &value(&r, device), 1.0, extremum, &windows);
            let what = format!("{extremum:?} of {input:?} in {windows:?}, elements up to {scale}");
            assert_conserved(&what, &sums([&Array::of(&got)]), &sums([&r]), &magnitudes([&r]));
            assert_close(&what, &got, &reference::takes_most(&x, &r, 1.0, extremum, &windows));
        }
    }
}

/// A window as large as the number of competitors of one of 10,000 clusters.
pub fn one_window_of_thousands<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(23);
    let input = [3, 1, 9_999];
    let (x, r) = (numbers.array(&input), numbers.array(&[3, 1, 1]));
    for windows in [PoolGeometry::global(1), PoolGeometry::tiles(&[9_999])] {
        let want = reference::takes_most(&x, &r, 2.0, Extremum::Min, &windows);
        let (vx, vr) = (value::<B>(&x, device), value(&r, device));
        let got = takes_most(&vx, &vr, 2.0, Extremum::Min, &windows);
        assert_close("9,999 elements", &got, &want);
        let want = reference::extremum_pool_adjoint(&x, &r, Extremum::Min, &windows);
        assert_close("the winner", &extremum_pool_adjoint(&vx, &vr, Extremum::Min, &windows), &want);
    }
}

/// As beta grows, a window's only winner takes all.
pub fn steep_softmax_is_winner_takes_all<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(24);
    for (input, windows) in conformance::geometries().iter().step_by(5) {
        let x = numbers.distinct(input);
        let r = numbers.array(&reference::pool_output_dims(input, windows));
        for extremum in EXTREMA {
            let want = reference::extremum_pool_adjoint(&x, &r, extremum, windows);
            for beta in [1e4, f64::MAX] {
                let got = takes_most(&value::<B>(&x, device), &value(&r, device), beta, extremum, windows);
                assert_close(&format!("{extremum:?} of {input:?} in {windows:?}, {beta}"), &got, &want);
            }
        }
    }
}

/// Equal elements share equally, however large beta and they are.
pub fn equal_elements_share<B: Backend>(device: &B::Device) {
    let windows = PoolGeometry::tiles(&[2, 2]);
    let r = Array { dims: vec![1, 1, 1, 1], data: vec![3.0] };
    for (beta, scale) in [(1.0, 1e6), (1e6, 1.0), (0.0, 1.0)] {
        let x = Array { dims: vec![1, 1, 2, 2], data: [2.0, 2.0, -1.0, 2.0].map(|x| x * scale).to_vec() };
        let got = takes_most(&value::<B>(&x, device), &value(&r, device), beta, Extremum::Max, &windows);
        let want = if beta == 0.0 { [0.75; 4] } else { [1.0, 1.0, 0.0, 1.0] };
        assert_close("ties", &got, &Array { dims: x.dims, data: want.to_vec() });
    }
}

/// Windows without any element book what they get as dropped.
pub fn empty_windows_are_dropped<B: Backend>(device: &B::Device) {
    let windows = sliding(&[2, 2], &[2, 2], &[0, 0], PoolOutput::Exact(vec![2, 3]));
    let graph = chain::<B>(&[1, 1, 2, 4], [("pool", Pool::max(windows).into())]);
    let x = Array { dims: vec![1, 1, 2, 4], data: vec![1.0, 1.0, 2.0, 2.0, 1.0, 1.0, 2.0, 2.0] };
    let r = Array { dims: vec![1, 1, 2, 3], data: vec![1.0, 2.0, 4.0, 8.0, 16.0, 32.0] };
    let rule = TakesMost::default().into();
    let attribution = explain(&graph, &rule, &[value(&x, device)], &value(&r, device)).unwrap();
    let want = vec![0.25, 0.25, 0.5, 0.5, 0.25, 0.25, 0.5, 0.5];
    assert_close("occupied windows", input_relevance(&attribution), &Array { dims: x.dims, data: want });
    let row = &attribution.ledger().unwrap().rows()[0];
    assert_eq!((row.arrived[0], row.passed[0], row.dropped[0]), (63.0, 3.0, 60.0));
}

/// A softmax gives relevance to elements that a ReLU set to 0 too, and a rule below must take it:
/// the gamma rule at negative outputs as well.
pub fn zero_activations_keep_their_relevance<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(25);
    let input = [2, 3, 7, 7];
    let geometry = ConvGeometry { padding: vec![(1, 1); 2], ..ConvGeometry::new(2) };
    let conv = Conv::new(value::<B>(&numbers.array(&[4, 3, 3, 3]), device), None, geometry).unwrap();
    let pool = Pool::max(sliding(&[3, 3], &[2, 2], &[1, 1], PoolOutput::Floor));
    let layers = [("conv", conv.into()), ("relu", Activation::Relu.into()), ("pool", pool.into())];
    let graph = chain(&input, layers);

    let composite = Composite::new("gamma below takes most")
        .append(LayerKind::Conv, Gamma { stabilizer: 1e-12.into(), ..Gamma::default() })
        .append(LayerKind::Activation, Pass)
        .append(LayerKind::MaxPool, TakesMost { beta: 0.5 });
    let (x, r) = (value(&numbers.array(&input), device), numbers.positive(&[2, 4, 4, 4]));
    let arriving = value(&r, device);
    let lrp = Lrp::new(&Model::from(graph), composite).with_relevance_at("*").with_ledger();
    let target = Target::relevance(arriving);
    let attribution = lrp.attribute(x, target).unwrap();

    let activations = Array::of(&relevance_at(&attribution, "relu", 4).unwrap());
    let got = Array::of(input_relevance(&attribution));
    // Denominators of both signs let the parts of the sum grow.
    assert_conserved("at the ReLU", &sums([&activations]), &sums([&r]), &magnitudes([&r]));
    assert_conserved("at the input", &sums([&got]), &sums([&r]), &magnitudes([&got, &r]));
}

/// Small enough to check by hand.
pub fn small_values<B: Backend>(device: &B::Device) {
    let sliding = |kernel: usize| sliding(&[kernel], &[2], &[0], PoolOutput::Floor);
    let cases: [(Pool, &[f64], &[f64]); 3] = [
        (Pool::max(sliding(2)), &[1.0, 2.0, 3.0, 0.5], &[0.2689, 0.7311, 0.9241, 0.0759]),
        (Pool::max(sliding(3)), &[1.0, 2.0, 3.0, 0.5, 4.0], &[0.0900, 0.2447, 0.9284, 0.0216, 0.7153]),
        (Pool::min(PoolGeometry::global(1)), &[5.0, -2.0, 1.0, 9.0], &[0.0009, 0.9517, 0.0474, 0.0]),
    ];
    for (layer, x, want) in cases {
        let input = [1, 1, x.len()];
        let r = Array::from_fn(&reference::pool_output_dims(&input, layer.geometry()), |_| 1.0);
        let x = Array { dims: input.to_vec(), data: x.to_vec() };
        let (graph, rule) = (chain::<B>(&input, [("pool", layer.into())]), TakesMost::default().into());
        let attribution = explain(&graph, &rule, &[value(&x, device)], &value(&r, device)).unwrap();
        let got = Array::of(input_relevance(&attribution));
        // The expected numbers have four decimals.
        let gap = got.data.iter().zip(want).map(|(got, want)| (got - want).abs()).fold(0.0, f64::max);
        assert!(gap < 6e-5, "{:?} instead of {want:?}", got.data);
    }
}
