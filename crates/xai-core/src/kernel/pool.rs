//! Max, min and average pools in one, two and three spatial dimensions.

use burn_backend::{Backend, get_device_settings};

use super::error::{ShapeError, check_filled, check_length, check_nonzero};
use super::window::{Sink, Source, Windows};
use crate::Value;

/// Number of windows per spatial dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolOutput {
    /// As many windows as fit: `(in + padding - extent) / stride + 1`, rounded down.
    Floor,
    /// A last window that reaches beyond the padded input counts too, as long as it starts inside
    /// the input or the padding before it (PyTorch's `ceil_mode`).
    Ceil,
    /// Given sizes, such as those of a recorded output. Windows without any element may occur.
    Exact(Vec<usize>),
}

/// Which elements each pooling window reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolGeometry {
    /// Windows of equal size at equal distance: one entry per spatial dimension.
    Sliding {
        /// Elements of a window.
        kernel: Vec<usize>,
        /// Distance between neighbouring windows.
        stride: Vec<usize>,
        /// Elements added before and after the input. They never win a maximum; an average counts
        /// them as zeros or leaves them out.
        padding: Vec<(usize, usize)>,
        /// Distance between neighbouring elements of a window.
        dilation: Vec<usize>,
        /// Number of windows.
        output: PoolOutput,
    },
    /// Windows that share the input out evenly: window `j` reads from `floor(j * in / out)` up to
    /// `ceil((j + 1) * in / out)`. Neighbours may overlap by one element and differ in size by one.
    Adaptive {
        /// Number of windows per spatial dimension.
        output: Vec<usize>,
    },
}

impl PoolGeometry {
    /// Windows of `kernel` elements side by side: stride = kernel, nothing else.
    pub fn tiles(kernel: &[usize]) -> Self {
        Self::Sliding {
            kernel: kernel.to_vec(),
            stride: kernel.to_vec(),
            padding: vec![(0, 0); kernel.len()],
            dilation: vec![1; kernel.len()],
            output: PoolOutput::Floor,
        }
    }

    /// One window that holds everything.
    pub fn global(spatial_dims: usize) -> Self {
        Self::Adaptive { output: vec![1; spatial_dims] }
    }

    /// Number of spatial dimensions, the last ones of the input.
    pub fn spatial_dims(&self) -> usize {
        match self {
            Self::Sliding { kernel, .. } => kernel.len(),
            Self::Adaptive { output } => output.len(),
        }
    }

    /// Shape `[leading..., out...]` of the output for an input `[leading..., in...]`.
    ///
    /// # Errors
    /// A [`ShapeError`] that says what does not fit.
    pub fn output_dims(&self, input: &[usize]) -> Result<Vec<usize>, ShapeError> {
        let spatial = self.spatial_dims();
        if spatial == 0 {
            return Err(ShapeError::SpatialRank { got: 0 });
        }
        let Some(leading) = input.len().checked_sub(spatial).filter(|&leading| leading > 0) else {
            return Err(ShapeError::Rank { what: "input", dims: input.to_vec(), expected: spatial + 2 });
        };
        check_filled("input", input)?;
        if let Self::Sliding { kernel, stride, padding, dilation, output } = self {
            check_length("stride", stride.len(), spatial)?;
            check_length("padding", padding.len(), spatial)?;
            check_length("dilation", dilation.len(), spatial)?;
            check_nonzero("kernel", kernel)?;
            check_nonzero("stride", stride)?;
            check_nonzero("dilation", dilation)?;
            if let PoolOutput::Exact(output) = output {
                check_length("output", output.len(), spatial)?;
                check_nonzero("output", output)?;
            }
        } else if let Self::Adaptive { output } = self {
            check_nonzero("output", output)?;
        }
        let mut dims = input[..leading].to_vec();
        for axis in 0..spatial {
            dims.push(self.output_size(axis, input[leading + axis])?);
        }
        Ok(dims)
    }

    fn output_size(&self, axis: usize, input: usize) -> Result<usize, ShapeError> {
        let (kernel, stride, padding, dilation, output) = match self {
            Self::Adaptive { output } => return Ok(output[axis]),
            Self::Sliding { kernel, stride, padding, dilation, output } => {
                (kernel[axis], stride[axis], padding[axis], dilation[axis], output)
            }
        };
        let extent = (kernel - 1).checked_mul(dilation).and_then(|span| span.checked_add(1));
        let padded = input.checked_add(padding.0).and_then(|sum| sum.checked_add(padding.1));
        let limit = isize::MAX.unsigned_abs() / 4;
        let (Some(extent), Some(padded)) = (extent.filter(|&e| e < limit), padded.filter(|&p| p < limit))
        else {
            return Err(ShapeError::Overflow { axis });
        };
        let ceil = match output {
            PoolOutput::Exact(output) => {
                let reached = output[axis].checked_mul(stride).filter(|&reached| reached < limit);
                return reached.map(|_| output[axis]).ok_or(ShapeError::Overflow { axis });
            }
            PoolOutput::Floor => false,
            PoolOutput::Ceil => true,
        };
        let too_large = ShapeError::WindowTooLarge { axis, extent, padded };
        if !ceil {
            return padded.checked_sub(extent).map(|room| room / stride + 1).ok_or(too_large);
        }
        // A window that misses the padded input by less than its stride is a partial one.
        let reach = padded.checked_add(stride - 1).ok_or(ShapeError::Overflow { axis })?;
        let windows = reach.checked_sub(extent).map(|room| room / stride + 1).ok_or(too_large)?;
        let starts_outside = (windows - 1) * stride >= input + padding.0;
        Ok(if starts_outside { windows - 1 } else { windows })
    }

    /// Windows along each spatial dimension of an input whose shape was checked.
    fn windows(&self, input: &[usize]) -> Vec<Windows> {
        let leading = input.len() - self.spatial_dims();
        let along = |axis: usize| {
            let size = input[leading + axis];
            match self {
                Self::Adaptive { output } => Windows::adaptive(size, output[axis]),
                Self::Sliding { kernel, stride, padding, dilation, .. } => Windows::Sliding {
                    kernel: kernel[axis],
                    stride: stride[axis],
                    dilation: dilation[axis],
                    begin: padding[axis].0,
                    end: padding[axis].1,
                    input: size,
                    output: self.output_size(axis, size).unwrap_or(0),
                },
            }
        };
        (0..self.spatial_dims()).map(along).collect()
    }
}

/// Whether a pool keeps the largest or the smallest element of each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extremum {
    /// Max pooling.
    Max,
    /// Min pooling.
    Min,
}

impl Extremum {
    /// What padding reads: never better than an element of the input. Finite, because infinities
    /// are not portable to every GPU and turn into NaN where windows hold nothing else.
    fn worst<B: Backend>(self, x: &Value<B>) -> f64 {
        let info = burn_backend::FloatDType::from(x.dtype()).finfo();
        match self {
            Self::Max => info.min,
            Self::Min => info.max,
        }
    }

    /// Elementwise the better of the two, the first where neither is.
    fn better<B: Backend>(self, first: Value<B>, second: Value<B>) -> Value<B> {
        let bool_dtype = get_device_settings::<B>(&first.device()).bool_dtype;
        let (first, second) = (first.into_primitive(), second.into_primitive());
        let is_better = match self {
            Self::Max => B::float_greater(second.clone(), first.clone(), bool_dtype),
            Self::Min => B::float_lower(second.clone(), first.clone(), bool_dtype),
        };
        Value::from_primitive(B::float_mask_where(first, is_better, second))
    }
}

/// Largest or smallest element of each window.
///
/// x `[leading..., in...]`, the result as [`PoolGeometry::output_dims`] says. Padding is not part
/// of a window; a window without any element yields the lowest (for min pools the highest) finite
/// number of the element type.
pub fn extremum_pool<B: Backend>(x: &Value<B>, extremum: Extremum, geometry: &PoolGeometry) -> Value<B> {
    along_axes(x, geometry, |x, windows| extremum_along(x, extremum, windows))
}

/// Winner takes all: each window's relevance goes to its largest (smallest) element, the first one
/// in row-major order where several are equal.
///
/// x `[leading..., in...]`, r `[leading..., out...]`, the result is shaped like x. This is also the
/// vector-Jacobian product of [`extremum_pool`]. A window without any element drops its relevance.
pub fn extremum_pool_adjoint<B: Backend>(
    x: &Value<B>,
    r: &Value<B>,
    extremum: Extremum,
    geometry: &PoolGeometry,
) -> Value<B> {
    // The pool runs along the last axis first, so that the first winner among rows, and then the
    // first within its row, is the first of the window in row-major order.
    let all = geometry.windows(&x.dims());
    let leading = x.rank() - all.len();
    let mut inputs = Vec::with_capacity(all.len());
    let mut value = x.clone();
    for (i, windows) in all.iter().enumerate().rev() {
        inputs.push(value.clone());
        if i > 0 {
            value = around(&value, leading + i, |x| extremum_along(x, extremum, windows));
        }
    }
    let mut r = r.clone();
    for ((i, windows), input) in all.iter().enumerate().zip(inputs.iter().rev()) {
        let x = flatten(input, leading + i);
        r = around(&r, leading + i, |r| winners_along(&x, r, extremum, windows));
    }
    r
}

/// Mean of each window: the sum of its elements, divided by their number with padding
/// (`count_include_pad`) or without.
///
/// x `[leading..., in...]`, the result as [`PoolGeometry::output_dims`] says. What lies beyond the
/// padding never counts; a window without any element yields 0.
pub fn average_pool<B: Backend>(x: &Value<B>, geometry: &PoolGeometry, count_include_pad: bool) -> Value<B> {
    along_axes(x, geometry, |x, windows| {
        let source = Source::new(windows, x, 0.0);
        let sum = (1..windows.offsets()).fold(source.at(0), |sum, offset| sum + source.at(offset));
        share(sum, windows, count_include_pad)
    })
}

/// Transpose of [`average_pool`]: each window sends `r / count` to every element.
///
/// r `[leading..., out...]`, the result has shape `input_dims` = `[leading..., in...]`.
pub fn average_pool_adjoint<B: Backend>(
    r: &Value<B>,
    input_dims: &[usize],
    geometry: &PoolGeometry,
    count_include_pad: bool,
) -> Value<B> {
    let all = geometry.windows(input_dims);
    let leading = input_dims.len() - all.len();
    all.iter().enumerate().fold(r.clone(), |r, (i, windows)| {
        around(&r, leading + i, |r| {
            let dims = r.dims();
            let part = share(r.clone().reshape(&[dims[0], dims[1], 1, dims[2]]), windows, count_include_pad);
            let mut sink = Sink::new(windows, r);
            (0..windows.offsets()).for_each(|offset| sink.add(offset, part.clone()));
            sink.finish()
        })
    })
}

/// Divides `[outer, output, 1, inner]` by each window's count; 0 where a window holds nothing.
fn share<B: Backend>(value: Value<B>, windows: &Windows, count_include_pad: bool) -> Value<B> {
    let counts = windows.counts(count_include_pad);
    let inside = windows.counts(false);
    let weight = |j: usize| if inside[j] == 0 { 0.0 } else { 1.0 / counts[j] as f64 };
    let weights: Vec<f64> = (0..counts.len()).map(weight).collect();
    match weights.first() {
        Some(&first) if weights.iter().all(|&w| w == first) => value * first,
        _ => {
            let data = burn_backend::TensorData::new(weights, [1, counts.len(), 1, 1]);
            let weights = Value::from_data(data.convert_dtype(value.dtype()), &value.device());
            value * weights
        }
    }
}

fn extremum_along<B: Backend>(x: &Value<B>, extremum: Extremum, windows: &Windows) -> Value<B> {
    let source = Source::new(windows, x, extremum.worst(x));
    (1..windows.offsets()).fold(source.at(0), |best, offset| extremum.better(best, source.at(offset)))
}

/// x `[outer, input, inner]`, r `[outer, output, inner]`: relevance of x.
fn winners_along<B: Backend>(x: &Value<B>, r: &Value<B>, extremum: Extremum, windows: &Windows) -> Value<B> {
    let source = Source::new(windows, x, extremum.worst(x));
    let offsets = windows.offsets();
    let best = (1..offsets).fold(source.at(0), |best, offset| extremum.better(best, source.at(offset)));
    let dims = r.dims();
    let mut left = r.clone().reshape(&[dims[0], dims[1], 1, dims[2]]);
    let mut sink = Sink::new(windows, r);
    for offset in 0..offsets {
        let bool_dtype = get_device_settings::<B>(&left.device()).bool_dtype;
        let (element, best) = (source.at(offset).into_primitive(), best.clone().into_primitive());
        let lost = B::float_not_equal(element, best, bool_dtype);
        let won = Value::from_primitive(B::float_mask_fill(left.clone().into_primitive(), lost, 0.0.into()));
        // Equal elements further on find nothing left: subtracting a value from itself is exact.
        left = left - &won;
        sink.add(offset, won);
    }
    sink.finish()
}

/// Runs a pool along each spatial axis, the last one first.
fn along_axes<B: Backend>(
    x: &Value<B>,
    geometry: &PoolGeometry,
    pool: impl Fn(&Value<B>, &Windows) -> Value<B>,
) -> Value<B> {
    let all = geometry.windows(&x.dims());
    let leading = x.rank() - all.len();
    all.iter()
        .enumerate()
        .rev()
        .fold(x.clone(), |x, (i, windows)| around(&x, leading + i, |x| pool(x, windows)))
}

/// `[..., size, ...]` as `[outer, size, inner]` around `axis`.
fn flatten<B: Backend>(x: &Value<B>, axis: usize) -> Value<B> {
    let dims = x.dims();
    x.clone().reshape(&[dims[..axis].iter().product(), dims[axis], dims[axis + 1..].iter().product()])
}

/// Applies `f` to `[outer, size, inner]` around `axis` and gives the result the shape of `x` again,
/// but for the size of that axis.
fn around<B: Backend>(x: &Value<B>, axis: usize, f: impl FnOnce(&Value<B>) -> Value<B>) -> Value<B> {
    let mut dims = x.dims();
    let y = f(&flatten(x, axis));
    dims[axis] = y.dims()[1];
    y.reshape(&dims)
}
