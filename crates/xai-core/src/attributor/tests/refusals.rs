use super::*;
use crate::attributor::{Attributor, IntegratedGradients, Occlusion, Quadrature, Saliency, SmoothGrad};
use crate::model::Target;

fn error(method: impl Attributor<Flex>) -> String {
    method.attribute(features(), Target::argmax()).unwrap_err().to_string()
}

#[test]
fn smooth_grad_checks_its_parameters() {
    let method = || SmoothGrad::new(&linear().0);
    assert!(error(method().with_samples(0)).contains("`samples` is 0, but must be 1 or more"));
    assert!(error(method().with_largest_batch(0)).contains("`largest_batch` is 0, but must be 1 or more"));
    assert!(error(method().with_noise_level(-0.1)).contains("`noise_level` is -0.1"));
    assert!(error(method().with_noise_level(f64::NAN)).contains("`noise_level` is NaN"));
    let noise = Tensor::<Flex, 2>::zeros([2, 3], &Default::default()).into();
    let refused = method().attribute_with_noise(features(), 0, &[noise]).unwrap_err();
    assert!(refused.to_string().contains("the noise is F32 [2, 3] on Cpu"), "{refused}");
}

#[test]
fn integrated_gradients_checks_its_parameters() {
    let method = || IntegratedGradients::new(&linear().0);
    assert!(error(method().with_steps(0)).contains("`steps` is 0"));
    assert!(error(method().with_largest_batch(0)).contains("`largest_batch` is 0, but must be 1 or more"));
    let trapezoid = method().with_steps(1).with_quadrature(Quadrature::Trapezoid);
    assert!(error(trapezoid).contains("`steps` is 1, but must be 2 or more"));
    assert!(error(method().with_baseline(f64::NAN)).contains("holds NaN"));
    let wide = Tensor::<Flex, 2>::zeros([1, 3], &Default::default());
    assert!(error(method().with_baseline(wide)).contains("the baseline is F32 [1, 3] on Cpu"));
    let infinite = Tensor::<Flex, 2>::full([1, 4], f32::INFINITY, &Default::default());
    assert!(error(method().with_baseline(infinite)).contains("holds inf"));
    assert!(error(method().with_baselines([0.0, 1.0])).contains("`baselines` has 2 entries, but 1 input(s)"));
}

#[test]
fn occlusion_checks_its_parameters() {
    let method = |window: usize| Occlusion::new(&linear().0).with_window(window);
    assert!(error(method(0)).contains("`window` is 0 along dimension 1"));
    assert!(error(method(5)).contains("must be from 1 to 4"));
    assert!(error(method(2).with_stride(3)).contains("`stride` is 3"));
    assert!(error(method(2).with_stride(0)).contains("`stride` is 0"));
    assert!(error(method(2).with_window([1, 2])).contains("`window` has 2 sizes"));
    assert!(error(method(2).with_baseline(f64::NAN)).contains("holds NaN"));
    assert!(error(method(2).with_largest_batch(0)).contains("`largest_batch` is 0"));
    assert!(error(method(2).with_windows([1, 2])).contains("`windows` has 2 entries"));
    let refused = method(2).attribute(Vec::<Value<Flex>>::new(), 0).unwrap_err();
    assert!(refused.to_string().contains("1 input(s), but got 0"), "{refused}");
}

#[test]
fn inputs_and_targets_are_checked_by_all() {
    let nan = Tensor::<Flex, 2>::full([1, 4], f32::NAN, &Default::default());
    let methods: [Box<dyn Attributor<Flex>>; 4] = [
        Box::new(Saliency::new(&linear().0)),
        Box::new(SmoothGrad::new(&linear().0)),
        Box::new(IntegratedGradients::new(&linear().0)),
        Box::new(Occlusion::new(&linear().0).with_window(2)),
    ];
    for method in methods {
        let refused = method.attribute(nan.clone(), 0).unwrap_err().to_string();
        assert!(refused.contains("relevance needs finite inputs"), "{}: {refused}", method.name());
        let refused = method.attribute(features(), 2).unwrap_err().to_string();
        assert!(refused.contains("class 2 (sample 0) does not exist"), "{}: {refused}", method.name());
    }
}
