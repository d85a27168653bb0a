//! Silero VAD for 16 kHz, written as any Burn user writes a network.
//!
//! Nothing in it knows that it will be explained: no hooks, no wrapped layers, no second forward pass.
//!
//! Silero Team, "Silero VAD: pre-trained enterprise-grade voice activity detector", version 6.2,
//! <https://github.com/snakers4/silero-vad>. The cell is that of Hochreiter and Schmidhuber, "Long Short-Term
//! Memory", Neural Computation 9, 1997, with forget gates.

use burn::module::Module;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig1d};
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::ops::PadMode;
use burn::tensor::{Tensor, backend::Backend};

/// Samples per second.
pub const RATE: usize = 16_000;
/// Samples for which the network says one probability.
pub const CHUNK: usize = 512;
/// Samples before a chunk that the network sees again.
pub const CONTEXT: usize = 64;
/// Samples from one spectrum to the next; a chunk has four.
pub const HOP: usize = 128;
/// Numbers of the hidden state, and of the cell.
pub const HIDDEN: usize = 128;

/// Samples of a spectrum.
const SPAN: usize = 256;
/// Samples that are mirrored at the end of a chunk.
const MIRRORED: usize = 64;
/// Frequencies of a spectrum.
const FREQUENCIES: usize = SPAN / 2 + 1;
/// Channels from and to, and the step, of the convolutions of the encoder.
const ENCODER: [([usize; 2], usize); 4] =
    [([FREQUENCIES, 128], 1), ([128, 64], 2), ([64, 64], 2), ([64, HIDDEN], 1)];

/// What an LSTM remembers, `[batch, 128]` each.
#[derive(Debug, Clone)]
pub struct State<B: Backend> {
    /// What it said last.
    pub hidden: Tensor<B, 2>,
    /// What it keeps.
    pub cell: Tensor<B, 2>,
}

impl<B: Backend> State<B> {
    /// Nothing yet.
    pub fn new(batch: usize, device: &B::Device) -> Self {
        let zeros = Tensor::zeros([batch, HIDDEN], device);
        Self { hidden: zeros.clone(), cell: zeros }
    }
}

/// One step of an LSTM.
#[derive(Module, Debug)]
pub struct Cell<B: Backend> {
    input: Linear<B>,
    hidden: Linear<B>,
}

impl<B: Backend> Cell<B> {
    fn new(device: &B::Device) -> Self {
        let [input, hidden] = [(); 2].map(|()| LinearConfig::new(HIDDEN, 4 * HIDDEN).init(device));
        Self { input, hidden }
    }

    /// From `x` `[batch, 128]` and the state before to that after.
    fn forward(&self, x: Tensor<B, 2>, State { hidden, cell }: State<B>) -> State<B> {
        let gates = self.input.forward(x) + self.hidden.forward(hidden);
        let part = |place: usize| gates.clone().narrow(1, place * HIDDEN, HIDDEN);
        let (enter, forget, candidate, leave) = (part(0), part(1), part(2), part(3));
        let cell = sigmoid(forget) * cell + sigmoid(enter) * candidate.tanh();
        State { hidden: sigmoid(leave) * cell.clone().tanh(), cell }
    }
}

/// The network: from samples to the logits of speech.
#[derive(Module, Debug)]
pub struct SileroVad<B: Backend> {
    stft: Conv1d<B>,
    encoder: Vec<Conv1d<B>>,
    cell: Cell<B>,
    decoder: Conv1d<B>,
}

impl<B: Backend> SileroVad<B> {
    /// The network with random weights; of the short-time Fourier transform as well, whose file has them.
    pub fn new(device: &B::Device) -> Self {
        let stft = Conv1dConfig::new(1, 2 * FREQUENCIES, SPAN).with_stride(HOP).with_bias(false);
        let encoder = ENCODER.map(|([from, to], stride)| {
            let conv = Conv1dConfig::new(from, to, 3).with_stride(stride);
            conv.with_padding(PaddingConfig1d::Explicit(1, 1)).init(device)
        });
        Self {
            stft: stft.init(device),
            encoder: encoder.into(),
            cell: Cell::new(device),
            decoder: Conv1dConfig::new(HIDDEN, 1, 1).init(device),
        }
    }

    /// Logits `[batch, chunks]`, one for each chunk, whose sigmoids are the probabilities of speech; and the
    /// states after each chunk. `samples` `[batch, 64 + 512 chunks]` are from -1 to 1, the first 64 are those
    /// before the first chunk, or zeros.
    pub fn forward(&self, samples: Tensor<B, 2>, before: State<B>) -> (Tensor<B, 2>, Vec<State<B>>) {
        let features = self.encode(samples);
        let (mut states, mut state) = (Vec::new(), before);
        for now in features.iter_dim(1) {
            state = self.cell.forward(now.squeeze_dim(1), state);
            states.push(state.clone());
        }
        let hidden = states.iter().map(|state| state.hidden.clone()).collect();
        let logits = self.decoder.forward(relu(Tensor::stack::<3>(hidden, 2)));
        (logits.squeeze_dim(1), states)
    }

    /// What is heard in each chunk, `[batch, chunks, 128]`.
    fn encode(&self, samples: Tensor<B, 2>) -> Tensor<B, 3> {
        let [batch, length] = samples.dims();
        let chunks = length.saturating_sub(CONTEXT) / CHUNK;
        // A chunk with its context is 512 samples, which follow one another, and the 64 after them.
        let cut = |start| samples.clone().narrow(1, start, chunks * CHUNK).reshape([batch * chunks, CHUNK]);
        let last = cut(CONTEXT).narrow(1, CHUNK - CONTEXT, CONTEXT);
        let heard = Tensor::cat(vec![cut(0), last], 1).pad([(0, 0), (0, MIRRORED)], PadMode::Reflect);

        let spectra = self.stft.forward(heard.unsqueeze_dim(1));
        let [real, imaginary] = [0, FREQUENCIES].map(|at| spectra.clone().narrow(1, at, FREQUENCIES));
        let mut x = (real.square() + imaginary.square()).sqrt();
        for conv in &self.encoder {
            x = relu(conv.forward(x));
        }
        x.reshape([batch, chunks, HIDDEN])
    }
}

#[cfg(test)]
mod tests {
    use burn_flex::Flex;

    use super::*;

    #[test]
    fn a_batch_and_a_state_that_is_handed_on_change_nothing() {
        let device = Default::default();
        let net = SileroVad::<Flex>::new(&device);
        let samples = |chunks: usize| {
            let wave =
                Tensor::<Flex, 1, burn::tensor::Int>::arange(0..(CONTEXT + CHUNK * chunks) as i64, &device);
            (wave.float() * 0.3).sin().unsqueeze::<2>()
        };
        let values = |logits: Tensor<Flex, 2>| logits.into_data().iter::<f64>().collect::<Vec<_>>();
        let (whole, _) = net.forward(samples(5), State::new(1, &device));
        assert_eq!(whole.dims(), [1, 5]);
        let whole = values(whole);

        let (first, states) = net.forward(samples(2), State::new(1, &device));
        let rest = samples(5).slice([0..1, 2 * CHUNK..5 * CHUNK + CONTEXT]);
        let (rest, _) = net.forward(rest, states[1].clone());
        let twice = Tensor::cat(vec![samples(5), samples(5) * -0.5], 0);
        let (twice, _) = net.forward(twice, State::new(2, &device));
        for (place, want) in whole.iter().enumerate() {
            let parts = [values(first.clone()), values(rest.clone())].concat();
            assert!((parts[place] - want).abs() < 1e-6 && (values(twice.clone())[place] - want).abs() < 1e-6);
        }
    }

    #[test]
    fn silence_has_a_logit() {
        let device = Default::default();
        let silence = Tensor::<Flex, 2>::zeros([1, CONTEXT + CHUNK], &device);
        let (logits, _) = SileroVad::new(&device).forward(silence, State::new(1, &device));
        assert!(logits.into_scalar().is_finite());
    }
}
