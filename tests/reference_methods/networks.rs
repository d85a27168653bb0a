//! The networks of the references as graphs, whose nodes have the names of PyTorch's modules.

use burn_xai::backend::flex::Flex;
use burn_xai::graph::{Graph, GraphBuilder, NodeId};
use burn_xai::kernel::{ConvGeometry, PoolGeometry};
use burn_xai::layer::{Activation, Add, BatchNorm, Conv, Layer, Linear, Pool, Reshape};

use super::Entry;

/// PyTorch's default.
const EPSILON: f64 = 1e-5;

struct Builder {
    graph: GraphBuilder<Flex>,
    content: Entry,
    last: NodeId,
}

impl Builder {
    fn weight(&self, name: &str, kind: &str) -> super::Value {
        self.content.get("weights").get(&format!("{name}.{kind}")).value()
    }

    fn push(&mut self, name: &str, layer: impl Into<Layer<Flex>>) -> NodeId {
        self.push_of(name, layer, &[self.last])
    }

    fn push_of(&mut self, name: &str, layer: impl Into<Layer<Flex>>, inputs: &[NodeId]) -> NodeId {
        self.last = self.graph.push(name, layer.into(), inputs).unwrap();
        self.last
    }

    fn linear(&mut self, name: &str) {
        let weight = self.weight(name, "weight").permute(&[1, 0]);
        self.push(name, Linear::new(weight, Some(self.weight(name, "bias"))).unwrap());
    }

    fn conv(&mut self, name: &str, padding: usize) -> NodeId {
        let geometry = ConvGeometry { padding: vec![(padding, padding); 2], ..ConvGeometry::new(2) };
        let (weight, bias) = (self.weight(name, "weight"), self.weight(name, "bias"));
        self.push(name, Conv::new(weight, Some(bias), geometry).unwrap())
    }

    fn batch_norm(&mut self, name: &str) {
        let std = (self.weight(name, "running_var") + EPSILON).sqrt();
        let [mean, scale, shift] = ["running_mean", "weight", "bias"].map(|kind| self.weight(name, kind));
        self.push(name, BatchNorm::new(mean, std, scale, shift).unwrap());
    }

    fn max_pool(&mut self, name: &str) {
        self.push(name, Pool::max(PoolGeometry::tiles(&[2, 2])));
    }

    fn finish(self) -> Graph<Flex> {
        self.graph.finish(self.last).unwrap()
    }
}

pub(super) fn build(name: &str, content: Entry) -> Graph<Flex> {
    let mut graph = GraphBuilder::new();
    let last = graph.input("x", &content.get("input").shape()).unwrap();
    let mut b = Builder { graph, content, last };
    match name {
        "mlp" => {
            b.linear("0");
            b.push("1", Activation::Relu);
            b.linear("2");
            b.push("3", Activation::Tanh);
            b.linear("4");
        }
        "cnn" => {
            b.conv("0", 1);
            b.push("1", Activation::Relu);
            b.max_pool("2");
            b.conv("3", 0);
            b.push("4", Activation::Relu);
            b.push("5", Pool::average(PoolGeometry::tiles(&[3, 3]), true));
            b.push("6", Reshape::flatten());
            b.linear("7");
        }
        "residual" => {
            b.conv("conv1", 1);
            b.batch_norm("norm");
            let skip = b.push("relu1", Activation::Relu);
            let branch = b.conv("conv2", 1);
            b.push_of("add", Add, &[skip, branch]);
            b.push("relu2", Activation::Relu);
            b.max_pool("pool");
            b.push("flatten", Reshape::flatten());
            b.linear("linear");
        }
        other => panic!("no network `{other}`"),
    }
    b.finish()
}
