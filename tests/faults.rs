//! Models, settings and users' code that once gave a wrong number, a panic or a hang.

use burn::nn::{Gelu, LinearConfig, Relu};
use burn::tensor::activation::{softmax, softplus};
use burn::tensor::backend::Backend;
use burn::tensor::{DType, Distribution, Tensor, TensorData};
use burn_flex::Flex;
use burn_xai::Value;
use burn_xai::attributor::{
    Attributor, InputXGradient, IntegratedGradients, Lrp, Occlusion, Quadrature, Saliency, SmoothGrad,
};
use burn_xai::composite::{Composite, Matcher, epsilon_plus, gradient, guided_backprop};
use burn_xai::error::{ExplainError, GraphError, LayerError, PlanError, RuleError};
use burn_xai::graph::{Graph, GraphBuilder, NodeView};
use burn_xai::kernel::{ConvGeometry, PoolGeometry, PoolOutput};
use burn_xai::layer::{
    Activation, BackwardContext, BatchNorm, Conv, Cut, Expand, Layer, LayerKind, LayerOps, Linear, Pad, Pool,
    Repeat, Slice,
};
use burn_xai::model::{Model, Target};
use burn_xai::rule::{BoundRule, Norm, Pass, PropagationRule, Rule};
use burn_xai::trace::{TraceError, Traced};
use burn_xai::{record, record_fn};

type T<const D: usize> = Tensor<Traced<Flex>, D>;

fn row<const N: usize>(numbers: [f32; N]) -> Tensor<Flex, 2> {
    Tensor::from_data(TensorData::new(numbers.to_vec(), [1, N]), &Default::default())
}

fn value(numbers: &[f64], dims: &[usize], dtype: DType) -> Value<Flex> {
    let data = TensorData::new(numbers.to_vec(), dims.to_vec()).convert_dtype(dtype);
    Value::from_data(data, &Default::default())
}

fn numbers(tensor: Tensor<Flex, 2>) -> Vec<f32> {
    tensor.into_data().to_vec().unwrap()
}

fn relevance(method: &impl Attributor<Flex>, x: Tensor<Flex, 2>) -> Vec<f32> {
    numbers(method.attribute(x, Target::class(0)).unwrap().relevance().unwrap())
}

#[test]
fn a_detached_value_has_no_gradient_but_relevance() {
    let model = record_fn(|x: T<2>| (x.clone() * x.detach()).sum_dim(1));
    assert_eq!(relevance(&Saliency::new(&model), row([2.0, 3.0])), [2.0, 3.0]);
    assert_eq!(relevance(&InputXGradient::new(&model), row([2.0, 3.0])), [4.0, 9.0]);

    let model = record_fn(|x: T<2>| x.detach().sum_dim(1));
    let lrp = Lrp::new(&model, epsilon_plus());
    assert!((relevance(&lrp, row([2.0, 3.0]))[1] - 3.0).abs() < 1e-5);
}

/// Burn's softplus of 100 is infinite in f32, the layer's is not.
#[test]
fn layers_that_give_another_output_than_the_model_are_refused() {
    let model = record_fn(|x: T<2>| x.clone() / (softplus(x, 1.0) + 0.5));
    let fine = Saliency::new(&model).attribute(row([3.0]), Target::class(0)).unwrap();
    assert!(fine.output::<2>().unwrap().into_scalar() > 0.8);
    // Another batch size, so another recording.
    let x = Tensor::<Flex, 2>::full([2, 1], 100.0, &Default::default());
    // The wrong recording serves no later call either.
    for _ in 0..2 {
        let error = Saliency::new(&model).attribute(x.clone(), Target::class(0)).unwrap_err();
        let ExplainError::Source(source) = &error else { panic!("{error}") };
        assert!(
            matches!(source.downcast_ref(), Some(TraceError::OutputDiffers { recorded: 0.0, .. })),
            "{error}"
        );
    }
    assert!(Saliency::new(&model).attribute(x / 50.0, Target::class(0)).is_ok());
}

#[test]
fn random_numbers_are_drawn_anew_for_each_input() {
    let model = record_fn(|x: T<2>| {
        let noise = T::<2>::random([1, 2], Distribution::Uniform(0.0, 1.0), &x.device());
        (x * noise).sum_dim(1)
    });
    let score = || model.output(row([1.0, 2.0]), 0).unwrap().to_data().unwrap().to_vec::<f32>().unwrap();
    assert_ne!(score(), score());
    assert!(model.reads_values());
}

/// A token and a number in one float tensor: the token's share is a constant's, and the summary says so.
#[test]
fn values_read_out_of_the_input_are_named() {
    let table = Tensor::<Flex, 2>::from_floats([[1.0], [4.0]], &Default::default());
    let model = record_fn(move |x: T<2>| {
        let token = x.clone().slice([0..1, 0..1]).int().reshape([1]);
        let embedded = T::<2>::from_inner(table.clone()).select(0, token);
        T::cat(vec![embedded, x.slice([0..1, 1..2])], 1).sum_dim(1)
    });
    let lrp = Lrp::new(&model, epsilon_plus()).with_ledger();
    let attribution = lrp.attribute(row([1.0, 2.0]), Target::class(0)).unwrap();
    let ledger = attribution.ledger().unwrap();
    assert!((ledger.bias()[0] - 4.0).abs() < 1e-4 && ledger.unexplained()[0].abs() < 1e-4, "{ledger}");
    let summary = attribution.summary().unwrap();
    let warnings = summary.warnings().join("\n");
    assert!(warnings.contains("read out of a float input") && warnings.contains("66.7 %"), "{summary}");
}

/// At the first step of a recurrent net the state is 0 and its bias an added constant, later the bias of a
/// layer: its share must not depend on that.
#[test]
fn a_bias_takes_its_share_whatever_it_is_added_to() {
    let device = Default::default();
    let linear = LinearConfig::new(2, 1).with_bias(false).init::<Traced<Flex>>(&device);
    let plain = linear.clone();
    let shifted = record_fn(move |x: T<2>| linear.forward(x) + 3.0);
    let joined = record_fn(move |x: T<2>| {
        let bias = T::<2>::full([1, 1], 3.0, &x.device());
        plain.forward(x) + bias
    });
    for model in [shifted, joined] {
        let lrp = Lrp::new(&model, epsilon_plus()).with_ledger();
        let attribution = lrp.attribute(row([1.0, 2.0]), Target::class(0)).unwrap();
        let bias = attribution.ledger().unwrap().bias()[0];
        assert!((bias - 3.0).abs() < 1e-4, "{}", attribution.ledger().unwrap());
    }
}

/// A constant that normalises the input is no evidence.
#[test]
fn a_normalisation_of_the_input_passes_relevance_on() {
    let linear = LinearConfig::new(2, 1).with_bias(false).init::<Traced<Flex>>(&Default::default());
    let model = record_fn(move |x: T<2>| linear.forward((x - 0.5) / 0.25));
    let lrp = Lrp::new(&model, epsilon_plus()).with_ledger();
    let attribution = lrp.attribute(row([1.0, 2.0]), Target::class(0)).unwrap();
    assert_eq!(attribution.ledger().unwrap().bias(), [0.0]);
}

#[test]
fn integrated_gradients_worked_out_by_hand() {
    let of = |model: &Model<Flex>, x| {
        let method = IntegratedGradients::new(model).with_steps(300).with_quadrature(Quadrature::Midpoint);
        relevance(&method, x)[0]
    };
    let kinks = record_fn(|x: T<2>| Relu::new().forward(x.clone() - 1.0) + Relu::new().forward(x - 2.0));
    assert!((of(&kinks, row([3.0])) - 3.0).abs() < 0.02);
    let softmax = record_fn(|x: T<2>| softmax(T::cat(vec![x.clone(), x.zeros_like()], 1), 1));
    let at_2 = of(&softmax, row([2.0]));
    assert!((at_2 - 0.380_797_1).abs() < 1e-5, "{at_2}");
}

#[test]
fn products_are_no_sums() {
    let refused = |model: &Model<Flex>| {
        let lrp = Lrp::new(model, Composite::new("norm").append(Matcher::Any, Norm::default()));
        match lrp.attribute(row([2.0, 3.0]), Target::class(0)) {
            Err(ExplainError::Plan(PlanError::Rule { source: RuleError::Ability { kind, .. }, .. })) => kind,
            other => panic!("{other:?}"),
        }
    };
    let product = record_fn(|x: T<2>| x.clone() * x.clone().flip([1]));
    assert_eq!(refused(&product), LayerKind::Mul);
    let quotient = record_fn(|x: T<2>| x.clone() / x.clone().flip([1]));
    assert_eq!(refused(&quotient), LayerKind::Div);
    let matrices = record_fn(|x: T<2>| x.clone().transpose().matmul(x).reshape([1, 4]));
    assert_eq!(refused(&matrices), LayerKind::Matmul);
    let square = record_fn(|x: T<2>| x.powi_scalar(2));
    assert_eq!(refused(&square), LayerKind::Elementwise);
}

#[test]
fn rules_for_relu_name_the_activations_that_they_are_not_for() {
    let gelu = record_fn(|x: T<2>| Gelu::new().forward(Relu::new().forward(x)));
    let error = Lrp::new(&gelu, guided_backprop()).attribute(row([1.0]), Target::class(0)).unwrap_err();
    assert!(error.to_string().contains("`activation gelu` (node `"), "{error}");
    let bounded = record_fn(|x: T<2>| Relu::new().forward(x).tanh());
    assert!(Lrp::new(&bounded, guided_backprop()).attribute(row([1.0]), Target::class(0)).is_ok());
}

/// The gradient methods run the model as it is; LRP merges the batch norm.
#[test]
fn gradients_are_those_of_the_unmerged_model() {
    let vector = |numbers: &[f64]| value(numbers, &[2], DType::F32);
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", &[1, 2]).unwrap();
    let linear = Linear::new(value(&[1.0, 2.0, 3.0, 4.0], &[2, 2], DType::F32), None).unwrap();
    let linear = builder.push("linear", linear, &[x]).unwrap();
    let norm =
        BatchNorm::new(vector(&[0.5, 0.1]), vector(&[3.0, 7.0]), vector(&[1.1, 0.9]), vector(&[0.0; 2]));
    let norm = builder.push("norm", norm.unwrap(), &[linear]).unwrap();
    let model = Model::from(builder.finish(norm).unwrap());
    let kept = |lrp: Lrp<Flex>| {
        let attribution = lrp.with_relevance_at("*").attribute(row([1.0, 1.0]), Target::class(0));
        attribution.unwrap().relevance_at::<2>("norm").is_ok()
    };
    assert!(kept(Lrp::new(&model, gradient())), "a merged node keeps its name");
    assert_eq!(model.graph(row([1.0, 1.0]), 0).unwrap().nodes().len(), 2);
    let gradient = relevance(&Saliency::new(&model), row([1.0, 1.0]));
    let scale = 1.1f32 / 3.0;
    assert_eq!(gradient, [scale, 3.0 * scale]);
}

#[test]
fn parameters_of_several_element_types_are_refused() {
    let weight = |dtype| value(&[1.0; 4], &[2, 2], dtype);
    let bias = |dtype| Some(value(&[1.0; 2], &[2], dtype));
    let mut builder = GraphBuilder::<Flex>::new();
    let x = builder.input("x", &[1, 2]).unwrap();
    let mixed = Linear::new(weight(DType::F32), bias(DType::F64)).unwrap();
    let error = builder.push("mixed", mixed, &[x]).unwrap_err();
    assert!(matches!(&error, GraphError::Parameters { node, .. } if node == "mixed"), "{error}");
    assert!(error.to_string().contains("F64 on Cpu") && error.to_string().contains("F32 on Cpu"), "{error}");

    let first = builder.push("first", Linear::new(weight(DType::F32), None).unwrap(), &[x]).unwrap();
    let second = Linear::new(weight(DType::F64), None).unwrap();
    assert!(builder.push("second", second, &[first]).is_err());
}

/// Explains one layer by the gradient, if it takes the input at all.
fn tried(layer: impl Into<Layer<Flex>>, dims: &[usize]) -> Result<(), ExplainError> {
    let mut builder = GraphBuilder::new();
    let x = builder.input("x", dims)?;
    let y = builder.push("layer", layer.into(), &[x])?;
    let graph = builder.finish(y)?;
    let output = graph.forward(&[value(&vec![1.0; dims.iter().product()], dims, DType::F32)])?;
    graph.vjp(&[value(&vec![1.0; dims.iter().product()], dims, DType::F32)], output)?;
    Ok(())
}

/// Settings next to the largest numbers end in an error, or in what they mean; never in a panic or an
/// allocation of all memory.
#[test]
fn huge_settings_are_refused_or_work() {
    const HUGE: [usize; 4] = [1 << 40, 1 << 62, usize::MAX - 1, isize::MAX as usize];
    for huge in HUGE {
        let step = (huge as isize).saturating_abs().max(2);
        let cut = |step| Slice::new([Cut::All, Cut::Range { start: 1, end: 4, step }]);
        tried(cut(step), &[1, 5]).unwrap();
        tried(cut(-step), &[1, 5]).unwrap();
        assert!(tried(Pad::new([(0, 0), (huge, 0)], 1.0), &[1, 5]).is_err());
        assert!(tried(Repeat::new(1, huge), &[1, 5]).is_err());
        assert!(tried(Expand::new([1, (huge >> 1) as i64]), &[1, 1]).is_err());
        assert!(
            tried(Pool::average(PoolGeometry::Adaptive { output: vec![huge] }, false), &[1, 1, 5]).is_err()
        );

        let sliding = |kernel, stride, padding, dilation, output| PoolGeometry::Sliding {
            kernel: vec![kernel],
            stride: vec![stride],
            padding: vec![(padding, 0)],
            dilation: vec![dilation],
            output,
        };
        for (geometry, works) in [
            (sliding(2, huge, 0, 1, PoolOutput::Floor), true),
            (sliding(huge, 1, 0, 1, PoolOutput::Floor), false),
            (sliding(2, 1, huge, 1, PoolOutput::Floor), false),
            (sliding(2, 1, 0, huge, PoolOutput::Floor), false),
            (sliding(2, 1, 0, 1, PoolOutput::Exact(vec![huge])), false),
            (sliding(huge, 1, 0, 1, PoolOutput::Exact(vec![1])), false),
        ] {
            for pool in
                [Pool::max(geometry.clone()), Pool::min(geometry.clone()), Pool::average(geometry, true)]
            {
                let outcome = tried(pool.clone(), &[1, 1, 5]);
                assert_eq!(outcome.is_ok(), works, "{pool:?}: {outcome:?}");
            }
        }
        for (stride, padding, dilation, works) in
            [(huge, 0, 1, true), (1, huge, 1, false), (1, 0, huge, false)]
        {
            let geometry = ConvGeometry {
                stride: vec![stride],
                padding: vec![(padding, 0)],
                dilation: vec![dilation],
                groups: 1,
            };
            let conv = Conv::new(value(&[1.0; 3], &[1, 1, 3], DType::F32), None, geometry).unwrap();
            let outcome = tried(conv, &[1, 1, 5]);
            assert_eq!(outcome.is_ok(), works, "{stride} {padding} {dilation}: {outcome:?}");
        }
    }
}

/// A layer or a rule of a user's own, with an index out of bounds.
#[derive(Debug)]
struct Careless;

impl LayerOps<Flex> for Careless {
    fn kind(&self) -> LayerKind {
        LayerKind::custom("careless")
    }

    fn output_dims(&self, inputs: &[&[usize]]) -> Result<Vec<usize>, LayerError> {
        Ok(inputs[0].to_vec())
    }

    fn forward(&self, inputs: Vec<Value<Flex>>) -> Result<Value<Flex>, LayerError> {
        Ok(inputs[1].clone())
    }
}

impl PropagationRule<Flex> for Careless {
    fn bind(&self, node: &NodeView<'_, Flex>) -> Result<BoundRule<Flex>, RuleError> {
        if node.inputs_non_negative() {
            panic!("bound too early");
        }
        let rule = |_: &BackwardContext<'_, Flex>, relevance: Value<Flex>| Ok(vec![relevance.reshape(&[7])]);
        Ok(BoundRule::new(Pass.bind(node)?.saved(), rule))
    }
}

fn one(layers: Vec<Layer<Flex>>) -> Graph<Flex> {
    let mut builder = GraphBuilder::new();
    let mut last = builder.input("x", &[1, 2]).unwrap();
    for (place, layer) in layers.into_iter().enumerate() {
        last = builder.push(format!("{place}"), layer, &[last]).unwrap();
    }
    builder.finish(last).unwrap()
}

#[test]
fn panics_of_users_layers_and_rules_are_errors() {
    let careless = one(vec![Layer::custom(Careless)]);
    let error = careless.forward(&[value(&[1.0; 2], &[1, 2], DType::F32)]).unwrap_err();
    let ExplainError::Layer { node, source: LayerError::Panicked { message } } = error else {
        panic!("{error}")
    };
    assert!(
        node == "0" && message.contains("index out of bounds") && message.contains("faults.rs"),
        "{message}"
    );

    let composite = Composite::new("careless").append(Matcher::Any, Rule::custom("careless"));
    let explain = |graph| {
        let lrp = Lrp::new(&Model::from(graph), composite.clone()).with_rule("careless", Careless);
        lrp.attribute(row([1.0, 2.0]), Target::class(0)).unwrap_err()
    };
    let error = explain(one(vec![Activation::Tanh.into()]));
    assert!(matches!(error, ExplainError::Layer { source: LayerError::Panicked { .. }, .. }), "{error}");
    let error = explain(one(vec![Activation::Relu.into(), Activation::Tanh.into()]));
    assert!(
        matches!(&error, ExplainError::Plan(PlanError::Rule { node, source: RuleError::Panicked { .. }, .. }) if node == "1"),
        "{error}"
    );
}

/// A constant of the batch's size, which several copies of the batch do not fit.
#[test]
fn constants_of_the_batchs_size_are_named_as_the_cause() {
    let state = Tensor::<Flex, 2>::ones([2, 3], &Default::default());
    let model = record_fn(move |x: T<2>| x * T::<2>::from_inner(state.clone()));
    let x = Tensor::<Flex, 2>::ones([2, 3], &Default::default());
    let methods = |largest| -> [Box<dyn Attributor<Flex>>; 3] {
        [
            Box::new(Occlusion::new(&model).with_window(1).with_largest_batch(largest)),
            Box::new(IntegratedGradients::new(&model).with_largest_batch(largest)),
            Box::new(SmoothGrad::new(&model).with_largest_batch(largest)),
        ]
    };
    for (fails, works) in methods(32).into_iter().zip(methods(2)) {
        let error = fails.attribute(x.clone(), Target::class(0)).unwrap_err();
        assert!(error.to_string().contains("set `with_largest_batch(2)`"), "{}: {error}", fails.name());
        assert!(works.attribute(x.clone(), Target::class(0)).is_ok());
    }
}

fn deep<B: Backend>(x: Tensor<B, 2>) -> Tensor<B, 2> {
    (0..5000).fold(x, |x, _| Relu::new().forward(x + 1.0))
}

/// An error names the nearest few of ten thousand nodes, and not all.
#[test]
fn errors_on_long_graphs_are_short() {
    let lrp = Lrp::new(&record_fn(deep::<Traced<Flex>>), epsilon_plus()).with_relevance_at("input.rely");
    let error = lrp.attribute(row([1.0]), Target::class(0)).unwrap_err().to_string();
    assert!(error.contains("input.relu") && error.len() < 400, "{error}");
}

/// Thousands of batch norms are merged in a few rounds, not one by one.
#[test]
fn long_networks_are_canonized() {
    let vector = |number: f64| value(&[number], &[1], DType::F32);
    let mut builder = GraphBuilder::new();
    let mut last = builder.input("x", &[1, 1]).unwrap();
    for block in 0..3000 {
        let linear = Linear::new(value(&[1.0], &[1, 1], DType::F32), None).unwrap();
        last = builder.push(format!("{block}.linear"), linear, &[last]).unwrap();
        let norm = BatchNorm::new(vector(0.0), vector(1.0), vector(1.0), vector(0.001)).unwrap();
        last = builder.push(format!("{block}.norm"), norm, &[last]).unwrap();
    }
    let model = Model::from(builder.finish(last).unwrap());
    let graph = model.graph(row([1.0]), 0).unwrap();
    assert_eq!(graph.nodes().len(), 3001);
    assert!(graph.find("2999.norm").is_ok());
    let attribution = Lrp::new(&model, epsilon_plus()).attribute(row([1.0]), Target::class(0)).unwrap();
    assert!((attribution.output::<2>().unwrap().into_scalar() - 4.0).abs() < 1e-3);
}

/// The same input gives the same bits, alone, again, and on four threads at once.
#[test]
fn explanations_do_not_depend_on_threads() {
    let device = Default::default();
    let linear = LinearConfig::new(8, 4).init::<Flex>(&device);
    let model = record(&linear, |linear, x: T<2>| linear.forward(x));
    let lrp = Lrp::new(&model, epsilon_plus()).with_ledger();
    let input = |seed: usize| {
        let numbers = (0..8 * (1 + seed % 3)).map(|i| ((i * 31 + seed * 17) % 23) as f32 / 7.0 - 1.5);
        Tensor::<Flex, 2>::from_data(TensorData::new(numbers.collect::<Vec<_>>(), [1 + seed % 3, 8]), &device)
    };
    let explain = |seed: usize| {
        let attribution = lrp.attribute(input(seed), Target::argmax()).unwrap();
        (numbers(attribution.relevance().unwrap()), attribution.ledger().unwrap().to_string())
    };
    let alone: Vec<_> = (0..12).map(explain).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (alone, explain) = (&alone, &explain);
            scope.spawn(move || {
                for turn in 0..60 {
                    let seed = (turn * 5 + thread) % 12;
                    assert_eq!(explain(seed), alone[seed]);
                }
            });
        }
    });
}
