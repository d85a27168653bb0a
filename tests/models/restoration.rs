//! Networks that make images: restoration, super-resolution, style transfer, an autoencoder.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig};
use burn::nn::interpolate::{Interpolate2d, Interpolate2dConfig, InterpolateMode};
use burn::nn::{
    GroupNorm, GroupNormConfig, InstanceNorm, InstanceNormConfig, LayerNorm, LayerNormConfig, Linear,
    LinearConfig, PRelu, PReluConfig, PaddingConfig2d,
};
use burn::tensor::Tensor;
use burn::tensor::activation::{relu, silu};
use burn::tensor::backend::Backend;
use burn::tensor::ops::PadMode;

use crate::data::Given::Floats;
use crate::harness::{ALL, NO_RELU, networks};

networks! {
    nafnet: NafNet, |net, x| net.forward(x), [Floats(&[3, 6, 6])],
        ALL;
    style_transfer: Style, |net, x| net.forward(x), [Floats(&[3, 8, 8])],
        ALL;
    super_resolution: SuperResolution, |net, x| net.forward(x), [Floats(&[1, 6, 6])],
        NO_RELU;
    denoiser: Denoiser, |net, (x, time)| net.forward(x, time), [Floats(&[1, 6, 6]), Floats(&[1])],
        NO_RELU;
    vae: Vae, |net, (x, noise)| net.forward(x, noise), [Floats(&[1, 8, 8]), Floats(&[3])],
        ALL;
}

fn conv<B: Backend>(from: usize, to: usize, size: usize, device: &B::Device) -> Conv2d<B> {
    Conv2dConfig::new([from, to], [size, size]).with_padding(PaddingConfig2d::Same).init(device)
}

/// No activation functions: halves of the channels multiply each other, and channels are weighed by means.
#[derive(Module, Debug)]
struct NafNet<B: Backend> {
    intro: Conv2d<B>,
    blocks: Vec<NafBlock<B>>,
    ending: Conv2d<B>,
}

#[derive(Module, Debug)]
struct NafBlock<B: Backend> {
    norm_1: LayerNorm<B>,
    conv_1: Conv2d<B>,
    depthwise: Conv2d<B>,
    attention: Conv2d<B>,
    conv_3: Conv2d<B>,
    beta: Param<Tensor<B, 4>>,
    norm_2: LayerNorm<B>,
    conv_4: Conv2d<B>,
    conv_5: Conv2d<B>,
    gamma: Param<Tensor<B, 4>>,
}

fn simple_gate<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let mut halves = x.chunk(2, 1);
    halves.pop().unwrap() * halves.pop().unwrap()
}

/// A layer norm over channels.
fn over_channels<B: Backend>(norm: &LayerNorm<B>, x: Tensor<B, 4>) -> Tensor<B, 4> {
    norm.forward(x.permute([0, 2, 3, 1])).permute([0, 3, 1, 2])
}

impl<B: Backend> NafBlock<B> {
    fn new(width: usize, device: &B::Device) -> Self {
        let depthwise = Conv2dConfig::new([2 * width, 2 * width], [3, 3]).with_groups(2 * width);
        let scale = || Param::from_tensor(Tensor::full([1, width, 1, 1], 0.5, device));
        Self {
            norm_1: LayerNormConfig::new(width).with_epsilon(1e-6).init(device),
            conv_1: conv(width, 2 * width, 1, device),
            depthwise: depthwise.with_padding(PaddingConfig2d::Same).init(device),
            attention: conv(width, width, 1, device),
            conv_3: conv(width, width, 1, device),
            beta: scale(),
            norm_2: LayerNormConfig::new(width).with_epsilon(1e-6).init(device),
            conv_4: conv(width, 2 * width, 1, device),
            conv_5: conv(width, width, 1, device),
            gamma: scale(),
        }
    }

    fn forward(&self, input: Tensor<B, 4>) -> Tensor<B, 4> {
        let x = self.conv_1.forward(over_channels(&self.norm_1, input.clone()));
        let x = simple_gate(self.depthwise.forward(x));
        let weights = self.attention.forward(x.clone().mean_dim(2).mean_dim(3));
        let y = input + self.conv_3.forward(x * weights) * self.beta.val();
        let x = simple_gate(self.conv_4.forward(over_channels(&self.norm_2, y.clone())));
        y + self.conv_5.forward(x) * self.gamma.val()
    }
}

impl<B: Backend> NafNet<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            intro: conv(3, 6, 3, device),
            blocks: (0..2).map(|_| NafBlock::new(6, device)).collect(),
            ending: conv(6, 3, 3, device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let x = self.blocks.iter().fold(self.intro.forward(images.clone()), |x, block| block.forward(x));
        self.ending.forward(x) + images
    }
}

/// Borders are reflected, and every image is normalised by itself.
#[derive(Module, Debug)]
struct Style<B: Backend> {
    down: Conv2d<B>,
    down_norm: InstanceNorm<B>,
    residual: Conv2d<B>,
    residual_norm: InstanceNorm<B>,
    upsample: Interpolate2d,
    up: Conv2d<B>,
    up_norm: InstanceNorm<B>,
    out: Conv2d<B>,
}

impl<B: Backend> Style<B> {
    fn new(device: &B::Device) -> Self {
        let conv = |from, to, stride| {
            Conv2dConfig::new([from, to], [3, 3]).with_stride([stride, stride]).init(device)
        };
        let norm = |width| InstanceNormConfig::new(width).init(device);
        Self {
            down: conv(3, 6, 2),
            down_norm: norm(6),
            residual: conv(6, 6, 1),
            residual_norm: norm(6),
            upsample: Interpolate2dConfig::new().with_scale_factor(Some([2.0, 2.0])).init(),
            up: conv(6, 4, 1),
            up_norm: norm(4),
            out: conv(4, 3, 1),
        }
    }

    fn reflected(conv: &Conv2d<B>, x: Tensor<B, 4>) -> Tensor<B, 4> {
        conv.forward(x.pad((1, 1, 1, 1), PadMode::Reflect))
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let x = relu(self.down_norm.forward(Self::reflected(&self.down, images)));
        let x = x.clone() + self.residual_norm.forward(Self::reflected(&self.residual, x));
        let x = self.upsample.forward(x);
        let x = relu(self.up_norm.forward(Self::reflected(&self.up, x)));
        Self::reflected(&self.out, x).tanh()
    }
}

/// Channels become pixels; what is learned is added to a bicubic enlargement.
#[derive(Module, Debug)]
struct SuperResolution<B: Backend> {
    first: Conv2d<B>,
    activation: PRelu<B>,
    middle: Conv2d<B>,
    last: Conv2d<B>,
    enlarge: Interpolate2d,
}

impl<B: Backend> SuperResolution<B> {
    fn new(device: &B::Device) -> Self {
        let enlarge = Interpolate2dConfig::new().with_scale_factor(Some([2.0, 2.0]));
        Self {
            first: conv(1, 6, 3, device),
            activation: PReluConfig::new().with_num_parameters(6).init(device),
            middle: conv(6, 6, 3, device),
            last: conv(6, 4, 3, device),
            enlarge: enlarge.with_mode(InterpolateMode::Cubic).with_align_corners(false).init(),
        }
    }

    fn shuffle(x: Tensor<B, 4>) -> Tensor<B, 4> {
        let [batch, channels, height, width] = x.dims();
        x.reshape([batch, channels / 4, 2, 2, height, width]).permute([0, 1, 4, 2, 5, 3]).reshape([
            batch,
            channels / 4,
            2 * height,
            2 * width,
        ])
    }

    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let x = self.activation.forward(self.first.forward(images.clone()));
        let x = x.clone() + self.activation.forward(self.middle.forward(x));
        Self::shuffle(self.last.forward(x)) + self.enlarge.forward(images)
    }
}

/// A mean and a variance, a sample by given noise, and its decoding.
#[derive(Module, Debug)]
struct Vae<B: Backend> {
    encode: Conv2d<B>,
    mean: Linear<B>,
    log_variance: Linear<B>,
    decode: Linear<B>,
    up: ConvTranspose2d<B>,
}

impl<B: Backend> Vae<B> {
    fn new(device: &B::Device) -> Self {
        let stride = |size| [size, size];
        let encode = Conv2dConfig::new([1, 4], [3, 3]).with_stride(stride(2));
        Self {
            encode: encode.with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1)).init(device),
            mean: LinearConfig::new(64, 3).init(device),
            log_variance: LinearConfig::new(64, 3).init(device),
            decode: LinearConfig::new(3, 64).init(device),
            up: ConvTranspose2dConfig::new([4, 1], [2, 2]).with_stride(stride(2)).init(device),
        }
    }

    fn forward(
        &self,
        images: Tensor<B, 4>,
        noise: Tensor<B, 2>,
    ) -> (Tensor<B, 4>, Tensor<B, 2>, Tensor<B, 2>) {
        let [batch, _, _, _] = images.dims();
        let hidden = relu(self.encode.forward(images)).flatten::<2>(1, 3);
        let mean = self.mean.forward(hidden.clone());
        let log_variance = self.log_variance.forward(hidden);
        let sample = mean.clone() + noise * (log_variance.clone() * 0.5).exp();
        let x = relu(self.decode.forward(sample)).reshape([batch, 4, 4, 4]);
        (self.up.forward(x), mean, log_variance)
    }
}

/// A step of a diffusion model: sines of the time scale and shift the features of a noisy image.
#[derive(Module, Debug)]
struct Denoiser<B: Backend> {
    conv_in: Conv2d<B>,
    norm_1: GroupNorm<B>,
    conv_1: Conv2d<B>,
    time_1: Linear<B>,
    time_2: Linear<B>,
    norm_2: GroupNorm<B>,
    conv_2: Conv2d<B>,
    conv_out: Conv2d<B>,
}

impl<B: Backend> Denoiser<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            conv_in: conv(1, 4, 3, device),
            norm_1: GroupNormConfig::new(2, 4).init(device),
            conv_1: conv(4, 4, 3, device),
            time_1: LinearConfig::new(8, 8).init(device),
            time_2: LinearConfig::new(8, 8).init(device),
            norm_2: GroupNormConfig::new(2, 4).init(device),
            conv_2: conv(4, 4, 3, device),
            conv_out: conv(4, 1, 3, device),
        }
    }

    fn forward(&self, images: Tensor<B, 4>, time: Tensor<B, 2>) -> Tensor<B, 4> {
        let rates = Tensor::<B, 1>::from_floats([1.0, 2.0, 4.0, 8.0], &time.device());
        let angles = time * rates.unsqueeze();
        let time = Tensor::cat(vec![angles.clone().sin(), angles.cos()], 1);
        let time = self.time_2.forward(silu(self.time_1.forward(time)));
        let mut parts = time.unsqueeze_dims::<4>(&[2, 3]).chunk(2, 1);
        let (shift, scale) = (parts.pop().unwrap(), parts.pop().unwrap());

        let x = self.conv_in.forward(images);
        let y = self.conv_1.forward(silu(self.norm_1.forward(x.clone())));
        let y = self.norm_2.forward(y) * (scale + 1.0) + shift;
        self.conv_out.forward(x + self.conv_2.forward(silu(y)))
    }
}
