//! Coverage of Burn's public activation and module functions: each records exactly what is stated
//! here, no primitive of a default body and no silent constant.

use burn::tensor::module as m;
use burn::tensor::ops::*;
use burn::tensor::{Distribution, Int, Tensor, TensorPrimitive, activation as act};
use burn_flex::Flex;

use crate::backend::Traced;
use crate::lower::reachable;
use crate::op::Op;
use crate::tensor::{Source, TracedTensor};

type T<const D: usize> = Tensor<Traced<Flex>, D>;

fn constant<const D: usize>(dims: [usize; D]) -> T<D> {
    let uniform = Distribution::Uniform(0.1, 0.9);
    Tensor::from_inner(Tensor::<Flex, D>::random(dims, uniform, &Default::default()))
}

fn input<const D: usize>(dims: [usize; D]) -> T<D> {
    let primitive = constant(dims).inner().into_primitive().tensor();
    Tensor::from_primitive(TensorPrimitive::Float(TracedTensor::input(primitive).0))
}

fn ints<const D: usize>(values: [i32; 2], dims: [usize; D]) -> Tensor<Traced<Flex>, D, Int> {
    Tensor::<Traced<Flex>, 1, Int>::from_ints(values, &Default::default()).reshape(dims)
}

/// What was recorded up to `tensor`, inputs left out.
fn recorded<const D: usize>(tensor: T<D>) -> Vec<String> {
    let name = |op: &Op| match op {
        Op::Input => None,
        Op::Unsupported(method) => Some(format!("!{method}")),
        op => Some(op.name().to_string()),
    };
    match &tensor.into_primitive().tensor().source {
        Source::Node(output) => reachable(output).iter().filter_map(|n| name(&n.op)).collect(),
        Source::Constant(_) => Vec::new(),
    }
}

macro_rules! records {
    ($($call:expr => [$($op:literal),*];)*) => {
        $(assert_eq!(recorded($call), [$($op),*] as [&str; _], "{}", stringify!($call));)*
    };
}

#[test]
fn activations() {
    let x = || input([2, 4]);
    records! {
        act::relu(x()) => ["relu"];
        act::leaky_relu(x(), 0.1) => ["leaky_relu"];
        act::gelu(x()) => ["gelu"];
        act::prelu(x(), constant([4])) => ["prelu"];
        act::softmax(x(), 1) => ["softmax"];
        act::softmin(x(), 1) => ["softmin"];
        act::log_softmax(x(), 1) => ["log_softmax"];
        act::sigmoid(x()) => ["sigmoid"];
        act::hard_sigmoid(x(), 0.2, 0.5) => ["hard_sigmoid"];
        act::log_sigmoid(x()) => ["log_sigmoid"];
        act::tanh(x()) => ["tanh"];
        x().clamp(0.0, 6.0) => ["relu6"];
        x().clamp_min(0.0) => ["relu"];
        x().clamp_max(1.0) => ["clamp"];
        act::glu(x(), 1) => ["slice", "slice", "sigmoid", "mul"];
    }
}

/// What Burn computes in steps: `fuse` puts these together again.
#[test]
fn activations_in_steps() {
    let x = || input([2, 4]);
    records! {
        act::silu(x()) => ["sigmoid", "mul"];
        act::hard_swish(x()) => ["hard_sigmoid", "mul"];
        act::softplus(x(), 1.0) => ["mul", "exp", "add", "log", "div"];
        act::mish(x()) => ["mul", "exp", "add", "log", "div", "tanh", "mul"];
        act::gelu_approximate(x()) => ["pow", "mul", "add", "mul", "tanh", "add", "mul", "mul"];
        act::elu(x(), 1.0) => ["exp", "sub", "mul", "mask_where"];
        act::celu(x(), 2.0) => ["div", "exp", "sub", "mul", "mask_where"];
        act::selu(x()) => ["mul", "exp", "sub", "mul", "mask_where"];
        act::thresholded_relu(x(), 1.0) => ["mask_fill"];
        act::softsign(x()) => ["abs", "add", "div"];
        act::hard_shrink(x(), 0.5) => ["abs", "mask_fill"];
        act::soft_shrink(x(), 0.5) => ["abs", "sign", "mul", "sub", "mask_fill"];
        act::quiet_softmax(x(), 1) =>
            ["detach", "max", "sub", "exp", "sum", "neg", "exp", "add", "div"];
    }
}

#[test]
fn convolutions_and_linear() {
    let x = || input([1, 2, 6, 6]);
    let transposed = ConvTransposeOptions::new([1, 1], [0, 0], [0, 0], [1, 1], 1);
    records! {
        m::linear(input([2, 4]), constant([4, 3]), Some(constant([3]))) => ["linear"];
        m::linear(input([2, 5, 4]), constant([4, 3]), None) => ["linear"];
        m::conv1d(input([1, 2, 6]), constant([2, 2, 3]), None, ConvOptions::new([1], [0], [1], 1)) => ["conv"];
        m::conv2d(x(), constant([2, 2, 3, 3]), None, ConvOptions::new([1, 1], [0, 0], [1, 1], 1)) => ["conv"];
        m::conv3d(
            input([1, 2, 4, 4, 4]), constant([2, 2, 3, 3, 3]), None,
            ConvOptions::new([1; 3], [0; 3], [1; 3], 1)
        ) => ["conv"];
        m::deform_conv2d(
            x(), constant([1, 18, 4, 4]), constant([2, 2, 3, 3]), None, None,
            DeformConvOptions::new([1, 1], [0, 0], [1, 1], 1, 1)
        ) => ["!deform_conv2d"];
        m::conv_transpose1d(
            input([1, 2, 6]), constant([2, 2, 3]), None, ConvTransposeOptions::new([1], [0], [0], [1], 1)
        ) => ["conv_transpose"];
        m::conv_transpose2d(x(), constant([2, 2, 3, 3]), None, transposed) => ["conv_transpose"];
        m::conv_transpose3d(
            input([1, 2, 4, 4, 4]), constant([2, 2, 3, 3, 3]), None,
            ConvTransposeOptions::new([1; 3], [0; 3], [0; 3], [1; 3], 1)
        ) => ["conv_transpose"];
        m::unfold4d(x(), [2, 1], UnfoldOptions::new([1, 1], [0, 0], [1, 1])) =>
            ["slice", "reshape", "slice", "reshape", "concat", "reshape"];
    }
}

#[test]
fn pools_and_the_rest() {
    let (x, line) = (|| input([1, 2, 6, 6]), || input([1, 2, 6]));
    let heads = || input([1, 2, 3, 4]);
    records! {
        m::max_pool1d(line(), 2, 2, 0, 1, false) => ["max_pool"];
        m::max_pool2d(x(), [2, 2], [2, 2], [0, 0], [1, 1], false) => ["max_pool"];
        m::max_pool1d_with_indices(line(), 2, 2, 0, 1, false).0 => ["max_pool"];
        m::max_pool2d_with_indices(x(), [2, 2], [2, 2], [0, 0], [1, 1], false).0 => ["max_pool"];
        m::avg_pool1d(line(), 2, 2, 0, true, false) => ["avg_pool"];
        m::avg_pool2d(x(), [2, 2], [2, 2], [0, 0], true, false) => ["avg_pool"];
        m::adaptive_avg_pool1d(line(), 2) => ["adaptive_avg_pool"];
        m::adaptive_avg_pool2d(x(), [2, 2]) => ["adaptive_avg_pool"];
        m::interpolate(x(), [8, 8], InterpolateOptions::new(InterpolateMode::Nearest)) => ["interpolate"];
        m::attention(heads(), heads(), heads(), None, None, Default::default()) =>
            ["permute", "matmul", "mul", "max", "clamp", "sub", "exp", "sum", "clamp", "div", "matmul"];
        m::embedding(input([5, 3]), ints([1, 2], [1, 2])) => ["select", "reshape"];
        m::embedding(constant([5, 3]), ints([1, 2], [1, 2])) => [];
        m::ctc_loss(
            input([3, 1, 4]), ints([1, 2], [1, 2]), ints([3, 3], [2]).narrow(0, 0, 1),
            ints([2, 2], [2]).narrow(0, 0, 1), 0
        ) => ["!ctc_loss"];
    }
}

#[test]
fn arithmetic_and_reductions() {
    let (x, c) = (|| input([2, 3]), || constant([2, 3]));
    records! {
        x() + x() => ["add"];
        x() - c() => ["sub"];
        c() - x() => ["sub"];
        x() * c() => ["mul"];
        x() / x() => ["div"];
        x() + 1.0 => ["add"];
        x() - 1.0 => ["sub"];
        x() * 2.0 => ["mul"];
        x() / 2.0 => ["div"];
        -x() => ["neg"];
        x().matmul(constant([3, 4])) => ["matmul"];
        constant([4, 2]).matmul(x()) => ["matmul"];
        x().sum_dim(1) => ["sum"];
        x().mean_dim(1) => ["mean"];
        x().sum() => ["sum"];
        x().mean() => ["mean"];
        x().powf_scalar(3.0) => ["pow"];
        x().square() => ["pow"];
        x().exp() => ["exp"];
        x().recip() => ["recip"];
        x().sqrt() => ["sqrt"];
        x().log() => ["log"];
        x().abs() => ["abs"];
        x().powf(c()) => ["pow"];
        x().max_dim_with_indices(1).0 => ["max"];
        x().min() => ["reshape", "min"];
        x().cumsum(1) => ["cumsum"];
        x().erf() => ["erf"];
        x().prod_dim(1) => ["slice", "slice", "mul", "slice", "concat", "slice", "slice", "mul"];
        x().remainder_scalar(2.0) => ["!float_remainder_scalar"];
        x().sort(1) => ["gather"];
        x().topk(2, 1) => ["gather", "slice"];
    }
}

#[test]
fn shapes() {
    let x = || input([2, 3]);
    records! {
        x().reshape([6]) => ["reshape"];
        x().flatten::<1>(0, 1) => ["reshape"];
        x().unsqueeze_dim::<3>(1) => ["reshape"];
        x().transpose() => ["permute"];
        x().swap_dims(0, 1) => ["permute"];
        x().permute([1, 0]) => ["permute"];
        x().flip([1]) => ["flip"];
        x().slice([0..1, 1..3]) => ["slice"];
        x().narrow(1, 0, 2) => ["slice"];
        x().chunk(3, 1).remove(1) => ["slice"];
        x().expand([4, 2, 3]) => ["expand"];
        x().repeat_dim(0, 2) => ["repeat"];
        x().repeat(&[1, 2]) => ["repeat"];
        Tensor::cat(vec![x(), constant([2, 3])], 0) => ["concat"];
        Tensor::stack::<3>(vec![x(), x()], 0) => ["reshape", "reshape", "concat"];
        x().pad((1, 0, 0, 2), 0.0) => ["slice_assign"];
        x().select(1, ints([2, 0], [2])) => ["select"];
        x().gather(1, ints([2, 0], [2, 1])) => ["gather"];
    }
}

#[test]
fn tensors_keep_their_origin_only_where_their_value_stays() {
    let x = || input([2, 3]);
    records! {
        x().detach() => ["detach"];
        x().set_require_grad(true).reshape([6]) => ["reshape"];
        x().to_device(&Default::default()) + x() => ["add"];
        x() + constant([2, 3]) => ["add"];
        x() - constant([1, 3]) => ["sub"];
        x().int().float() => [];
        constant([2, 3]).mask_fill(x().greater_elem(0.0), 1.0) => [];
        x().mask_fill(x().greater_elem(0.0), 1.0) => ["mask_fill"];
        x().greater_elem(0.0).bool_not().float() => [];
        x().greater(constant([2, 3])).int().float() => [];
        constant([2, 3]).exp() + constant([2, 3]) => [];
    }
}
