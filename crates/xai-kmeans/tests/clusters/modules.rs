//! Modules and configurations that fit nothing.

use std::panic::{AssertUnwindSafe, catch_unwind};

use burn::module::Param;
use burn::tensor::{DType, Tensor};
use burn_flex::Flex;
use xai_core::graph::GraphBuilder;
use xai_core::layer::Layer;
use xai_kmeans::{
    MinPool1dConfig, MinPool2dConfig, NeuralizedKMeans, NeuralizedKMeansConfig, PairwiseCentroidDistance,
    PairwiseCentroidDistanceConfig, Power,
};

use super::{numbers, tensor};

#[test]
fn modules_whose_fields_do_not_fit_are_no_layers() {
    let good = NeuralizedKMeans::from_centroids(tensor(&numbers(4, 3, 1), false)).unwrap();
    let empty = Tensor::<Flex, 2>::zeros([0, 3], &Default::default());
    let refused = |change: &dyn Fn(&mut NeuralizedKMeans<Flex>), says: &str| {
        let mut module = good.clone();
        change(&mut module);
        let error = Layer::try_from(&module).unwrap_err().to_string();
        assert!(error.contains(says), "`{says}` is missing in: {error}");
    };
    refused(&|module| module.weight = Param::from_tensor(module.weight.val().narrow(1, 0, 2)), "weight");
    refused(&|module| module.bias = Param::from_tensor(module.bias.val().transpose()), "bias");
    refused(&|module| module.bias = Param::from_tensor(module.bias.val().cast(DType::F64)), "bias");
    refused(
        &|module| module.centroids = Param::from_tensor(module.centroids.val().narrow(0, 0, 3)),
        "weight",
    );
    refused(&|module| module.centroids = Param::from_tensor(module.centroids.val() / 0.0), "finite");
    refused(&|module| module.centroids = Param::from_tensor(empty.clone()), "[0, 3]");

    let distance = PairwiseCentroidDistance { centroids: Param::from_tensor(empty.clone()), squared: true };
    assert!(Layer::try_from(&distance).unwrap_err().to_string().contains("[0, 3]"));
    assert!(PairwiseCentroidDistance::new(empty, Power::Two).is_err());
    let mut pool = MinPool1dConfig::new(2).init();
    pool.pool.kernel_size = 0;
    let mut graph = GraphBuilder::<Flex>::new();
    let input = graph.input("x", &[1, 2, 5]).unwrap();
    assert!(graph.push("pool", &pool, &[input]).unwrap_err().to_string().contains("kernel"));
}

#[test]
fn settings_that_no_module_has_are_named() {
    let device = Default::default();
    let said = |init: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(init)).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    };
    for (text, says) in [
        (
            said(&|| drop(PairwiseCentroidDistanceConfig::new(0, 3).init::<Flex>(&device))),
            "at least 1 cluster",
        ),
        (said(&|| drop(NeuralizedKMeansConfig::new(1, 3).init::<Flex>(&device))), "at least 2 clusters"),
        (said(&|| _ = MinPool1dConfig::new(0).init()), "kernel_size: 0"),
        (said(&|| _ = MinPool2dConfig::new([2, 2]).with_strides([1, 0]).init()), "strides: [1, 0]"),
    ] {
        assert!(text.contains(says), "`{says}` is missing in: {text}");
    }
}
