//! Feature ablation, kernel SHAP and LIME: against definitions, closed forms and Captum.

use burn::tensor::Int;
use burn::tensor::activation::relu;

use super::*;
use crate::attributor::{Attributor, FeatureAblation, KernelShap, Lime, Occlusion, Regions};
use crate::error::ExplainError;
use crate::graph::Graph;
use crate::layer::Unsupported;
use crate::model::{GraphSource, InputKind, InputSignature, Inputs, Signature};

type Matrix = Tensor<Flex, 2>;

/// A function of `[batch, features]` that no graph can run.
struct Function(usize, fn(Matrix) -> Matrix);

impl GraphSource<Flex> for Function {
    fn signature(&self) -> Signature<Flex> {
        let x = InputSignature { name: "x".into(), kind: InputKind::Float, rank: 2 };
        Signature { inputs: vec![x], parameters: None }
    }

    fn graph(&self, inputs: &Inputs<Flex>, output: usize) -> Result<Graph<Flex>, ExplainError> {
        let dims = self.output(inputs, output)?.dims();
        let mut graph = GraphBuilder::new();
        let x = graph.input("x", &[1, self.0])?;
        let y = graph.push("f", Unsupported::new("f", dims), &[x])?;
        Ok(graph.finish(y)?)
    }

    fn output(&self, inputs: &Inputs<Flex>, _: usize) -> Result<Value<Flex>, ExplainError> {
        Ok((self.1)(inputs.floats().remove(0).into_tensor().unwrap()).into())
    }
}

fn function(features: usize, f: fn(Matrix) -> Matrix) -> Model<Flex> {
    Model::new(Function(features, f))
}

fn matrix<const N: usize>(rows: impl IntoIterator<Item = [f32; N]>) -> Matrix {
    let rows: Vec<_> = rows.into_iter().collect();
    let dims = [rows.len(), N];
    Tensor::from_data(TensorData::new(rows.concat(), dims), &Default::default())
}

fn labels<const D: usize>(labels: impl Into<Vec<i64>>, dims: [usize; D]) -> Tensor<Flex, D, Int> {
    Tensor::from_data(TensorData::new(labels.into(), dims), &Default::default())
}

/// `relu(x W + b) M` of 4 features and 2 classes.
fn rectified(x: Matrix) -> Matrix {
    let weight = matrix([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.25], [2.0, 1.0]]);
    relu(x.matmul(weight) + matrix([[0.75, -0.5]])).matmul(matrix([[1.0, -1.0], [2.0, 0.5]]))
}

fn baseline() -> Matrix {
    matrix([[0.5, 0.0, -1.0, 1.0]])
}

/// A product, a maximum and a sum: interactions of all kinds between 5 features.
fn mixed(x: Matrix) -> Matrix {
    let of = |i| x.clone().narrow(1, i, 1);
    of(0) * of(1) * of(2) + of(2).max_pair(of(3)) * 2.0 + of(4) * of(4) + of(1)
}

fn five() -> Matrix {
    matrix([[1.0, -2.0, 0.5, 3.0, 0.7], [2.0, 1.5, -1.0, -0.4, -1.2]])
}

/// The scores `v(S)` of a sample for all sets `S` of features, as bits.
fn scores_of_sets(f: fn(Matrix) -> Matrix, x: &[f64]) -> Vec<f64> {
    let shown = |set: usize, i: usize| if set >> i & 1 == 1 { x[i] as f32 } else { 0.0 };
    let sets = (0..1 << x.len()).flat_map(|set| (0..x.len()).map(move |i| shown(set, i)));
    let data = TensorData::new(sets.collect::<Vec<_>>(), [1 << x.len(), x.len()]);
    values(f(Tensor::from_data(data, &Default::default())))
}

/// `sum_S |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))`.
fn shapley(scores: &[f64], n: usize) -> Vec<f64> {
    let factorial = |k: usize| (1..=k).map(|i| i as f64).product::<f64>();
    let of = |i: usize| {
        let sets = (0..scores.len()).filter(|set| set >> i & 1 == 0);
        let gain = |set: usize| {
            let size = set.count_ones() as usize;
            factorial(size) * factorial(n - size - 1) / factorial(n) * (scores[set | 1 << i] - scores[set])
        };
        sets.map(gain).sum()
    };
    (0..n).map(of).collect()
}

#[test]
fn all_coalitions_give_shapley_values_by_their_definition() {
    let model = function(5, mixed);
    let got = KernelShap::new(&model).attribute(five(), 0).unwrap();
    let x = values(five());
    let want: Vec<_> = x.chunks(5).flat_map(|x| shapley(&scores_of_sets(mixed, x), 5)).collect();
    assert_close(&relevance(&got), &want, 1e-5);
    // In f32, of relevance up to 5.
    assert!(got.convergence_delta().unwrap().iter().all(|delta| delta.abs() < 1e-5));
}

#[test]
fn drawn_coalitions_come_near_and_add_up() {
    let model = function(5, mixed);
    let method = KernelShap::new(&model).with_samples(29).with_largest_batch(7);
    let x = values(five());
    let want: Vec<_> = x.chunks(5).flat_map(|x| shapley(&scores_of_sets(mixed, x), 5)).collect();
    let mut mean = vec![0.0; 10];
    for seed in 0..40 {
        let got = method.clone().with_seed(seed).attribute(five(), 0).unwrap();
        assert!(got.convergence_delta().unwrap().iter().all(|delta| delta.abs() < 1e-5));
        mean.iter_mut().zip(relevance(&got)).for_each(|(mean, got)| *mean += got / 40.0);
    }
    assert_close(&mean, &want, 0.05);
    // A sample's coalitions do not depend on the batch, and the seed decides them.
    let alone =
        |seed| relevance(&method.clone().with_seed(seed).attribute(five().narrow(0, 0, 1), 0).unwrap());
    let both = relevance(&method.clone().with_seed(3).attribute(five(), 0).unwrap());
    assert_close(&both[..5], &alone(3), 1e-6);
    assert_ne!(alone(3), alone(4));
}

/// ```python
/// # torch 2.9, captum 0.8
/// W, M = torch.tensor([[1, -2], [.5, 3], [-1.5, .25], [2, 1]]).double(), torch.tensor([[1, -1], [2, .5]]).double()
/// f = lambda x: torch.relu(x @ W + torch.tensor([.75, -.5])) @ M
/// x = torch.tensor([[1, -2, .5, 3], [0, 1, -1, 4]]).double()
/// base = torch.tensor([[.5, 0, -1, 1]]).double()
/// mask = torch.tensor([[0, 1, 0, 2]])
/// FeatureAblation(f).attribute(x, baselines=base, target=0, feature_mask=mask)
/// ShapleyValues(f).attribute(x, baselines=base.expand(2, 4), target=0)  # and with feature_mask=mask
/// ```
#[test]
fn captum_finds_the_same() {
    let model = function(4, rectified);
    let ablation = FeatureAblation::new(&model).with_baseline(baseline());
    let shap = KernelShap::new(&model).with_baseline(baseline());
    let mask = || labels([0, 1, 0, 2], [1, 4]);
    let got = relevance(&ablation.with_regions(mask()).attribute(features(), 0).unwrap());
    assert_close(&got, &ABLATED, 1e-6);
    let got = relevance(&shap.attribute(features(), 0).unwrap());
    assert_close(&got, &SHAPLEY, 1e-6);
    let got = shap.with_regions(mask()).attribute(features(), 0).unwrap();
    let of_regions: Vec<_> = got.relevance_of_regions().unwrap().concat().concat();
    assert_close(&of_regions, &SHAPLEY_OF_REGIONS, 1e-6);
    // Two elements share the first region.
    let [first, second, third, ..] = SHAPLEY_OF_REGIONS;
    assert_close(&relevance(&got)[..4], &[first / 2.0, second, first / 2.0, third], 1e-6);
}

const ABLATED: [f64; 8] = [-1.75, -2.25, -1.75, 4.0, 1.5, 6.5, 1.5, 12.0];
const SHAPLEY: [f64; 8] = [1.0 / 6.0, -11.0 / 6.0, -2.125, 121.0 / 24.0, 1.0, 6.0, 0.0, 11.5];
const SHAPLEY_OF_REGIONS: [f64; 6] = [-47.0 / 24.0, -11.0 / 6.0, 121.0 / 24.0, 1.0, 6.0, 11.5];

/// The minimiser over all sets at once, as many of each as are drawn on average, by Gauss-Seidel sweeps.
fn lime(scores: &[f64], n: usize, samples: f64, sigma: f64, alpha: f64) -> Vec<f64> {
    let full = scores.len() - 1;
    let rows: Vec<_> = (0..scores.len())
        .map(|set| {
            let distance = 1.0 - (f64::from(set.count_ones()) / n as f64).sqrt();
            let times = samples / scores.len() as f64 + if set == full { 1.0 } else { 0.0 };
            let mut row: Vec<_> = (0..n).map(|i| (set >> i & 1) as f64).collect();
            row.push(1.0);
            (row, scores[set], times * (-distance * distance / (sigma * sigma)).exp())
        })
        .collect();
    let mut c = vec![0.0; n + 1];
    for i in (0..=n).cycle().take(5000 * (n + 1)) {
        let (mut top, mut bottom) = (0.0, if i < n { alpha } else { 0.0 });
        for (row, y, weight) in &rows {
            let others: f64 = (0..=n).filter(|j| *j != i).map(|j| row[j] * c[j]).sum();
            top += weight * row[i] * (y - others);
            bottom += weight * row[i] * row[i];
        }
        c[i] = top / bottom;
    }
    c.truncate(n);
    c
}

#[test]
fn lime_is_the_weighted_ridge_regression_of_all_sets() {
    let model = function(5, mixed);
    let x = values(five());
    for (sigma, alpha) in [(0.25, 1.0), (0.5, 400.0), (3.0, 0.0)] {
        let want: Vec<_> =
            x.chunks(5).flat_map(|x| lime(&scores_of_sets(mixed, x), 5, 6000.0, sigma, alpha)).collect();
        let method = Lime::new(&model).with_kernel_width(sigma).with_ridge(alpha);
        let got = method.with_samples(6000).with_largest_batch(2000).attribute(five(), 0).unwrap();
        assert_close(&relevance(&got), &want, 0.05);
    }
}

#[test]
fn all_agree_on_an_additive_model() {
    let (model, weight) = linear();
    let x = values(features());
    let want: Vec<_> = x.iter().enumerate().map(|(i, x)| x * f64::from(weight[i % 4][1])).collect();
    let methods: [Box<dyn Attributor<Flex>>; 4] = [
        Box::new(FeatureAblation::new(&model)),
        Box::new(KernelShap::new(&model)),
        Box::new(KernelShap::new(&model).with_samples(12)),
        Box::new(Lime::new(&model).with_ridge(0.0).with_samples(40)),
    ];
    for method in methods {
        assert_close(&relevance(&method.attribute(features(), 1).unwrap()), &want, 1e-5);
    }
}

#[test]
fn a_product_is_shared_by_halves_and_a_maximum_by_order() {
    let product = function(2, |x| x.clone().narrow(1, 0, 1) * x.narrow(1, 1, 1));
    let got = KernelShap::new(&product).attribute(matrix([[3.0, -4.0]]), 0).unwrap();
    assert_close(&relevance(&got), &[-6.0, -6.0], 1e-6);
    // The airport game: 1 is shared by three, the next 1 by two, the last 4 by one.
    let maximum = function(3, |x| x.max_dim(1));
    let got = KernelShap::new(&maximum).attribute(matrix([[2.0, 1.0, 6.0]]), 0).unwrap();
    assert_close(&relevance(&got), &[1.0 / 3.0 + 0.5, 1.0 / 3.0, 1.0 / 3.0 + 0.5 + 4.0], 1e-6);
    // One region has all.
    let one = KernelShap::new(&maximum).with_regions(labels([0, 0, 0], [1, 3]));
    let got = one.attribute(matrix([[2.0, 1.0, 6.0]]), 0).unwrap();
    assert_close(&relevance(&got), &[2.0; 3], 1e-6);
}

#[test]
fn boxes_are_windows_side_by_side() {
    for size in [1, 3, 4, 10] {
        let got = FeatureAblation::new(&model()).with_regions(Regions::grid(size)).attribute(images(2), 1);
        let want = Occlusion::new(&model()).with_window(size).attribute(images(2), 1);
        assert_close(&relevance(&got.unwrap()), &relevance(&want.unwrap()), 1e-6);
    }
    let got = FeatureAblation::new(&model()).with_largest_batch(5).attribute(images(1), 1);
    let want = Occlusion::new(&model()).with_window([1, 1, 1]).attribute(images(1), 1);
    assert_close(&relevance(&got.unwrap()), &relevance(&want.unwrap()), 1e-6);
}

/// Halves of the first image, quarters of the second.
fn segments() -> Tensor<Flex, 4, Int> {
    let halves = (0..100).map(|i| i / 50);
    let quarters = (0..100).map(|i| i / 50 * 2 + i % 10 / 5);
    labels(halves.chain(quarters).collect::<Vec<_>>(), [2, 1, 10, 10])
}

#[test]
fn samples_have_segments_of_their_own() {
    let alone = |first: bool| {
        let image = images(2).narrow(0, usize::from(!first), 1);
        let method = KernelShap::new(&model());
        let regions = if first { Regions::grid([2, 5, 10]) } else { Regions::grid(5) };
        relevance(&method.with_regions(regions).attribute(image, 1).unwrap())
    };
    let got = KernelShap::new(&model()).with_regions(segments()).attribute(images(2), 1).unwrap();
    assert_close(&relevance(&got), &[alone(true), alone(false)].concat(), 1e-5);
    let counts = got.relevance_of_regions().unwrap().iter().map(|sample| sample[0].len());
    assert_eq!(counts.collect::<Vec<_>>(), [2, 4]);
}

#[test]
fn token_ids_go_as_whole_rows() {
    let device = Default::default();
    let mut graph = GraphBuilder::new();
    let table = crate::layer::Embedding::new(numbers::<Flex, 2>([9, 4], 1, &device).into(), 0).unwrap();
    let words = graph.lookup("words", table, &[1, 5]).unwrap();
    let bent = graph.push("bent", Activation::Tanh, &[words]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[bent]).unwrap();
    let head = graph.push("head", &linear_module::<Flex>(&device), &[flat]).unwrap();
    let model: Model<Flex> = graph.finish(head).unwrap().into();
    let ids = || labels([0, 1, 2, 3, 4, 8, 8, 7, 0, 5], [2, 5]);
    // The score is a sum over ids, so all agree.
    let want = relevance(&Occlusion::new(&model).attribute(ids(), 1).unwrap());
    let shap = KernelShap::new(&model).attribute(ids(), 1).unwrap();
    assert_close(&relevance(&shap), &want, 1e-5);
    assert_close(&relevance(&FeatureAblation::new(&model).attribute(ids(), 1).unwrap()), &want, 1e-5);
    let lime = Lime::new(&model).with_ridge(0.0).attribute(ids(), 1).unwrap();
    assert_close(&relevance(&lime), &want, 1e-5);
    // Two phrases: each id has the drop of its phrase, or its share of it.
    let phrases = || labels([0, 0, 1, 1, 1], [1, 5]);
    let (first, second) = (want[0] + want[1], want[2] + want[3] + want[4]);
    let got = FeatureAblation::new(&model).with_regions(phrases()).attribute(ids(), 1).unwrap();
    assert_close(&relevance(&got)[..5], &[first, first, second, second, second], 1e-5);
    let got = KernelShap::new(&model).with_regions(phrases()).attribute(ids(), 1).unwrap();
    let (first, second) = (first / 2.0, second / 3.0);
    assert_close(&relevance(&got)[..5], &[first, first, second, second, second], 1e-5);
}
