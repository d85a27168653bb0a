//! Neurons and inner layers, by parts of a model.

use super::*;
use crate::attributor::{Attributor, IntegratedGradients, Lrp, Occlusion, Saliency};
use crate::composite::epsilon_plus_flat;
use crate::error::ExplainError;
use crate::layer::{Add, Embedding};
use crate::model::{Input, Target};

#[test]
fn a_part_up_to_a_node_explains_its_neurons() {
    let model = model();
    let part = model.up_to("second.relu");
    let neuron = Target::index([3, 1, 0]);
    let activations = part.output(images(2), 0).unwrap();
    let attribution = Saliency::new(&part).attribute(images(2), neuron.clone()).unwrap();
    assert_eq!(attribution.output::<4>().unwrap().dims(), [2, 5, 2, 2]);
    // The gradient of the whole, when the rest of it passes the neuron alone.
    let whole = Lrp::new(&model, crate::composite::gradient()).with_activations_at("second.relu");
    let whole = whole.attribute(images(2), 0).unwrap();
    assert_close(
        &values(whole.activation_at::<4>("second.relu").unwrap()),
        &read(&activations).unwrap(),
        1e-6,
    );
    let graph = part.graph(images(2), 0).unwrap();
    let seed = neuron.resolve(&activations).unwrap().seed;
    let ones = seed.full_like(&seed.dims(), 1.0).where_nonzero(&seed);
    let want = graph.vjp(&[images(2).into()], ones).unwrap();
    assert_close(&relevance(&attribution), &read(&want[0]).unwrap(), 1e-6);
}

#[test]
fn a_part_after_a_node_attributes_to_its_activations() {
    let model = model();
    let (rest, activations) = model.after("pool", images(2), 0).unwrap();
    let whole = Lrp::new(&model, epsilon_plus_flat()).with_relevance_at("pool");
    let whole = whole.attribute(images(2), Target::argmax()).unwrap();
    // What is the first layer of the rest is in the middle of the whole, so no rule may depend on that.
    let composite = crate::composite::epsilon_plus();
    let middle = Lrp::new(&model, composite.clone()).with_relevance_at("pool");
    let middle = middle.attribute(images(2), Target::argmax()).unwrap();
    let attribution = Lrp::new(&rest, composite).attribute(activations.clone(), Target::argmax()).unwrap();
    assert_eq!(attribution.classes(), whole.classes());
    assert_close(&relevance(&attribution), &values(middle.relevance_at::<4>("pool").unwrap()), 1e-6);
    // Copies of the batch in one run, and a baseline of the layer.
    let baseline = model.up_to("pool").output(images(2) * 0.0, 0).unwrap();
    for largest in [1, 8] {
        let method = IntegratedGradients::new(&rest).with_steps(100).with_baseline(baseline.clone());
        let method = method.with_largest_batch(largest);
        let attribution = method.attribute(activations.clone(), Target::class(1)).unwrap();
        let delta = attribution.convergence_delta().unwrap();
        assert!(delta.iter().all(|delta| delta.abs() < 0.05), "{delta:?}");
    }
    Occlusion::new(&rest).with_window(2).attribute(activations, 0).unwrap();
}

/// `tanh(a)` with `a` from token ids, plus `a` itself.
fn around() -> Model<Flex> {
    let mut graph = GraphBuilder::new();
    let table = Embedding::new(numbers::<Flex, 2>([9, 4], 1, &Default::default()).into(), 0).unwrap();
    let rows = graph.lookup("rows", table, &[1, 5]).unwrap();
    let bent = graph.push("bent", Activation::Tanh, &[rows]).unwrap();
    let sum = graph.push("sum", Add, &[bent, rows]).unwrap();
    let flat = graph.push("flat", Reshape::flatten(), &[sum]).unwrap();
    graph.finish(flat).unwrap().into()
}

#[test]
fn inputs_that_go_around_the_node_are_fixed() {
    let ids = Tensor::<Flex, 2, burn::tensor::Int>::from_ints([[1, 2, 3, 4, 5]], &Default::default());
    let model = around();
    let (rest, given) = model.after("bent", ids.clone(), 0).unwrap();
    assert!(matches!(given.iter().collect::<Vec<_>>()[..], [Input::Float(_), Input::Fixed(_)]));
    let output = model.output(ids.clone(), 0).unwrap();
    assert_eq!(read(&rest.output(given.clone(), 0).unwrap()).unwrap(), read(&output).unwrap());
    let attribution = Saliency::new(&rest).attribute(given, Target::index([7])).unwrap();
    let mut one = vec![0.0; 20];
    one[7] = 1.0;
    assert_eq!(relevance(&attribution), one);
    let bent = model.up_to("bent").output(ids, 0).unwrap();
    assert_eq!(bent.dims(), [1, 5, 4]);
}

#[test]
fn parts_that_do_not_exist_are_errors() {
    let error = |node: &str| model().after(node, images(1), 0).unwrap_err().to_string();
    assert!(error("seccond").contains("nearest names are `second`"));
    assert!(matches!(model().after("head", images(1), 0), Err(ExplainError::Graph(_))));
    let error =
        Saliency::new(&model().up_to("seccond")).attribute(images(1), Target::index([0])).unwrap_err();
    assert!(error.to_string().contains("nearest names are `second`"));
    let (rest, _) = model().after("pool", images(2), 0).unwrap();
    let odd = Tensor::<Flex, 4>::ones([3, 4, 4, 4], &Default::default());
    let error = Saliency::new(&rest).attribute(odd, 0).unwrap_err().to_string();
    assert!(error.contains("made with a batch of 2, but has 3 samples"), "{error}");
}
