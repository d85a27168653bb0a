//! The table from recorded operations to layers.

use burn_backend::{Backend, Shape};
use xai_core::Value;
use xai_core::kernel::{ConvGeometry, Extremum, PoolGeometry, PoolOutput};
use xai_core::layer::{
    Add, Affine, Arithmetic, Assign, Coefficient, Concat, Conv, ConvTranspose, CumulativeSum, Cut, Detach,
    Elementwise, Gather, Interpolate, Layer, Linear, Matmul, Normalize, PRelu, Pad, Permute, Pool, Reshape,
    Slice,
};

use crate::broadcast::{expand, mask_fill, mask_where};
use crate::op::{Op, Window};
use crate::tensor::{Constant, Edge, Node};

/// The layers of an operation, one after the other; an `Err` says why it has none.
pub(crate) fn layers<B: Backend>(node: &Node<B>) -> Result<Vec<Layer<B>>, String> {
    match (&node.op, node.inputs.as_slice()) {
        (Op::Extremum { dim, extremum }, [Edge::Node(input)]) => {
            Ok(extremum_layers(input.shape.as_slice(), *dim, *extremum))
        }
        (Op::Div, [Edge::Constant(constant), Edge::Node(_)]) => {
            let numerator = Coefficient::Tensor(for_every_sample(&constant.value, node));
            Ok(vec![Elementwise::Recip.into(), Affine::scale(numerator).into()])
        }
        _ => layer(node).map(|layer| vec![layer]),
    }
}

/// A max or min over a dimension as a pool with one window: with it moved to the end, and all others between
/// it and the first taken together.
fn extremum_layers<B: Backend>(input: &[usize], dim: usize, extremum: Extremum) -> Vec<Layer<B>> {
    let rank = input.len();
    let mut axes: Vec<usize> = (0..rank).filter(|axis| *axis != dim).collect();
    axes.push(dim);
    let mut back = vec![0; rank];
    axes.iter().enumerate().for_each(|(to, &from)| back[from] = to);
    let others: Vec<i64> = axes[..rank - 1].iter().map(|&axis| input[axis] as i64).collect();
    let rest = others.iter().skip(1).product();
    // The batch stays free.
    let first = if dim > 0 { 0 } else { others.first().copied().unwrap_or(1) };
    let reduced = [first].into_iter().take(rank - 1).chain(others.iter().skip(1).copied()).chain([1]);
    let windows = PoolGeometry::Sliding {
        kernel: vec![input[dim]],
        stride: vec![1],
        padding: vec![(0, 0)],
        dilation: vec![1],
        output: PoolOutput::Exact(vec![1]),
    };
    let pool = match extremum {
        Extremum::Max => Pool::max(windows),
        Extremum::Min => Pool::min(windows),
    };
    let flat = Reshape::new([first, rest, input[dim] as i64]);
    let mut layers: Vec<Layer<B>> = vec![flat.into(), pool.into(), Reshape::new(reduced).into()];
    if dim + 1 < rank {
        layers.insert(0, Permute::new(axes).into());
        layers.push(Permute::new(back).into());
    }
    layers
}

/// The layer of an operation that is one.
fn layer<B: Backend>(node: &Node<B>) -> Result<Layer<B>, String> {
    let output = node.shape.as_slice();
    Ok(match &node.op {
        Op::Linear => {
            let (weight, bias) = parameters(node)?;
            Linear::new(weight, bias).map_err(|error| error.to_string())?.into()
        }
        Op::Conv(geometry) => conv(node, geometry.clone())?,
        Op::ConvTranspose(geometry) => {
            let (weight, bias) = parameters(node)?;
            ConvTranspose::new(weight, bias, geometry.clone()).map_err(|error| error.to_string())?.into()
        }
        Op::Activation(activation) => (*activation).into(),
        Op::Elementwise(function) => (*function).into(),
        Op::Power => power(node)?,
        Op::PRelu => prelu(node)?,
        Op::Softmax(softmax) => (*softmax).into(),
        Op::MaxPool(window) => Pool::max(sliding(window, output)).into(),
        Op::AvgPool { window, count_include_pad } => {
            Pool::average(sliding(window, output), *count_include_pad).into()
        }
        Op::AdaptiveAvgPool => {
            let output = output.get(2..).unwrap_or_default().to_vec();
            Pool::average(PoolGeometry::Adaptive { output }, false).into()
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div => arithmetic(node)?,
        Op::AddScalar(value) => Affine::shift(Coefficient::Scalar(*value)).into(),
        Op::SubScalar(value) => Affine::shift(Coefficient::Scalar(-value)).into(),
        Op::MulScalar(value) => Affine::scale(Coefficient::Scalar(*value)).into(),
        Op::DivScalar(value) => Affine::scale(Coefficient::Scalar(1.0 / value)).into(),
        Op::Neg => Affine::scale(Coefficient::Scalar(-1.0)).into(),
        Op::Detach => Detach.into(),
        Op::Matmul => matmul(node)?,
        Op::Reduce(reduce) => reduce.clone().into(),
        Op::Cat { dim } => concat(node, *dim)?,
        Op::Reshape => reshape(node),
        Op::Permute(permute) => permute.clone().into(),
        Op::Flip(flip) => flip.clone().into(),
        Op::Slice(slices) => Slice::new(cuts(slices, input_dims(node))).into(),
        Op::SliceAssign(slices) => match padding(node) {
            Ok(padding) => padding.into(),
            Err(_) => assign(node, slices)?,
        },
        Op::Select(select) => select.clone().into(),
        Op::Expand => expand(input_dims(node), output).into(),
        Op::Repeat(repeat) => (*repeat).into(),
        Op::MaskWhere => mask_where(node)?,
        Op::CumulativeSum { dim } => CumulativeSum::new(*dim).into(),
        Op::Gather { dim } => match node.inputs.as_slice() {
            [Edge::Node(_), Edge::Places(places)] => Gather::new(*dim, places.clone()).into(),
            _ => return Err("of arguments of another kind".to_owned()),
        },
        Op::MaskFill(value) => mask_fill(node, *value)?,
        Op::LayerNorm { epsilon } => {
            let (scale, shift) = parameters(node)?;
            Normalize::layer_norm(scale, shift, *epsilon).map_err(|error| error.to_string())?.into()
        }
        Op::Interpolate(options) => match output {
            [_, _, height, width] => Interpolate::new([*height, *width], options.clone()).into(),
            _ => return Err("of another rank than 4".to_owned()),
        },
        Op::Input | Op::Extremum { .. } | Op::Unsupported(_) => return Err("no layer".to_owned()),
    })
}

/// Sizes of the first argument that depends on a graph input.
fn input_dims<B: Backend>(node: &Node<B>) -> &[usize] {
    let input = node.inputs.iter().find_map(Edge::node);
    input.map_or(&[], |input| input.shape.as_slice())
}

/// Constant weight and bias of a layer whose first argument alone depends on the input.
fn parameters<B: Backend>(node: &Node<B>) -> Result<(Value<B>, Option<Value<B>>), String> {
    let constant = |edge: &Edge<B>| edge.constant().map(|constant| constant.value);
    let parameters = match node.inputs.as_slice() {
        [Edge::Node(_), weight] => constant(weight).map(|weight| (weight, None)),
        [Edge::Node(_), weight, bias] => constant(weight).zip(constant(bias).map(Some)),
        _ => None,
    };
    parameters.ok_or_else(|| "with weights that depend on the input".to_owned())
}

/// The convolution of a node, with a geometry that may differ from the recorded one.
pub(crate) fn conv<B: Backend>(node: &Node<B>, geometry: ConvGeometry) -> Result<Layer<B>, String> {
    let (weight, bias) = parameters(node)?;
    Ok(Conv::new(weight, bias, geometry).map_err(|error| error.to_string())?.into())
}

/// A power with one exponent for all elements.
fn power<B: Backend>(node: &Node<B>) -> Result<Layer<B>, String> {
    let [Edge::Node(_), Edge::Constant(exponent)] = node.inputs.as_slice() else {
        return Err("with an exponent that depends on the input".to_owned());
    };
    match only_element(&exponent.value)? {
        Some(exponent) => Ok(Elementwise::Power(exponent).into()),
        None => Err("with exponents that differ".to_owned()),
    }
}

/// The element that a constant consists of, if all are equal.
fn only_element<B: Backend>(constant: &Value<B>) -> Result<Option<f64>, String> {
    let data = constant.to_data().map_err(|error| format!("of a constant that cannot be read: {error:?}"))?;
    let mut elements = data.iter::<f64>();
    let first = elements.next().unwrap_or(0.0);
    Ok(elements.all(|element| element == first).then_some(first).filter(|first| !first.is_nan()))
}

fn prelu<B: Backend>(node: &Node<B>) -> Result<Layer<B>, String> {
    // Burn has shaped the slopes to broadcast: `[1, channels, 1, ...]`.
    let (slope, _) = parameters(node)?;
    let dims = slope.dims();
    let count = dims.iter().product();
    if dims.get(1).is_some_and(|&channels| channels != count) {
        return Err(format!("with slopes of the shape {dims:?}"));
    }
    Ok(PRelu::new(slope.reshape(&[count])).map_err(|error| error.to_string())?.into())
}

/// The recorded output size is exact, whichever way the framework rounds it.
pub(crate) fn sliding(window: &Window, output: &[usize]) -> PoolGeometry {
    PoolGeometry::Sliding {
        kernel: window.kernel.clone(),
        stride: window.stride.clone(),
        padding: window.padding.clone(),
        dilation: window.dilation.clone(),
        output: PoolOutput::Exact(output.get(2..).unwrap_or_default().to_vec()),
    }
}

fn arithmetic<B: Backend>(node: &Node<B>) -> Result<Layer<B>, String> {
    let tensor = |constant: &Constant<B>| Coefficient::Tensor(for_every_sample(&constant.value, node));
    // One number for all elements says more about the signs of the output: in `1 - gate`, say.
    let number = |constant: &Constant<B>| match only_element(&constant.value) {
        Ok(Some(number)) => Coefficient::Scalar(number),
        _ => tensor(constant),
    };
    let scaled = |constant: &Constant<B>, factor: f64| {
        Coefficient::Tensor(for_every_sample(&constant.value, node) * factor)
    };
    Ok(match (&node.op, node.inputs.as_slice()) {
        (Op::Add, [Edge::Node(_), Edge::Node(_)]) => Add.into(),
        (Op::Sub, [Edge::Node(_), Edge::Node(_)]) => Arithmetic::Sub.into(),
        (Op::Mul, [Edge::Node(_), Edge::Node(_)]) => Arithmetic::Mul.into(),
        (Op::Div, [Edge::Node(_), Edge::Node(_)]) => Arithmetic::Div.into(),
        (Op::Add, [Edge::Node(_), Edge::Constant(c)] | [Edge::Constant(c), Edge::Node(_)]) => {
            Affine::shift(number(c)).into()
        }
        (Op::Mul, [Edge::Node(_), Edge::Constant(c)] | [Edge::Constant(c), Edge::Node(_)]) => {
            Affine::scale(tensor(c)).into()
        }
        (Op::Sub, [Edge::Node(_), Edge::Constant(c)]) => Affine::shift(scaled(c, -1.0)).into(),
        (Op::Sub, [Edge::Constant(c), Edge::Node(_)]) => {
            Affine::new(Some(Coefficient::Scalar(-1.0)), Some(number(c))).into()
        }
        (Op::Div, [Edge::Node(_), Edge::Constant(c)]) => {
            let divisor = for_every_sample(&c.value, node);
            Affine::scale(Coefficient::Tensor(divisor.full_like(&divisor.dims(), 1.0) / divisor)).into()
        }
        _ => return Err("of arguments of another kind".to_owned()),
    })
}

/// A constant that was repeated for each sample of the recorded batch, with one sample only: so the
/// batch stays free.
fn for_every_sample<B: Backend>(constant: &Value<B>, node: &Node<B>) -> Value<B> {
    let (dims, batch) = (constant.dims(), node.shape.as_slice().first());
    if dims.len() != node.shape.as_slice().len() || dims.len() < 2 || dims[0] < 2 || Some(&dims[0]) != batch {
        return constant.clone();
    }
    let Ok(data) = constant.to_data() else { return constant.clone() };
    let bytes = data.as_bytes();
    let sample = bytes.len() / dims[0];
    if sample == 0 || bytes.chunks(sample).any(|other| other != &bytes[..sample]) {
        return constant.clone();
    }
    let ranges: Vec<burn_backend::Slice> =
        dims.iter().enumerate().map(|(axis, &size)| (0..if axis == 0 { 1 } else { size }).into()).collect();
    constant.clone().slice(&ranges)
}

fn matmul<B: Backend>(node: &Node<B>) -> Result<Layer<B>, String> {
    Ok(match node.inputs.as_slice() {
        [Edge::Node(_), Edge::Node(_)] => Matmul::new().into(),
        [Edge::Constant(left), Edge::Node(_)] => Matmul::by_left(factor(&left.value, node)).into(),
        [Edge::Node(_), Edge::Constant(right)] => match linear(node, None) {
            Some(linear) => linear.into(),
            None => Matmul::by_right(factor(&right.value, node)).into(),
        },
        _ => return Err("of arguments of another kind".to_owned()),
    })
}

/// A constant factor of a matrix product, with one sample if all samples have the same.
fn factor<B: Backend>(matrix: &Value<B>, node: &Node<B>) -> Value<B> {
    // Without leading dimensions there is no batch, and equal rows are just equal rows.
    if matrix.rank() < 3 { matrix.clone() } else { for_every_sample(matrix, node) }
}

/// The linear layer that a product of a value and one matrix is.
pub(crate) fn linear<B: Backend>(product: &Node<B>, bias: Option<Value<B>>) -> Option<Linear<B>> {
    let (Op::Matmul, [Edge::Node(_), Edge::Constant(right)]) = (&product.op, product.inputs.as_slice())
    else {
        return None;
    };
    let matrix = factor(&right.value, product);
    let dims = matrix.dims();
    let (leading, last) = dims.split_last_chunk::<2>()?;
    if leading.iter().any(|&size| size != 1) {
        return None;
    }
    Linear::new(matrix.reshape(last), bias).ok()
}

fn concat<B: Backend>(node: &Node<B>, dim: usize) -> Result<Layer<B>, String> {
    if node.inputs.iter().all(|edge| edge.node().is_some()) {
        return Ok(Concat::new(dim).into());
    }
    let part = |edge: &Edge<B>| match edge.constant() {
        Some(constant) if dim > 0 => Some(for_every_sample(&constant.value, node)),
        Some(constant) => Some(constant.value),
        None => None,
    };
    Ok(Concat::with_constants(dim, node.inputs.iter().map(part)).into())
}

/// Keeps a leading dimension that the reshape leaves alone free: it is the batch.
fn reshape<B: Backend>(node: &Node<B>) -> Layer<B> {
    let first = |shape: &Shape| shape.as_slice().first().copied();
    let input = node.inputs.first().and_then(Edge::node);
    let batch = input.is_some_and(|input| first(&input.shape) == first(&node.shape));
    let sizes = node.shape.as_slice().iter().map(|&size| size as i64);
    Reshape::new(sizes.enumerate().map(|(place, size)| if batch && place == 0 { 0 } else { size })).into()
}

/// What slices of a value of the sizes `dims` keep.
fn cuts(slices: &[burn_backend::Slice], dims: &[usize]) -> impl Iterator<Item = Cut> {
    dims.iter().enumerate().map(|(axis, &size)| {
        let Some(slice) = slices.get(axis) else { return Cut::All };
        let range = slice.to_range(size);
        match (range.start, range.end, slice.step()) {
            (0, end, 1) if end == size => Cut::All,
            (start, end, step) => Cut::Range { start, end, step },
        }
    })
}

/// An assignment that is no padding.
fn assign<B: Backend>(node: &Node<B>, slices: &[burn_backend::Slice]) -> Result<Layer<B>, String> {
    let assign = Assign::new(cuts(slices, node.shape.as_slice()));
    Ok(match node.inputs.as_slice() {
        [Edge::Node(_), Edge::Node(_)] => assign.into(),
        [Edge::Constant(base), Edge::Node(_)] => assign.into_constant(base.value.clone()).into(),
        [Edge::Node(_), Edge::Constant(value)] => assign.of_constant(value.value.clone()).into(),
        _ => return Err("of arguments of another kind".to_owned()),
    })
}

/// An assignment of a value into a larger constant of equal elements, which is what Burn records
/// for padding.
pub(crate) fn padding<B: Backend>(node: &Node<B>) -> Result<Pad, String> {
    let (Op::SliceAssign(slices), [Edge::Constant(base), Edge::Node(value)]) =
        (&node.op, node.inputs.as_slice())
    else {
        return Err("into a value that depends on the input".to_owned());
    };
    let inner = value.shape.as_slice();
    let mut padding = Vec::with_capacity(inner.len());
    for (axis, &size) in base.value.dims().iter().enumerate() {
        let range = slices.get(axis).map_or(0..size, |slice| slice.to_range(size));
        let step = slices.get(axis).map_or(1, burn_backend::Slice::step);
        if step != 1 || inner.get(axis) != Some(&range.len()) {
            return Err("that is not just padding".to_owned());
        }
        padding.push((range.start, size - range.end));
    }
    match only_element(&base.value)? {
        Some(fill) => Ok(Pad::new(padding, fill)),
        None => Err("into a constant whose elements differ".to_owned()),
    }
}
