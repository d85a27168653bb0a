//! Rules that read the output of the ReLU behind their node, against the same rules on a function that is a ReLU too but
//! is not known as one.

use super::*;
use crate::attributor::{Attributor, Lrp};
use crate::composite::{Composite, CustomRules, Matcher, Plan};
use crate::graph::Graph;
use crate::layer::{Add, LayerKind};
use crate::rule::{AlphaBeta, Epsilon, Flat, Gamma, Norm, Pass, Rule};

/// Two convolutions in a row, a sum of what is before and behind the second, and a head; `rectifier` after each.
fn graph(rectifier: Activation) -> Graph<Flex> {
    let device = Default::default();
    let mut graph = GraphBuilder::new();
    let x = graph.input("x", &[1, 2, 10, 10]).unwrap();
    let first = graph.push("first", &conv::<Flex>([2, 3], 1, &device), &[x]).unwrap();
    let first = graph.push("first.rectifier", rectifier, &[first]).unwrap();
    let other = graph.push("other", &conv::<Flex>([3, 5], 3, &device), &[first]).unwrap();
    let other = graph.push("other.rectifier", rectifier, &[other]).unwrap();
    let second = graph.push("second", &conv::<Flex>([3, 5], 5, &device), &[first]).unwrap();
    let sum = graph.push("sum", Add, &[second, other]).unwrap();
    let sum = graph.push("sum.rectifier", rectifier, &[sum]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[sum]).unwrap();
    let head = LinearLayer::new(numbers::<Flex, 2>([5 * 36, 3], 9, &device).into(), None).unwrap();
    let head = graph.push("head", head, &[flat]).unwrap();
    graph.finish(head).unwrap()
}

fn composite(rule: impl Into<Rule>) -> Composite {
    Composite::new("rectified")
        .append(LayerKind::Conv, rule)
        .append(LayerKind::Add, Norm { stabilizer: 0.01.into() })
        .append(LayerKind::Linear, Epsilon::new(0.01))
        .append(Matcher::Any, Pass)
}

fn rectified(composite: &Composite, rectifier: Activation) -> Vec<&'static str> {
    let graph = graph(rectifier);
    let plan = Plan::new(&graph, composite, &CustomRules::new()).unwrap();
    let names = ["first", "other", "second", "sum", "head"];
    names.into_iter().filter(|name| plan.rectifier(graph.find(name).unwrap().index()).is_some()).collect()
}

#[test]
fn relevance_is_the_same() {
    let unknown = Activation::ThresholdedRelu { threshold: 0.0 };
    let rules: [Rule; 4] = [
        Epsilon::new(0.1).into(),
        Gamma { stabilizer: 0.1.into(), ..Gamma::new(0.5) }.into(),
        Gamma { stabilizer: 0.1.into(), zero_bias: true, ..Gamma::new(0.5) }.into(),
        AlphaBeta::new(2.0, 1.0).into(),
    ];
    for rule in rules {
        let composite = composite(rule.clone());
        let explain = |rectifier| {
            let lrp = Lrp::new(&graph(rectifier).into(), composite.clone()).with_ledger();
            let attribution = lrp.attribute(images(2), 1).unwrap();
            let ledger = attribution.ledger().unwrap();
            let columns = [ledger.bias(), ledger.stabilizer(), ledger.dropped()];
            (relevance(&attribution), columns, attribution.scores().unwrap()[0].abs())
        };
        let ((known, columns, score), (plain, others, _)) = (explain(Activation::Relu), explain(unknown));
        assert_close(&known, &plain, 1e-5);
        for (column, other) in columns.iter().flatten().zip(others.iter().flatten()) {
            assert!((column - other).abs() <= 1e-4 * score, "{rule}: {columns:?} {others:?}");
        }
    }
}

#[test]
fn a_node_is_rectified_where_relevance_vanishes_with_the_relus_output() {
    let epsilon = composite(Epsilon::default());
    // `second` is read by the sum, and `head` is the output.
    assert_eq!(rectified(&epsilon, Activation::Relu), ["first", "other", "sum"]);
    assert_eq!(rectified(&epsilon, Activation::ThresholdedRelu { threshold: 0.0 }), Vec::<&str>::new());
    // Flat puts relevance on inputs that are 0 as well.
    let flat = epsilon.clone().prepend(Matcher::name("second"), Flat::default());
    assert_eq!(rectified(&flat, Activation::Relu), ["other", "sum"]);
    let flat = epsilon.prepend(LayerKind::Linear, Flat::default());
    assert_eq!(rectified(&flat, Activation::Relu), ["first", "other"]);
}
