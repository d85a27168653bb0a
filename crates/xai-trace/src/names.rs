//! Names: of parameters, by the constant that carries them, and of nodes.

use std::collections::{HashMap, HashSet};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorPrimitive};
use burn_backend::tensor::Device;
use burn_backend::{Backend, DType, TensorMetadata};

use crate::backend::Traced;
use crate::tensor::{Key, Source, TracedTensor};

/// The float parameters of a module.
///
/// They are told apart by the [`Key`] of their constant, so this holds for the very module that was
/// visited and no other copy of it.
#[derive(Debug)]
pub(crate) struct Parameters<B: Backend> {
    /// Element type and device of the first.
    pub(crate) kind: Option<(DType, Device<B>)>,
    /// Path of the module that owns each, `features.0.conv`; empty for the visited module itself.
    owners: HashMap<Key, String>,
}

impl<B: Backend> Default for Parameters<B> {
    fn default() -> Self {
        Self { kind: None, owners: HashMap::new() }
    }
}

impl<B: Backend> Parameters<B> {
    pub(crate) fn of(module: &impl Module<Traced<B>>) -> Self {
        let mut visitor = Visitor { parameters: Self::default(), path: Vec::new() };
        module.visit(&mut visitor);
        visitor.parameters
    }

    /// The first owner among these parameters and constants computed from one parameter.
    pub(crate) fn owner(&self, keys: impl IntoIterator<Item = Key>) -> Option<&str> {
        keys.into_iter().find_map(|key| self.owners.get(&key)).map(String::as_str)
    }
}

/// Node names given so far.
#[derive(Debug, Default)]
pub(crate) struct Unique {
    given: HashSet<String>,
    calls: HashMap<String, usize>,
}

impl Unique {
    /// `name`, or `name#2`, `name#3`, ... when it was given before.
    pub(crate) fn claim(&mut self, name: &str) -> String {
        let calls = self.calls.entry(name.to_owned()).or_default();
        loop {
            *calls += 1;
            let claim = if *calls == 1 { name.to_owned() } else { format!("{name}#{calls}") };
            if self.given.insert(claim.clone()) {
                return claim;
            }
        }
    }
}

struct Visitor<B: Backend> {
    parameters: Parameters<B>,
    /// Field names down to the current one.
    path: Vec<String>,
}

impl<B: Backend> ModuleVisitor<Traced<B>> for Visitor<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Traced<B>, D>>) {
        let tensor = param.val().into_primitive();
        let TensorPrimitive::Float(TracedTensor { primitive, source: Source::Constant(key) }) = tensor else {
            return;
        };
        let Parameters { kind, owners } = &mut self.parameters;
        kind.get_or_insert_with(|| (primitive.dtype(), B::float_device(&primitive)));
        let modules = self.path.split_last().map_or(&[][..], |(_, modules)| modules);
        // A tied parameter keeps the name of its first place.
        owners.entry(key).or_insert_with(|| modules.join("."));
    }

    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::conv::{Conv2d, Conv2dConfig};
    use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
    use burn_flex::Flex;

    use super::*;
    use crate::convert::attach;

    #[derive(Module, Debug)]
    struct Block<B: Backend> {
        conv: Conv2d<B>,
        norm: BatchNorm<B>,
    }

    #[derive(Module, Debug)]
    struct Net<B: Backend> {
        blocks: Vec<Block<B>>,
        head: Option<Linear<B>>,
        scale: Param<Tensor<B, 1>>,
    }

    fn key<const D: usize>(tensor: Tensor<Traced<Flex>, D>) -> Key {
        match tensor.into_primitive().tensor().source {
            Source::Constant(key) => key,
            Source::Node(_) => panic!("a parameter is no node"),
        }
    }

    #[test]
    fn a_parameter_is_named_by_its_module() {
        let device = Default::default();
        let block = || Block {
            conv: Conv2dConfig::new([1, 1], [3, 3]).init(&device),
            norm: BatchNormConfig::new(1).init(&device),
        };
        let net = Net::<Flex> {
            blocks: vec![block(), block()],
            head: Some(LinearConfig::new(1, 1).init(&device)),
            scale: Param::from_tensor(Tensor::ones([1], &device)),
        };
        let net = attach::<Flex, _>(&net);
        let parameters = Parameters::of(&net);
        assert_eq!(parameters.kind, Some((DType::F32, device)));
        let owner = |key| parameters.owner([key]).unwrap();
        let norm = &net.blocks[1].norm;
        assert_eq!(owner(key(net.blocks[1].conv.weight.val())), "blocks.1.conv");
        assert_eq!(owner(key(norm.running_mean.value())), "blocks.1.norm");
        assert_eq!(owner(key(net.head.as_ref().unwrap().weight.val())), "head");
        assert_eq!(owner(key(net.scale.val())), "");

        let std = key((norm.running_var.value().reshape([1, 1, 1, 1]) + 1e-5).sqrt());
        assert_eq!(owner(std), "blocks.1.norm");
        assert!(parameters.owner([key(norm.gamma.val() * norm.beta.val())]).is_none());
    }
}
