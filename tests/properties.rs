//! Properties that hold for every graph, tried on random ones: convolutions, batch norms, ReLUs,
//! pools and residual sums in any order, in 64-bit floats.
use burn::tensor::TensorData;
use burn_xai::Value;
use burn_xai::backend::flex::{self, Flex};
use burn_xai::composite::Composite;
use burn_xai::graph::{Graph, GraphBuilder, NodeId};
use burn_xai::kernel::{ConvGeometry, PoolGeometry};
use burn_xai::layer::{Activation, Add, BatchNorm, Conv, Linear, Pool, Reshape};
use burn_xai::prelude::*;
use proptest::prelude::*;

const BATCH: usize = 3;
const CLASSES: usize = 4;

type V = Value<Flex>;

/// One layer of a random network.
#[derive(Debug, Clone)]
enum Step {
    Conv {
        channels: usize,
        kernel: usize,
        stride: usize,
        padding: usize,
        bias: bool,
    },
    BatchNorm,
    Relu,
    MaxPool,
    AveragePool,
    /// `x + conv(x)`.
    Residual,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..4usize, 1..4usize, 1..3usize, 0..2usize, any::<bool>()).prop_map(
            |(channels, kernel, stride, padding, bias)| Step::Conv {
                channels,
                kernel,
                stride,
                padding,
                bias
            }
        ),
        Just(Step::BatchNorm),
        Just(Step::Relu),
        Just(Step::MaxPool),
        Just(Step::AveragePool),
        Just(Step::Residual),
    ]
}

/// A random network with a seed for its parameters and its input.
fn network() -> impl Strategy<Value = (Vec<Step>, u64)> {
    (proptest::collection::vec(step(), 1..7), any::<u64>())
}

/// Reproducible numbers.
struct Numbers(u64);

impl Numbers {
    /// Between -1 and 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    fn value(&mut self, dims: &[usize]) -> V {
        let data: Vec<f64> = (0..dims.iter().product()).map(|_| self.next()).collect();
        V::from_data(TensorData::new(data, dims.to_vec()), &flex::device())
    }
}

/// The network as a graph; steps that do not fit the size that is left are skipped.
fn build(steps: &[Step], seed: u64) -> (Graph<Flex>, V) {
    let mut numbers = Numbers(seed);
    let mut builder = GraphBuilder::new();
    let input = [BATCH, 2, 6, 6];
    let (mut at, mut dims) = (builder.input("x", &input).unwrap(), input.to_vec());
    for (index, step) in steps.iter().enumerate() {
        let name = format!("{index}");
        let conv = |numbers: &mut Numbers, to: usize, geometry: ConvGeometry, kernel: usize, bias: bool| {
            let weight = numbers.value(&[to, dims[1], kernel, kernel]);
            let bias = bias.then(|| numbers.value(&[to]));
            Conv::new(weight, bias, geometry).unwrap()
        };
        let mut push = |layer: burn_xai::layer::Layer<Flex>, inputs: &[NodeId]| {
            builder.push(name.as_str(), layer, inputs).ok()
        };
        let next = match step {
            Step::Conv { channels, kernel, stride, padding, bias } => {
                let geometry = ConvGeometry {
                    stride: vec![*stride; 2],
                    padding: vec![(*padding, *padding); 2],
                    ..ConvGeometry::new(2)
                };
                push(conv(&mut numbers, *channels, geometry, *kernel, *bias).into(), &[at])
            }
            Step::BatchNorm => {
                let vector = |numbers: &mut Numbers| numbers.value(&[dims[1]]);
                let (mean, shift, scale) = (vector(&mut numbers), vector(&mut numbers), vector(&mut numbers));
                let std = vector(&mut numbers).abs() + 0.5;
                push(BatchNorm::new(mean, std, scale, shift).unwrap().into(), &[at])
            }
            Step::Relu => push(Activation::Relu.into(), &[at]),
            Step::MaxPool => push(Pool::max(PoolGeometry::tiles(&[2, 2])).into(), &[at]),
            Step::AveragePool => push(Pool::average(PoolGeometry::tiles(&[2, 2]), true).into(), &[at]),
            Step::Residual => {
                let conv = conv(&mut numbers, dims[1], ConvGeometry::new(2), 1, true);
                let branch = builder.push(format!("{name}.branch"), conv, &[at]).unwrap();
                builder.push(name.as_str(), Add, &[at, branch]).ok()
            }
        };
        if let Some(next) = next {
            at = next;
            dims = builder.dims(at).unwrap().to_vec();
        }
    }
    let flat = builder.push("flat", Reshape::flatten(), &[at]).unwrap();
    let features = dims[1..].iter().product();
    let head = Linear::new(numbers.value(&[features, CLASSES]), Some(numbers.value(&[CLASSES]))).unwrap();
    let head = builder.push("head", head, &[flat]).unwrap();
    (builder.finish(head).unwrap(), numbers.value(&input))
}

fn read(value: &V) -> Vec<f64> {
    value.to_data().unwrap().iter::<f64>().collect()
}

/// Largest difference, relative to the largest expected value.
fn gap(got: &[f64], expected: &[f64]) -> f64 {
    let scale = expected.iter().fold(f64::MIN_POSITIVE, |scale, value| scale.max(value.abs()));
    got.iter().zip(expected).map(|(got, expected)| (got - expected).abs()).fold(0.0, f64::max) / scale
}

fn lrp(graph: &Graph<Flex>, composite: Composite) -> Lrp<Flex> {
    Lrp::new(&Model::from(graph.clone()), composite)
}

fn relevance(attribution: &Attribution<Flex>) -> &V {
    attribution.relevances()[0].as_ref().unwrap()
}

fn explain(lrp: Lrp<Flex>, x: &V) -> Attribution<Flex> {
    lrp.attribute(x.clone(), Target::argmax()).unwrap()
}

fn lrp_presets() -> Vec<Composite> {
    vec![epsilon_plus(), epsilon_plus_flat(), epsilon_alpha2_beta1(), epsilon_gamma_box(-1.0, 1.0)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn canonizing_keeps_what_a_graph_computes((steps, seed) in network()) {
        let (graph, x) = build(&steps, seed);
        let raw = read(&graph.forward(std::slice::from_ref(&x)).unwrap());
        let prepared = Model::from(graph).graph(x.clone(), 0).unwrap();
        prop_assert!(prepared.check().is_ok());
        let canonized = read(&prepared.forward(&[x]).unwrap());
        prop_assert!(gap(&canonized, &raw) < 1e-9, "{}", gap(&canonized, &raw));
    }

    #[test]
    fn ledgers_of_lrp_close((steps, seed) in network()) {
        let (graph, x) = build(&steps, seed);
        for composite in lrp_presets() {
            let name = composite.name().to_owned();
            // AlphaBeta does not conserve where an output has contributions of one sign only.
            if name.contains("alpha2") {
                continue;
            }
            let attribution = explain(lrp(&graph, composite).with_ledger(), &x);
            for row in attribution.ledger().unwrap().rows() {
                let columns = [&row.arrived, &row.passed, &row.bias, &row.stabilizer, &row.dropped];
                for (sample, unexplained) in row.unexplained().iter().enumerate() {
                    let scale: f64 = columns.iter().map(|column| column[sample].abs()).sum();
                    prop_assert!(
                        unexplained.abs() <= 1e-9 * scale.max(1e-3),
                        "{name}, {}: {unexplained} of {scale}", row.node
                    );
                }
            }
        }
    }

    #[test]
    fn samples_of_a_batch_do_not_mix((steps, seed) in network()) {
        let (graph, x) = build(&steps, seed);
        for composite in lrp_presets().into_iter().chain([gradient(), guided_backprop()]) {
            let together = read(relevance(&explain(lrp(&graph, composite.clone()), &x)));
            let width = together.len() / BATCH;
            let lrp = lrp(&graph, composite);
            let all = read(&x);
            for sample in 0..BATCH {
                let pixels = all[sample * width..(sample + 1) * width].to_vec();
                let one = V::from_data(TensorData::new(pixels, vec![1, 2, 6, 6]), &flex::device());
                let alone = lrp.attribute(one, Target::argmax()).unwrap();
                let expected = &together[sample * width..(sample + 1) * width];
                prop_assert!(gap(&read(relevance(&alone)), expected) < 1e-9);
            }
        }
    }
}
