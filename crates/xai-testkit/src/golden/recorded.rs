//! Cases of whole networks, on plain Burn modules that are recorded.

use std::fmt;

use burn::tensor::DType;
use burn::tensor::backend::Backend;
use xai_core::Value;
use xai_core::graph::Graph;
use xai_trace::Recorded;

use super::compare::{Deviation, elements, relative_error};
use super::composite::{Setup, relevance_at};
use super::data::Golden;
use super::error::GoldenError;
use super::manifest::Case;
use super::weights::Weights;
use crate::models::{Cnn1d, Mlp, MlpBn, ResnetLike, SeparableRelu6, VggLike};

/// Largest relative difference between the relevance of a recorded and of a hand-built graph.
const SAME: f64 = 1e-6;

/// How well recorded graphs agree with those built by hand, over all nodes of all cases.
///
/// A case in which they do not agree to 1e-6 fails.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Agreement {
    /// Tensors compared: relevance at every node, and the logits.
    pub tensors: usize,
    /// Those of them in which not every bit is the same, by case.
    pub unequal: Vec<String>,
    /// The largest difference, relative to the tensor's largest element.
    pub largest: f64,
}

impl fmt::Display for Agreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let equal = self.tensors - self.unequal.len();
        writeln!(f, "recorded and built by hand: {equal} of {} tensors equal in every bit", self.tensors)?;
        if !self.unequal.is_empty() {
            writeln!(f, "the others to {:.1e}: {}", self.largest, self.unequal.join(", "))?;
        }
        Ok(())
    }
}

impl Agreement {
    pub(super) fn note(
        &mut self,
        case: &Case,
        node: &str,
        recorded: &[f64],
        by_hand: &[f64],
    ) -> Result<(), GoldenError> {
        let difference = relative_error(recorded, by_hand);
        self.tensors += 1;
        if recorded != by_hand {
            self.unequal.push(format!("{} {node}", case.name));
        }
        self.largest = self.largest.max(difference);
        if difference <= SAME {
            return Ok(());
        }
        let what =
            format!("`{node}` differs by {difference:.2e} between the recorded and the hand-built graph");
        Err(GoldenError::Inconsistent { case: case.name.clone(), what })
    }
}

/// Runs a case on its network as a recorded Burn module, and compares every node with the graph
/// built by hand.
pub(super) fn recorded<B: Backend>(
    golden: &Golden,
    case: &Case,
    dtype: DType,
    device: &B::Device,
    agreement: &mut Agreement,
) -> Result<Vec<Deviation>, GoldenError> {
    let setup = Setup::<B>::of(golden, case, dtype, device)?;
    let weights = Weights::of_network(golden, case, dtype, device);
    let source = match setup.network.as_str() {
        "mlp" => Recorded::new(&Mlp::load(&weights)?, Mlp::forward),
        "mlp_bn" => Recorded::new(&MlpBn::load(&weights)?, MlpBn::forward),
        "cnn1d" => Recorded::new(&Cnn1d::load(&weights)?, Cnn1d::forward),
        "separable_relu6" => Recorded::new(&SeparableRelu6::load(&weights)?, SeparableRelu6::forward),
        "vgg_like" => Recorded::new(&VggLike::load(&weights)?, VggLike::forward),
        "resnet_like" => Recorded::new(&ResnetLike::load(&weights)?, ResnetLike::forward),
        other => {
            let what = format!("network `{other}` has no Burn module in `models`");
            return Err(GoldenError::Unsupported { case: case.name.clone(), what });
        }
    };
    let (recorded, by_recording) = setup.explain(case, source)?;
    let (by_hand, built) = setup.explain(case, setup.graph.clone())?;
    let (from, to) = (by_recording.graph(), built.graph());
    check_same_layers(case, from, to)?;

    let failed = |source| GoldenError::Explain { case: case.name.clone(), source: Box::new(source) };
    let logits = [&recorded, &by_hand].map(|attribution| attribution.output::<2>().map(Value::from));
    let [a, b] = logits.map(|logits| logits.map(|logits| elements(&logits)).map_err(failed));
    agreement.note(case, "logits", &a?, &b?)?;
    let [a, b] = [&recorded, &by_hand].map(|attribution| elements(&attribution.relevances()[0]));
    agreement.note(case, "input", &a, &b)?;
    // Methods that average gradients give relevance at the input only.
    let kept = recorded.kept().next().is_some();
    for (recorded_node, node) in from.nodes().iter().zip(to.nodes()).filter(|_| kept) {
        let rank = node.dims().len();
        let a = relevance_at(case, &recorded, recorded_node.name(), rank)?;
        let b = relevance_at(case, &by_hand, node.name(), rank)?;
        agreement.note(case, node.name(), &elements(&a), &elements(&b))?;
    }
    // Recorded nodes have names of their own; the layers are the same, so places tell them apart.
    setup.deviations(golden, case, &recorded, |node, rank| {
        let source = |source| GoldenError::Graph { case: case.name.clone(), source };
        let place = to.find(node).map_err(source)?.index();
        relevance_at(case, &recorded, from.nodes()[place].name(), rank)
    })
}

fn check_same_layers<B: Backend>(
    case: &Case,
    recorded: &Graph<B>,
    built: &Graph<B>,
) -> Result<(), GoldenError> {
    let layers = |graph: &Graph<B>| -> Vec<_> {
        graph.nodes().iter().map(|node| (node.layer().kind(), node.dims().to_vec())).collect()
    };
    if layers(recorded) == layers(built) {
        return Ok(());
    }
    let what =
        format!("the recorded graph has other layers.\nrecorded:\n{recorded}\nbuilt by hand:\n{built}");
    Err(GoldenError::Inconsistent { case: case.name.clone(), what })
}
