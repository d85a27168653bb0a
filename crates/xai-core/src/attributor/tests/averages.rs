use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::attributor::{Attributor, IntegratedGradients, Lrp, Progress, Quadrature, Saliency, SmoothGrad};
use crate::composite::{gradient, guided_backprop};
use crate::model::Target;

fn smooth(seed: u64, batch: usize) -> Vec<f64> {
    let method = SmoothGrad::new(&model()).with_samples(4).with_noise_level(0.2).with_seed(seed);
    relevance(&method.attribute(images(batch), 0).unwrap())
}

#[test]
fn equal_seeds_give_equal_bits() {
    assert_eq!(smooth(3, 2), smooth(3, 2));
    assert_ne!(smooth(3, 2), smooth(4, 2));
}

#[test]
fn a_sample_is_explained_alike_in_any_batch() {
    let (one, two) = (smooth(3, 1), smooth(3, 2));
    assert_close(&one, &two[..one.len()], 1e-6);
}

#[test]
fn one_sample_is_the_gradient() {
    let gradient = Saliency::new(&model()).attribute(images(2), Target::argmax()).unwrap();
    let smooth = SmoothGrad::new(&model()).with_samples(1).attribute(images(2), Target::argmax()).unwrap();
    assert_eq!(relevance(&smooth), relevance(&gradient));
    let quiet = SmoothGrad::new(&model()).with_samples(3).with_noise_level(0.0);
    let quiet = quiet.attribute(images(2), Target::argmax()).unwrap();
    assert_close(&relevance(&quiet), &relevance(&gradient), 1e-6);
}

#[test]
fn given_noise_is_scaled_by_each_samples_range() {
    let x = images(2);
    let noise =
        [numbers([2, 2, 10, 10], 5, &Default::default()), numbers([2, 2, 10, 10], 6, &Default::default())];
    let method = SmoothGrad::new(&model()).with_noise_level(0.3);
    let got = method.attribute_with_noise(x.clone(), 2, &noise.clone().map(Value::from)).unwrap();

    let gradient = |x: Tensor<Flex, 4>| -> Tensor<Flex, 4> {
        Saliency::new(&model()).attribute(x, 2).unwrap().relevance().unwrap()
    };
    let range = |x: Tensor<Flex, 4>| {
        let flat: Tensor<Flex, 2> = x.flatten(1, 3);
        (flat.clone().max_dim(1) - flat.min_dim(1)).reshape([2, 1, 1, 1])
    };
    let [first, second] =
        noise.map(|noise: Tensor<Flex, 4>| gradient(x.clone() + noise * range(x.clone()) * 0.3));
    assert_close(&relevance(&got), &values((first + second + gradient(x)) / 3.0), 1e-6);
}

#[test]
fn classes_are_settled_by_the_unchanged_input() {
    let (model, weight) = linear();
    let column = weight.map(|row| f64::from(row[0]));
    // The range of both samples is 5, so this noisy copy is -4 x.
    let (noise, copy) = (features() * -1.0, features() * -4.0);
    let classes = |x: Tensor<Flex, 2>| {
        let attribution = Saliency::new(&model).attribute(x, Target::argmax()).unwrap();
        attribution.classes().unwrap().to_vec()
    };
    assert_eq!((classes(features()), classes(copy)), (vec![0, 0], vec![1, 1]));
    let method = SmoothGrad::new(&model).with_noise_level(1.0);
    let got = method.attribute_with_noise(features(), Target::argmax(), &[noise.into()]).unwrap();
    assert_eq!((relevance(&got), got.classes().unwrap()), ([column, column].concat(), [0, 0].as_slice()));
}

#[test]
fn another_method_is_averaged_too() {
    let of = |method: Lrp<Flex>| {
        let smooth = SmoothGrad::of(method).with_samples(3).attribute(images(2), 1).unwrap();
        relevance(&smooth)
    };
    let plain = SmoothGrad::new(&model()).with_samples(3).attribute(images(2), 1).unwrap();
    assert_eq!(of(Lrp::new(&model(), gradient())), relevance(&plain));
    assert_ne!(of(Lrp::new(&model(), guided_backprop())), relevance(&plain));
}

const QUADRATURES: [Quadrature; 4] =
    [Quadrature::Right, Quadrature::Midpoint, Quadrature::Trapezoid, Quadrature::GaussLegendre];

#[test]
fn a_linear_model_is_integrated_exactly() {
    let (model, weight) = linear();
    let want: Vec<_> =
        values(features()).iter().enumerate().map(|(i, x)| (x - 0.5) * f64::from(weight[i % 4][1])).collect();
    for quadrature in QUADRATURES {
        for steps in [2, 3, 10] {
            let method = IntegratedGradients::new(&model).with_steps(steps).with_quadrature(quadrature);
            let got = method.with_baseline(0.5).attribute(features(), 1).unwrap();
            assert_close(&relevance(&got), &want, 1e-6);
            let delta = got.convergence_delta().unwrap();
            assert!(delta.iter().all(|delta| delta.abs() < 1e-5), "{quadrature:?} {steps}: {delta:?}");
        }
    }
}

#[test]
fn many_steps_complete_the_score_of_a_relu_net() {
    let score = |x: Tensor<Flex, 4>| {
        let logits = values(Saliency::new(&model()).attribute(x, 2).unwrap().output::<2>().unwrap());
        [logits[2] - logits[0], logits[5] - logits[3]]
    };
    let baseline: Tensor<Flex, 4> = numbers([1, 2, 1, 1], 8, &Default::default());
    let at_input = score(images(2));
    let at_baseline = score(images(2) * 0.0 + baseline.clone());
    for quadrature in QUADRATURES {
        let method = IntegratedGradients::new(&model()).with_steps(300).with_quadrature(quadrature);
        let method = method.with_baseline(baseline.clone());
        let got = method.attribute(images(2), Target::contrast(2, 0)).unwrap();
        let sums = got.relevance_sums().unwrap();
        for sample in 0..2 {
            let difference = at_input[sample] - at_baseline[sample];
            let delta = got.convergence_delta().unwrap()[sample];
            assert!(
                (sums[sample] - difference - delta).abs() < 1e-4 * difference.abs(),
                "the delta is wrong"
            );
            assert!(delta.abs() < 0.01 * difference.abs(), "{quadrature:?}: {delta} of {difference}");
        }
    }
}

#[test]
fn more_steps_come_closer() {
    let delta = |steps| {
        let method = IntegratedGradients::new(&model()).with_steps(steps);
        let got = method.attribute(images(2), Target::argmax()).unwrap();
        got.convergence_delta().unwrap().iter().fold(0.0f64, |most, delta| most.max(delta.abs()))
    };
    let (few, many) = (delta(4), delta(256));
    assert!(many < few / 8.0, "{few} {many}");
}

#[test]
fn right_end_points_are_the_mean_of_gradients_on_the_way() {
    let gradient = |x: Tensor<Flex, 4>| -> Tensor<Flex, 4> {
        Saliency::new(&model()).attribute(x, 0).unwrap().relevance().unwrap()
    };
    let points = [0.25, 0.5, 0.75, 1.0].map(|position| gradient(images(2) * position));
    let mean = points.into_iter().reduce(|sum, next| sum + next).unwrap() / 4.0;
    let got = IntegratedGradients::new(&model()).with_steps(4).attribute(images(2), 0).unwrap();
    assert_close(&relevance(&got), &values(mean * images(2)), 1e-6);
}

#[test]
fn progress_counts_to_the_total() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listen = || {
        let heard = heard.clone();
        move |progress: Progress| heard.lock().unwrap().push(progress)
    };
    let (model, _) = linear();
    let smooth = SmoothGrad::new(&model).with_samples(3).with_progress(listen());
    smooth.attribute(features(), 0).unwrap();
    let integrated = IntegratedGradients::new(&model).with_steps(2).with_progress(listen());
    integrated.attribute(features(), 0).unwrap();
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    let steps: Vec<_> = heard.iter().map(|progress| (progress.done, progress.total)).collect();
    assert_eq!(steps, [(1, 3), (2, 3), (3, 3), (1, 2), (2, 2)]);
    for call in [&heard[1..3], &heard[3..]] {
        assert!(
            call[0].elapsed <= call[1].elapsed && call[1].time_left() == Some(Duration::ZERO),
            "{call:?}"
        );
    }
}
