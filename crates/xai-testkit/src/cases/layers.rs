//! Layers without a rule of their own: forward and gradient on the backend, against loops on the host.

use burn::tensor::backend::Backend;
use burn::tensor::ops::{InterpolateMode, InterpolateOptions};
use burn::tensor::{Int, Tensor};
use xai_core::Value;
use xai_core::graph::GraphBuilder;
use xai_core::layer::{
    Assign, CumulativeSum, Cut, Elementwise, Gather, Interpolate, Layer, Normalize, Softmax, SoftmaxForm,
};

use super::host::{assert_close, value};
use crate::host::{Array, Numbers};

/// Compares a layer with `f`, which gives the output and, for a gradient of the output, that of each input.
fn check<B: Backend>(
    what: &str,
    layer: impl Into<Layer<B>>,
    inputs: &[&Array],
    f: impl Fn(&Array) -> (Array, Vec<Array>),
    device: &B::Device,
) {
    let mut builder = GraphBuilder::<B>::new();
    let ids = inputs.iter().enumerate().map(|(place, x)| builder.input(format!("{place}"), &x.dims).unwrap());
    let ids: Vec<_> = ids.collect();
    let layer = builder.push("layer", layer.into(), &ids).unwrap();
    let dims = builder.dims(layer).unwrap().to_vec();
    let graph = builder.finish(layer).unwrap();
    let values: Vec<Value<B>> = inputs.iter().map(|x| value(x, device)).collect();
    let gradient = Numbers::seeded(9).array(&dims);
    let (output, gradients) = f(&gradient);
    assert_close(what, &graph.forward(&values).unwrap(), &output);
    let got = graph.vjp(&values, value(&gradient, device)).unwrap();
    for (got, want) in got.iter().zip(&gradients) {
        assert_close(&format!("{what}, gradient"), got, want);
    }
}

/// Rows of a matrix.
fn rows(array: &Array) -> impl Iterator<Item = &[f64]> {
    array.data.chunks(array.dims[1])
}

fn matrix(dims: &[usize], rows: impl Iterator<Item = Vec<f64>>) -> Array {
    Array { dims: dims.to_vec(), data: rows.flatten().collect() }
}

/// Layer and RMS norms of rows.
pub fn normalisations<B: Backend>(device: &B::Device) {
    let x = Numbers::seeded(1).array(&[3, 4]);
    for centred in [true, false] {
        let norm = Normalize::new([1], 0.1).unwrap();
        let norm: Normalize<B> = if centred { norm } else { norm.without_centring() };
        let mean = |row: &[f64]| row.iter().sum::<f64>() / row.len() as f64;
        let centre = |row: &[f64]| -> Vec<f64> {
            let mean = if centred { mean(row) } else { 0.0 };
            row.iter().map(|x| x - mean).collect()
        };
        let std = |row: &[f64]| (mean(&row.iter().map(|x| x * x).collect::<Vec<_>>()) + 0.1).sqrt();
        let normal = |row: &[f64]| -> Vec<f64> {
            let row = centre(row);
            let std = std(&row);
            row.iter().map(|x| x / std).collect()
        };
        let back = |(row, r): (&[f64], &[f64])| -> Vec<f64> {
            let (y, std) = (normal(row), std(&centre(row)));
            let along = mean(&y.iter().zip(r).map(|(y, r)| y * r).collect::<Vec<_>>());
            centre(r).iter().zip(&y).map(|(r, y)| (r - y * along) / std).collect()
        };
        let f = |r: &Array| {
            let output = matrix(&x.dims, rows(&x).map(normal));
            (output, vec![matrix(&x.dims, rows(&x).zip(rows(r)).map(back))])
        };
        check(&format!("normalize, centred {centred}"), norm, &[&x], f, device);
    }
}

/// A softmax of scores of minus infinity, and one with room for nothing.
pub fn softmaxes<B: Backend>(device: &B::Device) {
    let infinite = f64::NEG_INFINITY;
    let x = Array { dims: vec![3, 2], data: vec![0.5, -1.0, infinite, 2.0, infinite, infinite] };
    let weight = |row: &[f64], rest: f64| -> Vec<f64> {
        let sum: f64 = row.iter().map(|x| x.exp()).sum::<f64>() + rest;
        row.iter().map(|x| if sum > 0.0 { x.exp() / sum } else { 0.0 }).collect()
    };
    for (form, rest) in [(SoftmaxForm::Masked, 0.0), (SoftmaxForm::Quiet, 1.0)] {
        let y = matrix(&x.dims, rows(&x).map(|row| weight(row, rest)));
        // A graph takes finite inputs only, so the layer is run by itself.
        let layer: Layer<B> = Softmax::new(form, 1).into();
        assert_close("softmax", &layer.ops().forward(vec![value(&x, device)]).unwrap(), &y);
    }
}

/// Running sums, and elements picked along a dimension.
pub fn sums_and_picks<B: Backend>(device: &B::Device) {
    let x = Numbers::seeded(2).array(&[2, 3]);
    let running = |row: &[f64]| -> Vec<f64> {
        row.iter()
            .scan(0.0, |sum, x| {
                Some({
                    *sum += x;
                    *sum
                })
            })
            .collect()
    };
    let back = |row: &[f64]| -> Vec<f64> {
        let mut reversed = running(&row.iter().rev().copied().collect::<Vec<_>>());
        reversed.reverse();
        reversed
    };
    let f = |r: &Array| (matrix(&[2, 3], rows(&x).map(running)), vec![matrix(&[2, 3], rows(r).map(back))]);
    check::<B>("running sums", CumulativeSum::new(1), &[&x], f, device);

    let places = [[2, 0, 2, 1], [1, 1, 0, 0]];
    let indices = Tensor::<B, 2, Int>::from_ints(places, device).into_primitive();
    let picked = |(row, places): (&[f64], &[i32; 4])| places.map(|place| row[place as usize]).to_vec();
    let back = |(r, places): (&[f64], &[i32; 4])| {
        let mut row = vec![0.0; 3];
        places.iter().zip(r).for_each(|(place, r)| row[*place as usize] += r);
        row
    };
    let f = |r: &Array| {
        let output = matrix(&[2, 4], rows(&x).zip(&places).map(picked));
        (output, vec![matrix(&[2, 3], rows(r).zip(&places).map(back))])
    };
    check("gather", Gather::<B>::new(1, indices), &[&x], f, device);
}

/// A range replaced by another value.
pub fn assignments<B: Backend>(device: &B::Device) {
    let mut numbers = Numbers::seeded(3);
    let (base, part) = (numbers.array(&[2, 5]), numbers.array(&[2, 2]));
    let f = |r: &Array| {
        let put = |(base, part): (&[f64], &[f64])| [&base[..1], part, &base[3..]].concat();
        let outside = |r: &[f64]| [&r[..1], &[0.0, 0.0], &r[3..]].concat();
        let output = matrix(&[2, 5], rows(&base).zip(rows(&part)).map(put));
        let inside = matrix(&[2, 2], rows(r).map(|r| r[1..3].to_vec()));
        (output, vec![matrix(&[2, 5], rows(r).map(outside)), inside])
    };
    let assign = Assign::<B>::new([Cut::All, Cut::Range { start: 1, end: 3, step: 1 }]);
    check("assign", assign, &[&base, &part], f, device);
}

/// Images enlarged by repetition and along straight lines.
pub fn interpolations<B: Backend>(device: &B::Device) {
    let x = Numbers::seeded(4).array(&[1, 2, 1, 2]);
    let nearest = Interpolate::new([2, 4], InterpolateOptions::new(InterpolateMode::Nearest));
    let f = |r: &Array| {
        let repeated = x.data.chunks(2).flat_map(|row| [row[0], row[0], row[1], row[1]].repeat(2));
        let sum = |r: &[f64]| vec![r[0] + r[1] + r[4] + r[5], r[2] + r[3] + r[6] + r[7]];
        let gradient = r.data.chunks(8).flat_map(sum).collect();
        let output = Array { dims: vec![1, 2, 2, 4], data: repeated.collect() };
        (output, vec![Array { dims: x.dims.clone(), data: gradient }])
    };
    check::<B>("nearest", nearest, &[&x], f, device);

    let linear = Interpolate::new([1, 3], InterpolateOptions::new(InterpolateMode::Bilinear));
    let f = |r: &Array| {
        let line = x.data.chunks(2).flat_map(|row| [row[0], (row[0] + row[1]) / 2.0, row[1]]);
        let gradient = r.data.chunks(3).flat_map(|r| [r[0] + r[1] / 2.0, r[2] + r[1] / 2.0]).collect();
        let output = Array { dims: vec![1, 2, 1, 3], data: line.collect() };
        (output, vec![Array { dims: x.dims.clone(), data: gradient }])
    };
    check::<B>("linear", linear, &[&x], f, device);
}

/// Functions with their derivatives.
pub fn functions<B: Backend>(device: &B::Device) {
    type Function = fn(f64) -> f64;
    let x = Numbers::seeded(5).array(&[2, 3]).map(|x| x.abs() * 0.4 + 0.05);
    let rows: [(Elementwise, Function, Function); 11] = [
        (Elementwise::Sqrt, f64::sqrt, |x| 0.5 / x.sqrt()),
        (Elementwise::Log1p, f64::ln_1p, |x| 1.0 / (1.0 + x)),
        (Elementwise::Sin, f64::sin, f64::cos),
        (Elementwise::Cos, f64::cos, |x| -x.sin()),
        (Elementwise::Tan, f64::tan, |x| 1.0 / x.cos().powi(2)),
        (Elementwise::Sinh, f64::sinh, f64::cosh),
        (Elementwise::Cosh, f64::cosh, f64::sinh),
        (Elementwise::Atan, f64::atan, |x| 1.0 / (1.0 + x * x)),
        (Elementwise::Floor, f64::floor, |_| 0.0),
        (Elementwise::Power(-0.5), |x| x.powf(-0.5), |x| -0.5 * x.powf(-1.5)),
        (Elementwise::Recip, |x| 1.0 / x, |x| -1.0 / (x * x)),
    ];
    for (function, value, slope) in rows {
        let f = |r: &Array| {
            let gradient = x.data.iter().zip(&r.data).map(|(x, r)| slope(*x) * r).collect();
            (x.map(value), vec![Array { dims: x.dims.clone(), data: gradient }])
        };
        check::<B>(&format!("{function:?}"), function, &[&x], f, device);
    }
}
