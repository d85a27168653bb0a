//! Burn's own pools, for the geometries on which `choice.rs` allows them.

use burn_backend::Backend;

use crate::Value;
use crate::window::Windows;

/// Arguments of Burn's two-dimensional pools.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BurnPool {
    input: [usize; 2],
    output: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: [usize; 2],
    dilation: [usize; 2],
    ceil_mode: bool,
}

impl BurnPool {
    /// One or two axes of sliding windows; a missing first axis has size 1.
    pub(crate) fn new(windows: &[Windows], ceil_mode: bool) -> Self {
        let mut pool = Self {
            input: [1; 2],
            output: [1; 2],
            kernel: [1; 2],
            stride: [1; 2],
            padding: [0; 2],
            dilation: [1; 2],
            ceil_mode,
        };
        for (axis, windows) in (0..2).rev().zip(windows.iter().rev()) {
            if let &Windows::Sliding { kernel, stride, dilation, begin, input, output, .. } = windows {
                pool.input[axis] = input;
                pool.output[axis] = output;
                pool.kernel[axis] = kernel;
                pool.stride[axis] = stride;
                pool.padding[axis] = begin;
                pool.dilation[axis] = dilation;
            }
        }
        pool
    }

    /// `[leading..., in...]` as `[leading, 1, height, width]`.
    fn images<B: Backend>(&self, value: &Value<B>, [height, width]: [usize; 2]) -> Value<B> {
        let count = value.dims().iter().product::<usize>() / (height * width);
        value.clone().reshape(&[count, 1, height, width])
    }

    /// Largest element of each window.
    pub(crate) fn max<B: Backend>(&self, x: &Value<B>) -> Value<B> {
        let x = self.images(x, self.input).into_primitive();
        let Self { kernel, stride, padding, dilation, ceil_mode, .. } = *self;
        Value::from_primitive(B::max_pool2d(x, kernel, stride, padding, dilation, ceil_mode))
    }

    /// Relevance of the largest element of each window.
    pub(crate) fn max_adjoint<B: Backend>(&self, x: &Value<B>, r: &Value<B>) -> Value<B> {
        let x = self.images(x, self.input).into_primitive();
        let r = self.images(r, self.output).into_primitive();
        let Self { kernel, stride, padding, dilation, ceil_mode, .. } = *self;
        let found = B::max_pool2d_with_indices(x.clone(), kernel, stride, padding, dilation, ceil_mode);
        let grad = B::max_pool2d_with_indices_backward(
            x,
            kernel,
            stride,
            padding,
            dilation,
            ceil_mode,
            r,
            found.indices,
        );
        Value::from_primitive(grad.x_grad)
    }

    /// Mean of each window.
    pub(crate) fn average<B: Backend>(&self, x: &Value<B>, count_include_pad: bool) -> Value<B> {
        let x = self.images(x, self.input).into_primitive();
        let Self { kernel, stride, padding, ceil_mode, .. } = *self;
        Value::from_primitive(B::avg_pool2d(x, kernel, stride, padding, count_include_pad, ceil_mode))
    }

    /// Each window's relevance, shared out over its elements.
    pub(crate) fn average_adjoint<B: Backend>(&self, r: &Value<B>, count_include_pad: bool) -> Value<B> {
        let r = self.images(r, self.output);
        let [height, width] = self.input;
        // Only the shape of x matters, but some backends want its elements to be contiguous.
        let x = r.full_like(&[r.dims()[0], 1, height, width], 0.0).into_primitive();
        let Self { kernel, stride, padding, ceil_mode, .. } = *self;
        let r = r.into_primitive();
        Value::from_primitive(B::avg_pool2d_backward(
            x,
            r,
            kernel,
            stride,
            padding,
            count_include_pad,
            ceil_mode,
        ))
    }
}
