//! Affine layers as rows of coefficients, from their formulas.

use burn_xai::kernel::{PoolGeometry, PoolOutput};
use burn_xai::layer::Cut;
use xai_testkit::host::Array;

use super::layer::{Layer, Row, Rows, Term};
use super::num::{Num, flat, places};

impl Layer {
    /// The rows of an affine layer for inputs of these sizes, `None` for others.
    pub(crate) fn rows(&self, inputs: &[&[usize]]) -> Option<Rows> {
        let x = inputs[0];
        // Rows from what each output's place reads.
        let build = |dims: Vec<usize>, row: &dyn Fn(&[usize]) -> Row| {
            let rows = places(&dims).iter().map(|place| row(place)).collect();
            Some(Rows { dims, rows })
        };
        // Each output is one element of the first input, or a constant.
        let moved = |dims: Vec<usize>, from: &dyn Fn(&[usize]) -> Option<Vec<usize>>, fill: f64| {
            build(dims, &|place| match from(place) {
                Some(from) => Row::one(0, flat(&from, x), Num::ONE),
                None => Row { terms: Vec::new(), constant: fill.into() },
            })
        };
        match self {
            Self::Linear { weight, bias } => {
                let (last, outputs) = (x.len() - 1, weight.dims[1]);
                build([&x[..last], &[outputs]].concat(), &|place| {
                    let term = |i: usize| {
                        let from = [&place[..last], &[i]].concat();
                        Term::new(0, flat(&from, x), weight.data[i * outputs + place[last]])
                    };
                    Row::new((0..x[last]).map(term).collect(), bias, place[last])
                })
            }
            Self::Conv { weight, bias, geometry } => {
                let size = |axis: usize| {
                    let (before, after) = geometry.padding[axis];
                    let extent = (weight.dims[axis + 2] - 1) * geometry.dilation[axis] + 1;
                    (before + x[axis + 2] + after - extent) / geometry.stride[axis] + 1
                };
                let axes = geometry.stride.len();
                let dims = [x[0], weight.dims[0]].into_iter().chain((0..axes).map(size)).collect();
                build(dims, &|place| {
                    let group = place[1] / (weight.dims[0] / geometry.groups);
                    let term = |tap: Vec<usize>| {
                        let mut from = vec![place[0], group * weight.dims[1] + tap[0]];
                        for axis in 0..axes {
                            let at = place[axis + 2] * geometry.stride[axis]
                                + tap[axis + 1] * geometry.dilation[axis];
                            from.push(
                                at.checked_sub(geometry.padding[axis].0).filter(|at| *at < x[axis + 2])?,
                            );
                        }
                        let tap = [&place[1..2], &tap].concat();
                        Some(Term::new(0, flat(&from, x), weight.data[flat(&tap, &weight.dims)]))
                    };
                    Row::new(places(&weight.dims[1..]).into_iter().filter_map(term).collect(), bias, place[1])
                })
            }
            Self::ConvTranspose { weight, bias, geometry } => {
                let axes = geometry.stride.len();
                let size = |axis: usize| {
                    let extent = (weight.dims[axis + 2] - 1) * geometry.dilation[axis] + 1;
                    (x[axis + 2] - 1) * geometry.stride[axis] + extent + geometry.padding_out[axis]
                        - 2 * geometry.padding[axis]
                };
                let (groups, per_group) = (geometry.groups, weight.dims[1]);
                let dims = [x[0], per_group * groups].into_iter().chain((0..axes).map(size)).collect();
                build(dims, &|place| {
                    let mut terms = Vec::new();
                    for from in places(&x[1..]) {
                        if from[0] / (x[1] / groups) != place[1] / per_group {
                            continue;
                        }
                        for tap in places(&weight.dims[2..]) {
                            let hits = (0..axes).all(|axis| {
                                from[axis + 1] * geometry.stride[axis] + tap[axis] * geometry.dilation[axis]
                                    == place[axis + 2] + geometry.padding[axis]
                            });
                            if hits {
                                let weight_at = [&[from[0], place[1] % per_group], tap.as_slice()].concat();
                                let coefficient = weight.data[flat(&weight_at, &weight.dims)];
                                let from = [&place[..1], from.as_slice()].concat();
                                terms.push(Term::new(0, flat(&from, x), coefficient));
                            }
                        }
                    }
                    Row::new(terms, bias, place[1])
                })
            }
            Self::Average { windows, count_include_pad } => build(pooled_dims(windows, x), &|place| {
                let (elements, with_padding) = window(windows, x, place);
                let count = if *count_include_pad { with_padding } else { elements.len() };
                let share = Num::ONE / (count as f64).into();
                Row {
                    terms: elements
                        .iter()
                        .map(|&element| Term { input: 0, element, coefficient: share })
                        .collect(),
                    constant: Num::ZERO,
                }
            }),
            Self::Reduce { mean, axes } => {
                let reduced = |axis: usize| axes.as_ref().is_none_or(|axes| axes.contains(&axis));
                let kept: Vec<usize> =
                    (0..x.len()).map(|axis| if reduced(axis) { 1 } else { x[axis] }).collect();
                let count = x.iter().product::<usize>() / kept.iter().product::<usize>();
                let share = if *mean { Num::ONE / (count as f64).into() } else { Num::ONE };
                build(if axes.is_none() { vec![1] } else { kept }, &|place| {
                    let same = |from: &Vec<usize>| {
                        (0..x.len()).all(|axis| reduced(axis) || from[axis] == place[axis])
                    };
                    let from = places(x).into_iter().filter(same);
                    let term =
                        |from: Vec<usize>| Term { input: 0, element: flat(&from, x), coefficient: share };
                    Row { terms: from.map(term).collect(), constant: Num::ZERO }
                })
            }
            Self::MatmulBy { matrix, left } => {
                let (m, rank) = (matrix.dims.as_slice(), x.len());
                let (a, b) = if *left { (m, x) } else { (x, m) };
                build(product_dims(a, b), &|place| {
                    let term = |k: usize| {
                        let (left_at, right_at) = factors(place, a, b, k);
                        let (from, at) = if *left { (right_at, left_at) } else { (left_at, right_at) };
                        Term::new(0, from, matrix.data[at])
                    };
                    Row { terms: (0..a[rank - 1]).map(term).collect(), constant: Num::ZERO }
                })
            }
            Self::BatchNorm { mean, std, scale, shift } => build(x.to_vec(), &|place| {
                let of = |parameter: &Array| Num::from(parameter.data[place[1]]);
                let factor = of(scale) / of(std);
                Row { constant: of(shift) - of(mean) * factor, ..Row::one(0, flat(place, x), factor) }
            }),
            Self::Affine { factor, offset } => build(x.to_vec(), &|place| {
                let factor = factor.as_ref().map_or(Num::ONE, |factor| broadcast(factor, place));
                let constant = offset.as_ref().map_or(Num::ZERO, |offset| broadcast(offset, place));
                Row { constant, ..Row::one(0, flat(place, x), factor) }
            }),
            Self::Add => build(x.to_vec(), &|place| Row {
                terms: (0..inputs.len()).map(|input| Term::new(input, flat(place, x), 1.0)).collect(),
                constant: Num::ZERO,
            }),
            Self::Sub => build(x.to_vec(), &|place| Row {
                terms: vec![Term::new(0, flat(place, x), 1.0), Term::new(1, flat(place, x), -1.0)],
                constant: Num::ZERO,
            }),
            Self::Detach => moved(x.to_vec(), &|place| Some(place.to_vec()), 0.0),
            Self::Reshape { dims } => {
                let rows = (0..dims.iter().product()).map(|element| Row::one(0, element, Num::ONE)).collect();
                Some(Rows { dims: dims.clone(), rows })
            }
            Self::Permute { axes } => moved(
                axes.iter().map(|&axis| x[axis]).collect(),
                &|place| {
                    let mut from = vec![0; x.len()];
                    axes.iter().zip(place).for_each(|(&axis, &at)| from[axis] = at);
                    Some(from)
                },
                0.0,
            ),
            Self::Flip { axes } => moved(
                x.to_vec(),
                &|place| {
                    let turned = |(axis, &at): (usize, &usize)| {
                        if axes.contains(&axis) { x[axis] - 1 - at } else { at }
                    };
                    Some(place.iter().enumerate().map(turned).collect())
                },
                0.0,
            ),
            Self::Slice { cuts } => {
                let kept: Vec<Vec<usize>> =
                    cuts.iter().zip(x).map(|(cut, &size)| cut_places(*cut, size)).collect();
                moved(
                    kept.iter().map(Vec::len).collect(),
                    &|place| Some(place.iter().zip(&kept).map(|(&at, kept)| kept[at]).collect()),
                    0.0,
                )
            }
            Self::Select { dim, places } => moved(
                x.iter()
                    .enumerate()
                    .map(|(axis, &size)| if axis == *dim { places.len() } else { size })
                    .collect(),
                &|place| {
                    let from = |(axis, &at): (usize, &usize)| if axis == *dim { places[at] } else { at };
                    Some(place.iter().enumerate().map(from).collect())
                },
                0.0,
            ),
            Self::Pad { padding, fill } => moved(
                x.iter().zip(padding).map(|(size, (before, after))| before + size + after).collect(),
                &|place| {
                    let inside = |((&at, (before, _)), &size): ((&usize, &(usize, usize)), &usize)| {
                        at.checked_sub(*before).filter(|at| *at < size)
                    };
                    place.iter().zip(padding).zip(x).map(inside).collect()
                },
                *fill,
            ),
            Self::Expand { dims } => {
                let new = dims.len() - x.len();
                let from =
                    |place: &[usize]| place[new..].iter().zip(x).map(|(&at, &size)| at % size).collect();
                moved(dims.clone(), &|place| Some(from(place)), 0.0)
            }
            Self::Repeat { dim, times } => {
                let size = |(axis, &size): (usize, &usize)| if axis == *dim { size * times } else { size };
                let from = |place: &[usize]| place.iter().zip(x).map(|(&at, &size)| at % size).collect();
                moved(x.iter().enumerate().map(size).collect(), &|place| Some(from(place)), 0.0)
            }
            Self::Concat { dim, parts } => {
                let mut next = 0..inputs.len();
                // Where each part comes from: an input, or a constant; and its size along the dimension.
                let parts: Vec<(Result<usize, &Array>, usize)> = parts
                    .iter()
                    .map(|part| match part {
                        Some(constant) => (Err(constant), constant.dims[*dim]),
                        None => next.next().map(|input| (Ok(input), inputs[input][*dim])).unwrap(),
                    })
                    .collect();
                let mut dims = x.to_vec();
                dims[*dim] = parts.iter().map(|(_, size)| size).sum();
                build(dims, &|place| {
                    let mut from = place.to_vec();
                    let mut parts = parts.iter();
                    loop {
                        let (source, size) = parts.next().unwrap();
                        if from[*dim] < *size {
                            return match source {
                                Ok(input) => Row::one(*input, flat(&from, inputs[*input]), Num::ONE),
                                Err(constant) => {
                                    Row { terms: Vec::new(), constant: broadcast(constant, &from) }
                                }
                            };
                        }
                        from[*dim] -= size;
                    }
                })
            }
            _ => None,
        }
    }
}

impl Row {
    fn new(terms: Vec<Term>, bias: &Option<Array>, channel: usize) -> Self {
        Self { terms, constant: bias.as_ref().map_or(Num::ZERO, |bias| bias.data[channel].into()) }
    }

    fn one(input: usize, element: usize, coefficient: Num) -> Self {
        Self { terms: vec![Term { input, element, coefficient }], constant: Num::ZERO }
    }
}

impl Term {
    pub(crate) fn new(input: usize, element: usize, coefficient: f64) -> Self {
        Self { input, element, coefficient: coefficient.into() }
    }
}

/// The element that an array, repeated along dimensions of size 1, has at a place.
fn broadcast(array: &Array, place: &[usize]) -> Num {
    let at: Vec<usize> = array.dims.iter().zip(place).map(|(size, at)| at % size).collect();
    array.data[flat(&at, &array.dims)].into()
}

/// The places that a cut keeps, in the order of the output.
fn cut_places(cut: Cut, size: usize) -> Vec<usize> {
    match cut {
        Cut::All => (0..size).collect(),
        Cut::Range { start, end, step } if step > 0 => (start..end).step_by(step as usize).collect(),
        Cut::Range { start, end, step } => (start..end).rev().step_by(step.unsigned_abs()).collect(),
    }
}

/// Sizes of a matrix product over the last two dimensions.
pub(crate) fn product_dims(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len();
    let leading = a[..rank - 2].iter().zip(b).map(|(&a, &b)| a.max(b));
    leading.chain([a[rank - 2], b[rank - 1]]).collect()
}

/// The elements of both factors that meet in number `k` of the products at a place.
pub(crate) fn factors(place: &[usize], a: &[usize], b: &[usize], k: usize) -> (usize, usize) {
    let rank = a.len();
    let leading = |dims: &[usize]| -> Vec<usize> {
        place[..rank - 2].iter().zip(dims).map(|(at, size)| at % size).collect()
    };
    let left = [leading(a), vec![place[rank - 2], k]].concat();
    let right = [leading(b), vec![k, place[rank - 1]]].concat();
    (flat(&left, a), flat(&right, b))
}

/// Sizes of a pool's output: windows are counted one by one.
pub(crate) fn pooled_dims(windows: &PoolGeometry, x: &[usize]) -> Vec<usize> {
    let leading = x.len() - windows.spatial_dims();
    let size = |axis: usize| match windows {
        PoolGeometry::Adaptive { output } => output[axis],
        PoolGeometry::Sliding { kernel, stride, padding, dilation, output } => {
            let (before, after) = padding[axis];
            let (size, extent) = (x[leading + axis], (kernel[axis] - 1) * dilation[axis] + 1);
            let padded = before + size + after;
            let starts = (0usize..).map(|window| window * stride[axis]);
            match output {
                PoolOutput::Exact(output) => output[axis],
                PoolOutput::Floor => starts.take_while(|start| start + extent <= padded).count(),
                // PyTorch's: windows until one reaches the end, less a last one that starts beyond the
                // input and the padding before it.
                PoolOutput::Ceil => {
                    let all = starts.take_while(|start| start + extent < padded + stride[axis]).count();
                    if (all - 1) * stride[axis] >= before + size { all - 1 } else { all }
                }
            }
        }
    };
    x[..leading].iter().copied().chain((0..windows.spatial_dims()).map(size)).collect()
}

/// The elements of the window at a place in row-major order, and their number with padding.
pub(crate) fn window(windows: &PoolGeometry, x: &[usize], place: &[usize]) -> (Vec<usize>, usize) {
    let leading = x.len() - windows.spatial_dims();
    let along = |axis: usize| {
        let (size, at) = (x[leading + axis], place[leading + axis]);
        match windows {
            PoolGeometry::Adaptive { output } => {
                let (start, end) = (at * size / output[axis], ((at + 1) * size).div_ceil(output[axis]));
                ((start..end).collect::<Vec<_>>(), end - start)
            }
            PoolGeometry::Sliding { kernel, stride, padding, dilation, .. } => {
                let (before, after) = padding[axis];
                let read = (0..kernel[axis]).map(|offset| at * stride[axis] + offset * dilation[axis]);
                let counted = read.clone().filter(|at| *at < before + size + after).count();
                (read.filter_map(|at| at.checked_sub(before)).filter(|at| *at < size).collect(), counted)
            }
        }
    };
    let lines: Vec<(Vec<usize>, usize)> = (0..windows.spatial_dims()).map(along).collect();
    let sizes: Vec<usize> = lines.iter().map(|(inside, _)| inside.len()).collect();
    let element = |choice: Vec<usize>| {
        let spatial: Vec<usize> = choice.iter().zip(&lines).map(|(&i, (inside, _))| inside[i]).collect();
        flat(&[&place[..leading], &spatial].concat(), x)
    };
    (places(&sizes).into_iter().map(element).collect(), lines.iter().map(|(_, counted)| counted).product())
}
