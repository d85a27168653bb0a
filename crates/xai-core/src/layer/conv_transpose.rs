//! Transposed convolutions.

use burn::nn::conv::{ConvTranspose1d, ConvTranspose2d, ConvTranspose3d};
use burn_backend::Backend;

use super::{Layer, LayerKind, LayerOps, LinearMap, along, one_input, only, spread_groups, sum_groups};
use crate::Value;
use crate::error::LayerError;
use crate::kernel::{self, ConvTransposeGeometry};

/// A transposed convolution in one, two or three spatial dimensions: `[batch, channels_in, in...]`
/// to `[batch, channels_out, out...]`.
#[derive(Debug, Clone)]
pub struct ConvTranspose<B: Backend> {
    weight: Value<B>,
    bias: Option<Value<B>>,
    geometry: ConvTransposeGeometry,
}

impl<B: Backend> ConvTranspose<B> {
    /// A transposed convolution with `weight` `[channels_in, channels_out / groups, kernel...]` and
    /// `bias` `[channels_out]`.
    ///
    /// # Errors
    /// [`LayerError::Parameter`] when weight and bias do not have these shapes.
    pub fn new(
        weight: Value<B>,
        bias: Option<Value<B>>,
        geometry: ConvTransposeGeometry,
    ) -> Result<Self, LayerError> {
        let dims = weight.dims();
        if dims.len() != geometry.stride.len() + 2 {
            let expected = "[channels_in, channels_out / groups, kernel...]";
            return Err(LayerError::parameter("weight", expected, &weight));
        }
        match &bias {
            Some(bias) if bias.dims() != [dims[1].saturating_mul(geometry.groups)] => {
                Err(LayerError::parameter("bias", "[channels_out]", bias))
            }
            _ => Ok(Self { weight, bias, geometry }),
        }
    }

    /// The weight, `[channels_in, channels_out / groups, kernel...]`.
    pub fn weight(&self) -> &Value<B> {
        &self.weight
    }

    /// The bias, `[channels_out]`.
    pub fn bias(&self) -> Option<&Value<B>> {
        self.bias.as_ref()
    }

    /// Stride, padding, dilation and groups.
    pub fn geometry(&self) -> &ConvTransposeGeometry {
        &self.geometry
    }

    /// A weight of ones from one channel to one, for each of `groups`.
    fn ones(&self, groups: usize) -> Value<B> {
        let mut dims = self.weight.dims();
        (dims[0], dims[1]) = (groups, 1);
        self.weight.full_like(&dims, 1.0)
    }

    /// The layer followed by `y factor + offset` per channel, both `[channels_out]`, as one layer.
    pub(crate) fn scaled(&self, factor: &Value<B>, offset: &Value<B>) -> Self {
        // Out-channels run over the groups first, and the weight has those of one group only.
        let dims = self.weight.dims();
        let (groups, per_group) = (self.geometry.groups, dims[1]);
        let rest: usize = dims[2..].iter().product();
        let split = [groups, dims[0] / groups, per_group, rest];
        let factors = factor.clone().reshape(&[groups, 1, per_group, 1]);
        Self {
            weight: (self.weight.clone().reshape(&split) * factors).reshape(&dims),
            bias: Some(match &self.bias {
                Some(bias) => bias * factor + offset,
                None => offset.clone(),
            }),
            geometry: self.geometry.clone(),
        }
    }

    /// The layer on `x factor` per channel, `[channels_in]`, as one layer.
    pub(crate) fn scaled_before(&self, factor: &Value<B>) -> Self {
        Self { weight: &self.weight * along(factor, self.weight.rank(), 0), ..self.clone() }
    }
}

impl<B: Backend> LayerOps<B> for ConvTranspose<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::ConvTranspose
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        Ok(self.geometry.output_dims(one_input(inputs)?, &self.weight.dims())?)
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(kernel::conv_transpose(&only(inputs)?, &self.weight, self.bias.as_ref(), &self.geometry))
    }

    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        Some(self)
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        std::iter::once(&self.weight).chain(&self.bias).collect()
    }
}

impl<B: Backend> LinearMap<B> for ConvTranspose<B> {
    fn weight(&self) -> Option<&Value<B>> {
        Some(&self.weight)
    }

    fn bias(&self, output_rank: usize) -> Option<Value<B>> {
        self.bias.as_ref().map(|bias| along(bias, output_rank, 1))
    }

    fn summed_dims(&self, _: usize) -> Option<[usize; 2]> {
        (self.geometry.groups == 1).then_some([1, 0])
    }

    fn apply(&self, x: &Value<B>, weight: Option<&Value<B>>) -> Value<B> {
        kernel::conv_transpose(x, weight.unwrap_or(&self.weight), None, &self.geometry)
    }

    fn adjoint(&self, r: Value<B>, weight: Option<&Value<B>>, input_dims: &[usize]) -> Value<B> {
        kernel::conv_transpose_adjoint(&r, weight.unwrap_or(&self.weight), input_dims, &self.geometry)
    }

    fn apply_ones(&self, like: &Value<B>, input_dims: &[usize]) -> Value<B> {
        // All channels are alike: one of them, counted as often as a group has inputs.
        let mut single = input_dims.to_vec();
        single[1] = 1;
        let geometry = ConvTransposeGeometry { groups: 1, ..self.geometry.clone() };
        let z = kernel::conv_transpose(&like.full_like(&single, 1.0), &self.ones(1), None, &geometry);
        z * (input_dims[1] / self.geometry.groups) as f64
    }

    fn sum_alike(&self, r: Value<B>) -> Value<B> {
        sum_groups(r, self.geometry.groups)
    }

    fn adjoint_ones(&self, r: Value<B>, input_dims: &[usize]) -> Value<B> {
        // Within a group every output reads every input alike, so a group is one channel.
        let groups = self.geometry.groups;
        let sums = sum_groups(r, groups);
        let mut narrow = input_dims.to_vec();
        narrow[1] = groups;
        let gathered = kernel::conv_transpose_adjoint(&sums, &self.ones(groups), &narrow, &self.geometry);
        spread_groups(gathered, groups, input_dims)
    }
}

macro_rules! from_modules {
    ($($module:ident($m:ident) => $geometry:expr),* $(,)?) => {$(
        impl<B: Backend> TryFrom<&$module<B>> for Layer<B> {
            type Error = LayerError;

            fn try_from($m: &$module<B>) -> Result<Self, LayerError> {
                let bias = $m.bias.as_ref().map(|bias| bias.val().into());
                Ok(ConvTranspose::new($m.weight.val().into(), bias, $geometry)?.into())
            }
        }
    )*};
}
from_modules! {
    ConvTranspose1d(m) => ConvTransposeGeometry {
        stride: vec![m.stride],
        padding: vec![m.padding],
        padding_out: vec![m.padding_out],
        dilation: vec![m.dilation],
        groups: m.groups,
    },
    ConvTranspose2d(m) => ConvTransposeGeometry {
        stride: m.stride.to_vec(),
        padding: m.padding.to_vec(),
        padding_out: m.padding_out.to_vec(),
        dilation: m.dilation.to_vec(),
        groups: m.groups,
    },
    ConvTranspose3d(m) => ConvTransposeGeometry {
        stride: m.stride.to_vec(),
        padding: m.padding.to_vec(),
        padding_out: m.padding_out.to_vec(),
        dilation: m.dilation.to_vec(),
        groups: m.groups,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{assert_close, check, forward, numbers, value};
    use burn::nn::conv::{ConvTranspose2dConfig, ConvTranspose3dConfig};
    use burn::tensor::{Distribution, Tensor};
    use burn_flex::Flex;

    fn grouped() -> ConvTranspose<Flex> {
        let geometry = ConvTransposeGeometry {
            stride: vec![2, 1],
            padding: vec![1, 0],
            padding_out: vec![1, 0],
            dilation: vec![1, 2],
            groups: 2,
        };
        ConvTranspose::new(numbers(&[4, 3, 3, 2], 2), Some(numbers(&[6], 7)), geometry).unwrap()
    }

    #[test]
    fn the_layer_is_its_linear_map() {
        check(grouped(), &[numbers(&[2, 4, 3, 4], 1)]);
        let line = ConvTransposeGeometry { stride: vec![3], ..ConvTransposeGeometry::new(1) };
        check(ConvTranspose::new(numbers(&[2, 3, 2], 2), None, line).unwrap(), &[numbers(&[2, 2, 4], 1)]);
        let space = ConvTransposeGeometry { padding: vec![1, 0, 1], ..ConvTransposeGeometry::new(3) };
        let space =
            ConvTranspose::new(numbers(&[2, 1, 2, 2, 3], 2), Some(value(&[0.5], &[1])), space).unwrap();
        check(space, &[numbers(&[1, 2, 3, 2, 3], 1)]);
    }

    #[test]
    fn scaling_is_a_batch_norm_after_it() {
        let (factor, offset) = (numbers(&[6], 3), numbers(&[6], 4));
        let x = numbers(&[2, 4, 3, 4], 1);
        let y = forward(&grouped().into(), std::slice::from_ref(&x));
        let expected = y * along(&factor, 4, 1) + along(&offset, 4, 1);
        assert_close(&forward(&grouped().scaled(&factor, &offset).into(), &[x]), &expected, "scaled");
    }

    #[test]
    fn modules_compute_the_same() {
        let device = Default::default();
        let module = ConvTranspose2dConfig::new([4, 6], [3, 3]).with_stride([2, 2]).with_padding([1, 1]);
        let module = module.with_padding_out([1, 0]).with_groups(2).init::<Flex>(&device);
        let x = Tensor::<Flex, 4>::random([2, 4, 3, 5], Distribution::Default, &device);
        let layer = Layer::try_from(&module).unwrap();
        let y = layer.ops().forward(vec![x.clone().into()]).unwrap().into_tensor::<4>().unwrap();
        assert!((y - module.forward(x)).abs().max().into_scalar() < 1e-5);

        let module =
            ConvTranspose3dConfig::new([2, 1], [2, 3, 1]).with_stride([2, 1, 3]).init::<Flex>(&device);
        let x = Tensor::<Flex, 5>::random([1, 2, 2, 3, 2], Distribution::Default, &device);
        let layer = Layer::try_from(&module).unwrap();
        let y = layer.ops().forward(vec![x.clone().into()]).unwrap().into_tensor::<5>().unwrap();
        assert!((y - module.forward(x)).abs().max().into_scalar() < 1e-5);
    }

    #[test]
    fn parameters_of_other_shapes_are_refused() {
        let bias =
            ConvTranspose::new(numbers(&[4, 3, 2], 2), Some(numbers(&[4], 7)), ConvTransposeGeometry::new(1));
        assert!(matches!(bias, Err(LayerError::Parameter { name: "bias", .. })));
        let rank = ConvTranspose::new(numbers(&[4, 3], 2), None, ConvTransposeGeometry::new(1));
        assert!(matches!(rank, Err(LayerError::Parameter { name: "weight", .. })));
    }
}
