//! Attributors and targets, on graphs built by hand and on a recorded model.

use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::backend::Backend;
use burn::tensor::module::max_pool2d;
use xai_core::Value;
use xai_core::attributor::{Attributor, IntegratedGradients, Lrp, Occlusion, Quadrature, SmoothGrad};
use xai_core::composite::epsilon_plus_flat;
use xai_core::model::{Model, Target};
use xai_trace::record_fn;

use super::conservation::network;
use super::host::{assert_close, value};
use crate::attribution::input_relevance;
use crate::host::{Array, Numbers};

/// A model of max pools with the windows of the occlusion: hiding a pool's window takes all of its
/// output away, hiding another takes nothing. The batches of hidden copies are recorded anew.
pub fn occlusion_of_a_recorded_model<B: Backend>(device: &B::Device) {
    let model = record_fn::<B, Tensor<_, 4>, Tensor<_, 2>, _>(|x| {
        relu(max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], false)).flatten(1, 3)
    });
    let images = Numbers::seeded(21).array(&[3, 1, 4, 4]);
    // 7 samples have room for two copies of the batch.
    let method = Occlusion::new(&model).with_window(2).with_largest_batch(7);
    let attribution = method.attribute(value(&images, device), Target::class(2)).unwrap();
    // Output 2 is the window of rows 2 and 3, columns 0 and 1.
    let inside = |i: usize| (i % 16) / 4 >= 2 && i % 4 < 2;
    let highest = |n: usize| {
        let window = (n * 16..(n + 1) * 16).filter(|&i| inside(i));
        window.map(|i| images.data[i]).fold(0.0, f64::max)
    };
    let expected = Array::from_fn(&images.dims, |i| if inside(i) { highest(i / 16) } else { 0.0 });
    assert_close("occlusion", input_relevance(&attribution), &expected);
}

/// Integrated gradients add up to the difference of scores, and say how far they are from it.
pub fn integrated_gradients_are_complete<B: Backend>(device: &B::Device) {
    let model = Model::from(network::<B>(1, device));
    let images = Numbers::seeded(22).array(&[2, 2, 6, 6]);
    let method = IntegratedGradients::new(&model).with_steps(100).with_quadrature(Quadrature::Midpoint);
    let attribution = method.with_baseline(0.25).attribute(value(&images, device), Target::argmax()).unwrap();

    let graph = network::<B>(1, device);
    let output = |x: Value<B>| Array::of(&graph.forward(&[x]).unwrap());
    let x = value::<B>(&images, device);
    let (at_input, at_baseline) = (output(x.clone()), output(x.full_like(&images.dims, 0.25)));
    let (sums, classes) = (attribution.relevance_sums().unwrap(), attribution.classes().unwrap());
    for (sample, class) in classes.iter().enumerate() {
        let place = sample * at_input.dims[1] + class;
        let difference = at_input.data[place] - at_baseline.data[place];
        let delta = attribution.convergence_delta().unwrap()[sample];
        let scale = at_input.data[place].abs().max(difference.abs());
        assert!((sums[sample] - difference - delta).abs() < 1e-4 * scale, "the delta {delta} is wrong");
        assert!(delta.abs() < 0.02 * scale, "the sum is off by {delta} of {difference}");
    }
}

/// Noise is drawn on the host, so it is the same on every device and in every batch.
pub fn noise_is_drawn_on_the_host<B: Backend>(device: &B::Device) {
    let method = SmoothGrad::new(&Model::from(network::<B>(1, device))).with_samples(5).with_seed(3);
    let images = Numbers::seeded(23).array(&[2, 2, 6, 6]);
    let explain = || method.attribute(value(&images, device), Target::class(0)).unwrap();
    assert_close("again", input_relevance(&explain()), &Array::of(input_relevance(&explain())));
}

/// Targets that share a forward pass get what each gets alone; a contrast is a difference.
pub fn targets_share_a_forward_pass<B: Backend>(device: &B::Device) {
    let lrp = Lrp::new(&Model::from(network::<B>(1, device)), epsilon_plus_flat());
    let images = value::<B>(&Numbers::seeded(24).array(&[2, 2, 6, 6]), device);
    let targets = [Target::class(0), Target::class(1), Target::contrast(0, 1)];
    let together = lrp.attribute_targets(images.clone(), targets.clone()).unwrap();
    for (together, target) in together.iter().zip(targets) {
        let alone = lrp.attribute(images.clone(), target).unwrap();
        assert_close("alone", input_relevance(together), &Array::of(input_relevance(&alone)));
    }
    let [first, second, contrast] = [0, 1, 2].map(|i| Array::of(input_relevance(&together[i])));
    let difference = Array::from_fn(&first.dims, |i| first.data[i] - second.data[i]);
    let gap = (0..difference.data.len()).map(|i| (difference.data[i] - contrast.data[i]).abs());
    let scale = first.data.iter().chain(&second.data).fold(0.0f64, |scale, r| scale.max(r.abs()));
    assert!(gap.fold(0.0, f64::max) < 1e-5 * scale, "the contrast is no difference");
}
