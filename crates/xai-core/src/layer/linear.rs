//! Fully connected layers.

use burn::nn;
use burn_backend::Backend;

use super::{Layer, LayerKind, LayerOps, LinearMap, along, one_input, only};
use crate::error::LayerError;
use crate::kernel::ShapeError;
use crate::{Value, kernel};

/// `y = x W + b`: `[..., features_in]` to `[..., features_out]`.
#[derive(Debug, Clone)]
pub struct Linear<B: Backend> {
    weight: Value<B>,
    bias: Option<Value<B>>,
}

impl<B: Backend> Linear<B> {
    /// A linear layer with `weight` `[features_in, features_out]` (Burn's layout) and `bias`
    /// `[features_out]`.
    ///
    /// # Errors
    /// [`LayerError::Parameter`] when weight and bias do not have these shapes.
    pub fn new(weight: Value<B>, bias: Option<Value<B>>) -> Result<Self, LayerError> {
        let dims = weight.dims();
        let [_, features_out] = dims[..] else {
            return Err(LayerError::parameter("weight", "[features_in, features_out]", &weight));
        };
        match &bias {
            Some(bias) if bias.dims() != [features_out] => {
                Err(LayerError::parameter("bias", "[features_out]", bias))
            }
            _ => Ok(Self { weight, bias }),
        }
    }

    /// The weight, `[features_in, features_out]`.
    pub fn weight(&self) -> &Value<B> {
        &self.weight
    }

    /// The bias, `[features_out]`.
    pub fn bias(&self) -> Option<&Value<B>> {
        self.bias.as_ref()
    }

    /// The layer followed by `y factor + offset`, both `[features_out]`, as one layer.
    pub(crate) fn scaled(&self, factor: &Value<B>, offset: &Value<B>) -> Self {
        Self {
            weight: &self.weight * along(factor, 2, 1),
            bias: Some(match &self.bias {
                Some(bias) => bias * factor + offset,
                None => offset.clone(),
            }),
        }
    }

    /// The layer on `x factor + offset`, both `[features_in]`, as one layer.
    pub(crate) fn scaled_before(&self, factor: &Value<B>, offset: &Value<B>) -> Self {
        let constant = kernel::linear(offset, &self.weight, None);
        Self {
            weight: &self.weight * along(factor, 2, 0),
            bias: Some(self.bias.iter().fold(constant, |sum, bias| sum + bias)),
        }
    }
}

impl<B: Backend> LayerOps<B> for Linear<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Linear
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        let input = one_input(inputs)?;
        if input.len() < 2 {
            return Err(ShapeError::Rank { what: "input", dims: input.to_vec(), expected: 2 }.into());
        }
        Ok(kernel::linear_output_dims(input, &self.weight.dims(), None)?)
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(kernel::linear(&only(inputs)?, &self.weight, self.bias.as_ref()))
    }

    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        Some(self)
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        std::iter::once(&self.weight).chain(&self.bias).collect()
    }
}

impl<B: Backend> LinearMap<B> for Linear<B> {
    fn weight(&self) -> Option<&Value<B>> {
        Some(&self.weight)
    }

    fn bias(&self, output_rank: usize) -> Option<Value<B>> {
        self.bias.as_ref().map(|bias| along(bias, output_rank, output_rank - 1))
    }

    fn summed_dims(&self, input_rank: usize) -> Option<[usize; 2]> {
        Some([input_rank.checked_sub(1)?, 0])
    }

    fn apply(&self, x: &Value<B>, weight: Option<&Value<B>>) -> Value<B> {
        kernel::linear(x, weight.unwrap_or(&self.weight), None)
    }

    fn adjoint(&self, r: Value<B>, weight: Option<&Value<B>>, _: &[usize]) -> Value<B> {
        kernel::linear_adjoint(&r, weight.unwrap_or(&self.weight))
    }

    fn apply_ones(&self, like: &Value<B>, input_dims: &[usize]) -> Value<B> {
        let features = input_dims.last().map_or(0, |&features| features);
        like.full_like(&vec![1; input_dims.len()], features as f64)
    }

    fn sum_alike(&self, r: Value<B>) -> Value<B> {
        let last = r.rank() - 1;
        r.sum_dim(last)
    }

    fn adjoint_ones(&self, r: Value<B>, input_dims: &[usize]) -> Value<B> {
        LinearMap::<B>::sum_alike(self, r).expand(input_dims)
    }
}

impl<B: Backend> From<&nn::Linear<B>> for Layer<B> {
    fn from(module: &nn::Linear<B>) -> Self {
        Linear {
            weight: module.weight.val().into(),
            bias: module.bias.as_ref().map(|bias| bias.val().into()),
        }
        .into()
    }
}
