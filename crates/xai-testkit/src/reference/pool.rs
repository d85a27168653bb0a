use xai_core::kernel::{Extremum, PoolGeometry, PoolOutput};

use super::{Array, indices, position};

/// Output shape, window by window: the next one counts while it fits (floor), or while the one
/// before it has not reached the end and it starts inside the input or the padding before (ceil).
pub fn pool_output_dims(input: &[usize], geometry: &PoolGeometry) -> Vec<usize> {
    let leading = input.len() - geometry.spatial_dims();
    let mut dims = input[..leading].to_vec();
    for axis in 0..geometry.spatial_dims() {
        dims.push(match geometry {
            PoolGeometry::Adaptive { output } => output[axis],
            PoolGeometry::Sliding { kernel, stride, padding, dilation, output } => {
                let size = input[leading + axis];
                let (begin, end) = padding[axis];
                let extent = (kernel[axis] - 1) * dilation[axis] + 1;
                let starts = || (0..begin + size + end).step_by(stride[axis]);
                match output {
                    PoolOutput::Exact(output) => output[axis],
                    PoolOutput::Floor => {
                        starts().filter(|start| start + extent <= begin + size + end).count()
                    }
                    PoolOutput::Ceil => starts()
                        .filter(|&start| {
                            start == 0
                                || (start + extent < begin + size + end + stride[axis]
                                    && start < begin + size)
                        })
                        .count(),
                }
            }
        });
    }
    dims
}

/// Positions of one window along one axis: those inside the input, and how many count with padding.
fn line(axis: usize, size: usize, window: usize, geometry: &PoolGeometry) -> (Vec<usize>, usize) {
    match geometry {
        PoolGeometry::Adaptive { output } => {
            let start = window * size / output[axis];
            let end = ((window + 1) * size).div_ceil(output[axis]);
            ((start..end).collect(), end - start)
        }
        PoolGeometry::Sliding { kernel, stride, padding, dilation, .. } => {
            let (begin, end) = padding[axis];
            let padded = (0..kernel[axis]).map(|offset| window * stride[axis] + offset * dilation[axis]);
            let counted = padded.clone().filter(|&p| p < begin + size + end).count();
            (padded.filter(|&p| p >= begin && p < begin + size).map(|p| p - begin).collect(), counted)
        }
    }
}

/// Calls `f(output, elements, count with padding)` for every window: flat positions, the elements
/// in row-major order.
fn for_each_window(input: &[usize], geometry: &PoolGeometry, mut f: impl FnMut(usize, &[usize], usize)) {
    let output = pool_output_dims(input, geometry);
    let leading = input.len() - geometry.spatial_dims();
    for out in indices(&output) {
        let lines: Vec<(Vec<usize>, usize)> = (0..geometry.spatial_dims())
            .map(|axis| line(axis, input[leading + axis], out[leading + axis], geometry))
            .collect();
        let sizes: Vec<usize> = lines.iter().map(|(inside, _)| inside.len()).collect();
        let element = |choice: Vec<usize>| {
            let spatial = choice.iter().zip(&lines).map(|(&i, (inside, _))| inside[i]);
            position(input, &out[..leading].iter().copied().chain(spatial).collect::<Vec<_>>())
        };
        let elements: Vec<usize> = indices(&sizes).map(element).collect();
        f(position(&output, &out), &elements, lines.iter().map(|(_, counted)| counted).product());
    }
}

/// The first of the window's largest (smallest) elements.
fn winner(x: &Array, elements: &[usize], extremum: Extremum) -> Option<usize> {
    let mut best: Option<usize> = None;
    for &i in elements {
        let wins = best.is_none_or(|best| match extremum {
            Extremum::Max => x.data[i] > x.data[best],
            Extremum::Min => x.data[i] < x.data[best],
        });
        if wins {
            best = Some(i);
        }
    }
    best
}

/// Largest or smallest element of each window; `empty` for windows without any.
pub fn extremum_pool(x: &Array, extremum: Extremum, geometry: &PoolGeometry, empty: f64) -> Array {
    let mut y = Array::zeros(&pool_output_dims(&x.dims, geometry));
    for_each_window(&x.dims, geometry, |o, elements, _| {
        y.data[o] = winner(x, elements, extremum).map_or(empty, |i| x.data[i]);
    });
    y
}

/// Each window's relevance, given to its first winner.
pub fn extremum_pool_adjoint(x: &Array, r: &Array, extremum: Extremum, geometry: &PoolGeometry) -> Array {
    let mut c = Array::zeros(&x.dims);
    for_each_window(&x.dims, geometry, |o, elements, _| {
        if let Some(i) = winner(x, elements, extremum) {
            c.data[i] += r.data[o];
        }
    });
    c
}

/// Each window's relevance, shared out by a softmax over `beta` times its elements, or times their
/// negatives for min pools.
pub fn takes_most(x: &Array, r: &Array, beta: f64, extremum: Extremum, geometry: &PoolGeometry) -> Array {
    let mut c = Array::zeros(&x.dims);
    for_each_window(&x.dims, geometry, |o, elements, _| {
        let Some(winner) = winner(x, elements, extremum) else { return };
        let weight = |i: usize| (-beta * (x.data[i] - x.data[winner]).abs()).exp();
        let sum: f64 = elements.iter().map(|&i| weight(i)).sum();
        elements.iter().for_each(|&i| c.data[i] += weight(i) / sum * r.data[o]);
    });
    c
}

/// Mean of each window; 0 for windows without any element.
pub fn average_pool(x: &Array, geometry: &PoolGeometry, count_include_pad: bool) -> Array {
    let mut y = Array::zeros(&pool_output_dims(&x.dims, geometry));
    for_each_window(&x.dims, geometry, |o, elements, padded| {
        let count = if count_include_pad { padded } else { elements.len() };
        let sum: f64 = elements.iter().map(|&i| x.data[i]).sum();
        y.data[o] = if elements.is_empty() { 0.0 } else { sum / count as f64 };
    });
    y
}

/// Each window's relevance, shared out over its elements.
pub fn average_pool_adjoint(
    r: &Array,
    input_dims: &[usize],
    geometry: &PoolGeometry,
    count_include_pad: bool,
) -> Array {
    let mut c = Array::zeros(input_dims);
    for_each_window(input_dims, geometry, |o, elements, padded| {
        let count = if count_include_pad { padded } else { elements.len() };
        elements.iter().for_each(|&i| c.data[i] += r.data[o] / count as f64);
    });
    c
}
