//! Convolutions.

use burn::nn::conv::{Conv1d, Conv2d, Conv3d};
use burn::nn::{PaddingConfig1d, PaddingConfig2d, PaddingConfig3d};
use burn_backend::Backend;

use super::{Layer, LayerKind, LayerOps, LinearMap, along, one_input, only, spread_groups, sum_groups};
use crate::Value;
use crate::error::LayerError;
use crate::kernel::{self, ConvGeometry};

/// A convolution in one, two or three spatial dimensions: `[batch, channels_in, in...]` to
/// `[batch, channels_out, out...]`.
#[derive(Debug, Clone)]
pub struct Conv<B: Backend> {
    weight: Value<B>,
    bias: Option<Value<B>>,
    geometry: ConvGeometry,
}

impl<B: Backend> Conv<B> {
    /// A convolution with `weight` `[channels_out, channels_in / groups, kernel...]` and `bias`
    /// `[channels_out]`.
    ///
    /// # Errors
    /// [`LayerError::Parameter`] when weight and bias do not have these shapes.
    pub fn new(weight: Value<B>, bias: Option<Value<B>>, geometry: ConvGeometry) -> Result<Self, LayerError> {
        let dims = weight.dims();
        if dims.len() != geometry.stride.len() + 2 {
            return Err(LayerError::parameter(
                "weight",
                "[channels_out, channels_in / groups, kernel...]",
                &weight,
            ));
        }
        match &bias {
            Some(bias) if bias.dims() != dims[..1] => {
                Err(LayerError::parameter("bias", "[channels_out]", bias))
            }
            _ => Ok(Self { weight, bias, geometry }),
        }
    }

    /// The weight, `[channels_out, channels_in / groups, kernel...]`.
    pub fn weight(&self) -> &Value<B> {
        &self.weight
    }

    /// The bias, `[channels_out]`.
    pub fn bias(&self) -> Option<&Value<B>> {
        self.bias.as_ref()
    }

    /// Stride, padding, dilation and groups.
    pub fn geometry(&self) -> &ConvGeometry {
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
        Self {
            weight: &self.weight * along(factor, self.weight.rank(), 0),
            bias: Some(match &self.bias {
                Some(bias) => bias * factor + offset,
                None => offset.clone(),
            }),
            geometry: self.geometry.clone(),
        }
    }

    /// The layer on `x factor + offset` per channel, both `[channels_in]`, as one layer; without
    /// padding, or with an offset of 0.
    pub(crate) fn scaled_before(&self, factor: &Value<B>, offset: &Value<B>) -> Self {
        // A group of outputs reads the in-channels of its own group.
        let dims = self.weight.dims();
        let (channels_out, per_group, groups) = (dims[0], dims[1], self.geometry.groups);
        let split = [groups, channels_out / groups, per_group, dims[2..].iter().product()];
        let weight = self.weight.clone().reshape(&split);
        let along_inputs = |vector: &Value<B>| vector.clone().reshape(&[groups, 1, per_group, 1]);
        let constant = (&weight * along_inputs(offset)).sum_dim(3).sum_dim(2).reshape(&[channels_out]);
        Self {
            weight: (weight * along_inputs(factor)).reshape(&dims),
            bias: Some(self.bias.iter().fold(constant, |sum, bias| sum + bias)),
            geometry: self.geometry.clone(),
        }
    }
}

impl<B: Backend> LayerOps<B> for Conv<B> {
    fn kind(&self) -> LayerKind {
        LayerKind::Conv
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        Ok(self.geometry.output_dims(one_input(inputs)?, &self.weight.dims())?)
    }

    fn forward(&self, inputs: Vec<Value<B>>) -> Result<Value<B>, LayerError> {
        Ok(kernel::conv(&only(inputs)?, &self.weight, self.bias.as_ref(), &self.geometry))
    }

    fn linear_map(&self) -> Option<&dyn LinearMap<B>> {
        Some(self)
    }

    fn parameters(&self) -> Vec<&Value<B>> {
        std::iter::once(&self.weight).chain(&self.bias).collect()
    }
}

impl<B: Backend> LinearMap<B> for Conv<B> {
    fn weight(&self) -> Option<&Value<B>> {
        Some(&self.weight)
    }

    fn bias(&self, output_rank: usize) -> Option<Value<B>> {
        self.bias.as_ref().map(|bias| along(bias, output_rank, 1))
    }

    fn summed_dims(&self, _: usize) -> Option<[usize; 2]> {
        (self.geometry.groups == 1).then_some([1, 1])
    }

    fn apply(&self, x: &Value<B>, weight: Option<&Value<B>>) -> Value<B> {
        kernel::conv(x, weight.unwrap_or(&self.weight), None, &self.geometry)
    }

    fn adjoint(&self, r: Value<B>, weight: Option<&Value<B>>, input_dims: &[usize]) -> Value<B> {
        kernel::conv_adjoint(&r, weight.unwrap_or(&self.weight), input_dims, &self.geometry)
    }

    fn apply_ones(&self, like: &Value<B>, input_dims: &[usize]) -> Value<B> {
        // All channels are alike: one of them, counted as often as a group reads.
        let mut single = input_dims.to_vec();
        single[1] = 1;
        let geometry = ConvGeometry { groups: 1, ..self.geometry.clone() };
        let z = kernel::conv(&like.full_like(&single, 1.0), &self.ones(1), None, &geometry);
        z * self.weight.dims()[1] as f64
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
        let spread = kernel::conv_adjoint(&sums, &self.ones(groups), &narrow, &self.geometry);
        spread_groups(spread, groups, input_dims)
    }
}

impl<B: Backend> TryFrom<&Conv1d<B>> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &Conv1d<B>) -> Result<Self, LayerError> {
        let geometry = ConvGeometry {
            stride: vec![module.stride],
            padding: padding_1d(&module.padding, module.kernel_size, module.stride)?,
            dilation: vec![module.dilation],
            groups: module.groups,
        };
        let bias = module.bias.as_ref().map(|bias| bias.val().into());
        Ok(Conv::new(module.weight.val().into(), bias, geometry)?.into())
    }
}

impl<B: Backend> TryFrom<&Conv2d<B>> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &Conv2d<B>) -> Result<Self, LayerError> {
        let geometry = ConvGeometry {
            stride: module.stride.to_vec(),
            padding: padding_2d(&module.padding, module.kernel_size, module.stride)?,
            dilation: module.dilation.to_vec(),
            groups: module.groups,
        };
        let bias = module.bias.as_ref().map(|bias| bias.val().into());
        Ok(Conv::new(module.weight.val().into(), bias, geometry)?.into())
    }
}

impl<B: Backend> TryFrom<&Conv3d<B>> for Layer<B> {
    type Error = LayerError;

    fn try_from(module: &Conv3d<B>) -> Result<Self, LayerError> {
        let padding = match &module.padding {
            PaddingConfig3d::Valid => vec![(0, 0); 3],
            PaddingConfig3d::Explicit(depth, height, width) => {
                [depth, height, width].map(|&size| (size, size)).to_vec()
            }
            PaddingConfig3d::Same => same(&module.kernel_size, &module.stride)?,
        };
        let geometry = ConvGeometry {
            stride: module.stride.to_vec(),
            padding,
            dilation: module.dilation.to_vec(),
            groups: module.groups,
        };
        let bias = module.bias.as_ref().map(|bias| bias.val().into());
        Ok(Conv::new(module.weight.val().into(), bias, geometry)?.into())
    }
}

/// The padding before and after the input that a Burn module's configuration stands for.
pub(super) fn padding_1d(
    padding: &PaddingConfig1d,
    kernel: usize,
    stride: usize,
) -> Result<Vec<(usize, usize)>, LayerError> {
    match padding {
        PaddingConfig1d::Valid => Ok(vec![(0, 0)]),
        PaddingConfig1d::Explicit(left, right) => Ok(vec![(*left, *right)]),
        PaddingConfig1d::Same => same(&[kernel], &[stride]),
    }
}

/// The padding before and after the input that a Burn module's configuration stands for.
pub(super) fn padding_2d(
    padding: &PaddingConfig2d,
    kernel: [usize; 2],
    stride: [usize; 2],
) -> Result<Vec<(usize, usize)>, LayerError> {
    match padding {
        PaddingConfig2d::Valid => Ok(vec![(0, 0); 2]),
        PaddingConfig2d::Explicit(top, left, bottom, right) => Ok(vec![(*top, *bottom), (*left, *right)]),
        PaddingConfig2d::Same => same(&kernel, &stride),
    }
}

/// `Same` padding as Burn has it: without regard to the dilation, the odd element at the end.
fn same(kernel: &[usize], stride: &[usize]) -> Result<Vec<(usize, usize)>, LayerError> {
    if stride.iter().all(|&step| step == 1) {
        return Ok(kernel.iter().map(|size| (size.saturating_sub(1) / 2, size / 2)).collect());
    }
    Err(LayerError::NotExpressible {
        what: "`Same` padding with a stride depends on the input's size; record the model, or give explicit padding"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::testing::{check, numbers};
    use burn::nn::conv::{Conv1dConfig, Conv3dConfig};
    use burn::tensor::{Distribution, Tensor};
    use burn_flex::Flex;

    #[test]
    fn the_layer_is_its_linear_map() {
        let line = ConvGeometry { stride: vec![2], padding: vec![(0, 1)], ..ConvGeometry::new(1) };
        check(Conv::new(numbers(&[3, 2, 3], 2), None, line).unwrap(), &[numbers(&[2, 2, 7], 1)]);
        let plane = ConvGeometry { dilation: vec![1, 2], groups: 2, ..ConvGeometry::new(2) };
        let plane = Conv::new(numbers(&[4, 1, 2, 2], 2), Some(numbers(&[4], 3)), plane).unwrap();
        check(plane, &[numbers(&[2, 2, 3, 4], 1)]);
        let space = ConvGeometry { padding: vec![(1, 1), (0, 0), (1, 0)], ..ConvGeometry::new(3) };
        let space = Conv::new(numbers(&[2, 2, 2, 1, 3], 2), Some(numbers(&[2], 3)), space).unwrap();
        check(space, &[numbers(&[1, 2, 3, 2, 4], 1)]);
    }

    #[test]
    fn modules_compute_the_same() {
        let device = Default::default();
        for padding in [PaddingConfig1d::Same, PaddingConfig1d::Explicit(0, 2), PaddingConfig1d::Valid] {
            let module = Conv1dConfig::new(2, 3, 4).with_padding(padding).init::<Flex>(&device);
            let x = Tensor::<Flex, 3>::random([2, 2, 7], Distribution::Default, &device);
            let layer = Layer::try_from(&module).unwrap();
            let y = layer.ops().forward(vec![x.clone().into()]).unwrap().into_tensor::<3>().unwrap();
            assert!((y - module.forward(x)).abs().max().into_scalar() < 1e-5);
        }
        let module = Conv3dConfig::new([2, 3], [3, 1, 2]).with_padding(PaddingConfig3d::Explicit(1, 0, 1));
        let module = module.with_stride([1, 2, 1]).init::<Flex>(&device);
        let x = Tensor::<Flex, 5>::random([2, 2, 3, 4, 3], Distribution::Default, &device);
        let layer = Layer::try_from(&module).unwrap();
        let y = layer.ops().forward(vec![x.clone().into()]).unwrap().into_tensor::<5>().unwrap();
        assert!((y - module.forward(x)).abs().max().into_scalar() < 1e-5);
    }

    #[test]
    fn padding_that_depends_on_the_input_is_refused() {
        let module = Conv1dConfig::new(2, 3, 3).with_padding(PaddingConfig1d::Same).with_stride(2);
        let refusal = Layer::<Flex>::try_from(&module.init(&Default::default())).unwrap_err();
        assert!(matches!(refusal, LayerError::NotExpressible { .. }));
    }
}
