//! Which elements each window of a pool reads.

use burn_backend::Backend;

use crate::Value;
use crate::error::{ShapeError, check_elements, check_filled, check_length, check_nonzero};
use crate::window::Windows;

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
        let mut padded = input.to_vec();
        for axis in 0..spatial {
            dims.push(self.output_size(axis, input[leading + axis])?);
            if let Self::Sliding { padding, .. } = self {
                padded[leading + axis] += padding[axis].0 + padding[axis].1;
            }
        }
        check_elements("padded input", &padded)?;
        check_elements("output", &dims)?;
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
        // A window beyond the input is walked through element by element.
        if extent > padded + (1 << 16) {
            return Err(ShapeError::WindowTooLarge { axis, extent, padded });
        }
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

    /// Whether a window may lie in the padding alone.
    pub fn may_miss_the_input(&self) -> bool {
        let Self::Sliding { kernel, padding, dilation, .. } = self else { return false };
        let windows = kernel.iter().zip(dilation).zip(padding);
        // Dilated elements may lie on both sides of the input.
        windows.into_iter().any(|((&kernel, &dilation), &(begin, end))| {
            begin.max(end) > kernel.saturating_sub(1).saturating_mul(dilation) || dilation > 1
        })
    }

    /// Windows along each spatial dimension of an input whose shape was checked.
    pub(crate) fn windows(&self, input: &[usize]) -> Vec<Windows> {
        let leading = input.len() - self.spatial_dims();
        let along = |axis: usize| {
            let size = input[leading + axis];
            match self {
                Self::Adaptive { output } => Windows::adaptive(size, output[axis]),
                Self::Sliding { kernel, stride, padding, dilation, .. } => Windows::Sliding {
                    kernel: kernel[axis],
                    // Of one window the stride does not matter, and a huge one would be laid out.
                    stride: stride[axis].min(size + padding[axis].0 + padding[axis].1),
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
    /// The value whose maxima are the extrema of `x`; its own inverse.
    pub(crate) fn as_max<B: Backend>(self, x: Value<B>) -> Value<B> {
        match self {
            Self::Max => x,
            Self::Min => x * -1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sliding(kernel: usize, stride: usize, padding: usize, output: PoolOutput) -> PoolGeometry {
        PoolGeometry::Sliding {
            kernel: vec![kernel],
            stride: vec![stride],
            padding: vec![(padding, padding)],
            dilation: vec![1],
            output,
        }
    }

    fn size(geometry: &PoolGeometry, input: usize) -> Result<Vec<usize>, ShapeError> {
        geometry.output_dims(&[2, 3, input])
    }

    #[test]
    fn ceil_mode_follows_torch() {
        assert_eq!(size(&sliding(3, 2, 0, PoolOutput::Floor), 6), Ok(vec![2, 3, 2]));
        assert_eq!(size(&sliding(3, 2, 0, PoolOutput::Ceil), 6), Ok(vec![2, 3, 3]));
        // The third window would start in the padding after the input.
        assert_eq!(size(&sliding(2, 3, 1, PoolOutput::Ceil), 5), Ok(vec![2, 3, 2]));
        assert_eq!(size(&sliding(2, 2, 0, PoolOutput::Ceil), 1), Ok(vec![2, 3, 1]));
    }

    #[test]
    fn misfits_are_errors() {
        let text = |geometry: &PoolGeometry, input| size(geometry, input).unwrap_err().to_string();
        assert!(text(&sliding(3, 1, 0, PoolOutput::Floor), 2).contains("spans 3 elements"));
        assert!(text(&sliding(3, 0, 0, PoolOutput::Floor), 2).contains("the stride is 0"));
        assert!(text(&sliding(3, 1, 0, PoolOutput::Exact(vec![0])), 4).contains("the output is 0"));
        assert!(text(&sliding(3, 1, 0, PoolOutput::Exact(vec![1, 2])), 4).contains("2 entries"));
        assert!(text(&sliding(usize::MAX, 1, 2, PoolOutput::Ceil), 4).contains("overflows"));
        assert!(text(&PoolGeometry::global(0), 4).contains("0 spatial dimensions"));
        assert!(PoolGeometry::global(2).output_dims(&[3, 4]).is_err());
    }
}
