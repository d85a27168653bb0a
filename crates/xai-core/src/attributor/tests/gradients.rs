use burn_autodiff::Autodiff;

use super::*;
use crate::attributor::{Attributor, Gradient, InputXGradient};
use crate::composite::epsilon_plus_flat;
use crate::explain::{Seed, Target};

/// Gradient of the sum of the samples' scores for `classes`, by Burn's autodiff.
fn by_autodiff(classes: &[i64]) -> Vec<f64> {
    let device = Default::default();
    let net = Net::<Autodiff<Flex>>::new(&device);
    let x = Tensor::<Autodiff<Flex>, 4>::from_inner(images(classes.len())).require_grad();
    let classes = Tensor::<Autodiff<Flex>, 1, burn::tensor::Int>::from_ints(classes, &device);
    let gradients = net.forward(x.clone()).gather(1, classes.unsqueeze_dim(1)).sum().backward();
    values(x.grad(&gradients).unwrap())
}

#[test]
fn gradients_are_those_of_autodiff() {
    let attribution =
        Gradient::new(explainer()).attribute(images(3).into(), Target::classes([2, 0, 1])).unwrap();
    assert_close(&relevance(&attribution), &by_autodiff(&[2, 0, 1]), 1e-6);
    assert_eq!(attribution.classes(), Some([2, 0, 1].as_slice()));
}

#[test]
fn input_times_gradient_is_that() {
    let attribution = InputXGradient::new(explainer()).attribute(images(2).into(), 1.into()).unwrap();
    let product: Vec<_> = by_autodiff(&[1, 1]).iter().zip(values(images(2))).map(|(g, x)| g * x).collect();
    assert_close(&relevance(&attribution), &product, 1e-6);
}

#[test]
fn a_targets_seed_has_no_say() {
    let method = Gradient::new(explainer());
    let one = method.attribute(images(2).into(), Target::class(1).seeded(Seed::One)).unwrap();
    let output = method.attribute(images(2).into(), Target::class(1)).unwrap();
    assert_eq!(relevance(&one), relevance(&output));
    // What is explained is the score all the same.
    let logits = values(output.output::<2>().unwrap());
    assert_close(&output.explained().unwrap(), &[logits[1], logits[4]], 1e-6);
}

#[test]
fn gradients_at_nodes_and_the_ledger_come_along() {
    let (explainer, weight) = linear();
    let graph = explainer.prepare(&[features().into()]).unwrap().graph().clone();
    let explainer = Explainer::new(graph, gradient()).keep_relevance_at("linear").with_ledger();
    let attribution = Gradient::new(explainer).attribute(features().into(), 1.into()).unwrap();
    assert_eq!(values(attribution.relevance_at::<2>("linear").unwrap()), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(attribution.ledger().unwrap().rows().len(), 1);
    let column = weight.map(|row| f64::from(row[1]));
    assert_eq!(relevance(&attribution), [column, column].concat());
}

#[test]
fn methods_are_looped_over_by_name() {
    let graph = explainer().prepare(&[images(1).into()]).unwrap().graph().clone();
    let methods: [Box<dyn Attributor<Flex>>; 3] = [
        Box::new(Explainer::new(graph, epsilon_plus_flat())),
        Box::new(Gradient::new(explainer())),
        Box::new(InputXGradient::new(explainer())),
    ];
    let names: Vec<_> = methods.iter().map(|method| method.name().to_owned()).collect();
    assert_eq!(names, ["epsilon-plus-flat", "gradient", "input x gradient"]);
    for method in methods {
        let attribution = method.attribute(images(2).into(), Target::argmax()).unwrap();
        assert_eq!(attribution.relevance::<4>().unwrap().dims(), [2, 2, 10, 10]);
    }
}
