//! What is recorded.

use std::sync::{Arc, Mutex};

use burn::module::{Module, Param, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{
    AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, AvgPool2dConfig, MaxPool2d, MaxPool2dConfig,
};
use burn::nn::{BatchNorm, BatchNormConfig, LayerNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Tensor, activation, backend::Backend};
use burn_flex::Flex;
use xai_core::Value;
use xai_core::attributor::{Attributor, Lrp, Saliency};
use xai_core::composite::epsilon_plus_flat;
use xai_core::graph::Graph;
use xai_core::layer::LayerKind;
use xai_core::model::Target;
use xai_trace::{record, record_fn};

use crate::{Device, Plain, T, kinds, names, random, raw, unsupported};

fn difference<const D: usize>(graph: &Graph<Flex>, x: Plain<D>, expected: Plain<2>) -> f32 {
    let output: Plain<2> = graph.forward(&[Value::from(x)]).unwrap().into_tensor().unwrap();
    (output - expected).abs().max().into_scalar()
}

#[derive(Module, Debug)]
struct Block<B: Backend> {
    conv: Conv2d<B>,
    bn: BatchNorm<B>,
    act: Relu,
}

#[derive(Module, Debug)]
struct Net<B: Backend> {
    features: Vec<Block<B>>,
    pool: MaxPool2d,
    avg: AdaptiveAvgPool2d,
    fc: Linear<B>,
}

impl<B: Backend> Block<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.act.forward(self.bn.forward(self.conv.forward(x)))
    }
}

impl<B: Backend> Net<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.pool.forward(self.features[0].forward(x));
        let x = x.clone() + self.features[1].forward(x);
        self.fc.forward(self.avg.forward(x).flatten(1, 3))
    }
}

fn net() -> Net<Flex> {
    let device = Device::default();
    let block = |channels_in, channels| {
        let mut bn = BatchNormConfig::new(channels).init(&device);
        bn.gamma = Param::from_tensor(random([channels]));
        bn.beta = Param::from_tensor(random([channels]));
        bn.running_mean = RunningState::new(random([channels]));
        bn.running_var = RunningState::new(random([channels]).abs() + 0.5);
        let conv = Conv2dConfig::new([channels_in, channels], [3, 3]);
        let conv = conv.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(&device);
        Block { conv, bn, act: Relu::new() }
    };
    Net {
        features: vec![block(3, 8), block(8, 8)],
        pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
        avg: AdaptiveAvgPool2dConfig::new([2, 2]).init(),
        fc: LinearConfig::new(32, 10).init(&device),
    }
}

#[test]
fn a_residual_network_becomes_a_named_graph() {
    let net = net();
    let x = random([2, 3, 16, 16]);
    let model = record(&net, Net::forward);
    let graph = raw(&model, x.clone());
    let nodes = [
        ("input", LayerKind::Input),
        ("features.0.conv", LayerKind::Conv),
        ("features.0.bn", LayerKind::BatchNorm),
        ("features.0.bn.relu", LayerKind::Activation),
        ("features.0.bn.max_pool", LayerKind::MaxPool),
        ("features.1.conv", LayerKind::Conv),
        ("features.1.bn", LayerKind::BatchNorm),
        ("features.1.bn.relu", LayerKind::Activation),
        ("features.1.bn.add", LayerKind::Add),
        ("features.1.bn.adaptive_avg_pool", LayerKind::AvgPool),
        ("features.1.bn.reshape", LayerKind::Reshape),
        ("fc", LayerKind::Linear),
    ];
    assert_eq!(names(&graph), nodes.each_ref().map(|(name, _)| *name));
    assert_eq!(kinds(&graph), nodes.map(|(_, kind)| kind));
    let add = graph.node(graph.find("features.1.bn.add").unwrap()).unwrap();
    let summands = add.inputs().iter().map(|id| graph.node(*id).unwrap().name());
    assert_eq!(summands.collect::<Vec<_>>(), ["features.0.bn.max_pool", "features.1.bn.relu"]);

    assert!(difference(&graph, x.clone(), net.forward(x.clone())) <= 1e-6);
    assert_eq!(names(&raw(&model, x)), names(&graph), "names differ between recordings");
}

#[test]
fn the_batch_size_stays_free() {
    let net = net();
    let graph = raw(&record(&net, Net::forward), random([1, 3, 16, 16]));
    let x = random([3, 3, 16, 16]);
    assert!(difference(&graph, x.clone(), net.forward(x)) <= 1e-6);
}

#[derive(Module, Debug)]
struct Mlp<B: Backend> {
    layers: Vec<Linear<B>>,
}

fn mlp() -> Mlp<Flex> {
    Mlp { layers: vec![LinearConfig::new(4, 4).init(&Device::default())] }
}

#[test]
fn pools_keep_the_geometry_that_burn_gives_them() {
    let x = random([2, 3, 7, 6]);
    let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
    for (ceil, include_pad) in [(false, false), (false, true), (true, false), (true, true)] {
        let max = MaxPool2dConfig::new([3, 2]).with_strides([2, 2]).with_ceil_mode(ceil);
        let max = max.with_padding(padding.clone()).init();
        let avg = AvgPool2dConfig::new([3, 3]).with_strides([2, 2]).with_padding(padding.clone());
        let avg = avg.with_ceil_mode(ceil).with_count_include_pad(include_pad).init();
        for max_first in [true, false] {
            let (max, avg) = (max.clone(), avg.clone());
            let forward = move |x: T<4>| match max_first {
                true => max.forward(x).flatten::<2>(1, 3),
                false => avg.forward(x).flatten::<2>(1, 3),
            };
            let expected = forward.clone()(Tensor::from_inner(x.clone())).inner();
            let graph = raw(&record_fn(forward), x.clone());
            let pools = format!("max {max_first}, ceil mode {ceil}, include pad {include_pad}");
            assert!(difference(&graph, x.clone(), expected) <= 1e-6, "{pools}\n{graph}");
        }
    }
}

#[test]
fn operations_without_a_layer_keep_name_and_settings() {
    let (net, x) = (mlp(), random([4, 4]));
    let graph = |f: fn(T<2>) -> T<2>| {
        raw(&record(&net, move |net: &Mlp<_>, x| f(net.layers[0].forward(x))), x.clone())
    };
    assert_eq!(
        unsupported(&graph(|x| activation::relu(x.remainder_scalar(2.0)))),
        [("layers.0.remainder_scalar", "remainder_scalar")]
    );
    assert_eq!(
        unsupported(&graph(|x| x.clone().powf(x))),
        [("layers.0.pow", "pow (with an exponent that depends on the input)")]
    );
    let weights = |x: T<2>| burn::tensor::module::linear(x.clone(), x, None);
    assert_eq!(
        unsupported(&graph(weights)),
        [("layers.0.linear", "linear (with weights that depend on the input)")]
    );

    let norm = LayerNormConfig::new(4).init::<Flex>(&Device::default());
    let graph = raw(&record(&norm, |norm, x: T<2>| norm.forward(x)), x);
    assert_eq!((unsupported(&graph).len(), graph.nodes()[1].layer().kind()), (0, LayerKind::Normalize));
}

#[test]
fn arithmetic_that_is_read_elsewhere_is_no_batch_norm() {
    let constants: [Plain<2>; 4] = std::array::from_fn(|_| random([1, 3]).abs() + 0.5);
    let record = |shared: bool| {
        let constants = constants.clone();
        let model = record_fn(move |x: T<2>| {
            let [mean, std, scale, shift] = constants.clone().map(Tensor::from_inner);
            let centred = (x - mean) / std;
            let y = centred.clone() * scale + shift;
            if shared { y + centred } else { y }
        });
        kinds(&raw(&model, random([2, 3])))
    };
    assert_eq!(record(false), [LayerKind::Input, LayerKind::BatchNorm]);
    assert!(!record(true).contains(&LayerKind::BatchNorm));
}

#[test]
fn methods_take_a_recorded_model() {
    let model = record(&net(), Net::forward);
    let lrp = Lrp::new(&model, epsilon_plus_flat()).with_relevance_at("features.1.bn");
    let attribution = lrp.attribute(random([2, 3, 16, 16]), Target::argmax()).unwrap();
    assert_eq!(attribution.relevance::<4>().unwrap().dims(), [2, 3, 16, 16]);
    assert!(attribution.relevance_at::<4>("features.1.bn").is_ok());
}

#[test]
fn threads_record_side_by_side() {
    let model = record(&net(), Net::forward);
    let alone = raw(&model, random([1, 3, 16, 16]));
    let graphs: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| raw(&model, random([1, 3, 16, 16])))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for graph in &graphs {
        assert_eq!((names(graph), kinds(graph)), (names(&alone), kinds(&alone)));
    }
}

#[test]
fn deep_recordings_are_freed_without_recursion() {
    let deep = record_fn(|x: T<1>| {
        let end = (0..200_000).fold(x.clone(), |x, _| x + 0.0);
        // Nothing reads the chain any more once the function returns.
        drop(end);
        activation::relu(x)
    });
    assert_eq!(raw(&deep, random([1])).nodes().len(), 2);
}

/// The buffer of an activation has no owner but the test, though the recording is under way.
#[test]
fn activations_are_not_kept() {
    let model = record_fn(|x: T<2>| {
        let hidden = activation::relu(x);
        let buffer = hidden.clone().inner().into_primitive().tensor();
        let output = hidden + 1.0;
        assert!(buffer.is_unique());
        output
    });
    assert_eq!(raw(&model, random([2, 3])).nodes().len(), 3);
}

/// The recordings of a model that was asked for the gradients at these inputs of one shape.
fn recordings(
    f: impl Fn(T<2>) -> T<2> + Send + Sync + 'static,
    inputs: &[[f32; 2]],
) -> (usize, Vec<Vec<f32>>) {
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    let model = record_fn(move |x: T<2>| {
        *counted.lock().unwrap() += 1;
        f(x)
    });
    let saliency = Saliency::new(&model);
    let gradient = |x: &[f32; 2]| {
        let attribution = saliency.attribute(Plain::<2>::from_floats([*x], &Device::default()), 0).unwrap();
        attribution.relevance::<2>().unwrap().into_data().to_vec::<f32>().unwrap()
    };
    let gradients = inputs.iter().map(gradient).collect();
    (*calls.lock().unwrap(), gradients)
}

#[test]
fn a_model_that_reads_values_is_recorded_for_each_input() {
    // The sign of the input is read and multiplied with: a constant of each recording.
    let reading = |x: T<2>| {
        let sum: f32 = x.clone().sum().into_scalar();
        x * if sum > 0.0 { 2.0 } else { -3.0 }
    };
    let inputs = [[1.0, 0.5], [-1.0, 0.5], [0.5, 1.0]];
    let (calls, gradients) = recordings(reading, &inputs);
    assert_eq!((calls, gradients), (3, vec![vec![2.0, 0.0], vec![-3.0, 0.0], vec![2.0, 0.0]]));
    assert_eq!(recordings(|x| x * 2.0, &inputs).0, 1);
}
