//! The network over a whole recording.

use burn::tensor::{Tensor, TensorData, backend::Backend};

use crate::Result;
use crate::model::{SileroVad, State};
use crate::recording::Recording;

/// Chunks that are heard at once: a long recording takes no more memory than these.
const BLOCK: usize = 256;

/// What the network makes of a recording.
#[derive(Debug)]
pub struct Heard<B: Backend> {
    /// The logit of speech in each chunk.
    pub logits: Vec<f64>,
    /// The states before each chunk, and that after the last.
    pub states: Vec<State<B>>,
}

/// Listens to a recording from its beginning.
///
/// # Errors
/// Where the backend cannot be read.
pub fn listen<B: Backend>(net: &SileroVad<B>, recording: &Recording, device: &B::Device) -> Result<Heard<B>> {
    let (mut logits, mut state) = (Vec::new(), State::new(1, device));
    let mut states = vec![state.clone()];
    for first in (0..recording.chunks()).step_by(BLOCK) {
        let count = BLOCK.min(recording.chunks() - first);
        let (block, after) = net.forward(samples(recording, first, count, device), state.clone());
        logits.extend(read(block)?);
        states.extend(after);
        state = states.last().cloned().unwrap_or(state);
    }
    Ok(Heard { logits, states })
}

/// Samples of some chunks with the context of the first, `[1, 64 + 512 count]`.
pub fn samples<B: Backend>(
    recording: &Recording,
    first: usize,
    count: usize,
    device: &B::Device,
) -> Tensor<B, 2> {
    let window = recording.window(first, count);
    let length = window.len();
    Tensor::from_data(TensorData::new(window, [1, length]), device)
}

/// The probability of speech, the sigmoid of a logit.
pub fn probability(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// The elements of a tensor, on the host.
pub fn read<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Result<Vec<f64>> {
    let data = tensor.try_into_data().map_err(|reason| format!("{reason:?}"))?;
    Ok(data.iter::<f64>().collect())
}
