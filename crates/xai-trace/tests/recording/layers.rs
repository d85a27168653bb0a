//! Every operation that has a layer: the recorded graph computes what the function computes.

use burn::nn::conv::{Conv1dConfig, Conv2dConfig, Conv3dConfig, ConvTranspose2dConfig};
use burn::nn::pool::{AvgPool1dConfig, AvgPool2dConfig, MaxPool1dConfig, MaxPool2dConfig};
use burn::nn::{
    BatchNormConfig, DropoutConfig, GroupNormConfig, InstanceNormConfig, LinearConfig, PReluConfig,
    PaddingConfig1d, PaddingConfig2d, RmsNormConfig, SwiGluConfig,
};
use burn::tensor::{Int, Tensor, activation as act, backend::Backend, s};
use burn_flex::Flex;
use xai_core::Value;
use xai_core::graph::Graph;
use xai_core::layer::{Activation, Layer, LayerKind};
use xai_trace::{Traced, record, record_fn};

use crate::{Device, Plain, T, kinds, names, random, raw, unsupported};

fn constant<const D: usize>(dims: [usize; D]) -> T<D> {
    Tensor::from_inner(random(dims))
}

/// A constant that is the same in each call.
fn ramp<const D: usize>(dims: [usize; D]) -> T<D> {
    let count = dims.iter().product::<usize>() as i64;
    Tensor::<Traced<Flex>, 1, Int>::arange(1..count + 1, &Device::default()).float().reshape(dims) / 7.0
}

/// Kinds of all nodes but the input, after checking that graph and function agree, on another batch
/// size too where `free` says so.
fn kinds_of<const D: usize, const E: usize>(
    graph: &Graph<Flex>,
    x: Plain<D>,
    f: impl Fn(T<D>) -> T<E>,
    text: &str,
) -> Vec<String> {
    let expected = f(Tensor::from_inner(x.clone())).inner();
    let output = graph.forward(&[Value::from(x)]).unwrap_or_else(|error| panic!("{text}: {error}\n{graph}"));
    let output: Plain<E> = output.into_tensor().unwrap();
    let difference = (output - expected).abs().max().into_scalar();
    assert!(difference <= 1e-5, "{text}: differs by {difference}\n{graph}");
    let kind = |layer: &Layer<Flex>| match layer {
        Layer::Activation(activation) => activation.name().to_owned(),
        layer => layer.kind().name().to_owned(),
    };
    graph.nodes().iter().skip(1).map(|node| kind(node.layer())).collect()
}

macro_rules! lowers {
    ($($dims:expr, $f:expr => [$($kind:literal),*];)*) => {$({
        let f = $f;
        let mut dims = $dims;
        let graph = raw(&record_fn(f), random(dims));
        assert_eq!(kinds_of(&graph, random(dims), f, stringify!($f)), [$($kind),*], "{}", stringify!($f));
        // Nothing but the batch recorded its size.
        dims[0] += 1;
        kinds_of(&graph, random(dims), f, stringify!($f));
    })*};
}

#[test]
fn activations_become_one_node() {
    lowers! {
        [2, 4], |x: T<2>| act::relu(x) => ["relu"];
        [2, 4], |x: T<2>| x.clamp(0.0, 6.0) => ["relu6"];
        [2, 4], |x: T<2>| x.clamp(-1.0, 0.5) => ["clamp"];
        [2, 4], |x: T<2>| x.clamp_min(0.0) => ["relu"];
        [2, 4], |x: T<2>| act::leaky_relu(x, 0.1) => ["leaky-relu"];
        [2, 4], |x: T<2>| act::elu(x, 1.5) => ["elu"];
        [2, 4], |x: T<2>| act::elu(x, 1.0) => ["elu"];
        [2, 4], |x: T<2>| act::celu(x, 0.5) => ["celu"];
        [2, 4], |x: T<2>| act::selu(x) => ["selu"];
        [2, 4], |x: T<2>| act::gelu(x) => ["gelu"];
        [2, 4], |x: T<2>| act::gelu_approximate(x) => ["gelu-tanh"];
        [2, 4], |x: T<2>| act::silu(x) => ["silu"];
        [2, 4], |x: T<2>| act::sigmoid(x.clone()) * x => ["silu"];
        [2, 4], |x: T<2>| act::sigmoid(x) => ["sigmoid"];
        [2, 4], |x: T<2>| ((-x).exp() + 1.0).recip() => ["sigmoid"];
        [2, 4], |x: T<2>| act::tanh(x) => ["tanh"];
        [2, 4], |x: T<2>| act::softplus(x, 1.0) => ["softplus"];
        [2, 4], |x: T<2>| act::softplus(x, 2.5) => ["softplus"];
        [2, 4], |x: T<2>| x.exp().log1p() => ["softplus"];
        [2, 4], |x: T<2>| act::hard_sigmoid(x, 0.2, 0.5) => ["hard-sigmoid"];
        [2, 4], |x: T<2>| (x + 3.0).clamp(0.0, 6.0) / 6.0 => ["hard-sigmoid"];
        [2, 4], |x: T<2>| act::hard_swish(x) => ["hard-swish"];
        [2, 4], |x: T<2>| x.clone() * ((x + 3.0).clamp(0.0, 6.0) / 6.0) => ["hard-swish"];
        [2, 4], |x: T<2>| x.clone() * (x + 3.0).clamp(0.0, 6.0) / 6.0 => ["hard-swish"];
        [2, 4], |x: T<2>| act::mish(x) => ["mish"];
        [2, 4], |x: T<2>| act::log_sigmoid(x) => ["log-sigmoid"];
        [2, 4], |x: T<2>| act::softsign(x) => ["softsign"];
        [2, 4], |x: T<2>| act::thresholded_relu(x, 0.5) => ["thresholded-relu"];
        [2, 4], |x: T<2>| act::hard_shrink(x, 0.5) => ["shrink"];
        [2, 4], |x: T<2>| act::soft_shrink(x, 0.5) => ["shrink"];
        [2, 4], |x: T<2>| act::shrink(x, 0.5, 0.25) => ["shrink"];
        [2, 4], |x: T<2>| act::prelu(x, ramp([1])) => ["activation"];
        [2, 3, 4], |x: T<3>| act::prelu(x, ramp([3])) => ["activation"];
        [2, 4, 3], |x: T<3>| act::softmax(x, 2) => ["softmax"];
        [2, 4, 3], |x: T<3>| act::softmin(x, 1) => ["softmax"];
        [2, 4, 3], |x: T<3>| act::log_softmax(x, 1) => ["softmax"];
        [2, 4], |x: T<2>| act::glu(x, 1) => ["slice", "slice", "sigmoid", "mul"];
    }
}

/// A value inside an activation that something else reads keeps its steps.
#[test]
fn shared_steps_are_not_swallowed() {
    lowers! {
        [2, 4], |x: T<2>| { let gate = act::sigmoid(x.clone()); x * gate.clone() + gate } =>
            ["sigmoid", "mul", "add"];
        [2, 4], |x: T<2>| act::relu(x.clone()) * act::sigmoid(x) => ["relu", "sigmoid", "mul"];
    }
    let mask_of_another = |x: T<2>| {
        let mask = (x.clone() * 2.0 - 1.0).lower_equal_elem(0);
        let scaled = x.clone().exp().sub_scalar(1).mul_scalar(1.0);
        x.mask_where(mask, scaled)
    };
    assert!(!kinds(&raw(&record_fn(mask_of_another), random([2, 4]))).contains(&LayerKind::Activation));
}

#[test]
fn arithmetic_with_constants_and_values() {
    lowers! {
        [2, 3], |x: T<2>| x + ramp([1, 3]) => ["shift"];
        [2, 3], |x: T<2>| x - ramp([1, 3]) => ["shift"];
        [2, 3], |x: T<2>| ramp([1, 3]) - x => ["shift"];
        [2, 3], |x: T<2>| x * ramp([1, 3]) => ["scale"];
        [2, 3], |x: T<2>| x / ramp([1, 3]) => ["scale"];
        [2, 3], |x: T<2>| -(x * 3.0 - 1.0) / 4.0 + 2.0 => ["scale", "shift", "scale", "scale", "shift"];
        [2, 3], |x: T<2>| x.clone() * 2.0 - act::relu(x) => ["scale", "relu", "sub"];
        [2, 3], |x: T<2>| act::relu(x.clone()) * (x + 1.0) => ["relu", "shift", "mul"];
        [2, 3], |x: T<2>| x.clone() / (act::relu(x) + 1.0) => ["relu", "shift", "div"];
        [2, 3], |x: T<2>| x.clone() + x => ["add"];
        [2, 3], |x: T<2>| x.clone() - x.mean_dim(1) => ["mean", "expand", "sub"];
        [2, 3, 4, 4], |x: T<4>| x.clone() * act::sigmoid(x.mean_dim(3).mean_dim(2)) =>
            ["mean", "mean", "sigmoid", "expand", "mul"];
        [2, 1, 3], |x: T<3>| x + ramp([1, 4, 1]) => ["expand", "shift"];
    }
}

#[test]
fn products_and_reductions() {
    lowers! {
        [2, 3], |x: T<2>| x.matmul(ramp([3, 4])) => ["linear"];
        [2, 2], |x: T<2>| x.matmul(ramp([2, 4]) * 0.0 + 1.0) => ["linear"];
        [2, 5, 3], |x: T<3>| x.matmul(ramp([1, 3, 4])) + ramp([1, 1, 4]) => ["linear"];
        [2, 3], |x: T<2>| ramp([1, 4]) + x.matmul(ramp([3, 4])) => ["linear"];
        [2, 3], |x: T<2>| x.matmul(ramp([3, 1])) + ramp([1, 4]) => ["linear", "expand", "shift"];
        [2, 5, 3], |x: T<3>| x.matmul(ramp([1, 3, 4])) + ramp([1, 5, 4]) => ["linear", "shift"];
        [2, 5, 3], |x: T<3>| x.matmul(ramp([1, 3, 4])) => ["linear"];
        [2, 3, 5], |x: T<3>| ramp([1, 4, 3]).matmul(x) => ["matmul"];
        [2, 6, 5, 3], |x: T<4>| x.matmul(ramp([1, 6, 3, 4])) => ["matmul"];
        [2, 3, 3], |x: T<3>| x.clone().matmul(x.transpose()) => ["permute", "matmul"];
        [2, 3, 4], |x: T<3>| x.sum_dim(2) => ["sum"];
        [2, 3, 4], |x: T<3>| x.mean_dims(&[1, 2]) => ["mean", "mean"];
        [2, 3], |x: T<2>| x.sum() => ["sum"];
        [2, 3], |x: T<2>| x.mean() => ["mean"];
        [2, 5, 4], |x: T<3>| burn::tensor::module::linear(x, ramp([4, 3]), Some(ramp([3]))) => ["linear"];
        [2, 5, 2, 4], |x: T<4>| burn::tensor::module::linear(x, ramp([4, 3]), None) => ["linear"];
    }
}

#[test]
fn elementwise_functions() {
    let exponent = |value: f32| Tensor::<Traced<Flex>, 1>::from_floats([value], &Device::default());
    lowers! {
        [2, 4], |x: T<2>| x.square() => ["elementwise"];
        [2, 4], |x: T<2>| x.powi_scalar(3) => ["elementwise"];
        [2, 4], |x: T<2>| x.powf_scalar(-2.0) => ["elementwise"];
        [2, 4], |x: T<2>| act::relu(x).powf_scalar(1.5) => ["relu", "elementwise"];
        [2, 4], |x: T<2>| act::relu(x).sqrt() => ["relu", "elementwise"];
        [2, 4], |x: T<2>| x.exp() => ["elementwise"];
        [2, 4], |x: T<2>| (act::relu(x) + 1.0).log() => ["relu", "shift", "elementwise"];
        [2, 4], |x: T<2>| x.abs() => ["elementwise"];
        [2, 4], |x: T<2>| (act::relu(x) + 1.0).recip() => ["relu", "shift", "elementwise"];
        [2, 4], move |x: T<2>| x.powf(exponent(2.0).reshape([1, 1])) => ["elementwise"];
        [2, 4], move |x: T<2>| x.powi(exponent(3.0).reshape([1, 1])) => ["elementwise"];
    }
    let found = |f: fn(T<2>) -> T<2>| {
        let graph = raw(&record_fn(f), random([2, 4]));
        unsupported(&graph).first().map(|(_, operation)| operation.to_string())
    };
    assert_eq!(found(|x| x.powf(ramp([1, 4]))).as_deref(), Some("pow (with exponents that differ)"));
    assert_eq!(
        found(|x| x.clone().powf(x)).as_deref(),
        Some("pow (with an exponent that depends on the input)")
    );
    assert_eq!(found(|x| x.powi_scalar(2.5)).as_deref(), Some("powi_scalar"));
}

/// The primitives that other crates find distances to constant points by.
#[test]
fn distances_stay_plain_layers() {
    lowers! {
        [2, 3], |x: T<2>| {
            let difference = x.unsqueeze_dim::<3>(1) - ramp([1, 4, 3]);
            (difference.clone() * difference).sum_dim(2).squeeze_dim::<2>(2).sqrt()
        } => ["reshape", "expand", "shift", "mul", "sum", "reshape", "elementwise"];
    }
}

#[test]
fn shapes_keep_the_batch_free() {
    lowers! {
        [2, 3, 4], |x: T<3>| x.flatten::<2>(1, 2) => ["reshape"];
        [2, 3, 4], |x: T<3>| x.unsqueeze_dim::<4>(1) => ["reshape"];
        [2, 3, 4], |x: T<3>| x.permute([2, 0, 1]) => ["permute"];
        [2, 3, 4], |x: T<3>| x.swap_dims(0, 2) => ["permute"];
        [2, 3, 4], |x: T<3>| x.transpose() => ["permute"];
        [2, 3, 4], |x: T<3>| x.flip([0, 2]) => ["permute"];
        [2, 3, 5], |x: T<3>| x.narrow(1, 1, 2).narrow(1, 0, 1) => ["slice", "slice"];
        [2, 3, 5], |x: T<3>| x.slice(burn::tensor::s![.., .., 1..-1]) => ["slice"];
        [2, 3, 7], |x: T<3>| x.slice(burn::tensor::s![.., .., 0..6;2]) => ["slice"];
        [2, 3, 7], |x: T<3>| x.slice(burn::tensor::s![.., .., 1..7;-2]) => ["slice"];
        [2, 1, 3], |x: T<3>| x.expand([-1, 4, 3]) => ["expand"];
        [2, 2, 3], |x: T<3>| x.repeat_dim(1, 3) => ["expand"];
        [2, 2, 3], |x: T<3>| Tensor::cat(vec![x.clone(), act::relu(x)], 2) => ["relu", "concat"];
        [2, 2, 3], |x: T<3>| {
            let token = ramp([1, 1, 3]).expand([x.dims()[0] as i64, 1, 3]);
            Tensor::cat(vec![token, x], 1)
        } => ["concat"];
        [2, 2, 3], |x: T<3>| x.pad((1, 2, 0, 1), 0.5) => ["pad"];
        [2, 4, 3], |x: T<3>| {
            x.select(1, Tensor::from_ints([2, 0, 2], &Device::default()))
        } => ["slice"];
        [2, 6], |x: T<2>| DropoutConfig::new(0.5).init().forward(act::relu(x)) => ["relu"];
    }
}

/// Records a layer of the model with its own parameters.
macro_rules! lowers_module {
    ($($init:expr, $dims:expr, $rank:literal => [$($kind:literal),*];)*) => {$({
        let module = $init;
        let graph = raw(&record(&module, |m: &_, x: T<$rank>| m.forward(x)), random($dims));
        let x = random($dims);
        let expected = module.forward(x.clone());
        let output: Plain<$rank> = graph.forward(&[Value::from(x)]).unwrap().into_tensor().unwrap();
        let difference = (output - expected).abs().max().into_scalar();
        assert!(difference <= 1e-5, "{}: {difference}\n{graph}", stringify!($init));
        let kinds: Vec<_> = kinds(&graph).iter().skip(1).map(ToString::to_string).collect();
        assert_eq!(kinds, [$($kind),*], "{}", stringify!($init));
    })*};
}

#[test]
fn modules_of_every_rank() {
    let device = &Device::default();
    let same = PaddingConfig2d::Same;
    lowers_module! {
        Conv1dConfig::new(2, 3, 3).with_stride(2).with_padding(PaddingConfig1d::Explicit(1, 1)).init::<Flex>(device),
            [2, 2, 7], 3 => ["conv"];
        Conv1dConfig::new(2, 3, 4).with_padding(PaddingConfig1d::Same).init::<Flex>(device), [2, 2, 7], 3 => ["conv"];
        Conv2dConfig::new([2, 3], [2, 4]).with_padding(same.clone()).init::<Flex>(device), [2, 2, 5, 6], 4 => ["conv"];
        Conv2dConfig::new([2, 3], [3, 3]).with_stride([2, 2]).with_padding(same.clone()).init::<Flex>(device),
            [2, 2, 6, 6], 4 => ["conv"];
        Conv3dConfig::new([2, 3], [1, 2, 3]).init::<Flex>(device), [1, 2, 3, 4, 5], 5 => ["conv"];
        ConvTranspose2dConfig::new([4, 6], [3, 3]).with_stride([2, 2]).with_padding([1, 1]).with_padding_out([1, 1])
            .with_groups(2).init::<Flex>(device), [2, 4, 3, 5], 4 => ["conv-transpose"];
        BatchNormConfig::new(3).init::<Flex>(device), [2, 3, 4], 3 => ["batch-norm"];
        BatchNormConfig::new(3).init::<Flex>(device), [2, 3, 2, 2, 3], 5 => ["batch-norm"];
        LinearConfig::new(4, 3).init::<Flex>(device), [2, 5, 4], 3 => ["linear"];
        PReluConfig::new().with_num_parameters(3).init::<Flex>(device), [2, 3, 4], 3 => ["activation"];
        SwiGluConfig::new(4, 3).init::<Flex>(device), [2, 4], 2 => ["linear", "activation", "linear", "mul"];
    }
}

#[test]
fn padding_around_pools_is_taken_in() {
    let (max1, avg1) = (MaxPool1dConfig::new(3), AvgPool1dConfig::new(2));
    let explicit = PaddingConfig1d::Explicit(1, 0);
    let max1 = max1.with_stride(2).with_padding(explicit.clone()).init();
    let avg1 = avg1.with_padding(explicit).with_count_include_pad(false).init();
    let max2 = MaxPool2dConfig::new([2, 3]).with_strides([1, 1]).with_padding(PaddingConfig2d::Same).init();
    let avg2 = AvgPool2dConfig::new([2, 3]).with_strides([1, 1]).with_padding(PaddingConfig2d::Same).init();
    fn check<const D: usize>(f: impl Fn(T<D>) -> T<D> + Send + Sync + 'static, dims: [usize; D], kind: &str) {
        let f = std::sync::Arc::new(f);
        let recorded = f.clone();
        let graph = raw(&record_fn(move |x| recorded(x)), random(dims));
        assert_eq!(kinds_of(&graph, random(dims), |x| f(x), kind), [kind]);
    }
    check(move |x: T<3>| max1.forward(x), [2, 2, 7], "max-pool");
    check(move |x: T<3>| avg1.forward(x), [2, 2, 7], "avg-pool");
    check(move |x: T<4>| max2.forward(x), [2, 2, 5, 4], "max-pool");
    check(move |x: T<4>| avg2.forward(x), [2, 2, 5, 4], "avg-pool");
    // A batch of padded images is no padding that a convolution could add.
    let kernel = constant([3, 2, 2, 2]);
    let f = move |x: T<4>| {
        let options = burn::tensor::ops::ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
        burn::tensor::module::conv2d(x.pad((1, 1, 1, 1), 0.5), kernel.clone(), None, options)
    };
    let graph = raw(&record_fn(f.clone()), random([2, 2, 4, 4]));
    assert_eq!(kinds_of(&graph, random([2, 2, 4, 4]), f, "filled"), ["pad", "conv"]);
}

/// Masks that depend on the input and belong to no activation hold for one input.
#[test]
fn what_a_comparison_decides_is_recorded_anew() {
    let functions: [fn(T<2>) -> T<2>; 4] = [
        |x| x.clone().greater_elem(0.0).float() * x,
        |x| x.clone() + Tensor::zeros_like(&x).mask_fill(x.lower_elem(1.0), 2.0),
        |x| act::elu(x.clone(), 1.0).mask_where(x.clone().greater_elem(1.0), x * 3.0),
        |x| (x.clone() * 2.0).max_pair(x.exp()),
    ];
    for f in functions {
        let model = record_fn(f);
        for _ in 0..2 {
            let x = random([2, 4]);
            let expected = f(T::from_inner(x.clone())).inner();
            let output: Plain<2> = model.output(x, 0).unwrap().into_tensor().unwrap();
            assert!((output - expected).abs().max().into_scalar() <= 1e-5);
            assert!(model.reads_values());
        }
    }
}

#[test]
fn normalisations_in_steps() {
    let device = &Device::default();
    lowers_module! {
        RmsNormConfig::new(4).init::<Flex>(device), [2, 3, 4], 3 => ["normalize", "scale"];
        GroupNormConfig::new(2, 4).init::<Flex>(device), [2, 4, 3], 3 =>
            ["reshape", "normalize", "reshape", "scale", "shift"];
        InstanceNormConfig::new(4).init::<Flex>(device), [2, 4, 3, 2], 4 =>
            ["reshape", "normalize", "reshape", "scale", "shift"];
    }
    lowers! {
        [2, 3, 4], |x: T<3>| {
            let centred = x.clone() - x.mean_dim(2);
            let variance = centred.clone().powf_scalar(2.0).mean_dim(2);
            centred * (variance + 1e-5).powf_scalar(-0.5) * ramp([1, 1, 4])
        } => ["normalize", "scale"];
        [2, 3, 4], |x: T<3>| {
            let mean = x.clone().mean_dim(1);
            let variance = (x.clone() - mean.clone()).square().mean_dim(1);
            (x - mean) / (variance + 1e-5).sqrt()
        } => ["normalize"];
        [2, 3, 4], |x: T<3>| {
            let (variance, mean) = x.clone().var_mean_bias(1);
            (x - mean) / variance.add_scalar(1e-5).sqrt()
        } => ["normalize"];
        [2, 3, 4, 5], |x: T<4>| {
            let centred = x.clone() - x.clone().mean_dim(2).mean_dim(3);
            centred.clone() / ((centred.clone() * centred).mean_dim(2).mean_dim(3) + 0.1).sqrt()
        } => ["normalize"];
        [2, 4], |x: T<2>| (x.clone().square().mean_dim(1) + 1e-6).sqrt().recip() * x => ["normalize"];
        // Of another value.
        [2, 4], |x: T<2>| (x.clone() + 1.0) / (x.square().mean_dim(1) + 1e-6).sqrt() =>
            ["shift", "elementwise", "mean", "shift", "elementwise", "expand", "div"];
    }
}

#[test]
fn softmaxes_in_steps() {
    lowers! {
        [2, 4], |x: T<2>| act::quiet_softmax(x, 1) => ["softmax"];
        [2, 3, 4], |x: T<3>| { let e = (x.clone() - x.max_dim(1)).exp(); e.clone() / e.sum_dim(1) } => ["softmax"];
        [2, 4], |x: T<2>| { let e = x.exp(); e.clone() / e.sum_dim(1) } => ["softmax"];
        [2, 4], |x: T<2>| { let e = x.exp(); e.clone() / e.sum_dim(0) } => ["softmax"];
        [1, 2, 3, 4], |x: T<4>| {
            let options = burn::tensor::ops::AttentionModuleOptions { is_causal: true, ..Default::default() };
            burn::tensor::module::attention(x.clone(), x.clone() * 2.0, x, None, None, options)
        } => ["scale", "permute", "matmul", "scale", "shift", "softmax", "matmul"];
    }
}

#[test]
fn extrema_windows_and_picked_elements() {
    use burn::tensor::ops::{InterpolateMode, InterpolateOptions, PadMode, UnfoldOptions};
    let ints =
        |data: [i64; 2]| Tensor::<Traced<Flex>, 1, burn::tensor::Int>::from_data(data, &Device::default());
    lowers! {
        [2, 3, 4], |x: T<3>| x.max_dim(2) => ["reshape", "max-pool", "reshape"];
        [2, 3, 4], |x: T<3>| x.min_dim(1) => ["permute", "reshape", "min-pool", "reshape", "permute"];
        [2, 4], |x: T<2>| x.max_dim(1) => ["reshape", "max-pool", "reshape"];
        [2, 3, 5], |x: T<3>| x.cumsum(1) => ["sum"];
        [2, 3], |x: T<2>| x.abs().prod_dim(1) =>
            ["elementwise", "slice", "slice", "mul", "slice", "concat", "slice", "slice", "mul"];
        [2, 5], |x: T<2>| ramp([1, 5]) / (x.square() + 1.0) =>
            ["elementwise", "shift", "elementwise", "scale"];
        [2, 3, 4, 5], |x: T<4>| {
            burn::tensor::module::interpolate(x, [6, 3], InterpolateOptions::new(InterpolateMode::Bicubic))
        } => ["interpolate"];
        [2, 3, 5], |x: T<3>| x.pad((2, 1, 0, 1), PadMode::Reflect) =>
            [
                "slice", "permute", "concat", "slice", "permute", "slice", "permute", "concat"
            ];
        [1, 2, 4, 4], |x: T<4>| {
            burn::tensor::module::unfold4d(x, [2, 1], UnfoldOptions::new([1, 2], [1, 0], [2, 1]))
        } => ["pad", "slice", "reshape", "slice", "reshape", "concat", "reshape"];
        [2, 5], |x: T<2>| x.clone().slice_assign(s![.., 1..3], x.slice(s![.., 0..2]) * 2.0) =>
            ["slice", "scale", "concat"];
        [2, 5], |x: T<2>| {
            let first = x.clone().slice(s![.., 0..2]);
            Tensor::zeros([x.dims()[0], 4], &x.device()).slice_assign(s![.., 2..4], first * 2.0)
                .slice_assign(s![.., 0..2], x.slice(s![.., 3..5]))
        } => ["slice", "slice", "scale", "concat"];
    }
    let picked =
        move |x: T<3>, places: [i64; 2]| x.gather(2, ints(places).reshape([1, 1, 2]).repeat(&[2, 3, 1]));
    let graph = raw(&record_fn(move |x: T<3>| picked(x, [3, 0])), random([2, 3, 4]));
    assert_eq!(kinds(&graph)[1..], [LayerKind::Slice]);
    let top = record_fn(|x: T<2>| x.topk(2, 1));
    for _ in 0..2 {
        let x = random([2, 5]);
        let output: Plain<2> = top.output(x.clone(), 0).unwrap().into_tensor().unwrap();
        assert_eq!(output.into_data(), x.topk(2, 1).into_data());
    }
    lowers! {
        [2, 7, 3], |x: T<3>| x.unfold::<4, _>(1, 3, 2) => [
            "slice", "reshape", "slice", "reshape", "slice", "reshape", "concat"
        ];
    }
}

#[test]
fn pools_and_convolutions_of_every_rank() {
    use burn::tensor::module as m;
    use burn::tensor::ops::ConvTransposeOptions;
    lowers! {
        [2, 3, 7], |x: T<3>| m::max_pool1d(x, 3, 2, 1, 1, true) => ["max-pool"];
        [2, 3, 7], |x: T<3>| m::avg_pool1d(x, 3, 2, 1, true, false) => ["avg-pool"];
        [2, 3, 7], |x: T<3>| m::adaptive_avg_pool1d(x, 3) => ["avg-pool"];
        [2, 3, 7, 5], |x: T<4>| m::adaptive_avg_pool2d(x, [3, 2]) => ["avg-pool"];
        [2, 2, 5], |x: T<3>| {
            let options = ConvTransposeOptions::new([2], [1], [1], [2], 1);
            m::conv_transpose1d(x, ramp([2, 3, 3]), Some(ramp([3])), options)
        } => ["conv-transpose"];
        [1, 2, 2, 3, 2], |x: T<5>| {
            let options = ConvTransposeOptions::new([1, 2, 1], [0, 1, 0], [0, 0, 0], [1, 1, 2], 2);
            m::conv_transpose3d(x, ramp([2, 2, 2, 3, 2]), None, options)
        } => ["conv-transpose"];
    }
}

#[test]
fn fused_layers_are_named_by_what_they_read() {
    let linear = LinearConfig::new(4, 4).init::<Flex>(&Device::default());
    fn forward<B: Backend>(linear: &burn::nn::Linear<B>, x: Tensor<B, 2>) -> Tensor<B, 2> {
        act::hard_swish(act::silu(linear.forward(x)))
    }
    let graph = raw(&record(&linear, forward), random([2, 4]));
    assert_eq!(names(&graph), ["input", "linear", "linear.silu", "linear.hard_swish"]);
    let Layer::Activation(activation) = graph.nodes()[2].layer() else { panic!("{graph}") };
    assert_eq!(*activation, Activation::Silu);
}
