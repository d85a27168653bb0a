use burn::tensor::backend::Backend;
use xai_core::kernel::{ConvAdjoint, ConvGeometry, conv, conv_adjoint, conv_adjoint_by};

use super::{Bench, Outcome, Row, numbers};
use crate::reference;

type Sizes = &'static [usize];

/// Input, weight, stride, padding, dilation and groups of a convolution; strides and dilations that
/// are not given are 1, padding is 0.
pub(crate) type ConvShape = (Sizes, Sizes, Sizes, &'static [(usize, usize)], Sizes, usize);

/// The geometry of a convolution.
pub(crate) fn conv_geometry(&(_, weight, stride, padding, dilation, groups): &ConvShape) -> ConvGeometry {
    let plain = ConvGeometry::new(weight.len() - 2);
    let or = |given: Sizes, plain: Vec<usize>| if given.is_empty() { plain } else { given.to_vec() };
    ConvGeometry {
        stride: or(stride, plain.stride),
        padding: if padding.is_empty() { plain.padding } else { padding.to_vec() },
        dilation: or(dilation, plain.dilation),
        groups,
    }
}

const CASES: &[ConvShape] = &[
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[], &[], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[], &[(1, 1), (1, 1)], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[], &[(3, 3), (4, 4)], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[2, 2], &[], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[2, 2], &[(1, 1), (1, 1)], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[3, 2], &[(1, 1), (0, 0)], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[4, 5], &[], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[7, 7], &[], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[4, 5], &[(2, 0), (0, 3)], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[], &[(0, 1), (2, 1)], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[2, 2], &[(0, 1), (0, 1)], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[2, 3], &[(2, 1), (0, 5)], &[], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[], &[], &[2, 2], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[], &[(2, 2), (3, 3)], &[2, 3], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[2, 2], &[(2, 2), (2, 2)], &[2, 2], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[2, 3], &[(1, 3), (2, 0)], &[3, 2], 1),
    (&[2, 3, 8, 9], &[4, 3, 3, 3], &[2, 1], &[], &[1, 2], 1),
    (&[2, 4, 7, 8], &[6, 2, 3, 3], &[], &[], &[], 2),
    (&[2, 4, 7, 8], &[6, 2, 3, 3], &[2, 2], &[(1, 1), (1, 1)], &[], 2),
    (&[2, 4, 7, 8], &[6, 2, 3, 3], &[2, 2], &[(2, 1), (1, 2)], &[2, 2], 2),
    (&[2, 4, 7, 8], &[4, 1, 3, 3], &[], &[], &[], 4),
    (&[2, 4, 7, 8], &[4, 1, 3, 3], &[], &[(1, 1), (1, 1)], &[], 4),
    (&[2, 4, 7, 8], &[4, 1, 3, 3], &[2, 2], &[(1, 1), (1, 1)], &[], 4),
    (&[2, 4, 7, 8], &[4, 1, 3, 3], &[], &[(2, 2), (2, 2)], &[2, 2], 4),
    (&[2, 4, 7, 8], &[4, 1, 3, 3], &[2, 2], &[(0, 1), (0, 1)], &[], 4),
    (&[2, 4, 7, 8], &[4, 1, 3, 3], &[3, 2], &[(4, 1), (0, 5)], &[2, 3], 4),
    (&[2, 4, 7, 8], &[4, 1, 3, 3], &[7, 5], &[(5, 0), (4, 4)], &[], 4),
    (&[2, 4, 15, 14], &[4, 1, 5, 5], &[2, 2], &[(1, 2), (2, 2)], &[], 4),
    (&[1, 4, 160, 240], &[8, 1, 3, 3], &[2, 2], &[(1, 1), (0, 1)], &[], 4),
    (&[1, 3, 6, 5, 7], &[3, 1, 2, 3, 3], &[2, 3, 2], &[(0, 1), (1, 1), (2, 0)], &[], 3),
    (&[2, 4, 7, 8], &[8, 1, 3, 3], &[2, 1], &[(0, 1), (1, 1)], &[], 4),
    (&[2, 5, 6, 7], &[3, 5, 1, 1], &[], &[], &[], 1),
    (&[1, 5, 6, 7], &[3, 5, 1, 1], &[], &[], &[], 1),
    (&[3, 2, 9], &[4, 2, 1], &[], &[], &[], 1),
    (&[2, 5, 6, 7], &[3, 5, 1, 1], &[2, 2], &[], &[], 1),
    (&[2, 5, 6, 7], &[3, 5, 1, 1], &[3, 4], &[(2, 2), (1, 1)], &[], 1),
    (&[2, 4, 6, 7], &[6, 2, 1, 1], &[], &[], &[], 2),
    (&[1, 3, 17, 18], &[4, 3, 7, 7], &[2, 2], &[(3, 3), (3, 3)], &[], 1),
    (&[2, 3, 12, 14], &[5, 3, 4, 4], &[4, 4], &[], &[], 1),
    (&[2, 3, 9, 7], &[5, 3, 2, 2], &[2, 2], &[], &[], 1),
    (&[1, 2, 9, 7], &[3, 2, 1, 5], &[], &[(0, 0), (2, 2)], &[], 1),
    (&[1, 2, 9, 7], &[3, 2, 5, 2], &[3, 1], &[(2, 1), (1, 0)], &[], 1),
    (&[1, 2, 2, 3], &[3, 2, 5, 5], &[5, 5], &[(5, 0), (5, 0)], &[], 1),
    (&[1, 2, 4, 4], &[3, 2, 4, 4], &[], &[], &[], 1),
    (&[2, 3, 10], &[4, 3, 3], &[], &[(1, 1)], &[], 1),
    (&[2, 3, 11], &[4, 3, 4], &[3], &[(2, 0)], &[], 1),
    (&[2, 4, 11], &[4, 1, 3], &[2], &[], &[2], 4),
    (&[2, 2, 5, 6, 4], &[3, 2, 3, 2, 3], &[], &[(1, 1), (0, 0), (1, 1)], &[], 1),
    (&[1, 4, 6, 5, 7], &[4, 2, 2, 3, 3], &[2, 2, 3], &[(0, 1), (1, 1), (2, 0)], &[], 2),
    (&[1, 2, 6, 5, 7], &[3, 2, 2, 3, 3], &[1, 2, 2], &[], &[2, 1, 2], 1),
];

/// Convolutions over strides, padding, dilation and groups, in one to three dimensions.
pub fn convolutions<B: Backend>(bench: &Bench<B>) -> Vec<Row> {
    CASES.iter().enumerate().flat_map(|(i, case)| convolution(bench, case, i as u64)).collect()
}

fn convolution<B: Backend>(bench: &Bench<B>, case: &ConvShape, seed: u64) -> Vec<Row> {
    let (&(input, weight, ..), geometry) = (case, &conv_geometry(case));
    let ConvGeometry { stride, padding, dilation, groups } = geometry;
    let name = format!("x{input:?} w{weight:?} s{stride:?} p{padding:?} d{dilation:?} g{groups}");
    let output = reference::conv_output_dims(input, weight, geometry);
    assert_eq!(geometry.output_dims(input, weight).as_ref(), Ok(&output), "{name}");
    let x = numbers(input, seed);
    let mut w = numbers(weight, seed + 100);
    // Zeros too, which some kernels leave out.
    w.data.iter_mut().step_by(5).for_each(|weight| *weight = 0.0);
    let bias = numbers(&[weight[0]], seed + 200);
    let r = numbers(&output, seed + 300);
    let [vx, vw, vb, vr] = [&x, &w, &bias, &r].map(|array| bench.value(array));
    let row = |kernel, own, burn| Row { kernel, case: name.clone(), dtype: bench.dtype, own, burn };

    let want = reference::conv(&x, &w, Some(&bias), geometry);
    let with_bias = bench.outcome(&want, || conv(&vx, &vw, Some(&vb), geometry));
    let want = reference::conv(&x, &w, None, geometry);
    let without = bench.outcome(&want, || conv(&vx, &vw, None, geometry));

    let want = reference::conv_adjoint(&r, &w, input, geometry);
    let chosen = bench.outcome(&want, || conv_adjoint(&vr, &vw, input, geometry));
    let by = |way| bench.outcome(&want, || conv_adjoint_by(way, &vr, &vw, input, geometry));
    vec![
        row("conv", with_bias, Outcome::Absent),
        row("conv without bias", without, Outcome::Absent),
        row("conv_adjoint", chosen, by(ConvAdjoint::Burn)),
        row("conv_adjoint, subpixel", by(ConvAdjoint::Subpixel), Outcome::Absent),
        row("conv_adjoint, product", by(ConvAdjoint::Product), Outcome::Absent),
        row("conv_adjoint, patches", by(ConvAdjoint::Patches), Outcome::Absent),
        row("conv_adjoint, loop", by(ConvAdjoint::Loop), Outcome::Absent),
    ]
}
