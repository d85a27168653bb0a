//! How a convolution's kernel moves over its input.

use burn_backend::ops::ConvOptions;

use crate::error::{ShapeError, check_elements, check_filled, check_length, check_nonzero};

/// How a convolution's kernel moves over its input: one entry per spatial dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Step between neighbouring windows.
    pub stride: Vec<usize>,
    /// Zeros added before and after the input.
    pub padding: Vec<(usize, usize)>,
    /// Distance between neighbouring elements of the kernel.
    pub dilation: Vec<usize>,
    /// Number of groups that channels are split into.
    pub groups: usize,
}

impl ConvGeometry {
    /// Stride 1, no padding, no dilation, one group.
    pub fn new(spatial_dims: usize) -> Self {
        Self {
            stride: vec![1; spatial_dims],
            padding: vec![(0, 0); spatial_dims],
            dilation: vec![1; spatial_dims],
            groups: 1,
        }
    }

    /// Shape `[batch, channels_out, out...]` of the output for an input
    /// `[batch, channels_in, in...]` and a weight `[channels_out, channels_in / groups, kernel...]`:
    /// `out = (in + padding - dilation * (kernel - 1) - 1) / stride + 1`, rounded down.
    ///
    /// # Errors
    /// A [`ShapeError`] that says what does not fit.
    pub fn output_dims(&self, input: &[usize], weight: &[usize]) -> Result<Vec<usize>, ShapeError> {
        let spatial = self.stride.len();
        if !(1..=3).contains(&spatial) {
            return Err(ShapeError::SpatialRank { got: spatial });
        }
        check_length("padding", self.padding.len(), spatial)?;
        check_length("dilation", self.dilation.len(), spatial)?;
        check_nonzero("stride", &self.stride)?;
        check_nonzero("dilation", &self.dilation)?;
        for (what, dims) in [("input", input), ("weight", weight)] {
            if dims.len() != spatial + 2 {
                return Err(ShapeError::Rank { what, dims: dims.to_vec(), expected: spatial + 2 });
            }
            check_filled(what, dims)?;
        }
        self.check_channels(input[1], weight)?;
        let mut output = vec![input[0], weight[0]];
        let mut padded = input.to_vec();
        for axis in 0..spatial {
            output.push(self.output_size(axis, input[axis + 2], weight[axis + 2])?);
            padded[axis + 2] += self.padding[axis].0 + self.padding[axis].1;
        }
        check_elements("padded input", &padded)?;
        Ok(output)
    }

    fn check_channels(&self, channels: usize, weight: &[usize]) -> Result<(), ShapeError> {
        let groups = self.groups;
        if groups == 0 {
            return Err(ShapeError::NoGroups);
        }
        if !weight[0].is_multiple_of(groups) {
            return Err(ShapeError::Groups { channels: weight[0], groups });
        }
        if weight[1].checked_mul(groups) != Some(channels) {
            return Err(ShapeError::Channels { got: channels, per_group: weight[1], groups });
        }
        Ok(())
    }

    fn output_size(&self, axis: usize, input: usize, kernel: usize) -> Result<usize, ShapeError> {
        let (begin, end) = self.padding[axis];
        let overflow = ShapeError::Overflow { axis };
        let extent = (kernel - 1).checked_mul(self.dilation[axis]).and_then(|span| span.checked_add(1));
        let padded = input.checked_add(begin).and_then(|sum| sum.checked_add(end));
        let (Some(extent), Some(padded)) = (extent, padded) else { return Err(overflow) };
        match padded.checked_sub(extent) {
            Some(room) => Ok(room / self.stride[axis] + 1),
            None => Err(ShapeError::WindowTooLarge { axis, extent, padded }),
        }
    }

    /// Whether every output element is a weighted sum of the input's channels at its own place.
    pub(crate) fn is_pointwise(&self, weight: &[usize]) -> bool {
        self.groups == 1
            && weight[2..].iter().chain(&self.stride).all(|&size| size == 1)
            && self.padding.iter().all(|&padding| padding == (0, 0))
    }

    /// Burn's options: its padding is the part common to both sides, the rest is explicit.
    pub(crate) fn options<const N: usize>(&self) -> ConvOptions<N> {
        let symmetric = |axis: usize| self.padding.get(axis).map_or(0, |&(begin, end)| begin.min(end));
        ConvOptions {
            stride: std::array::from_fn(|axis| self.stride.get(axis).copied().unwrap_or(1)),
            padding: std::array::from_fn(symmetric),
            dilation: std::array::from_fn(|axis| self.dilation.get(axis).copied().unwrap_or(1)),
            groups: self.groups,
        }
    }

    /// Padding beyond the part common to both sides.
    pub(crate) fn excess(&self, axis: usize) -> (usize, usize) {
        let (begin, end) = self.padding[axis];
        (begin - begin.min(end), end - begin.min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry() -> ConvGeometry {
        ConvGeometry::new(2)
    }

    fn refusal(geometry: ConvGeometry, input: &[usize], weight: &[usize]) -> String {
        geometry.output_dims(input, weight).unwrap_err().to_string()
    }

    #[test]
    fn output_dims_round_down() {
        let geometry = ConvGeometry { stride: vec![2, 3], padding: vec![(1, 2), (0, 0)], ..geometry() };
        assert_eq!(geometry.output_dims(&[5, 3, 10, 11], &[8, 3, 3, 3]), Ok(vec![5, 8, 6, 3]));
    }

    #[test]
    fn misfits_are_errors() {
        let (input, weight) = ([2, 4, 8, 8], [6, 4, 3, 3]);
        assert!(refusal(geometry(), &[2, 3, 8, 8], &weight).contains("input has 3 channels"));
        assert!(refusal(geometry(), &input[..3], &weight).contains("expected 4 dimensions"));
        assert!(refusal(geometry(), &[2, 4, 2, 8], &weight).contains("does not fit the padded input of 2"));
        assert!(refusal(geometry(), &[0, 4, 8, 8], &weight).contains("holds no element"));
        assert!(refusal(ConvGeometry { groups: 0, ..geometry() }, &input, &weight).contains("0 groups"));
        assert!(
            refusal(ConvGeometry { groups: 4, ..geometry() }, &input, &weight)
                .contains("divide into 4 groups")
        );
        let stride = ConvGeometry { stride: vec![1, 0], ..geometry() };
        assert!(refusal(stride, &input, &weight).contains("the stride is 0 in spatial dimension 1"));
        let short = ConvGeometry { dilation: vec![1], ..geometry() };
        assert!(refusal(short, &input, &weight).contains("the dilation has 1 entries"));
        let huge = ConvGeometry { dilation: vec![usize::MAX, 1], ..geometry() };
        assert!(refusal(huge, &input, &weight).contains("overflows"));
        assert!(refusal(ConvGeometry::new(4), &input, &weight).contains("4 spatial dimensions"));
    }
}
