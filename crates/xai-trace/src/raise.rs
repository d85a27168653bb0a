//! Batch norms, raised from the arithmetic that Burn records for them.

use std::collections::HashMap;
use std::sync::Arc;

use burn_backend::Backend;

use crate::op::Op;
use crate::tensor::{Constant, Edge, Node};

/// A batch norm in evaluation mode: `(input - mean) / std * scale + shift`.
pub(crate) struct Normalisation<B: Backend> {
    pub(crate) input: Arc<Node<B>>,
    /// Ids of the nodes between the input and the sum that ends the batch norm.
    pub(crate) inside: [u64; 3],
    /// Mean, standard deviation, scale and shift, `[channels]` each.
    pub(crate) constants: [Constant<B>; 4],
}

/// All batch norms, by the id of their last node.
pub(crate) fn batch_norms<B: Backend>(nodes: &[Arc<Node<B>>]) -> HashMap<u64, Normalisation<B>> {
    let mut readers: HashMap<u64, usize> = HashMap::new();
    for input in nodes.iter().flat_map(|node| node.inputs.iter().filter_map(Edge::node)) {
        *readers.entry(input.id).or_default() += 1;
    }
    let sums = nodes.iter().filter(|node| matches!(node.op, Op::Add));
    sums.filter_map(|sum| Some((sum.id, batch_norm(sum, &readers)?))).collect()
}

fn batch_norm<B: Backend>(sum: &Node<B>, readers: &HashMap<u64, usize>) -> Option<Normalisation<B>> {
    let (product, shift) = per_channel(sum)?;
    let (quotient, scale) = per_channel(product)?;
    let (difference, std) = per_channel(quotient)?;
    let (input, mean) = per_channel(difference)?;
    let ops = (&product.op, &quotient.op, &difference.op);
    let inside = [product.id, quotient.id, difference.id];
    let only_here = inside.iter().all(|id| readers.get(id) == Some(&1));
    (matches!(ops, (Op::Mul, Op::Div, Op::Sub)) && only_here).then(|| Normalisation {
        input: input.clone(),
        inside,
        constants: [mean, std, scale, shift],
    })
}

/// The operands of an operation on a value `[batch, channels, ...]` and a constant
/// `[1, channels, 1, ...]`, the latter as `[channels]`.
fn per_channel<B: Backend>(node: &Node<B>) -> Option<(&Arc<Node<B>>, Constant<B>)> {
    let [Edge::Node(input), constant] = node.inputs.as_slice() else { return None };
    let Constant { key, value } = constant.constant()?;
    let channels = *node.shape.as_slice().get(1)?;
    let mut expected = vec![1; node.shape.as_slice().len()];
    expected[1] = channels;
    (input.shape == node.shape && value.dims() == expected)
        .then(|| (input, Constant { key, value: value.reshape(&[channels]) }))
}
