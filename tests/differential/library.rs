//! The same graph in the library, and the comparison.

use burn::tensor::DType;
use burn_xai::Value;
use burn_xai::attributor::Attribution;
use burn_xai::backend::flex::{self, Flex};
use burn_xai::composite::Composite;
use burn_xai::graph::GraphBuilder;
use burn_xai::kernel::Extremum;
use burn_xai::layer::{self, Arithmetic, Coefficient, Pool};
use burn_xai::prelude::*;
use xai_testkit::host::Array;

use super::graph::{Explained, Graph};
use super::layer::Layer;
use super::num::{Num, Nums};

type V = Value<Flex>;

/// Element type and tolerance, relative to the largest magnitude at a node, of each precision.
pub(crate) const PRECISIONS: [(DType, f64); 2] = [(DType::F64, 1e-8), (DType::F32, 1e-3)];

/// How many values were compared, and how many were left out because rounding decides about them.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) compared: usize,
    pub(crate) left_out: usize,
}

/// The graph in the library's types.
pub(crate) fn model(graph: &Graph, dtype: DType) -> Result<Model<Flex>, String> {
    let mut builder = GraphBuilder::new();
    let mut ids = Vec::new();
    for node in &graph.nodes {
        let inputs: Vec<_> = node.inputs.iter().map(|&input| ids[input]).collect();
        let id = match &node.layer {
            None => builder.input(&node.name, &node.value.dims),
            Some((layer, _)) => builder.push(&node.name, library_layer(layer, dtype), &inputs),
        };
        let id = id.map_err(|error| error.to_string())?;
        if builder.dims(id) != Some(&node.value.dims) {
            return Err(format!(
                "{}: sizes {:?} instead of {:?}",
                node.name,
                builder.dims(id),
                node.value.dims
            ));
        }
        ids.push(id);
    }
    let last = ids[ids.len() - 1];
    Ok(Model::from(builder.finish(last).map_err(|error| error.to_string())?))
}

/// The inputs' values.
fn inputs(graph: &Graph, dtype: DType) -> Vec<V> {
    let inputs = graph.nodes.iter().filter(|node| node.layer.is_none());
    inputs.map(|node| value(&array(&node.value), dtype)).collect()
}

pub(crate) fn array(nums: &Nums) -> Array {
    Array { dims: nums.dims.clone(), data: nums.data.iter().map(|num| num.value).collect() }
}

pub(crate) fn value(array: &Array, dtype: DType) -> V {
    array.value(dtype, &flex::device())
}

/// Compares output, relevance at every node and ledger; an error says what differs.
pub(crate) fn compare(
    graph: &Graph,
    explained: &[Option<Explained>],
    precision: usize,
) -> Result<Count, String> {
    let (dtype, _) = PRECISIONS[precision];
    let mut composite = Composite::new("random");
    for (node, _) in graph.nodes.iter().zip(graph.kept()).filter(|(_, kept)| *kept) {
        if let Some((_, recipe)) = &node.layer {
            composite = composite.append(Matcher::name(&node.name), recipe.library());
        }
    }
    // Canonizers would merge nodes.
    let model = model(graph, dtype)?.with_canonizers(Vec::new());
    let lrp = Lrp::new(&model, composite).with_relevance_at("*").with_ledger();
    let target = Target::relevance(value(&graph.relevance, dtype));
    let mut count = Count::default();
    let attribution = match lrp.attribute(inputs(graph, dtype), target) {
        Ok(attribution) => attribution,
        // A denominator that only rounding kept from 0, or did not; the inputs come last.
        Err(ExplainError::RelevanceNotFinite { .. })
            if explained[0].as_ref().is_some_and(|x| !x.sure[precision]) =>
        {
            count.left_out += 1;
            return Ok(count);
        }
        Err(error) => return Err(format!("{dtype:?}: {error}")),
    };
    let last = &graph.nodes[graph.nodes.len() - 1];
    let output = kept(&attribution, None, last.value.dims.len());
    check(
        "output",
        &last.value,
        last.value.largest(),
        graph.sure[precision],
        &output,
        precision,
        &mut count,
    )?;
    let ledger = attribution.ledger().ok_or("no ledger")?;
    for (node, explained) in graph.nodes.iter().zip(explained) {
        let Some(Explained { relevance, sure, ledger: columns }) = explained else { continue };
        let got = kept(&attribution, Some(&node.name), relevance.dims.len());
        let what = format!("relevance at {}", node.name);
        check(&what, relevance, relevance.largest(), sure[precision], &got, precision, &mut count)?;
        let Some(columns) = columns else { continue };
        let row =
            ledger.rows().iter().find(|row| row.node == node.name).ok_or("a row of the ledger is missing")?;
        let got = [&row.arrived, &row.passed, &row.bias, &row.stabilizer, &row.dropped];
        let names = ["arrived", "passed", "bias", "stabilizer", "dropped"];
        for ((name, want), got) in names.into_iter().zip(&columns.sums).zip(got) {
            // The library gives one number where dimension 0 is not the batch, even of the same length.
            let want = match got.len() {
                1 => vec![Num::sum(want.iter().copied())],
                _ => want.clone(),
            };
            let want = Nums { dims: vec![want.len()], data: want };
            let got = Array { dims: vec![got.len()], data: got.clone() };
            let what = format!("ledger of {}, {name}", node.name);
            check(&what, &want, columns.scale, columns.sure[precision], &got, precision, &mut count)?;
        }
    }
    Ok(count)
}

/// An error where `got` is not `want`, to the tolerance relative to `scale`.
fn check(
    what: &str,
    want: &Nums,
    scale: f64,
    sure: bool,
    got: &Array,
    precision: usize,
    count: &mut Count,
) -> Result<(), String> {
    if got.dims != want.dims {
        return Err(format!("{what}: sizes {:?}, the reference has {:?}", got.dims, want.dims));
    }
    let (dtype, tolerance) = PRECISIONS[precision];
    // What is so small loses its digits or becomes 0.
    let underflows = scale > 0.0 && scale < [1e-280, 1e-30][precision];
    // Twice the bound: backends may sum in other ways than the reference.
    if !sure || underflows || 2.0 * want.error(precision) > tolerance * scale {
        count.left_out += 1;
        return Ok(());
    }
    count.compared += 1;
    for (place, (want, got)) in want.data.iter().zip(&got.data).enumerate() {
        let Num { value, .. } = want;
        let difference = (value - got).abs();
        if difference.is_nan() || difference > tolerance * scale {
            return Err(format!(
                "{dtype:?}, {what}, element {place}: {got:e}, the reference has {value:e} (largest {scale:e})"
            ));
        }
    }
    Ok(())
}

/// The relevance kept at a node, or the output.
fn kept(attribution: &Attribution<Flex>, node: Option<&str>, rank: usize) -> Array {
    fn read<const D: usize>(attribution: &Attribution<Flex>, node: Option<&str>) -> Array {
        let tensor = match node {
            Some(node) => attribution.relevance_at::<D>(node),
            None => attribution.output::<D>(),
        };
        Array::of(&Value::from(tensor.unwrap()))
    }
    match rank {
        1 => read::<1>(attribution, node),
        2 => read::<2>(attribution, node),
        3 => read::<3>(attribution, node),
        4 => read::<4>(attribution, node),
        _ => read::<5>(attribution, node),
    }
}

fn library_layer(layer: &Layer, dtype: DType) -> layer::Layer<Flex> {
    let value = |array: &Array| value(array, dtype);
    let optional = |array: &Option<Array>| array.as_ref().map(value);
    let coefficient = |array: &Option<Array>| {
        array.as_ref().map(|array| match array.dims[..] {
            [] => Coefficient::Scalar(array.data[0]),
            _ => Coefficient::Tensor(value(array)),
        })
    };
    let signed = |dims: &[usize]| dims.iter().map(|&size| size as i64).collect::<Vec<_>>();
    match layer.clone() {
        Layer::Linear { weight, bias } => layer::Linear::new(value(&weight), optional(&bias)).unwrap().into(),
        Layer::Conv { weight, bias, geometry } => {
            layer::Conv::new(value(&weight), optional(&bias), geometry).unwrap().into()
        }
        Layer::ConvTranspose { weight, bias, geometry } => {
            layer::ConvTranspose::new(value(&weight), optional(&bias), geometry).unwrap().into()
        }
        Layer::Average { windows, count_include_pad } => Pool::average(windows, count_include_pad).into(),
        Layer::Extremum { windows, largest } => {
            let pool = if largest { Pool::max(windows) } else { Pool::min(windows) };
            assert_eq!(pool.extremum(), Some(if largest { Extremum::Max } else { Extremum::Min }));
            pool.into()
        }
        Layer::Reduce { mean, axes } => match (mean, axes) {
            (false, Some(axes)) => layer::Reduce::sum(axes),
            (true, Some(axes)) => layer::Reduce::mean(axes),
            (false, None) => layer::Reduce::sum_all(),
            (true, None) => layer::Reduce::mean_all(),
        }
        .into(),
        Layer::MatmulBy { matrix, left: true } => layer::Matmul::by_left(value(&matrix)).into(),
        Layer::MatmulBy { matrix, left: false } => layer::Matmul::by_right(value(&matrix)).into(),
        Layer::BatchNorm { mean, std, scale, shift } => {
            layer::BatchNorm::new(value(&mean), value(&std), value(&scale), value(&shift)).unwrap().into()
        }
        Layer::LayerNorm { scale, shift, epsilon } => {
            layer::Normalize::layer_norm(value(&scale), shift.as_ref().map(value), epsilon).unwrap().into()
        }
        Layer::Affine { factor, offset } => {
            layer::Affine::new(coefficient(&factor), coefficient(&offset)).into()
        }
        Layer::Activation(activation) => activation.into(),
        Layer::PRelu { slope } => layer::PRelu::new(value(&slope)).unwrap().into(),
        Layer::Elementwise(function) => function.into(),
        Layer::Softmax { form, dim } => layer::Softmax::new(form, dim).into(),
        Layer::Detach => layer::Detach.into(),
        Layer::Add => layer::Add.into(),
        Layer::Sub => Arithmetic::Sub.into(),
        Layer::Mul => Arithmetic::Mul.into(),
        Layer::Div => Arithmetic::Div.into(),
        Layer::Matmul => layer::Matmul::new().into(),
        Layer::Reshape { dims } => layer::Reshape::new(signed(&dims)).into(),
        Layer::Permute { axes } => layer::Permute::new(axes).into(),
        Layer::Flip { axes } => layer::Flip::new(axes).into(),
        Layer::Slice { cuts } => layer::Slice::new(cuts).into(),
        Layer::Select { dim, places } => layer::Select::new(dim, places).into(),
        Layer::Pad { padding, fill } => layer::Pad::new(padding, fill).into(),
        Layer::Expand { dims } => layer::Expand::new(signed(&dims)).into(),
        Layer::Repeat { dim, times } => layer::Repeat::new(dim, times).into(),
        Layer::Concat { dim, parts } if parts.iter().all(Option::is_none) => layer::Concat::new(dim).into(),
        Layer::Concat { dim, parts } => layer::Concat::with_constants(dim, parts.iter().map(optional)).into(),
    }
}
