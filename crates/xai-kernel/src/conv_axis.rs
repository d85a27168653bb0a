//! How a convolution meets its input along one spatial axis, for loops on the host.

use std::ops::Range;

use crate::conv_geometry::ConvGeometry;

/// One spatial axis of a convolution.
#[derive(Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) dilation: usize,
    pub(crate) padding: usize,
}

impl Axis {
    /// The axes of one channel in three dimensions, of which the first ones may have size 1.
    pub(crate) fn all(
        output: &[usize],
        weight: &[usize],
        input: &[usize],
        geometry: &ConvGeometry,
    ) -> Option<[Self; 3]> {
        let spatial = geometry.stride.len();
        let first = 3usize.checked_sub(spatial)?;
        let none = Self { input: 1, output: 1, kernel: 1, stride: 1, dilation: 1, padding: 0 };
        let mut axes = [none; 3];
        for i in 0..spatial {
            axes[first + i] = Self {
                input: input[i + 2],
                output: output[i + 2],
                kernel: weight[i + 2],
                stride: geometry.stride[i],
                dilation: geometry.dilation[i],
                padding: geometry.padding[i].0,
            };
        }
        Some(axes)
    }

    /// Kernel element `tap` leads from output `i` to input `(i + shift) * stride + phase`: the phase
    /// and the shift.
    pub(crate) fn tap(&self, tap: usize) -> (usize, isize) {
        let (offset, stride) = ((tap * self.dilation) as isize - self.padding as isize, self.stride as isize);
        (offset.rem_euclid(stride).unsigned_abs(), offset.div_euclid(stride))
    }

    /// The shifts of the first and of the last kernel element.
    pub(crate) fn shifts(&self) -> (isize, isize) {
        (self.tap(0).1, self.tap(self.kernel - 1).1)
    }

    /// Inputs of one phase.
    pub(crate) fn per_phase(&self) -> usize {
        self.input.div_ceil(self.stride)
    }

    /// The outputs for which kernel element `tap` lies on the input, and the input under the first of them; the
    /// next ones are a stride apart.
    pub(crate) fn inside(&self, tap: usize) -> (Range<usize>, usize) {
        let offset = (tap * self.dilation) as isize - self.padding as isize;
        let (stride, input) = (self.stride as isize, self.input as isize);
        let first = (-offset).max(0).unsigned_abs().div_ceil(self.stride).min(self.output);
        let end = ((input - 1 - offset).div_euclid(stride) + 1).clamp(first as isize, self.output as isize);
        let at_first = (first as isize * stride + offset).max(0).unsigned_abs();
        (first..end.unsigned_abs(), at_first)
    }
}
