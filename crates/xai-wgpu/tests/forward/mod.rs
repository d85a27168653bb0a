//! Forward passes of one linear and one convolution layer against plain loops in `f64`. Shared with
//! xai-tch, whose tests include this file.

use burn::tensor::backend::Backend;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};

/// Values in -1..1 without a pattern that a wrong index could hide in.
fn values(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn tensor<B: Backend, const D: usize>(values: &[f64], shape: [usize; D], device: &B::Device) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape).convert::<B::FloatElem>(), device)
}

fn assert_close<B: Backend, const D: usize>(actual: Tensor<B, D>, expected: &[f64], shape: [usize; D]) {
    assert_eq!(actual.dims(), shape);
    let actual: Vec<f64> = actual.into_data().iter::<f64>().collect();
    let scale = expected.iter().fold(0.0, |max: f64, v| max.max(v.abs()));
    let tolerance = 2e-6 * scale;
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        assert!((a - e).abs() <= tolerance, "element {i}: {a} is not within {tolerance:e} of {e}");
    }
}

/// `y = x W + b`, 19 rows, 45 to 33 features: no multiple of any tile size.
pub(crate) fn linear<B: Backend>(device: &B::Device) {
    let [n, d_in, d_out] = [19, 45, 33];
    let (x, w, b) = (values(n * d_in, 1), values(d_in * d_out, 2), values(d_out, 3));

    let mut expected = vec![0.0; n * d_out];
    for row in 0..n {
        for out in 0..d_out {
            expected[row * d_out + out] =
                b[out] + (0..d_in).map(|k| x[row * d_in + k] * w[k * d_out + out]).sum::<f64>();
        }
    }

    let y = module::linear::<B, 2>(
        tensor(&x, [n, d_in], device),
        tensor(&w, [d_in, d_out], device),
        Some(tensor(&b, [d_out], device)),
    );
    assert_close(y, &expected, [n, d_out]);
}

/// A 3x3 convolution of 2x5x13x11 with stride 2 by 1 and padding 1.
pub(crate) fn conv2d<B: Backend>(device: &B::Device) {
    let [n, c_in, h, w] = [2, 5, 13, 11];
    let [c_out, k, padding] = [7, 3, 1];
    let stride = [2, 1];
    let [h_out, w_out] = [7, 11];
    let (x, weight, bias) = (values(n * c_in * h * w, 4), values(c_out * c_in * k * k, 5), values(c_out, 6));

    let mut expected = Vec::with_capacity(n * c_out * h_out * w_out);
    for image in 0..n {
        for out in 0..c_out {
            for i in 0..h_out {
                for j in 0..w_out {
                    let mut sum = bias[out];
                    for c in 0..c_in {
                        for di in 0..k {
                            for dj in 0..k {
                                let row = (i * stride[0] + di).wrapping_sub(padding);
                                let col = (j * stride[1] + dj).wrapping_sub(padding);
                                if row < h && col < w {
                                    sum += x[((image * c_in + c) * h + row) * w + col]
                                        * weight[((out * c_in + c) * k + di) * k + dj];
                                }
                            }
                        }
                    }
                    expected.push(sum);
                }
            }
        }
    }

    let y = module::conv2d::<B>(
        tensor(&x, [n, c_in, h, w], device),
        tensor(&weight, [c_out, c_in, k, k], device),
        Some(tensor(&bias, [c_out], device)),
        ConvOptions::new(stride, [padding, padding], [1, 1], 1),
    );
    assert_close(y, &expected, [n, c_out, h_out, w_out]);
}
