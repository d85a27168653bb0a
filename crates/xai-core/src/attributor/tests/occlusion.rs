use std::sync::{Arc, Mutex};

use super::*;
use crate::attributor::{Attributor, Occlusion};
use crate::model::Target;

#[test]
fn a_linear_models_drop_is_the_sum_of_what_is_hidden() {
    let (model, weight) = linear();
    let baseline = Tensor::<Flex, 2>::from_floats([[0.5, 0.0, -1.0, 1.0]], &Default::default());
    let method = Occlusion::new(&model).with_window(3).with_stride(2).with_baseline(baseline.clone());
    let got = method.attribute(features(), 0).unwrap();
    // Windows 0..3 and 2..4 (cut off); only element 2 is in both.
    let term = |x: &[f64], i: usize| {
        let shift = x[i] - values(baseline.clone())[i];
        shift * f64::from(weight[i][0])
    };
    let want = values(features());
    let want: Vec<_> = want
        .chunks(4)
        .flat_map(|x| {
            let (first, second) = (term(x, 0) + term(x, 1) + term(x, 2), term(x, 2) + term(x, 3));
            [first, first, (first + second) / 2.0, second]
        })
        .collect();
    assert_close(&relevance(&got), &want, 1e-6);
}

#[test]
fn single_elements_of_a_linear_model_are_input_times_gradient() {
    let (model, weight) = linear();
    let got = Occlusion::new(&model).with_window(1).attribute(features(), Target::contrast(1, 0)).unwrap();
    let want = values(features());
    let want = want.iter().enumerate().map(|(i, x)| x * f64::from(weight[i % 4][1] - weight[i % 4][0]));
    assert_close(&relevance(&got), &want.collect::<Vec<_>>(), 1e-6);
}

/// One window at a time, by slices.
fn plainly(x: Tensor<Flex, 4>, window: usize, stride: usize) -> Vec<f64> {
    let score = |x: Tensor<Flex, 4>| read(&model().output(x, 0).unwrap()).unwrap()[1];
    let mut sums = vec![0.0; 200];
    let mut counts = vec![0.0; 200];
    let full = score(x.clone());
    for top in (0..10).step_by(stride) {
        for left in (0..10).step_by(stride) {
            let before = |start: usize| start > 0 && start + window > 10 + stride - 1;
            if before(top) || before(left) {
                continue;
            }
            let (bottom, right) = ((top + window).min(10), (left + window).min(10));
            let zeros = Tensor::zeros([1, 2, bottom - top, right - left], &Default::default());
            let drop = full - score(x.clone().slice_assign([0..1, 0..2, top..bottom, left..right], zeros));
            for (channel, row) in (0..2).flat_map(|channel| (top..bottom).map(move |row| (channel, row))) {
                for column in left..right {
                    sums[channel * 100 + row * 10 + column] += drop;
                    counts[channel * 100 + row * 10 + column] += 1.0;
                }
            }
        }
    }
    sums.iter().zip(counts).map(|(sum, count)| sum / count).collect()
}

#[test]
fn images_are_occluded_by_windows_over_all_channels() {
    for (window, stride) in [(4, 4), (4, 3), (3, 1), (10, 1)] {
        let method = Occlusion::new(&model()).with_window(window).with_stride(stride);
        let got = relevance(&method.attribute(images(2), 1).unwrap());
        let first = images(2).slice([0..1, 0..2, 0..10, 0..10]);
        assert_close(&got[..200], &plainly(first, window, stride), 1e-5);
    }
}

#[test]
fn the_number_of_windows_per_run_changes_nothing() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let run = |samples: usize| {
        let heard = heard.clone();
        let method = Occlusion::new(&model())
            .with_window([1, 5, 4])
            .with_stride([1, 5, 3])
            .with_largest_batch(samples);
        let method = method.with_progress(move |progress| heard.lock().unwrap().push(progress.done));
        relevance(&method.attribute(images(2), Target::argmax()).unwrap())
    };
    let one = run(1);
    // 2 channels, 2 rows, 3 columns of windows; 4 per run.
    heard.lock().unwrap().clear();
    assert_close(&run(9), &one, 1e-5);
    assert_eq!(*heard.lock().unwrap(), [4, 8, 12]);
}
