use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::kernel::{
    Extremum, PoolGeometry, PoolOutput, average_pool, average_pool_adjoint, extremum_pool,
    extremum_pool_adjoint, takes_most, windowed,
};

use super::{Bench, Outcome, Row, numbers, ties};
use crate::reference;

/// Input and geometry of one pool, and the `ceil_mode` that Burn's kernel is given.
struct Case {
    input: Vec<usize>,
    geometry: PoolGeometry,
    ceil_mode: bool,
}

impl Case {
    fn name(&self) -> String {
        let Self { input, geometry, ceil_mode } = self;
        match geometry {
            PoolGeometry::Adaptive { output } => format!("x{input:?} adaptive {output:?}"),
            PoolGeometry::Sliding { kernel, stride, padding, dilation, output } => {
                let ceil = if *ceil_mode { "ceil " } else { "" };
                format!("x{input:?} k{kernel:?} s{stride:?} p{padding:?} d{dilation:?} {ceil}{output:?}")
            }
        }
    }
}

type Sizes = &'static [usize];
type Padding = &'static [(usize, usize)];

/// Input, kernel, stride, padding and dilation of sliding pools.
const SLIDING: &[(Sizes, Sizes, Sizes, Padding, Sizes)] = &[
    (&[2, 3, 8, 6], &[2, 2], &[2, 2], &[(0, 0), (0, 0)], &[1, 1]),
    (&[2, 3, 7, 9], &[2, 2], &[2, 2], &[(0, 0), (0, 0)], &[1, 1]),
    (&[2, 3, 8, 9], &[3, 3], &[2, 2], &[(0, 0), (0, 0)], &[1, 1]),
    (&[2, 3, 8, 9], &[3, 3], &[2, 2], &[(1, 1), (1, 1)], &[1, 1]),
    (&[2, 3, 7, 7], &[3, 3], &[1, 1], &[(1, 1), (1, 1)], &[1, 1]),
    (&[2, 3, 9, 10], &[2, 3], &[3, 4], &[(1, 1), (0, 0)], &[1, 1]),
    (&[2, 3, 5, 6], &[2, 2], &[3, 3], &[(1, 1), (1, 1)], &[1, 1]),
    (&[2, 3, 9, 10], &[3, 2], &[2, 3], &[(1, 1), (1, 1)], &[2, 3]),
    (&[2, 3, 9, 10], &[3, 3], &[3, 2], &[(2, 2), (1, 1)], &[2, 2]),
    (&[2, 3, 7, 8], &[3, 3], &[2, 2], &[(0, 1), (1, 0)], &[1, 1]),
    (&[2, 3, 6, 5], &[6, 5], &[1, 1], &[(0, 0), (0, 0)], &[1, 1]),
    (&[2, 3, 4, 5], &[1, 2], &[1, 1], &[(1, 1), (2, 2)], &[1, 1]),
    (&[2, 3, 11], &[3], &[2], &[(1, 1)], &[1]),
    (&[2, 3, 10], &[4], &[3], &[(2, 2)], &[1]),
    (&[2, 3, 12], &[12], &[12], &[(0, 0)], &[1]),
    (&[1, 2, 6, 7, 5], &[2, 3, 2], &[2, 2, 1], &[(0, 0), (1, 1), (1, 1)], &[1, 1, 2]),
];

/// Input and output of adaptive pools.
const ADAPTIVE: &[(Sizes, Sizes)] = &[
    (&[2, 3, 8, 6], &[4, 3]),
    (&[2, 3, 7, 10], &[3, 4]),
    (&[2, 3, 5, 4], &[7, 6]),
    (&[2, 3, 7, 7], &[1, 1]),
    (&[2, 3, 11], &[4]),
    (&[1, 2, 7, 5, 6], &[3, 2, 4]),
];

/// Sliding windows without dilation, padded alike on both sides.
pub(crate) fn sliding(
    kernel: &[usize],
    stride: &[usize],
    padding: &[usize],
    output: PoolOutput,
) -> PoolGeometry {
    PoolGeometry::Sliding {
        kernel: kernel.to_vec(),
        stride: stride.to_vec(),
        padding: padding.iter().map(|&size| (size, size)).collect(),
        dilation: vec![1; kernel.len()],
        output,
    }
}

/// Inputs and geometries of all pools under test.
pub(crate) fn geometries() -> Vec<(Vec<usize>, PoolGeometry)> {
    cases().into_iter().map(|case| (case.input, case.geometry)).collect()
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for &(input, kernel, stride, padding, dilation) in SLIDING {
        let mut add = |output, ceil_mode| {
            let geometry = PoolGeometry::Sliding {
                kernel: kernel.to_vec(),
                stride: stride.to_vec(),
                padding: padding.to_vec(),
                dilation: dilation.to_vec(),
                output,
            };
            cases.push(Case { input: input.to_vec(), geometry, ceil_mode });
        };
        add(PoolOutput::Floor, false);
        add(PoolOutput::Ceil, true);
        // Burn's ceil_mode keeps windows that start in the padding after the input; a recorded
        // model has that output shape.
        let sizes: Vec<usize> = (0..kernel.len())
            .map(|axis| {
                let padded = padding[axis].0 + input[axis + 2] + padding[axis].1;
                (padded - dilation[axis] * (kernel[axis] - 1) - 1).div_ceil(stride[axis]) + 1
            })
            .collect();
        add(PoolOutput::Exact(sizes), true);
    }
    cases.extend(ADAPTIVE.iter().map(|&(input, output)| Case {
        input: input.to_vec(),
        geometry: PoolGeometry::Adaptive { output: output.to_vec() },
        ceil_mode: false,
    }));
    cases
}

/// Max, min and average pools, sliding and adaptive, in one to three dimensions.
pub fn pools<B: Backend>(bench: &Bench<B>) -> Vec<Row> {
    cases().iter().enumerate().flat_map(|(i, case)| pool(bench, case, i as u64)).collect()
}

/// Burn's own two-dimensional pools.
#[derive(Clone, Copy)]
enum BurnPool {
    /// Kernel, stride, padding, dilation and `ceil_mode`.
    Sliding([usize; 2], [usize; 2], [usize; 2], [usize; 2], bool),
    Adaptive([usize; 2]),
}

/// Burn's pool for this case, where there is one.
fn burn_pool(case: &Case) -> Option<BurnPool> {
    let pair = |sizes: &[usize]| <[usize; 2]>::try_from(sizes).ok();
    match &case.geometry {
        PoolGeometry::Adaptive { output } => pair(output).map(BurnPool::Adaptive),
        PoolGeometry::Sliding { kernel, stride, padding, dilation, .. } => {
            let same = |&(begin, end): &(usize, usize)| (begin == end).then_some(begin);
            let padding = pair(&padding.iter().map(same).collect::<Option<Vec<_>>>()?)?;
            let (kernel, stride, dilation) = (pair(kernel)?, pair(stride)?, pair(dilation)?);
            Some(BurnPool::Sliding(kernel, stride, padding, dilation, case.ceil_mode))
        }
    }
}

fn pool<B: Backend>(bench: &Bench<B>, case: &Case, seed: u64) -> Vec<Row> {
    let Case { input, geometry, .. } = case;
    let output = reference::pool_output_dims(input, geometry);
    assert_eq!(geometry.output_dims(input).as_ref(), Ok(&output), "{}", case.name());
    let r = numbers(&output, seed + 100);
    let vr = bench.value(&r);
    let burn = burn_pool(case);
    let raw = |value: &Value<B>| value.clone().into_primitive();
    let row = |kernel, own, burn| Row { kernel, case: case.name(), dtype: bench.dtype, own, burn };
    let mut rows = Vec::new();

    for (kernel, adjoint, extremum) in
        [("max_pool", "max_pool_adjoint", Extremum::Max), ("min_pool", "min_pool_adjoint", Extremum::Min)]
    {
        let x = ties(input, seed);
        let vx = bench.value(&x);
        // Windows without an element hold the type's extreme; outputs are clipped to compare.
        let empty = if extremum == Extremum::Max { -8.0 } else { 8.0 };
        let want = reference::extremum_pool(&x, extremum, geometry, empty);
        let clipped = |y: Value<B>| (y.at_least(-8.0) * -1.0).at_least(-8.0) * -1.0;
        let own = bench.outcome(&want, || clipped(extremum_pool(&vx, extremum, geometry)));
        let burns = match burn.filter(|_| extremum == Extremum::Max) {
            Some(BurnPool::Sliding(k, s, p, d, c)) => bench
                .outcome(&want, || clipped(Value::from_primitive(B::max_pool2d(raw(&vx), k, s, p, d, c)))),
            _ => Outcome::Absent,
        };
        rows.push(row(kernel, own, burns));
        let own = bench.outcome(&want, || clipped(windowed::extremum_pool(&vx, extremum, geometry)));
        rows.push(row("windowed max or min pool", own, Outcome::Absent));

        let want = reference::extremum_pool_adjoint(&x, &r, extremum, geometry);
        let own = bench.outcome(&want, || extremum_pool_adjoint(&vx, &vr, extremum, geometry));
        let burns = match burn.filter(|_| extremum == Extremum::Max) {
            Some(BurnPool::Sliding(k, s, p, d, c)) => bench.outcome(&want, || {
                let taken = B::max_pool2d_with_indices(raw(&vx), k, s, p, d, c).indices;
                let (x, r) = (raw(&vx), raw(&vr));
                let gradients = B::max_pool2d_with_indices_backward(x, k, s, p, d, c, r, taken);
                Value::from_primitive(gradients.x_grad)
            }),
            _ => Outcome::Absent,
        };
        rows.push(row(adjoint, own, burns));
        let own = bench.outcome(&want, || windowed::extremum_pool_adjoint(&vx, &vr, extremum, geometry));
        rows.push(row("windowed max or min pool adjoint", own, Outcome::Absent));

        // Elements as far apart as 1e4, and equal ones: neither may disturb the sum of a window.
        for (beta, scale) in [(0.0, 1.0), (1.0, 1.0), (3.0, 2500.0)] {
            let x = x.map(|x| x * scale);
            let vx = bench.value(&x);
            let want = reference::takes_most(&x, &r, beta, extremum, geometry);
            let own = bench.outcome(&want, || takes_most(&vx, &vr, beta, extremum, geometry));
            rows.push(row("takes_most", own, Outcome::Absent));
            let own = bench.outcome(&want, || windowed::takes_most(&vx, &vr, beta, extremum, geometry));
            rows.push(row("windowed takes_most", own, Outcome::Absent));
        }
    }
    for (kernel, adjoint, counted) in [
        ("average_pool", "average_pool_adjoint", false),
        ("average_pool, padding counted", "average_pool_adjoint, padding counted", true),
    ] {
        let x = numbers(input, seed + 200);
        let vx = bench.value(&x);
        let want = reference::average_pool(&x, geometry, counted);
        let own = bench.outcome(&want, || average_pool(&vx, geometry, counted));
        let burns = match burn {
            Some(BurnPool::Adaptive(size)) => {
                bench.outcome(&want, || Value::from_primitive(B::adaptive_avg_pool2d(raw(&vx), size)))
            }
            // Burn's average pools have no dilation.
            Some(BurnPool::Sliding(k, s, p, [1, 1], c)) => {
                bench.outcome(&want, || Value::from_primitive(B::avg_pool2d(raw(&vx), k, s, p, counted, c)))
            }
            _ => Outcome::Absent,
        };
        rows.push(row(kernel, own, burns));
        let own = bench.outcome(&want, || windowed::average_pool(&vx, geometry, counted));
        rows.push(row("windowed average_pool", own, Outcome::Absent));

        let want = reference::average_pool_adjoint(&r, input, geometry, counted);
        let own = bench.outcome(&want, || average_pool_adjoint(&vr, input, geometry, counted));
        let burns = match burn {
            Some(BurnPool::Adaptive(_)) => bench.outcome(&want, || {
                Value::from_primitive(B::adaptive_avg_pool2d_backward(raw(&vx), raw(&vr)))
            }),
            Some(BurnPool::Sliding(k, s, p, [1, 1], c)) => bench.outcome(&want, || {
                Value::from_primitive(B::avg_pool2d_backward(raw(&vx), raw(&vr), k, s, p, counted, c))
            }),
            _ => Outcome::Absent,
        };
        rows.push(row(adjoint, own, burns));
        let own = bench.outcome(&want, || windowed::average_pool_adjoint(&vr, input, geometry, counted));
        rows.push(row("windowed average_pool_adjoint", own, Outcome::Absent));
    }
    rows
}
