//! A program that explains for days takes no more memory than one that explains a few inputs.
#![allow(clippy::unwrap_used)]

use burn::nn::LstmConfig;
use burn::nn::conv::{Conv1d, Conv1dConfig};
use burn::tensor::Tensor;
use burn_flex::Flex;
use burn_xai::attributor::{Attributor, IntegratedGradients, Lrp, Saliency};
use burn_xai::composite::{epsilon_plus_flat, lstm_lrp};
use burn_xai::model::Target;
use burn_xai::record;
use burn_xai::trace::Traced;
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// What may be kept for the last few shapes, and by the backend's threads.
const KEPT: usize = 1 << 20;

/// The only test of this program, for memory is counted for all of its threads.
#[test]
fn memory_does_not_grow_with_calls_shapes_and_steps() {
    let device = Default::default();
    let conv = Conv1dConfig::new(2, 3, 3).init::<Flex>(&device);
    let forward = |conv: &Conv1d<Traced<Flex>>, x: Tensor<Traced<Flex>, 3>| {
        conv.forward(x).mean_dim(2).flatten::<2>(1, 2)
    };
    let model = record(&conv, forward);
    let methods: [Box<dyn Attributor<Flex>>; 3] = [
        Box::new(Lrp::new(&model, epsilon_plus_flat()).with_ledger()),
        Box::new(Saliency::new(&model)),
        Box::new(IntegratedGradients::new(&model).with_steps(2)),
    ];
    let explain = |width: usize| {
        let x = Tensor::<Flex, 3>::ones([1, 2, width], &device);
        let inputs = x.into();
        for method in &methods {
            method.attribute_inputs(&inputs, &Target::argmax()).unwrap();
        }
    };
    let grown = |task: &dyn Fn()| {
        (3..20).for_each(explain);
        let before = MEMORY.current_usage();
        task();
        MEMORY.current_usage().saturating_sub(before)
    };
    let by_shapes = grown(&|| (3..1003).for_each(explain));
    assert!(by_shapes < KEPT, "{by_shapes} bytes more after a thousand shapes");
    let by_calls = grown(&|| (0..3000).for_each(|_| explain(50)));
    assert!(by_calls < KEPT, "{by_calls} bytes more after thousands of calls");

    // Nor does a step of a loop take more in a longer one.
    let net = LstmConfig::new(4, 8, true).init::<Flex>(&device);
    let peak = |steps: usize| {
        let model = record(&net, |net, x| net.forward(x, None).0.sum_dim(1).flatten::<2>(1, 2));
        let x = Tensor::<Flex, 3>::ones([1, steps, 4], &device);
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        Lrp::new(&model, lstm_lrp()).attribute(x, 0).unwrap();
        MEMORY.peak_usage() - before
    };
    let (short, long) = (peak(200), peak(800));
    assert!(long < 5 * short, "200 steps take {short} bytes, 800 take {long}");
}
