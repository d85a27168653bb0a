//! Explanations against those of Captum; see reference_methods.

use burn::tensor::{Int, Tensor};
use burn_xai::attributor::{
    Attribution, Attributor, Cam, DeepLift, DeepShap, FeatureAblation, GradientShap, InputXGradient,
    IntegratedGradients, KernelShap, Lrp, Occlusion, Quadrature, Regions, Saliency, SmoothGrad,
};
use burn_xai::backend::flex::{self, Flex};
use burn_xai::composite::{deconv_net, gradient, guided_backprop};
use burn_xai::model::{Inputs, Model, Seed, Target};

use crate::reference_methods::{ALL, IMAGES, Network, Value, numbers, on};

#[test]
fn the_networks_are_those_of_the_references() {
    on(&ALL, |net| {
        let entries = if net.name == "mlp" { 21 } else { 34 + usize::from(net.name == "cnn") };
        assert_eq!(net.given("values").keys().len(), entries);
        for (key, x) in [("output", net.input()), ("output_at_baseline", net.baseline())] {
            net.compare(key, net.given(key), &net.model.output(x, 0).unwrap());
        }
    });
}

#[test]
fn saliency() {
    on(&ALL, |net| net.explains("saliency", &Saliency::new(&net.model)));
}

#[test]
fn input_x_gradient() {
    on(&ALL, |net| net.explains("input_x_gradient", &InputXGradient::new(&net.model)));
}

#[test]
fn integrated_gradients() {
    on(&ALL, |net| {
        for (key, quadrature) in [
            ("integrated_gradients_gauss_legendre", Quadrature::GaussLegendre),
            ("integrated_gradients_right", Quadrature::Right),
        ] {
            let steps = net.entry(key).get("steps").number() as usize;
            let method = IntegratedGradients::new(&net.model).with_baseline(net.baseline());
            net.explains(key, &method.with_quadrature(quadrature).with_steps(steps));
        }
    });
}

#[test]
fn deconvolution() {
    on(&IMAGES, |net| net.explains_from_one("deconvolution", &Lrp::new(&net.model, deconv_net())));
}

#[test]
fn guided_backpropagation() {
    on(&IMAGES, |net| net.explains_from_one("guided_backprop", &Lrp::new(&net.model, guided_backprop())));
}

#[test]
fn occlusion() {
    on(&["cnn"], |net| {
        let of = |key| net.entry("occlusion").get(key);
        let method = Occlusion::new(&net.model).with_window(of("window").integers());
        let method = method.with_stride(of("strides").integers()).with_baseline(of("baseline").number());
        net.explains("occlusion", &method);
    });
}

fn kept<const D: usize>(found: &Attribution<Flex>, layer: &str) -> [Value; 2] {
    [found.activation_at::<D>(layer), found.relevance_at::<D>(layer)].map(|kept| kept.unwrap().into())
}

#[test]
fn layer_activation_and_gradient() {
    on(&ALL, |net| {
        let layer = net.entry("layer_activation").get("layer").text();
        let method = Lrp::new(&net.model, gradient()).with_activations_at(layer).with_relevance_at(layer);
        let found = method.attribute(net.input(), net.target().with_seed(Seed::One)).unwrap();
        let [activation, gradient] =
            if net.name == "mlp" { kept::<2>(&found, layer) } else { kept::<4>(&found, layer) };
        net.compare("layer_activation", net.entry("layer_activation"), &activation);
        let product = "layer_gradient_x_activation";
        net.compare(product, net.entry(product), &(activation * &gradient));
    });
}

/// Captum's noise is added as it is; this library's is scaled to each sample's range.
fn scaled_noise(net: &Network) -> Vec<Value> {
    let (values, dims) = (numbers(&net.input()), net.input().dims());
    let width = values.len() / dims[0];
    let ends = |sample: &[f64]| {
        sample.iter().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(*x), high.max(*x)))
    };
    let ranges: Vec<f64> = values.chunks(width).map(ends).map(|(low, high)| high - low).collect();
    let scaled = |(index, x): (usize, f64)| x / ranges[index % values.len() / width];
    let all: Vec<f64> = net.entry("noise").numbers().into_iter().enumerate().map(scaled).collect();
    all.chunks(values.len()).map(|copy| net.value(copy, &dims)).collect()
}

#[test]
fn smooth_grad_and_its_forms() {
    on(&ALL, |net| {
        let method = SmoothGrad::new(&net.model).with_noise_level(1.0).without_unchanged_input();
        for (key, method) in [
            ("smoothgrad", method.clone()),
            ("smoothgrad_sq", method.clone().with_squares()),
            ("vargrad", method.with_variance()),
        ] {
            let found = method.attribute_with_noise(net.input(), net.target(), &scaled_noise(net)).unwrap();
            net.compare(key, net.entry(key), found.relevances()[0].as_ref().unwrap());
        }
    });
}

#[test]
fn deep_lift() {
    on(&ALL, |net| net.explains("deep_lift", &DeepLift::new(&net.model).with_baseline(net.baseline())));
}

#[test]
fn deep_shap() {
    on(&ALL, |net| {
        net.explains("deep_lift_shap", &DeepShap::new(&net.model, net.given("background").value()));
    });
}

#[test]
fn gradient_shap() {
    on(&ALL, |net| {
        let entry = net.entry("gradient_shap");
        let (ways, picks) = (entry.get("alphas").numbers(), entry.get("picks").integers());
        let count = ways.len() / net.input().dims()[0];
        let draws: Vec<Vec<_>> = (0..count)
            .map(|draw| (draw..ways.len()).step_by(count).map(|place| (picks[place], ways[place])).collect())
            .collect();
        let method = GradientShap::new(&net.model, net.given("background").value()).with_largest_batch(7);
        let found = method.attribute_with_draws(net.input(), net.target(), &draws).unwrap();
        net.compare("gradient_shap", entry, found.relevances()[0].as_ref().unwrap());
    });
}

/// The regions of the references, for inputs of the network's rank.
fn regions(net: &Network) -> (Regions<Flex>, Vec<usize>) {
    let (labels, dims) = (net.given("mask").integers(), net.given("mask").shape());
    let list: Vec<i32> = labels.iter().map(|label| *label as i32).collect();
    let tensor = Tensor::<Flex, 1, Int>::from_ints(list.as_slice(), &flex::device());
    let regions = match dims[..] {
        [a, b] => Regions::mask(tensor.reshape([a, b])),
        [a, b, c, d] => Regions::mask(tensor.reshape([a, b, c, d])),
        _ => panic!("a mask of {dims:?}"),
    };
    (regions, labels)
}

#[test]
fn feature_ablation() {
    on(&ALL, |net| {
        let method = FeatureAblation::new(&net.model).with_baseline(net.baseline());
        net.explains("feature_ablation", &method.with_regions(regions(net).0));
    });
}

/// With all coalitions, Shapley values are exact. The reference has them whole at every element of a region.
#[test]
fn kernel_shap() {
    on(&ALL, |net| {
        let (regions, labels) = regions(net);
        let method = KernelShap::new(&net.model).with_baseline(net.baseline()).with_regions(regions);
        let found = method.attribute(net.input(), net.target()).unwrap();
        let whole: Vec<f64> = found
            .relevance_of_regions()
            .unwrap()
            .iter()
            .flat_map(|sample| labels.iter().map(|label| sample[0][*label]))
            .collect();
        net.compare_numbers("shapley_values", &net.entry("shapley_values").numbers(), &whole);
    });
}

/// The rest of the network after the layer of an entry, its activations, and those of the baseline.
fn after(net: &Network, key: &str) -> (Model<Flex>, Inputs<Flex>, Value) {
    let layer = net.entry(key).get("layer").text();
    let (rest, activations) = net.model.after(layer, net.input(), 0).unwrap();
    (rest, activations, net.model.up_to(layer).output(net.baseline(), 0).unwrap())
}

#[test]
fn layers() {
    on(&ALL, |net| {
        let key = "layer_integrated_gradients";
        let (rest, activations, baseline) = after(net, key);
        let method = IntegratedGradients::new(&rest).with_quadrature(Quadrature::GaussLegendre);
        let found =
            method.with_steps(50).with_baseline(baseline).attribute(activations, net.target()).unwrap();
        net.compare(key, net.entry(key), found.relevances()[0].as_ref().unwrap());
    });
    on(&IMAGES, |net| {
        let key = "layer_deep_lift";
        let (rest, activations, baseline) = after(net, key);
        let found =
            DeepLift::new(&rest).with_baseline(baseline).attribute(activations, net.target()).unwrap();
        net.compare(key, net.entry(key), found.relevances()[0].as_ref().unwrap());
    });
}

#[test]
fn neurons() {
    on(&ALL, |net| {
        for key in ["neuron_gradient", "neuron_integrated_gradients"] {
            let entry = net.entry(key);
            let part = net.model.up_to(entry.get("layer").text());
            let target = Target::index(entry.get("neuron").integers());
            let integrated = IntegratedGradients::new(&part).with_quadrature(Quadrature::GaussLegendre);
            let integrated = integrated.with_steps(50).with_baseline(net.baseline());
            let found = match key {
                "neuron_gradient" => Saliency::new(&part).attribute(net.input(), target),
                _ => integrated.attribute(net.input(), target),
            };
            net.compare(key, entry, found.unwrap().relevances()[0].as_ref().unwrap());
        }
    });
}

#[test]
fn class_activation_maps() {
    on(&IMAGES, |net| {
        for (key, method) in [
            ("grad_cam", Cam::grad_cam(&net.model)),
            ("grad_cam_plus_plus_exact", Cam::grad_cam_plus_plus(&net.model)),
            ("layer_cam_raw", Cam::layer_cam(&net.model)),
            ("hi_res_cam_raw", Cam::hi_res_cam(&net.model)),
        ] {
            let layer = net.entry(key).get("layer").text();
            let found = method.with_node(layer).attribute(net.input(), net.target()).unwrap();
            // What is raw had no ReLU at the end.
            let is_signed = key == "hi_res_cam_raw";
            let want = net.entry(key).numbers().into_iter().map(|x| if is_signed { x } else { x.max(0.0) });
            let map = found.relevance_at::<4>(layer).unwrap().into();
            net.compare_numbers(key, &want.collect::<Vec<_>>(), &numbers(&map));
        }
        let layer = net.entry("grad_cam_upsampled").get("layer").text();
        let found = Cam::grad_cam(&net.model).with_node(layer).attribute(net.input(), net.target()).unwrap();
        let map = Value::from(found.relevance::<4>().unwrap()).sum_dim(1);
        net.compare("grad_cam_upsampled", net.entry("grad_cam_upsampled"), &map);
        net.explains("guided_grad_cam", &Cam::guided_grad_cam(&net.model).with_node(layer));
    });
}

#[test]
#[should_panic(expected = "saliency off by")]
fn another_explanation_is_refused() {
    on(&["mlp"], |net| net.explains("saliency", &InputXGradient::new(&net.model)));
}

#[test]
#[should_panic(expected = "nothing was compared")]
fn a_test_that_compares_nothing_is_refused() {
    on(&ALL, |_| ());
}
