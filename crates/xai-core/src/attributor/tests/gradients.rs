use burn_autodiff::Autodiff;

use super::*;
use crate::attributor::{Attributor, InputXGradient, Lrp, Saliency};
use crate::composite::epsilon_plus_flat;
use crate::model::{Seed, Target};

/// Saliency of the sum of the samples' scores for `classes`, by Burn's autodiff.
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
    let attribution = Saliency::new(&model()).attribute(images(3), Target::classes([2, 0, 1])).unwrap();
    assert_close(&relevance(&attribution), &by_autodiff(&[2, 0, 1]), 1e-6);
    assert_eq!(attribution.classes(), Some([2, 0, 1].as_slice()));
}

#[test]
fn input_times_gradient_is_that() {
    let attribution = InputXGradient::new(&model()).attribute(images(2), 1).unwrap();
    let product: Vec<_> = by_autodiff(&[1, 1]).iter().zip(values(images(2))).map(|(g, x)| g * x).collect();
    assert_close(&relevance(&attribution), &product, 1e-6);
}

#[test]
fn a_targets_seed_is_ignored() {
    let method = Saliency::new(&model());
    let one = method.attribute(images(2), Target::class(1).with_seed(Seed::One)).unwrap();
    let output = method.attribute(images(2), Target::class(1)).unwrap();
    assert_eq!(relevance(&one), relevance(&output));
    // What is explained is the score all the same.
    let logits = values(output.output::<2>().unwrap());
    assert_close(&output.scores().unwrap(), &[logits[1], logits[4]], 1e-6);
}

#[test]
fn methods_are_looped_over_by_name() {
    let methods: [Box<dyn Attributor<Flex>>; 3] = [
        Box::new(Lrp::new(&model(), epsilon_plus_flat())),
        Box::new(Saliency::new(&model())),
        Box::new(InputXGradient::new(&model())),
    ];
    let names: Vec<_> = methods.iter().map(|method| method.name().to_owned()).collect();
    assert_eq!(names, ["epsilon-plus-flat", "saliency", "input x gradient"]);
    for method in methods {
        let attribution = method.attribute(images(2), Target::argmax()).unwrap();
        assert_eq!(attribution.relevance::<4>().unwrap().dims(), [2, 2, 10, 10]);
    }
}
