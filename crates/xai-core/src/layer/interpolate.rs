//! Interpolation of images.

use burn_backend::Backend;
use burn_backend::ops::InterpolateOptions;

use super::{BackwardContext, Interval, LayerKind, LayerOps, one_input, only};
use crate::Value;
use crate::error::LayerError;

/// An image `[batch, channels, height, width]` in another size, by one of Burn's modes.
///
/// Every mode is linear and works on rows and columns one after the other, `y = A x B^T`; the matrices are read
/// off the images of unit vectors.
#[derive(Debug, Clone)]
pub struct Interpolate {
    output: [usize; 2],
    options: InterpolateOptions,
}

impl Interpolate {
    /// An interpolation to `output`, `[height, width]`.
    pub fn new(output: [usize; 2], options: InterpolateOptions) -> Self {
        Self { output, options }
    }

    fn run<B: Backend>(&self, x: Value<B>, output: [usize; 2]) -> Value<B> {
        Value::from_primitive(B::interpolate(x.into_primitive(), output, self.options.clone()))
    }

    /// The transposed matrix along dimension 2 or 3, `[output, input]`.
    fn transposed<B: Backend>(&self, like: &Value<B>, input: usize, output: usize) -> Value<B> {
        let mut unit_vectors = vec![0.0; input * input];
        unit_vectors.iter_mut().step_by(input + 1).for_each(|element| *element = 1.0);
        let data = burn_backend::TensorData::new(unit_vectors, [input, 1, input, 1]);
        let unit_vectors = Value::from_data(data.convert_dtype(like.dtype()), &like.device());
        self.run(unit_vectors, [output, 1]).reshape(&[input, output]).permute(&[1, 0])
    }
}

impl<B: Backend> LayerOps<B> for Interpolate {
    fn kind(&self) -> LayerKind {
        LayerKind::Interpolate
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        match (one_input(inputs)?, self.output) {
            (&[batch, channels, _, _], [height, width]) if height > 0 && width > 0 => {
                Ok(vec![batch, channels, height, width])
            }
            (input, output) => {
                let setting = format!("the output size {output:?}");
                Err(LayerError::Misfit { layer: "interpolate", setting, input: input.to_vec() })
            }
        }
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(self.run(only(inputs)?, self.output))
    }

    fn vjp(&self, context: &BackwardContext<'_, B>, gradient: Value<B>) -> Result<Vec<Value<B>>, LayerError> {
        let (input, [height, width]) = (context.dims()?, self.output);
        let images = input[0] * input[1];
        let columns = self.transposed(&gradient, input[3], width);
        let rows = self.transposed(&gradient, input[2], height);
        let r = gradient.reshape(&[images * height, width]).matmul(columns);
        let r = r.reshape(&[images, height, input[3]]).permute(&[0, 2, 1]);
        let r = r.reshape(&[images * input[3], height]).matmul(rows);
        Ok(vec![r.reshape(&[images, input[3], input[2]]).permute(&[0, 2, 1]).reshape(input)])
    }

    fn output_interval(&self, inputs: &[Interval]) -> Interval {
        use burn_backend::ops::InterpolateMode::{Bilinear, Nearest};
        match self.options.mode {
            Nearest | Bilinear => Interval::hull(inputs.iter().copied()),
            _ => Interval::ANY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};
    use burn_backend::ops::InterpolateMode::{Bicubic, Bilinear, Lanczos3, Nearest};

    #[test]
    fn gradients_are_exact_in_all_modes() {
        for mode in [Nearest, Bilinear, Bicubic, Lanczos3] {
            for output in [[6, 9], [3, 2], [4, 5], [7, 1]] {
                for aligned in [false, true] {
                    let options = InterpolateOptions::new(mode.clone()).with_align_corners(aligned);
                    check(Interpolate::new(output, options), &[numbers(&[2, 2, 4, 5], 1)]);
                }
            }
        }
    }
}
