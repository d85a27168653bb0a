//! Transposed convolutions: the adjoint of a convolution as a forward map, and the reverse.

use burn_backend::Backend;

use crate::Value;
use crate::choice::ConvAdjoint;
use crate::conv::conv;
use crate::conv_adjoint::{conv_adjoint, conv_adjoint_by};
use crate::conv_geometry::ConvGeometry;
use crate::error::{ShapeError, check_elements, check_filled, check_length, check_nonzero};
use crate::layout::narrow;

/// How a transposed convolution spreads its input: one entry per spatial dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvTransposeGeometry {
    /// Step between the places that neighbouring inputs spread to.
    pub stride: Vec<usize>,
    /// Elements cut from both ends of the output.
    pub padding: Vec<usize>,
    /// Elements added to the end of the output.
    pub padding_out: Vec<usize>,
    /// Distance between neighbouring elements of the kernel.
    pub dilation: Vec<usize>,
    /// Number of groups that channels are split into.
    pub groups: usize,
}

impl ConvTransposeGeometry {
    /// Stride 1, no padding, no dilation, one group.
    pub fn new(spatial_dims: usize) -> Self {
        Self {
            stride: vec![1; spatial_dims],
            padding: vec![0; spatial_dims],
            padding_out: vec![0; spatial_dims],
            dilation: vec![1; spatial_dims],
            groups: 1,
        }
    }

    /// Shape `[batch, channels_out, out...]` of the output for an input
    /// `[batch, channels_in, in...]` and a weight `[channels_in, channels_out / groups, kernel...]`:
    /// `out = (in - 1) * stride + dilation * (kernel - 1) + 1 + padding_out - 2 * padding`.
    ///
    /// # Errors
    /// A [`ShapeError`] that says what does not fit.
    pub fn output_dims(&self, input: &[usize], weight: &[usize]) -> Result<Vec<usize>, ShapeError> {
        let spatial = self.stride.len();
        if !(1..=3).contains(&spatial) {
            return Err(ShapeError::SpatialRank { got: spatial });
        }
        check_length("padding", self.padding.len(), spatial)?;
        check_length("output padding", self.padding_out.len(), spatial)?;
        check_length("dilation", self.dilation.len(), spatial)?;
        check_nonzero("stride", &self.stride)?;
        check_nonzero("dilation", &self.dilation)?;
        for (what, dims) in [("input", input), ("weight", weight)] {
            if dims.len() != spatial + 2 {
                return Err(ShapeError::Rank { what, dims: dims.to_vec(), expected: spatial + 2 });
            }
            check_filled(what, dims)?;
        }
        let groups = self.groups;
        if groups == 0 {
            return Err(ShapeError::NoGroups);
        }
        if !weight[0].is_multiple_of(groups) || input[1] != weight[0] {
            return Err(ShapeError::TransposedChannels { got: input[1], expected: weight[0], groups });
        }
        let overflow = ShapeError::Overflow { axis: 0 };
        let channels_out = weight[1].checked_mul(groups).ok_or(overflow)?;
        let mut output = vec![input[0], channels_out];
        let mut whole = output.clone();
        for axis in 0..spatial {
            output.push(self.output_size(axis, input[axis + 2], weight[axis + 2])?);
            whole.push(output[axis + 2] + 2 * self.padding[axis]);
        }
        check_elements("output before it is cut", &whole)?;
        Ok(output)
    }

    fn output_size(&self, axis: usize, input: usize, kernel: usize) -> Result<usize, ShapeError> {
        let spread = (input - 1).checked_mul(self.stride[axis]);
        let extent = (kernel - 1).checked_mul(self.dilation[axis]).and_then(|span| span.checked_add(1));
        let full = spread
            .zip(extent)
            .and_then(|(spread, extent)| spread.checked_add(extent))
            .and_then(|full| full.checked_add(self.padding_out[axis]));
        let (Some(full), Some(cut)) = (full, self.padding[axis].checked_mul(2)) else {
            return Err(ShapeError::Overflow { axis });
        };
        match full.checked_sub(cut) {
            Some(size) if size > 0 => Ok(size),
            _ => Err(ShapeError::NothingLeft { axis, full, cut }),
        }
    }

    /// [`output_dims`](Self::output_dims) of shapes that it accepts.
    fn sizes(&self, input: &[usize], weight: &[usize]) -> Vec<usize> {
        let size = |axis: usize| {
            let spread = (input[axis + 2] - 1) * self.stride[axis];
            let extent = (weight[axis + 2] - 1) * self.dilation[axis] + 1;
            spread + extent + self.padding_out[axis] - 2 * self.padding[axis]
        };
        let channels = [input[0], weight[1] * self.groups];
        channels.into_iter().chain((0..self.stride.len()).map(size)).collect()
    }

    /// The convolution from this layer's output to its input whose adjoint this layer is.
    fn transposed(&self) -> ConvGeometry {
        ConvGeometry {
            stride: self.stride.clone(),
            padding: self.padding.iter().map(|&size| (size, size)).collect(),
            dilation: self.dilation.clone(),
            groups: self.groups,
        }
    }

    /// Whether the convolution of [`transposed`](Self::transposed) gives just the input's size, and
    /// not more: Burn's kernels count on it.
    fn fits(&self) -> bool {
        self.padding_out.iter().zip(&self.stride).all(|(out, stride)| out < stride)
    }
}

/// Transposed convolution:
/// `y[b, o, p] = bias[o] + sum over all c, j, t with j * stride + t * dilation - padding = p of
/// weight[c, o, t] * x[b, c, j]`.
///
/// x `[batch, channels_in, in...]`, weight `[channels_in, channels_out / groups, kernel...]`, bias
/// `[channels_out]`, y as [`ConvTransposeGeometry::output_dims`] says.
pub fn conv_transpose<B: Backend>(
    x: &Value<B>,
    weight: &Value<B>,
    bias: Option<&Value<B>>,
    geometry: &ConvTransposeGeometry,
) -> Value<B> {
    let transposed = geometry.transposed();
    let output = geometry.sizes(&x.dims(), &weight.dims());
    let y = if geometry.fits() {
        conv_adjoint(x, weight, &output, &transposed)
    } else {
        conv_adjoint_by(ConvAdjoint::Subpixel, x, weight, &output, &transposed)
    };
    match bias {
        Some(bias) => {
            let mut dims = vec![1; y.rank()];
            dims[1] = output[1];
            y + bias.clone().reshape(&dims)
        }
        None => y,
    }
}

/// Transpose of [`conv_transpose`] without bias: the convolution
/// `c[b, i, j] = sum over o, t of weight[i, o, t] * r[b, o, j * stride + t * dilation - padding]`.
///
/// r has the output's shape, the result is `input_dims` = `[batch, channels_in, in...]`.
pub fn conv_transpose_adjoint<B: Backend>(
    r: &Value<B>,
    weight: &Value<B>,
    input_dims: &[usize],
    geometry: &ConvTransposeGeometry,
) -> Value<B> {
    let c = conv(r, weight, None, &geometry.transposed());
    (2..input_dims.len()).fold(c, |c, axis| narrow(&c, axis, 0, input_dims[axis]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_backend::TensorData;
    use burn_flex::Flex;

    fn line(data: &[f64], dims: [usize; 3]) -> Value<Flex> {
        Value::from_data(TensorData::new(data.to_vec(), dims.to_vec()), &Default::default())
    }

    fn read(value: &Value<Flex>) -> Vec<f64> {
        value.to_data().unwrap().to_vec().unwrap()
    }

    /// The formula, in one spatial dimension.
    fn plain(
        x: &[f64],
        dims: [usize; 3],
        w: &[f64],
        kernel: [usize; 3],
        g: &ConvTransposeGeometry,
    ) -> Vec<f64> {
        let [batch, channels_in, length] = dims;
        let [_, per_group, taps] = kernel;
        let out = g.output_dims(&dims, &kernel).unwrap();
        let (channels_out, size) = (out[1], out[2]);
        let mut y = vec![0.0; batch * channels_out * size];
        for b in 0..batch {
            for c in 0..channels_in {
                let group = c / (channels_in / g.groups);
                for o in 0..per_group {
                    for j in 0..length {
                        for t in 0..taps {
                            let place = (j * g.stride[0] + t * g.dilation[0]).checked_sub(g.padding[0]);
                            if let Some(p) = place.filter(|p| *p < size) {
                                y[(b * channels_out + group * per_group + o) * size + p] +=
                                    w[(c * per_group + o) * taps + t] * x[(b * channels_in + c) * length + j];
                            }
                        }
                    }
                }
            }
        }
        y
    }

    fn numbers(count: usize) -> Vec<f64> {
        (0..count).map(|i| ((i * 37 + 11) % 23) as f64 / 7.0 - 1.5).collect()
    }

    #[test]
    fn the_formula_holds_for_every_setting() {
        for (stride, padding, padding_out, dilation, groups) in [
            (1, 0, 0, 1, 1),
            (2, 0, 0, 1, 1),
            (2, 1, 1, 1, 2),
            (3, 1, 2, 2, 1),
            (3, 2, 0, 1, 2),
            (1, 1, 1, 2, 1),
            (2, 1, 3, 1, 1),
        ] {
            let g = ConvTransposeGeometry {
                stride: vec![stride],
                padding: vec![padding],
                padding_out: vec![padding_out],
                dilation: vec![dilation],
                groups,
            };
            let (dims, kernel) = ([2, 4, 5], [4, 3, 3]);
            let (x, w) = (numbers(40), numbers(36));
            let (x_value, w_value) = (line(&x, dims), line(&w, kernel));
            let out = g.output_dims(&dims, &kernel).unwrap();
            let y = conv_transpose(&x_value, &w_value, None, &g);
            assert_eq!(y.dims(), out, "{g:?}");
            let expected = plain(&x, dims, &w, kernel, &g);
            let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
            assert!(close(&read(&y), &expected), "{g:?}\n{:?}\n{expected:?}", read(&y));

            // <r, T x> = <T' r, x>
            let r = line(&numbers(out.iter().product()), [out[0], out[1], out[2]]);
            let back = conv_transpose_adjoint(&r, &w_value, &dims, &g);
            assert_eq!(back.dims(), dims, "{g:?}");
            let dot = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(&b).map(|(a, b)| a * b).sum::<f64>();
            let difference = dot(read(&r), expected) - dot(read(&back), x);
            assert!(difference.abs() < 1e-10, "{g:?}: {difference}");
        }
    }

    #[test]
    fn misfits_are_named() {
        let refusal = |g: ConvTransposeGeometry, input: &[usize], weight: &[usize]| {
            g.output_dims(input, weight).unwrap_err().to_string()
        };
        let g = || ConvTransposeGeometry::new(1);
        assert!(refusal(g(), &[1, 3, 4], &[2, 3, 2]).contains("3 channels"));
        assert!(
            refusal(ConvTransposeGeometry { groups: 0, ..g() }, &[1, 2, 4], &[2, 3, 2]).contains("0 groups")
        );
        assert!(
            refusal(ConvTransposeGeometry { groups: 2, ..g() }, &[1, 3, 4], &[3, 3, 2]).contains("2 group")
        );
        assert!(
            refusal(ConvTransposeGeometry { padding: vec![3], ..g() }, &[1, 2, 4], &[2, 3, 2])
                .contains("cuts 6")
        );
        assert!(
            refusal(ConvTransposeGeometry { stride: vec![0], ..g() }, &[1, 2, 4], &[2, 3, 2])
                .contains("stride is 0")
        );
        assert!(
            refusal(ConvTransposeGeometry { stride: vec![usize::MAX], ..g() }, &[1, 2, 4], &[2, 3, 2])
                .contains("overflows")
        );
        assert!(refusal(g(), &[1, 2, 4], &[2, 3]).contains("expected 3 dimensions"));
    }
}
