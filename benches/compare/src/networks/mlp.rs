//! Linear layers and ReLUs.

use burn::module::Module;
use burn::nn::{Linear, LinearConfig, Relu};
use burn::tensor::{Tensor, backend::Backend};

/// Inputs, hidden layers and outputs of the network `mlp`.
pub(super) const WIDTHS: [usize; 5] = [784, 1024, 1024, 1024, 10];

#[derive(Module, Debug)]
pub(crate) struct Mlp<B: Backend> {
    linears: Vec<Linear<B>>,
    relu: Relu,
}

impl<B: Backend> Mlp<B> {
    pub(crate) fn new(widths: &[usize], device: &B::Device) -> Self {
        let linears = widths.windows(2).map(|size| LinearConfig::new(size[0], size[1]).init(device));
        Self { linears: linears.collect(), relu: Relu::new() }
    }

    pub(crate) fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let last = self.linears.len() - 1;
        self.linears.iter().enumerate().fold(x, |x, (place, linear)| {
            let y = linear.forward(x);
            if place == last { y } else { self.relu.forward(y) }
        })
    }
}
