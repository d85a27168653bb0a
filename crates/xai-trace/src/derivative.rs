//! Burn's own derivative of an operation that has no layer.

use std::fmt;
use std::sync::Arc;

use burn_autodiff::Autodiff;
use burn_backend::backend::AutodiffBackend;
use burn_backend::ops::FloatTensorOps;
use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, TensorMetadata};
use xai_core::Value;
use xai_core::layer::Derivative;

use crate::tensor::{Call, Edge};

/// The operation on `Autodiff<B>`: it takes its float arguments from the front of the iterator.
type Operation<B> = dyn Fn(&mut dyn Iterator<Item = FloatTensor<Autodiff<B>>>) -> Option<FloatTensor<Autodiff<B>>>
    + Send
    + Sync;

/// An operation with all its arguments but those that depend on a graph input.
struct ByAutodiff<B: Backend> {
    operation: Box<Operation<B>>,
    /// For each float argument its value, if it is a constant.
    constants: Vec<Option<Value<B>>>,
}

/// What Burn computes of an operation, if the call has to be recorded.
pub(crate) fn derivative<B: Backend>(
    call: &Call<B>,
    operation: impl Fn(&mut dyn Iterator<Item = FloatTensor<Autodiff<B>>>) -> Option<FloatTensor<Autodiff<B>>>
    + Send
    + Sync
    + 'static,
) -> Option<Arc<dyn Derivative<B>>> {
    let Call::Recorded(arguments) = call else { return None };
    let floats = arguments.iter().filter(|edge| matches!(edge, Edge::Node(_) | Edge::Constant(_)));
    let constants = floats.map(|edge| edge.constant().map(|constant| constant.value)).collect();
    Some(Arc::new(ByAutodiff { operation: Box::new(operation), constants }))
}

impl<B: Backend> ByAutodiff<B> {
    /// The output, and what the inputs are to autodiff.
    #[allow(clippy::type_complexity)]
    fn run(
        &self,
        inputs: Vec<Value<B>>,
    ) -> (Option<FloatTensor<Autodiff<B>>>, Vec<FloatTensor<Autodiff<B>>>) {
        let leaf = |value: Value<B>| {
            let leaf = Autodiff::<B>::from_inner(value.into_primitive());
            Autodiff::<B>::float_set_require_grad(leaf, true)
        };
        let leaves: Vec<_> = inputs.into_iter().map(leaf).collect();
        let mut own = leaves.iter();
        let mut arguments = self.constants.iter().filter_map(|constant| match constant {
            Some(value) => Some(Autodiff::<B>::from_inner(value.clone().into_primitive())),
            None => own.next().cloned(),
        });
        ((self.operation)(&mut arguments), leaves)
    }
}

impl<B: Backend> Derivative<B> for ByAutodiff<B> {
    fn forward(&self, inputs: Vec<Value<B>>) -> Value<B> {
        match self.run(inputs.clone()) {
            (Some(output), _) => Value::from_primitive(Autodiff::<B>::inner(output)),
            (None, _) => inputs[0].clone(),
        }
    }

    fn vjp(&self, inputs: Vec<Value<B>>, gradient: Value<B>) -> Vec<Value<B>> {
        let (output, leaves) = self.run(inputs);
        let gradients = output.map(|output| {
            let gradient = Autodiff::<B>::from_inner(gradient.clone().into_primitive());
            Autodiff::<B>::backward(Autodiff::<B>::float_sum(Autodiff::<B>::float_mul(output, gradient)))
        });
        let of = |leaf: &FloatTensor<Autodiff<B>>| {
            let own = gradients.as_ref().and_then(|gradients| Autodiff::<B>::grad(leaf, gradients));
            let none = || gradient.full_like(leaf.shape().as_slice(), 0.0);
            own.map_or_else(none, Value::from_primitive)
        };
        leaves.iter().map(of).collect()
    }
}

impl<B: Backend> fmt::Debug for ByAutodiff<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByAutodiff").field("constants", &self.constants.len()).finish_non_exhaustive()
    }
}
