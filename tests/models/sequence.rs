//! Sequences without a recurrent layer: convolutions in time, forecasts, state spaces.

use burn::module::{Module, Param};
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig1d, RmsNorm, RmsNormConfig};
use burn::tensor::activation::{relu, sigmoid, silu, softplus};
use burn::tensor::backend::Backend;
use burn::tensor::{Int, Tensor};

use crate::data::Given::Floats;
use crate::harness::{ALL, NO_RELU, networks};
use crate::methods::NO_MAP;

networks! {
    mamba: Mamba, |net, x| net.forward(x), [Floats(&[5, 6])],
        NO_RELU, refused by NO_MAP;
    tcn: Tcn, |net, x| net.forward(x), [Floats(&[3, 12])],
        ALL;
    wavenet: WaveNet, |net, x| net.forward(x), [Floats(&[2, 12])],
        ALL;
    nbeats: NBeats, |net, x| net.forward(x), [Floats(&[10])],
        ALL, refused by NO_MAP;
}

/// A selective state space, its scan written as a loop.
#[derive(Module, Debug)]
struct Mamba<B: Backend> {
    norm: RmsNorm<B>,
    in_proj: Linear<B>,
    conv: Conv1d<B>,
    x_proj: Linear<B>,
    dt_proj: Linear<B>,
    a_log: Param<Tensor<B, 2>>,
    d: Param<Tensor<B, 1>>,
    out_proj: Linear<B>,
    head: Linear<B>,
}

impl<B: Backend> Mamba<B> {
    const INNER: usize = 8;
    const STATE: usize = 3;
    const RANK: usize = 2;

    fn new(device: &B::Device) -> Self {
        let conv = Conv1dConfig::new(Self::INNER, Self::INNER, 3).with_groups(Self::INNER);
        let a_log = Tensor::<B, 1, Int>::arange(1..Self::STATE as i64 + 1, device).float().log();
        Self {
            norm: RmsNormConfig::new(6).init(device),
            in_proj: LinearConfig::new(6, 2 * Self::INNER).with_bias(false).init(device),
            conv: conv.with_padding(PaddingConfig1d::Explicit(2, 0)).init(device),
            x_proj: LinearConfig::new(Self::INNER, Self::RANK + 2 * Self::STATE)
                .with_bias(false)
                .init(device),
            dt_proj: LinearConfig::new(Self::RANK, Self::INNER).init(device),
            a_log: Param::from_tensor(a_log.unsqueeze::<2>().repeat_dim(0, Self::INNER)),
            d: Param::from_tensor(Tensor::ones([Self::INNER], device)),
            out_proj: LinearConfig::new(Self::INNER, 6).with_bias(false).init(device),
            head: LinearConfig::new(6, 3).init(device),
        }
    }

    fn scan(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, steps, inner] = x.dims();
        let mut parts = self
            .x_proj
            .forward(x.clone())
            .split_with_sizes(vec![Self::RANK, Self::STATE, Self::STATE], 2)
            .into_iter();
        let mut part = || parts.next().unwrap();
        let (delta, b, c) = (softplus(self.dt_proj.forward(part()), 1.0), part(), part());
        let a = self.a_log.val().exp().neg();
        // [batch, steps, inner, state]
        let delta = delta.unsqueeze_dim::<4>(3);
        let decay = (delta.clone() * a.unsqueeze()).exp();
        let entering = delta * b.unsqueeze_dim::<4>(2) * x.clone().unsqueeze_dim::<4>(3);
        let mut state = Tensor::<B, 3>::zeros([batch, inner, Self::STATE], &x.device());
        let mut outputs = Vec::new();
        for step in 0..steps {
            let at = |x: &Tensor<B, 4>| x.clone().narrow(1, step, 1).squeeze_dim::<3>(1);
            state = at(&decay) * state + at(&entering);
            let read = state.clone().matmul(c.clone().narrow(1, step, 1).swap_dims(1, 2));
            outputs.push(read.squeeze_dim::<2>(2));
        }
        Tensor::stack::<3>(outputs, 1) + x * self.d.val().unsqueeze()
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let mut parts = self.in_proj.forward(self.norm.forward(x.clone())).chunk(2, 2);
        let (gate, inner) = (parts.pop().unwrap(), parts.pop().unwrap());
        let inner = silu(self.conv.forward(inner.swap_dims(1, 2))).swap_dims(1, 2);
        let y = x + self.out_proj.forward(self.scan(inner) * silu(gate));
        self.head.forward(y.mean_dim(1).squeeze_dim(1))
    }
}

/// Dilated causal convolutions, padded before.
#[derive(Module, Debug)]
struct Tcn<B: Backend> {
    blocks: Vec<TcnBlock<B>>,
    head: Linear<B>,
}

#[derive(Module, Debug)]
struct TcnBlock<B: Backend> {
    conv_1: Conv1d<B>,
    conv_2: Conv1d<B>,
    skip: Option<Conv1d<B>>,
    past: usize,
}

impl<B: Backend> TcnBlock<B> {
    fn new(from: usize, to: usize, dilation: usize, device: &B::Device) -> Self {
        let conv = |from| Conv1dConfig::new(from, to, 3).with_dilation(dilation).init(device);
        let skip = (from != to).then(|| Conv1dConfig::new(from, to, 1).init(device));
        Self { conv_1: conv(from), conv_2: conv(to), skip, past: 2 * dilation }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let y = relu(self.conv_1.forward(x.clone().pad([(self.past, 0)], 0.0)));
        let y = relu(self.conv_2.forward(y.pad([(self.past, 0)], 0.0)));
        let x = match &self.skip {
            Some(skip) => skip.forward(x),
            None => x,
        };
        relu(x + y)
    }
}

impl<B: Backend> Tcn<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            blocks: vec![TcnBlock::new(3, 6, 1, device), TcnBlock::new(6, 6, 2, device)],
            head: LinearConfig::new(6, 2).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let [_, _, steps] = x.dims();
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        self.head.forward(x.narrow(2, steps - 1, 1).squeeze_dim(2))
    }
}

/// Gates of tanh and sigmoid, skips of all layers added up.
#[derive(Module, Debug)]
struct WaveNet<B: Backend> {
    stem: Conv1d<B>,
    filters: Vec<Conv1d<B>>,
    gates: Vec<Conv1d<B>>,
    residuals: Vec<Conv1d<B>>,
    skips: Vec<Conv1d<B>>,
    head_1: Conv1d<B>,
    head_2: Conv1d<B>,
}

impl<B: Backend> WaveNet<B> {
    fn new(device: &B::Device) -> Self {
        let pointwise = |from, to| Conv1dConfig::new(from, to, 1).init(device);
        let dilated = |layer: u32| {
            let dilation = 2usize.pow(layer);
            let config = Conv1dConfig::new(4, 4, 2).with_dilation(dilation);
            config.with_padding(PaddingConfig1d::Explicit(dilation, 0)).init(device)
        };
        Self {
            stem: pointwise(2, 4),
            filters: (0..3).map(dilated).collect(),
            gates: (0..3).map(dilated).collect(),
            residuals: (0..3).map(|_| pointwise(4, 4)).collect(),
            skips: (0..3).map(|_| pointwise(4, 5)).collect(),
            head_1: pointwise(5, 5),
            head_2: pointwise(5, 3),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let mut x = self.stem.forward(x);
        let mut sum: Option<Tensor<B, 3>> = None;
        for layer in 0..self.filters.len() {
            let z =
                self.filters[layer].forward(x.clone()).tanh() * sigmoid(self.gates[layer].forward(x.clone()));
            let skip = self.skips[layer].forward(z.clone());
            sum = Some(match sum {
                Some(sum) => sum + skip,
                None => skip,
            });
            x = x + self.residuals[layer].forward(z);
        }
        self.head_2.forward(relu(self.head_1.forward(relu(sum.unwrap()))))
    }
}

/// Each block takes off what it explains of the past, and adds to the forecast; one block has a basis of
/// polynomials.
#[derive(Module, Debug)]
struct NBeats<B: Backend> {
    blocks: Vec<NBeatsBlock<B>>,
}

#[derive(Module, Debug)]
struct NBeatsBlock<B: Backend> {
    hidden_1: Linear<B>,
    hidden_2: Linear<B>,
    theta_back: Linear<B>,
    theta_forward: Linear<B>,
    basis_back: Tensor<B, 2>,
    basis_forward: Tensor<B, 2>,
}

impl<B: Backend> NBeatsBlock<B> {
    fn new(degree: usize, device: &B::Device) -> Self {
        // Powers of time, [degree, steps].
        let basis = |steps: usize| {
            let time = Tensor::<B, 1, Int>::arange(0..steps as i64, device).float() / steps as f64;
            Tensor::stack::<2>((0..degree).map(|power| time.clone().powi_scalar(power as i64)).collect(), 0)
        };
        Self {
            hidden_1: LinearConfig::new(10, 12).init(device),
            hidden_2: LinearConfig::new(12, 12).init(device),
            theta_back: LinearConfig::new(12, degree).with_bias(false).init(device),
            theta_forward: LinearConfig::new(12, degree).with_bias(false).init(device),
            basis_back: basis(10),
            basis_forward: basis(4),
        }
    }

    fn forward(&self, x: Tensor<B, 2>) -> (Tensor<B, 2>, Tensor<B, 2>) {
        let hidden = relu(self.hidden_2.forward(relu(self.hidden_1.forward(x))));
        let back = self.theta_back.forward(hidden.clone()).matmul(self.basis_back.clone());
        (back, self.theta_forward.forward(hidden).matmul(self.basis_forward.clone()))
    }
}

impl<B: Backend> NBeats<B> {
    fn new(device: &B::Device) -> Self {
        Self { blocks: vec![NBeatsBlock::new(2, device), NBeatsBlock::new(3, device)] }
    }

    fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let [batch, _] = x.dims();
        let mut rest = x.clone();
        let mut forecast = Tensor::zeros([batch, 4], &x.device());
        for block in &self.blocks {
            let (back, forward) = block.forward(rest.clone());
            rest = rest - back;
            forecast = forecast + forward;
        }
        forecast
    }
}
