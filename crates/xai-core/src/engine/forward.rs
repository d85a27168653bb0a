//! The forward pass, keeping what the backward pass will read.

use burn_backend::{Backend, DType};

use crate::Value;
use crate::composite::Plan;
use crate::error::{ExplainError, InputError};
use crate::graph::Graph;

/// Values and shapes of one forward pass. A clone shares the values' storage.
#[derive(Clone)]
pub(crate) struct Forward<B: Backend> {
    /// The value of each node that was to be kept.
    pub(crate) values: Vec<Option<Value<B>>>,
    /// The shape of each node's output.
    pub(crate) dims: Vec<Vec<usize>>,
    /// The graph's output.
    pub(crate) output: Value<B>,
}

impl<B: Backend> Forward<B> {
    /// Runs `graph` and keeps what the rules of `plan` read.
    pub(crate) fn run_for(
        graph: &Graph<B>,
        plan: &Plan<B>,
        inputs: &[Value<B>],
    ) -> Result<Self, ExplainError> {
        let mut keep = vec![false; graph.nodes().len()];
        for ((id, node), bound) in graph.iter().zip(plan.bound()) {
            let Some(bound) = bound else { continue };
            keep[id.index()] |= bound.reads().output;
            for input in node.inputs() {
                keep[input.index()] |= bound.reads().inputs;
            }
        }
        Self::run(graph, inputs, |index| keep[index])
    }

    /// Runs `graph` and keeps the outputs of the nodes for which `keep` holds.
    pub(crate) fn run(
        graph: &Graph<B>,
        inputs: &[Value<B>],
        keep: impl Fn(usize) -> bool,
    ) -> Result<Self, ExplainError> {
        check_inputs(graph, inputs)?;
        let dims = infer_dims(graph, inputs)?;
        let mut unread: Vec<usize> = graph.consumers().iter().map(Vec::len).collect();
        let mut values: Vec<Option<Value<B>>> = vec![None; graph.nodes().len()];
        for (id, input) in graph.inputs().iter().zip(inputs) {
            values[id.index()] = Some(input.clone());
        }
        let mut output = None;
        for (id, node) in graph.iter() {
            if !graph.inputs().contains(&id) {
                let mut read = Vec::with_capacity(node.inputs().len());
                for index in node.inputs().iter().map(|input| input.index()) {
                    unread[index] -= 1;
                    let last = unread[index] == 0 && !keep(index);
                    read.extend(if last { values[index].take() } else { values[index].clone() });
                }
                let value = node
                    .layer()
                    .ops()
                    .forward(read)
                    .map_err(|source| ExplainError::Layer { node: node.name().to_owned(), source })?;
                values[id.index()] = Some(value);
            }
            if id == graph.output() {
                output.clone_from(&values[id.index()]);
                if !keep(id.index()) {
                    values[id.index()] = None;
                }
            }
        }
        let output = output.ok_or(crate::error::GraphError::Disconnected)?;
        Ok(Self { values, dims, output })
    }
}

/// Number, sizes, element type, device and finiteness of the inputs.
fn check_inputs<B: Backend>(graph: &Graph<B>, inputs: &[Value<B>]) -> Result<(), ExplainError> {
    if inputs.len() != graph.inputs().len() {
        return Err(InputError::Count { expected: graph.inputs().len(), got: inputs.len() }.into());
    }
    let parameter = graph.nodes().iter().find_map(|node| node.layer().ops().parameter());
    for (id, value) in graph.inputs().iter().zip(inputs) {
        let node = graph.node(*id)?;
        let (input, dims) = (node.name().to_owned(), value.dims());
        if dims.contains(&0) {
            return Err(InputError::Empty { input, dims }.into());
        }
        if dims.len() != node.dims().len() {
            return Err(InputError::Rank { input, expected: node.dims().len(), dims }.into());
        }
        let expected = parameter.map_or(value.dtype(), Value::dtype);
        let precise = matches!(value.dtype(), DType::F32 | DType::F64 | DType::Flex32);
        if value.dtype() != expected || !precise {
            let expected = if precise { format!("{expected:?}") } else { "F32 or F64".to_owned() };
            return Err(InputError::DType { input, dtype: format!("{:?}", value.dtype()), expected }.into());
        }
        if let Some(expected) = parameter.map(Value::device).filter(|device| *device != value.device()) {
            let (device, expected) = (format!("{:?}", value.device()), format!("{expected:?}"));
            return Err(InputError::Device { input, device, expected }.into());
        }
        check_finite(input, value)?;
    }
    Ok(())
}

/// Finds NaN and infinite elements; the common case reads one truth value from the device.
fn check_finite<B: Backend>(input: String, value: &Value<B>) -> Result<(), ExplainError> {
    let dims = value.dims();
    if all_finite(value)? {
        return Ok(());
    }
    match read(value)?.iter().enumerate().find(|(_, element)| !element.is_finite()) {
        None => Ok(()),
        Some((flat, &value)) => {
            let mut rest = flat;
            let mut index: Vec<_> = dims
                .iter()
                .rev()
                .map(|size| {
                    let place = rest % size;
                    rest /= size;
                    place
                })
                .collect();
            index.reverse();
            Err(InputError::NotFinite { input, value, index, dims }.into())
        }
    }
}

/// All elements on the host, in row-major order.
pub(crate) fn read<B: Backend>(value: &Value<B>) -> Result<Vec<f64>, ExplainError> {
    let data = value.to_data().map_err(|error| ExplainError::Backend(format!("{error:?}")))?;
    Ok(data.iter::<f64>().collect())
}

/// Whether no element is NaN or infinite.
pub(crate) fn all_finite<B: Backend>(value: &Value<B>) -> Result<bool, ExplainError> {
    value.all_finite().map_err(|error| ExplainError::Backend(format!("{error:?}")))
}

fn infer_dims<B: Backend>(graph: &Graph<B>, inputs: &[Value<B>]) -> Result<Vec<Vec<usize>>, ExplainError> {
    let mut dims: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes().len()];
    for (id, value) in graph.inputs().iter().zip(inputs) {
        dims[id.index()] = value.dims();
    }
    for (id, node) in graph.iter() {
        if graph.inputs().contains(&id) {
            continue;
        }
        let input_dims: Vec<_> = node.inputs().iter().map(|input| dims[input.index()].as_slice()).collect();
        dims[id.index()] = node
            .layer()
            .ops()
            .output_dims(&input_dims)
            .map_err(|source| ExplainError::Layer { node: node.name().to_owned(), source })?;
    }
    Ok(dims)
}
