//! The networks, with the weights and the input that the Python side wrote.

mod mlp;
mod resnet50;
mod vgg16;

use std::fs;
use std::path::Path;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Bool, DType, FloatDType, Int, Tensor, TensorData, backend::Backend};
use burn_store::{ModuleSnapshot, PyTorchToBurnAdapter, SafetensorsStore};
use burn_xai::kmeans::{ClusterExplainer, ClusterRule};
use burn_xai::model::Inputs;
use burn_xai::prelude::*;
use burn_xai::trace::Traced;
use explain_image::model::EfficientNetLite0;
use explain_text::model::MiniLm;
use safetensors::SafeTensors;

use crate::Result;
use crate::methods::Prepared;
use mlp::Mlp;
use resnet50::ResNet50;
use vgg16::Vgg16;

/// From the name of a method to the method.
type Prepare<B> = dyn Fn(&str) -> Result<Prepared<B>>;

/// A network with an input.
pub(crate) struct Network<B: Backend> {
    /// Makes a method of this name on a model that was never recorded.
    pub(crate) prepare: Box<Prepare<B>>,
    /// The network's own forward pass on the input.
    pub(crate) forward: Box<dyn Fn() -> Result<Value<B>>>,
    pub(crate) inputs: Inputs<B>,
}

/// The network `name` with `weights.safetensors` and `input.safetensors` of the folder, which hold single precision,
/// computing with elements of this type.
pub(crate) fn load<B: Backend>(
    name: &str,
    folder: &Path,
    dtype: FloatDType,
    device: &B::Device,
) -> Result<Network<B>> {
    macro_rules! floats {
        ($net:ident, $new:expr, $rank:literal) => {{
            let net = with_weights::<B, $net<B>>($new, folder)?.map(&mut To(dtype));
            let x: Tensor<B, $rank> = Tensor::from_data(input(folder, "x", DType::F32)?, device);
            let x = x.cast(dtype);
            let (own, given) = (net.clone(), x.clone());
            Ok(Network {
                prepare: Box::new(move |method| Prepared::new(method, &record(&net, $net::forward))),
                forward: Box::new(move || Ok(own.forward(given.clone()).into())),
                inputs: x.into(),
            })
        }};
    }
    match name {
        "resnet50" => floats!(ResNet50, ResNet50::new(device), 4),
        "vgg16-bn" => floats!(Vgg16, Vgg16::new(device), 4),
        "efficientnet-lite0" => floats!(EfficientNetLite0, EfficientNetLite0::new(device), 4),
        "mlp" => floats!(Mlp, Mlp::new(&mlp::WIDTHS, device), 2),
        "deep" => floats!(Mlp, Mlp::new(&widths(folder)?, device), 2),
        "minilm" => mini_lm(folder, device),
        "clusters" => clusters(folder, dtype, device),
        _ => Err(format!("no network is called {name}").into()),
    }
}

/// Sizes between the linear layers of a file, all alike.
fn widths(folder: &Path) -> Result<Vec<usize>> {
    let bytes = fs::read(folder.join("weights.safetensors"))?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    Ok(vec![tensors.tensor("linears.0.bias")?.shape()[0]; tensors.len() / 2 + 1])
}

/// Casts parameters to an element type.
struct To(FloatDType);

impl<B: Backend> ModuleMapper<B> for To {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        param.map(|tensor| tensor.cast(self.0))
    }
}

/// Ids of the type of the inputs, and which of them are real.
type Sentences<B> = (Tensor<B, 2, Int>, Tensor<B, 2, Bool>);

fn mini_lm<B: Backend>(folder: &Path, device: &B::Device) -> Result<Network<B>> {
    let net = with_weights(MiniLm::<B>::new(device), folder)?;
    let ids: Tensor<B, 2, Int> = Tensor::from_data(input(folder, "ids", DType::I64)?, device);
    let mask: Tensor<B, 2, Bool> = ids.clone().equal(ids.clone());
    let (own, given) = (net.clone(), (ids.clone(), mask.clone()));
    Ok(Network {
        prepare: Box::new(move |method| {
            let forward = |net: &MiniLm<Traced<B>>, (ids, mask): Sentences<Traced<B>>| net.forward(ids, mask);
            Prepared::new(method, &record(&net, forward))
        }),
        forward: Box::new(move || Ok(own.forward(given.0.clone(), given.1.clone()).into())),
        inputs: (ids, mask).into(),
    })
}

/// Centroids, and points that belong to them.
fn clusters<B: Backend>(folder: &Path, dtype: FloatDType, device: &B::Device) -> Result<Network<B>> {
    let read = |file, name| tensor(&folder.join(file), name, DType::F32);
    let centroids = Tensor::<B, 2>::from_data(read("weights.safetensors", "centroids")?, device).cast(dtype);
    let points = Tensor::<B, 2>::from_data(read("input.safetensors", "x")?, device).cast(dtype);
    let (own, given) = (centroids.clone(), points.clone());
    Ok(Network {
        prepare: Box::new(move |method| Prepared::of_clusters(method, centroids.clone())),
        forward: Box::new(move || {
            let head = ClusterExplainer::new(own.clone(), ClusterRule::midpoint(0.0))?;
            Ok(head.attribute(given.clone(), Target::argmax())?.output::<2>()?.into())
        }),
        inputs: points.into(),
    })
}

fn with_weights<B: Backend, M: Module<B> + ModuleSnapshot<B>>(mut net: M, folder: &Path) -> Result<M> {
    let mut store = SafetensorsStore::from_file(folder.join("weights.safetensors"))
        .with_from_adapter(PyTorchToBurnAdapter);
    net.load_from(&mut store)?;
    Ok(net)
}

fn input(folder: &Path, name: &str, dtype: DType) -> Result<TensorData> {
    tensor(&folder.join("input.safetensors"), name, dtype)
}

fn tensor(file: &Path, name: &str, dtype: DType) -> Result<TensorData> {
    let bytes = fs::read(file)?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    let tensor = tensors.tensor(name)?;
    Ok(TensorData::from_bytes_vec(tensor.data().to_vec(), tensor.shape().to_vec(), dtype))
}
