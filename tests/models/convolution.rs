//! Convolutional networks that classify, detect and segment.

use burn::module::Module;
use burn::nn::activation::HardSwish;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::interpolate::{Interpolate2d, Interpolate2dConfig, InterpolateMode};
use burn::nn::pool::{
    AdaptiveAvgPool2d, AdaptiveAvgPool2dConfig, AvgPool2d, AvgPool2dConfig, MaxPool2d, MaxPool2dConfig,
};
use burn::nn::{
    BatchNorm, BatchNormConfig, GroupNorm, GroupNormConfig, HardSigmoid, HardSigmoidConfig, Linear,
    LinearConfig, PaddingConfig2d, Relu,
};
use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid, silu};
use burn::tensor::backend::Backend;

use crate::data::Given::Floats;
use crate::harness::{ALL, NO_RELU, networks};

networks! {
    yolox: Yolox, |net, x| net.forward(x), [Floats(&[3, 16, 16])],
        NO_RELU;
    unet: UNet, |net, x| net.forward(x), [Floats(&[1, 8, 8])],
        ALL;
    se_resnet: SeResNet, |net, x| net.forward(x), [Floats(&[3, 8, 8])],
        ALL;
    densenet: DenseNet, |net, x| net.forward(x), [Floats(&[3, 8, 8])],
        ALL;
    mobilenet_v3: MobileNet, |net, x| net.forward(x), [Floats(&[3, 8, 8])],
        NO_RELU;
}

/// A 3 x 3 convolution that keeps the size, or halves it.
fn conv3<B: Backend>(from: usize, to: usize, stride: usize, device: &B::Device) -> Conv2d<B> {
    Conv2dConfig::new([from, to], [3, 3])
        .with_stride([stride, stride])
        .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
        .with_bias(false)
        .init(device)
}

fn conv1<B: Backend>(from: usize, to: usize, device: &B::Device) -> Conv2d<B> {
    Conv2dConfig::new([from, to], [1, 1]).init(device)
}

/// Convolution, batch norm, SiLU.
#[derive(Module, Debug)]
struct BaseConv<B: Backend> {
    conv: Conv2d<B>,
    norm: BatchNorm<B>,
}

impl<B: Backend> BaseConv<B> {
    fn new(from: usize, to: usize, stride: usize, device: &B::Device) -> Self {
        Self { conv: conv3(from, to, stride, device), norm: BatchNormConfig::new(to).init(device) }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        silu(self.norm.forward(self.conv.forward(x)))
    }
}

/// A pyramid of two scales and a decoupled head for each; boxes, objectness and classes of both.
#[derive(Module, Debug)]
struct Yolox<B: Backend> {
    stem: BaseConv<B>,
    fine: BaseConv<B>,
    coarse: BaseConv<B>,
    upsample: Interpolate2d,
    merge: BaseConv<B>,
    fine_head: YoloxHead<B>,
    coarse_head: YoloxHead<B>,
}

#[derive(Module, Debug)]
struct YoloxHead<B: Backend> {
    stem: BaseConv<B>,
    classify: BaseConv<B>,
    regress: BaseConv<B>,
    classes: Conv2d<B>,
    boxes: Conv2d<B>,
    object: Conv2d<B>,
}

impl<B: Backend> YoloxHead<B> {
    fn new(from: usize, device: &B::Device) -> Self {
        let base = |from| BaseConv::new(from, 4, 1, device);
        Self {
            stem: base(from),
            classify: base(4),
            regress: base(4),
            classes: conv1(4, 2, device),
            boxes: conv1(4, 4, device),
            object: conv1(4, 1, device),
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let x = self.stem.forward(x);
        let classes = sigmoid(self.classes.forward(self.classify.forward(x.clone())));
        let regressed = self.regress.forward(x);
        let object = sigmoid(self.object.forward(regressed.clone()));
        Tensor::cat(vec![self.boxes.forward(regressed), object, classes], 1)
    }
}

impl<B: Backend> Yolox<B> {
    fn new(device: &B::Device) -> Self {
        let upsample = Interpolate2dConfig::new().with_scale_factor(Some([2.0, 2.0]));
        Self {
            stem: BaseConv::new(3, 4, 2, device),
            fine: BaseConv::new(4, 6, 2, device),
            coarse: BaseConv::new(6, 8, 2, device),
            upsample: upsample.with_mode(InterpolateMode::Nearest).init(),
            merge: BaseConv::new(14, 6, 1, device),
            fine_head: YoloxHead::new(6, device),
            coarse_head: YoloxHead::new(8, device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> (Tensor<B, 4>, Tensor<B, 4>) {
        let fine = self.fine.forward(self.stem.forward(images));
        let coarse = self.coarse.forward(fine.clone());
        let merged = Tensor::cat(vec![self.upsample.forward(coarse.clone()), fine], 1);
        let merged = self.merge.forward(merged);
        (self.fine_head.forward(merged), self.coarse_head.forward(coarse))
    }
}

/// Down once and up again, with group norm; a class for each pixel.
#[derive(Module, Debug)]
struct UNet<B: Backend> {
    down: GroupConv<B>,
    pool: MaxPool2d,
    bottom: GroupConv<B>,
    upsample: Interpolate2d,
    up: GroupConv<B>,
    head: Conv2d<B>,
}

#[derive(Module, Debug)]
struct GroupConv<B: Backend> {
    conv: Conv2d<B>,
    norm: GroupNorm<B>,
    activation: Relu,
}

impl<B: Backend> GroupConv<B> {
    fn new(from: usize, to: usize, device: &B::Device) -> Self {
        Self {
            conv: conv3(from, to, 1, device),
            norm: GroupNormConfig::new(2, to).init(device),
            activation: Relu::new(),
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        self.activation.forward(self.norm.forward(self.conv.forward(x)))
    }
}

impl<B: Backend> UNet<B> {
    fn new(device: &B::Device) -> Self {
        let upsample = Interpolate2dConfig::new().with_scale_factor(Some([2.0, 2.0]));
        let upsample = upsample.with_mode(InterpolateMode::Linear).with_align_corners(false);
        Self {
            down: GroupConv::new(1, 4, device),
            pool: MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            bottom: GroupConv::new(4, 8, device),
            upsample: upsample.init(),
            up: GroupConv::new(12, 4, device),
            head: conv1(4, 2, device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let skip = self.down.forward(images);
        let x = self.bottom.forward(self.pool.forward(skip.clone()));
        let x = Tensor::cat(vec![skip, self.upsample.forward(x)], 1);
        self.head.forward(self.up.forward(x))
    }
}

/// A residual block whose channels are weighed by what the whole image holds.
#[derive(Module, Debug)]
struct SeResNet<B: Backend> {
    stem: Conv2d<B>,
    stem_norm: BatchNorm<B>,
    block: SeBlock<B>,
    pool: AdaptiveAvgPool2d,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct SeBlock<B: Backend> {
    conv_1: Conv2d<B>,
    norm_1: BatchNorm<B>,
    conv_2: Conv2d<B>,
    norm_2: BatchNorm<B>,
    pool: AdaptiveAvgPool2d,
    squeeze: Linear<B>,
    excite: Linear<B>,
}

impl<B: Backend> SeBlock<B> {
    fn new(width: usize, device: &B::Device) -> Self {
        Self {
            conv_1: conv3(width, width, 1, device),
            norm_1: BatchNormConfig::new(width).init(device),
            conv_2: conv3(width, width, 1, device),
            norm_2: BatchNormConfig::new(width).init(device),
            pool: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            squeeze: LinearConfig::new(width, width / 2).init(device),
            excite: LinearConfig::new(width / 2, width).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let y = relu(self.norm_1.forward(self.conv_1.forward(x.clone())));
        let y = self.norm_2.forward(self.conv_2.forward(y));
        let [batch, channels, _, _] = y.dims();
        let pooled = self.pool.forward(y.clone()).reshape([batch, channels]);
        let gate = sigmoid(self.excite.forward(relu(self.squeeze.forward(pooled))));
        relu(y * gate.reshape([batch, channels, 1, 1]) + x)
    }
}

impl<B: Backend> SeResNet<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            stem: conv3(3, 6, 2, device),
            stem_norm: BatchNormConfig::new(6).init(device),
            block: SeBlock::new(6, device),
            pool: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            head: LinearConfig::new(6, 4).init(device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = relu(self.stem_norm.forward(self.stem.forward(images)));
        let x = self.pool.forward(self.block.forward(x));
        self.head.forward(x.flatten(1, 3))
    }
}

/// Each layer sees all before it; a transition halves channels and size.
#[derive(Module, Debug)]
struct DenseNet<B: Backend> {
    stem: Conv2d<B>,
    layers: Vec<DenseLayer<B>>,
    transition_norm: BatchNorm<B>,
    transition: Conv2d<B>,
    pool: AvgPool2d,
    norm: BatchNorm<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct DenseLayer<B: Backend> {
    norm_1: BatchNorm<B>,
    bottleneck: Conv2d<B>,
    norm_2: BatchNorm<B>,
    conv: Conv2d<B>,
}

impl<B: Backend> DenseLayer<B> {
    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let y = self.bottleneck.forward(relu(self.norm_1.forward(x.clone())));
        let y = self.conv.forward(relu(self.norm_2.forward(y)));
        Tensor::cat(vec![x, y], 1)
    }
}

impl<B: Backend> DenseNet<B> {
    fn new(device: &B::Device) -> Self {
        let norm = |width| BatchNormConfig::new(width).init(device);
        let layer = |from| DenseLayer {
            norm_1: norm(from),
            bottleneck: conv1(from, 6, device),
            norm_2: norm(6),
            conv: conv3(6, 3, 1, device),
        };
        Self {
            stem: conv3(3, 4, 1, device),
            layers: vec![layer(4), layer(7), layer(10)],
            transition_norm: norm(13),
            transition: conv1(13, 6, device),
            pool: AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init(),
            norm: norm(6),
            head: LinearConfig::new(6, 4).init(device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.layers.iter().fold(self.stem.forward(images), |x, layer| layer.forward(x));
        let x = self.transition.forward(relu(self.transition_norm.forward(x)));
        let x = relu(self.norm.forward(self.pool.forward(x)));
        self.head.forward(x.mean_dims(&[2, 3]).flatten(1, 3))
    }
}

/// An inverted residual with hard swish and a hard-sigmoid gate.
#[derive(Module, Debug)]
struct MobileNet<B: Backend> {
    stem: Conv2d<B>,
    stem_norm: BatchNorm<B>,
    expand: Conv2d<B>,
    expand_norm: BatchNorm<B>,
    depthwise: Conv2d<B>,
    depthwise_norm: BatchNorm<B>,
    squeeze: Conv2d<B>,
    excite: Conv2d<B>,
    gate: HardSigmoid,
    project: Conv2d<B>,
    project_norm: BatchNorm<B>,
    activation: HardSwish,
    pool: AdaptiveAvgPool2d,
    head: Linear<B>,
}

impl<B: Backend> MobileNet<B> {
    fn new(device: &B::Device) -> Self {
        let norm = |width| BatchNormConfig::new(width).init(device);
        let depthwise = Conv2dConfig::new([12, 12], [3, 3]).with_groups(12).with_bias(false);
        Self {
            stem: conv3(3, 4, 2, device),
            stem_norm: norm(4),
            expand: conv1(4, 12, device),
            expand_norm: norm(12),
            depthwise: depthwise.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(device),
            depthwise_norm: norm(12),
            squeeze: conv1(12, 4, device),
            excite: conv1(4, 12, device),
            gate: HardSigmoidConfig::new().with_alpha(1.0 / 6.0).init(),
            project: conv1(12, 4, device),
            project_norm: norm(4),
            activation: HardSwish::new(),
            pool: AdaptiveAvgPool2dConfig::new([1, 1]).init(),
            head: LinearConfig::new(4, 4).init(device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.activation.forward(self.stem_norm.forward(self.stem.forward(images)));
        let y = self.activation.forward(self.expand_norm.forward(self.expand.forward(x.clone())));
        let y = self.activation.forward(self.depthwise_norm.forward(self.depthwise.forward(y)));
        let gate = relu(self.squeeze.forward(self.pool.forward(y.clone())));
        let y = y * self.gate.forward(self.excite.forward(gate));
        let x = x + self.project_norm.forward(self.project.forward(y));
        self.head.forward(self.pool.forward(x).flatten(1, 3))
    }
}
