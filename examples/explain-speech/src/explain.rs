//! The logit of one chunk, explained back over time by the samples of the chunks up to it.

use std::error::Error;
use std::time::Instant;

use burn::tensor::{Tensor, backend::Backend};
use burn_xai::attributor::{Attribution, Quadrature};
use burn_xai::model::Inputs;
use burn_xai::prelude::*;
use burn_xai::trace::Traced;

use crate::Result;
use crate::listen::{Heard, listen, probability, read, samples};
use crate::model::{CHUNK, CONTEXT, HOP, SileroVad, State};
use crate::network::NAME;
use crate::recording::Recording;
use crate::report::{Explained, Report, Share, seconds};

/// Name, what the scores say, and whether they add up.
struct Method {
    name: &'static str,
    about: &'static str,
    adds_up: bool,
}

const LRP: Method = Method {
    name: "LRP",
    about: "Layer-wise relevance propagation for LSTMs shares the logit out, step by step back in time and layer \
            by layer, to the samples. Gates get nothing; biases and stabilizers keep a part.",
    adds_up: true,
};
const INTEGRATED: Method = Method {
    name: "integrated gradients",
    about: "What each sample adds to the logit on the way from silence and an empty state to this recording.",
    adds_up: true,
};
const GRADIENT: Method = Method {
    name: "input x gradient",
    about: "How the logit answers to a small change of each sample. These scores do not add up to it.",
    adds_up: false,
};

/// What shall be explained, and by how much.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// The chunk; if none, the one that the network is surest of.
    pub chunk: Option<usize>,
    /// Chunks to explain it by, 1 or more, itself the last; fewer at the beginning of the recording.
    pub window: usize,
    /// Gradients that integrated gradients adds up.
    pub steps: usize,
}

/// Listens to a recording of this name, and explains one chunk by every method.
///
/// # Errors
/// Where the recording ends before the chunk, and what the methods fail with.
pub fn explain<B: Backend>(
    net: &SileroVad<B>,
    recording: &Recording,
    name: &str,
    question: Question,
    device: &B::Device,
) -> Result<Report> {
    let Heard { logits, states } = listen(net, recording, device)?;
    let surest = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
    let explained = question.chunk.or(surest).unwrap_or(0);
    if explained >= logits.len() {
        let (asked, end) = (seconds(explained), seconds(logits.len()));
        return Err(format!("nothing to explain at {asked:.3} s: the recording ends at {end:.3} s").into());
    }
    let first = (explained + 1).saturating_sub(question.window.max(1));
    let count = explained + 1 - first;

    let State { hidden, cell } = states[first].clone();
    let inputs: Inputs<B> = (samples(recording, first, count, device), hidden, cell).into();
    type Arguments<B> = (Tensor<B, 2>, Tensor<B, 2>, Tensor<B, 2>);
    let model = record(net, |net: &SileroVad<Traced<B>>, (samples, hidden, cell): Arguments<Traced<B>>| {
        net.forward(samples, State { hidden, cell }).0
    });
    // The logits of the window are classes to the library; that of its last chunk is asked for.
    let target = Target::class(count - 1);

    let start = Instant::now();
    let propagated = Lrp::new(&model, lstm_lrp()).with_ledger().attribute_inputs(&inputs, &target)?;
    let propagated = shared_out(LRP, &propagated, absorbed(&propagated)?, start)?;
    let start = Instant::now();
    let integrated = IntegratedGradients::new(&model).with_steps(question.steps);
    let integrated =
        integrated.with_quadrature(Quadrature::GaussLegendre).attribute_inputs(&inputs, &target)?;
    let integrated = shared_out(INTEGRATED, &integrated, before_the_path(&integrated)?, start)?;
    let start = Instant::now();
    let gradient = InputXGradient::new(&model).attribute_inputs(&inputs, &target)?;
    let gradient = shared_out(GRADIENT, &gradient, Vec::new(), start)?;

    Ok(Report {
        backend: B::name(device),
        network: NAME,
        recording: name.to_owned(),
        probabilities: logits.iter().copied().map(probability).collect(),
        explained,
        logit: logits[explained],
        window: first..explained + 1,
        methods: vec![propagated, integrated, gradient],
        samples: recording.samples().to_vec(),
    })
}

/// The relevance of the samples in slices and chunks, and that of what came before them.
fn shared_out<B: Backend>(
    Method { name, about, adds_up }: Method,
    attribution: &Attribution<B>,
    others: Vec<Share>,
    start: Instant,
) -> Result<Explained> {
    let samples = read(attribution.relevance_of::<2>(0)?)?;
    let (before, window) = samples.split_at(CONTEXT.min(samples.len()));
    let sums = |length: usize| window.chunks(length).map(|part| part.iter().sum()).collect();
    let of_state =
        |input| Ok::<f64, Box<dyn Error>>(read(attribution.relevance_of::<2>(input)?)?.iter().sum());
    let mut rest = vec![
        Share { name: "4 ms before the window", amount: before.iter().sum() },
        Share { name: "state before: hidden", amount: of_state(1)? },
        Share { name: "state before: cell", amount: of_state(2)? },
    ];
    rest.extend(others);
    let seconds = start.elapsed().as_secs_f64();
    Ok(Explained { name, about, slices: sums(HOP), chunks: sums(CHUNK), rest, adds_up, seconds })
}

/// What relevance propagation left on the way to the samples.
fn absorbed<B: Backend>(attribution: &Attribution<B>) -> Result<Vec<Share>> {
    let ledger = attribution.ledger().ok_or("no ledger was kept")?;
    let sum = |amounts: &[f64]| amounts.iter().sum::<f64>();
    // Nodes have the names of the network's parts.
    let biases = |part: &str| {
        let own = ledger.rows().iter().filter(|row| row.node.starts_with(part));
        own.map(|row| sum(&row.bias)).sum()
    };
    Ok(vec![
        Share { name: "biases: encoder", amount: biases("encoder.") },
        Share { name: "biases: LSTM", amount: biases("cell.") },
        Share { name: "biases: decoder", amount: biases("decoder") },
        Share { name: "stabilizers", amount: sum(&ledger.stabilizer()) + sum(&ledger.dropped()) },
        Share { name: "rounding", amount: sum(&ledger.unexplained()) },
    ])
}

/// What integrated gradients leave: the logit at the start of their path, and the error of the sum.
fn before_the_path<B: Backend>(attribution: &Attribution<B>) -> Result<Vec<Share>> {
    let delta = attribution.convergence_delta().map_or(0.0, |delta| delta.iter().sum());
    let all = attribution.scores()?.iter().sum::<f64>() - attribution.relevance_sums()?.iter().sum::<f64>();
    Ok(vec![
        Share { name: "silence and empty state", amount: all + delta },
        Share { name: "error of the sum", amount: -delta },
    ])
}
