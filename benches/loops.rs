//! What loops over time cost: recording, planning and explaining LSTMs of many steps, and planning deep chains.
//!
//! Times are single runs in milliseconds; the ratio is the time per step relative to the first row of the same
//! kind, so 1 means linear. Run with `cargo bench -p benches --bench loops`.

// A network that the library does not support would make the numbers meaningless.
#![allow(clippy::expect_used)]

use std::time::Instant;

use burn::nn::{LinearConfig, LstmConfig};
use burn::tensor::{Distribution, Tensor, activation::relu, backend::Backend};
use burn_xai::graph::GraphBuilder;
use burn_xai::layer::Activation;
use burn_xai::prelude::*;

fn main() {
    println!("| backend | case | step | ms | ratio per step |\n|---|---|---|---|---|");
    all::<burn_xai::backend::Default>();
}

/// Prints the rows of one case; `first` holds the times per step of the first case.
fn print<B: Backend>(case: &str, steps: usize, times: &[(&str, f64)], first: &mut Vec<f64>) {
    for (place, (step, ms)) in times.iter().enumerate() {
        let per_step = ms / steps as f64;
        if first.len() == place {
            first.push(per_step);
        }
        let (backend, ratio) = (B::name(&Default::default()), per_step / first[place]);
        println!("| {backend} | {case} | {step} | {ms:.0} | {ratio:.2} |");
    }
}

fn timed<T>(task: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = task();
    (result, start.elapsed().as_secs_f64() * 1e3)
}

fn all<B: Backend>() {
    let device = B::Device::default();
    let mut first = Vec::new();
    for steps in [100, 500, 2000] {
        let net = LstmConfig::new(16, 32, true).init::<B>(&device);
        let model = record(&net, |net, x| net.forward(x, None).0.sum_dim(1).flatten::<2>(1, 2));
        let x = Tensor::<B, 3>::random([1, steps, 16], Distribution::Uniform(-1.0, 1.0), &device);
        let (plain, forward) = timed(|| net.forward(x.clone(), None).0);
        drop(plain);
        let (graph, recorded) = timed(|| model.graph(x.clone(), 0).expect("the network is supported"));
        let lrp = Lrp::new(&model, lstm_lrp());
        let (_, planned) = timed(|| lrp.plan(x.clone(), 0).expect("the rules apply"));
        lrp.attribute(x.clone(), 0).expect("the rules apply");
        let (relevance, explained) = timed(|| lrp.attribute(x.clone(), 0).expect("the rules apply"));
        assert!(relevance.relevance::<3>().is_ok());
        let longest = graph.names().map(str::len).max().unwrap_or(0);
        let case = format!("LSTM, {steps} steps, {} nodes, names up to {longest}", graph.nodes().len());
        let times = [("forward", forward), ("record", recorded), ("plan", planned), ("explain", explained)];
        print::<B>(&case, steps, &times, &mut first);
    }
    let mut first = Vec::new();
    for layers in [5_000, 25_000] {
        let linear = LinearConfig::new(2, 2).init::<B>(&device);
        let (model, built) = timed(|| {
            let mut builder = GraphBuilder::new();
            let mut last = builder.input("x", &[1, 2]).expect("a new name");
            for layer in 0..layers {
                last = builder.push(format!("{layer}"), &linear, &[last]).expect("a new name");
                last = builder.push(format!("{layer}.relu"), Activation::Relu, &[last]).expect("a new name");
            }
            Model::from(builder.finish(last).expect("a chain"))
        });
        let x = Tensor::<B, 2>::ones([1, 2], &device);
        let lrp = Lrp::new(&model, epsilon_plus());
        let (_, planned) = timed(|| lrp.plan(x.clone(), 0).expect("the rules apply"));
        let (_, explained) = timed(|| lrp.attribute(x.clone(), 0).expect("the rules apply"));
        let recorded_model = record(&linear, move |linear, x: Tensor<_, 2>| {
            (0..layers).fold(x, |x, _| relu(linear.forward(x)))
        });
        let (_, recorded) = timed(|| recorded_model.graph(x.clone(), 0).expect("the network is supported"));
        let case = format!("chain of {} nodes", 2 * layers);
        let times = [("build", built), ("plan", planned), ("explain", explained), ("record", recorded)];
        print::<B>(&case, layers, &times, &mut first);
    }
}
