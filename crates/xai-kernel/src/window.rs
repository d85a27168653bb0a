//! Pooling windows along one axis.
//!
//! A pool over several dimensions is a pool along one axis after another: maxima, sums and
//! softmax weights of a box are those of its rows, combined over the rows. So windows exist in one
//! dimension only, and a k x k window costs 2 k slices instead of k^2.
//!
//! Values are seen as `[outer, size, inner]` around the pooled axis. Everything walks over the
//! *offsets* within a window: [`Source::at`] holds element number `offset` of every window, and
//! [`Sink::add`] is its transpose.

use std::ops::Range;

use burn_backend::tensor::{Device, IntTensor};
use burn_backend::{Backend, TensorData, get_device_settings};

use crate::Value;
use crate::layout::{narrow, pad};

/// All windows along one axis.
#[derive(Debug, Clone)]
pub(crate) enum Windows {
    /// Window `j` reads `j * stride + offset * dilation - begin`.
    Sliding {
        kernel: usize,
        stride: usize,
        dilation: usize,
        begin: usize,
        end: usize,
        input: usize,
        output: usize,
    },
    /// Window `j` reads the elements of its own span.
    Spans { spans: Vec<Range<usize>>, input: usize },
}

impl Windows {
    /// Spans of an adaptive pool: from `floor(j * input / output)` to `ceil((j + 1) * input / output)`.
    pub(crate) fn adaptive(input: usize, output: usize) -> Self {
        if output > 0 && input.is_multiple_of(output) {
            let kernel = input / output;
            return Self::Sliding { kernel, stride: kernel, dilation: 1, begin: 0, end: 0, input, output };
        }
        let span = |j: usize| j * input / output..((j + 1) * input).div_ceil(output);
        Self::Spans { spans: (0..output).map(span).collect(), input }
    }

    pub(crate) fn input(&self) -> usize {
        match self {
            Self::Sliding { input, .. } | Self::Spans { input, .. } => *input,
        }
    }

    pub(crate) fn output(&self) -> usize {
        match self {
            Self::Sliding { output, .. } => *output,
            Self::Spans { spans, .. } => spans.len(),
        }
    }

    /// Number of offsets within the largest window.
    pub(crate) fn offsets(&self) -> usize {
        match self {
            Self::Sliding { kernel, .. } => *kernel,
            Self::Spans { spans, .. } => spans.iter().map(Range::len).max().unwrap_or(0),
        }
    }

    /// Window length where windows tile the input without gap, overlap or padding.
    pub(crate) fn tile(&self) -> Option<usize> {
        match *self {
            Self::Sliding { kernel, stride, dilation, begin: 0, input, output, .. }
                if kernel == stride && (dilation == 1 || kernel == 1) && input == kernel * output =>
            {
                Some(kernel)
            }
            _ => None,
        }
    }

    /// Elements of each window that lie inside the input.
    pub(crate) fn lines(&self) -> Vec<Line> {
        match self {
            &Self::Sliding { kernel, stride, dilation, begin, input, output, .. } => {
                let line = |j: usize| {
                    let before = begin.saturating_sub(j * stride).div_ceil(dilation);
                    let until = (begin + input).saturating_sub(j * stride).div_ceil(dilation).min(kernel);
                    // A window without elements starts anywhere inside.
                    let count = until.saturating_sub(before);
                    let start = if count == 0 { 0 } else { j * stride + before * dilation - begin };
                    Line { start, step: dilation, count }
                };
                (0..output).map(line).collect()
            }
            Self::Spans { spans, .. } => {
                spans.iter().map(|span| Line { start: span.start, step: 1, count: span.len() }).collect()
            }
        }
    }

    /// Whether a window reaches beyond the input, into padding or further.
    pub(crate) fn reach_outside(&self) -> bool {
        match *self {
            Self::Sliding { kernel, stride, dilation, begin, input, output, .. } => {
                begin > 0 || output.saturating_sub(1) * stride + (kernel - 1) * dilation >= input
            }
            // Element numbers beyond a shorter span's end stand for nothing.
            Self::Spans { ref spans, .. } => spans.iter().any(|span| span.len() < self.offsets()),
        }
    }

    /// Number of windows that lie within the padded input.
    pub(crate) fn output_floor(&self) -> usize {
        match *self {
            Self::Sliding { kernel, stride, dilation, begin, end, input, .. } => {
                let room = (begin + input + end).checked_sub((kernel - 1) * dilation + 1);
                room.map_or(0, |room| room / stride + 1)
            }
            Self::Spans { ref spans, .. } => spans.len(),
        }
    }

    /// Number of windows when a last, partial one counts too.
    pub(crate) fn output_ceil(&self) -> usize {
        match *self {
            Self::Sliding { kernel, stride, dilation, begin, end, input, .. } => {
                let room = (begin + input + end).checked_sub((kernel - 1) * dilation + 1);
                room.map_or(0, |room| room.div_ceil(stride) + 1)
            }
            Self::Spans { ref spans, .. } => spans.len(),
        }
    }

    /// Elements of each window, padding included where `include_padding`, but never what lies
    /// beyond the padding, where `ceil_mode` lets the last window reach.
    pub(crate) fn counts(&self, include_padding: bool) -> Vec<usize> {
        match self {
            &Self::Sliding { kernel, stride, dilation, begin, end, input, output } => {
                let (low, high) =
                    if include_padding { (0, begin + input + end) } else { (begin, begin + input) };
                let inside = |j: usize| (0..kernel).map(move |o| j * stride + o * dilation);
                (0..output).map(|j| inside(j).filter(|p| (low..high).contains(p)).count()).collect()
            }
            Self::Spans { spans, .. } => spans.iter().map(Range::len).collect(),
        }
    }

    /// Input elements of span `j` at `offset`; the element after the last where there is none.
    fn indices<B: Backend>(
        spans: &[Range<usize>],
        input: usize,
        offset: usize,
        device: &Device<B>,
    ) -> IntTensor<B> {
        let index = |span: &Range<usize>| if offset < span.len() { span.start + offset } else { input };
        let indices: Vec<i64> = spans.iter().map(|span| index(span) as i64).collect();
        let dtype = get_device_settings::<B>(device).int_dtype;
        B::int_from_data(TensorData::new(indices, [spans.len()]).convert_dtype(dtype.into()), device)
    }

    /// Phase of the stride and first position within it that `offset` falls on.
    fn phase(offset: usize, stride: usize, dilation: usize) -> (usize, usize) {
        ((offset * dilation) % stride, (offset * dilation) / stride)
    }

    /// Number of strides that cover every window.
    fn strides(kernel: usize, stride: usize, dilation: usize, output: usize) -> usize {
        output + (kernel - 1) * dilation / stride
    }
}

/// Elements at equal distance along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) start: usize,
    pub(crate) step: usize,
    pub(crate) count: usize,
}

impl Line {
    pub(crate) fn positions(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |i| self.start + i * self.step)
    }
}

/// A value from which the elements of all windows are read, one offset at a time.
pub(crate) struct Source<'w, B: Backend> {
    windows: &'w Windows,
    /// `[outer, strides, stride, inner]` for sliding windows, `[outer, size + 1, inner]` for spans.
    value: Value<B>,
}

impl<'w, B: Backend> Source<'w, B> {
    /// `x`: `[outer, input, inner]`; elements outside the input read `fill`.
    pub(crate) fn new(windows: &'w Windows, x: &Value<B>, fill: f64) -> Self {
        let dims = x.dims();
        let value = match *windows {
            Windows::Sliding { kernel, stride, dilation, begin, input, output, .. } => {
                let strides = Windows::strides(kernel, stride, dilation, output);
                let end = (strides * stride) as isize - (begin + input) as isize;
                pad(x, 1, begin as isize, end, fill).reshape(&[dims[0], strides, stride, dims[2]])
            }
            Windows::Spans { .. } => pad(x, 1, 0, 1, fill),
        };
        Self { windows, value }
    }

    /// Element `offset` of every window: `[outer, output, 1, inner]`.
    pub(crate) fn at(&self, offset: usize) -> Value<B> {
        match self.windows {
            &Windows::Sliding { stride, dilation, output, .. } => {
                let (phase, first) = Windows::phase(offset, stride, dilation);
                narrow(&narrow(&self.value, 1, first, output), 2, phase, 1)
            }
            Windows::Spans { spans, input } => {
                let dims = self.value.dims();
                let indices = Windows::indices::<B>(spans, *input, offset, &self.value.device());
                let read = B::float_select(self.value.clone().into_primitive(), 1, indices);
                Value::from_primitive(read).reshape(&[dims[0], spans.len(), 1, dims[2]])
            }
        }
    }
}

/// The transpose of [`Source`]: collects what each window sends to its elements.
pub(crate) struct Sink<'w, B: Backend> {
    windows: &'w Windows,
    /// One sum per phase of the stride, or one for all spans; absent while nothing was added.
    sums: Vec<Option<Value<B>>>,
    /// A value of the right element type and device, and the sizes around the pooled axis.
    like: Value<B>,
    outer: usize,
    inner: usize,
}

impl<'w, B: Backend> Sink<'w, B> {
    /// Collects values of the element type and device of `like`, `[outer, _, inner]`.
    pub(crate) fn new(windows: &'w Windows, like: &Value<B>) -> Self {
        let dims = like.dims();
        let parts = match *windows {
            Windows::Sliding { stride, .. } => stride,
            Windows::Spans { .. } => 1,
        };
        Self { windows, sums: vec![None; parts], like: like.clone(), outer: dims[0], inner: dims[2] }
    }

    /// Adds `r` `[outer, output, 1, inner]` to element `offset` of every window.
    pub(crate) fn add(&mut self, offset: usize, r: Value<B>) {
        match self.windows {
            &Windows::Sliding { kernel, stride, dilation, output, .. } => {
                let (phase, first) = Windows::phase(offset, stride, dilation);
                let strides = Windows::strides(kernel, stride, dilation, output);
                let placed = pad(&r, 1, first as isize, (strides - first - output) as isize, 0.0);
                let sum = self.sums[phase].take();
                self.sums[phase] = Some(match sum {
                    Some(sum) => sum + placed,
                    None => placed,
                });
            }
            Windows::Spans { spans, input } => {
                let indices = Windows::indices::<B>(spans, *input, offset, &r.device());
                let zeros = || r.full_like(&[self.outer, input + 1, self.inner], 0.0);
                let sum = self.sums[0].take().unwrap_or_else(zeros).into_primitive();
                let r = r.reshape(&[self.outer, spans.len(), self.inner]).into_primitive();
                self.sums[0] = Some(Value::from_primitive(B::float_select_add(sum, 1, indices, r)));
            }
        }
    }

    /// The collected `[outer, input, inner]`; what was sent outside the input is dropped.
    pub(crate) fn finish(self) -> Value<B> {
        let Self { windows, sums, like, outer, inner } = self;
        match *windows {
            Windows::Sliding { kernel, stride, dilation, begin, input, output, .. } => {
                let strides = Windows::strides(kernel, stride, dilation, output);
                let zeros = || like.full_like(&[outer, strides, 1, inner], 0.0);
                let phases: Vec<Value<B>> = sums.into_iter().map(|sum| sum.unwrap_or_else(zeros)).collect();
                let joined =
                    if phases.len() == 1 { phases.into_iter().next() } else { Some(Value::cat(phases, 2)) };
                let joined = joined.unwrap_or_else(zeros).reshape(&[outer, strides * stride, inner]);
                let beyond = (begin + input) as isize - (strides * stride) as isize;
                pad(&joined, 1, -(begin as isize), beyond, 0.0)
            }
            Windows::Spans { input, .. } => {
                let zeros = || like.full_like(&[outer, input + 1, inner], 0.0);
                let sum = sums.into_iter().flatten().next().unwrap_or_else(zeros);
                narrow(&sum, 1, 0, input)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_elements_inside() {
        for (kernel, stride, dilation, begin, input, output) in [
            (3, 2, 1, 1, 7, 4),
            (3, 2, 2, 2, 6, 5),
            (2, 3, 3, 4, 5, 4),
            (4, 1, 1, 0, 4, 1),
            (1, 5, 1, 3, 4, 3),
        ] {
            let windows = Windows::Sliding { kernel, stride, dilation, begin, end: 0, input, output };
            let inside = |j: usize| {
                let padded = (0..kernel).map(move |offset| j * stride + offset * dilation);
                padded.filter(|p| (begin..begin + input).contains(p)).map(|p| p - begin).collect::<Vec<_>>()
            };
            let lines = windows.lines();
            for (j, line) in lines.iter().enumerate() {
                assert_eq!(line.positions().collect::<Vec<_>>(), inside(j), "window {j} of {windows:?}");
            }
            let whole = lines.iter().all(|line| line.count == kernel);
            assert_eq!(windows.reach_outside(), !whole, "{windows:?}");
        }
    }
}
