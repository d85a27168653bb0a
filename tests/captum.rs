//! Explanations against those of Captum; see reference_methods.

use burn_xai::attributor::{
    Attribution, Attributor, InputXGradient, IntegratedGradients, Lrp, Occlusion, Quadrature, Saliency,
    SmoothGrad,
};
use burn_xai::backend::flex::Flex;
use burn_xai::composite::{deconv_net, gradient, guided_backprop};
use burn_xai::model::Seed;

use crate::reference_methods::{ALL, IMAGES, Value, numbers, on};

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

/// Captum's noise is added as it is. This library's is scaled to each sample's range, and the unchanged input is
/// averaged along.
#[test]
fn smooth_grad_with_given_noise() {
    on(&ALL, |net| {
        let (x, noise) = (net.input(), net.entry("noise"));
        let (dims, copies) = (x.dims(), noise.shape()[0]);
        let values = numbers(&x);
        let width = values.len() / dims[0];
        let ends = |sample: &[f64]| {
            sample.iter().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(*x), high.max(*x)))
        };
        let ranges: Vec<f64> = values.chunks(width).map(ends).map(|(low, high)| high - low).collect();
        let scaled = |(index, x): (usize, f64)| x / ranges[index % values.len() / width];
        let all: Vec<f64> = noise.numbers().into_iter().enumerate().map(scaled).collect();
        let noise: Vec<Value> = all.chunks(values.len()).map(|copy| net.value(copy, &dims)).collect();
        assert_eq!(noise.len(), copies);

        let method = SmoothGrad::new(&net.model).with_noise_level(1.0);
        let found = method.attribute_with_noise(x, net.target(), &noise).unwrap();
        let each = net.entry("smoothgrad").numbers().into_iter().zip(net.entry("saliency").numbers());
        let want = each.map(|(noisy, clean)| (copies as f64 * noisy + clean) / (copies + 1) as f64);
        let got = numbers(found.relevances()[0].as_ref().unwrap());
        net.compare_numbers("smoothgrad", &want.collect::<Vec<_>>(), &got);
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
