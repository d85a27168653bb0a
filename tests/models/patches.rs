//! Networks that see an image as patches.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{LayerNorm, LayerNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::{gelu, softmax};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor, TensorData};

use crate::data::Given::Floats;
use crate::harness::{NO_RELU, networks};

networks! {
    vit: Vit, |net, x| net.forward(x), [Floats(&[3, 8, 8])],
        NO_RELU;
    swin: Swin, |net, x| net.forward(x), [Floats(&[3, 8, 8])],
        NO_RELU;
    convnext: ConvNext, |net, x| net.forward(x), [Floats(&[3, 8, 8])],
        NO_RELU;
    mlp_mixer: Mixer, |net, x| net.forward(x), [Floats(&[3, 8, 8])],
        NO_RELU;
}

/// A convolution that cuts an image into patches.
fn patches<B: Backend>(width: usize, size: usize, device: &B::Device) -> Conv2d<B> {
    Conv2dConfig::new([3, width], [size, size]).with_stride([size, size]).init(device)
}

#[derive(Module, Debug)]
struct Mlp<B: Backend> {
    up: Linear<B>,
    down: Linear<B>,
}

impl<B: Backend> Mlp<B> {
    fn new(width: usize, hidden: usize, device: &B::Device) -> Self {
        Self {
            up: LinearConfig::new(width, hidden).init(device),
            down: LinearConfig::new(hidden, width).init(device),
        }
    }

    fn forward<const D: usize>(&self, x: Tensor<B, D>) -> Tensor<B, D> {
        self.down.forward(gelu(self.up.forward(x)))
    }
}

/// A class token, learned positions, pre-norm blocks.
#[derive(Module, Debug)]
struct Vit<B: Backend> {
    patches: Conv2d<B>,
    class_token: Param<Tensor<B, 3>>,
    positions: Param<Tensor<B, 3>>,
    blocks: Vec<VitBlock<B>>,
    norm: LayerNorm<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct VitBlock<B: Backend> {
    norm_1: LayerNorm<B>,
    qkv: Linear<B>,
    out: Linear<B>,
    norm_2: LayerNorm<B>,
    mlp: Mlp<B>,
}

impl<B: Backend> VitBlock<B> {
    fn new(width: usize, device: &B::Device) -> Self {
        Self {
            norm_1: LayerNormConfig::new(width).init(device),
            qkv: LinearConfig::new(width, 3 * width).init(device),
            out: LinearConfig::new(width, width).init(device),
            norm_2: LayerNormConfig::new(width).init(device),
            mlp: Mlp::new(width, 2 * width, device),
        }
    }

    fn attention(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, tokens, width] = x.dims();
        let size = width / 2;
        // [3, batch, heads, tokens, size]
        let qkv = self.qkv.forward(x).reshape([batch, tokens, 3, 2, size]).permute([2, 0, 3, 1, 4]);
        let part = |place: usize| qkv.clone().slice(place..place + 1).squeeze_dim::<4>(0);
        let scores = (part(0) * (size as f64).powf(-0.5)).matmul(part(1).swap_dims(2, 3));
        let context = softmax(scores, 3).matmul(part(2));
        self.out.forward(context.swap_dims(1, 2).reshape([batch, tokens, width]))
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let x = x.clone() + self.attention(self.norm_1.forward(x));
        x.clone() + self.mlp.forward(self.norm_2.forward(x))
    }
}

impl<B: Backend> Vit<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            patches: patches(12, 4, device),
            class_token: Param::from_tensor(Tensor::zeros([1, 1, 12], device)),
            positions: Param::from_tensor(Tensor::zeros([1, 5, 12], device)),
            blocks: (0..2).map(|_| VitBlock::new(12, device)).collect(),
            norm: LayerNormConfig::new(12).init(device),
            head: LinearConfig::new(12, 4).init(device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.patches.forward(images).flatten::<3>(2, 3).swap_dims(1, 2);
        let [batch, _, width] = x.dims();
        let token = self.class_token.val().expand([batch, 1, width]);
        let x = Tensor::cat(vec![token, x], 1) + self.positions.val();
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.head.forward(self.norm.forward(x).slice([0..batch, 0..1]).squeeze_dim(1))
    }
}

/// Attention within windows of 2 x 2 patches, in the second block shifted by one.
#[derive(Module, Debug)]
struct Swin<B: Backend> {
    patches: Conv2d<B>,
    blocks: Vec<SwinBlock<B>>,
    norm: LayerNorm<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct SwinBlock<B: Backend> {
    norm_1: LayerNorm<B>,
    query: Linear<B>,
    key: Linear<B>,
    value: Linear<B>,
    out: Linear<B>,
    bias_table: Param<Tensor<B, 2>>,
    norm_2: LayerNorm<B>,
    mlp: Mlp<B>,
    shift: usize,
}

impl<B: Backend> SwinBlock<B> {
    const HEADS: usize = 2;
    const SIDE: usize = 4;

    fn new(shift: usize, device: &B::Device) -> Self {
        let linear = || LinearConfig::new(8, 8).init(device);
        Self {
            norm_1: LayerNormConfig::new(8).init(device),
            query: linear(),
            key: linear(),
            value: linear(),
            out: linear(),
            bias_table: Param::from_tensor(Tensor::zeros([9, Self::HEADS], device)),
            norm_2: LayerNormConfig::new(8).init(device),
            mlp: Mlp::new(8, 16, device),
            shift,
        }
    }

    /// A bias for each head and pair of patches in a window, `[heads, 4, 4]`.
    fn relative_bias(&self, device: &B::Device) -> Tensor<B, 3> {
        let place = |patch: i64| (patch / 2, patch % 2);
        let pairs = (0..16).map(|pair| (place(pair / 4), place(pair % 4)));
        let index: Vec<i64> = pairs.map(|(a, b)| (a.0 - b.0 + 1) * 3 + a.1 - b.1 + 1).collect();
        let index = Tensor::<B, 1, Int>::from_data(TensorData::new(index, [16]), device);
        self.bias_table.val().select(0, index).reshape([4, 4, Self::HEADS]).permute([2, 0, 1])
    }

    /// -100 between patches that only the shift made neighbours, `[windows, 4, 4]`.
    fn mask(&self, device: &B::Device) -> Tensor<B, 3> {
        let side = Self::SIDE;
        let stripe = |at: usize| usize::from(at >= side - 2) + usize::from(at >= side - self.shift);
        let regions: Vec<f32> =
            (0..side * side).map(|at| (3 * stripe(at / side) + stripe(at % side)) as f32).collect();
        let regions = Tensor::<B, 1>::from_data(TensorData::new(regions, [side * side]), device);
        let regions = Self::windows(regions.reshape([1, side, side, 1])).squeeze_dim::<2>(2);
        let gaps = regions.clone().unsqueeze_dim::<3>(1) - regions.unsqueeze_dim::<3>(2);
        let differ = gaps.clone().not_equal_elem(0.0);
        gaps.zeros_like().mask_fill(differ, -100.0)
    }

    /// `[batch, 4, 4, width]` to `[batch * 4, 4, width]`.
    fn windows(x: Tensor<B, 4>) -> Tensor<B, 3> {
        let [batch, height, width, channels] = x.dims();
        x.reshape([batch, height / 2, 2, width / 2, 2, channels]).permute([0, 1, 3, 2, 4, 5]).reshape([
            -1,
            4,
            channels as i32,
        ])
    }

    fn image(windows: Tensor<B, 3>) -> Tensor<B, 4> {
        let [_, _, channels] = windows.dims();
        let (rows, side) = (Self::SIDE as i32 / 2, Self::SIDE as i32);
        windows.reshape([-1, rows, rows, 2, 2, channels as i32]).permute([0, 1, 3, 2, 4, 5]).reshape([
            -1,
            side,
            side,
            channels as i32,
        ])
    }

    fn attention(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [windows, tokens, width] = x.dims();
        let (heads, size) = (Self::HEADS, width / Self::HEADS);
        let split = |x: Tensor<B, 3>| x.reshape([windows, tokens, heads, size]).swap_dims(1, 2);
        let query = split(self.query.forward(x.clone())) * (size as f64).powf(-0.5);
        let key = split(self.key.forward(x.clone()));
        let value = split(self.value.forward(x.clone()));
        let mut scores = query.matmul(key.transpose()) + self.relative_bias(&x.device()).unsqueeze();
        if self.shift > 0 {
            let mask = self.mask(&x.device());
            let [count, _, _] = mask.dims();
            let by_image = scores.reshape([windows / count, count, heads, tokens, tokens]);
            let masked = by_image + mask.unsqueeze_dim::<4>(1).unsqueeze_dim::<5>(0);
            scores = masked.reshape([windows, heads, tokens, tokens]);
        }
        let context = softmax(scores, 3).matmul(value);
        self.out.forward(context.swap_dims(1, 2).reshape([windows, tokens, width]))
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let shift = self.shift as i64;
        let mut y = self.norm_1.forward(x.clone());
        if shift > 0 {
            y = y.roll(&[-shift, -shift], &[1, 2]);
        }
        y = Self::image(self.attention(Self::windows(y)));
        if shift > 0 {
            y = y.roll(&[shift, shift], &[1, 2]);
        }
        let x = x + y;
        x.clone() + self.mlp.forward(self.norm_2.forward(x))
    }
}

impl<B: Backend> Swin<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            patches: patches(8, 2, device),
            blocks: vec![SwinBlock::new(0, device), SwinBlock::new(1, device)],
            norm: LayerNormConfig::new(8).init(device),
            head: LinearConfig::new(8, 3).init(device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.patches.forward(images).permute([0, 2, 3, 1]);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let x = self.norm.forward(x.flatten::<3>(1, 2));
        self.head.forward(x.mean_dim(1).squeeze_dim(1))
    }
}

/// Depthwise convolution, channels last for norm and MLP, a learned scale.
#[derive(Module, Debug)]
struct ConvNext<B: Backend> {
    stem: Conv2d<B>,
    stem_norm: LayerNorm<B>,
    blocks: Vec<ConvNextBlock<B>>,
    norm: LayerNorm<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct ConvNextBlock<B: Backend> {
    depthwise: Conv2d<B>,
    norm: LayerNorm<B>,
    mlp: Mlp<B>,
    scale: Param<Tensor<B, 1>>,
}

impl<B: Backend> ConvNextBlock<B> {
    fn new(width: usize, device: &B::Device) -> Self {
        let depthwise = Conv2dConfig::new([width, width], [3, 3]).with_groups(width);
        Self {
            depthwise: depthwise.with_padding(PaddingConfig2d::Same).init(device),
            norm: LayerNormConfig::new(width).with_epsilon(1e-6).init(device),
            mlp: Mlp::new(width, 4 * width, device),
            scale: Param::from_tensor(Tensor::full([width], 0.5, device)),
        }
    }

    fn forward(&self, x: Tensor<B, 4>) -> Tensor<B, 4> {
        let y = self.depthwise.forward(x.clone()).permute([0, 2, 3, 1]);
        let y = self.mlp.forward(self.norm.forward(y)) * self.scale.val().unsqueeze();
        x + y.permute([0, 3, 1, 2])
    }
}

impl<B: Backend> ConvNext<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            stem: patches(6, 2, device),
            stem_norm: LayerNormConfig::new(6).with_epsilon(1e-6).init(device),
            blocks: (0..2).map(|_| ConvNextBlock::new(6, device)).collect(),
            norm: LayerNormConfig::new(6).with_epsilon(1e-6).init(device),
            head: LinearConfig::new(6, 4).init(device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.stem.forward(images).permute([0, 2, 3, 1]);
        let x = self.stem_norm.forward(x).permute([0, 3, 1, 2]);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        let x = x.mean_dim(3).mean_dim(2).flatten::<2>(1, 3);
        self.head.forward(self.norm.forward(x))
    }
}

/// MLPs over patches and over channels in turn.
#[derive(Module, Debug)]
struct Mixer<B: Backend> {
    patches: Conv2d<B>,
    blocks: Vec<MixerBlock<B>>,
    norm: LayerNorm<B>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct MixerBlock<B: Backend> {
    norm_1: LayerNorm<B>,
    tokens: Mlp<B>,
    norm_2: LayerNorm<B>,
    channels: Mlp<B>,
}

impl<B: Backend> MixerBlock<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            norm_1: LayerNormConfig::new(8).init(device),
            tokens: Mlp::new(4, 8, device),
            norm_2: LayerNormConfig::new(8).init(device),
            channels: Mlp::new(8, 16, device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let mixed = self.tokens.forward(self.norm_1.forward(x.clone()).swap_dims(1, 2));
        let x = x + mixed.swap_dims(1, 2);
        x.clone() + self.channels.forward(self.norm_2.forward(x))
    }
}

impl<B: Backend> Mixer<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            patches: patches(8, 4, device),
            blocks: (0..2).map(|_| MixerBlock::new(device)).collect(),
            norm: LayerNormConfig::new(8).init(device),
            head: LinearConfig::new(8, 4).init(device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.patches.forward(images).flatten::<3>(2, 3).swap_dims(1, 2);
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.head.forward(self.norm.forward(x).mean_dim(1).squeeze_dim(1))
    }
}
