//! Activations.

use burn::module::Module;
use burn::nn::activation::ActivationConfig;
use burn::nn::*;

use crate::data::Given::Floats;
use crate::harness::{ALL, NO_RELU};

use super::rows::sweep;

sweep! {
    relu: Relu, plain Relu::new(), |net, x| net.forward::<_, 2>(x), [Floats(&[4])] => ["activation"], ALL;
    leaky_relu: LeakyRelu, plain LeakyReluConfig::new().init(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    prelu: PRelu, on(device) PReluConfig::new().with_num_parameters(4).init::<Flex>(device),
        |net, x| net.forward::<2>(x), [Floats(&[4])] => ["activation"], NO_RELU;
    gelu: Gelu, plain Gelu::new(), |net, x| net.forward::<_, 2>(x), [Floats(&[4])] => ["activation"], NO_RELU;
    gelu_approximate: Gelu, plain Gelu::new_approximate(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    sigmoid: Sigmoid, plain Sigmoid::new(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], ALL;
    tanh: Tanh, plain Tanh::new(), |net, x| net.forward::<_, 2>(x), [Floats(&[4])] => ["activation"], ALL;
    hard_sigmoid: HardSigmoid, plain HardSigmoidConfig::new().init(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], ALL;
    hard_swish: HardSwish, plain burn::nn::activation::HardSwish::new(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    softplus: Softplus, plain SoftplusConfig::new().with_beta(2.0).init(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    softsign: Softsign, plain Softsign::new(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], ALL;
    elu: Elu, plain EluConfig::new().init(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    celu: Celu, plain CeluConfig::new().with_alpha(2.0).init(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    selu: Selu, plain Selu::new(), |net, x| net.forward::<_, 2>(x), [Floats(&[4])] => ["activation"], NO_RELU;
    thresholded_relu: ThresholdedRelu, plain ThresholdedReluConfig::new().with_alpha(0.2).init(),
        |net, x| net.forward::<_, 2>(x), [Floats(&[4])] => ["activation"], NO_RELU;
    hard_shrink: HardShrink, plain HardShrinkConfig::new().init(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    soft_shrink: SoftShrink, plain SoftShrinkConfig::new().init(), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["activation"], NO_RELU;
    shrink: Shrink, plain ShrinkConfig::new().with_lambda(0.3).with_bias(0.1).init(),
        |net, x| net.forward::<_, 2>(x), [Floats(&[4])] => ["activation"], NO_RELU;
    glu: GLU, plain GLU::new(1), |net, x| net.forward::<_, 2>(x),
        [Floats(&[4])] => ["2 slice", "activation", "mul"], ALL;
    swiglu: SwiGlu, on(device) SwiGluConfig::new(4, 3).with_bias(true).init::<Flex>(device),
        |net, x| net.forward::<2>(x),
        [Floats(&[4])] => ["2 linear", "activation", "mul"], NO_RELU;
    any: Activation, on(device) ActivationConfig::Tanh.init::<Flex>(device), |net, x| net.forward::<2>(x),
        [Floats(&[4])] => ["activation"], ALL;
}
