use burn::tensor::backend::Backend;
use xai_core::kernel::{ConvAdjoint, ConvGeometry, conv, conv_adjoint, conv_adjoint_by};

use super::{Bench, Outcome, Row, numbers};
use crate::reference;

/// Input, weight and geometry of one convolution.
struct Case {
    input: Vec<usize>,
    weight: Vec<usize>,
    geometry: ConvGeometry,
}

impl Case {
    fn new(input: &[usize], weight: &[usize]) -> Self {
        let geometry = ConvGeometry::new(input.len() - 2);
        Self { input: input.to_vec(), weight: weight.to_vec(), geometry }
    }

    fn stride(mut self, stride: &[usize]) -> Self {
        self.geometry.stride = stride.to_vec();
        self
    }

    fn pad(mut self, padding: &[(usize, usize)]) -> Self {
        self.geometry.padding = padding.to_vec();
        self
    }

    fn dilation(mut self, dilation: &[usize]) -> Self {
        self.geometry.dilation = dilation.to_vec();
        self
    }

    fn groups(mut self, groups: usize) -> Self {
        self.geometry.groups = groups;
        self
    }

    fn name(&self) -> String {
        let Self { input, weight, geometry: ConvGeometry { stride, padding, dilation, groups } } = self;
        format!("x{input:?} w{weight:?} s{stride:?} p{padding:?} d{dilation:?} g{groups}")
    }
}

fn cases() -> Vec<Case> {
    let plain = || Case::new(&[2, 3, 8, 9], &[4, 3, 3, 3]);
    let grouped = || Case::new(&[2, 4, 7, 8], &[6, 2, 3, 3]).groups(2);
    let depthwise = || Case::new(&[2, 4, 7, 8], &[4, 1, 3, 3]).groups(4);
    vec![
        plain(),
        plain().pad(&[(1, 1), (1, 1)]),
        plain().pad(&[(3, 3), (4, 4)]),
        plain().stride(&[2, 2]),
        plain().stride(&[2, 2]).pad(&[(1, 1), (1, 1)]),
        plain().stride(&[3, 2]).pad(&[(1, 1), (0, 0)]),
        plain().stride(&[4, 5]),
        plain().stride(&[7, 7]),
        plain().stride(&[4, 5]).pad(&[(2, 0), (0, 3)]),
        plain().pad(&[(0, 1), (2, 1)]),
        plain().stride(&[2, 2]).pad(&[(0, 1), (0, 1)]),
        plain().stride(&[2, 3]).pad(&[(2, 1), (0, 5)]),
        plain().dilation(&[2, 2]),
        plain().dilation(&[2, 3]).pad(&[(2, 2), (3, 3)]),
        plain().dilation(&[2, 2]).stride(&[2, 2]).pad(&[(2, 2), (2, 2)]),
        plain().dilation(&[3, 2]).stride(&[2, 3]).pad(&[(1, 3), (2, 0)]),
        plain().dilation(&[1, 2]).stride(&[2, 1]),
        grouped(),
        grouped().stride(&[2, 2]).pad(&[(1, 1), (1, 1)]),
        grouped().dilation(&[2, 2]).stride(&[2, 2]).pad(&[(2, 1), (1, 2)]),
        depthwise(),
        depthwise().pad(&[(1, 1), (1, 1)]),
        depthwise().stride(&[2, 2]).pad(&[(1, 1), (1, 1)]),
        depthwise().dilation(&[2, 2]).pad(&[(2, 2), (2, 2)]),
        depthwise().stride(&[2, 2]).pad(&[(0, 1), (0, 1)]),
        depthwise().stride(&[3, 2]).dilation(&[2, 3]).pad(&[(4, 1), (0, 5)]),
        depthwise().stride(&[7, 5]).pad(&[(5, 0), (4, 4)]),
        Case::new(&[2, 4, 15, 14], &[4, 1, 5, 5]).groups(4).stride(&[2, 2]).pad(&[(1, 2), (2, 2)]),
        Case::new(&[1, 4, 160, 240], &[8, 1, 3, 3]).groups(4).stride(&[2, 2]).pad(&[(1, 1), (0, 1)]),
        Case::new(&[1, 3, 6, 5, 7], &[3, 1, 2, 3, 3]).groups(3).stride(&[2, 3, 2]).pad(&[
            (0, 1),
            (1, 1),
            (2, 0),
        ]),
        Case::new(&[2, 4, 7, 8], &[8, 1, 3, 3]).groups(4).stride(&[2, 1]).pad(&[(0, 1), (1, 1)]),
        Case::new(&[2, 5, 6, 7], &[3, 5, 1, 1]),
        Case::new(&[1, 5, 6, 7], &[3, 5, 1, 1]),
        Case::new(&[3, 2, 9], &[4, 2, 1]),
        Case::new(&[2, 5, 6, 7], &[3, 5, 1, 1]).stride(&[2, 2]),
        Case::new(&[2, 5, 6, 7], &[3, 5, 1, 1]).stride(&[3, 4]).pad(&[(2, 2), (1, 1)]),
        Case::new(&[2, 4, 6, 7], &[6, 2, 1, 1]).groups(2),
        Case::new(&[1, 3, 17, 18], &[4, 3, 7, 7]).stride(&[2, 2]).pad(&[(3, 3), (3, 3)]),
        Case::new(&[2, 3, 12, 14], &[5, 3, 4, 4]).stride(&[4, 4]),
        Case::new(&[2, 3, 9, 7], &[5, 3, 2, 2]).stride(&[2, 2]),
        Case::new(&[1, 2, 9, 7], &[3, 2, 1, 5]).pad(&[(0, 0), (2, 2)]),
        Case::new(&[1, 2, 9, 7], &[3, 2, 5, 2]).stride(&[3, 1]).pad(&[(2, 1), (1, 0)]),
        Case::new(&[1, 2, 2, 3], &[3, 2, 5, 5]).stride(&[5, 5]).pad(&[(5, 0), (5, 0)]),
        Case::new(&[1, 2, 4, 4], &[3, 2, 4, 4]),
        Case::new(&[2, 3, 10], &[4, 3, 3]).pad(&[(1, 1)]),
        Case::new(&[2, 3, 11], &[4, 3, 4]).stride(&[3]).pad(&[(2, 0)]),
        Case::new(&[2, 4, 11], &[4, 1, 3]).groups(4).dilation(&[2]).stride(&[2]),
        Case::new(&[2, 2, 5, 6, 4], &[3, 2, 3, 2, 3]).pad(&[(1, 1), (0, 0), (1, 1)]),
        Case::new(&[1, 4, 6, 5, 7], &[4, 2, 2, 3, 3]).groups(2).stride(&[2, 2, 3]).pad(&[
            (0, 1),
            (1, 1),
            (2, 0),
        ]),
        Case::new(&[1, 2, 6, 5, 7], &[3, 2, 2, 3, 3]).dilation(&[2, 1, 2]).stride(&[1, 2, 2]),
    ]
}

/// Convolutions over strides, padding, dilation and groups, in one to three dimensions.
pub fn convolutions<B: Backend>(bench: &Bench<B>) -> Vec<Row> {
    cases().iter().enumerate().flat_map(|(i, case)| convolution(bench, case, i as u64)).collect()
}

fn convolution<B: Backend>(bench: &Bench<B>, case: &Case, seed: u64) -> Vec<Row> {
    let Case { input, weight, geometry } = case;
    let output = reference::conv_output_dims(input, weight, geometry);
    assert_eq!(geometry.output_dims(input, weight).as_ref(), Ok(&output), "{}", case.name());
    let x = numbers(input, seed);
    let mut w = numbers(weight, seed + 100);
    // Zeros too, which some kernels leave out.
    w.data.iter_mut().step_by(5).for_each(|weight| *weight = 0.0);
    let bias = numbers(&[weight[0]], seed + 200);
    let r = numbers(&output, seed + 300);
    let [vx, vw, vb, vr] = [&x, &w, &bias, &r].map(|array| bench.value(array));
    let row = |kernel, own, burn| Row { kernel, case: case.name(), dtype: bench.dtype, own, burn };

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
        row("conv_adjoint, loop", by(ConvAdjoint::Loop), Outcome::Absent),
    ]
}
