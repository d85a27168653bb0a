//! Random graphs.

use burn_xai::kernel::{ConvGeometry, ConvTransposeGeometry, PoolGeometry, PoolOutput};
use burn_xai::layer::{Activation, Cut, Elementwise, SoftmaxForm};
use xai_testkit::host::Array;

use super::dice::Dice;
use super::graph::{Graph, Node};
use super::layer::Layer;
use super::num::{Num, Nums, doubtful, reset_doubts};
use super::recipes::recipe;

/// Elements that no value exceeds, so that thousands of graphs stay a matter of seconds.
const LARGEST: usize = 160;

/// The graph of a seed.
pub(crate) fn graph(seed: u64) -> Graph {
    reset_doubts();
    let dice = &mut Dice::new(seed);
    let batch = dice.within(1, 3);
    let mut nodes = Vec::new();
    for place in 0..dice.pick(&[1, 1, 1, 1, 2]) {
        let dims = input_dims(dice, batch);
        let value = dice.array(&dims);
        let value = Nums { data: value.data.iter().map(|&x| Num::from(x)).collect(), dims };
        nodes.push(Node { name: format!("x{place}"), layer: None, inputs: Vec::new(), rows: None, value });
    }
    let layers = dice.within(1, 7);
    let inputs = nodes.len();
    while nodes.len() < inputs + layers {
        // Most layers read what was made last; the others make branches.
        let from = if dice.chance(70) { nodes.len() - 1 } else { dice.below(nodes.len()) };
        nodes.extend(node(dice, &nodes, from));
        if nodes[nodes.len() - 1].value.error(0).is_infinite() {
            break;
        }
    }
    let last = &nodes[nodes.len() - 1].value;
    let relevance = if dice.chance(30) {
        Array { dims: last.dims.clone(), data: last.data.iter().map(|y| f64::from(y.value as f32)).collect() }
    } else {
        dice.array(&last.dims)
    };
    let sure = doubtful().map(|doubtful| !doubtful);
    Graph { nodes, relevance, sure }
}

fn input_dims(dice: &mut Dice, batch: usize) -> Vec<usize> {
    let (channels, rank) = (dice.within(1, 4), dice.pick(&[1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5]));
    match rank {
        1 => vec![dice.within(1, 4)],
        2 => vec![batch, dice.within(1, 6)],
        3 => vec![batch, channels, dice.within(1, 7)],
        4 => vec![batch, channels, dice.within(1, 5), dice.within(1, 5)],
        _ => [vec![batch, dice.within(1, 2)], dice.times(3, |dice| dice.within(1, 3))].concat(),
    }
}

/// A layer that reads node `from`, `None` where the one that was drawn does not fit.
fn node(dice: &mut Dice, nodes: &[Node], from: usize) -> Option<Node> {
    let (layer, inputs) = layer(dice, nodes, from)?;
    let values: Vec<&Nums> = inputs.iter().map(|&input| &nodes[input].value).collect();
    if !is_defined(&layer, &values) {
        return None;
    }
    let dims: Vec<&[usize]> = values.iter().map(|value| value.dims.as_slice()).collect();
    let rows = layer.rows(&dims);
    let value = layer.forward(rows.as_ref(), &values);
    if value.data.is_empty() || value.data.len() > LARGEST || value.largest() > 1e3 {
        return None;
    }
    let recipe = recipe(dice, &layer, &dims, &value.dims);
    Some(Node { name: format!("n{}", nodes.len()), layer: Some((layer, recipe)), inputs, rows, value })
}

/// Whether the inputs lie where the layer is defined and does not explode.
fn is_defined(layer: &Layer, inputs: &[&Nums]) -> bool {
    let all = |input: &Nums, test: &dyn Fn(f64) -> bool| input.data.iter().all(|x| test(x.value));
    let x = inputs[0];
    match layer {
        Layer::Div => all(inputs[1], &|x| x.abs() > 0.05),
        Layer::Elementwise(Elementwise::Sqrt) => all(x, &|x| x == 0.0 || x > 0.05),
        Layer::Elementwise(Elementwise::Recip) => all(x, &|x| x.abs() > 0.05),
        Layer::Elementwise(Elementwise::Log) => all(x, &|x| x > 0.05),
        Layer::Elementwise(Elementwise::Power(p)) if p.fract() != 0.0 => all(x, &|x| x > 0.05),
        Layer::Elementwise(Elementwise::Power(p)) if *p < 1.0 => all(x, &|x| x.abs() > 0.05),
        Layer::Elementwise(Elementwise::Exp) | Layer::Softmax { .. } => x.largest() < 8.0,
        _ => true,
    }
}

fn layer(dice: &mut Dice, nodes: &[Node], from: usize) -> Option<(Layer, Vec<usize>)> {
    let x = nodes[from].value.dims.as_slice();
    let rank = x.len();
    let alone = |layer: Layer| Some((layer, vec![from]));
    match dice.below(30) {
        0..3 if rank > 1 => {
            let outputs = dice.within(1, 5);
            let bias = dice.chance(60).then(|| dice.array(&[outputs]));
            alone(Layer::Linear { weight: dice.array(&[x[rank - 1], outputs]), bias })
        }
        3..6 if (3..=5).contains(&rank) => alone(conv(dice, x)?),
        6..8 if (3..=5).contains(&rank) => alone(conv_transpose(dice, x)?),
        8 | 9 if rank > 1 => {
            let count_include_pad = dice.chance(50);
            alone(Layer::Average { windows: windows(dice, x)?, count_include_pad })
        }
        10 | 11 if rank > 1 => {
            let largest = dice.chance(60);
            alone(Layer::Extremum { windows: windows(dice, x)?, largest })
        }
        12 => {
            let axes: Vec<usize> =
                (0..rank).filter(|axis| dice.chance(if *axis == 0 { 15 } else { 50 })).collect();
            let axes = if dice.chance(10) { None } else { Some(axes) };
            alone(Layer::Reduce { mean: dice.chance(50), axes })
        }
        13 if rank > 1 => {
            let left = dice.chance(50);
            let mut dims: Vec<usize> = x[..rank - 2]
                .iter()
                .map(|&size| if size == 1 { dice.within(1, 2) } else { dice.pick(&[1, size]) })
                .collect();
            let other = dice.within(1, 4);
            dims.extend(if left { [other, x[rank - 2]] } else { [x[rank - 1], other] });
            alone(Layer::MatmulBy { matrix: dice.array(&dims), left })
        }
        14 if rank > 1 => {
            let channels = [x[1]];
            let std = Array::from_fn(&channels, |_| dice.pick(&[0.5, 0.75, 1.0, 2.0]));
            let [mean, scale, shift] = [(); 3].map(|()| dice.array(&channels));
            alone(Layer::BatchNorm { mean, std, scale, shift })
        }
        15 if rank > 1 && x[rank - 1] > 1 && dice.chance(40) => {
            let features = [x[rank - 1]];
            let scale = dice.array(&features);
            let shift = dice.chance(60).then(|| dice.array(&features));
            alone(Layer::LayerNorm { scale, shift, epsilon: dice.pick(&[0.5, 0.0625]) })
        }
        15 => {
            let mut constant = |percent| {
                let scalar = dice.chance(40);
                let dims: Vec<usize> = x.iter().map(|&size| if dice.chance(50) { size } else { 1 }).collect();
                dice.chance(percent).then(|| dice.array(if scalar { &[] } else { &dims }))
            };
            alone(Layer::Affine { factor: constant(70), offset: constant(60) })
        }
        16..19 => alone(Layer::Activation(activation(dice))),
        19 => {
            let slopes = if rank > 1 && dice.chance(60) { x[1] } else { 1 };
            alone(Layer::PRelu { slope: dice.array(&[slopes]) })
        }
        20 => alone(Layer::Elementwise(dice.pick(&[
            Elementwise::Power(2.0),
            Elementwise::Power(3.0),
            Elementwise::Power(1.0),
            Elementwise::Power(-1.0),
            Elementwise::Power(-2.0),
            Elementwise::Power(0.5),
            Elementwise::Power(1.5),
            Elementwise::Sqrt,
            Elementwise::Exp,
            Elementwise::Log,
            Elementwise::Abs,
            Elementwise::Recip,
        ]))),
        21 => {
            use SoftmaxForm::{LogSoftmax, Masked, Quiet, Softmax, Softmin};
            let form = dice.pick(&[Softmax, Softmin, LogSoftmax, Masked, Quiet]);
            alone(Layer::Softmax { form, dim: dice.below(rank) })
        }
        22 | 23 => {
            let alike: Vec<usize> = (0..nodes.len()).filter(|&other| nodes[other].value.dims == x).collect();
            let mut inputs = vec![from, dice.pick(&alike)];
            let layer = match dice.below(7) {
                0..3 => Layer::Add,
                3 => Layer::Sub,
                4 => Layer::Div,
                _ => Layer::Mul,
            };
            if matches!(layer, Layer::Add) && dice.chance(20) {
                inputs.push(dice.pick(&alike));
            }
            Some((layer, inputs))
        }
        24 if rank > 1 => {
            let fits = |other: &usize| {
                let y = nodes[*other].value.dims.as_slice();
                y.len() == rank
                    && y[rank - 2] == x[rank - 1]
                    && x[..rank - 2].iter().zip(y).all(|(&a, &b)| a == b || a == 1 || b == 1)
            };
            let others: Vec<usize> = (0..nodes.len()).filter(fits).collect();
            if others.is_empty() {
                return None;
            }
            Some((Layer::Matmul, vec![from, dice.pick(&others)]))
        }
        25 | 26 => alone(routing(dice, x)),
        27 => {
            let (dim, batch) = (dice.below(rank), x[0]);
            let fits = |other: &usize| {
                let y = nodes[*other].value.dims.as_slice();
                y.len() == rank && (0..rank).all(|axis| axis == dim || y[axis] == x[axis])
            };
            let fitting: Vec<usize> = (0..nodes.len()).filter(fits).collect();
            let mut inputs = vec![from];
            let mut parts = vec![None];
            for _ in 0..dice.within(1, 2) {
                if dice.chance(60) {
                    inputs.push(dice.pick(&fitting));
                    parts.push(None);
                } else {
                    let mut dims = x.to_vec();
                    dims[dim] = dice.within(1, 2);
                    if dim > 0 && dice.chance(50) {
                        dims[0] = 1;
                    }
                    let at = dice.within(0, parts.len());
                    parts.insert(at, Some(dice.array(&dims)));
                }
            }
            // The library takes the batch from the first input.
            (nodes[inputs[0]].value.dims[0] == batch).then_some((Layer::Concat { dim, parts }, inputs))
        }
        28 => alone(if dice.chance(30) { Layer::Detach } else { routing(dice, x) }),
        _ => alone(routing(dice, x)),
    }
}

fn activation(dice: &mut Dice) -> Activation {
    use Activation::*;
    let beta = dice.pick(&[1.0, 2.5]);
    dice.pick(&[
        Relu,
        Relu,
        Relu,
        Relu,
        Relu6,
        Clamp { min: Some(-1.0), max: Some(0.5) },
        Clamp { min: None, max: Some(0.5) },
        Clamp { min: Some(-0.5), max: None },
        LeakyRelu { slope: 0.125 },
        LeakyRelu { slope: -0.5 },
        Elu { alpha: 1.5 },
        Celu { alpha: 0.5 },
        Selu,
        Gelu,
        GeluTanh,
        Silu,
        Sigmoid,
        Tanh,
        Softplus { beta },
        HardSigmoid { alpha: 0.25, beta: 0.5 },
        HardSwish,
        Mish,
        LogSigmoid,
        Softsign,
        ThresholdedRelu { threshold: 0.5 },
        ThresholdedRelu { threshold: -0.5 },
        Shrink { lambda: 0.5, bias: 0.5 },
        Shrink { lambda: 0.5, bias: 0.0 },
        Shrink { lambda: 0.25, bias: 1.0 },
    ])
}

fn conv(dice: &mut Dice, x: &[usize]) -> Option<Layer> {
    let axes = x.len() - 2;
    let groups = divisor(dice, x[1]);
    let outputs = groups * dice.within(1, 2);
    let geometry = ConvGeometry {
        stride: dice.times(axes, |dice| dice.within(1, 3)),
        padding: dice.times(axes, |dice| (dice.pick(&[0, 0, 1, 2]), dice.pick(&[0, 0, 1, 2]))),
        dilation: dice.times(axes, |dice| dice.pick(&[1, 1, 1, 2])),
        groups,
    };
    let kernel = dice.times(axes, |dice| dice.within(1, 3));
    let fits = (0..axes).all(|axis| {
        let (before, after) = geometry.padding[axis];
        (kernel[axis] - 1) * geometry.dilation[axis] < before + x[axis + 2] + after
    });
    let weight = dice.array(&[&[outputs, x[1] / groups], kernel.as_slice()].concat());
    let bias = dice.chance(50).then(|| dice.array(&[outputs]));
    fits.then_some(Layer::Conv { weight, bias, geometry })
}

fn conv_transpose(dice: &mut Dice, x: &[usize]) -> Option<Layer> {
    let axes = x.len() - 2;
    let groups = divisor(dice, x[1]);
    let per_group = dice.within(1, 2);
    let geometry = ConvTransposeGeometry {
        stride: dice.times(axes, |dice| dice.within(1, 3)),
        padding: dice.times(axes, |dice| dice.pick(&[0, 0, 1, 2])),
        padding_out: dice.times(axes, |dice| dice.pick(&[0, 0, 0, 1, 2])),
        dilation: dice.times(axes, |dice| dice.pick(&[1, 1, 1, 2])),
        groups,
    };
    let kernel = dice.times(axes, |dice| dice.within(1, 3));
    let fits = (0..axes).all(|axis| {
        let full =
            (x[axis + 2] - 1) * geometry.stride[axis] + (kernel[axis] - 1) * geometry.dilation[axis] + 1;
        full + geometry.padding_out[axis] > 2 * geometry.padding[axis]
    });
    let weight = dice.array(&[&[x[1], per_group], kernel.as_slice()].concat());
    let bias = dice.chance(50).then(|| dice.array(&[per_group * groups]));
    fits.then_some(Layer::ConvTranspose { weight, bias, geometry })
}

fn divisor(dice: &mut Dice, of: usize) -> usize {
    let divisors: Vec<usize> = (1..=of).filter(|divisor| of.is_multiple_of(*divisor)).collect();
    dice.pick(&divisors)
}

fn windows(dice: &mut Dice, x: &[usize]) -> Option<PoolGeometry> {
    let axes = dice.within(1, (x.len() - 1).min(3));
    let sizes = &x[x.len() - axes..];
    if dice.chance(25) {
        return Some(PoolGeometry::Adaptive {
            output: sizes.iter().map(|&size| dice.within(1, size + 1)).collect(),
        });
    }
    let kernel = dice.times(axes, |dice| dice.within(1, 3));
    let padding = dice.times(axes, |dice| (dice.pick(&[0, 0, 1, 2]), dice.pick(&[0, 0, 1, 2])));
    let dilation = dice.times(axes, |dice| dice.pick(&[1, 1, 1, 2]));
    let output = match dice.below(5) {
        0 => PoolOutput::Exact(dice.times(axes, |dice| dice.within(1, 4))),
        1 | 2 => PoolOutput::Ceil,
        _ => PoolOutput::Floor,
    };
    let fits = matches!(output, PoolOutput::Exact(_))
        || (0..axes).all(|axis| {
            (kernel[axis] - 1) * dilation[axis] < padding[axis].0 + sizes[axis] + padding[axis].1
        });
    let stride = dice.times(axes, |dice| dice.within(1, 3));
    fits.then_some(PoolGeometry::Sliding { kernel, stride, padding, dilation, output })
}

/// A layer that only moves elements.
fn routing(dice: &mut Dice, x: &[usize]) -> Layer {
    let rank = x.len();
    // Mostly not the batch.
    let axis = if rank > 1 && dice.chance(85) { dice.within(1, rank - 1) } else { dice.below(rank) };
    match dice.below(9) {
        0 | 1 => {
            // The sizes' factors, shared out anew.
            let free = if dice.chance(75) { 1 } else { 0 };
            let mut dims = x[..free].to_vec();
            dims.extend(vec![1; dice.within(1, 4 - free)]);
            let mut left: usize = x[free..].iter().product();
            while left > 1 {
                let factor = (2..=left).find(|factor| left.is_multiple_of(*factor)).unwrap_or(left);
                let at = dice.within(free, dims.len() - 1);
                dims[at] *= factor;
                left /= factor;
            }
            Layer::Reshape { dims }
        }
        2 => {
            let mut axes = dice.order(rank);
            if dice.chance(70) {
                // The batch stays.
                axes.retain(|axis| *axis != 0);
                axes.insert(0, 0);
            }
            Layer::Permute { axes }
        }
        3 => Layer::Flip {
            axes: (0..rank).filter(|axis| dice.chance(if *axis == 0 { 20 } else { 50 })).collect(),
        },
        4 => {
            let cut = |size: usize, dice: &mut Dice| {
                let start = dice.below(size);
                let (end, step) = (dice.within(start + 1, size), dice.pick(&[1, 1, 2, 3, -1, -2]));
                Cut::Range { start, end, step }
            };
            let cuts = x.iter().enumerate().map(|(axis, &size)| {
                if dice.chance(if axis == 0 { 85 } else { 50 }) { Cut::All } else { cut(size, dice) }
            });
            Layer::Slice { cuts: cuts.collect() }
        }
        5 => {
            let count = dice.within(1, 4);
            Layer::Select { dim: axis, places: dice.times(count, |dice| dice.below(x[axis])) }
        }
        6 => {
            let mut side =
                |axis: usize| if axis > 0 || dice.chance(10) { dice.pick(&[0, 0, 1, 2]) } else { 0 };
            let padding = (0..rank).map(|axis| (side(axis), side(axis))).collect();
            Layer::Pad { padding, fill: dice.pick(&[0.0, 0.0, 1.0, -0.5]) }
        }
        7 => {
            let size = |&size: &usize| if size == 1 { dice.within(1, 3) } else { size };
            let mut dims: Vec<usize> = x.iter().map(size).collect();
            if rank < 5 && dice.chance(30) {
                dims.insert(0, dice.within(1, 2));
            }
            Layer::Expand { dims }
        }
        _ => Layer::Repeat { dim: axis, times: dice.within(1, 3) },
    }
}
