//! The decorator itself: the backend traits that are not operations.
#![deny(clippy::missing_trait_methods)]

use std::marker::PhantomData;

use burn_backend::backend::{AutodiffBackend, BackendTypes, DTypeUsageSet, ExecutionError};
use burn_backend::tensor::{BoolTensor, FloatTensor, IntTensor, QuantizedTensor};
use burn_backend::{Backend, DType, TensorData, TensorPrimitive};

use crate::ids::TracedInt;
use crate::mask::TracedMask;
use crate::tensor::{Argument, Call, TracedTensor};

/// A backend that computes everything on `B` and remembers how each float tensor came about.
///
/// A model that is generic over its backend runs on `Traced<B>` unchanged, with bit-equal results (but for
/// attention, windows and products over a dimension of what depends on an input, which are computed in steps).
/// Devices, element types and quantized tensors are those of `B`; a float tensor carries its origin, a
/// recorded operation or a constant, a bool tensor what it was compared from, and an int tensor the input that
/// it is.
///
/// Automatic differentiation is reported as off, so batch norm uses its running statistics and
/// dropout is the identity while recording.
///
/// # Not for gradients
/// `Traced<B>` implements [`AutodiffBackend`] for one reason: Burn's derived
/// [`Module::train`](burn::module::Module::train) and
/// [`AutodiffModule::valid`](burn::module::AutodiffModule::valid) then convert any module between
/// `B` and `Traced<B>` without copying weights. A backward pass computes nothing: its result is
/// `()` and every gradient reads as `None`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traced<B>(PhantomData<B>);

impl<B: Backend> BackendTypes for Traced<B> {
    type Device = B::Device;
    type FloatTensorPrimitive = TracedTensor<B>;
    type FloatElem = B::FloatElem;
    type IntTensorPrimitive = TracedInt<B>;
    type IntElem = B::IntElem;
    type BoolTensorPrimitive = TracedMask<B>;
    type BoolElem = B::BoolElem;
    type QuantizedTensorPrimitive = B::QuantizedTensorPrimitive;
}

impl<B: Backend> Backend for Traced<B> {
    /// Always off: this alone selects evaluation mode in Burn's batch norm and dropout, also when
    /// `B` itself differentiates.
    fn ad_enabled(_device: &B::Device) -> bool {
        false
    }

    fn name(device: &B::Device) -> String {
        format!("traced<{}>", B::name(device))
    }

    fn seed(device: &B::Device, seed: u64) {
        B::seed(device, seed);
    }

    fn sync(device: &B::Device) -> Result<(), ExecutionError> {
        B::sync(device)
    }

    fn memory_persistent_allocations<O: Send, I: Send, F: Fn(I) -> O + Send>(
        device: &B::Device,
        input: I,
        func: F,
    ) -> O {
        B::memory_persistent_allocations(device, input, func)
    }

    fn memory_cleanup(device: &B::Device) {
        B::memory_cleanup(device);
    }

    fn staging<'a, Iter: Iterator<Item = &'a mut TensorData>>(data: Iter, device: &B::Device) {
        B::staging(data, device);
    }

    fn supports_dtype(device: &B::Device, dtype: DType) -> bool {
        B::supports_dtype(device, dtype)
    }

    fn dtype_usage(device: &B::Device, dtype: DType) -> DTypeUsageSet {
        B::dtype_usage(device, dtype)
    }

    fn device_count(type_id: u16) -> usize {
        B::device_count(type_id)
    }
}

impl<B: Backend> AutodiffBackend for Traced<B> {
    type InnerBackend = B;
    type Gradients = ();

    fn backward(_tensor: TracedTensor<B>) {}

    fn grad(_tensor: &TracedTensor<B>, _grads: &()) -> Option<FloatTensor<B>> {
        None
    }

    fn grad_remove(_tensor: &TracedTensor<B>, _grads: &mut ()) -> Option<FloatTensor<B>> {
        None
    }

    fn grad_replace(_tensor: &TracedTensor<B>, _grads: &mut (), _grad: FloatTensor<B>) {}

    fn inner(tensor: TracedTensor<B>) -> FloatTensor<B> {
        tensor.primitive
    }

    fn int_inner(tensor: TracedInt<B>) -> IntTensor<B> {
        tensor.inner()
    }

    fn bool_inner(tensor: TracedMask<B>) -> BoolTensor<B> {
        tensor.primitive
    }

    fn q_inner(tensor: QuantizedTensor<B>) -> QuantizedTensor<B> {
        tensor
    }

    fn from_inner(tensor: FloatTensor<B>) -> TracedTensor<B> {
        TracedTensor::constant(tensor)
    }

    fn int_from_inner(tensor: IntTensor<B>) -> TracedInt<B> {
        TracedInt::constant(tensor)
    }

    fn bool_from_inner(tensor: BoolTensor<B>) -> TracedMask<B> {
        TracedMask::constant(tensor)
    }

    fn q_from_inner(tensor: QuantizedTensor<B>) -> QuantizedTensor<B> {
        tensor
    }
}

impl<B: Backend> Argument<B> for TensorPrimitive<Traced<B>> {
    type Inner = TensorPrimitive<B>;

    fn is_tracked(&self) -> bool {
        matches!(self, TensorPrimitive::Float(t) if t.is_tracked())
    }

    fn note(&self, call: &mut Call<B>) {
        if let TensorPrimitive::Float(t) = self {
            t.note(call);
        }
    }

    fn inner(self) -> Self::Inner {
        match self {
            TensorPrimitive::Float(t) => TensorPrimitive::Float(t.primitive),
            TensorPrimitive::QFloat(q) => TensorPrimitive::QFloat(q),
        }
    }
}
