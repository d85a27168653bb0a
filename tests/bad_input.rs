//! Bad input gives typed errors that say what was wrong, where, and what to do; nothing panics.
use std::fmt::Display;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{Linear, LinearConfig, Relu};
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Tensor, TensorData, Tolerance};
use burn_flex::Flex;
use burn_xai::attributor::{Attributor, Lrp, Saliency};
use burn_xai::composite::{Composite, Matcher, Plan, epsilon_plus_flat, gradient};
use burn_xai::error::{ExplainError, GraphError, InputError, LayerError, PlanError, RuleError, TargetError};
use burn_xai::graph::{Graph, GraphBuilder, GraphPatch};
use burn_xai::layer::{Activation, Add, Layer, LayerKind, Reshape};
use burn_xai::model::Target;
use burn_xai::rule::{AlphaBeta, Bound, Epsilon, Flat, Pass, Rule, ZBox};
use burn_xai::trace::TraceError;
use burn_xai::{record, record_fn};

/// Panics unless an error's message has all of these in it.
fn assert_says(error: &impl Display, parts: &[&str]) {
    let message = error.to_string();
    for part in parts {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
}

#[derive(Module, Debug)]
struct Net<B: Backend> {
    conv: Conv2d<B>,
    relu: Relu,
    head: Linear<B>,
}

impl<B: Backend> Net<B> {
    fn forward(&self, images: Tensor<B, 4>) -> Tensor<B, 2> {
        let x = self.relu.forward(self.conv.forward(images));
        self.head.forward(x.flatten(1, 3))
    }
}

fn net() -> Net<Flex> {
    let device = Default::default();
    Net {
        conv: Conv2dConfig::new([3, 4], [3, 3]).init(&device),
        relu: Relu::new(),
        head: LinearConfig::new(64, 5).init(&device),
    }
}

/// The network, recorded.
fn recorded() -> Lrp<Flex> {
    Lrp::new(&record(&net(), Net::forward), epsilon_plus_flat())
}

/// The same layers as a graph built by hand.
fn graph() -> Graph<Flex> {
    let net = net();
    let mut builder = GraphBuilder::new();
    let x = builder.input("image", &[2, 3, 6, 6]).unwrap();
    let x = builder.push("conv", &net.conv, &[x]).unwrap();
    let x = builder.push("relu", Activation::Relu, &[x]).unwrap();
    let x = builder.push("flat", Reshape::flatten(), &[x]).unwrap();
    let x = builder.push("head", &net.head, &[x]).unwrap();
    builder.finish(x).unwrap()
}

fn built() -> Lrp<Flex> {
    Lrp::new(&graph().into(), epsilon_plus_flat())
}

fn images(dims: [usize; 4]) -> Tensor<Flex, 4> {
    Tensor::ones(dims, &Default::default())
}

fn refused<const D: usize>(lrp: &Lrp<Flex>, x: Tensor<Flex, D>) -> ExplainError {
    lrp.attribute(x, Target::argmax()).unwrap_err()
}

/// The recorder's own error behind an [`ExplainError::Source`].
fn trace_error(error: &ExplainError) -> &TraceError {
    match error {
        ExplainError::Source(source) => source.downcast_ref().expect("the source is a recording"),
        other => panic!("{other}"),
    }
}

#[test]
fn good_input_is_explained() {
    for lrp in [built(), recorded()] {
        let attribution = lrp.attribute(images([2, 3, 6, 6]), Target::argmax()).unwrap();
        assert_eq!(attribution.relevance::<4>().unwrap().dims(), [2, 3, 6, 6]);
    }
}

#[test]
fn a_batch_of_no_samples() {
    let error = refused(&built(), images([0, 3, 6, 6]));
    assert!(matches!(&error, ExplainError::Input(InputError::Empty { input, dims })
        if input == "image" && *dims == [0, 3, 6, 6]));
    assert_says(&error, &["`image`", "[0, 3, 6, 6]", "pass at least one sample"]);

    let error = refused(&recorded(), images([0, 3, 6, 6]));
    assert!(matches!(&error, ExplainError::Input(InputError::Empty { input, .. }) if input == "input"));
    assert_says(&error, &["`input`", "[0, 3, 6, 6]", "pass at least one sample"]);
}

#[test]
fn a_wrong_number_of_channels() {
    let error = refused(&built(), images([2, 5, 6, 6]));
    assert!(matches!(&error, ExplainError::Layer { node, source: LayerError::Shape(_) } if node == "conv"));
    assert_says(&error, &["`conv`", "5 channels", "reads 3", "check the channel count"]);

    let error = refused(&recorded(), images([2, 5, 6, 6]));
    assert!(
        matches!(trace_error(&error), TraceError::Panicked { inputs, .. } if inputs.contains("[2, 5, 6, 6]"))
    );
    assert_says(&error, &["[2, 5, 6, 6]", "check that the model takes such inputs"]);
}

#[test]
fn an_image_of_another_size() {
    let error = refused(&built(), images([2, 3, 7, 6]));
    assert!(matches!(&error, ExplainError::Layer { node, .. } if node == "head"));
    assert_says(&error, &["`head`", "80 features", "64"]);
}

#[test]
fn a_wrong_rank() {
    let flat = || Tensor::<Flex, 2>::ones([2, 108], &Default::default());
    let error = refused(&built(), flat());
    assert!(matches!(&error, ExplainError::Input(InputError::Rank { expected: 4, dims, .. })
        if *dims == [2, 108]));
    assert_says(&error, &["`image`", "4 dimensions", "[2, 108]"]);

    let error = refused(&recorded(), flat());
    assert!(matches!(&error, ExplainError::Input(InputError::Rank { expected: 4, .. })));
    assert_says(&error, &["`input`", "4 dimensions", "[2, 108]"]);
}

#[test]
fn pixels_that_are_not_finite() {
    for (pixel, name) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        for (lrp, input) in [(built(), "image"), (recorded(), "input")] {
            let x = images([2, 3, 6, 6]).slice_fill([1..2, 2..3, 3..4, 4..5], pixel);
            let error = refused(&lrp, x);
            assert!(matches!(&error, ExplainError::Input(InputError::NotFinite { index, value, .. })
                if *index == [1, 2, 3, 4] && !value.is_finite()));
            assert_says(&error, &[&format!("`{input}`"), name, "[1, 2, 3, 4]", "finite inputs"]);
        }
    }
}

#[test]
fn element_types_without_enough_precision() {
    for dtype in [DType::F16, DType::BF16] {
        let name = format!("{dtype:?}");
        let error = refused(&built(), images([2, 3, 6, 6]).cast(dtype));
        assert!(matches!(&error, ExplainError::Input(InputError::DType { dtype, .. }) if *dtype == name));
        assert_says(&error, &["`image`", &name, "F32 or F64", "cast it first"]);

        let error = refused(&recorded(), images([2, 3, 6, 6]).cast(dtype));
        assert!(matches!(&error, ExplainError::Input(InputError::DType { dtype, .. }) if *dtype == name));
        assert_says(&error, &["`input`", &name, "F32 or F64", "cast it first"]);
    }
}

#[test]
fn parameters_without_enough_precision() {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[1, 2]).unwrap();
    let weight = Tensor::<Flex, 2>::ones([2, 2], &Default::default()).cast(DType::F16);
    let dense = burn_xai::layer::Linear::new(weight.into(), None).unwrap();
    let dense = builder.push("dense", dense, &[x]).unwrap();
    let lrp = Lrp::new(&builder.finish(dense).unwrap().into(), gradient());
    for dtype in [DType::F16, DType::F32] {
        let error = refused(&lrp, Tensor::<Flex, 2>::ones([1, 2], &Default::default()).cast(dtype));
        assert_says(&error, &["`x`", "F32 or F64", "parameters too"]);
    }
}

#[test]
fn another_element_type_than_the_parameters() {
    let error = refused(&built(), images([2, 3, 6, 6]).cast(DType::F64));
    assert!(matches!(error, ExplainError::Input(InputError::DType { .. })));
    assert_says(&error, &["`image`", "F64", "F32 is needed", "cast it first"]);

    let error = refused(&recorded(), images([2, 3, 6, 6]).cast(DType::F64));
    assert!(matches!(error, ExplainError::Input(InputError::DType { .. })));
    assert_says(&error, &["`input`", "F64", "F32 is needed", "cast it first"]);
}

#[test]
fn a_wrong_number_of_inputs() {
    let x = images([2, 3, 6, 6]);
    let error = built().attribute((x.clone(), x.clone()), 0).unwrap_err();
    assert!(matches!(error, ExplainError::Input(InputError::Count { expected: 1, got: 2 })));
    assert_says(&error, &["1 input", "got 2"]);
    let error = recorded().attribute((x.clone(), x), 0).unwrap_err();
    assert!(matches!(error, ExplainError::Input(InputError::Count { expected: 1, got: 2 })));
    assert_says(&error, &["1 input", "got 2"]);
}

#[test]
fn classes_that_the_output_does_not_have() {
    let error = built().attribute(images([2, 3, 6, 6]), 5).unwrap_err();
    assert!(matches!(error, ExplainError::Target(TargetError::Class { class: 5, sample: 0, classes: 5 })));
    assert_says(&error, &["class 5", "sample 0", "5 classes, 0 to 4"]);

    let error = built().attribute(images([2, 3, 6, 6]), Target::classes([4, 9])).unwrap_err();
    assert!(matches!(error, ExplainError::Target(TargetError::Class { class: 9, sample: 1, .. })));
    assert_says(&error, &["class 9", "sample 1"]);

    let error = built().attribute(images([2, 3, 6, 6]), Target::classes([1])).unwrap_err();
    assert!(matches!(error, ExplainError::Target(TargetError::ClassCount { got: 1, batch: 2 })));
    assert_says(&error, &["1 classes", "batch of 2", "one per sample"]);
}

#[test]
fn explicit_relevance_of_another_shape() {
    let relevance = Tensor::<Flex, 2>::ones([2, 4], &Default::default());
    let error = built().attribute(images([2, 3, 6, 6]), relevance).unwrap_err();
    assert!(matches!(error, ExplainError::Target(TargetError::Relevance { .. })));
    assert_says(&error, &["F32 [2, 4]", "output is F32 [2, 5]"]);

    let relevance = Tensor::<Flex, 2>::ones([2, 5], &Default::default()).cast(DType::F64);
    let error = built().attribute(images([2, 3, 6, 6]), relevance).unwrap_err();
    assert!(matches!(error, ExplainError::Target(TargetError::Relevance { .. })));
    assert_says(&error, &["F64 [2, 5]", "output is F32 [2, 5]"]);
}

#[test]
fn relevance_that_was_not_kept() {
    let attribution = built().with_relevance_at("conv").attribute(images([2, 3, 6, 6]), 0).unwrap();
    let error = attribution.relevance_at::<2>("head").unwrap_err();
    assert!(matches!(&error, ExplainError::NotKept { node, .. } if node == "head"));
    assert_says(&error, &["`head`", "with_relevance_at"]);
    let error = attribution.relevance_at::<2>("conv").unwrap_err();
    assert!(matches!(&error, ExplainError::Rank { asked: 2, .. }));
    assert_says(&error, &["`conv`", "[2, 4, 4, 4]", "rank 2"]);

    let error = built().with_relevance_at("hed").attribute(images([2, 3, 6, 6]), 0).unwrap_err();
    assert!(matches!(&error, ExplainError::Plan(PlanError::NoSuchNode { pattern, .. }) if pattern == "hed"));
    assert_says(&error, &["`hed`", "nearest", "`head`"]);
}

#[test]
fn parameters_that_are_not_finite() {
    let mut net = net();
    net.head.weight = net.head.weight.map(|weight| weight * f32::NAN);
    let explainer = Lrp::new(&record(&net, Net::forward), epsilon_plus_flat());
    let error = refused(&explainer, images([2, 3, 6, 6]));
    assert!(matches!(error, ExplainError::OutputNotFinite { sample: 0, .. }));
    assert_says(&error, &["output", "NaN", "sample 0", "check the model's parameters"]);
}

#[test]
fn a_graph_with_a_cycle() {
    let mut builder = GraphBuilder::<Flex>::new();
    let x = builder.input("x", &[2, 3]).unwrap();
    let first = builder.push("first", Activation::Relu, &[x]).unwrap();
    let second = builder.push("second", Activation::Relu, &[first]).unwrap();
    let graph = builder.finish(second).unwrap();
    let mut patch = GraphPatch::new("feed a node from its own output");
    let (x, second) = (patch.tap(&graph, x).unwrap(), patch.tap(&graph, second).unwrap());
    let sum = patch.wire("sum", Add, &[x, second]).unwrap();
    patch.shunt(&graph, first, &sum).unwrap();
    let error = graph.apply(patch).unwrap_err();
    assert!(matches!(error, GraphError::Cycle { .. }));
    assert_says(&error, &["cycle", "sum", "second", "must not feed a node from its own output"]);
}

#[test]
fn graphs_that_cannot_be_built() {
    let mut builder = GraphBuilder::<Flex>::new();
    let error = builder.input("x", &[0, 3]).unwrap_err();
    assert!(matches!(&error, GraphError::InputShape { name, .. } if name == "x"));
    assert_says(&error, &["`x`", "[0, 3]", "no dimension of size 0"]);
    let x = builder.input("x", &[2, 3]).unwrap();
    let y = builder.push("relu", Activation::Relu, &[x]).unwrap();
    let error = builder.push("relu", Activation::Relu, &[y]).unwrap_err();
    assert!(matches!(&error, GraphError::DuplicateName { name } if name == "relu"));
    assert_says(&error, &["`relu`", "must be unique"]);
    let error = builder.push("conv", &net().conv, &[y]).unwrap_err();
    assert!(matches!(&error, GraphError::Layer { node, .. } if node == "conv"));
    assert_says(&error, &["`conv`", "[2, 3]", "4 dimensions"]);
    let error = builder.push("sum", Add, &[y]).unwrap_err();
    assert!(matches!(&error, GraphError::Layer { source: LayerError::Arity { got: 1, .. }, .. }));
    assert_says(&error, &["`sum`", "two or more inputs", "got 1"]);
    let error = builder.finish(x).unwrap_err();
    assert!(matches!(error, GraphError::Disconnected));
    assert_says(&error, &["does not depend on any graph input"]);
}

fn planned(composite: &Composite) -> PlanError {
    Plan::new(&graph(), composite, &Default::default()).unwrap_err()
}

#[test]
fn a_node_that_no_entry_matches() {
    let composite = Composite::new("convolutions only").append(LayerKind::Conv, Flat::default());
    let error = planned(&composite);
    // Every kind that lacks an entry, not only the first.
    let PlanError::Unmatched { kinds, .. } = &error else { panic!("{error}") };
    let found: Vec<_> = kinds.iter().map(|group| (group.what.as_str(), group.first.as_str())).collect();
    assert_eq!(found, [("activation relu", "relu"), ("reshape", "flat"), ("linear", "head")]);
    assert_says(&error, &["`relu`", "`activation relu`", "`convolutions only`", "add one for each kind"]);
}

#[test]
fn a_rule_that_cannot_serve_a_layer() {
    let mut builder = GraphBuilder::<Flex>::new();
    let x = builder.input("x", &[2, 3]).unwrap();
    let relu = builder.push("relu", Activation::Relu, &[x]).unwrap();
    let sum = builder.push("sum", Add, &[x, relu]).unwrap();
    let graph = builder.finish(sum).unwrap();
    let composite = gradient().prepend(Matcher::name("sum"), Flat::default());
    let error = Plan::new(&graph, &composite, &Default::default()).unwrap_err();
    assert!(matches!(&error,
        PlanError::Rule { node, source: RuleError::Ability { kind: LayerKind::Add, .. }, .. } if node == "sum"));
    assert_says(&error, &["`sum`", "`flat`", "linear map", "`add`"]);

    let error = planned(&gradient().prepend(Matcher::Any, Pass));
    assert!(matches!(&error, PlanError::Rule { node, .. } if node == "conv"));
    assert_says(&error, &["`conv`", "`pass`", "only moves elements"]);
}

#[test]
fn rules_with_parameters_out_of_range() {
    let on_head = |rule: Rule| planned(&gradient().prepend(Matcher::name("head"), rule));
    let parameter = |error: &PlanError| match error {
        PlanError::Rule { node, source: RuleError::Parameter { value, .. }, .. } if node == "head" => *value,
        other => panic!("{other}"),
    };

    let error = on_head(Epsilon { epsilon: (-0.5).into(), ..Default::default() }.into());
    assert_eq!(parameter(&error), -0.5);
    assert_says(&error, &["`head`", "`epsilon`", "-0.5", "not negative"]);

    let error = on_head(Flat { stabilizer: f64::NAN.into() }.into());
    assert!(parameter(&error).is_nan());
    assert_says(&error, &["`head`", "`flat`", "NaN", "finite"]);

    let error = on_head(AlphaBeta { alpha: 2.0, beta: 0.5, ..Default::default() }.into());
    assert_eq!(parameter(&error), 1.5);
    assert_says(&error, &["`head`", "alpha - beta", "1.5", "must be 1"]);
}

#[test]
fn a_rule_of_ones_own_that_is_not_registered() {
    let rule = Rule::custom("mine");
    let error = planned(&gradient().prepend(Matcher::name("head"), rule));
    assert!(
        matches!(&error, PlanError::Rule { rule, source: RuleError::NotRegistered, .. } if rule == "mine")
    );
    assert_says(&error, &["`head`", "`mine`", "Lrp::with_rule"]);
}

#[test]
fn an_operation_that_no_layer_stands_for() {
    let model = record_fn::<Flex, _, _, _>(|x: Tensor<_, 2>| x.remainder_scalar(0.3).flip([1]));
    let x = Tensor::<Flex, 2>::ones([2, 3], &Default::default());
    let error = Lrp::new(&model, epsilon_plus_flat()).attribute(x.clone(), 0).unwrap_err();
    let ExplainError::Plan(PlanError::UnsupportedOperations { operations }) = &error else {
        panic!("{error}")
    };
    assert!(
        operations[0].what.contains("remainder_scalar") && operations[0].first.starts_with("input."),
        "{error}"
    );
    assert_says(&error, &["`input.", "remainder_scalar", "no layer", "Layer::custom", "gradient method"]);
    // Burn differentiates it.
    let gradient = Saliency::new(&model).attribute(x, 0).unwrap().relevance::<2>().unwrap();
    assert_eq!(gradient.into_data().to_vec::<f32>().unwrap(), [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn composites_that_do_not_parse() {
    let parse = |json: &str| serde_json::from_str::<Composite>(json).unwrap_err();
    let entry = |rule: &str| format!(r#"{{"name": "mine", "entries": [{{"match": "any", {rule}}}]}}"#);
    assert!(serde_json::from_str::<Composite>(&entry(r#""rule": "epsilon""#)).is_ok());

    let error = parse(&entry(r#""rule": "epsilom""#));
    assert!(error.is_data());
    assert_says(&error, &["`epsilom`", "`epsilon`", "`z-plus`", "line 1"]);

    let error = parse(&entry(r#""rule": "epsilon", "epsilom": 0.1"#));
    assert!(error.is_data());
    assert_says(&error, &["`epsilom`", "`epsilon`", "line 1"]);

    let error = parse(r#"{"name": "mine", "entries": [], "default": "pass"}"#);
    assert!(error.is_data());
    assert_says(&error, &["`default`", "`entries`", "line 1"]);

    let error = parse(r#"{"name": "mine", "entries": [{"match": {"kind": "conv"}, "rule": "flat"}]}"#);
    assert!(error.is_data());
    assert_says(&error, &["`kind`", "`kinds`", "line 1"]);

    // A kind may be of a layer of one's own, so only a graph can tell that there is none.
    let unknown = r#"{"name": "mine", "entries": [{"match": {"kinds": ["convolution"]}, "rule": "flat"}]}"#;
    let error = planned(&serde_json::from_str(unknown).unwrap());
    assert!(matches!(&error, PlanError::NoSuchKind { .. }), "{error}");
    assert_says(&error, &["`convolution`", "`conv`"]);
}

#[test]
fn an_input_where_a_layer_is_wanted() {
    let mut builder = GraphBuilder::<Flex>::new();
    let x = builder.input("x", &[1, 4]).unwrap();
    let error = builder.push("tap", Layer::Input, &[x]).unwrap_err();
    assert!(matches!(&error, GraphError::Layer { source: LayerError::NotALayer, .. }));
    assert_says(&error, &["`tap`", "GraphBuilder::input"]);
}

#[test]
fn wires_of_another_patch() {
    let graph = graph();
    let head = graph.find("head").unwrap();
    let mut first = GraphPatch::new("adds a node");
    let tap = first.tap(&graph, head).unwrap();
    let wire = first.wire("again", Activation::Relu, &[tap]).unwrap();
    let mut second = GraphPatch::new("does not have it");
    second.shunt(&graph, head, &wire).unwrap();
    let error = graph.apply(second).unwrap_err();
    assert!(matches!(&error, GraphError::UnknownNode { .. }));
    assert_says(&error, &["does not exist", "ids do not survive a rewrite"]);
}

#[test]
fn relevance_that_is_not_finite() {
    let relevance = Tensor::<Flex, 2>::full([2, 5], f32::NAN, &Default::default());
    let error = built().attribute(images([2, 3, 6, 6]), relevance).unwrap_err();
    assert!(matches!(&error, ExplainError::Target(TargetError::NotFinite)));
    assert_says(&error, &["relevance", "NaN", "must be finite"]);
}

#[test]
fn bounds_for_inputs_of_another_size() {
    let mut builder = GraphBuilder::new();
    let x = builder.input("image", &[1, 3, 6, 6]).unwrap();
    let conv = builder.push("conv", &net().conv, &[x]).unwrap();
    let bound = |value: f64| Bound::Tensor { dims: vec![3, 6, 6], values: vec![value; 108] };
    let pixels = Composite::new("box").append(Matcher::Any, ZBox::new(bound(0.0), bound(1.0)));
    let lrp = Lrp::new(&builder.finish(conv).unwrap().into(), pixels);
    let seed = |size: usize| Tensor::<Flex, 4>::ones([1, 4, size, size], &Default::default());
    assert!(lrp.attribute(images([1, 3, 6, 6]), seed(4)).is_ok());
    let error = lrp.attribute(images([1, 3, 8, 8]), seed(6)).unwrap_err();
    assert!(matches!(&error, ExplainError::Layer { source: LayerError::Bound { .. }, .. }), "{error}");
    assert_says(&error, &["`conv`", "[3, 6, 6]", "[1, 3, 8, 8]", "over channels only"]);
}

/// Sums over the batch, and products of samples with each other: legal, so nothing may panic and
/// the numbers must still add up.
#[test]
fn samples_that_are_mixed() {
    let x = || Tensor::<Flex, 2>::from_floats([[1.0, 2.0], [3.0, -1.0], [0.5, 4.0]], &Default::default());
    let sum = record_fn::<Flex, _, _, _>(|x: Tensor<_, 2>| x.sum_dim(0));
    let flat = Composite::new("flat").append(Matcher::Any, Flat::default());
    let lrp = Lrp::new(&sum, flat).with_ledger();
    let seed = Tensor::<Flex, 2>::from_floats([[3.0, 6.0]], &Default::default());
    let attribution = lrp.attribute(x(), seed).unwrap();
    let relevance = attribution.relevance::<2>().unwrap().into_data();
    relevance.assert_approx_eq::<f32>(
        &TensorData::from([[1.0, 2.0], [1.0, 2.0], [1.0, 2.0]]),
        Tolerance::absolute(1e-4),
    );
    let ledger = attribution.ledger().unwrap();
    assert_eq!(ledger.rows()[0].arrived, [9.0]);
    assert!(ledger.rows()[0].unexplained()[0].abs() < 1e-5);

    let gram = record_fn::<Flex, _, _, _>(|x: Tensor<_, 2>| x.clone().matmul(x.transpose()));
    let lrp = Lrp::new(&gram, gradient()).with_ledger();
    let seed = Tensor::<Flex, 2>::ones([3, 3], &Default::default());
    assert_eq!(lrp.attribute(x(), seed).unwrap().relevance::<2>().unwrap().dims(), [3, 2]);
}
