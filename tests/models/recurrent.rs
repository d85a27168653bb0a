//! Networks with a state: Burn's own and cells written by hand.

use burn::module::{Module, Param};
use burn::nn::{
    BiLstm, BiLstmConfig, Gru, GruConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, Lstm, LstmConfig,
};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use burn::tensor::backend::Backend;

use crate::data::Given::Floats;
use crate::harness::{ALL, networks};
use crate::methods::NO_MAP;

networks! {
    lstm_tagger: LstmTagger, |net, x| net.forward(x), [Floats(&[5, 4])],
        ALL, refused by NO_MAP;
    bilstm_classifier: BiLstmClassifier, |net, x| net.forward(x), [Floats(&[5, 4])],
        ALL, refused by NO_MAP;
    gru_tagger: GruTagger, |net, x| net.forward(x), [Floats(&[5, 4])],
        ALL, refused by NO_MAP;
    peephole_lstm: Peephole, |net, x| net.forward(x), [Floats(&[5, 4])],
        ALL, refused by NO_MAP;
    layer_norm_lstm: NormedLstm, |net, x| net.forward(x), [Floats(&[5, 4])],
        ALL, refused by NO_MAP;
}

#[derive(Module, Debug)]
struct LstmTagger<B: Backend> {
    lstm: Lstm<B>,
    head: Linear<B>,
}

impl<B: Backend> LstmTagger<B> {
    fn new(device: &B::Device) -> Self {
        Self { lstm: LstmConfig::new(4, 6, true).init(device), head: LinearConfig::new(6, 3).init(device) }
    }

    /// Scores at every step.
    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let (hidden, _) = self.lstm.forward(x, None);
        self.head.forward(hidden)
    }
}

#[derive(Module, Debug)]
struct BiLstmClassifier<B: Backend> {
    lstm: BiLstm<B>,
    head: Linear<B>,
}

impl<B: Backend> BiLstmClassifier<B> {
    fn new(device: &B::Device) -> Self {
        Self { lstm: BiLstmConfig::new(4, 5, true).init(device), head: LinearConfig::new(10, 3).init(device) }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let (hidden, _) = self.lstm.forward(x, None);
        self.head.forward(hidden.mean_dim(1).squeeze_dim(1))
    }
}

#[derive(Module, Debug)]
struct GruTagger<B: Backend> {
    gru: Gru<B>,
    head: Linear<B>,
}

impl<B: Backend> GruTagger<B> {
    fn new(device: &B::Device) -> Self {
        Self { gru: GruConfig::new(4, 6, true).init(device), head: LinearConfig::new(6, 3).init(device) }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        self.head.forward(self.gru.forward(x, None))
    }
}

/// Gates that see the cell, written by hand; the last state decides.
#[derive(Module, Debug)]
struct Peephole<B: Backend> {
    input: Linear<B>,
    hidden: Linear<B>,
    peep_in: Param<Tensor<B, 1>>,
    peep_forget: Param<Tensor<B, 1>>,
    peep_out: Param<Tensor<B, 1>>,
    head: Linear<B>,
}

impl<B: Backend> Peephole<B> {
    fn new(device: &B::Device) -> Self {
        let peep = || Param::from_tensor(Tensor::zeros([6], device));
        Self {
            input: LinearConfig::new(4, 24).init(device),
            hidden: LinearConfig::new(6, 24).with_bias(false).init(device),
            peep_in: peep(),
            peep_forget: peep(),
            peep_out: peep(),
            head: LinearConfig::new(6, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 2> {
        let [batch, steps, _] = x.dims();
        let mut hidden = Tensor::<B, 2>::zeros([batch, 6], &x.device());
        let mut cell = hidden.clone();
        for step in 0..steps {
            let now = x.clone().narrow(1, step, 1).squeeze_dim::<2>(1);
            let gates = self.input.forward(now) + self.hidden.forward(hidden);
            let part = |place: usize| gates.clone().narrow(1, 6 * place, 6);
            let enter = sigmoid(part(0) + cell.clone() * self.peep_in.val().unsqueeze());
            let forget = sigmoid(part(1) + cell.clone() * self.peep_forget.val().unsqueeze());
            cell = forget * cell + enter * part(2).tanh();
            let leave = sigmoid(part(3) + cell.clone() * self.peep_out.val().unsqueeze());
            hidden = leave * cell.clone().tanh();
        }
        self.head.forward(hidden)
    }
}

/// A layer norm on the gates and on the cell; all states are stacked.
#[derive(Module, Debug)]
struct NormedLstm<B: Backend> {
    input: Linear<B>,
    hidden: Linear<B>,
    gate_norm: LayerNorm<B>,
    cell_norm: LayerNorm<B>,
    head: Linear<B>,
}

impl<B: Backend> NormedLstm<B> {
    fn new(device: &B::Device) -> Self {
        Self {
            input: LinearConfig::new(4, 24).init(device),
            hidden: LinearConfig::new(6, 24).with_bias(false).init(device),
            gate_norm: LayerNormConfig::new(24).init(device),
            cell_norm: LayerNormConfig::new(6).init(device),
            head: LinearConfig::new(6, 3).init(device),
        }
    }

    fn forward(&self, x: Tensor<B, 3>) -> Tensor<B, 3> {
        let [batch, _, _] = x.dims();
        let mut hidden = Tensor::<B, 2>::zeros([batch, 6], &x.device());
        let mut cell = hidden.clone();
        let mut all = Vec::new();
        for now in x.iter_dim(1) {
            let gates = self.input.forward(now.squeeze_dim::<2>(1)) + self.hidden.forward(hidden);
            let [enter, forget, candidate, leave]: [Tensor<B, 2>; 4] =
                self.gate_norm.forward(gates).chunk(4, 1).try_into().unwrap();
            cell = sigmoid(forget) * cell + sigmoid(enter) * candidate.tanh();
            hidden = sigmoid(leave) * self.cell_norm.forward(cell.clone()).tanh();
            all.push(hidden.clone());
        }
        self.head.forward(Tensor::stack::<3>(all, 1))
    }
}
