//! Modules from the plain backend to the recording one.

use burn::module::{HasAutodiffModule, Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Int, Tensor};
use burn_backend::Backend;

use crate::backend::Traced;

/// A module of `B` as the same module of [`Traced<B>`], sharing its weights.
///
/// Parameters that Burn has not initialised yet are initialised first, in `module` itself: a copy
/// of an uninitialised parameter would draw values of its own.
pub(crate) fn attach<B, M>(module: &M) -> M::TrainModule
where
    B: Backend,
    M: Module<B> + HasAutodiffModule<Traced<B>>,
{
    module.visit(&mut Initialize);
    module.clone().train::<Traced<B>>()
}

/// Reads every parameter once.
struct Initialize;

impl<B: Backend> ModuleVisitor<B> for Initialize {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        param.val();
    }

    fn visit_int<const D: usize>(&mut self, param: &Param<Tensor<B, D, Int>>) {
        param.val();
    }

    fn visit_bool<const D: usize>(&mut self, param: &Param<Tensor<B, D, Bool>>) {
        param.val();
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::{BatchNormConfig, Linear, LinearConfig};
    use burn::tensor::{Distribution, TensorData};
    use burn_flex::Flex;

    use super::*;

    type Device = burn_backend::tensor::Device<Flex>;

    fn input() -> Tensor<Flex, 2> {
        Tensor::random([4, 3], Distribution::Normal(0.0, 1.0), &Device::default())
    }

    fn bits(data: TensorData) -> Vec<u32> {
        data.to_vec::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn uninitialised_parameters_are_drawn_once() {
        let lazy: Linear<Flex> = LinearConfig::new(3, 5).init(&Device::default());
        let traced = attach::<Flex, _>(&lazy);
        let x = input();
        let plain = bits(lazy.forward(x.clone()).into_data());
        assert_eq!(bits(traced.forward(Tensor::from_inner(x)).into_data()), plain);
    }

    #[test]
    fn batch_norm_runs_on_its_running_statistics() {
        let norm = BatchNormConfig::new(3).init::<Flex>(&Device::default());
        let x = input() + 5.0;
        let traced = attach::<Flex, _>(&norm).forward(Tensor::from_inner(x.clone()));
        assert_eq!(bits(traced.into_data()), bits(norm.forward(x).into_data()));
    }
}
