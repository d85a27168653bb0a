use super::*;
use crate::attributor::{
    Attributor, Baseline, Gradient, IntegratedGradients, Occlusion, Quadrature, SmoothGrad,
};
use crate::composite::epsilon_plus_flat;
use crate::explain::Target;

fn error(method: impl Attributor<Flex>) -> String {
    method.attribute(features().into(), Target::argmax()).unwrap_err().to_string()
}

#[test]
fn smooth_grad_checks_its_parameters() {
    let method = || SmoothGrad::new(linear().0);
    assert!(error(method().samples(0)).contains("`samples` is 0, but must be 1 or more"));
    assert!(error(method().noise_level(-0.1)).contains("`noise_level` is -0.1"));
    assert!(error(method().noise_level(f64::NAN)).contains("`noise_level` is NaN"));
    let noise = Tensor::<Flex, 2>::zeros([2, 3], &Default::default()).into();
    let refused = method().attribute_with_noise(features().into(), 0.into(), &[noise]).unwrap_err();
    assert!(refused.to_string().contains("the noise is F32 [2, 3] on Cpu"), "{refused}");
}

#[test]
fn integrated_gradients_checks_its_parameters() {
    let method = || IntegratedGradients::new(linear().0);
    assert!(error(method().steps(0)).contains("`steps` is 0"));
    let trapezoid = method().steps(1).quadrature(Quadrature::Trapezoid);
    assert!(error(trapezoid).contains("`steps` is 1, but must be 2 or more"));
    assert!(error(method().baseline(f64::NAN)).contains("holds NaN"));
    let wide = Tensor::<Flex, 2>::zeros([1, 3], &Default::default());
    assert!(error(method().baseline(wide)).contains("the baseline is F32 [1, 3] on Cpu"));
    let infinite = Tensor::<Flex, 2>::full([1, 4], f32::INFINITY, &Default::default());
    assert!(error(method().baseline(infinite)).contains("holds inf"));
    assert!(error(method().baseline(Baseline::Values(Vec::new()))).contains("0 baselines were given for 1"));
    let graph = linear().0.prepare(&[features().into()]).unwrap().graph().clone();
    let refused = error(IntegratedGradients::new(Explainer::new(graph, epsilon_plus_flat())));
    assert!(refused.contains("`epsilon-plus-flat` serves node `linear` by the rule `flat`"), "{refused}");
}

#[test]
fn occlusion_checks_its_parameters() {
    let explainer = || linear().0;
    assert!(error(Occlusion::new(explainer(), 0)).contains("`window` is 0 along dimension 1"));
    assert!(error(Occlusion::new(explainer(), 5)).contains("must be from 1 to 4"));
    assert!(error(Occlusion::new(explainer(), 2).stride(3)).contains("`stride` is 3"));
    assert!(error(Occlusion::new(explainer(), 2).stride(0)).contains("`stride` is 0"));
    assert!(error(Occlusion::new(explainer(), [1, 2])).contains("`window` has 2 sizes"));
    assert!(error(Occlusion::new(explainer(), 2).baseline(f64::NAN)).contains("holds NaN"));
    assert!(error(Occlusion::new(explainer(), 2).largest_batch(0)).contains("`largest_batch` is 0"));
    let refused = Occlusion::new(explainer(), 2).attribute_values(&[], 0.into()).unwrap_err();
    assert!(refused.to_string().contains("one input, but 0 were given"), "{refused}");
}

#[test]
fn inputs_and_targets_are_checked_as_by_the_explainer() {
    let nan = Tensor::<Flex, 2>::full([1, 4], f32::NAN, &Default::default());
    let methods: [Box<dyn Attributor<Flex>>; 4] = [
        Box::new(Gradient::new(linear().0)),
        Box::new(SmoothGrad::new(linear().0)),
        Box::new(IntegratedGradients::new(linear().0)),
        Box::new(Occlusion::new(linear().0, 2)),
    ];
    for method in methods {
        let refused = method.attribute(nan.clone().into(), 0.into()).unwrap_err().to_string();
        assert!(refused.contains("relevance needs finite inputs"), "{}: {refused}", method.name());
        let refused = method.attribute(features().into(), 2.into()).unwrap_err().to_string();
        assert!(refused.contains("class 2 (sample 0) does not exist"), "{}: {refused}", method.name());
    }
}
