//! Golden networks, single layers among them, as graphs and as Burn modules.

use std::collections::HashMap;

use burn::module::Module;
use burn::tensor::backend::Backend;
use burn::tensor::{Slice, Tensor};
use xai_core::Value;
use xai_core::error::GraphError;
use xai_core::graph::{Graph, GraphBuilder, NodeId};
use xai_core::model::Model;
use xai_trace::{Traced, record};

use super::arguments::Arguments;
use super::error::{GoldenError, Place};
use super::layer::{Built, BurnLayer};
use super::manifest::ArchNode;
use super::reader::Reader;
use super::trial::Trial;

/// A network of the manifest.
pub(super) struct Network<B: Backend> {
    /// The network in the library's layers; nodes have the names of the manifest.
    pub(super) graph: Graph<B>,
    /// The same in Burn's layers.
    modules: BurnNet<B>,
    wiring: Wiring,
    /// What Burn cannot do.
    lacks: Vec<String>,
}

/// What the layers of a network read.
#[derive(Debug, Clone, Default)]
struct Wiring {
    /// Number of inputs. The forward function takes one tensor; several are stacked along its last
    /// dimension.
    inputs: usize,
    /// The places of what each layer reads, where the inputs come first, and then the layers.
    reads: Vec<Vec<usize>>,
}

/// A network as a plain Burn module.
#[derive(Module, Debug)]
struct BurnNet<B: Backend> {
    layers: Vec<BurnLayer<B>>,
}

impl<B: Backend> BurnNet<B> {
    fn forward(&self, x: Value<B>, wiring: &Wiring) -> Value<B> {
        let mut values = if wiring.inputs == 1 { vec![x] } else { columns(&x) };
        for (layer, reads) in self.layers.iter().zip(&wiring.reads) {
            let read = reads.iter().map(|&place| values[place].clone());
            let x = read.reduce(|sum, x| sum + x).expect("every layer reads something");
            values.push(layer.forward(x));
        }
        values.pop().expect("a network has layers")
    }
}

/// The parts of a value that was stacked along its last dimension.
fn columns<B: Backend>(stack: &Value<B>) -> Vec<Value<B>> {
    let sizes = stack.dims();
    let Some((&count, dims)) = sizes.split_last() else { return Vec::new() };
    let whole = dims.iter().map(|&size| Slice::from(0..size));
    let column = |i| whole.clone().chain([Slice::from(i..i + 1)]).collect::<Vec<_>>();
    (0..count).map(|i| stack.clone().slice(&column(i)).reshape(dims)).collect()
}

impl<B: Backend> Network<B> {
    /// A network with inputs of these names and sizes; `scope` gives what comes before a node's
    /// parameters in the names of tensors.
    pub(super) fn new(
        trial: &Trial<'_, B>,
        name: Option<&str>,
        arch: &[ArchNode],
        inputs: &[(String, Vec<usize>)],
        scope: impl Fn(&str) -> String,
    ) -> Result<Self, GoldenError> {
        let mut builder = GraphBuilder::new();
        let mut places: HashMap<&str, (usize, NodeId)> = HashMap::new();
        for (place, (input, dims)) in inputs.iter().enumerate() {
            places.insert(input, (place, builder.input(input, dims)?));
        }
        let (mut layers, mut lacks, mut output) = (Vec::new(), Vec::new(), None);
        let mut wiring = Wiring { inputs: inputs.len(), reads: Vec::new() };
        for node in arch {
            let (network, op) = (name.map(str::to_owned), node.layer.op.as_str());
            let place = Place::Layer { network, node: node.name.clone(), op: op.to_owned() };
            let given = Arguments::new(place.clone(), &node.layer.arguments);
            let read = node.inputs.iter().map(|input| places.get(input.as_str()).copied());
            let Some(read) = read.collect::<Option<Vec<_>>>() else {
                let problem = format!("are {:?}, of which one is no node before it", node.inputs);
                return Err(given.error("inputs", problem));
            };
            let (read, mut ids): (Vec<usize>, Vec<NodeId>) = read.into_iter().unzip();
            let sizes = ids.first().and_then(|&id| builder.dims(id)).unwrap_or_default();
            let several = given.error("inputs", format!("are {:?}, but it reads one", node.inputs));
            let reader = Reader { trial, given, scope: scope(&node.name), rank: sizes.len() };
            let built = Built::read(op, reader)?;
            match &built {
                Built::Burn(BurnLayer::Add(_)) if ids.len() > 2 => {
                    lacks.push(format!("{place}: Burn adds two tensors, not {}", ids.len()));
                }
                Built::Burn(BurnLayer::Add(_)) => {}
                _ if ids.len() != 1 => return Err(several),
                Built::Burn(_) => {}
                Built::Library(_) => lacks.push(format!("{place}: Burn has no such layer")),
            }
            let (by_hand, module) = match built {
                Built::Burn(layer) => (layer.by_hand(), Some(layer)),
                Built::Library(layer) => (Ok(vec![layer]), None),
            };
            let by_hand = by_hand.map_err(|source| GraphError::Layer { node: node.name.clone(), source })?;
            for (i, layer) in by_hand.into_iter().enumerate() {
                let name = if i == 0 { node.name.clone() } else { format!("{}.flat", node.name) };
                ids = vec![builder.push(name, layer, &ids)?];
            }
            wiring.reads.push(read);
            layers.extend(module);
            places.insert(&node.name, (inputs.len() + layers.len() - 1, ids[0]));
            output = Some(ids[0]);
        }
        let output =
            output.ok_or_else(|| GoldenError::Inconsistent("the network has no layers".to_owned()))?;
        Ok(Self { graph: builder.finish(output)?, modules: BurnNet { layers }, wiring, lacks })
    }

    /// The network as a recorded Burn module.
    pub(super) fn recorded(&self) -> Result<Model<B>, GoldenError> {
        /// Recording needs to know the ranks of the input and the output.
        macro_rules! of_ranks {
            ($ranks:expr, $run:ident: $(($from:literal, $to:literal))*) => {
                match $ranks {
                    $(($from, $to) => record(&self.modules, move |net: &_, x: Tensor<_, $from>| {
                        let y: Tensor<_, $to> = $run(net, x.into()).into_tensor().expect("the rank is known");
                        y
                    }),)*
                    (from, to) => {
                        let what = format!("networks that take tensors of rank {from} to rank {to}");
                        return Err(GoldenError::Unsupported(what));
                    }
                }
            };
        }
        if !self.lacks.is_empty() {
            return Err(GoldenError::Unsupported(self.lacks.join("; ")));
        }
        let rank = |node: NodeId| self.graph.nodes()[node.index()].dims().len();
        let from = rank(self.graph.inputs()[0]) + usize::from(self.wiring.inputs > 1);
        let wiring = self.wiring.clone();
        let run = move |net: &BurnNet<Traced<B>>, x: Value<Traced<B>>| net.forward(x, &wiring);
        Ok(of_ranks! {
            (from, rank(self.graph.output())), run:
            (2, 2) (3, 2) (4, 2) (5, 2) (3, 3) (4, 4) (5, 4) (5, 5)
        })
    }
}
