//! Names of parameters, by the constant that carries them.

use std::collections::{HashMap, HashSet};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorPrimitive};
use burn_backend::tensor::Device;
use burn_backend::{Backend, DType, TensorMetadata};

use crate::backend::Traced;
use crate::tensor::{Key, Source, TracedTensor};

/// Which module each parameter of a model belongs to.
///
/// Parameters are told apart by the [`Key`] of their constant, so the names hold for the very
/// model that was visited and no other copy of it.
#[derive(Debug)]
pub(crate) struct Names<B: Backend> {
    owners: HashMap<u64, Owner>,
    /// Element type and device of the first one.
    parameters: Option<(DType, Device<B>)>,
}

impl<B: Backend> Default for Names<B> {
    fn default() -> Self {
        Self { owners: HashMap::new(), parameters: None }
    }
}

/// The module that owns a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// Path of the module in the model, `features.0.conv`; empty for the model itself.
    pub(crate) path: String,
    /// Type of the module, `Conv2d`.
    pub(crate) kind: String,
}

impl<B: Backend> Names<B> {
    pub(crate) fn of(model: &impl Module<Traced<B>>) -> Self {
        let mut visitor = Visitor { names: Self::default(), path: Vec::new() };
        model.visit(&mut visitor);
        visitor.names
    }

    /// Element type and device of the model's float parameters; `None` for a model without any.
    pub(crate) fn parameters(&self) -> Option<(DType, Device<B>)> {
        self.parameters.clone()
    }

    /// The first owner among these parameters and constants computed from one parameter.
    pub(crate) fn first(&self, keys: impl IntoIterator<Item = Key>) -> Option<&Owner> {
        keys.into_iter().find_map(|key| self.owners.get(&key.id))
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
    names: Names<B>,
    /// Field names down to the current one, with the type of the module that has the field.
    path: Vec<(String, String)>,
}

impl<B: Backend> ModuleVisitor<Traced<B>> for Visitor<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Traced<B>, D>>) {
        let primitive = param.val().into_primitive();
        let TensorPrimitive::Float(TracedTensor { source: Source::Constant(key), primitive }) = primitive
        else {
            return;
        };
        let parameters = &mut self.names.parameters;
        parameters.get_or_insert_with(|| (primitive.dtype(), B::float_device(&primitive)));
        let (kind, modules) = match self.path.split_last() {
            Some(((_, kind), modules)) => (kind.as_str(), modules),
            None => ("", [].as_slice()),
        };
        let path: Vec<&str> = modules.iter().map(|(name, _)| name.as_str()).collect();
        let kind = kind.rsplit(':').next().unwrap_or_default().to_string();
        // A tied parameter keeps the name of its first place.
        self.names.owners.entry(key.id).or_insert(Owner { path: path.join("."), kind });
    }

    fn enter_module(&mut self, name: &str, container_type: &str) {
        self.path.push((name.to_string(), container_type.to_string()));
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
        let names = Names::of(&net);
        let owner = |key| {
            let owner = names.first([key]).unwrap();
            (owner.path.as_str(), owner.kind.as_str())
        };
        let norm = &net.blocks[1].norm;
        assert_eq!(owner(key(net.blocks[1].conv.weight.val())), ("blocks.1.conv", "Conv2d"));
        assert_eq!(owner(key(norm.running_mean.value())), ("blocks.1.norm", "BatchNorm"));
        assert_eq!(owner(key(net.head.as_ref().unwrap().weight.val())), ("head", "Linear"));
        assert_eq!(owner(key(net.scale.val())), ("", "Net"));

        let std = key((norm.running_var.value().reshape([1, 1, 1, 1]) + 1e-5).sqrt());
        assert_eq!((owner(std), std.derived), (("blocks.1.norm", "BatchNorm"), true));
        assert!(names.first([key(norm.gamma.val() * norm.beta.val())]).is_none());
    }
}
