//! Unmodified Burn models as graphs.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use burn::module::{Module, Param, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{
    AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, AvgPool2dConfig, MaxPool2d, MaxPool2dConfig,
};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d, Relu};
use burn::tensor::{Distribution, Tensor, activation, backend::Backend};
use burn_flex::Flex;
use xai_core::Value;
use xai_core::composite::{epsilon_plus_flat, gradient};
use xai_core::explain::{Explainer, GraphSource, Seed, Target};
use xai_core::graph::Graph;
use xai_core::layer::{Layer, LayerKind};
use xai_trace::{Recorded, TraceError, Traced};

type Plain<const D: usize> = Tensor<Flex, D>;
type Device = <Flex as burn_backend::BackendTypes>::Device;

fn random<const D: usize>(dims: [usize; D]) -> Plain<D> {
    Tensor::random(dims, Distribution::Normal(0.0, 1.0), &Device::default())
}

fn names(graph: &Graph<Flex>) -> Vec<&str> {
    graph.nodes().iter().map(|node| node.name()).collect()
}

fn kinds(graph: &Graph<Flex>) -> Vec<LayerKind> {
    graph.nodes().iter().map(|node| node.layer().kind()).collect()
}

/// Operations of all barriers, by node name.
fn barriers(graph: &Graph<Flex>) -> Vec<(&str, &str)> {
    let barriers = graph.nodes().iter().filter_map(|node| match node.layer() {
        Layer::Barrier(barrier) => Some((node.name(), barrier.op())),
        _ => None,
    });
    barriers.collect()
}

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
    let recorded = Recorded::new(&net, Net::forward);
    let graph = recorded.record(x.clone()).unwrap();
    let nodes = [
        ("input", LayerKind::Input),
        ("features.0.conv", LayerKind::Conv),
        ("features.0.bn", LayerKind::BatchNorm),
        ("features.0.bn.relu", LayerKind::Activation),
        ("features.0.bn.relu.max_pool", LayerKind::MaxPool),
        ("features.1.conv", LayerKind::Conv),
        ("features.1.bn", LayerKind::BatchNorm),
        ("features.1.bn.relu", LayerKind::Activation),
        ("features.1.bn.relu.add", LayerKind::Add),
        ("features.1.bn.relu.add.adaptive_avg_pool", LayerKind::AvgPool),
        ("features.1.bn.relu.add.adaptive_avg_pool.reshape", LayerKind::Reshape),
        ("fc", LayerKind::Linear),
    ];
    assert_eq!(names(&graph), nodes.map(|(name, _)| name));
    assert_eq!(kinds(&graph), nodes.map(|(_, kind)| kind));
    let add = graph.node(graph.find("features.1.bn.relu.add").unwrap()).unwrap();
    let summands = add.inputs().iter().map(|id| graph.node(*id).unwrap().name());
    assert_eq!(summands.collect::<Vec<_>>(), ["features.0.bn.relu.max_pool", "features.1.bn.relu"]);

    assert!(difference(&graph, x.clone(), net.forward(x.clone())) <= 1e-6);
    assert_eq!(names(&recorded.record(x).unwrap()), names(&graph), "names differ between recordings");
}

#[test]
fn the_batch_size_stays_free() {
    let net = net();
    let graph = Recorded::new(&net, Net::forward).record(random([1, 3, 16, 16])).unwrap();
    let x = random([3, 3, 16, 16]);
    assert!(difference(&graph, x.clone(), net.forward(x)) <= 1e-6);
}

#[test]
fn bare_layers_are_named_by_their_kind() {
    let device = Device::default();
    let linear = LinearConfig::new(4, 2).init::<Flex>(&device);
    let graph = Recorded::new(&linear, Linear::forward::<2>).record(random([3, 4])).unwrap();
    assert_eq!(names(&graph), ["input", "linear"]);

    let norm = BatchNormConfig::new(4).init::<Flex>(&device);
    let graph = Recorded::new(&norm, |norm, x: Tensor<_, 2>| norm.forward(x)).record(random([3, 4])).unwrap();
    assert_eq!(names(&graph), ["input", "batch_norm"]);

    let graph = Recorded::<Flex>::function(|x: Tensor<_, 2>| activation::relu(x)).record(random([3, 4]));
    assert_eq!(names(&graph.unwrap()), ["input", "input.relu"]);
}

#[derive(Module, Debug)]
struct Mlp<B: Backend> {
    layers: Vec<Linear<B>>,
}

fn mlp() -> Mlp<Flex> {
    Mlp { layers: vec![LinearConfig::new(4, 4).init(&Device::default())] }
}

#[test]
fn a_layer_called_twice_is_two_nodes() {
    fn twice<B: Backend>(net: &Mlp<B>, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let layer = |x| activation::relu(net.layers[0].forward(x));
        layer(layer(activation::relu(x)))
    }
    let (net, x) = (mlp(), random([3, 4]));
    let graph = Recorded::new(&net, twice).record(x.clone()).unwrap();
    let expected = ["input", "input.relu", "layers.0", "layers.0.relu", "layers.0#2", "layers.0#2.relu"];
    assert_eq!(names(&graph), expected);
    assert!(difference(&graph, x.clone(), twice(&net, x)) <= 1e-6);
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
            let forward = move |x: Tensor<Traced<Flex>, 4>| match max_first {
                true => max.forward(x).flatten::<2>(1, 3),
                false => avg.forward(x).flatten::<2>(1, 3),
            };
            let expected = forward.clone()(Tensor::from_inner(x.clone())).inner();
            let graph = Recorded::function(forward).record(x.clone()).unwrap();
            let pools = format!("max {max_first}, ceil mode {ceil}, include pad {include_pad}");
            assert!(difference(&graph, x.clone(), expected) <= 1e-6, "{pools}\n{graph}");
        }
    }
}

#[test]
fn operations_without_a_layer_are_named_barriers() {
    let (net, x) = (mlp(), random([4, 4]));
    let record = |f: fn(Tensor<Traced<Flex>, 2>) -> Tensor<Traced<Flex>, 2>| {
        let graph = Recorded::new(&net, move |net: &Mlp<_>, x| f(net.layers[0].forward(x)));
        graph.record(x.clone()).unwrap()
    };
    assert_eq!(barriers(&record(|x| activation::relu(x.exp()))), [("layers.0.exp", "float_exp")]);
    assert_eq!(
        barriers(&record(|x| Tensor::ones_like(&x) / x)),
        [("layers.0.div", "div (of a constant by a value that depends on the input)")]
    );
    let masked = |x: Tensor<_, 2>| x.clone().mask_fill(x.greater_elem(1.0), 0.5);
    assert_eq!(barriers(&record(masked)), [("layers.0.mask_fill", "mask_fill (outside a known activation)")]);
    assert_eq!(barriers(&record(|x| x.powf_scalar(2.5))), [("layers.0.pow", "float_powf_scalar")]);
    let assigned = |x: Tensor<Traced<Flex>, 2>| x.clone().slice_assign([0..1, 0..4], x.slice([1..2, 0..4]));
    assert_eq!(
        barriers(&record(assigned)),
        [("layers.0.slice.slice_assign", "slice_assign (into a value that depends on the input)")]
    );
    let weights = |x: Tensor<_, 2>| burn::tensor::module::linear(x.clone(), x, None);
    assert_eq!(
        barriers(&record(weights)),
        [("layers.0.linear", "linear (with weights that depend on the input)")]
    );
}

#[test]
fn arithmetic_that_is_read_elsewhere_is_no_batch_norm() {
    let constants: [Plain<2>; 4] = std::array::from_fn(|_| random([1, 3]).abs() + 0.5);
    let record = |shared: bool| {
        let constants = constants.clone();
        let graph = Recorded::<Flex>::function(move |x: Tensor<Traced<Flex>, 2>| {
            let [mean, std, scale, shift] = constants.clone().map(Tensor::from_inner);
            let centred = (x - mean) / std;
            let y = centred.clone() * scale + shift;
            if shared { y + centred } else { y }
        });
        kinds(&graph.record(random([2, 3])).unwrap())
    };
    assert_eq!(record(false), [LayerKind::Input, LayerKind::BatchNorm]);
    assert!(!record(true).contains(&LayerKind::BatchNorm));
}

#[test]
fn unusable_inputs_and_outputs_are_errors() {
    let identity = Recorded::<Flex>::function(|x: Tensor<_, 2>| x);
    let record = |x| identity.record(x).err();
    assert_eq!(record(random([2, 3])), Some(TraceError::Identity));
    assert_eq!(record(random([0, 3])), Some(TraceError::EmptyInput { dims: vec![0, 3] }));
    let rank = identity.record(random([1, 2, 3])).err();
    assert_eq!(rank, Some(TraceError::InputRank { expected: 2, dims: vec![1, 2, 3] }));

    let detour = Recorded::<Flex>::function(|x: Tensor<Traced<Flex>, 2>| {
        Tensor::<_, 2>::from_data(x.into_data(), &Device::default())
    });
    assert_eq!(detour.record(random([2, 3])).err(), Some(TraceError::Disconnected));

    let kept = Arc::new(Mutex::new(None));
    let keeping = Recorded::<Flex>::function(move |x: Tensor<Traced<Flex>, 2>| {
        let x = activation::relu(x);
        let before = kept.lock().unwrap().replace(x.clone());
        before.map_or(x.clone(), |before| x + before)
    });
    assert!(keeping.record(random([2, 3])).is_ok());
    assert_eq!(keeping.record(random([2, 3])).err(), Some(TraceError::ForeignInput));
}

#[test]
fn an_explainer_takes_a_recorded_model() {
    let explainer = Explainer::new(Recorded::new(&net(), Net::forward), epsilon_plus_flat());
    let explainer = explainer.keep_relevance_at("features.1.bn");
    let attribution = explainer.explain(random([2, 3, 16, 16]), Target::argmax()).unwrap();
    assert_eq!(attribution.relevance::<4>().unwrap().dims(), [2, 3, 16, 16]);

    let squashed = Recorded::new(&mlp(), |net: &Mlp<_>, x: Tensor<_, 2>| net.layers[0].forward(x).exp());
    let error = Explainer::new(squashed, epsilon_plus_flat()).explain(random([2, 4]), Target::argmax());
    let error = error.err().unwrap().to_string();
    assert!(error.contains("`layers.0.exp`") && error.contains("`float_exp`"), "{error}");

    let relu = Recorded::<Flex>::function(|x: Tensor<_, 2>| activation::relu(x));
    let error = relu.graph(&[random([2, 4]).into(), random([2, 4]).into()]).err().unwrap();
    assert_eq!(error.downcast_ref(), Some(&TraceError::InputCount { got: 2 }));
}

#[test]
fn threads_record_side_by_side() {
    let net = net();
    let recorded = Recorded::new(&net, Net::forward);
    let alone = recorded.record(random([1, 3, 16, 16])).unwrap();
    let graphs: Vec<_> = std::thread::scope(|scope| {
        let record = || scope.spawn(|| recorded.record(random([1, 3, 16, 16])).unwrap());
        let threads: Vec<_> = (0..4).map(|_| record()).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for graph in &graphs {
        assert_eq!((names(graph), kinds(graph)), (names(&alone), kinds(&alone)));
    }
}

#[test]
fn deep_recordings_are_freed_without_recursion() {
    let deep = Recorded::<Flex>::function(|x: Tensor<Traced<Flex>, 1>| {
        let end = (0..200_000).fold(x.clone(), |x, _| x + 0.0);
        // Nothing reads the chain any more once the function returns.
        drop(end);
        activation::relu(x)
    });
    assert_eq!(deep.record(random([1])).unwrap().nodes().len(), 2);
}

/// The buffer of an activation has no owner but the test, though the recording is under way.
#[test]
fn activations_are_not_kept() {
    let recorded = Recorded::<Flex>::function(|x: Tensor<Traced<Flex>, 2>| {
        let hidden = activation::relu(x);
        let buffer = hidden.clone().inner().into_primitive().tensor();
        let output = hidden + 1.0;
        assert!(buffer.is_unique());
        output
    });
    assert_eq!(recorded.record(random([2, 3])).unwrap().nodes().len(), 3);
}

#[test]
fn a_model_that_reads_values_is_recorded_for_each_input() {
    // The sign of the input is read and multiplied with: a constant of each recording.
    let model = Recorded::function(|x: Tensor<Traced<Flex>, 2>| {
        let sum: f32 = x.clone().sum().into_scalar();
        x * if sum > 0.0 { 2.0 } else { -3.0 }
    });
    let explainer = Explainer::new(model, gradient());
    for (x, slope) in [([1.0, 0.5], 2.0), ([-1.0, 0.5], -3.0), ([0.5, 1.0], 2.0)] {
        let x = Plain::<2>::from_floats([x], &Device::default());
        let target = Target::class(0).seeded(Seed::One);
        let relevance = explainer.explain(x, target).unwrap().relevance::<2>().unwrap();
        assert_eq!(relevance.into_data().to_vec::<f32>().unwrap(), [slope, 0.0]);
    }

    let steady = Recorded::function(|x: Tensor<Traced<Flex>, 2>| x * 2.0);
    steady.graph(&[random([1, 2]).into()]).unwrap();
    assert!(!steady.depends_on_values());
}
